//! Every source, control, destination and transform, against the equations (dls.md section 3).

use dmusmini::synth::Interpolation;
use dmusmini_collection::{Block, destination as dst, source as src, transform as trn, units};
use dmusmini_reference::test_bank::{RATE, sine, single};

use crate::player::{Player, Subject, twin};
use crate::song::residual;

/// Everything that hangs on an articulation is there, and all controllers are off their rest.
fn surroundings(frames: usize) -> Vec<Block> {
    let long = frames as f64 / f64::from(RATE);
    vec![
        Block::fixed(dst::EG1_ATTACK, units::time(0.1 * long)),
        Block::fixed(dst::EG1_DECAY, units::time(4.0 * long)),
        Block::fixed(dst::EG1_SUSTAIN, units::percent(80.0)),
        Block::fixed(dst::EG1_RELEASE, units::time(4.0 * long)),
        Block::fixed(dst::EG2_ATTACK, units::time(0.2 * long)),
        Block::fixed(dst::EG2_DECAY, units::time(0.5 * long)),
        Block::fixed(dst::EG2_SUSTAIN, units::percent(40.0)),
        Block::fixed(dst::EG2_RELEASE, units::time(long)),
        Block::fixed(dst::CUTOFF, units::frequency(1500.0)),
        Block::fixed(dst::LFO_DELAY, units::time(0.1 * long)),
        Block::fixed(dst::VIBRATO_DELAY, units::time(0.05 * long)),
    ]
}

/// The RMS of what driver and reference differ by, in dBFS.
fn difference(blocks: &[Block], frames: usize) -> f64 {
    let bank = single(sine(1000.0), &[&surroundings(frames), blocks].concat());
    let script = |player: &mut dyn Player| {
        let controls = [(7, 110), (11, 115), (10, 40), (1, 90), (91, 30), (93, 20)];
        let parameters = [
            (101, 0),
            (100, 0),
            (6, 12),
            (100, 1),
            (6, 80),
            (38, 0),
            (100, 2),
            (6, 66),
        ];
        for (controller, value) in controls.into_iter().chain(parameters) {
            player.control(0, controller, value);
        }
        player.schedule(0, &[0xD0, 70]);
        player.schedule(0, &[0xE0, 0, 80]);
        player.note_on(0, 67, 90);
        player.schedule(1, &[0xA0, 67, 50]);
        player.note_off(frames as u64 * 7 / 10, 67);
    };
    let render = |mut player: Box<dyn Player>| {
        script(&mut *player);
        player.render(frames)
    };
    let heard = render(Subject::Driver.player(&bank, RATE));
    residual(&heard, &render(twin(&bank, RATE, Interpolation::default()))).0
}

/// A connection's scale that can be heard, and does not overwhelm.
fn scale(destination: u16) -> i32 {
    match destination {
        dst::GAIN | dst::Q => units::decibels(9.0),
        dst::PITCH | dst::KEY_NUMBER | dst::LFO_FREQUENCY | dst::VIBRATO_FREQUENCY => {
            units::cents(300.0)
        }
        dst::EG1_SUSTAIN => units::percent(20.0),
        dst::PAN | dst::EG2_SUSTAIN | dst::CHORUS | dst::REVERB => units::percent(-20.0),
        _ => units::cents(-1200.0),
    }
}

/// All sixteen: four curves, upright or inverted, to 0..=1 or -1..=1.
fn transforms() -> impl Iterator<Item = (u16, u16)> {
    (0..4_u16).flat_map(|curve| {
        [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(bipolar, inverted)| {
            (
                curve << 10 | bipolar << 14 | inverted << 15,
                curve << 4 | bipolar << 8 | inverted << 9,
            )
        })
    })
}

#[derive(Default)]
struct Worst {
    cases: u32,
    rms: f64,
    what: String,
    failed: Vec<String>,
}

impl Worst {
    fn new() -> Self {
        Self {
            rms: f64::NEG_INFINITY,
            ..Self::default()
        }
    }

    fn add(&mut self, what: String, rms: f64, bar: f64) {
        self.cases += 1;
        if rms > bar {
            self.failed.push(format!("{what}: {rms:.1} dBFS"));
        }
        if rms > self.rms {
            (self.rms, self.what) = (rms, what);
        }
    }

    fn report(self) {
        let Self {
            cases,
            rms,
            what,
            failed,
        } = self;
        println!("{cases} connections; the worst is {what}: residual {rms:.1} dBFS RMS");
        assert!(failed.is_empty(), "above their bars: {failed:#?}");
    }
}

const MOVING: [(u16, &str); 4] = [
    (src::LFO, "mod LFO"),
    (src::VIBRATO, "vibrato LFO"),
    (src::EG1, "EG1"),
    (src::EG2, "EG2"),
];
const RESTING: [(u16, &str); 14] = [
    (src::VELOCITY, "velocity"),
    (src::KEY, "key"),
    (src::PITCH_WHEEL, "wheel"),
    (src::POLY_PRESSURE, "key pressure"),
    (src::CHANNEL_PRESSURE, "channel pressure"),
    (src::CC1, "CC1"),
    (src::CC7, "CC7"),
    (src::CC10, "CC10"),
    (src::CC11, "CC11"),
    (src::CC91, "CC91"),
    (src::CC93, "CC93"),
    (src::RPN0, "RPN0"),
    (src::RPN1, "RPN1"),
    (src::RPN2, "RPN2"),
];
const REACHED: [(u16, &str); 3] = [
    (dst::PITCH, "pitch"),
    (dst::GAIN, "gain"),
    (dst::CUTOFF, "cutoff"),
];

#[test]
fn moving_sources_through_every_transform() {
    let mut worst = Worst::new();
    for (source, name) in MOVING {
        for (transform, _) in transforms() {
            for (destination, target) in REACHED {
                let block = Block::new(source, 0, destination, transform, scale(destination));
                let what = format!("{name} through {transform:#06x} to {target}");
                worst.add(what, difference(&[block], 9000), moving_bar(transform));
            }
        }
    }
    worst.report();
}

#[test]
fn moving_sources_and_controls_multiply() {
    let mut worst = Worst::new();
    for (source, name) in MOVING {
        for (control, by) in MOVING {
            if source != control {
                let swing = trn::SOURCE_BIPOLAR | trn::CONTROL_BIPOLAR;
                let cents = scale(dst::PITCH);
                let block = Block::new(source, control, dst::PITCH, swing, cents);
                worst.add(
                    format!("{name} by {by}"),
                    difference(&[block], 9000),
                    MOVING_BAR,
                );
            }
        }
        for (control, by) in RESTING {
            let block = Block::new(source, control, dst::GAIN, 0, scale(dst::GAIN));
            worst.add(
                format!("{name} by {by}"),
                difference(&[block], 5000),
                MOVING_BAR,
            );
        }
    }
    worst.report();
}

#[test]
fn resting_sources_and_controls_through_every_transform() {
    let mut worst = Worst::new();
    for (source, name) in RESTING {
        // Pressure on a key follows its note: the gain then moves while the level attacks, and the
        // driver's line is the chord of that product.
        let bar = if source == src::POLY_PRESSURE {
            -45.0
        } else {
            RESTING_BAR
        };
        for (as_source, as_control) in transforms() {
            let block = Block::new(source, 0, dst::GAIN, as_source, scale(dst::GAIN));
            let what = format!("{name} through {as_source:#06x}");
            worst.add(what, difference(&[block], 700), bar);
            let block = Block::new(
                src::VELOCITY,
                source,
                dst::GAIN,
                as_control,
                scale(dst::GAIN),
            );
            let what = format!("velocity by {name} through {as_control:#06x}");
            worst.add(what, difference(&[block], 700), bar);
        }
    }
    worst.report();
}

#[test]
fn every_destination_is_reached() {
    let destinations = [
        dst::GAIN,
        dst::PITCH,
        dst::PAN,
        dst::KEY_NUMBER,
        dst::LFO_FREQUENCY,
        dst::LFO_DELAY,
        dst::VIBRATO_FREQUENCY,
        dst::VIBRATO_DELAY,
        dst::EG1_ATTACK,
        dst::EG1_DECAY,
        dst::EG1_RELEASE,
        dst::EG1_SUSTAIN,
        dst::EG1_DELAY,
        dst::EG1_HOLD,
        dst::EG2_ATTACK,
        dst::EG2_DECAY,
        dst::EG2_RELEASE,
        dst::EG2_SUSTAIN,
        dst::EG2_DELAY,
        dst::EG2_HOLD,
        dst::CUTOFF,
        dst::Q,
    ];
    let heard = [
        Block::new(src::LFO, 0, dst::GAIN, 0, units::decibels(3.0)),
        Block::new(src::VIBRATO, 0, dst::PITCH, 0, units::cents(30.0)),
        Block::new(src::EG2, 0, dst::PITCH, 0, units::cents(100.0)),
        Block::fixed(dst::EG1_DELAY, units::time(0.01)),
        Block::fixed(dst::EG1_HOLD, units::time(0.02)),
        Block::fixed(dst::EG2_DELAY, units::time(0.01)),
        Block::fixed(dst::EG2_HOLD, units::time(0.02)),
    ];
    let render = |blocks: &[Block]| {
        let bank = single(sine(1000.0), blocks);
        let mut player = Subject::Driver.player(&bank, RATE);
        player.control(0, 1, 90);
        player.note_on(0, 67, 90);
        player.note_off(7000, 67);
        player.render(10_000)
    };
    let base = [&surroundings(10_000)[..], &heard].concat();
    let without = render(&base);
    let mut worst = Worst::new();
    for destination in destinations {
        for source in [src::CC1, src::VELOCITY] {
            let block = Block::new(source, 0, destination, 0, scale(destination));
            let with = [&base[..], &[block]].concat();
            assert!(render(&with) != without, "{destination:#x} is not reached");
            let blocks = [&heard[..], &[block]].concat();
            let what = format!("{source:#x} to {destination:#x}");
            worst.add(what, difference(&blocks, 10_000), MOVING_BAR);
        }
    }
    worst.report();
}

/// RMS of the difference for one loud note. The driver evaluates what moves through a curve every
/// 8 frames, and goes there in a straight line; the reference jumps. A pitch that is late by half
/// of that stays late for the rest of the note, which is what the bar for switches allows for:
/// a wrong sign or curve is at -15 dBFS.
fn moving_bar(transform: u16) -> f64 {
    if transform >> 10 & 3 == 3 {
        -30.0
    } else {
        MOVING_BAR
    }
}

const MOVING_BAR: f64 = -40.0;
const RESTING_BAR: f64 = -80.0;
