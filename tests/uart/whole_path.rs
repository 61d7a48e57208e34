//! One short life with everything on the way in it: what Miri can be asked to watch.
//!
//! In: chip, service routine, ring, service group's DPC, capture, allocator, sink. Out: client,
//! allocator, `PutMessage`, queue, chip. Short and buffered events, a chain, a package, a SysEx each
//! way, a sink that goes and comes, an allocator that runs dry, a stop in the middle, power.

use dmusmini::com::Status;
use dmusmini::portcls::abi::{KsState, PowerState};
use dmusmini_simulator::chip::{Blame, Config};
use dmusmini_simulator::session::Hardware;

use super::rig::{MILLISECOND, Rig, name, with_each_binary};

const SYSEX: [u8; 14] = [0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0xF7];

#[test]
fn in_and_out_and_everything_between() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let captured = || -> Vec<_> {
            let messages = rig.capture.captured();
            messages.into_iter().map(|message| message.bytes).collect()
        };

        rig.play(SYSEX.into_iter().chain([0x90, 1, 2, 3, 4]));
        rig.send(&rig.legacy, &SYSEX);
        let now = rig.session.master_time();
        rig.direct_music
            .send_package(now, 1, &[&[0xB0, 0, 1], &[0xC0, 3]]);
        rig.send(&rig.direct_music, &[0x91, 5, 6]);
        rig.advance(9 * MILLISECOND);
        assert_eq!(
            captured(),
            [&SYSEX[..], &[0x90, 1, 2], &[0x90, 3, 4]],
            "received"
        );
        let sent = rig.sent();
        assert_eq!(sent.len(), SYSEX.len() + 5 + 3);
        assert!(sent.starts_with(&SYSEX), "{sent:02X?}");

        // A sink that goes while data flows, an allocator that runs dry.
        assert_eq!(rig.capture.connect_output(false), Status::SUCCESS);
        rig.play([0x92, 1, 2]);
        rig.advance(2 * MILLISECOND);
        assert_eq!(rig.capture.connect_output(true), Status::SUCCESS);
        rig.capture.starve_after(Some(0));
        rig.play([0x93, 1, 2]);
        rig.advance(2 * MILLISECOND);
        rig.capture.starve_after(None);
        rig.advance(3 * MILLISECOND);
        assert_eq!(captured(), [[0x93, 1, 2]]);

        // A stop in the middle of a SysEx, with more behind it.
        rig.send(&rig.legacy, &SYSEX);
        rig.send(&rig.legacy, &[0x94, 1, 2]);
        assert_eq!(rig.legacy.jump(KsState::STOP), Status::SUCCESS);
        assert_eq!(rig.legacy.events_with_driver(), (0, 0));

        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        let _ = rig.sent();
        rig.send(&rig.direct_music, &[0x95, 1, 2]);
        rig.play([0x96, 1, 2]);
        rig.advance(3 * MILLISECOND);
        assert_eq!(rig.sent(), [0x95, 1, 2]);
        assert_eq!(captured(), [[0x96, 1, 2]]);
        assert_eq!(rig.chip().borrow().blame(), Blame::default());
        println!("whole path, {}: both ways", name(binary));
        rig.end();
    });
}
