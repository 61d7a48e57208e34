//! What waits for a chip that failed: nothing of it is lost while it may come back, nothing stays behind
//! when it may not, and no caller waits for it.

use dmusmini::com::Status;
use dmusmini::portcls::abi::{KsState, PowerState};
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{Binary, Hardware};

use super::rig::{MILLISECOND, Rig, SECOND, with_each_binary};

/// A chip that has failed to wake up.
fn failed(binary: &Binary) -> Rig {
    let rig = Rig::open(binary, &Hardware::uart(Config::default()));
    assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
    rig.chip().borrow_mut().faults_mut().no_answer = true;
    let _ = rig.device.set_power(PowerState::D0);
    assert_eq!(rig.traced("UartFailed"), 1);
    let _ = rig.sent();
    rig
}

fn mend(rig: &Rig) {
    rig.chip().borrow_mut().faults_mut().no_answer = false;
    let _ = rig.sent();
}

/// No stream comes or goes: the driver tries by itself, from a thread, and PutMessage succeeds at once.
#[test]
fn what_waits_is_sent_in_its_order_when_the_chip_is_back() {
    with_each_binary(|binary| {
        let rig = failed(binary);
        rig.advance(SECOND / 2);
        let before = rig.now();
        for key in 0..50 {
            rig.legacy.put_now(1, &[0x90, key, 1]);
        }
        rig.direct_music.put_now(1, &[0xC5, 5]);
        assert_eq!(rig.now(), before, "a caller waited");
        assert_eq!(rig.legacy.render_stats().refused, 0);
        rig.advance(3 * SECOND);
        assert_eq!(rig.legacy.events_with_driver().0, 50);
        assert_eq!(rig.direct_music.events_with_driver().0, 1);
        let tried = rig.traced("UartFailed");
        assert!((3..=4).contains(&tried), "{tried}: once a second");
        mend(&rig);
        // A second at most, the attempt and the wire.
        rig.advance(SECOND + 200 * MILLISECOND);
        let mut sent = rig.sent();
        let other = sent.iter().position(|&byte| byte == 0xC5).unwrap();
        assert_eq!(sent.drain(other..other + 2).collect::<Vec<_>>(), [0xC5, 5]);
        let expected: Vec<u8> = (0..50).flat_map(|key| [0x90, key, 1]).collect();
        assert_eq!(sent, expected);
        assert_eq!(rig.legacy.events_with_driver(), (0, 0));
        // It is left alone again, and both directions work.
        assert_eq!(rig.traced("UartFailed"), tried);
        rig.play([0x91, 3, 4]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.capture.captured().last().unwrap().bytes, [0x91, 3, 4]);
        rig.end();
    });
}

/// With nothing that waits a dead chip is left alone.
#[test]
fn nothing_is_tried_for_nothing() {
    with_each_binary(|binary| {
        let rig = failed(binary);
        let accesses = rig.chip().borrow().accesses();
        rig.advance(5 * SECOND);
        assert_eq!(rig.chip().borrow().accesses(), accesses);
        rig.legacy.put_now(1, &[0xC0, 1]);
        rig.advance(200 * MILLISECOND);
        assert!(rig.traced("UartFailed") > 1, "the rest was over");
        // What a stop gives back waits no more.
        assert_eq!(rig.legacy.jump(KsState::STOP), Status::SUCCESS);
        assert_eq!(rig.legacy.events_with_driver(), (0, 0));
        let tried = rig.traced("UartFailed");
        rig.advance(5 * SECOND);
        assert_eq!(rig.traced("UartFailed"), tried);
        rig.end();
    });
}

#[test]
fn a_close_gives_back_what_waits_for_a_failed_chip() {
    with_each_binary(|binary| {
        let rig = failed(binary);
        for key in 0..10 {
            rig.legacy.put_now(1, &[0x90, key, 1]);
            rig.direct_music.put_now(1, &[0x91, key, 1]);
        }
        let Rig {
            legacy,
            direct_music,
            capture,
            filter,
            device,
            session,
        } = rig;
        let before = session.machine().now();
        // One with a stop and one without. The report says what was not given back.
        assert_eq!(legacy.close(), 0);
        assert_eq!(direct_music.close_without_stop(), 0);
        assert_eq!(capture.close(), 0);
        let took = session.machine().now() - before;
        assert!(took <= 200 * MILLISECOND, "{took}");
        drop(filter);
        drop(device);
        let report = session.shut_down();
        assert!(report.is_clean(), "{report}");
    });
}

/// There and then: no stream comes or goes, and no timer is needed for it.
#[test]
fn surprise_removal_gives_back_all_that_waits() {
    with_each_binary(|binary| {
        for asleep in [false, true] {
            let rig = failed(binary);
            if asleep {
                let slept = rig.device.set_power_without_pause(PowerState::D3);
                assert_eq!(slept, Status::SUCCESS);
            }
            for pin in [&rig.legacy, &rig.direct_music] {
                pin.put_now(1, &[0x90, 1, 1]);
                assert_eq!(pin.events_with_driver().0, 1);
            }
            let _ = rig.device.surprise_remove();
            for pin in [&rig.legacy, &rig.direct_music] {
                assert_eq!(pin.events_with_driver(), (0, 0), "asleep: {asleep}");
                pin.put_now(1, &[0x90, 1, 1]);
                assert_eq!(pin.events_with_driver(), (0, 0), "asleep: {asleep}");
            }
            rig.end();
        }
    });
}

/// RUN of the capture stream tries the chip as RUN of a render stream does, and no sooner.
#[test]
fn a_failed_chip_is_tried_again_for_a_capture_stream_that_runs() {
    with_each_binary(|binary| {
        let rig = failed(binary);
        let walk = || {
            assert_eq!(rig.capture.jump(KsState::PAUSE), Status::SUCCESS);
            assert_eq!(rig.capture.jump(KsState::RUN), Status::SUCCESS);
            rig.traced("UartFailed")
        };
        assert_eq!(walk(), 1, "not in a row");
        rig.advance(SECOND);
        assert_eq!(walk(), 2);
        assert_eq!(walk(), 2, "not in a row");
        rig.advance(SECOND);
        mend(&rig);
        assert_eq!(walk(), 2);
        rig.play([0x91, 3, 4]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.capture.captured().last().unwrap().bytes, [0x91, 3, 4]);
        rig.end();
    });
}
