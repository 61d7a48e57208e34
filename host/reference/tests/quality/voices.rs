//! Who gets a voice, whose voice is taken, and how many frames are made at once (contract section
//! 13.4).

use dmusmini::dls::Download;
use dmusmini::synth::{BLOCK_FRAMES, BLOCK_WORK, Config, Effects, Handle, Storage, Synth};
use dmusmini::time::SampleTime;
use dmusmini_collection::{
    Bank, Block, Instrument, Options, Region, Selection, destination as dst, source as src, units,
};
use dmusmini_reference::test_bank::{LEVEL, Random, UNITY, constant, drum_kit, sine, single};

use crate::rig::{Rig, channel, law, near};

/// Notes that are told apart by their level, on four voices.
fn four_voices() -> Rig {
    let config = Config {
        voices: 4,
        ..Config::default()
    };
    let release = Block::fixed(dst::EG1_RELEASE, units::time(20.0));
    let mut rig = Rig::new(&single(constant(), &[release]), &config);
    for n in 0..4 {
        rig.send(&[0x90 | n, 50 + n, VELOCITIES[usize::from(n)]]);
        rig.left(100);
    }
    rig
}

const VELOCITIES: [u8; 4] = [30, 45, 60, 80];

#[test]
fn stealing_follows_priorities() {
    let mut rig = four_voices();
    let all: f64 = VELOCITIES.into_iter().map(law).sum();
    near("four notes", rig.level(), all);
    // Of channels 1 to 4 the last one's priority is the lowest.
    rig.synth
        .set_priority(1, channel(8), u32::MAX)
        .expect("open");
    rig.send(&[0x98, 60, 20]);
    near(
        "the lowest priority goes",
        rig.level(),
        all - law(80) + law(20),
    );
    // A note of lower priority than all that sounds is lost.
    rig.synth.set_priority(1, channel(9), 0).expect("open");
    rig.send(&[0x95, 61, 127]);
    near(
        "a lesser note is lost",
        rig.level(),
        all - law(80) + law(20),
    );
    assert_eq!(rig.synth.stats().notes_lost, 1);

    // Of the same priority: released ones first, the quietest of these; then the oldest.
    let config = Config {
        voices: 4,
        ..Config::default()
    };
    let release = Block::fixed(dst::EG1_RELEASE, units::time(40.0));
    let mut rig = Rig::new(&single(constant(), &[release]), &config);
    for (n, velocity) in (0..).zip(VELOCITIES) {
        rig.send(&[0x90, 50 + n, velocity]);
        rig.left(100);
    }
    rig.send(&[0x90, 60, 20]);
    near("the oldest goes", rig.level(), all - law(30) + law(20));
    rig.send(&[0x80, 53, 0]);
    rig.left(3000);
    rig.send(&[0x80, 52, 0]);
    rig.send(&[0x90, 61, 25]);
    let expected = law(45) + law(60) + law(20) + law(25);
    let found = rig.level();
    println!("the quietest released one goes: {found:.4}, about {expected:.4}");
    assert!((found - expected).abs() < 0.03);
}

/// A note that was released goes before one that is held, however old that is, and however little of its
/// release is over.
#[test]
fn a_released_note_goes_before_a_held_one() {
    let config = Config {
        voices: 2,
        ..Config::default()
    };
    let release = Block::fixed(dst::EG1_RELEASE, units::time(40.0));
    let mut rig = Rig::new(&single(constant(), &[release]), &config);
    rig.send(&[0x90, 50, 90]);
    rig.left(5000);
    rig.send(&[0x90, 51, 60]);
    rig.send(&[0x80, 51, 0]);
    rig.send(&[0x90, 52, 30]);
    near("the released one goes", rig.level(), law(90) + law(30));
}

#[test]
fn a_stolen_voice_fades_without_a_click() {
    let config = Config {
        voices: 1,
        ..Config::default()
    };
    let mut rig = Rig::new(&single(constant(), &[]), &config);
    rig.send(&[0x91, 50, 127]);
    rig.left(1000);
    rig.send(&[0x90, 51, 1]);
    let heard = rig.left(1000);
    let step = heard
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).abs())
        .fold(0.0, f64::max);
    let gone = heard.iter().position(|x| *x < 0.001 * LEVEL);
    println!(
        "steepest step {:.4} of the level, gone after {gone:?} frames",
        step / LEVEL
    );
    // 96 dB in a seventieth of a second are 1.7 % a frame.
    assert!(step <= 0.02 * LEVEL);
    assert!(gone.is_some_and(|frames| (300..=631).contains(&frames)));
}

#[test]
fn a_full_queue_counts_what_it_loses() {
    let config = Config {
        event_capacity: 1000,
        ..Config::default()
    };
    let mut synth = Synth::try_new(&config).expect("there is memory");
    let lost = (0..1500)
        .filter(|n| synth.schedule(SampleTime(*n), 1, &[0x90, 60, 1]).is_err())
        .count();
    assert_eq!((lost, synth.stats().events_lost), (500, 500));
}

fn with_voices(voices: u16) -> Rig {
    let config = Config {
        voices,
        ..Config::default()
    };
    // On its own key whatever is played: nothing rings.
    let untuned = Block::new(src::KEY, 0, dst::PITCH, 0, 0);
    Rig::new(&single(constant(), &[untuned]), &config)
}

impl Rig {
    /// A block as the driver renders it, in steps: the left frames of it.
    fn some(&mut self) -> Vec<i16> {
        self.steps().0
    }

    /// The same, and how many steps it took.
    fn steps(&mut self) -> (Vec<i16>, usize) {
        let mut block = [0_i16; 2 * BLOCK_FRAMES];
        let mut steps = 1;
        let position = SampleTime(self.position);
        while self.synth.render_some(position, &mut block).is_none() {
            steps += 1;
        }
        self.position += BLOCK_FRAMES as i64;
        (block.iter().step_by(2).copied().collect(), steps)
    }

    /// Notes of velocity 3 on as many channels and keys as it takes, in `at` frames.
    fn chord(&mut self, notes: u16, at: i64) {
        for n in 0..notes {
            let message = [0x90 | (n % 8) as u8, (n / 8) as u8, 3];
            let frame = SampleTime(self.position + at);
            self.synth.schedule(frame, 1, &message).expect("room");
        }
    }

    fn sounding(&self) -> u32 {
        let stats = self.synth.stats();
        stats.voices + stats.fading
    }
}

/// What fades is no note any more, and is counted apart.
#[test]
fn no_more_voices_are_counted_than_there_may_be() {
    for (voices, places) in [(1, 5), (16, 20), (64, 80), (1024, 1280)] {
        let mut rig = with_voices(voices);
        let mut most = 0;
        for round in 0..6 {
            // Three times as many notes as there are voices, on keys that move.
            for n in 0..voices * 3 {
                let key = ((n / 8 + round * 48) % 128) as u8;
                rig.send(&[0x90 | (n % 8) as u8, key, 1]);
                if n % 32 == 31 {
                    rig.some();
                }
                let stats = rig.synth.stats();
                assert!(stats.voices <= u32::from(voices), "{stats:?}");
                most = most.max(rig.sounding());
                assert!(most <= places, "{stats:?}");
            }
            rig.send(&[0xB0, 120, 0]);
            rig.left(200);
        }
        let peak = rig.synth.stats().peak_voices;
        println!("{voices} voices: peak {peak}, with what fades {most}");
        assert_eq!(peak, u32::from(voices));
        assert!(most > u32::from(voices), "nothing ever faded");
        rig.send(&[0xF0, 0x7E, 0x7F, 9, 1, 0xF7]);
        rig.left(60_000);
        assert_eq!(rig.sounding(), 0);
    }
}

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

/// From silence 390 notes fit into one frame's work; what does not is late, and not lost.
#[test]
fn a_flood_is_spread_and_not_lost() {
    let mut rig = with_voices(1024);
    rig.chord(390, 0);
    rig.some();
    assert_eq!(rig.sounding(), 390, "on one frame");
    let mut rig = with_voices(1024);
    rig.chord(1024, 0);
    let mut frames = 0;
    while rig.sounding() < 1024 {
        frames += rig.some().len();
        assert!(frames < 2000, "{} notes", rig.sounding());
    }
    println!("1,024 notes on one frame: the last begins {frames} frames late");
    assert_eq!(rig.synth.stats().notes_lost, 0);
}

/// What a message costs that every voice hears is paid in the frames after it: a flood of them
/// takes no more work than frames go by.
#[test]
fn what_an_event_costs_too_much_the_next_ones_wait_for() {
    let mut rig = with_voices(1024);
    rig.chord(1024, 0);
    rig.left(3000);
    // Each is heard by 1,024 voices: seventeen blocks' worth at once.
    for value in 0..2000 {
        let value = 100 + (value / 100) as u8;
        rig.send(&[0xF0, 0x7F, 0x7F, 4, 1, 0, value, 0xF7]);
    }
    let mut levels = Vec::new();
    for _ in 0..400 {
        levels.push(rig.some()[0]);
    }
    levels.dedup();
    println!("{} different levels", levels.len());
    // A block's work obeys 120 of them, and half of it is owed for what the voices do then.
    assert!(levels.len() > 25, "what was owed is not paid");
    let right = 1024.0 * law(3) * LEVEL * law(119);
    let last = f64::from(*levels.last().expect("some"));
    assert!((last - right.min(32_767.0)).abs() < 0.01 * right, "{last}");
}

/// What a note costs that is looked for in tens of thousands of regions, the next ones wait for.
#[test]
fn a_flood_of_notes_of_a_huge_instrument_is_spread() {
    let mut bank = single(constant(), &[]);
    let huge = Instrument {
        patch: 1,
        regions: vec![Region::new(0).with_keys(0, 0); 30_000],
        ..Instrument::default()
    };
    bank.instruments.push(huge);
    let mut rig = Rig::new(&bank, &Config::default());
    rig.send(&[0xC1, 1]);
    rig.send(&[0x90, UNITY, 127]);
    rig.left(64);
    for _ in 0..1000 {
        rig.send(&[0x91, UNITY, 127]);
    }
    rig.send(&[0xB0, 120, 0]);
    // A thousand searches of 30,000 regions are worth 29,000 frames.
    near("there is time to sound", rig.level(), 1.0);
    let mut seconds = 0;
    while rig.synth.stats().voices > 0 {
        rig.left(44_100);
        seconds += 1;
        assert!(seconds < 2, "the last event never comes");
    }
}

/// Events that wait for work to be done are late: a clock that starts anew does not make them wait
/// until it gets there again.
#[test]
fn a_restarted_clock_leaves_no_event_behind() {
    let mut rig = with_voices(1024);
    rig.position = 10_000_000;
    rig.chord(1024, 0);
    for channel in 0..8 {
        rig.send(&[0xB0 | channel, 120, 0]);
    }
    rig.some();
    assert!(rig.sounding() < 1024, "some wait");
    rig.position = 0;
    rig.left(4000);
    assert_eq!(rig.sounding(), 0, "they wait still");
}

/// A note that finds no place even among those that fade is lost, and hurts nobody.
#[test]
fn a_note_that_finds_no_place_takes_nobodys() {
    let mut rig = four_voices();
    // Those four fade, and with these four all places are taken.
    for n in 0..7 {
        rig.send(&[0x90, 60 + n, 50]);
    }
    near("the first four alone", rig.level(), 4.0 * law(50));
    assert_eq!(rig.synth.stats().notes_lost, 3);
}

/// Of six layers four sound where there are four voices: a note does not steal from itself.
#[test]
fn a_note_takes_no_voice_from_itself() {
    let bank = Bank {
        name: String::new(),
        instruments: vec![Instrument {
            regions: (0..6)
                .map(|n| Region {
                    articulation: vec![Block::fixed(
                        dst::GAIN,
                        units::decibels(-6.0206 * f64::from(n)),
                    )],
                    ..Region::new(0)
                })
                .collect(),
            ..Instrument::default()
        }],
        waves: vec![constant()],
    };
    let config = Config {
        voices: 4,
        ..Config::default()
    };
    let mut rig = Rig::new(&bank, &config);
    rig.send(&[0x90, 60, 100]);
    near("four of six layers", rig.level(), law(100) * 1.875);
    assert_eq!(rig.synth.stats().notes_lost, 1);
    // The next note takes all four.
    rig.send(&[0x90, 61, 90]);
    near("the next note's four", rig.level(), law(90) * 1.875);
}

/// Sound off is at once, even for a voice that another note shut down slowly.
#[test]
fn sound_off_hurries_what_is_being_shut_down() {
    for sound_off in [false, true] {
        let mut kit = drum_kit(0);
        for region in &mut kit.regions {
            let slow = Block::fixed(dst::EG1_SHUTDOWN, units::time(10.0));
            region.articulation.push(slow);
        }
        let bank = Bank {
            name: String::new(),
            instruments: vec![kit],
            waves: vec![constant()],
        };
        let mut rig = Rig::new(&bank, &Config::default());
        rig.send(&[0x99, 46, 127]);
        rig.left(100);
        rig.send(&[0x99, 42, 1]);
        assert!(rig.level() > 0.5, "shut down slowly");
        assert_eq!(rig.synth.stats().fading, 1);
        if sound_off {
            rig.send(&[0xB9, 120, 0]);
            near("after sound off", rig.level(), 0.0);
            assert_eq!(rig.sounding(), 0);
        } else {
            assert!(rig.level() > 0.5);
        }
    }
}
