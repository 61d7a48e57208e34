//! Render streams: what holds a message back, what lets it go, and how soon (contract sections 7.1,
//! 7.2, 7.4).

use dmusmini::com::Status;
use dmusmini::portcls::abi::KsState;
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{Hardware, Pin, Session};

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

/// The port's own sequencer rests when its pin does: what a stream does alone shows only in what it
/// was given before.
#[test]
fn what_is_queued_waits_in_pause_and_acquire_and_goes_in_stop() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        for held in [KsState::PAUSE, KsState::ACQUIRE] {
            for key in 0..40 {
                rig.send(&rig.legacy, &[0xB0, key, 1]);
            }
            rig.advance(5 * MILLISECOND);
            assert_eq!(rig.legacy.jump(held), Status::SUCCESS);
            let waiting = rig.legacy.events_with_driver().0;
            rig.advance(SECOND);
            let before = rig.sent();
            // What the chip had, and the rest of a message that was begun.
            assert_eq!(before.len() % 3, 0);
            assert_eq!(before.len() / 3 + waiting, 40, "{held:?}");
            assert_eq!(rig.legacy.events_with_driver().0, waiting, "{held:?}");
            assert!(waiting > 20, "{waiting}");
            // The other stream has the wire to itself.
            rig.send(&rig.direct_music, &[0xC1, 5]);
            rig.advance(MILLISECOND);
            assert_eq!(rig.sent(), [0xC1, 5]);
            assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
            rig.advance(SECOND);
            let keys: Vec<u8> = before
                .iter()
                .chain(&rig.sent())
                .copied()
                .collect::<Vec<_>>()
                .chunks(3)
                .map(|note| note[1])
                .collect();
            assert!(keys.into_iter().eq(0..40), "{held:?}");
        }
        for key in 0..40 {
            rig.send(&rig.legacy, &[0xB0, key, 1]);
        }
        assert_eq!(rig.legacy.jump(KsState::STOP), Status::SUCCESS);
        assert_eq!(rig.legacy.events_with_driver(), (0, 0));
        assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
        rig.advance(SECOND);
        assert!(rig.sent().len() < 60, "what was dropped stays dropped");
        rig.end();
    });
}

/// PutMessage and SetState may race: in STOP events go straight back, before RUN they wait.
#[test]
fn what_comes_in_stop_goes_back_and_what_comes_in_pause_waits() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let pin = &rig.direct_music;
        for (state, waits) in [
            (KsState::STOP, false),
            (KsState::ACQUIRE, true),
            (KsState::PAUSE, true),
        ] {
            assert_eq!(pin.jump(state), Status::SUCCESS);
            let refused = pin.render_stats().refused;
            pin.put_now(1, &[0x90, 1, 2]);
            pin.put_now(1, &[0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 0xF7]);
            rig.advance(SECOND / 10);
            assert_eq!(pin.render_stats().refused, refused, "{state:?}");
            assert_eq!(rig.sent(), [0; 0], "{state:?}");
            let held = if waits { 2 } else { 0 };
            assert_eq!(pin.events_with_driver().0, held, "{state:?}");
            assert_eq!(pin.jump(KsState::RUN), Status::SUCCESS);
            rig.advance(SECOND / 10);
            assert_eq!(rig.sent().len(), if waits { 13 } else { 0 }, "{state:?}");
            assert_eq!(pin.events_with_driver(), (0, 0), "{state:?}");
        }
        rig.end();
    });
}

#[test]
fn an_empty_package_goes_back_at_once() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let now = rig.session.master_time();
        rig.legacy.send_package(now, 1, &[]);
        rig.legacy.send_package(now, 1, &[&[0x90, 1, 2]]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.legacy.events_with_driver(), (0, 0));
        assert_eq!(rig.sent(), [0x90, 1, 2]);
        rig.end();
    });
}

#[test]
fn outputs_are_for_capture_streams_and_one_at_a_time() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let refused = Status::UNSUCCESSFUL;
        for pin in [&rig.legacy, &rig.direct_music] {
            for (connect, stranger) in [(true, true), (true, false), (false, true), (false, false)]
            {
                assert_eq!(pin.bare_output(connect, stranger), refused);
            }
            assert_eq!(pin.put_null(), Status::SUCCESS, "nothing to do");
        }
        let capture = &rig.capture;
        assert_eq!(capture.connect_output(true), refused, "connected already");
        assert_eq!(capture.bare_output(true, false), refused, "to nothing");
        assert_eq!(capture.bare_output(false, true), refused, "another's");
        assert_eq!(capture.bare_output(false, false), Status::SUCCESS, "any");
        assert_eq!(capture.bare_output(false, false), Status::SUCCESS, "none");
        assert_eq!(capture.bare_output(true, false), refused, "to nothing");
        assert_eq!(capture.connect_output(true), Status::SUCCESS);
        rig.play([0x90, 1, 2]);
        rig.advance(2 * MILLISECOND);
        assert_eq!(capture.captured().len(), 1);
        rig.end();
    });
}

/// From a `PutMessage` to the first start bit, and from an event's time to it.
fn latency(rig: &Rig, pin: &Pin) -> (u64, i64) {
    let (mut own, mut worst) = (0, 0);
    for round in 0..300_u64 {
        rig.advance(10 * MILLISECOND + round % 101 * 137);
        // An event that is due already reaches the driver in this very call.
        let before = rig.now();
        rig.send(pin, &[0x90, 60, 1]);
        rig.advance(5 * MILLISECOND);
        own = own.max(rig.device.take_sent()[0].start - before);

        let due = rig.session.master_time() + 50_000 + (round % 97 * 137).cast_signed();
        pin.send(due, 1, &[0x90, 60, 1]);
        rig.advance(15 * MILLISECOND);
        worst = worst.max(rig.device.take_sent()[0].start.cast_signed() - due);
    }
    (own, worst)
}

#[test]
fn an_idle_wire_takes_the_first_byte_when_it_is_due() {
    for depth in [1, 16, 64] {
        with_each_binary(|binary| {
            let config = Config {
                depth,
                ..Config::default()
            };
            let rig = Rig::open(binary, &Hardware::uart(config));
            let tick = rig.session.settings().sequencer_tick.get().cast_signed();
            for (what, pin) in [("legacy", &rig.legacy), ("DirectMusic", &rig.direct_music)] {
                let (own, worst) = latency(&rig, pin);
                println!(
                    "idle wire, depth {depth:2}, {what}, {}: first byte at most {:.1} us after \
                     PutMessage and {:.1} us after its time, {} us of it the port's tick",
                    name(binary),
                    own as f64 / 10.0,
                    worst as f64 / 10.0,
                    tick / 10
                );
                assert!(own <= 3_200, "{own}");
                assert!(worst <= tick + 3_200, "{worst}");
            }
            rig.end();
        });
    }
}

/// "A chain of events which should be dealt with atomically" (DMUS_KERNEL_EVENT): a parameter's number
/// must not be separated from its value by the other pin's.
#[test]
fn nothing_comes_between_the_messages_of_a_package() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let parameter: [&[u8]; 4] = [&[0xB0, 99, 1], &[0xB0, 98, 2], &[0xF8], &[0xB0, 6, 3]];
        let whole = parameter.concat();
        for round in 0..20 {
            for key in 0..4 {
                rig.send(&rig.legacy, &[0x90, key, round]);
            }
            let now = rig.session.master_time();
            rig.direct_music.send_package(now, 1, &parameter);
            rig.send(&rig.direct_music, &[0xC0, round]);
        }
        rig.advance(SECOND);
        let sent = rig.sent();
        assert_eq!(sent.len(), 20 * (4 * 3 + whole.len() + 2));
        let found = sent.windows(whole.len()).filter(|run| *run == whole);
        assert_eq!(found.count(), 20, "{sent:02X?}");
        rig.end();
    });
}

/// A package that is held in the middle goes on where it was, and one that is stopped goes back whole.
#[test]
fn a_package_may_be_paused_and_stopped() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let notes: Vec<[u8; 3]> = (0..100).map(|key| [0x91, key, 1]).collect();
        let package: Vec<&[u8]> = notes.iter().map(<[u8; 3]>::as_slice).collect();
        let pin = &rig.direct_music;
        pin.send_package(rig.session.master_time(), 1, &package);
        rig.advance(20 * MILLISECOND);
        assert_eq!(pin.jump(KsState::PAUSE), Status::SUCCESS);
        rig.advance(SECOND);
        let mut sent = rig.sent();
        assert!(
            sent.len().is_multiple_of(3) && sent.len() < 150,
            "{}",
            sent.len()
        );
        // The other stream has the wire to itself.
        rig.send(&rig.legacy, &[0xC2, 5]);
        rig.advance(MILLISECOND);
        assert_eq!(rig.sent(), [0xC2, 5]);
        assert_eq!(pin.jump(KsState::RUN), Status::SUCCESS);
        rig.advance(SECOND);
        sent.extend(rig.sent());
        assert_eq!(sent, notes.concat());
        assert_eq!(pin.events_with_driver(), (0, 0));

        pin.send_package(rig.session.master_time(), 1, &package);
        rig.advance(20 * MILLISECOND);
        assert_eq!(pin.jump(KsState::STOP), Status::SUCCESS);
        assert_eq!(pin.events_with_driver(), (0, 0));
        rig.end();
    });
}

/// A stream that goes in the middle of a SysEx, without a stop, does not keep the wire.
#[test]
fn a_stream_that_is_gone_keeps_nobody_from_the_wire() {
    with_each_binary(|binary| {
        let session = Session::boot(binary).unwrap();
        let device = session.install(&Hardware::uart(Config::default())).unwrap();
        let rig = Rig::on(session, device);
        rig.legacy.put_now(1, &[0xF0, 1, 2, 3]);
        rig.send(&rig.direct_music, &[0x91, 4, 5]);
        rig.advance(20 * MILLISECOND);
        assert_eq!(rig.sent(), [0xF0, 1, 2, 3]);
        assert_eq!(rig.legacy.close_without_stop(), 0);
        let machine = rig.session.machine();
        machine.advance(5 * MILLISECOND);
        let sent: Vec<u8> = rig.device.take_sent().iter().map(|one| one.byte).collect();
        assert_eq!(sent, [0x91, 4, 5]);
        for pin in [rig.direct_music, rig.capture] {
            assert_eq!(pin.stop(), Ok(()));
            assert_eq!(pin.close(), 0, "a stream lives on");
        }
        drop((rig.filter, rig.device));
        let report = rig.session.shut_down();
        assert!(report.is_clean(), "{report}");
    });
}

/// Bytes without a status may not be sent. However many have been queued, they hold nobody up: neither
/// the other stream nor, at the device's level, the machine (a step of the transmitter skips few).
#[test]
fn what_may_not_be_sent_is_skipped_a_little_at_a_time() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        assert_eq!(rig.legacy.jump(KsState::PAUSE), Status::SUCCESS);
        for _ in 0..500 {
            rig.legacy.put_now(1, &[0x55; 40]);
        }
        rig.legacy.put_now(1, &[0x90, 1, 2]);
        assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
        rig.direct_music.put_now(1, &[0x91, 3, 4]);
        rig.advance(2 * MILLISECOND);
        assert_eq!(rig.sent(), [0x91, 3, 4]);
        rig.advance(50 * MILLISECOND);
        assert_eq!(rig.sent(), [0x90, 1, 2]);
        assert_eq!(rig.legacy.events_with_driver(), (0, 0));
        rig.end();
    });
}
