//! Which notes end which, and what a note plays (contract sections 11 and 13, dls.md section 5).

use dmusmini::dls::Download;
use dmusmini::synth::{Config, Handle};
use dmusmini::time::SampleTime;
use dmusmini_collection::{
    Bank, Block, Frames, Instrument, Options, Region, Sample, Selection, destination as dst, units,
};
use dmusmini_reference::measure::frequency;
use dmusmini_reference::test_bank::{LEVEL, RATE, UNITY, constant, sine, single};

use crate::rig::{Rig, cents, dc, law, near};

/// Kits 0 and 1, each with an open and a closed hi-hat in key group 1.
fn hats() -> Rig {
    let hat = |key, key_group| Region {
        key_group,
        ..Region::new(0).with_keys(key, key)
    };
    let kit = |patch| Instrument {
        patch,
        regions: vec![hat(42, 1), hat(46, 1), hat(51, 2)],
        ..Instrument::default()
    };
    let bank = Bank {
        instruments: vec![kit(0x8000_0000), kit(0x8000_0001)],
        waves: vec![constant()],
        ..Bank::default()
    };
    let config = Config {
        channel_groups: 2,
        ..Config::default()
    };
    Rig::new(&bank, &config)
}

#[test]
fn a_key_group_is_of_its_channel_and_program() {
    let both = law(90) + law(60);
    let mut rig = hats();
    rig.send(&[0x99, 46, 90]);
    rig.send(&[0x99, 42, 60]);
    near("one kit", rig.level(), law(60));

    let mut rig = hats();
    rig.send(&[0x99, 46, 90]);
    rig.send(&[0xC9, 1]);
    rig.send(&[0x99, 42, 60]);
    near("another program", rig.level(), both);
    rig.send(&[0x99, 46, 30]);
    // Its own key ends the first note, its group the second.
    near("the same program again", rig.level(), law(30));

    let mut rig = hats();
    // Part 1 plays drums too.
    rig.send(&[0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x15, 1, 0, 0xF7]);
    rig.send(&[0x99, 46, 90]);
    rig.send(&[0x90, 42, 60]);
    near("another channel", rig.level(), both);

    let mut rig = hats();
    rig.send(&[0x99, 46, 90]);
    rig.synth.use_group(2, &mut None).expect("there is room");
    for message in [[0xB9, 7, 127], [0xB9, 10, 0], [0x99, 42, 60]] {
        let sent = rig.synth.schedule(SampleTime(0), 2, &message);
        sent.expect("it is queued");
    }
    near("another group of channels", rig.level(), both);

    let mut rig = hats();
    rig.send(&[0x99, 46, 90]);
    rig.send(&[0x99, 51, 60]);
    near("another key group", rig.level(), both);
}

/// The oldest of them goes, and the next note-off is for the next one.
#[test]
fn a_note_off_ends_one_of_two_notes_on_a_key() {
    let mut bank = single(constant(), &[]);
    bank.instruments[0].regions[0].self_non_exclusive = true;
    for pedal in [0, 127] {
        let mut rig = Rig::new(&bank, &Config::default());
        // Older than both, on another key.
        rig.send(&[0x90, 40, 30]);
        rig.left(100);
        rig.send(&[0x90, 50, 90]);
        rig.left(100);
        rig.send(&[0x90, 50, 60]);
        near("two on a key", rig.level(), law(30) + law(90) + law(60));
        rig.send(&[0xB0, 64, pedal]);
        rig.send(&[0x80, 50, 0]);
        // What the pedal holds is off as far as its key goes.
        rig.send(&[0xB0, 64, 0]);
        near("the older is off", rig.level(), law(30) + law(60));
        rig.send(&[0x91, 50, 0]);
        rig.send(&[0x80, 51, 0]);
        near(
            "not by another key or channel",
            rig.level(),
            law(30) + law(60),
        );
        rig.send(&[0x80, 50, 0]);
        near("the younger too", rig.level(), law(30));
    }
    let mut rig = Rig::new(&bank, &Config::default());
    rig.send(&[0xB0, 64, 127]);
    rig.send(&[0x90, 50, 90]);
    rig.send(&[0x90, 50, 60]);
    rig.send(&[0x80, 50, 0]);
    rig.send(&[0x80, 50, 0]);
    near("the pedal holds both", rig.level(), law(90) + law(60));
    rig.send(&[0xB0, 64, 0]);
    near("and lets go of both", rig.level(), 0.0);
}

/// What another note ended, or whose voice was stolen, is no longer there to be released: the
/// note-off is for the note that sounds.
#[test]
fn a_note_off_is_not_spent_on_what_fades() {
    // A shutdown takes 15 ms.
    for frames in [0, 1, 100, 600] {
        let mut rig = dc();
        rig.send(&[0x90, 50, 127]);
        rig.left(1000);
        rig.send(&[0x90, 50, 90]);
        rig.left(frames);
        rig.send(&[0x80, 50, 0]);
        near("struck twice, released once", rig.level(), 0.0);
    }
    let config = Config {
        voices: 1,
        ..Config::default()
    };
    let mut bank = single(constant(), &[]);
    bank.instruments[0].regions[0].self_non_exclusive = true;
    let mut rig = Rig::new(&bank, &config);
    rig.send(&[0x90, 50, 127]);
    rig.left(1000);
    rig.send(&[0x90, 50, 90]);
    rig.send(&[0x80, 50, 0]);
    near("the first one's voice was stolen", rig.level(), 0.0);
}

#[test]
fn a_regions_sample_overrides_its_waves() {
    let play = |of_wave, of_region: Option<Sample>| {
        let mut bank = single(sine(1000.0), &[]);
        bank.waves[0].sample = of_wave;
        bank.instruments[0].regions[0].sample = of_region;
        let mut rig = Rig::new(&bank, &Config::default());
        rig.send(&[0x90, UNITY, 127]);
        rig
    };
    let looped = |unity_key, fine_tune, decibels| {
        let sample = Sample {
            fine_tune,
            gain: units::decibels(decibels),
            ..Sample::new(unity_key)
        };
        sample.with_loop(0, 4410)
    };
    let waves = looped(UNITY + 12, 30, -6.0206);
    let regions = looped(UNITY - 2, -50, -12.0412);
    let once = Sample::new(UNITY);
    // The cents, the level (0 where the wave is over).
    for (name, of_wave, of_region, expected, level) in [
        ("the wave's", Some(waves), None, -1170.0, 0.5),
        ("the region's", Some(waves), Some(regions), 150.0, 0.25),
        ("the region's alone", None, Some(regions), 150.0, 0.25),
        ("no loop in the region", Some(waves), Some(once), 0.0, 0.0),
        (
            "no loop in the wave",
            Some(once),
            Some(regions),
            150.0,
            0.25,
        ),
        ("neither's", None, None, 0.0, 0.0),
    ] {
        let mut rig = play(of_wave, of_region);
        let start = rig.left(4000);
        let rest = rig.left(RATE as usize);
        let loud = |peak: f64, x: &f64| peak.max(x.abs());
        near(name, rest[1000..].iter().fold(0.0, loud) / LEVEL, level);
        if level > 0.0 {
            let hertz = 1000.0 * (expected / 1200.0_f64).exp2();
            let found = frequency(&rest, hertz, RATE.into());
            near(name, cents(found), expected);
        } else {
            // Played once, at its own pitch: 4,000 frames of 1 kHz are 90.7 cycles.
            let rises = |pair: &&[f64]| pair[0] < 0.0 && pair[1] >= 0.0;
            let cycles = start.windows(2).filter(rises).count();
            assert!((90..=91).contains(&cycles), "{name}: {cycles} cycles");
        }
    }
}

/// An empty synth that banks of one instrument are loaded into.
struct Shelf {
    rig: Rig,
    next_id: u32,
}

impl Shelf {
    fn new() -> Self {
        let rig = Rig::new(&Bank::default(), &Config::default());
        Self { rig, next_id: 1 }
    }

    /// Loads an instrument that sounds at a level; its handle.
    fn load(&mut self, patch: u32, level: f64, is_gm: bool) -> Handle {
        let quieter = Block::fixed(dst::GAIN, units::decibels(20.0 * level.log10()));
        let mut bank = single(constant(), &[quieter]);
        bank.instruments[0].patch = patch;
        let options = Options {
            first_id: self.next_id,
            is_gm,
            ..Options::default()
        };
        let items = bank.download_set(&Selection::All, options);
        self.next_id += 16;
        let handles = items.iter().map(|item| {
            let download = Download::parse(&item.bytes).expect("we made it");
            let installed = self.rig.synth.install(download);
            installed.map_err(|(error, _)| error).expect("it fits")
        });
        // Waves come first.
        handles.last().expect("an instrument")
    }

    fn unload(&mut self, handle: Handle) {
        self.rig.synth.unload(handle).expect("it is loaded");
    }

    /// The level of a program of a channel, of its own accord.
    fn play(&mut self, channel: u8, program: u8) -> f64 {
        self.rig.send(&[0xB0 | channel, 120, 0]);
        self.rig.send(&[0xC0 | channel, program]);
        self.rig.send(&[0x90 | channel, 50, 127]);
        let level = self.rig.level();
        self.rig.send(&[0xB0 | channel, 120, 0]);
        self.rig.level();
        level
    }
}

#[test]
fn of_a_patch_the_newest_is_played_and_general_midis_last() {
    let mut shelf = Shelf::new();
    near("nothing is loaded", shelf.play(0, 7), 0.0);
    let own = shelf.load(7, 1.0, false);
    let gm = shelf.load(7, 0.5, true);
    near("an older one of its own", shelf.play(0, 7), 1.0);
    shelf.unload(own);
    near("General MIDI's alone", shelf.play(0, 7), 0.5);
    let newer_gm = shelf.load(7, 0.25, true);
    near("the newer of General MIDI's", shelf.play(0, 7), 0.25);
    let own = shelf.load(7, 0.8, false);
    let newer = shelf.load(7, 0.6, false);
    near("the newer of its own", shelf.play(0, 7), 0.6);
    near("another program", shelf.play(0, 8), 0.0);
    for (handle, next) in [(newer, 0.8), (own, 0.25), (newer_gm, 0.5), (gm, 0.0)] {
        shelf.unload(handle);
        near("what is left", shelf.play(0, 7), next);
    }
}

#[test]
fn a_missing_kit_is_the_standard_kit_and_a_missing_program_nothing() {
    let mut shelf = Shelf::new();
    shelf.load(0, 1.0, false);
    near("melodic ones are no drums", shelf.play(9, 5), 0.0);
    let kit = shelf.load(0x8000_0000, 0.5, true);
    near("kit 0", shelf.play(9, 0), 0.5);
    near("for kit 5", shelf.play(9, 5), 0.5);
    for controller in [0, 32] {
        shelf.rig.send(&[0xB9, controller, 3]);
        near("for a bank's kit 5", shelf.play(9, 5), 0.5);
    }
    near("drums are no melodic ones", shelf.play(0, 5), 0.0);
    near("the melodic one", shelf.play(0, 0), 1.0);
    let own = shelf.load(0x8003_0305, 0.25, false);
    near("the kit that was meant", shelf.play(9, 5), 0.25);
    shelf.unload(own);
    shelf.unload(kit);
    near("no kit at all", shelf.play(9, 5), 0.0);
}

/// Many collections leave a region's velocities 0 to 0, and mean all.
#[test]
fn no_velocities_are_all_velocities() {
    let mut bank = single(constant(), &[]);
    bank.instruments[0].regions[0].velocities = (0, 0);
    let mut rig = Rig::new(&bank, &Config::default());
    rig.send(&[0x90, 50, 90]);
    near("it sounds", rig.level(), law(90));
}

/// A region's own blocks leave the instrument's others alone.
#[test]
fn a_regions_blocks_go_over_its_instruments() {
    let gain = Block::fixed(dst::GAIN, units::decibels(-6.0206));
    let mut bank = single(constant(), &[gain]);
    let region = &mut bank.instruments[0].regions[0];
    region.articulation = vec![Block::fixed(dst::PAN, 0)];
    let mut louder = region.clone().with_velocities(100, 127);
    louder.articulation = vec![Block::fixed(dst::GAIN, 0)];
    *region = region.clone().with_velocities(1, 99);
    bank.instruments[0].regions.push(louder);
    let mut rig = Rig::new(&bank, &Config::default());
    rig.send(&[0x90, 50, 90]);
    near("the instrument's gain", rig.level(), law(90) / 2.0);
    rig.send(&[0x90, 50, 127]);
    near("the region's gain", rig.level(), 1.0);
}

/// 8-bit waves are unsigned: 128 is silence.
#[test]
fn eight_bits_have_their_silence_in_the_middle() {
    for (value, level) in [(128, 0.0), (192, 1.0), (64, -1.0)] {
        let mut wave = constant();
        wave.frames = Frames::Eight(vec![value; 64]);
        let mut rig = Rig::new(&single(wave, &[]), &Config::default());
        rig.send(&[0x90, 50, 127]);
        assert_eq!(rig.level(), level, "{value}");
    }
}
