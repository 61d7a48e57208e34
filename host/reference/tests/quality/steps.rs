//! Blocks that are made in steps: how long one holds the lock, and that nobody hears them (style
//! section 3.5).

use dmusmini::dls::Download;
use dmusmini::synth::{BLOCK_FRAMES, BLOCK_WORK, Config, Effects, Handle, Storage, Synth};
use dmusmini::time::SampleTime;
use dmusmini_collection::{
    Block, Options, Region, Selection, destination as dst, source as src, units,
};
use dmusmini_reference::test_bank::{LEVEL, Random, constant, sine, single};

use crate::rig::{Rig, law, near};
use crate::voices::with_voices;

/// With 1,024 voices to be had, the lock is held as often as those that sound need it.
#[test]
fn a_block_takes_as_many_steps_as_what_sounds() {
    let mut rig = with_voices(1024);
    assert_eq!(rig.steps().1, 1, "silence");
    for (notes, expected) in [(1, 1), (63, 1), (1, 2), (63, 2), (384, 8), (512, 16)] {
        let before = rig.sounding() as u16;
        for n in before..before + notes {
            rig.send(&[0x90 | (n % 8) as u8, (n / 8) as u8, 1]);
        }
        // Over the budget of events as well.
        while rig.sounding() < u32::from(before + notes) {
            rig.some();
        }
        rig.some();
        let (_, steps) = rig.steps();
        println!("{} voices: {steps} steps", rig.sounding());
        assert_eq!(steps, expected);
        // A step of one voice more would be too long.
        assert!(rig.sounding() as usize * BLOCK_FRAMES <= steps * BLOCK_WORK);
    }
    // What every voice has to read again is read in steps, too.
    rig.send(&[0xF0, 0x7F, 0x7F, 4, 1, 0, 100, 0xF7]);
    let (_, steps) = rig.steps();
    println!("and another master volume: {steps} steps");
    assert!(steps >= 24);
    // A flood of events is worked off in steps, too.
    rig.chord(256, 0);
    let (_, steps) = rig.steps();
    println!("and 256 notes that take their places: {steps} steps");
    assert!(steps >= 24);
}

/// What is rendered in steps is what is rendered at once, to the last bit, whatever begins in the
/// middle of a block.
#[test]
fn steps_leave_no_trace() {
    let mut blocks = vec![
        Block::fixed(dst::CUTOFF, units::frequency(1500.0)),
        Block::fixed(dst::Q, units::decibels(9.0)),
        Block::fixed(dst::EG1_RELEASE, units::time(0.5)),
        Block::new(src::EG2, 0, dst::CUTOFF, 0, units::cents(1200.0)),
        Block::fixed(dst::EG2_DECAY, units::time(0.1)),
        Block::new(src::LFO, 0, dst::PITCH, 0x4000, units::cents(30.0)),
    ];
    for shaped in [false, true] {
        if shaped {
            blocks.push(Block::new(
                src::EG1,
                0,
                dst::PITCH,
                1 << 10,
                units::cents(50.0),
            ));
        }
        let mut bank = single(sine(1000.0), &blocks);
        let mut plain = single(sine(440.0), &[]).instruments.remove(0);
        plain.patch = 1;
        bank.instruments.push(plain);
        let config = Config {
            voices: 200,
            effects: Effects {
                reverb: true,
                chorus: true,
            },
            ..Config::default()
        };
        let [mut at_once, mut in_steps] = [(); 2].map(|()| Rig::new(&bank, &config));
        let mut random = Random(5);
        for at in 0..60 {
            for _ in 0..random.below(40) {
                let [channel, a, b] = [8, 128, 128].map(|end| random.below(end) as u8);
                let message = match random.below(10) {
                    0..6 => vec![0x90 | channel, a, b],
                    6 => vec![0xC0 | channel, a % 2],
                    7 => vec![0xE0 | channel, a, b],
                    8 => vec![
                        0xB0 | channel,
                        [7, 10, 64, 91, 93, 123][usize::from(a) % 6],
                        b,
                    ],
                    _ => vec![0xF0, 0x7F, 0x7F, 4, 1, 0, b, 0xF7],
                };
                let frame = SampleTime(i64::from(at) * 128 + i64::from(random.below(128)));
                for rig in [&mut at_once, &mut in_steps] {
                    let sent = rig.synth.schedule(frame, 1, &message);
                    sent.expect("it is queued");
                }
            }
            let whole = at_once.left(BLOCK_FRAMES);
            let (parts, _) = in_steps.steps();
            assert!(
                whole.iter().zip(&parts).all(|(a, b)| *a == f64::from(*b)),
                "block {at}"
            );
        }
        assert_eq!(at_once.synth.stats(), in_steps.synth.stats());
        let stats = at_once.synth.stats();
        println!("{stats:?}");
        assert!(stats.peak_voices == 200 && stats.peak > 10_000);
    }
}

/// A block that is given up leaves nothing behind: when the clock starts anew, when the memory is
/// another, or when another block is wanted.
#[test]
fn a_block_that_is_given_up_is_gone() {
    let sounding = || {
        let mut rig = with_voices(512);
        rig.chord(400, 0);
        while rig.sounding() < 400 {
            rig.some();
        }
        let mut block = [0_i16; 2 * BLOCK_FRAMES];
        let made = rig.synth.render_some(SampleTime(rig.position), &mut block);
        assert_eq!(made, None, "one step is not enough");
        rig
    };
    let mut rig = sounding();
    rig.synth.reset_for_run();
    rig.position = 0;
    assert!(rig.some().iter().all(|x| *x == 0), "a new run");

    let mut rig = sounding();
    drop(rig.synth.resize(Storage::try_new(512, 1).expect("memory")));
    assert!(rig.some().iter().all(|x| *x == 0), "other voices");

    let mut rig = sounding();
    rig.position += 1_000_000;
    let level = 400.0 * law(3) * LEVEL;
    let heard = rig.some();
    // None of the voices is heard twice.
    assert!(
        heard
            .iter()
            .all(|x| (f64::from(*x) - level).abs() < 0.01 * level)
    );
}

/// Curves cost most of all connections: what a hostile collection makes of them stays within what a
/// processor can do (77 % of one at 44.1 kHz, where every 8 frames would take fifteen).
#[test]
fn a_thousand_voices_of_a_hundred_curves_are_rendered_in_time() {
    let curves = |count: usize| {
        let sources = [src::LFO, src::VIBRATO, src::EG1, src::EG2];
        let controls = [
            src::NONE,
            src::VELOCITY,
            src::KEY,
            src::CC1,
            src::CC7,
            src::CC10,
        ];
        let places = [dst::PITCH, dst::GAIN, dst::CUTOFF];
        let triples = sources.iter().flat_map(|source| {
            let controls = controls.iter().map(move |control| (source, control));
            controls.flat_map(|(s, c)| places.iter().map(move |d| (*s, *c, *d)))
        });
        let concave = 0x4000 | 1 << 10 | 1 << 4;
        let blocks = triples.map(|(s, c, d)| Block::new(s, c, d, concave, units::cents(3.0)));
        let blocks: Vec<Block> = blocks.take(count).collect();
        Rig::new(
            &single(constant(), &blocks),
            &Config {
                voices: 1024,
                ..Config::default()
            },
        )
    };
    for (count, voices, most) in [(72, 1, 1), (3, 64, 10), (72, 64, 30), (72, 1024, 70)] {
        let mut rig = curves(count);
        rig.chord(voices, 0);
        while rig.sounding() < u32::from(voices) {
            rig.some();
        }
        rig.some();
        let (_, steps) = rig.steps();
        println!("{voices} voices of {count} curves: {steps} steps a block");
        assert!(steps <= most);
    }
}

/// A note of many layers begins in steps, and on one frame.
#[test]
fn a_note_of_hundreds_of_layers_is_begun_in_steps() {
    let mut bank = single(constant(), &[Block::new(src::KEY, 0, dst::PITCH, 0, 0)]);
    bank.instruments[0].regions = vec![Region::new(0); 300];
    let config = Config {
        voices: 1024,
        ..Config::default()
    };
    let mut rig = Rig::new(&bank, &config);
    let frame = SampleTime(50);
    for message in [[0x90, 60, 3], [0x91, 60, 3]] {
        rig.synth.schedule(frame, 1, &message).expect("room");
    }
    let (heard, steps) = rig.steps();
    println!("two notes of 300 layers: {steps} steps");
    assert!(heard[..50].iter().all(|x| *x == 0));
    // From silence the work of a block begins 390 voices; the others follow in the next.
    let layers = f64::from(heard[50]) / (law(3) * LEVEL);
    assert!((300.0..600.0).contains(&layers), "{layers} layers");
    assert!(steps > 10);
    rig.some();
    near("all layers", rig.level(), 600.0 * law(3));
    rig.send(&[0x80, 60, 0]);
    near(
        "one note-off ends those of one note",
        rig.level(),
        300.0 * law(3),
    );
}

/// Two parts on one channel play a note of many layers one after the other, and a note that is never
/// completed holds no memory.
#[test]
fn a_note_that_is_begun_in_steps_is_played_in_all_parts() {
    let mut bank = single(constant(), &[Block::new(src::KEY, 0, dst::PITCH, 0, 0)]);
    bank.instruments[0].regions = vec![Region::new(0); 20];
    let mut rig = Rig::new(&bank, &Config::default());
    rig.send(&[0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x12, 0x02, 0, 0, 0xF7]);
    rig.send(&[0x90, 60, 20]);
    near("two parts", rig.level(), 40.0 * law(20));

    let mut synth = Synth::try_new(&Config {
        voices: 1024,
        ..Config::default()
    })
    .expect("memory");
    let before = synth.stats().free_memory;
    // Not in one of them anything sounds that would hold the instrument.
    bank.instruments[0].regions = vec![Region::new(0).with_keys(0, 0); 20_000];
    let handles: Vec<Handle> = bank
        .download_set(&Selection::All, Options::default())
        .iter()
        .map(|item| Download::parse(&item.bytes).expect("we made it"))
        .map(|download| synth.install(download).map_err(|(e, _)| e).expect("room"))
        .collect();
    synth
        .schedule(SampleTime(0), 1, &[0x90, 60, 3])
        .expect("room");
    let mut block = [0_i16; 2 * BLOCK_FRAMES];
    let made = synth.render_some(SampleTime(0), &mut block);
    assert!(made.is_none() && synth.stats().voices == 0, "in the middle");
    for handle in handles {
        synth.unload(handle).expect("it is loaded");
    }
    // The wave is in nobody's use, the instrument is.
    assert!(
        synth.reap().is_some() && synth.reap().is_none(),
        "it is held"
    );
    synth.reset_for_run();
    while synth.reap().is_some() {}
    assert_eq!(synth.stats().free_memory, before);
}

/// Every note begins on its frame, however many begin with it.
#[test]
fn a_chord_of_hundreds_begins_on_its_frame() {
    let mut rig = with_voices(1024);
    rig.chord(300, 50);
    let (heard, steps) = rig.steps();
    println!("300 notes at frame 50: {steps} steps");
    assert!(heard[..50].iter().all(|x| *x == 0));
    let level = 300.0 * law(3) * LEVEL;
    assert!((f64::from(heard[50]) - level).abs() < 0.01 * level);
    assert!(heard[50..].iter().all(|x| *x == heard[50]));
}
