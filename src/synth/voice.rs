//! One sounding note: wave, filter, gain and pan, and what moves them.
//!
//! Control points lie at the ends of the spans that `Synth` renders, and at every event; how far
//! they are apart at most is the fastest voice's [`Pace`]. Between them pitch, filter and gain move
//! in straight lines; after a controller has moved, pitch follows at once and the gain within
//! [`gain::SMOOTHING`] frames. This file is a voice's life; `render` is how it sounds.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "steps, gains and levels are clamped before they are cut down"
)]

mod gain;
mod motion;
mod pitch;
mod render;
mod resonator;

use super::Interpolation;
use super::bank::SlotIndex;
use super::envelope::{BOTTOM, Envelope, Kind, Level, Times};
use super::filter::Tuning;
use super::level::{self, Pair};
use super::lfo::Lfo;
use super::modulation::{Inputs, Shapes, Sums, Values};
use super::oscillator::Oscillator;
use super::pool::Cut;
use crate::dls::{Articulation, Instrument, Region, Wave};
use gain::Gain;
use motion::Motion;
use pitch::{Glide, Pitch};
use resonator::Resonator;

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

/// How often a voice wants control points; the last is the fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pace {
    /// Nothing moves, or slowly: LFOs turn less than once in 8,000 frames or are shallow, EG2 takes
    /// more than 8,192 frames from end to end.
    Slow,
    /// EG2 moves fast, or an LFO up to once in 5,000 frames, or the pitch glides.
    Medium,
    /// An LFO moves faster than that.
    Fast,
    /// EG2 sweeps the cutoff.
    Steep,
    /// EG2 sweeps the cutoff over octaves in a few milliseconds.
    Sheer,
}

impl Pace {
    /// The most frames from one control point to the next: a slow or medium LFO turns by less
    /// than 6 degrees in them.
    pub(super) const fn frames(self) -> usize {
        match self {
            Self::Slow => 128,
            Self::Medium => 64,
            Self::Fast => 16,
            Self::Steep => 8,
            Self::Sheer => 4,
        }
    }
}

/// A note.
#[derive(Clone, Debug)]
pub(super) struct Voice {
    pub(super) identity: Identity,
    pub(super) hold: Hold,
    pub(super) poly_pressure: u8,
    /// Whether something that it hangs on has moved since the last [`update`](Self::update).
    pub(super) is_stale: bool,
    /// The key after scaling, 16.16 cents.
    pub(super) key_cents: i64,
    oscillator: Oscillator,
    pitch: Pitch,
    motion: Motion,
    resonator: Option<Resonator>,
    gain: Gain,
    /// What the sources read, if there are connections that have to be evaluated as they move.
    shaped: Option<Inputs>,
    /// What evaluating them costs, in connections.
    weight: usize,
    /// How it was cut off, if it was.
    cut: Option<Cut>,
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
        let times = |envelope, add| Times::new(envelope, add, rate);
        let eg1 = Envelope::new(Kind::Volume, times(&articulation.eg1, &sums.eg1));
        let eg2 = Envelope::new(Kind::Modulation, times(&articulation.eg2, &sums.eg2));
        let [frequency, delay] = sums.mod_lfo;
        let mod_lfo = Lfo::new(&articulation.mod_lfo, frequency, delay, rate);
        let [frequency, delay] = sums.vibrato;
        let vibrato = Lfo::new(&articulation.vibrato, frequency, delay, rate);
        let mut voice = Self {
            identity,
            hold: Hold {
                key: true,
                ..Hold::default()
            },
            poly_pressure: inputs.poly_pressure,
            is_stale: false,
            key_cents: inputs.key,
            oscillator: Oscillator::new(wave.padded(), region.wave_loop),
            pitch: Pitch::new(wave.rate, rate),
            motion: Motion::new(eg2, mod_lfo, vibrato),
            resonator: articulation.filter.map(Resonator::new),
            gain: Gain::new(eg1, articulation.filter.is_some()),
            shaped: None,
            weight: 0,
            cut: None,
        };
        voice.apply(&sums, articulation, region, surroundings);
        voice.motion.look();
        voice.shape(instrument, inputs, sums.shaped);
        voice.pitch.settle(&voice.motion);
        voice.gain.settle(&voice.motion);
        if let Some(resonator) = &mut voice.resonator {
            resonator.settle(output.tuning, &voice.motion);
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
        self.motion.catch_up();
        self.apply(&sums, articulation, region, surroundings);
        self.motion.look();
        self.shape(instrument, inputs, sums.shaped);
        self.pitch.settle(&self.motion);
    }

    /// Sets what the shaped connections read, and what they add now.
    fn shape(&mut self, instrument: &Instrument, inputs: &Inputs, is_shaped: bool) {
        self.shaped = is_shaped.then_some(*inputs);
        self.motion.shapes = is_shaped.then(Shapes::default);
        let connections = self.reshape(Some(instrument), 0);
        self.weight = if is_shaped {
            connections.saturating_add(SHAPED)
        } else {
            0
        };
    }

    /// Whether [`reshape`](Self::reshape) has anything to do.
    pub(super) const fn is_shaped(&self) -> bool {
        self.shaped.is_some()
    }

    /// Evaluates the shaped connections as they will be after some frames, the end of the span
    /// that is rendered next. Says how many connections it has looked at.
    pub(super) fn reshape(&mut self, instrument: Option<&Instrument>, frames: usize) -> usize {
        let Some((inputs, instrument)) = self.shaped.as_ref().zip(instrument) else {
            return 0;
        };
        let Some(region) = instrument.regions.get(self.identity.region) else {
            return 0;
        };
        let connections = instrument.connections(instrument.articulation(region));
        let mut eg1 = self.gain.eg1;
        eg1.skip(frames as u64);
        let values = Values {
            eg1: motion::part_of_peak(Level::Fall(fall(eg1.level()))),
            ..self.motion.foresee(frames)
        };
        self.motion.shapes = Some(Shapes::of(connections, inputs, &values));
        if let Some(resonator) = &mut self.resonator {
            resonator.expire();
        }
        connections.len()
    }

    fn apply(
        &mut self,
        sums: &Sums,
        articulation: &Articulation,
        region: &Region,
        surroundings: &Surroundings,
    ) {
        self.motion
            .connect([&sums.to_pitch, &sums.to_gain, &sums.to_cutoff]);
        self.pitch.depths = sums.to_pitch;
        self.pitch.cents = sums
            .pitch
            .saturating_add(i64::from(articulation.pitch.0))
            .saturating_add(i64::from(region.fine_tune) << 16)
            .saturating_add(surroundings.tuning);
        self.gain.depths = sums.to_gain;
        let gain = sums
            .gain
            .saturating_add(i64::from(articulation.gain.0))
            .saturating_add(i64::from(region.gain.0))
            .saturating_add(surroundings.gain);
        let position = sums.pan.saturating_add(i64::from(articulation.pan.0));
        let sends: Pair = [
            send(articulation.reverb.0, sums.reverb),
            send(articulation.chorus.0, sums.chorus),
        ];
        self.gain.set(
            level::scale(gain, level::pan(position)),
            level::scale(gain, sends),
        );
        if let (Some(resonator), Some(filter)) = (&mut self.resonator, articulation.filter) {
            let cutoff = i64::from(filter.cutoff.0).saturating_add(sums.cutoff);
            let q = i64::from(filter.q.0).saturating_add(sums.q);
            resonator.set(cutoff, q, sums.to_cutoff);
        }
    }

    /// Begins to glide from another pitch, so many 16.16 cents away, in a time given in 16.16 time
    /// cents.
    pub(super) fn glide(&mut self, offset: i64, time: i64, rate: u32) {
        self.motion.start_glide(Glide::new(offset, time, rate));
        self.pitch.settle(&self.motion);
    }

    /// Whether it is over.
    pub(super) fn is_done(&self) -> bool {
        self.gain.eg1.is_done() || self.oscillator.has_ended()
    }

    /// Whether it fades because it is no longer wanted.
    pub(super) const fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Whether its release has begun.
    pub(super) fn is_released(&self) -> bool {
        self.gain.eg1.is_ending()
    }

    /// How far EG1 is below its peak, for choosing whom to steal from.
    pub(super) fn fall(&self) -> u64 {
        fall(self.gain.eg1.level())
    }

    /// How often it wants control points, apart from those for its curves.
    pub(super) fn pace(&self) -> Pace {
        let pace = |resonator: &Resonator| resonator.pace(self.motion.slope());
        let filter = self.resonator.as_ref().map_or(Pace::Slow, pace);
        self.motion.pace().max(filter)
    }

    /// What a control point costs that evaluates its curves: 0 where there are none.
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    /// Frames until its cutoff goes on at another speed: there it wants a control point, because
    /// filters move in straight lines, and a corner cut off by half a semitone is -50 dB. (Pitch
    /// and gain have pieces of their own.)
    pub(super) fn bend(&self) -> Option<usize> {
        let follows = self.resonator.as_ref().is_some_and(Resonator::follows_eg2);
        if follows { self.motion.bend() } else { None }
    }

    /// The last hold on the note is gone.
    pub(super) fn release(&mut self) {
        if self.is_released() {
            return;
        }
        self.gain.eg1.release(self.fall());
        self.motion.release();
        if self.motion.jumps() {
            self.pitch.settle(&self.motion);
        }
        if let Some(resonator) = &mut self.resonator {
            resonator.release();
        }
        self.oscillator.release();
    }

    /// It is no longer wanted: EG1 falls at its shutdown rate, or within so many frames. What is
    /// being shut down can still be wanted gone sooner. Nothing holds it any more: a note-off of
    /// its key is for the note that follows.
    pub(super) fn cut(&mut self, how: Cut) {
        self.hold = Hold::default();
        match (self.cut, how) {
            (None, Cut::ShutDown) => self.gain.eg1.shut_down(self.fall()),
            (None | Some(Cut::ShutDown), Cut::Fade(frames)) => {
                self.gain.eg1.fade(self.fall(), frames);
            }
            (Some(_), Cut::ShutDown) | (Some(Cut::Fade(_)), Cut::Fade(_)) => return,
        }
        self.cut = Some(how);
    }
}

/// What a shaped voice's control point costs apart from the connections.
const SHAPED: usize = 16;

/// How far EG1 is below its peak.
fn fall(level: Level) -> u64 {
    match level {
        Level::Rise(rise) => level::fall_of_rise(rise.min(BOTTOM)),
        Level::Fall(fall) => fall,
    }
}

/// An effect send in 16.16 per mille as a part in Q30.
fn send(base: i32, sum: i64) -> u32 {
    let part = i64::from(base).saturating_add(sum).clamp(0, 1000 << 16);
    ((part << 14) / 1000) as u32
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
