//! What moves while a note sounds, and must not be heard to jump.

use dmusmini::synth::{Config, Effects, Interpolation, ReverbParameters};
use dmusmini_collection::{Block, destination as dst, source as src, transform as trn, units};
use dmusmini_reference::measure::{decibels, peak};
use dmusmini_reference::test_bank::{LEVEL, RATE, UNITY, constant, sine, single};

use crate::player::{Player, Subject, twin};
use crate::rig::{Rig, dc, near};
use crate::song::residual;

/// The steepest step between two frames, as a part of the level.
fn steepest(heard: &[f64]) -> f64 {
    let steps = heard.windows(2).map(|w| (w[1] - w[0]).abs());
    steps.fold(0.0, f64::max) / LEVEL
}

/// Volume and boost of the port go where they are set within 64 frames, whatever the blocks are.
#[test]
fn volume_and_boost_move_without_a_click() {
    let mut rig = dc();
    rig.send(&[0x90, UNITY, 127]);
    near("at rest", rig.level(), 1.0);
    let mut last = vec![LEVEL];
    for (volume, boost, level) in [
        (-602, 0, 0.5),
        (-9600, 0, 0.0),
        (0, 0, 1.0),
        (0, -1204, 0.25),
        (-600, 600, 1.0),
    ] {
        rig.synth.set_volume(volume);
        rig.synth.set_boost(boost);
        // Blocks that end in the middle of the way.
        last.extend((0..10).flat_map(|_| rig.left(37)));
        let step = steepest(&last);
        println!("volume {volume}, boost {boost}: the steepest step is {step:.4} of the level");
        assert!(step < 1.0 / 60.0);
        last = rig.left(1);
        near("and there", last[0] / LEVEL, level);
    }
    // Where nothing sounds there is no way to go.
    rig.send(&[0xB0, 120, 0]);
    rig.level();
    rig.synth.set_volume(-602);
    rig.synth.set_boost(0);
    rig.send(&[0x90, UNITY, 127]);
    near("the first frame", rig.left(1)[0] / LEVEL, 0.5);
}

/// A reverb that is set while it sounds.
#[test]
fn reverb_parameters_move_without_a_click() {
    let config = Config {
        effects: Effects {
            reverb: true,
            ..Effects::default()
        },
        ..Config::default()
    };
    let mut rig = Rig::new(&single(constant(), &[]), &config);
    rig.send(&[0xB0, 91, 127]);
    rig.send(&[0x90, UNITY, 40]);
    // The dry sound is hard left: the right side is the reverb alone.
    let mut last = rig.right(200_000).split_off(199_999);
    let level = last[0] / LEVEL;
    assert!(level > 0.01, "the reverb is heard: {level}");
    for (mix, in_gain) in [(-4000, 0), (-1000, 0), (-1000, -9600)] {
        rig.synth.set_reverb(&ReverbParameters {
            mix,
            in_gain,
            ..ReverbParameters::default()
        });
        last.extend(rig.right(2000));
        let step = steepest(&last) / level;
        println!("mix {mix}, input {in_gain}: the steepest step is {step:.3} of the level");
        assert!(step < 0.1);
        last = rig.right(100_000).split_off(99_999);
    }
}

/// A new run begins with silence, not with the echo of the last.
#[test]
fn a_new_run_has_no_echo_of_the_last() {
    for (reverb, chorus) in [(true, false), (false, true)] {
        let config = Config {
            effects: Effects { reverb, chorus },
            ..Config::default()
        };
        let mut rig = Rig::new(&single(constant(), &[]), &config);
        let play = |rig: &mut Rig| {
            rig.send(&[0xB0, 91, 127]);
            rig.send(&[0xB0, 93, 127]);
            rig.send(&[0x90, UNITY, 127]);
            rig.right(20_000)
        };
        assert!(play(&mut rig).iter().any(|x| *x != 0.0), "it is heard");
        rig.synth.reset_for_run();
        rig.position = 0;
        assert!(rig.right(20_000).iter().all(|x| *x == 0.0), "an echo");
        assert!(play(&mut rig).iter().any(|x| *x != 0.0), "it works again");
    }
}

/// Messages that go from one end of a controller's range to the other and back, on frames that no grid
/// has.
fn sweep(player: &mut dyn Player, message: impl Fn(u8) -> [u8; 3]) {
    for (n, value) in (0..128).chain((0..127).rev()).enumerate() {
        let frame = 2000 + 83 * n as u64;
        player.schedule(frame, &message(value));
    }
}

/// What a click has and a tone of 1 kHz has not: the energy above 4 kHz, as the largest fourth
/// difference, which a sine of 1 kHz leaves at 0.0004 of its level and a step at up to 6.
fn roughness(heard: &[[f64; 2]]) -> f64 {
    let mut worst = 0.0_f64;
    for side in [0, 1] {
        let side: Vec<f64> = heard.iter().map(|frame| frame[side]).collect();
        let fourth = side
            .windows(5)
            .map(|w| w[0] - 4.0 * w[1] + 6.0 * w[2] - 4.0 * w[3] + w[4]);
        worst = worst.max(peak(&fourth.collect::<Vec<_>>()));
    }
    decibels(worst / LEVEL)
}

/// A steady sine of 1 kHz while everything that moves a voice is swept through its whole range in a
/// quarter of a second: against the reference, which moves levels in 64 frames too and pitch and
/// cutoff at once.
#[test]
fn controllers_are_swept_without_zipper_noise() {
    let swing = trn::SOURCE_BIPOLAR;
    let cases: [(&str, Vec<Block>, [u8; 2], f64); 8] = [
        ("CC7", vec![], [0xB0, 7], -110.0),
        ("CC11", vec![], [0xB0, 11], -110.0),
        ("CC10", vec![], [0xB0, 10], -110.0),
        ("wheel", vec![], [0xE0, 0], -110.0),
        (
            "CC1 to vibrato",
            vec![Block::new(
                src::VIBRATO,
                src::CC1,
                dst::PITCH,
                swing,
                units::cents(100.0),
            )],
            [0xB0, 1],
            -80.0,
        ),
        (
            "CC1 to tremolo",
            vec![Block::new(
                src::LFO,
                src::CC1,
                dst::GAIN,
                swing,
                units::decibels(12.0),
            )],
            [0xB0, 1],
            -60.0,
        ),
        (
            "CC1 to cutoff",
            vec![
                Block::fixed(dst::CUTOFF, units::frequency(400.0)),
                Block::fixed(dst::Q, units::decibels(6.0)),
                Block::new(src::CC1, 0, dst::CUTOFF, 0, units::cents(4800.0)),
            ],
            [0xB0, 1],
            -55.0,
        ),
        (
            "pressure to gain",
            vec![Block::new(
                src::CHANNEL_PRESSURE,
                0,
                dst::GAIN,
                0,
                units::decibels(-24.0),
            )],
            [0xD0, 0],
            -110.0,
        ),
    ];
    let mut failed = Vec::new();
    for (name, blocks, [status, number], most) in cases {
        let bank = single(sine(1000.0), &blocks);
        let render = |mut player: Box<dyn Player>| {
            player.note_on(0, UNITY, 127);
            sweep(&mut *player, |value| match status {
                0xE0 => [status, value, value],
                0xD0 => [status, value, 0],
                _ => [status, number, value],
            });
            player.render(RATE as usize * 6 / 10)
        };
        let heard = render(Subject::Driver.player(&bank, RATE));
        let ideal = render(twin(&bank, RATE, Interpolation::default()));
        let (rms, worst) = residual(&heard, &ideal);
        let rough = [&heard, &ideal].map(|frames| roughness(frames));
        println!(
            "{name}: residual {rms:.1} dBFS RMS, worst {worst:.1}; roughness {:.1} dB, of the \
             reference {:.1}",
            rough[0], rough[1]
        );
        if rms > most || rough[0] > rough[1] + 1.0 {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
