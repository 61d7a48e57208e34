//! The device is pulled out just before every single register access in turn.

use dmusmini_simulator::chip::{Config, Faults};
use dmusmini_simulator::session::{Binary, Hardware, Session};

use super::rig::{MILLISECOND, Rig, name, with_each_binary};

/// A whole life, with the chip gone from an access on and PnP saying so a little later. Returns the
/// accesses made.
fn life(binary: &Binary, removed_at_access: Option<u64>) -> u64 {
    let config = Config {
        faults: Faults {
            removed_at_access,
            ..Faults::default()
        },
        ..Config::default()
    };
    let session = Session::boot(binary).unwrap();
    let Ok(device) = session.install(&Hardware::uart(config)) else {
        let report = session.shut_down();
        assert!(report.is_clean(), "{removed_at_access:?}: {report}");
        return 0;
    };
    let rig = Rig::on(session, device);
    for key in 0..4 {
        rig.play([0x90, key, 1]);
        rig.send(&rig.legacy, &[0x90, key, 1]);
        rig.send(&rig.direct_music, &[0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xF7]);
        rig.advance(2 * MILLISECOND);
    }
    rig.advance(10 * MILLISECOND);
    let _ = rig.device.surprise_remove();
    let accesses = rig.chip().borrow().accesses();
    rig.send(&rig.legacy, &[0x90, 1, 1]);
    rig.advance(100 * MILLISECOND);
    assert_eq!(rig.legacy.events_with_driver(), (0, 0), "an event was kept");
    assert_eq!(
        rig.direct_music.events_with_driver(),
        (0, 0),
        "an event was kept"
    );
    let chip = rig.chip();
    rig.end();
    assert_eq!(chip.borrow().accesses(), accesses, "touched after removal");
    accesses
}

#[test]
fn removal_at_every_access() {
    with_each_binary(|binary| {
        let all = life(binary, None);
        let most = (0..all)
            .map(|access| life(binary, Some(access)))
            .max()
            .unwrap();
        println!(
            "removal, {}: swept {all} accesses; at most {most} in a life, 0 after the announcement",
            name(binary)
        );
        assert!(all > 100);
    });
}
