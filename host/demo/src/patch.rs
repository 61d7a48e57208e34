//! How a tone is played: envelope, filter and vibrato in musical units, and the DLS connections they become.
//!
//! A bank of level 2: where only level 1 is at hand the filter falls away and the rest stays. The one LFO that level 1 has does vibrato and tremolo, so both levels agree.

use dmusmini_collection::destination as to;
use dmusmini_collection::source as from;
use dmusmini_collection::{Block, transform};

/// A way of playing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patch {
    /// Seconds.
    attack: f64,
    /// Seconds from the peak to −96 dB at key 60; how many octaves of time it loses over 128 keys.
    decay: (f64, f64),
    /// Share of the 96 dB that is held.
    sustain: f64,
    /// Seconds from the peak to −96 dB.
    release: f64,
    filter: Option<Filter>,
    lfo: Lfo,
    /// −50 to 50 per cent.
    pan: i8,
}

#[derive(Clone, Copy, Debug)]
struct Filter {
    /// Hertz for a note without velocity and envelope.
    cutoff: f64,
    /// Decibels.
    q: f64,
    /// Cents at full velocity, and at the envelope's peak.
    velocity: f64,
    envelope: f64,
    /// Seconds of the modulation envelope: attack, decay to nothing.
    times: (f64, f64),
}

#[derive(Clone, Copy, Debug)]
struct Lfo {
    hz: f64,
    delay: f64,
    /// Cents always, cents at full modulation wheel, decibels always.
    pitch: f64,
    wheel: f64,
    gain: f64,
}

impl Patch {
    /// A sound that stays for as long as the key is held.
    pub(crate) const fn held(attack: f64, release: f64) -> Self {
        Self {
            attack,
            decay: (0.0, 0.0),
            sustain: 1.0,
            release,
            filter: None,
            lfo: Lfo {
                hz: 5.2,
                delay: 0.3,
                pitch: 0.0,
                wheel: 45.0,
                gain: 0.0,
            },
            pan: 0,
        }
    }

    /// A sound that dies by itself: `decay` seconds to −96 dB at middle C, `shorter` octaves of time less from the lowest
    /// to the highest key.
    pub(crate) const fn dying(decay: f64, shorter: f64, release: f64) -> Self {
        let mut patch = Self::held(0.0, release);
        patch.decay = (decay, shorter);
        patch.sustain = 0.0;
        patch
    }

    /// A low-pass that opens by `velocity` cents up to full velocity.
    pub(crate) const fn filtered(mut self, cutoff: f64, q: f64, velocity: f64) -> Self {
        self.filter = Some(Filter {
            cutoff,
            q,
            velocity,
            envelope: 0.0,
            times: (0.0, 0.0),
        });
        self
    }

    /// The filter's own envelope, `cents` up within `attack` seconds and back within `decay`.
    pub(crate) const fn sweep(mut self, cents: f64, attack: f64, decay: f64) -> Self {
        if let Some(mut filter) = self.filter {
            filter.envelope = cents;
            filter.times = (attack, decay);
            self.filter = Some(filter);
        }
        self
    }

    /// Vibrato that is there without the wheel.
    pub(crate) const fn vibrato(mut self, hz: f64, delay: f64, cents: f64) -> Self {
        self.lfo.hz = hz;
        self.lfo.delay = delay;
        self.lfo.pitch = cents;
        self
    }

    /// A level that swings by `decibels` each way.
    pub(crate) const fn tremolo(mut self, hz: f64, decibels: f64) -> Self {
        self.lfo.hz = hz;
        self.lfo.delay = 0.02;
        self.lfo.gain = decibels;
        self
    }

    /// Another attack, in seconds.
    pub(crate) const fn attack(mut self, seconds: f64) -> Self {
        self.attack = seconds;
        self
    }

    /// Another release, in seconds to −96 dB.
    pub(crate) const fn release(mut self, seconds: f64) -> Self {
        self.release = seconds;
        self
    }

    /// A place between left (−50) and right (50).
    pub(crate) const fn panned(mut self, percent: i8) -> Self {
        self.pan = percent;
        self
    }

    /// The articulation list.
    pub(crate) fn connections(&self) -> Vec<Block> {
        let mut list = vec![
            Block::fixed(to::EG1_ATTACK, time(self.attack)),
            Block::fixed(to::EG1_SUSTAIN, unit(1000.0 * self.sustain)),
            Block::fixed(to::EG1_RELEASE, time(self.release)),
            Block::fixed(to::PAN, unit(10.0 * f64::from(self.pan))),
        ];
        let (seconds, shorter) = self.decay;
        if seconds > 0.0 {
            // The key's share is counted from key 0, the time from key 60.
            list.push(Block::fixed(
                to::EG1_DECAY,
                time(seconds * libm::exp2(shorter * 60.0 / 128.0)),
            ));
            list.push(moving(
                from::KEY,
                from::NONE,
                to::EG1_DECAY,
                unit(-1200.0 * shorter),
            ));
        }
        list.extend(self.filter.iter().flat_map(Filter::connections));
        list.extend(self.lfo.connections());
        list.retain(|block| {
            block.scale != 0
                || block.destination == to::EG1_SUSTAIN
                || block.destination == to::EG2_SUSTAIN
        });
        list
    }
}

impl Filter {
    fn connections(&self) -> Vec<Block> {
        let (attack, decay) = self.times;
        let cutoff = 6900.0 + 1200.0 * libm::log2(self.cutoff / 440.0);
        let mut list = vec![
            Block::fixed(to::CUTOFF, unit(cutoff)),
            Block::fixed(to::Q, unit(10.0 * self.q)),
            moving(from::VELOCITY, from::NONE, to::CUTOFF, unit(self.velocity)),
        ];
        if self.envelope != 0.0 {
            list.extend([
                Block::fixed(to::EG2_ATTACK, time(attack)),
                Block::fixed(to::EG2_DECAY, time(decay)),
                Block::fixed(to::EG2_SUSTAIN, 0),
                moving(from::EG2, from::NONE, to::CUTOFF, unit(self.envelope)),
            ]);
        }
        list
    }
}

impl Lfo {
    fn connections(&self) -> [Block; 5] {
        [
            Block::fixed(
                to::LFO_FREQUENCY,
                unit(6900.0 + 1200.0 * libm::log2(self.hz / 440.0)),
            ),
            Block::fixed(to::LFO_DELAY, time(self.delay)),
            moving(from::LFO, from::NONE, to::PITCH, unit(self.pitch)),
            moving(from::LFO, from::CC1, to::PITCH, unit(self.wheel)),
            moving(from::LFO, from::NONE, to::GAIN, unit(10.0 * self.gain)),
        ]
    }
}

/// A connection; the LFO swings both ways, everything else goes up from nothing.
fn moving(source: u16, control: u16, destination: u16, scale: i32) -> Block {
    let curve = if source == from::LFO {
        transform::SOURCE_BIPOLAR
    } else {
        transform::LINEAR
    };
    Block::new(source, control, destination, curve, scale)
}

/// 16.16 of the destination's unit.
fn unit(value: f64) -> i32 {
    (value * 65536.0).round() as i32
}

/// Time cents; no time at all has a value of its own.
fn time(seconds: f64) -> i32 {
    if seconds <= 0.0 {
        i32::MIN
    } else {
        unit(1200.0 * libm::log2(seconds))
    }
}
