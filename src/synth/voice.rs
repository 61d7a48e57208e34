//! One sounding note: wave, filter, gain and pan, and what moves them.
//!
//! Control points lie at the ends of the spans that `Synth` renders, at most 64 frames apart (16
//! while a fast LFO sounds), and at every event. Between them pitch, filter and gain move in
//! straight lines; EG1's segments end where they should, in the middle of a span if need be.
//! After a controller has moved, the gain goes to its new value in a straight line of
//! [`SMOOTHING`] frames; pitch follows at once.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "steps, gains and levels are clamped before they are cut down"
)]

use super::bank::SlotIndex;
use super::bus::Bus;
use super::envelope::{self, BOTTOM, Envelope, Kind, Level, Piece, Times};
use super::filter::{Coefficients, Filter, Resonance, Tuning};
use super::level::{self, Pair};
use super::lfo::Lfo;
use super::modulation::{Depths, Inputs, Moving, Shapes, Sums, Values};
use super::oscillator::Oscillator;
use super::{BLOCK_FRAMES, Interpolation, ramp};
use crate::dls::{Articulation, Instrument, Region, Wave};
use crate::fixed::{self, Power};

/// Frames in which a gain follows its controllers.
pub(super) const SMOOTHING: usize = 64;

/// Where a note comes from, and what decides over its life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) group: u16,
    pub(super) part: u8,
    pub(super) key: u8,
    pub(super) velocity: u8,
    /// Counts note-ons: layers of one note have the same.
    pub(super) note: u32,
    pub(super) priority: u32,
    pub(super) patch: u32,
    pub(super) key_group: u16,
    /// Whether the soft pedal was down.
    pub(super) soft: bool,
    pub(super) instrument: SlotIndex,
    pub(super) wave: SlotIndex,
    /// Index of the region in the instrument.
    pub(super) region: usize,
}

/// What the channel and the master settings add to a voice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// Tuning in 16.16 cents.
    pub(super) tuning: i64,
    /// Level in 16.16 tenths of a decibel.
    pub(super) gain: i64,
}

/// What holds a note that its key no longer does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hold {
    pub(super) key: bool,
    pub(super) sustain: bool,
    pub(super) sostenuto: bool,
}

/// The output's rate and what follows from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) rate: u32,
    pub(super) tuning: Tuning,
    pub(super) interpolation: Interpolation,
}

#[derive(Clone, Debug)]
pub(super) struct Voice {
    pub(super) identity: Identity,
    pub(super) hold: Hold,
    pub(super) poly_pressure: u8,
    /// The key after scaling, 16.16 cents.
    pub(super) key_cents: i64,
    oscillator: Oscillator,
    /// Step at no detuning, Q32.
    base_step: u64,
    /// Sum of everything that stands still, 16.16 cents.
    pitch: i64,
    glide: Glide,
    eg1: Envelope,
    eg2: Envelope,
    mod_lfo: Lfo,
    vibrato: Lfo,
    moving: Moving,
    /// Which of the moving sources are used at all.
    uses: Uses,
    /// Whether anything moves by itself, EG1 apart.
    moves: bool,
    /// Frames since which LFOs and EG2 were not moved.
    idle: u64,
    to_pitch: Depths,
    to_gain: Depths,
    to_cutoff: Depths,
    /// What the sources read, if there are connections that have to be evaluated as they move;
    /// and what these add at the next control point.
    shaped: Option<Inputs>,
    shapes: Shapes,
    /// The step at the last control point.
    step: u64,
    filter: Option<Resonator>,
    /// Level and pan at the next frame, where they go, and in how many frames. Q30.
    fixed_gain: Pair,
    fixed_target: Pair,
    smoothing: usize,
    /// Effect sends as parts of the level, Q30.
    sends: Pair,
    /// The moving gain at the last control point: tenths of a decibel, EG1, and their amplitude.
    moving_gain: i64,
    last_level: Level,
    last_amplitude: u64,
    /// The bus gains that follow from all these.
    last_gains: Pair,
    stolen: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    mod_lfo: bool,
    vibrato: bool,
    eg2: bool,
}

/// Portamento: a pitch offset that runs out.
#[derive(Clone, Copy, Debug, Default)]
struct Glide {
    offset: i64,
    per_frame: i64,
}

#[derive(Clone, Copy, Debug)]
struct Resonator {
    filter: Filter,
    /// 16.16 pitch cents without the moving sources.
    cutoff: i64,
    resonance: Resonance,
    target: Coefficients,
    /// Whether the target is out of date though no source moves.
    stale: bool,
    /// Whether the target is to be reached at once.
    jumps: bool,
}

impl Voice {
    /// Starts a note. All arguments come from one region of one instrument.
    pub(super) fn new(
        identity: Identity,
        instrument: &Instrument,
        region: &Region,
        wave: &Wave,
        inputs: &Inputs,
        surroundings: &Surroundings,
        output: &Output,
    ) -> Self {
        let articulation = instrument.articulation(region);
        let sums = sums(instrument, articulation, region, inputs);
        let rate = output.rate;
        let eg1 = Envelope::new(Kind::Volume, Times::new(&articulation.eg1, &sums.eg1, rate));
        let eg2 = Envelope::new(
            Kind::Modulation,
            Times::new(&articulation.eg2, &sums.eg2, rate),
        );
        let [frequency, delay] = sums.mod_lfo;
        let mod_lfo = Lfo::new(&articulation.mod_lfo, frequency, delay, rate);
        let [frequency, delay] = sums.vibrato;
        let vibrato = Lfo::new(&articulation.vibrato, frequency, delay, rate);
        let base_step = (u64::from(wave.rate) << 32).checked_div(u64::from(rate));
        let mut voice = Self {
            identity,
            hold: Hold {
                key: true,
                ..Hold::default()
            },
            poly_pressure: inputs.poly_pressure,
            key_cents: inputs.key,
            oscillator: Oscillator::new(wave.padded(), region.wave_loop),
            base_step: base_step.unwrap_or(0),
            pitch: 0,
            glide: Glide::default(),
            eg1,
            eg2,
            mod_lfo,
            vibrato,
            moving: Moving::default(),
            uses: Uses::default(),
            moves: false,
            idle: 0,
            to_pitch: Depths::default(),
            to_gain: Depths::default(),
            to_cutoff: Depths::default(),
            shaped: None,
            shapes: Shapes::default(),
            step: 0,
            filter: articulation.filter.map(|filter| Resonator {
                filter: Filter::default(),
                cutoff: i64::from(filter.cutoff.0),
                resonance: Resonance::new(i64::from(filter.q.0)),
                target: Coefficients::default(),
                stale: true,
                jumps: false,
            }),
            fixed_gain: [0; 2],
            fixed_target: [0; 2],
            smoothing: 0,
            sends: [0; 2],
            moving_gain: 0,
            last_level: eg1.level(),
            last_amplitude: 0,
            last_gains: [0; 2],
            stolen: false,
        };
        voice.apply(&sums, articulation, region, surroundings);
        voice.fixed_gain = voice.fixed_target;
        voice.smoothing = 0;
        voice.moving = voice.moving_values();
        voice.shape(instrument, inputs, sums.shaped);
        voice.moving_gain = voice
            .to_gain
            .sum(&voice.moving)
            .saturating_add(voice.shapes.gain);
        voice.last_amplitude = level::amplitude(voice.last_level, voice.moving_gain);
        voice.last_gains = level::combine(
            voice.fixed_gain,
            voice.last_amplitude,
            voice.filter.is_some(),
        );
        voice.step = voice.step_now();
        if let Some(coefficients) = voice.coefficients(output)
            && let Some(resonator) = &mut voice.filter
        {
            resonator.filter = Filter::new(coefficients);
            resonator.target = coefficients;
            resonator.stale = false;
        }
        voice
    }

    /// A controller, a pressure or a master setting has moved.
    pub(super) fn update(
        &mut self,
        instrument: &Instrument,
        inputs: &Inputs,
        surroundings: &Surroundings,
    ) {
        let Some(region) = instrument.regions.get(self.identity.region) else {
            return;
        };
        let articulation = instrument.articulation(region);
        let sums = sums(instrument, articulation, region, inputs);
        self.catch_up();
        self.apply(&sums, articulation, region, surroundings);
        self.moving = self.moving_values();
        self.shape(instrument, inputs, sums.shaped);
        self.step = self.step_now();
    }

    /// Sets what the shaped connections read, and what they add now.
    fn shape(&mut self, instrument: &Instrument, inputs: &Inputs, is_shaped: bool) {
        self.shaped = is_shaped.then_some(*inputs);
        self.moves |= is_shaped;
        self.shapes = Shapes::default();
        self.reshape(Some(instrument), 0);
    }

    /// Whether [`reshape`](Self::reshape) has anything to do.
    pub(super) const fn is_shaped(&self) -> bool {
        self.shaped.is_some()
    }

    /// Evaluates the shaped connections as they will be after some frames, the end of the span
    /// that is rendered next.
    pub(super) fn reshape(&mut self, instrument: Option<&Instrument>, frames: usize) {
        let Some((inputs, instrument)) = self.shaped.as_ref().zip(instrument) else {
            return;
        };
        let Some(region) = instrument.regions.get(self.identity.region) else {
            return;
        };
        let connections = instrument.connections(instrument.articulation(region));
        let (mut mod_lfo, mut vibrato) = (self.mod_lfo, self.vibrato);
        let (mut eg1, mut eg2) = (self.eg1, self.eg2);
        mod_lfo.advance(frames);
        vibrato.advance(frames);
        eg1.skip(frames as u64);
        eg2.skip(frames as u64);
        let values = Values {
            mod_lfo: mod_lfo.value(),
            vibrato: vibrato.value(),
            eg1: part_of_peak(Level::Fall(fall(eg1.level()))),
            eg2: part_of_peak(eg2.level()),
        };
        self.shapes = Shapes::of(connections, inputs, &values);
        if let Some(resonator) = &mut self.filter {
            resonator.stale = true;
        }
    }

    fn apply(
        &mut self,
        sums: &Sums,
        articulation: &Articulation,
        region: &Region,
        surroundings: &Surroundings,
    ) {
        self.pitch = sums
            .pitch
            .saturating_add(i64::from(articulation.pitch.0))
            .saturating_add(i64::from(region.fine_tune) << 16)
            .saturating_add(surroundings.tuning);
        self.to_pitch = sums.to_pitch;
        self.to_gain = sums.to_gain;
        self.to_cutoff = sums.to_cutoff;
        let depths = [sums.to_pitch, sums.to_gain, sums.to_cutoff];
        let any = |of: fn(&Depths) -> i32| depths.iter().any(|depths| of(depths) != 0);
        self.uses = Uses {
            mod_lfo: any(|depths| depths.mod_lfo),
            vibrato: any(|depths| depths.vibrato),
            eg2: any(|depths| depths.eg2),
        };
        self.moves = depths.iter().any(Depths::any) || self.glide.offset != 0;
        let gain = sums
            .gain
            .saturating_add(i64::from(articulation.gain.0))
            .saturating_add(i64::from(region.gain.0))
            .saturating_add(surroundings.gain);
        let position = sums.pan.saturating_add(i64::from(articulation.pan.0));
        let target = level::scale(gain, level::pan(position));
        if target != self.fixed_target {
            self.fixed_target = target;
            self.smoothing = SMOOTHING;
        }
        let send = |base: i32, sum: i64| {
            let part = i64::from(base).saturating_add(sum).clamp(0, 1000 << 16);
            ((part << 14) / 1000) as u32
        };
        let sends = [
            send(articulation.reverb.0, sums.reverb),
            send(articulation.chorus.0, sums.chorus),
        ];
        self.sends = level::scale(gain, sends);
        if let (Some(resonator), Some(filter)) = (&mut self.filter, articulation.filter) {
            resonator.cutoff = i64::from(filter.cutoff.0).saturating_add(sums.cutoff);
            resonator.resonance = Resonance::new(i64::from(filter.q.0).saturating_add(sums.q));
            resonator.stale = true;
        }
    }

    /// Begins to glide from another key, in a time given in 16.16 time cents.
    pub(super) fn glide(&mut self, from: u8, time: i64, rate: u32) {
        let offset = (i64::from(from) - i64::from(self.identity.key)) * (100 << 16);
        let seconds = Power::of_two(fixed::octaves_of_cents(time)).scaled(32);
        let frames = (seconds.saturating_mul(u64::from(rate)) >> 32).max(1);
        let frames = i64::try_from(frames).unwrap_or(i64::MAX);
        self.glide = Glide {
            // Fractions of 1/65,536 cent would never add up over 8 s.
            offset: offset << 16,
            per_frame: (offset << 16).checked_div(frames).unwrap_or(0),
        };
        self.moves = true;
        self.step = self.step_now();
    }

    /// Whether it is over.
    pub(super) fn is_done(&self) -> bool {
        self.eg1.is_done() || self.oscillator.has_ended()
    }

    /// Whether it fades because its place is wanted.
    pub(super) const fn is_stolen(&self) -> bool {
        self.stolen
    }

    /// Whether its release has begun.
    pub(super) fn is_released(&self) -> bool {
        self.eg1.is_ending()
    }

    /// How far EG1 is below its peak, for choosing whom to steal from.
    pub(super) fn fall(&self) -> u64 {
        fall(self.eg1.level())
    }

    /// Whether an LFO wants control points every 16 frames.
    pub(super) fn is_fast(&self) -> bool {
        self.is_shaped()
            || (self.uses.mod_lfo && self.mod_lfo.is_fast())
            || (self.uses.vibrato && self.vibrato.is_fast())
    }

    /// The last hold on the note is gone.
    pub(super) fn release(&mut self) {
        if self.eg1.is_ending() {
            return;
        }
        self.catch_up();
        self.eg1.release(self.fall());
        self.eg2.release(match self.eg2.level() {
            Level::Rise(rise) => BOTTOM.saturating_sub(rise),
            Level::Fall(fall) => fall,
        });
        self.jump();
        if let Some(resonator) = &mut self.filter {
            resonator.jumps = self.to_cutoff.eg2 != 0;
        }
        self.oscillator.release();
    }

    /// Cut by another note: EG1 falls at its shutdown rate.
    pub(super) fn shut_down(&mut self) {
        if !self.stolen {
            self.stolen = true;
            self.eg1.shut_down(self.fall());
        }
    }

    /// Its place is wanted: it is gone within `frames`.
    pub(super) fn steal(&mut self, frames: u32) {
        if !self.stolen {
            self.stolen = true;
            self.eg1.fade(self.fall(), frames);
        }
    }

    /// Renders the wave into `block`, up to the next control point.
    pub(super) fn oscillate(&mut self, wave: &Wave, output: &Output, block: &mut [i32]) {
        // EG2 may bend in the middle. A pitch that cut the corner would leave a lasting offset in
        // the wave, so each of its straight pieces is a run.
        let mut rest = block;
        while !rest.is_empty() {
            let frames = self.move_on(rest.len());
            let (now, later) = rest.split_at_mut(frames.min(rest.len()));
            self.run(wave, output, now);
            rest = later;
        }
    }

    /// Renders frames over which the pitch moves in a straight line to where `move_on` put it.
    fn run(&mut self, wave: &Wave, output: &Output, block: &mut [i32]) {
        self.oscillator.cursor.step = self.step;
        self.oscillator.cursor.change = 0;
        let bends =
            self.moves && (self.to_pitch.any() || self.glide.offset != 0 || self.is_shaped());
        if bends {
            let from = self.step;
            self.step = self.step_now();
            let (step, change) = line(from, self.step, block.len());
            self.oscillator.cursor.step = step;
            self.oscillator.cursor.change = change;
        }
        self.oscillator
            .run(wave.padded(), output.interpolation, block);
        if bends {
            self.jump();
        }
    }

    /// Where EG2 goes on from elsewhere than its last piece ended, so does what hangs on it.
    fn jump(&mut self) {
        let eg2 = part_of_peak(self.eg2.level());
        if self.uses.eg2 && eg2 != self.moving.eg2 {
            self.moving.eg2 = eg2;
            self.step = self.step_now();
        }
    }

    /// The filter with the coefficients for the next control point, if there is a filter.
    pub(super) fn filter(&mut self, output: &Output) -> Option<(&mut Filter, Coefficients)> {
        let moves = self.to_cutoff.any();
        if self
            .filter
            .as_ref()
            .is_some_and(|resonator| moves || resonator.stale)
        {
            let target = self.coefficients(output)?;
            let resonator = self.filter.as_mut()?;
            if core::mem::take(&mut resonator.jumps) {
                // From where EG2 was thrown to; the line to the next control point starts there.
                resonator.filter.set(target);
            }
            resonator.target = target;
            resonator.stale = false;
        }
        let resonator = self.filter.as_mut()?;
        Some((&mut resonator.filter, resonator.target))
    }

    pub(super) const fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    /// Adds the block, which starts at frame `start` of the bus, to the mix, and to the effects'
    /// sends if there is a bus for them.
    pub(super) fn mix(
        &mut self,
        start: usize,
        block: &[i32],
        bus: &mut Bus,
        effects: Option<&mut Bus>,
    ) {
        let mut effects = effects.filter(|_| self.sends != [0; 2]);
        let gain_from = self.moving_gain;
        let gain_to = if self.moves {
            self.to_gain
                .sum(&self.moving)
                .saturating_add(self.shapes.gain)
        } else {
            0
        };
        let distance = gain_to.wrapping_sub(gain_from);
        let mut at = 0;
        while let Some(rest) = block.get(at..)
            && !rest.is_empty()
        {
            let most = if self.smoothing == 0 {
                rest.len()
            } else {
                rest.len().min(self.smoothing)
            };
            let piece = self.eg1.advance(most);
            let frames = piece.frames.clamp(1, rest.len());
            let run = rest.get(..frames).unwrap_or(rest);
            let next = at.saturating_add(frames);
            let gain = if next == block.len() || distance == 0 {
                gain_to
            } else {
                let inverse = ramp::inverse(block.len());
                let way = distance.wrapping_mul(inverse).wrapping_mul(next as i64) >> 24;
                gain_from.wrapping_add(way)
            };
            let place = start.saturating_add(at);
            self.mix_piece(place, run, piece, gain, bus, effects.as_deref_mut());
            at = next;
        }
    }

    /// Mixes a run over which all gains are straight lines; `gain` is what the moving sources
    /// make of the level at its end.
    fn mix_piece(
        &mut self,
        place: usize,
        run: &[i32],
        piece: Piece,
        gain: i64,
        bus: &mut Bus,
        effects: Option<&mut Bus>,
    ) {
        let filtered = self.filter.is_some();
        let mut from = self.last_amplitude;
        let mut gains = self.last_gains;
        if piece.from != self.last_level {
            // The envelope has bent here; or it was released.
            from = level::amplitude(piece.from, self.moving_gain);
            gains = level::combine(self.fixed_gain, from, filtered);
        }
        let steady = piece.to == piece.from && gain == self.moving_gain;
        let to = if steady {
            from
        } else {
            level::amplitude(piece.to, gain)
        };
        let fixed = if self.smoothing == 0 {
            self.fixed_gain
        } else {
            self.smooth(run.len())
        };
        let (ends, steps) = if steady && fixed == self.fixed_gain {
            (gains, [0; 2])
        } else {
            let ends = level::combine(fixed, to, filtered);
            (ends, steps_between(gains, ends, run.len()))
        };
        bus.add(place, run, gains, steps);
        if let Some(effects) = effects {
            let gains = level::combine(self.sends, from, filtered);
            let ends = level::combine(self.sends, to, filtered);
            effects.add(place, run, gains, steps_between(gains, ends, run.len()));
        }
        self.fixed_gain = fixed;
        self.moving_gain = gain;
        self.last_level = piece.to;
        self.last_amplitude = to;
        self.last_gains = ends;
    }

    /// Where level and pan are after some frames.
    fn smooth(&mut self, frames: usize) -> Pair {
        if self.smoothing <= frames {
            self.smoothing = 0;
            return self.fixed_target;
        }
        let inverse = ramp::inverse(self.smoothing).wrapping_mul(frames as i64);
        self.smoothing = self.smoothing.saturating_sub(frames);
        let (from, to) = (self.fixed_gain, self.fixed_target);
        [0, 1].map(|side| {
            let distance = i64::from(to[side]).wrapping_sub(i64::from(from[side]));
            let part = (i128::from(distance).wrapping_mul(i128::from(inverse)) >> 24) as i64;
            i64::from(from[side])
                .wrapping_add(part)
                .clamp(0, i64::from(u32::MAX)) as u32
        })
    }

    /// Moves LFOs, EG2 and the glide on by one straight piece of at most `most` frames, and says
    /// how many it has.
    fn move_on(&mut self, most: usize) -> usize {
        if !self.moves {
            self.idle = self.idle.saturating_add(most as u64);
            return most;
        }
        let mut frames = most;
        let mut eg2 = self.moving.eg2;
        if self.uses.eg2 {
            let piece = self.eg2.advance(most);
            frames = piece.frames.clamp(1, most.max(1));
            eg2 = part_of_peak(piece.to);
        } else {
            self.eg2.skip(most as u64);
        }
        self.mod_lfo.advance(frames);
        self.vibrato.advance(frames);
        self.moving = Moving {
            eg2,
            ..self.moving_values()
        };
        if self.glide.offset != 0 {
            let way = self.glide.per_frame.saturating_mul(frames as i64);
            let rest = self.glide.offset.saturating_sub(way);
            // It stops where it would change its sign.
            let over = (rest < 0) != (self.glide.offset < 0);
            self.glide.offset = if over { 0 } else { rest };
        }
        frames
    }

    /// While nothing hangs on them, LFOs and EG2 are not moved; here they get to where they
    /// should be by now.
    fn catch_up(&mut self) {
        let idle = core::mem::take(&mut self.idle);
        if idle > 0 {
            let frames = usize::try_from(idle).unwrap_or(usize::MAX);
            self.mod_lfo.advance(frames);
            self.vibrato.advance(frames);
            self.eg2.skip(idle);
        }
    }

    fn moving_values(&self) -> Moving {
        Moving {
            mod_lfo: if self.uses.mod_lfo {
                self.mod_lfo.value()
            } else {
                0
            },
            vibrato: if self.uses.vibrato {
                self.vibrato.value()
            } else {
                0
            },
            eg2: part_of_peak(self.eg2.level()),
        }
    }

    fn step_now(&self) -> u64 {
        let cents = self
            .pitch
            .saturating_add(self.to_pitch.sum(&self.moving))
            .saturating_add(self.shapes.pitch)
            .saturating_add(self.glide.offset >> 16);
        let ratio = Power::of_two(fixed::octaves_of_cents(cents)).scaled(32);
        let step = u128::from(ratio).wrapping_mul(u128::from(self.base_step)) >> 32;
        step.min(FASTEST) as u64
    }

    fn coefficients(&self, output: &Output) -> Option<Coefficients> {
        let resonator = self.filter.as_ref()?;
        let cutoff = resonator
            .cutoff
            .saturating_add(self.to_cutoff.sum(&self.moving))
            .saturating_add(self.shapes.cutoff);
        Some(output.tuning.coefficients(cutoff, resonator.resonance))
    }
}

/// What to add to a pair of gains each frame.
fn steps_between(from: Pair, to: Pair, frames: usize) -> [i32; 2] {
    let inverse = ramp::inverse(frames);
    let ([a, b], [c, d]) = (from, to);
    [
        ramp::step(a as i32, c as i32, inverse),
        ramp::step(b as i32, d as i32, inverse),
    ]
}

/// The connections' sums, with the pitch relative to the wave's own key.
fn sums(
    instrument: &Instrument,
    articulation: &Articulation,
    region: &Region,
    inputs: &Inputs,
) -> Sums {
    let connections = instrument.connections(articulation);
    let mut sums = Sums::of(connections, inputs);
    let key = i64::from(region.unity_key) * (100 << 16);
    let unity = Sums::pitch_of_key(connections, &Inputs { key, ..*inputs });
    sums.pitch = sums.pitch.saturating_sub(unity);
    sums
}

/// How far EG1 is below its peak.
fn fall(level: Level) -> u64 {
    match level {
        Level::Rise(rise) => level::fall_of_rise(rise.min(BOTTOM)),
        Level::Fall(fall) => fall,
    }
}

/// An envelope's level in Q30.
fn part_of_peak(level: Level) -> i32 {
    match level {
        Level::Rise(rise) => (rise.min(BOTTOM) >> 2) as i32,
        Level::Fall(fall) => (BOTTOM.saturating_sub(fall) >> 2) as i32,
    }
}

/// The first step and what it grows by every four frames, to get from one step to another in some
/// frames and on the way as far as a pitch would that moves evenly in cents: what a line is long
/// or short of that would stay in the wave.
fn line(from: u64, to: u64, frames: usize) -> (u64, i64) {
    let frames = (frames as i64).max(1);
    let (from, to) = (from as i64, to as i64);
    let distance = to.wrapping_sub(from);
    let change = distance.wrapping_mul(4) / frames;
    // An even movement in cents hangs below its chord, on average by this.
    let sum = from.saturating_add(to).max(1);
    let square = i128::from(distance).wrapping_mul(i128::from(distance));
    let sag = (square / (6 * i128::from(sum))) as i64;
    // What the frames' changes add up to: four frames share a step.
    let fours = frames / 4;
    let whole = (2 * fours).wrapping_mul(fours - 1);
    let changes = whole.wrapping_add((frames % 4).wrapping_mul(fours));
    let grown = change.wrapping_mul(changes) / frames;
    let mean = (sum / 2).wrapping_sub(sag);
    (mean.wrapping_sub(grown).max(0) as u64, change)
}

/// 4,096 frames of a wave in one output frame: no interval of music.
const FASTEST: u128 = 1 << 44;
const _: () = assert!(SMOOTHING <= BLOCK_FRAMES && envelope::BOTTOM == 1 << 32);
