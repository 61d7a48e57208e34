//! The generated collection of dls.md section 8: waves whose sound is known exactly.
//!
//! Most tests want one instrument that differs from the default in a block or two:
//! [`single`] makes a bank of it. [`rows`] lists every row of the specification's table of
//! default connections, and [`everything`] is the whole collection in one bank.

use std::f64::consts::TAU;

use dmusmini_collection::{
    Bank, Block, Instrument, Loop, Region, Sample, Wave, destination as dst, source as src,
    transform as trn, units,
};

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

/// Every row of the specification's table of connections (dls.md section 3.2): a name, the block
/// that says what holds anyway, and the block that says something else.
#[expect(clippy::too_many_lines, reason = "a table, one row each")]
pub fn rows() -> Vec<(&'static str, Block, Block)> {
    let fixed = |name, destination, default, other| {
        (
            name,
            Block::fixed(destination, default),
            Block::fixed(destination, other),
        )
    };
    let wired = |name, source, control, destination, transform, default, other| {
        let block = |scale| Block::new(source, control, destination, transform, scale);
        (name, block(default), block(other))
    };
    let level = trn::SOURCE_CONCAVE | trn::SOURCE_INVERT;
    let swing = trn::SOURCE_BIPOLAR;
    let (time, pitch) = (units::time, units::cents);
    let (db, percent, hertz) = (units::decibels, units::percent, units::frequency);
    vec![
        fixed(
            "mod LFO frequency",
            dst::LFO_FREQUENCY,
            -851 << 16,
            hertz(8.0),
        ),
        fixed("mod LFO delay", dst::LFO_DELAY, -7973 << 16, time(0.1)),
        fixed(
            "vibrato frequency",
            dst::VIBRATO_FREQUENCY,
            -851 << 16,
            hertz(3.0),
        ),
        fixed("vibrato delay", dst::VIBRATO_DELAY, -7973 << 16, time(0.2)),
        fixed("EG1 delay", dst::EG1_DELAY, time(0.0), time(0.05)),
        fixed("EG1 attack", dst::EG1_ATTACK, time(0.0), time(0.2)),
        fixed("EG1 hold", dst::EG1_HOLD, time(0.0), time(0.1)),
        fixed("EG1 decay", dst::EG1_DECAY, time(0.0), time(2.0)),
        fixed(
            "EG1 sustain",
            dst::EG1_SUSTAIN,
            percent(100.0),
            percent(75.0),
        ),
        fixed("EG1 release", dst::EG1_RELEASE, time(0.0), time(1.0)),
        fixed("EG1 shutdown", dst::EG1_SHUTDOWN, -7271 << 16, time(0.05)),
        wired(
            "velocity to EG1 attack",
            src::VELOCITY,
            0,
            dst::EG1_ATTACK,
            0,
            0,
            pitch(-1200.0),
        ),
        wired(
            "key to EG1 decay",
            src::KEY,
            0,
            dst::EG1_DECAY,
            0,
            0,
            pitch(-2400.0),
        ),
        wired(
            "key to EG1 hold",
            src::KEY,
            0,
            dst::EG1_HOLD,
            0,
            0,
            pitch(-2400.0),
        ),
        fixed("EG2 delay", dst::EG2_DELAY, time(0.0), time(0.05)),
        fixed("EG2 attack", dst::EG2_ATTACK, time(0.0), time(0.2)),
        fixed("EG2 hold", dst::EG2_HOLD, time(0.0), time(0.1)),
        fixed("EG2 decay", dst::EG2_DECAY, time(0.0), time(0.5)),
        fixed(
            "EG2 sustain",
            dst::EG2_SUSTAIN,
            percent(100.0),
            percent(50.0),
        ),
        fixed("EG2 release", dst::EG2_RELEASE, time(0.0), time(0.5)),
        wired(
            "velocity to EG2 attack",
            src::VELOCITY,
            0,
            dst::EG2_ATTACK,
            0,
            0,
            pitch(-1200.0),
        ),
        wired(
            "key to EG2 decay",
            src::KEY,
            0,
            dst::EG2_DECAY,
            0,
            0,
            pitch(-2400.0),
        ),
        wired(
            "key to EG2 hold",
            src::KEY,
            0,
            dst::EG2_HOLD,
            0,
            0,
            pitch(-2400.0),
        ),
        fixed("filter cutoff", dst::CUTOFF, i32::MAX, hertz(1500.0)),
        fixed("filter Q", dst::Q, 0, db(9.0)),
        wired(
            "mod LFO to cutoff",
            src::LFO,
            0,
            dst::CUTOFF,
            swing,
            0,
            pitch(900.0),
        ),
        wired(
            "mod LFO by CC1 to cutoff",
            src::LFO,
            src::CC1,
            dst::CUTOFF,
            swing,
            0,
            pitch(900.0),
        ),
        wired(
            "mod LFO by pressure to cutoff",
            src::LFO,
            src::CHANNEL_PRESSURE,
            dst::CUTOFF,
            swing,
            0,
            pitch(900.0),
        ),
        wired(
            "EG2 to cutoff",
            src::EG2,
            0,
            dst::CUTOFF,
            0,
            0,
            pitch(1200.0),
        ),
        wired(
            "velocity to cutoff",
            src::VELOCITY,
            0,
            dst::CUTOFF,
            0,
            0,
            pitch(1200.0),
        ),
        wired(
            "key to cutoff",
            src::KEY,
            0,
            dst::CUTOFF,
            0,
            0,
            pitch(1200.0),
        ),
        wired("mod LFO to gain", src::LFO, 0, dst::GAIN, swing, 0, db(6.0)),
        wired(
            "mod LFO by CC1 to gain",
            src::LFO,
            src::CC1,
            dst::GAIN,
            swing,
            0,
            db(6.0),
        ),
        wired(
            "mod LFO by pressure to gain",
            src::LFO,
            src::CHANNEL_PRESSURE,
            dst::GAIN,
            swing,
            0,
            db(6.0),
        ),
        wired(
            "velocity to gain",
            src::VELOCITY,
            0,
            dst::GAIN,
            level,
            db(-96.0),
            db(-48.0),
        ),
        wired(
            "CC7 to gain",
            src::CC7,
            0,
            dst::GAIN,
            level,
            db(-96.0),
            db(-48.0),
        ),
        wired("CC11 to gain", src::CC11, 0, dst::GAIN, level, db(-96.0), 0),
        fixed("tuning", dst::PITCH, 0, pitch(123.0)),
        wired(
            "key to pitch",
            src::KEY,
            0,
            dst::PITCH,
            0,
            pitch(12_800.0),
            pitch(6400.0),
        ),
        wired(
            "wheel to pitch",
            src::PITCH_WHEEL,
            src::RPN0,
            dst::PITCH,
            swing,
            pitch(12_800.0),
            pitch(-6400.0),
        ),
        wired(
            "fine tuning to pitch",
            src::RPN1,
            0,
            dst::PITCH,
            swing,
            pitch(100.0),
            pitch(50.0),
        ),
        wired(
            "coarse tuning to key",
            src::RPN2,
            0,
            dst::KEY_NUMBER,
            swing,
            pitch(6400.0),
            0,
        ),
        wired(
            "key to key number",
            src::KEY,
            0,
            dst::KEY_NUMBER,
            0,
            pitch(12_800.0),
            pitch(6400.0),
        ),
        wired(
            "mod LFO to pitch",
            src::LFO,
            0,
            dst::PITCH,
            swing,
            0,
            pitch(50.0),
        ),
        wired(
            "mod LFO by CC1 to pitch",
            src::LFO,
            src::CC1,
            dst::PITCH,
            swing,
            0,
            pitch(50.0),
        ),
        wired(
            "mod LFO by pressure to pitch",
            src::LFO,
            src::CHANNEL_PRESSURE,
            dst::PITCH,
            swing,
            0,
            pitch(50.0),
        ),
        wired(
            "vibrato to pitch",
            src::VIBRATO,
            0,
            dst::PITCH,
            swing,
            0,
            pitch(50.0),
        ),
        wired(
            "vibrato by CC1 to pitch",
            src::VIBRATO,
            src::CC1,
            dst::PITCH,
            swing,
            0,
            pitch(50.0),
        ),
        wired(
            "vibrato by pressure to pitch",
            src::VIBRATO,
            src::CHANNEL_PRESSURE,
            dst::PITCH,
            swing,
            0,
            pitch(50.0),
        ),
        wired("EG2 to pitch", src::EG2, 0, dst::PITCH, 0, 0, pitch(700.0)),
        fixed("pan", dst::PAN, 0, percent(-25.0)),
        wired(
            "CC10 to pan",
            src::CC10,
            0,
            dst::PAN,
            swing,
            percent(50.8),
            percent(-25.4),
        ),
        wired(
            "CC91 to reverb",
            src::CC91,
            0,
            dst::REVERB,
            0,
            percent(100.0),
            0,
        ),
        wired(
            "CC93 to chorus",
            src::CC93,
            0,
            dst::CHORUS,
            0,
            percent(100.0),
            0,
        ),
        fixed("reverb send", dst::REVERB, 0, percent(40.0)),
        fixed("chorus send", dst::CHORUS, 0, percent(40.0)),
    ]
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
