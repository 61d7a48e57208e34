//! Capture under want of memory, without a sink, raw, and on a shared interrupt.

use dmusmini::com::Status;
use dmusmini::portcls::abi::{KsState, event_flags};
use dmusmini_simulator::chip::{Cable, Config};
use dmusmini_simulator::session::{ChipAt, Hardware, Session};

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

#[test]
fn an_exhausted_allocator_loses_nothing_until_the_ring_is_full() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.capture.starve_after(Some(0));
        rig.play((0..600).flat_map(|_| [0x90, 5, 6]));
        rig.advance(SECOND);
        assert!(rig.capture.captured().is_empty());
        rig.capture.starve_after(None);
        rig.advance(SECOND / 10);
        let captured = rig.capture.captured();
        println!(
            "starved for 1 s, {}: {} of 600 messages",
            name(binary),
            captured.len()
        );
        assert_eq!(captured.len(), 600);
        assert_eq!(rig.traced("CaptureOverrun"), 0);
        // And nobody asks for events any more: the watchdog's timer is left.
        let timers = || rig.session.machine().calls("ExSetTimer");
        let before = timers();
        rig.advance(SECOND);
        assert!(timers() - before <= 20, "{}", timers() - before);
        rig.end();
    });
}

/// There may be an event, and no buffer to go with it.
#[test]
fn a_long_message_that_gets_no_buffer_waits() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let sysex = [0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xF7];
        rig.capture.starve_after(Some(1));
        rig.play(sysex);
        rig.advance(20 * MILLISECOND);
        assert!(rig.capture.captured().is_empty());
        assert_eq!(
            rig.capture.events_with_driver(),
            (0, 0),
            "an event was kept"
        );
        rig.capture.starve_after(None);
        rig.advance(20 * MILLISECOND);
        assert_eq!(rig.capture.captured()[0].bytes, sysex);
        rig.end();
    });
}

/// No byte comes any more to wake anybody, and the stream was paused meanwhile.
#[test]
fn what_found_no_event_is_delivered_after_a_pause() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        for held in [KsState::PAUSE, KsState::ACQUIRE] {
            rig.capture.starve_after(Some(0));
            rig.play([0x90, 5, 6, 0x90, 7, 8]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.capture.jump(held), Status::SUCCESS);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.capture.jump(KsState::RUN), Status::SUCCESS);
            rig.capture.starve_after(None);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.capture.captured().len(), 2, "{held:?}");
        }
        rig.end();
    });
}

/// Whoever sends without a pause keeps setting the one timer.
#[test]
fn a_busy_sender_does_not_keep_capture_waiting_for_its_events() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.capture.starve_after(Some(0));
        rig.play([0x90, 5, 6]);
        rig.advance(10 * MILLISECOND);
        rig.capture.starve_after(None);
        let start = rig.now();
        while rig.capture.captured().is_empty() {
            rig.legacy.put_now(1, &[0xF8]);
            rig.advance(MILLISECOND / 2);
            let late = (rig.now() - start) / MILLISECOND;
            assert!(late < 20, "{late} ms");
        }
        rig.end();
    });
}

#[test]
fn a_full_ring_loses_the_newest_counts_them_and_marks_the_next() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.capture.starve_after(Some(0));
        rig.play((0..1_000).flat_map(|_| [0x90, 5, 6]));
        rig.advance(SECOND);
        rig.capture.starve_after(None);
        rig.advance(SECOND / 10);
        rig.play([0x91, 7, 8, 0x92, 7, 8]);
        rig.advance(SECOND / 10);
        let events = rig.capture.captured_events();
        let kept = events
            .iter()
            .filter(|event| event.bytes == [0x90, 5, 6])
            .count();
        let marks: Vec<_> = events[kept..]
            .iter()
            .map(|event| (event.bytes[0], event.flags))
            .collect();
        println!(
            "full ring, {}: {kept} messages kept, then {marks:02X?}",
            name(binary)
        );
        // The ring's 2,048 bytes, behind a message that was ready when the allocator failed.
        assert_eq!(kept, (2_048 + 3) / 3);
        assert_eq!(
            marks,
            [
                (0x91, event_flags::INCOMPLETE),
                (0x92, event_flags::COMPLETE)
            ]
        );
        // Counted to the byte.
        assert_eq!(rig.fields("CaptureOverrun"), [[3_000 - (2_048 + 3)]]);
        rig.end();
    });
}

/// STOP forgets what was received; a byte that comes in PAUSE or STOP is read and thrown away.
#[test]
fn a_stop_forgets_what_was_received() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        // Whole messages in the ring, and the beginning of another.
        rig.capture.starve_after(Some(0));
        rig.play([0x90, 1, 2, 0x91, 3, 4, 0xF0, 5]);
        rig.advance(10 * MILLISECOND);
        for state in [KsState::STOP, KsState::PAUSE] {
            assert_eq!(rig.capture.jump(state), Status::SUCCESS);
            rig.capture.starve_after(None);
            rig.play([0x92, 5, 6]);
            rig.advance(10 * MILLISECOND);
            let line = rig.chip().borrow_mut().interrupt(rig.now());
            assert!(!line, "{state:?}: the line is held");
            assert_eq!(rig.capture.jump(KsState::RUN), Status::SUCCESS);
            rig.play([0x93, 7, 8]);
            rig.advance(10 * MILLISECOND);
            let captured = rig.capture.captured();
            assert_eq!(captured.len(), 1, "{state:?}: {captured:02X?}");
            assert_eq!(captured[0].bytes, [0x93, 7, 8], "{state:?}");
        }
        rig.end();
    });
}

#[test]
fn output_may_be_disconnected_while_data_flows() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.play((0..900).flat_map(|_| [0x90, 5, 6]));
        let mut count = 0;
        for _ in 0..10 {
            rig.advance(40 * MILLISECOND);
            assert_eq!(rig.capture.connect_output(false), Status::SUCCESS);
            count += rig.capture.captured().len();
            rig.advance(40 * MILLISECOND);
            assert!(rig.capture.captured().is_empty());
            assert_eq!(rig.capture.connect_output(true), Status::SUCCESS);
        }
        rig.advance(SECOND);
        count += rig.capture.captured().len();
        println!(
            "disconnected half of the time, {}: {count} of 900 messages",
            name(binary)
        );
        assert!((400..600).contains(&count));
        assert_eq!(rig.capture.events_with_driver(), (0, 0));
        rig.end();
    });
}

#[test]
fn raw_capture_is_a_registry_value_away() {
    with_each_binary(|binary| {
        let hardware = Hardware::uart(Config::default()).with_dword("CaptureRaw", 1);
        let rig = Rig::open(binary, &hardware);
        rig.play([
            0x90, 1, 2, 3, 4, 0xF8, 5, 6, 0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xF7,
        ]);
        rig.advance(SECOND / 10);
        let events = rig.capture.captured_events();
        let short = |event: &dmusmini_simulator::session::CapturedEvent| {
            event.flags == event_flags::INCOMPLETE && event.bytes.len() <= 8
        };
        assert!(events.iter().all(short), "{events:02X?}");
        assert_eq!(
            rig.capture.captured().len(),
            5,
            "the port's own parser finds the messages"
        );
        rig.end();
    });
}

#[test]
fn a_shared_interrupt_serves_both_devices() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let other = ChipAt {
            port: 0x300,
            vector: Some(9),
            config: Config::default(),
        };
        let other = rig.session.install(&Hardware::uart_at(other)).unwrap();
        rig.play((0..300).flat_map(|_| [0x90, 5, 6]));
        let now = rig.now();
        other
            .chip()
            .unwrap()
            .borrow_mut()
            .play(now, (0..300).flat_map(|_| [0x91, 5, 6]));
        rig.advance(SECOND / 2);
        // The other device has no stream: its bytes are read and thrown away, so that it does not
        // hold the line.
        assert_eq!(rig.capture.captured().len(), 300);
        assert_eq!(other.chip().unwrap().borrow().blame().overruns, 0);
        assert_eq!(rig.chip().borrow().blame().overruns, 0);
        other.remove();
        rig.play([0x92, 1, 2]);
        rig.advance(SECOND / 10);
        assert_eq!(rig.capture.captured().len(), 1);
        drop(other);
        rig.end();
    });
}

#[test]
fn loopback_returns_long_messages_packages_and_equal_times_in_order() {
    with_each_binary(|binary| {
        let config = Config {
            cable: Cable::Loopback,
            ..Config::default()
        };
        let rig = Rig::open(binary, &Hardware::uart(config));
        let mut sysex = vec![0x2A; 65_536];
        sysex[0] = 0xF0;
        sysex[65_535] = 0xF7;
        let mut expected = vec![sysex.clone()];
        rig.send(&rig.legacy, &sysex);
        rig.advance(22 * SECOND);
        let due = rig.session.master_time() + 50_000;
        for key in 0..100 {
            rig.direct_music.send(due, 1, &[0x90, key, 1]);
            expected.push(vec![0x90, key, 1]);
        }
        rig.advance(SECOND / 2);
        let messages: [&[u8]; 3] = [&[0xB0, 0, 1], &[0xB0, 32, 2], &[0xC0, 3]];
        rig.direct_music
            .send_package(rig.session.master_time(), 1, &messages);
        expected.extend(messages.map(<[u8]>::to_vec));
        rig.advance(SECOND / 10);
        let captured: Vec<_> = rig
            .capture
            .captured()
            .into_iter()
            .map(|m| m.bytes)
            .collect();
        assert_eq!(captured.len(), expected.len());
        assert_eq!(captured, expected);
        println!(
            "loopback, {}: a 64 KiB SysEx and {} messages",
            name(binary),
            captured.len() - 1
        );
        rig.end();
    });
}

#[test]
fn stop_returns_what_is_queued_and_any_walk_through_the_states_is_survived() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        for round in 0_i32..40 {
            for pin in [&rig.legacy, &rig.direct_music] {
                for key in 0..30 {
                    rig.send(pin, &[0x90, key, 1]);
                }
            }
            rig.send(&rig.legacy, &[0x55; 300]);
            rig.advance(3 * MILLISECOND);
            for pin in [&rig.legacy, &rig.direct_music, &rig.capture] {
                assert_eq!(pin.jump(KsState(round % 4)), Status::SUCCESS);
                assert_eq!(pin.jump(KsState(round % 4)), Status::SUCCESS);
                assert_eq!(pin.jump(KsState(4)), Status::INVALID_PARAMETER);
            }
            rig.advance(MILLISECOND);
            if round % 4 == KsState::STOP.0 {
                assert_eq!(rig.legacy.events_with_driver(), (0, 0));
                assert_eq!(rig.direct_music.events_with_driver(), (0, 0));
            }
            for pin in [&rig.legacy, &rig.direct_music, &rig.capture] {
                assert_eq!(pin.jump(KsState::RUN), Status::SUCCESS);
            }
        }
        rig.end();
    });
}

/// What came in PAUSE was thrown away: neither its status nor the message that was open before is that
/// of the bytes that come next.
#[test]
fn what_a_pause_threw_away_joins_nothing() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let part = |bytes: &[u8]| {
            rig.play(bytes.iter().copied());
            rig.advance(10 * MILLISECOND);
        };
        let events = || -> Vec<Vec<u8>> {
            let events = rig.capture.captured_events();
            assert!(
                events
                    .iter()
                    .all(|event| event.flags == event_flags::COMPLETE)
            );
            events.into_iter().map(|event| event.bytes).collect()
        };
        for held in [KsState::PAUSE, KsState::ACQUIRE] {
            for (before, meanwhile, after, expected) in [
                (
                    &[0x90, 1, 2, 3][..],
                    &[0xB0, 7, 100][..],
                    &[7, 80, 0x93, 1, 2][..],
                    &[&[0x90, 1, 2][..], &[0x93, 1, 2]][..],
                ),
                (
                    &[0xF0, 1, 2],
                    &[3, 0xF7, 0xF0, 4],
                    &[5, 0xF7, 0x93, 1, 2],
                    &[&[0xF0, 1, 2], &[0x93, 1, 2]],
                ),
                // Nothing was thrown away: the message goes on.
                (
                    &[0xF0, 1, 2],
                    &[],
                    &[3, 0xF7, 0x90],
                    &[&[0xF0, 1, 2, 3, 0xF7]],
                ),
                (&[1], &[], &[2, 3, 4], &[&[0x90, 1, 2], &[0x90, 3, 4]]),
            ] {
                part(before);
                assert_eq!(rig.capture.jump(held), Status::SUCCESS);
                part(meanwhile);
                assert_eq!(rig.capture.jump(KsState::RUN), Status::SUCCESS);
                part(after);
                assert_eq!(events(), expected, "{held:?}");
            }
        }
        assert_eq!(rig.traced("CaptureOverrun"), 0, "nothing was lost");
        rig.end();
    });
}

/// Nobody looks at a polled chip while no stream runs. What it has then is of the time before.
#[test]
fn a_polled_chip_is_read_at_each_change_of_state() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::polled_uart(Config::default()));
        for held in [KsState::STOP, KsState::ACQUIRE, KsState::PAUSE] {
            assert_eq!(rig.capture.jump(held), Status::SUCCESS);
            rig.play([0x90, 1, 2]);
            rig.advance(SECOND);
            assert_eq!(rig.capture.jump(KsState::RUN), Status::SUCCESS);
            rig.play([0x91, 3, 4]);
            rig.advance(10 * MILLISECOND);
            let captured = rig.capture.captured();
            assert_eq!(captured.len(), 1, "{held:?}: {captured:02X?}");
            assert_eq!(captured[0].bytes, [0x91, 3, 4], "{held:?}");
        }
        // And what came before a pause is not lost with it.
        for round in 0..20_u8 {
            rig.advance(u64::from(round) * 1_370);
            rig.play([0x90, round, 2]);
            rig.advance(9_700);
            assert_eq!(rig.capture.jump(KsState::PAUSE), Status::SUCCESS);
            rig.advance(MILLISECOND);
            assert_eq!(rig.capture.jump(KsState::RUN), Status::SUCCESS);
        }
        assert_eq!(rig.capture.captured().len(), 20);
        rig.end();
    });
}

/// Presentation time begins anew with STOP (contract section 7.1).
#[test]
fn stamps_follow_a_clock_that_was_set_back_while_the_stream_was_stopped() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        for (round, offset) in [123_456_789_012, 0].into_iter().enumerate() {
            assert_eq!(rig.capture.jump(KsState::STOP), Status::SUCCESS);
            rig.session.set_master_offset(offset);
            assert_eq!(rig.capture.jump(KsState::RUN), Status::SUCCESS);
            let start = rig.now().cast_signed() + offset;
            rig.play([0x90, 1, 2]);
            rig.advance(10 * MILLISECOND);
            let captured = rig.capture.captured_events();
            let late = captured[0].time - start;
            assert!((0..2 * 3_200).contains(&late), "round {round}: {late}");
        }
        rig.end();
    });
}

/// A stream that goes while it runs takes the polling with it.
#[test]
fn nobody_polls_for_a_stream_that_is_gone() {
    with_each_binary(|binary| {
        let session = Session::boot(binary).unwrap();
        let hardware = Hardware::polled_uart(Config::default());
        let device = session.install(&hardware).unwrap();
        let rig = Rig::on(session, device);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.capture.close_without_stop(), 0);
        let machine = rig.session.machine();
        machine.advance(10 * MILLISECOND);
        let accesses = || rig.device.chip().unwrap().borrow().accesses();
        let before = accesses();
        machine.advance(SECOND);
        assert_eq!(accesses(), before, "polled for nobody");
        drop((rig.legacy, rig.direct_music, rig.filter, rig.device));
        let report = rig.session.shut_down();
        assert!(report.is_clean(), "{report}");
    });
}
