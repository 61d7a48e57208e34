//! What moves while a note sounds, and must not be heard to jump.

use dmusmini::synth::{Config, Effects, ReverbParameters};
use dmusmini_reference::test_bank::{LEVEL, UNITY, constant, single};

use crate::rig::{Rig, dc, near};

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
