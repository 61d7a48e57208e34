//! What notes, keys, pedals and loops do (dls.md sections 2, 5 and 7).

use dmusmini_collection::{
    Bank, Block, Instrument, Region, destination as dst, source as src, units,
};
use dmusmini_reference::measure::{decibels, frequency, peak, rms};
use dmusmini_reference::test_bank::{
    LEVEL, RATE, UNITY, constant, drum_kit, layers, release_loop, short_loop, sine, single,
};

use crate::player::{Player, SUBJECTS, Subject, at_most};

/// Plays `script` on `bank`, hard left at full volume.
fn play(
    subject: Subject,
    bank: &Bank,
    count: usize,
    script: impl FnOnce(&mut dyn Player),
) -> Vec<f64> {
    let mut player = subject.player(bank, RATE);
    player.full_left();
    script(&mut *player);
    player.left(count)
}

/// Release of 0.1 s, so that releases and cuts can be told apart.
fn slow_release() -> [Block; 1] {
    [Block::fixed(dst::EG1_RELEASE, units::time(0.5))]
}

#[test]
fn a_note_ends_the_earlier_one_of_its_key() {
    for &subject in SUBJECTS {
        let bank = single(constant(), &slow_release());
        let heard = play(subject, &bank, 4000, |player| {
            player.note_on(0, UNITY, 127);
            player.note_on(1000, UNITY, 127);
        });
        // 15 ms for 96 dB; two notes would be twice the level.
        at_most(
            subject,
            "level after the same key again",
            heard[2000] / LEVEL,
            1.001,
        );
        assert!(heard[1001] > 1.5 * LEVEL, "{subject:?}: cut without a ramp");

        let mut bank = single(constant(), &slow_release());
        bank.instruments[0].regions[0].self_non_exclusive = true;
        let heard = play(subject, &bank, 4000, |player| {
            player.note_on(0, UNITY, 127);
            player.note_on(1000, UNITY, 127);
        });
        at_most(
            subject,
            "two non-exclusive notes, error",
            (heard[2000] / LEVEL - 2.0).abs(),
            0.001,
        );
    }
}

#[test]
fn layers_of_one_note_sound_together() {
    for &subject in SUBJECTS {
        let mut instrument = layers();
        instrument.patch = 0;
        let bank = Bank {
            name: String::new(),
            instruments: vec![instrument],
            waves: vec![constant(), constant()],
        };
        for (velocity, count) in [(30, 1.0), (60, 2.0), (100, 1.0)] {
            let heard = play(subject, &bank, 2000, |player| {
                player.note_on(0, UNITY, velocity);
            });
            let law = (f64::from(velocity) / 127.0).powi(2);
            let error = (heard[1999] / LEVEL / law - count).abs();
            at_most(
                subject,
                &format!("layers at velocity {velocity}, error"),
                error,
                0.003,
            );
            // One note-off ends all of them.
            let heard = play(subject, &bank, 2000, |player| {
                player.note_on(0, UNITY, velocity);
                player.note_off(500, UNITY);
            });
            assert_eq!(rms(&heard[1500..]), 0.0, "{subject:?}: a layer hangs");
        }
    }
}

#[test]
fn key_groups_cut_each_other_and_nothing_else() {
    let bank = Bank {
        name: String::new(),
        instruments: vec![drum_kit(0)],
        waves: vec![constant()],
    };
    let drum = |player: &mut dyn Player, frame, key| player.schedule(frame, &[0x99, key, 127]);
    for &subject in SUBJECTS {
        let level = |keys: &[u8]| {
            let mut player = subject.player(&bank, RATE);
            for (controller, value) in [(7, 127), (11, 127), (10, 0)] {
                player.schedule(0, &[0xB9, controller, value]);
            }
            for (at, &key) in (0_u64..).step_by(2000).zip(keys) {
                drum(&mut *player, at, key);
            }
            let heard = player.left(2000 * (keys.len() - 1) + 1500);
            heard.last().copied().unwrap_or(0.0) / LEVEL
        };
        // How loud a drum is 1,500 and 3,500 frames after its start.
        let fresh = 10_f64.powf(-96.0 * 1500.0 / (4.0 * 44_100.0) / 20.0);
        let older = 10_f64.powf(-96.0 * 3500.0 / (4.0 * 44_100.0) / 20.0);
        let error = (level(&[46, 42]) - fresh).abs();
        at_most(subject, "closed after open hi-hat, error", error, 0.002);
        let error = (level(&[46, 80]) - fresh - older).abs();
        at_most(subject, "other group, error", error, 0.002);
        let error = (level(&[36, 38]) - fresh - older).abs();
        at_most(subject, "no group, error", error, 0.002);
    }
}

/// A drum's note-off comes at once in many songs; the drum decays all the same.
#[test]
fn a_drum_of_no_length_still_sounds() {
    let bank = Bank {
        name: String::new(),
        instruments: vec![drum_kit(0)],
        waves: vec![constant()],
    };
    for &subject in SUBJECTS {
        let mut player = subject.player(&bank, RATE);
        player.schedule(100, &[0x99, 36, 127]);
        player.schedule(100, &[0x89, 36, 0]);
        let heard = player.left(4000);
        let loudest = peak(&heard);
        println!("{subject:?}: a drum of no length peaks at {loudest:.1}");
        assert!(loudest > 0.3 * LEVEL && heard[3999] > 0.1 * LEVEL);
    }
}

#[test]
fn pedals_hold_notes() {
    for &subject in SUBJECTS {
        let bank = single(constant(), &[]);
        let heard = play(subject, &bank, 4000, |player| {
            player.control(0, 64, 127);
            player.note_on(0, UNITY, 127);
            player.note_off(500, UNITY);
            player.control(2000, 64, 0);
        });
        assert!(
            heard[1999] > 0.99 * LEVEL,
            "{subject:?}: the pedal does not hold"
        );
        assert_eq!(
            rms(&heard[3000..]),
            0.0,
            "{subject:?}: the pedal does not let go"
        );
    }
}

#[test]
fn reset_all_controllers_resets_what_the_text_says() {
    for &subject in SUBJECTS {
        let bank = single(sine(1000.0), &[]);
        let heard = play(subject, &bank, 60_000, |player| {
            player.control(0, 7, 90);
            player.control(0, 11, 50);
            player.schedule(0, &[0xE0, 0, 96]);
            player.control(0, 121, 0);
            player.note_on(100, UNITY, 127);
        });
        let found = frequency(&heard[1000..], 1000.0, RATE.into());
        at_most(
            subject,
            "wheel after reset, Hz",
            (found - 1000.0).abs(),
            0.01,
        );
        let level = decibels(rms(&heard[10_000..54_100]) * 2_f64.sqrt() / LEVEL);
        let error = level - 40.0 * (90.0_f64 / 127.0).log10();
        at_most(subject, "CC7 stays and CC11 goes, dB", error.abs(), 0.05);
    }
}

#[test]
fn the_wheel_and_its_range_bend() {
    for &subject in SUBJECTS {
        let bank = single(sine(1000.0), &[]);
        let mut worst = 0.0_f64;
        for (range, wheel) in [(2_u8, 0_u16), (2, 16_383), (12, 12_288), (24, 0), (0, 0)] {
            let heard = play(subject, &bank, 50_000, |player| {
                for (controller, value) in [(101, 0), (100, 0), (6, range), (38, 0)] {
                    player.control(0, controller, value);
                }
                player.schedule(0, &[0xE0, (wheel & 127) as u8, (wheel >> 7) as u8]);
                player.note_on(0, UNITY, 127);
            });
            let bend = (f64::from(wheel) - 8192.0) / 8192.0 * f64::from(range) / 12.0;
            let right = 1000.0 * bend.exp2();
            let found = frequency(&heard[1000..], right, RATE.into());
            worst = worst.max(1200.0 * (found / right).log2().abs());
        }
        at_most(subject, "bent pitch, cents", worst, 0.01);
    }
}

/// A step longer than the loop crosses it several times (a public player panics there).
#[test]
fn short_loops_are_crossed_many_times() {
    for &subject in SUBJECTS {
        for (total, length) in [(8, 1), (8, 2), (64, 64), (9, 3)] {
            let bank = single(short_loop(total, length), &[]);
            for key in [0, UNITY, 127] {
                let heard = play(subject, &bank, 20_000, |player| player.note_on(0, key, 127));
                assert!(
                    peak(&heard) <= 65_536.0,
                    "{subject:?}: {total}/{length} key {key}"
                );
                if length == 1 && key == 127 {
                    // A loop of one frame is a constant.
                    let tail = &heard[10_000..];
                    assert!(
                        tail.iter().all(|x| (x - tail[0]).abs() < 0.5),
                        "{subject:?}"
                    );
                }
            }
        }
    }
    println!("loops of 1, 2, 3 and 64 frames, at the end of the wave, keys 0 to 127: in bounds");
}

#[test]
fn a_release_loop_is_left_at_note_off() {
    for &subject in SUBJECTS {
        let blocks = [Block::fixed(dst::EG1_RELEASE, units::time(40.0))];
        let bank = single(release_loop(2000), &blocks);
        let heard = play(subject, &bank, 8000, |player| {
            player.note_on(0, UNITY, 127);
            player.note_off(4000, UNITY);
        });
        assert!(
            heard[3999] > 0.99 * LEVEL,
            "{subject:?}: the loop does not hold"
        );
        let tail = heard[4500] / LEVEL;
        at_most(
            subject,
            "level in the tail, error",
            (tail - 0.25).abs(),
            0.01,
        );
        let end = heard
            .iter()
            .rposition(|&x| x.abs() > 1.0)
            .expect("it sounds");
        // The rest of the loop, then the tail.
        println!(
            "{subject:?}: the wave ends {} frames after note-off",
            end - 4000
        );
        assert!(
            (2000..=2064 + 16).contains(&(end - 4000)),
            "{subject:?}: {end}"
        );
    }
}

/// Bank select waits for the program change; an unknown bank falls back to bank 0.
#[test]
fn bank_selects_are_honoured() {
    let instrument = |patch, cents: f64| Instrument {
        patch,
        name: String::new(),
        regions: vec![Region::new(0)],
        articulation: vec![Block::fixed(dst::PITCH, units::cents(cents))],
    };
    let bank = Bank {
        name: String::new(),
        instruments: vec![
            instrument(5, 0.0),
            instrument(1 << 16 | 5, 100.0),
            instrument(1 << 16 | 2 << 8 | 5, 200.0),
        ],
        waves: vec![sine(1000.0)],
    };
    for &subject in SUBJECTS {
        for (select, cents) in [
            (&[][..], 0.0),
            (&[(0, 1)], 100.0),
            (&[(0, 1), (32, 2)], 200.0),
        ] {
            let heard = play(subject, &bank, 30_000, |player| {
                for &(controller, value) in select {
                    player.control(0, controller, value);
                }
                player.schedule(0, &[0xC0, 5]);
                player.note_on(0, UNITY, 127);
                // Too late for this note.
                player.control(10, 0, 0);
            });
            let right = 1000.0 * (cents / 1200.0_f64).exp2();
            let found = frequency(&heard, right, RATE.into());
            at_most(
                subject,
                &format!("{select:?}, Hz off"),
                (found - right).abs(),
                0.01,
            );
        }
    }
}

/// Key to pitch 0: every key plays the wave at its own rate.
#[test]
fn an_untuned_drum_has_one_pitch() {
    for &subject in SUBJECTS {
        let bank = single(sine(1000.0), &[Block::new(src::KEY, 0, dst::PITCH, 0, 0)]);
        for key in [20, UNITY, 100] {
            let heard = play(subject, &bank, 30_000, |player| player.note_on(0, key, 127));
            let found = frequency(&heard, 1000.0, RATE.into());
            at_most(
                subject,
                &format!("key {key}, Hz off"),
                (found - 1000.0).abs(),
                0.01,
            );
        }
    }
}

/// Collections beyond the level 2 minimums: nothing is at a fixed limit.
#[test]
fn a_large_collection_plays() {
    let regions = (0..128_u8).flat_map(|key| {
        (0..12_u8).map(move |layer| {
            let mut region = Region::new(usize::from(key) % 64).with_keys(key, key);
            region = region.with_velocities(layer * 10, layer * 10 + 9);
            region.articulation = vec![Block::fixed(dst::PAN, units::percent(-50.0))];
            region
        })
    });
    let regions: Vec<Region> = regions.collect();
    let instruments = (0..24).map(|patch| Instrument {
        patch,
        name: String::new(),
        regions: regions.clone(),
        articulation: Vec::new(),
    });
    let bank = Bank {
        name: String::new(),
        instruments: instruments.collect(),
        waves: vec![constant(); 64],
    };
    for &subject in SUBJECTS {
        let heard = play(subject, &bank, 1000, |player| {
            player.schedule(0, &[0xC0, 23]);
            player.note_on(0, 127, 119);
        });
        let error = decibels(heard[999] / LEVEL) - 40.0 * (119.0_f64 / 127.0).log10();
        at_most(
            subject,
            "region 36,864 of a collection, dB off",
            error.abs(),
            0.02,
        );
    }
}
