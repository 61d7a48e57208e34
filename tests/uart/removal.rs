//! The device is pulled out just before every single register access in turn.

use dmusmini::com::Status;
use dmusmini::portcls::abi::{KsState, PowerState};
use dmusmini_simulator::chip::{Config, Faults};
use dmusmini_simulator::session::{Binary, Hardware, Session};
use dmusmini_simulator::violation::Violation;

use super::rig::{MILLISECOND, Rig, name, with_each_binary};

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// PnP announces that the device is gone, with streams open.
    Surprise,
    /// Streams are closed and the device is removed, by somebody who does not know yet.
    Orderly,
}

/// A whole life, with the chip gone from an access on: start, both ways, sleep and waking, a stop.
/// Returns the accesses made.
fn life(binary: &Binary, end: End, removed_at_access: Option<u64>) -> u64 {
    let config = Config {
        faults: Faults {
            removed_at_access,
            ..Faults::default()
        },
        ..Config::default()
    };
    let session = Session::boot(binary).unwrap();
    let device = session.add(&Hardware::uart(config)).unwrap();
    let chip = device.chip().unwrap();
    if device.start() != Status::SUCCESS {
        assert!(removed_at_access.is_some());
        let _ = device.surprise_remove();
        let accesses = chip.borrow().accesses();
        drop(device);
        let report = session.shut_down();
        assert!(report.is_clean(), "{removed_at_access:?}: {report}");
        assert_eq!(chip.borrow().accesses(), accesses, "touched after removal");
        return accesses;
    }
    let rig = Rig::on(session, device);
    let traffic = |keys: std::ops::Range<u8>| {
        for key in keys {
            rig.play([0x90, key, 1]);
            rig.send(&rig.legacy, &[0x90, key, 1]);
            rig.send(&rig.direct_music, &[0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xF7]);
            rig.advance(2 * MILLISECOND);
        }
    };
    traffic(0..4);
    rig.advance(10 * MILLISECOND);
    assert_eq!(rig.device.set_power(PowerState(2)), Status::SUCCESS);
    // A chip that is gone does not wake, and its streams do not run again: the port is told.
    let _ = rig.device.set_power(PowerState::D0);
    let awake = rig.traced("UartFailed") == 0;
    assert!(awake || chip.borrow().is_removed());
    let violations = rig.session.machine().take_violations();
    let told = |violation: &Violation| !awake && violation.at == "IMXF::SetState";
    assert!(violations.iter().all(told), "{violations:?}");
    traffic(4..6);
    for pin in [&rig.legacy, &rig.capture] {
        assert_eq!(pin.jump(KsState::STOP), Status::SUCCESS);
    }
    if awake && !chip.borrow().is_removed() {
        for pin in [&rig.legacy, &rig.capture] {
            assert_eq!(pin.jump(KsState::RUN), Status::SUCCESS);
        }
    }
    traffic(6..7);
    if end == End::Surprise {
        let refused = rig.legacy.render_stats().refused;
        let _ = rig.device.surprise_remove();
        let accesses = chip.borrow().accesses();
        rig.send(&rig.legacy, &[0x90, 1, 1]);
        rig.play([0x90, 1, 1]);
        rig.advance(100 * MILLISECOND);
        for pin in [&rig.legacy, &rig.direct_music] {
            assert_eq!(pin.events_with_driver(), (0, 0), "an event was kept");
        }
        assert_eq!(
            rig.legacy.render_stats().refused,
            refused,
            "no complaint of a device that is known to be gone"
        );
        rig.end();
        assert_eq!(chip.borrow().accesses(), accesses, "touched after removal");
    } else {
        rig.end();
    }
    chip.borrow().accesses()
}

#[test]
fn removal_at_every_access() {
    with_each_binary(|binary| {
        let open = life(binary, End::Surprise, None);
        let all = life(binary, End::Orderly, None);
        let announced = (0..open).map(|access| life(binary, End::Surprise, Some(access)));
        // What is left are the accesses of closing.
        let closing = (open..all).map(|access| life(binary, End::Orderly, Some(access)));
        let most = announced.chain(closing).max().unwrap();
        println!(
            "removal, {}: swept {all} accesses; at most {most} in a life, 0 after the announcement",
            name(binary)
        );
        assert!(open > 400 && all > open + 50, "{open} {all}");
    });
}
