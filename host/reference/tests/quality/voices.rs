//! Who gets a voice, whose voice is taken, and how many frames are made at once (contract section
//! 13.4).

use dmusmini::synth::{BLOCK_FRAMES, Config, Synth};
use dmusmini::time::SampleTime;
use dmusmini_collection::{
    Bank, Block, Instrument, Region, destination as dst, source as src, units,
};
use dmusmini_reference::test_bank::{LEVEL, UNITY, constant, drum_kit, single};

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

pub(crate) fn with_voices(voices: u16) -> Rig {
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
    pub(crate) fn some(&mut self) -> Vec<i16> {
        self.steps().0
    }

    /// The same, and how many steps it took.
    pub(crate) fn steps(&mut self) -> (Vec<i16>, usize) {
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
    pub(crate) fn chord(&mut self, notes: u16, at: i64) {
        for n in 0..notes {
            let message = [0x90 | (n % 8) as u8, (n / 8) as u8, 3];
            let frame = SampleTime(self.position + at);
            self.synth.schedule(frame, 1, &message).expect("room");
        }
    }

    pub(crate) fn sounding(&self) -> u32 {
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
