//! One sounding region: oscillator, filter, gain, pan (dls.md section 4).

use std::rc::Rc;

use dmusmini_collection::{Sample, destination, source};

use crate::articulation::{Articulation, Connection};
use crate::channel::Channel;
use crate::curve::Value;
use crate::envelope::{Modulation, Segments, Volume, seconds};
use crate::filter::{Coefficients, Filter};
use crate::lfo::Lfo;
use crate::oscillator::{Oscillator, Source};
use crate::pan;
use crate::synth::Settings;

/// What note a voice belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Counts note-ons; the layers of one share it.
    pub(crate) serial: u64,
    pub(crate) channel: usize,
    pub(crate) key: u8,
    pub(crate) velocity: u8,
    pub(crate) patch: u32,
    pub(crate) key_group: u16,
}

/// A sounding voice.
#[derive(Debug)]
pub(crate) struct Voice {
    pub(crate) note: Note,
    /// After note-off (and pedals), or cut.
    pub(crate) is_released: bool,
    /// Note-off came, but a pedal holds the note.
    pub(crate) is_held: bool,
    /// Stolen or cut.
    pub(crate) is_cut: bool,
    articulation: Articulation,
    sample: Sample,
    source: Rc<Source>,
    oscillator: Oscillator,
    filter: Filter,
    eg1: Volume,
    eg2: Modulation,
    mod_lfo: Lfo,
    vibrato: Lfo,
    delays: [f64; 2],
    /// The key after the key-number connections: what is tuned.
    sounding_key: f64,
    /// Frames since note-on.
    age: u64,
    still: Still,
    level: Glide,
}

/// Left and right level on their way to where the controllers put them.
#[derive(Clone, Debug, Default)]
struct Glide {
    now: [f64; 2],
    target: [f64; 2],
    /// Frames to go.
    left: u32,
}

impl Glide {
    fn go(&mut self, target: [f64; 2], frames: u32) {
        if target != self.target {
            self.target = target;
            self.left = frames;
        }
        if self.left == 0 {
            self.now = target;
        }
    }

    fn advance(&mut self) {
        if self.left > 0 {
            for (now, target) in self.now.iter_mut().zip(self.target) {
                *now += (target - *now) / f64::from(self.left);
            }
            self.left -= 1;
        }
    }
}

/// What does not move while no controller moves.
#[derive(Clone, Debug, Default)]
struct Still {
    pitch: f64,
    gain: f64,
    pan: f64,
    cutoff: f64,
    q: f64,
    /// Cycles a frame.
    lfo_step: [f64; 2],
    /// Connections that read an oscillator or envelope.
    moving: Vec<Connection>,
}

impl Voice {
    #[expect(clippy::too_many_arguments, reason = "called once")]
    pub(crate) fn new(
        note: Note,
        sounding_key: f64,
        sample: Sample,
        articulation: Articulation,
        source: Rc<Source>,
        channel: &Channel,
        settings: &Settings,
        master: f64,
    ) -> Self {
        use destination as dst;
        let mut voice = Self {
            note,
            is_released: false,
            is_held: false,
            is_cut: false,
            sample,
            oscillator: Oscillator::new(sample.wave_loop),
            source,
            filter: Filter::default(),
            eg1: Volume::new(Segments::NONE),
            eg2: Modulation::new(Segments::NONE),
            mod_lfo: Lfo::new(settings.lfo_shape),
            vibrato: Lfo::new(settings.lfo_shape),
            delays: [0.0; 2],
            sounding_key,
            age: 0,
            still: Still::default(),
            level: Glide::default(),
            articulation,
        };
        voice.control(channel, settings, master);
        voice.level.now = voice.level.target;
        voice.level.left = 0;
        let time = |destination| seconds(voice.at_note_on(destination, channel));
        let eg1 = Segments {
            delay: time(dst::EG1_DELAY),
            attack: time(dst::EG1_ATTACK),
            hold: time(dst::EG1_HOLD),
            decay: time(dst::EG1_DECAY),
            sustain: voice
                .at_note_on(dst::EG1_SUSTAIN, channel)
                .clamp(0.0, 1000.0)
                / 1000.0,
            release: time(dst::EG1_RELEASE),
            shutdown: time(dst::EG1_SHUTDOWN),
        };
        let eg2 = Segments {
            delay: time(dst::EG2_DELAY),
            attack: time(dst::EG2_ATTACK),
            hold: time(dst::EG2_HOLD),
            decay: time(dst::EG2_DECAY),
            sustain: voice
                .at_note_on(dst::EG2_SUSTAIN, channel)
                .clamp(0.0, 1000.0)
                / 1000.0,
            release: time(dst::EG2_RELEASE),
            shutdown: 0.0,
        };
        voice.delays = [time(dst::LFO_DELAY), time(dst::VIBRATO_DELAY)];
        voice.eg1 = Volume::new(eg1);
        voice.eg2 = Modulation::new(eg2);
        voice
    }

    /// A controller moved: everything that stands still stands somewhere else.
    pub(crate) fn control(&mut self, channel: &Channel, settings: &Settings, master: f64) {
        use destination as dst;
        let mut sums = [0.0; 7];
        let places = [
            dst::PITCH,
            dst::GAIN,
            dst::PAN,
            dst::CUTOFF,
            dst::Q,
            dst::LFO_FREQUENCY,
            dst::VIBRATO_FREQUENCY,
        ];
        let mut moving = Vec::new();
        for connection in &self.articulation.connections {
            if is_moving(connection.source) || is_moving(connection.control) {
                moving.push(self.with_rest_folded(connection, channel));
            } else if let Some(place) = places.iter().position(|&d| d == connection.destination) {
                sums[place] += self.resting(connection, channel);
            }
        }
        let [pitch, gain, pan, cutoff, q, lfo, vibrato] = sums;
        let fixed = |destination| self.articulation.fixed(destination);
        let cycles = |cents: f64| hertz(cents) / settings.rate;
        self.still = Still {
            pitch: pitch + fixed(dst::PITCH) + f64::from(self.sample.fine_tune),
            gain: gain + fixed(dst::GAIN) + f64::from(self.sample.gain) / 65_536.0 + 10.0 * master,
            pan: pan + fixed(dst::PAN),
            cutoff,
            q: q + fixed(dst::Q),
            lfo_step: [
                cycles(lfo + fixed(dst::LFO_FREQUENCY)),
                cycles(vibrato + fixed(dst::VIBRATO_FREQUENCY)),
            ],
            moving,
        };
        let amplitude = 10_f64.powf(self.still.gain / 200.0);
        let sides = pan::gains(self.still.pan).map(|side| side * amplitude);
        self.level.go(sides, settings.glide);
    }

    /// Note-off.
    pub(crate) fn release(&mut self, settings: &Settings) {
        let time = self.age as f64 / settings.rate;
        self.is_released = true;
        self.is_held = false;
        self.eg1.release(time);
        self.eg2.release(time);
        self.oscillator.release();
    }

    /// The voice is cut: by its own key, its group, or all-sound-off.
    pub(crate) fn cut(&mut self, settings: &Settings) {
        if !self.is_cut {
            self.is_cut = true;
            self.is_released = true;
            self.eg1.shut_down(self.age as f64 / settings.rate);
        }
    }

    /// Whether nothing more will be heard.
    pub(crate) fn is_over(&self, settings: &Settings) -> bool {
        let ringing = settings.kernel.taps() / 2 + 1;
        self.eg1.is_over(self.age as f64 / settings.rate)
            || self.oscillator.is_over(&self.source, ringing)
    }

    /// One frame, left and right.
    pub(crate) fn frame(&mut self, settings: &Settings) -> [f64; 2] {
        use destination as dst;
        let time = self.age as f64 / settings.rate;
        // The level is what it is at the frame; how far the wave goes on until the next is decided
        // by the pitch half way.
        let now = self.moving_inputs(0.0, settings);
        let half_way = self.moving_inputs(0.5, settings);
        let (mut pitch, mut gain, mut cutoff) = (self.still.pitch, 0.0, self.still.cutoff);
        for connection in &self.still.moving {
            match connection.destination {
                dst::PITCH => pitch += half_way.amount(connection),
                dst::GAIN => gain += now.amount(connection),
                dst::CUTOFF => cutoff += now.amount(connection),
                _ => {}
            }
        }
        let step = self.source.rate / settings.rate * (pitch / 1200.0).exp2();
        let mut wave = self.oscillator.read(&self.source, &*settings.kernel, step);
        if let Some(resting) = self.articulation.cutoff() {
            let cutoff =
                hertz((resting + cutoff).clamp(5535.0, 11_921.0)).min(0.45 * settings.rate);
            let q = self.still.q.clamp(0.0, 225.0) / 10.0;
            let coefficients = Coefficients::new(cutoff, q, settings.rate);
            wave = self.filter.process(&coefficients, wave);
        }
        let level = self.eg1.amplitude(time) * 10_f64.powf(gain / 200.0);
        let [left, right] = self.level.now;

        self.level.advance();
        self.oscillator.advance(step);
        for (number, lfo) in [&mut self.mod_lfo, &mut self.vibrato]
            .into_iter()
            .enumerate()
        {
            // The part of the coming frame that lies after the delay.
            let next = (self.age + 1) as f64;
            let running = (next - self.delays[number] * settings.rate).clamp(0.0, 1.0);
            lfo.advance(self.still.lfo_step[number] * running);
        }
        self.age += 1;
        [wave * level * left, wave * level * right]
    }

    /// A connection whose inputs rest.
    fn resting(&self, connection: &Connection, channel: &Channel) -> f64 {
        if connection.source == source::KEY && connection.destination == destination::PITCH {
            // Tuning is relative to the wave's own key, so that scale 0 is the wave's own rate.
            let at = |key| connection.source_transform.apply(key);
            let key = Value::Keys(self.sounding_key);
            let unity = Value::Keys(self.sample.unity_key.into());
            return connection.scale * (at(key) - at(unity));
        }
        if connection.source == source::CC10
            && connection.destination == destination::PAN
            && connection.source_transform.bipolar
            && connection.source_transform.curve == 0
        {
            let turn = if connection.source_transform.inverted {
                -1.0
            } else {
                1.0
            };
            return turn * connection.scale / 508.0 * pan::from_controller(channel.cc[10]);
        }
        connection.scale
            * connection
                .source_transform
                .apply(self.input(connection.source, channel))
            * connection
                .control_transform
                .apply(self.input(connection.control, channel))
    }

    /// A parameter that is decided at note-on.
    fn at_note_on(&self, destination: u16, channel: &Channel) -> f64 {
        let connected = self.articulation.connections.iter();
        let connected = connected.filter(|c| {
            c.destination == destination && !is_moving(c.source) && !is_moving(c.control)
        });
        let fixed = self.articulation.fixed(destination);
        if fixed <= -32_768.0 {
            return fixed;
        }
        let sum = fixed + connected.map(|c| self.resting(c, channel)).sum::<f64>();
        // However it is modulated, no time is longer than 40 s.
        if (0x200..0x400).contains(&destination) {
            sum.min(6386.0)
        } else {
            sum
        }
    }

    /// A moving connection with its resting half, if it has one, multiplied into the scale.
    fn with_rest_folded(&self, connection: &Connection, channel: &Channel) -> Connection {
        let mut folded = *connection;
        for (source, transform) in [
            (&mut folded.source, connection.source_transform),
            (&mut folded.control, connection.control_transform),
        ] {
            if !is_moving(*source) {
                folded.scale *= transform.apply(self.input(*source, channel));
                *source = source::NONE;
            }
        }
        folded
    }

    /// What a resting source reads.
    fn input(&self, source: u16, channel: &Channel) -> Value {
        match source {
            source::VELOCITY => Value::Seven(self.note.velocity),
            source::KEY => Value::Keys(self.sounding_key),
            other => channel
                .value(other, self.note.key)
                .unwrap_or(Value::Unit(0.0)),
        }
    }

    /// The moving inputs, `part` of a frame from now.
    fn moving_inputs(&self, part: f64, settings: &Settings) -> MovingInputs {
        let now = self.age as f64 / settings.rate;
        let then = (self.age as f64 + part) / settings.rate;
        let lfo = |number: usize, lfo: &Lfo| {
            let running = (then - self.delays[number]) * settings.rate;
            lfo.value_after(self.still.lfo_step[number] * running.clamp(0.0, part))
        };
        MovingInputs {
            mod_lfo: lfo(0, &self.mod_lfo),
            vibrato: lfo(1, &self.vibrato),
            eg1: self.eg1.level(then),
            eg2: self.eg2.level_since(now, then),
        }
    }
}

/// What moves by itself, at one moment.
#[derive(Clone, Copy, Debug)]
struct MovingInputs {
    mod_lfo: f64,
    vibrato: f64,
    eg1: f64,
    eg2: f64,
}

impl MovingInputs {
    fn amount(&self, connection: &Connection) -> f64 {
        connection.scale
            * self.read(connection.source, connection.source_transform)
            * self.read(connection.control, connection.control_transform)
    }

    /// 1 for the half that was folded into the scale.
    fn read(&self, source: u16, transform: crate::curve::Transform) -> f64 {
        let value = match source {
            source::LFO => Value::Swing(self.mod_lfo),
            source::VIBRATO => Value::Swing(self.vibrato),
            source::EG1 => Value::Unit(self.eg1),
            source::EG2 => Value::Unit(self.eg2),
            _ => return 1.0,
        };
        transform.apply(value)
    }
}

impl Segments {
    const NONE: Self = Self {
        delay: 0.0,
        attack: 0.0,
        hold: 0.0,
        decay: 0.0,
        sustain: 0.0,
        release: 0.0,
        shutdown: 0.0,
    };
}

fn is_moving(source: u16) -> bool {
    matches!(
        source,
        source::LFO | source::VIBRATO | source::EG1 | source::EG2
    )
}

/// Absolute pitch cents as hertz.
fn hertz(pitch_cents: f64) -> f64 {
    440.0 * ((pitch_cents - 6900.0) / 1200.0).exp2()
}
