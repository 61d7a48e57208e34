//! The device is pulled out just before every single register access in turn.

use dmusmini::com::Status;
use dmusmini::portcls::abi::{KsState, PowerState};
use dmusmini_simulator::chip::{Config, Faults};
use dmusmini_simulator::session::{Binary, Device, Hardware, Session};

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
    let cut_short = |session: Session, device: Device| {
        assert!(chip.borrow().is_removed());
        let _ = device.surprise_remove();
        let accesses = chip.borrow().accesses();
        drop(device);
        let report = session.shut_down();
        assert!(report.is_clean(), "{removed_at_access:?}: {report}");
        assert_eq!(chip.borrow().accesses(), accesses, "touched after removal");
        accesses
    };
    if device.start() != Status::SUCCESS {
        return cut_short(session, device);
    }
    // The first stream looks whether the chip is as it was left.
    let rig = match Rig::try_on(session, device) {
        Ok(rig) => rig,
        Err(refused) => {
            let (status, session, device) = *refused;
            assert_eq!(status, Status::IO_DEVICE_ERROR);
            return cut_short(session, device);
        }
    };
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
    // A chip that is gone does not wake; its streams run again all the same, to no effect.
    let _ = rig.device.set_power(PowerState::D0);
    let awake = rig.traced("UartFailed") == 0;
    assert!(awake || chip.borrow().is_removed());
    assert_eq!(rig.session.machine().violations(), []);
    traffic(4..6);
    for pin in [&rig.legacy, &rig.capture] {
        assert_eq!(pin.jump(KsState::STOP), Status::SUCCESS);
        assert_eq!(pin.jump(KsState::RUN), Status::SUCCESS);
    }
    traffic(6..7);
    assert_eq!(
        rig.legacy.render_stats().refused,
        0,
        "PutMessage always succeeds"
    );
    if end == End::Surprise {
        let _ = rig.device.surprise_remove();
        let accesses = chip.borrow().accesses();
        rig.send(&rig.legacy, &[0x90, 1, 1]);
        rig.play([0x90, 1, 1]);
        rig.advance(100 * MILLISECOND);
        for pin in [&rig.legacy, &rig.direct_music] {
            assert_eq!(pin.events_with_driver(), (0, 0), "an event was kept");
        }
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
