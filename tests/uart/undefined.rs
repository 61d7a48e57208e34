//! The statuses that MIDI 1.0 leaves undefined, both ways: F4 and F5 with the data bytes that follow,
//! F9 and FD as real time.

use dmusmini::com::Status;
use dmusmini::portcls::abi::KsState;
use dmusmini::portcls::abi::event_flags::COMPLETE;
use dmusmini_simulator::chip::{Cable, Config};
use dmusmini_simulator::session::{Hardware, MusicBuffer};

use super::rig::{MILLISECOND, Rig, SECOND, with_each_binary};

/// F5 nn selects a port of many interfaces, before the notes for it.
#[test]
fn a_port_selector_reaches_the_wire() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        for pin in [&rig.direct_music, &rig.legacy] {
            rig.send(pin, &[0x90, 1, 1]);
            rig.send(pin, &[0xF5, 2]);
            rig.send(pin, &[0x90, 0x3C, 0x40]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.sent(), [0x90, 1, 1, 0xF5, 2, 0x90, 0x3C, 0x40]);
            // As any bytes in an event, with real time inside; without data; in a package.
            rig.send(pin, &[0xF4, 0xFD, 1, 0xF8, 2]);
            rig.send(pin, &[0xF4]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.sent(), [0xF4, 0xFD, 1, 0xF8, 2, 0xF4]);
            let now = rig.session.master_time();
            pin.send_package(now, 1, &[&[0xF5, 3], &[0x91, 2, 2]]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.sent(), [0xF5, 3, 0x91, 2, 2]);
        }
        rig.end();
    });
}

/// What a legacy client writes are bytes, in runs as it likes them.
#[test]
fn a_legacy_client_writes_undefined_statuses_in_any_pieces() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let bytes = [
            0x90, 1, 1, 0xF5, 2, 3, 0xF9, 0x90, 0x3C, 0x40, 0xF4, 0xFD, 4, 0xF6,
        ];
        for first in 1..bytes.len() {
            for second in first..bytes.len() {
                let mut buffer = MusicBuffer::new();
                for run in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    buffer = buffer.run(0, run);
                }
                let now = rig.session.master_time();
                assert_eq!(rig.legacy.write(now, buffer.bytes()), Ok(()));
                rig.advance(10 * MILLISECOND);
                // The port takes real time out of a message, and passes it on ahead of that.
                let (real_time, rest): (Vec<u8>, Vec<u8>) =
                    rig.sent().into_iter().partition(|&byte| byte >= 0xF8);
                let expected = [0x90, 1, 1, 0xF5, 2, 3, 0x90, 0x3C, 0x40, 0xF4, 4, 0xF6];
                assert_eq!(rest, expected, "{first} {second}");
                assert_eq!(real_time, [0xF9, 0xFD], "{first} {second}");
            }
        }
        rig.end();
    });
}

/// Data bytes behind an F4 or F5 are its own: running status has ended.
#[test]
fn an_undefined_status_ends_running_status() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        for undefined in [0xF4, 0xF5] {
            for event in [&[0x90, 1, 1][..], &[undefined, 2], &[3, 4], &[0x80, 1, 0]] {
                rig.direct_music.put_now(1, event);
            }
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.sent(), [0x90, 1, 1, undefined, 2, 3, 4, 0x80, 1, 0]);
            // Behind another pin's message they are nobody's.
            rig.direct_music.put_now(1, &[undefined, 2]);
            rig.advance(MILLISECOND);
            rig.legacy.put_now(1, &[0xC1, 5]);
            rig.advance(MILLISECOND);
            rig.direct_music.put_now(1, &[3]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.sent(), [undefined, 2, 0xC1, 5]);
        }
        rig.end();
    });
}

/// As the driver sends them, and as the client gets them.
#[test]
fn undefined_statuses_are_received_as_single_messages() {
    for raw in [0, 1] {
        with_each_binary(|binary| {
            let hardware = Hardware::uart(Config::default()).with_dword("CaptureRaw", raw);
            let rig = Rig::open(binary, &hardware);
            rig.play([
                0x90, 1, 2, 0xF9, 3, 4, 0xF5, 2, 0xFD, 3, 0x90, 0x3C, 0x40, 0xF0, 1, 0xF9, 2, 0xF4,
                5, 6, 7, 8, 9, 10, 11, 12, 13, 0xF4, 0xF5, 0xF0, 0xFD, 3, 0xF7,
            ]);
            rig.advance(SECOND / 10);
            let expected: [&[u8]; 14] = [
                &[0x90, 1, 2],
                &[0xF9],
                &[0x90, 3, 4],
                &[0xFD],
                &[0xF5, 2, 3],
                &[0x90, 0x3C, 0x40],
                &[0xF9],
                &[0xF0, 1, 2],
                &[0xF4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
                &[0xF4],
                &[0xF5],
                &[0xFD],
                &[0xF0, 3, 0xF7],
                &[],
            ];
            let expected = &expected[..13];
            let captured = rig.capture.captured();
            let messages: Vec<&[u8]> = captured.iter().map(|one| &one.bytes[..]).collect();
            assert_eq!(messages, expected, "raw {raw}");
            let events = rig.capture.captured_events();
            if raw == 0 {
                assert_eq!(events.len(), expected.len());
                assert!(events.iter().all(|event| event.flags == COMPLETE));
            }
            // Each has the time of its first byte, whatever ended it.
            let heard = rig.heard();
            let selector = captured.iter().find(|one| one.bytes[0] == 0xF5).unwrap();
            let late = selector.time - heard[6].end.cast_signed();
            assert!((-3_200..=3_200).contains(&late), "{late}");
            rig.end();
        });
    }
}

/// What the driver sends, it receives.
#[test]
fn loopback_returns_undefined_statuses() {
    with_each_binary(|binary| {
        let config = Config {
            cable: Cable::Loopback,
            ..Config::default()
        };
        let rig = Rig::open(binary, &Hardware::uart(config));
        let mut long = vec![0x11; 240];
        long[0] = 0xF5;
        let messages: [&[u8]; 6] = [&[0xF5, 2], &[0xF9], &[0xF4], &[0xFD], &long, &[0xF6]];
        for message in messages {
            rig.direct_music.put_now(1, message);
        }
        rig.advance(SECOND / 2);
        let captured = rig.capture.captured();
        let captured: Vec<&[u8]> = captured.iter().map(|one| &one.bytes[..]).collect();
        // Real time is on time, and so ahead of what the next status ends.
        let expected: [&[u8]; 6] = [&[0xF9], &[0xF5, 2], &[0xFD], &[0xF4], &long, &[0xF6]];
        assert_eq!(captured, expected);
        rig.end();
    });
}

/// Active sensing comes all the time, also while nobody listens: it is part of no message.
#[test]
fn real_time_that_a_pause_threw_away_breaks_nothing() {
    for hardware in [
        Hardware::uart(Config::default()),
        Hardware::polled_uart(Config::default()),
    ] {
        with_each_binary(|binary| {
            let rig = Rig::open(binary, &hardware);
            for held in [KsState::PAUSE, KsState::ACQUIRE] {
                for real_time in 0xF8..=0xFF_u8 {
                    for (before, after, expected) in [
                        (&[0x90, 1, 2][..], &[3, 4][..], &[0x90, 3, 4][..]),
                        (&[0x90, 1], &[2], &[0x90, 1, 2]),
                        (&[0xF0, 1, 2], &[3, 0xF7], &[0xF0, 1, 2, 3, 0xF7]),
                        (&[0xF5, 1], &[2, 0xF6], &[0xF5, 1, 2]),
                    ] {
                        rig.play(before.iter().copied());
                        rig.advance(3 * MILLISECOND);
                        assert_eq!(rig.capture.jump(held), Status::SUCCESS);
                        rig.play([real_time; 3]);
                        rig.advance(3 * MILLISECOND);
                        assert_eq!(rig.capture.jump(KsState::RUN), Status::SUCCESS);
                        rig.play(after.iter().copied());
                        rig.advance(3 * MILLISECOND);
                        let captured = rig.capture.captured();
                        assert!(
                            captured.iter().any(|one| one.bytes == expected),
                            "{held:?} {real_time:02X} {before:02X?}: {captured:02X?}"
                        );
                        assert!(captured.iter().all(|one| one.bytes[0] < 0xF8));
                    }
                }
            }
            rig.end();
        });
    }
}
