//! Messages: pedals, modes, resets, tunings, banks (contract section 13).

use dmusmini::synth::Config;
use dmusmini_collection::{
    Bank, Block, Instrument, Region, destination as dst, source as src, units,
};
use dmusmini_reference::test_bank::{RATE, UNITY, constant, sine, single};

use crate::rig::{Rig, cents, channel, dc, law, near, tone};

#[test]
fn mono_and_poly() {
    let mut rig = dc();
    rig.send(&[0x90, 50, 127]);
    rig.send(&[0xB0, 126, 1]);
    near("mono mode ends what sounds", rig.level(), 0.0);
    rig.send(&[0x90, 50, 127]);
    rig.level();
    rig.send(&[0x90, 60, 127]);
    near("mono: the second note alone", rig.level(), 1.0);
    rig.send(&[0xB0, 127, 0]);
    near("poly mode ends it", rig.level(), 0.0);
    rig.send(&[0x90, 50, 90]);
    rig.send(&[0x90, 60, 90]);
    near("poly: both", rig.level(), 2.0 * law(90));
}

#[test]
fn notes_off_and_sound_off() {
    for controller in 123..=125 {
        let mut rig = dc();
        rig.send(&[0x90, 50, 127]);
        rig.send(&[0xB0, 64, 127]);
        rig.send(&[0xB0, controller, 0]);
        near("notes off honours the pedal", rig.level(), 1.0);
        rig.send(&[0xB0, 64, 0]);
        near("and ends with it", rig.level(), 0.0);
    }
    let mut rig = dc();
    rig.send(&[0xB0, 64, 127]);
    rig.send(&[0x90, 50, 127]);
    rig.send(&[0xB0, 120, 0]);
    near("sound off does not", rig.level(), 0.0);
}

#[test]
fn sostenuto_holds_what_was_down() {
    let mut rig = dc();
    rig.send(&[0x90, 50, 127]);
    rig.send(&[0xB0, 66, 127]);
    rig.send(&[0x90, 60, 90]);
    rig.send(&[0x80, 50, 0]);
    rig.send(&[0x80, 60, 0]);
    near("the first note alone is held", rig.level(), 1.0);
    rig.send(&[0xB0, 66, 0]);
    near("until the pedal is up", rig.level(), 0.0);
}

/// The dampers stay up as long as either pedal holds them, in whatever order they come and go.
#[test]
fn the_sustain_pedal_takes_over_what_sostenuto_holds() {
    let mut rig = dc();
    rig.send(&[0x90, 50, 127]);
    rig.send(&[0xB0, 66, 127]);
    rig.send(&[0x80, 50, 0]);
    rig.send(&[0xB0, 64, 127]);
    rig.send(&[0xB0, 66, 0]);
    near("the dampers are still up", rig.level(), 1.0);
    // A key that is down when the pedal moves has its own note-off to come.
    rig.send(&[0x90, 60, 90]);
    rig.send(&[0xB0, 64, 0]);
    near("the key that is down stays", rig.level(), law(90));
    rig.send(&[0x80, 60, 0]);
    near("and ends with its key", rig.level(), 0.0);
}

#[test]
fn the_soft_pedal_takes_six_decibels_of_later_notes() {
    let mut rig = dc();
    rig.send(&[0x90, 50, 127]);
    rig.send(&[0xB0, 67, 127]);
    near("a note that sounds stays", rig.level(), 1.0);
    rig.send(&[0x90, 60, 127]);
    near("a later one is soft", rig.level(), 1.0 + 10_f64.powf(-0.3));
}

#[test]
fn portamento_glides_evenly_in_cents() {
    // CC5 64: 13 octaves of time are 127 steps from 1 ms on.
    let seconds = 0.001 * (64.0 * 13.0 / 127.0_f64).exp2();
    for named in [false, true] {
        let mut rig = tone();
        rig.send(&[0xB0, 5, 64]);
        if named {
            rig.send(&[0xB0, 84, UNITY - 12]);
        } else {
            rig.send(&[0xB0, 65, 127]);
            rig.send(&[0x90, UNITY - 12, 1]);
            rig.send(&[0x80, UNITY - 12, 0]);
            rig.left(2000);
        }
        rig.send(&[0x90, UNITY, 127]);
        // As many cycles as an even glide over an octave has, and then 1 kHz.
        let glide = (seconds * f64::from(RATE)) as usize;
        let heard = rig.left(glide);
        let crossings = heard
            .windows(2)
            .filter(|w| w[0] < 0.0 && w[1] >= 0.0)
            .count();
        let ideal = 1000.0 * seconds * (1.0 - 0.5) / 2_f64.ln();
        println!("{seconds:.3} s of glide: {crossings} cycles (ideally {ideal:.1})");
        assert!((crossings as f64 - ideal).abs() <= 2.0);
        near(
            "and then the note's own pitch",
            cents(rig.hertz(1000.0)),
            0.0,
        );
    }
}

/// What the key does not tune, the key before it does not either; and kits have no keys to glide.
#[test]
fn portamento_goes_as_far_as_keys_are_apart() {
    for (scale, patch, apart) in [
        (0.0, 0, 0.0),
        (6_400.0, 0, -600.0),
        (12_800.0, 0x8000_0000, 0.0),
    ] {
        let mut bank = single(
            sine(1000.0),
            &[Block::new(
                src::KEY,
                src::NONE,
                dst::PITCH,
                0,
                units::cents(scale),
            )],
        );
        bank.instruments[0].patch = patch;
        let channel = if patch == 0 { 0 } else { 9 };
        let mut rig = Rig::new(&bank, &Config::default());
        // 8.2 s: it has hardly begun when the pitch is taken.
        rig.send(&[0xB0 | channel, 5, 127]);
        rig.send(&[0xB0 | channel, 84, UNITY - 12]);
        rig.send(&[0x90 | channel, UNITY, 127]);
        let heard = rig.left(RATE as usize / 2);
        let cycles = heard.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0);
        let found = 1200.0 * (cycles.count() as f64 / 500.0).log2();
        // The mean of the first half second.
        let ideal = apart * (1.0 - 0.25 / 8.2);
        println!("scale {scale}: {found:.0} cents, ideally {ideal:.0}");
        assert!((found - ideal).abs() < 15.0, "scale {scale}");
    }
}

/// GM, GM 2, GS and XG: sound off, controllers, drum parts, tuning and volume at rest.
#[test]
fn resets_bring_everything_to_rest() {
    let resets: [(&str, &[u8]); 5] = [
        ("GM", &[0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7]),
        ("GM off", &[0xF0, 0x7E, 0x7F, 0x09, 0x02, 0xF7]),
        ("GM 2", &[0xF0, 0x7E, 0x10, 0x09, 0x03, 0xF7]),
        (
            "GS",
            &[0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0, 0x7F, 0, 0x41, 0xF7],
        ),
        ("XG", &[0xF0, 0x43, 0x10, 0x4C, 0, 0, 0x7E, 0, 0xF7]),
    ];
    for (name, reset) in resets {
        let mut rig = dc();
        rig.synth
            .set_priority(1, channel(0), 5)
            .expect("it is open");
        rig.send(&[0x90, 50, 127]);
        rig.send(&[0xF0, 0x7F, 0x7F, 4, 1, 0, 20, 0xF7]);
        rig.send(&[0xC0, 9]);
        rig.send(&[0xB0, 64, 127]);
        rig.send(reset);
        near(&format!("{name} ends what sounds"), rig.level(), 0.0);
        assert_eq!(rig.synth.stats().voices, 0, "{name}");
        assert_eq!(rig.synth.priority(1, channel(0)), Ok(0x8000_000E), "{name}");
        rig.send(&[0x90, 50, 127]);
        // CC7 100, pan centre, program 0, pedal up.
        near(name, rig.level(), law(100) * 0.5_f64.sqrt());
        rig.send(&[0x80, 50, 0]);
        near(&format!("{name} lifts pedals"), rig.level(), 0.0);
    }
}

#[test]
fn master_volume_and_tuning() {
    let mut rig = dc();
    rig.send(&[0x90, 50, 127]);
    rig.send(&[0xF0, 0x7F, 0x7F, 4, 1, 0x7F, 64, 0xF7]);
    let fourteen = f64::from(64 << 7 | 0x7F) / f64::from(127 << 7);
    near("master volume", rig.level(), fourteen.powi(2));
    // Many senders leave the fine byte at 0: 127 is full volume all the same (contract 13.3).
    for value in [127, 100, 1] {
        rig.send(&[0xF0, 0x7F, 0x7F, 4, 1, 0, value, 0xF7]);
        near("master volume of seven bits", rig.level(), law(value));
    }
    let mut rig = tone();
    rig.send(&[0xF0, 0x7F, 0x7F, 4, 3, 0, 96, 0xF7]);
    rig.send(&[0x90, UNITY, 127]);
    near("master fine tuning", cents(rig.hertz(1029.0)), 50.0);
    rig.send(&[0xF0, 0x7F, 0x7F, 4, 4, 0, 61, 0xF7]);
    near("and coarse", cents(rig.hertz(865.0)), -250.0);
}

#[test]
fn scale_tuning_is_of_its_part_and_note() {
    let mut rig = tone();
    // Part 1: C 30 cents up.
    rig.send(&[0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x40, 94, 0, 0xF7]);
    rig.send(&[0x90, UNITY, 127]);
    near("C on channel 1", cents(rig.hertz(1017.0)), 30.0);
    rig.send(&[0xB0, 120, 0]);
    rig.send(&[0x91, UNITY, 127]);
    near("C on channel 2", cents(rig.hertz(1000.0)), 0.0);
}

/// A melodic program 0 at level 1, a melodic 5 at 1/2, a kit at 1/4.
fn kits() -> Bank {
    let instrument = |patch, decibels: f64| Instrument {
        patch,
        name: String::new(),
        regions: vec![Region::new(0)],
        articulation: vec![Block::fixed(dst::GAIN, units::decibels(decibels))],
    };
    Bank {
        name: String::new(),
        instruments: vec![
            instrument(0, 0.0),
            instrument(5, -6.0206),
            instrument(0x8000_0000, -12.0412),
        ],
        waves: vec![constant()],
    }
}

#[test]
fn parts_become_drums_and_listen_to_other_channels() {
    let rhythm: [(&str, &[u8]); 2] = [
        (
            "GS",
            &[0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x15, 1, 0, 0xF7],
        ),
        ("XG", &[0xF0, 0x43, 0x10, 0x4C, 0x08, 0, 0x07, 1, 0xF7]),
    ];
    for (name, message) in rhythm {
        let mut rig = Rig::new(&kits(), &Config::default());
        rig.send(&[0x90, 50, 127]);
        near("melodic", rig.level(), 1.0);
        rig.send(message);
        near("what sounded ends", rig.level(), 0.0);
        rig.send(&[0x90, 50, 127]);
        near(&format!("{name}: a drum part"), rig.level(), 0.25);
    }
    let mut rig = Rig::new(&kits(), &Config::default());
    rig.send(&[0x99, 50, 127]);
    near("channel 10 is drums", rig.level(), 0.25);
    rig.send(&[0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x10, 0x15, 0, 0, 0xF7]);
    rig.level();
    rig.send(&[0x99, 50, 127]);
    near("and may be melodic", rig.level(), 1.0);
    // Part 2 listens to channel 1: both play.
    let mut rig = Rig::new(&kits(), &Config::default());
    rig.send(&[0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x12, 0x02, 0, 0, 0xF7]);
    rig.send(&[0x90, 50, 90]);
    near("two parts on one channel", rig.level(), 2.0 * law(90));
}

/// The note-off of a key that is down goes to the channel that the part has left.
#[test]
fn a_part_that_leaves_its_channel_lets_go() {
    for channel in [0x10, 5] {
        let gs = [
            0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x02, channel, 0, 0xF7,
        ];
        let xg = [0xF0, 0x43, 0x10, 0x4C, 0x08, 0, 0x04, channel, 0xF7];
        for message in [&gs[..], &xg] {
            let mut rig = dc();
            rig.send(&[0xB0, 64, 127]);
            rig.send(&[0x90, 50, 90]);
            rig.send(&[0x80, 50, 0]);
            rig.send(&[0x90, 60, 90]);
            // It listens to this channel already.
            let mut same = message.to_vec();
            let value = if same.len() > 9 { 8 } else { 7 };
            same[value] = 0;
            rig.send(&same);
            near("on its channel", rig.level(), 2.0 * law(90));
            rig.send(message);
            rig.send(&[0x80, 60, 0]);
            rig.send(&[0xB0, 64, 0]);
            near("on another", rig.level(), 0.0);
            assert_eq!(rig.synth.stats().voices, 0, "a note hangs");
            // Nor does the pedal wait there for later notes.
            rig.send(&[0x95, 50, 90]);
            rig.send(&[0x85, 50, 0]);
            near("and no pedal came along", rig.level(), 0.0);
        }
    }
}

#[test]
fn missing_banks_fall_back_where_the_standard_says_so() {
    let gs: &[u8] = &[0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0, 0x7F, 0, 0x41, 0xF7];
    let xg: &[u8] = &[0xF0, 0x43, 0x10, 0x4C, 0, 0, 0x7E, 0, 0xF7];
    let play = |reset: &[u8], msb, program| {
        let mut rig = Rig::new(&kits(), &Config::default());
        if !reset.is_empty() {
            rig.send(reset);
            rig.rest();
        }
        rig.send(&[0xB0, 0, msb]);
        rig.send(&[0xC0, program]);
        rig.send(&[0x90, 50, 127]);
        rig.level()
    };
    near("DLS: a missing bank is silent", play(&[], 8, 5), 0.0);
    near("GS: the capital tone", play(gs, 8, 5), 0.5);
    near("XG: bank 0", play(xg, 8, 5), 0.5);
    near("XG: bank 127 is drums", play(xg, 127, 0), 0.25);
    near("GS: bank 127 is not", play(gs, 127, 5), 0.5);
    near("DLS: a missing program is silent", play(&[], 0, 6), 0.0);
    // A variation falls back to its bank before it falls back to bank 0.
    let mut bank = kits();
    bank.instruments[1].patch = 8 << 16 | 5;
    bank.instruments[0].patch = 5;
    for (reset, level) in [(gs, 0.5), (xg, 0.5), (&[], 0.0)] {
        let mut rig = Rig::new(&bank, &Config::default());
        if !reset.is_empty() {
            rig.send(reset);
            rig.rest();
        }
        for message in [
            &[0xB0, 0, 8][..],
            &[0xB0, 32, 3],
            &[0xC0, 5],
            &[0x90, 50, 127],
        ] {
            rig.send(message);
        }
        near("bank 8, variation 3", rig.level(), level);
    }
}
