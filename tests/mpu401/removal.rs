//! The device is pulled out just before every single register access in turn.

use dmusmini::mpu401::capture::Format;
use dmusmini::mpu401::transmit::Lane;
use dmusmini_simulator::chip::{Config, Faults};

use super::rig::{MILLISECOND, Rig, Service};

/// A handshake, some music both ways, then removal is announced. Returns the accesses made.
fn life(removed_at_access: Option<u64>, reserved: u8) -> u64 {
    let config = Config {
        reserved,
        faults: Faults {
            removed_at_access,
            ..Faults::default()
        },
        ..Config::default()
    };
    let mut rig = Rig::new(config, Service::Interrupt);
    if rig.handshake().is_ok() {
        rig.run(Format::Cooked);
        for key in 0..8 {
            let now = rig.now();
            rig.bus.borrow_mut().chip.play(now, [0x90, key, 1]);
            rig.put(Lane::Legacy, &[0x90, key, 1], false);
            rig.put(
                Lane::DirectMusic,
                &[0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xF7],
                false,
            );
            rig.advance(now + 2 * MILLISECOND);
        }
    }
    rig.advance(rig.now() + 20 * MILLISECOND);
    rig.notify_removal();
    let accesses = rig.bus.borrow().chip.accesses();
    // Anything the driver still does must leave the ports alone.
    rig.put(Lane::Legacy, &[0x90, 1, 1], false);
    rig.advance(rig.now() + 500 * MILLISECOND);
    assert!(rig.handshake().is_err());
    assert_eq!(
        rig.bus.borrow().chip.accesses(),
        accesses,
        "touched after removal"
    );
    for lane in Lane::ALL {
        assert_eq!(rig.events.waiting(lane), 0, "an event was kept");
    }
    assert_eq!(rig.faults, 0, "removal is no fault to report");
    accesses
}

#[test]
fn removal_at_every_access() {
    for reserved in [0x00, 0x3F] {
        let all = life(None, reserved);
        let most = (0..all)
            .map(|access| life(Some(access), reserved))
            .max()
            .unwrap();
        println!(
            "removal, reserved bits {reserved:02X}: swept {all} accesses; at most {most} in a life"
        );
    }
}
