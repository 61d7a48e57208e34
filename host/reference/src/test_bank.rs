//! The generated collection of dls.md section 8: waves whose sound is known exactly.
//!
//! Most tests want one instrument that differs from the default in a block or two:
//! [`single`] makes a bank of it. [`rows()`] lists every row of the specification's table of
//! default connections, and [`everything`] is the whole collection in one bank.

mod rows;

use std::f64::consts::TAU;

use dmusmini_collection::{
    Bank, Block, Instrument, Loop, Region, Sample, Wave, destination as dst, source as src, units,
};

pub use rows::rows;

/// All waves of the test bank have this rate.
pub const RATE: u32 = 44_100;
/// All waves are tuned to this key.
pub const UNITY: u8 = 60;
/// The level of the constant wave and of the sines: half of full scale.
pub const LEVEL: f64 = 16_384.0;
/// Frames in a sine's loop.
const LOOP: u32 = 4410;

/// A looped sine of `hertz`, a multiple of 10, so that whole cycles fit the loop.
pub fn sine(hertz: f64) -> Wave {
    let frame = |n: u32| quantised(LEVEL * (TAU * hertz * f64::from(n) / f64::from(RATE)).sin());
    looped(&format!("sine {hertz} Hz"), (0..LOOP).map(frame).collect())
}

/// A constant at half scale: what is heard is the gain itself.
pub fn constant() -> Wave {
    looped("constant", vec![quantised(LEVEL); 64])
}

/// One second of 41 sines of equal level, their frequencies (whole hertz, 20 Hz to 20 kHz) in
/// equal ratios, their phases random; and those frequencies.
pub fn multitone() -> (Wave, Vec<f64>) {
    let frequencies: Vec<f64> = (0..41)
        .map(|n| (20.0 * 1000_f64.powf(f64::from(n) / 40.0)).round())
        .collect();
    let mut random = Random(1);
    let phases: Vec<f64> = frequencies.iter().map(|_| random.unit()).collect();
    let frame = |n: u32| {
        let time = f64::from(n) / f64::from(RATE);
        let sines = frequencies.iter().zip(&phases);
        let sum: f64 = sines
            .map(|(f, p)| (TAU * (f * time + p).fract()).sin())
            .sum();
        quantised(1500.0 * sum)
    };
    (
        looped("multitone", (0..RATE).map(frame).collect()),
        frequencies,
    )
}

/// Full-scale noise, looped: every 16-bit value may occur.
pub fn noise() -> Wave {
    let mut random = Random(7);
    let frames = (0..LOOP).map(|_| quantised(random.unit() * 65_535.0 - 32_768.0));
    looped("noise", frames.collect())
}

/// A bank of one instrument, program 0, which plays `wave` on all keys.
pub fn single(wave: Wave, blocks: &[Block]) -> Bank {
    Bank {
        name: "test".into(),
        instruments: vec![Instrument {
            patch: 0,
            name: "test".into(),
            regions: vec![Region::new(0)],
            articulation: blocks.to_vec(),
        }],
        waves: vec![wave],
    }
}

/// A wave with as short a loop as asked for, `length` frames at the end of `total`, and a
/// matching key so that large steps cross it several times.
pub fn short_loop(total: u32, length: u32) -> Wave {
    let mut random = Random(3);
    let frames = (0..total)
        .map(|_| quantised(random.unit() * 40_000.0 - 20_000.0))
        .collect();
    let mut wave = Wave::new("short loop", RATE, frames);
    wave.sample = Some(Sample::new(UNITY).with_loop(total - length, length));
    wave
}

/// A constant that is left at note-off and followed by a quieter tail of `tail` frames.
pub fn release_loop(tail: usize) -> Wave {
    let mut frames = vec![quantised(LEVEL); 64];
    frames.extend(vec![quantised(LEVEL / 4.0); tail]);
    let mut wave = Wave::new("release loop", RATE, frames);
    wave.sample = Some(Sample {
        wave_loop: Some(Loop {
            until_release: true,
            start: 0,
            length: 64,
        }),
        ..Sample::new(UNITY)
    });
    wave
}

/// A drum kit with two key groups, untuned, decaying drums.
pub fn drum_kit(wave: usize) -> Instrument {
    let drum = |key: u8, key_group| Region {
        key_group,
        articulation: vec![
            Block::new(src::KEY, 0, dst::PITCH, 0, 0),
            Block::fixed(dst::EG1_DECAY, units::time(4.0)),
            Block::fixed(dst::EG1_SUSTAIN, 0),
            Block::fixed(dst::EG1_RELEASE, units::time(4.0)),
        ],
        ..Region::new(wave).with_keys(key, key)
    };
    Instrument {
        patch: 0x8000_0000,
        name: "kit".into(),
        regions: vec![
            drum(36, 0),
            drum(38, 0),
            drum(42, 1),
            drum(44, 1),
            drum(46, 1),
            drum(80, 2),
            drum(81, 2),
        ],
        articulation: Vec::new(),
    }
}

/// The whole collection: an instrument for every row twice (with the block that says what holds
/// anyway in bank 0, with the other one in bank 1 MSB), the waves of section 8 as instruments of
/// bank 2, overlapping velocity layers, short and release loops, a drum kit.
pub fn everything() -> Bank {
    let (tones, _) = multitone();
    let waves = vec![
        sine(260.0),
        sine(1000.0),
        sine(5000.0),
        sine(10_000.0),
        constant(),
        tones,
        noise(),
        short_loop(8, 1),
        short_loop(8, 2),
        short_loop(64, 64),
        release_loop(4410),
    ];
    let mut instruments = Vec::new();
    for (program, (name, default, other)) in (0..).zip(rows()) {
        for (bank, block) in [(0, default), (1, other)] {
            instruments.push(Instrument {
                patch: bank << 16 | program,
                name: name.into(),
                regions: vec![Region::new(1)],
                articulation: vec![block],
            });
        }
    }
    for (program, wave) in (0..).zip(0..waves.len()) {
        instruments.push(Instrument {
            patch: 2 << 16 | program,
            name: waves[wave].name.clone(),
            regions: vec![Region::new(wave)],
            articulation: Vec::new(),
        });
    }
    instruments.push(layers());
    instruments.push(drum_kit(4));
    Bank {
        name: "dmusmini test bank".into(),
        instruments,
        waves,
    }
}

/// Two layers whose velocities overlap at 50..=80.
pub fn layers() -> Instrument {
    Instrument {
        patch: 3 << 16,
        name: "layers".into(),
        regions: vec![
            Region::new(0).with_velocities(0, 80),
            Region::new(1).with_velocities(50, 127),
        ],
        articulation: Vec::new(),
    }
}

fn looped(name: &str, frames: Vec<i16>) -> Wave {
    let length = u32::try_from(frames.len()).expect("test waves are short");
    let mut wave = Wave::new(name, RATE, frames);
    wave.sample = Some(Sample::new(UNITY).with_loop(0, length));
    wave
}

fn quantised(x: f64) -> i16 {
    x.round().clamp(-32_768.0, 32_767.0) as i16
}

/// A small generator, the same everywhere (Numerical Recipes' LCG).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number in 0..1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The next number in 0..`limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        (self.unit() * f64::from(limit)) as u32
    }
}
