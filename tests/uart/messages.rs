//! What a capture stream makes of the wire's bytes: each event with its flags, group and time
//! (contract section 7.3), as the driver sends it and before the port's own parser sees it.

use dmusmini::portcls::abi::event_flags::{COMPLETE, INCOMPLETE};
use dmusmini_simulator::chip::{Blame, Config, Flown};
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::session::{CapturedEvent, Hardware};

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

/// One byte time: how far a stamp may be off.
const BYTE: i64 = 3_200;

/// How late the stamp of an event is that begins with the wire's byte number `first`.
fn error(event: &CapturedEvent, heard: &[Flown], first: usize) -> i64 {
    event.time - heard[first].end.cast_signed()
}

/// The master clock ahead of the machine's time.
const AHEAD: i64 = 123_456_789_012;

#[test]
fn each_event_is_a_whole_message_with_the_time_of_its_first_byte() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.session.set_master_offset(AHEAD);
        let mut sysex = vec![0x2A; 2_500];
        sysex[0] = 0xF0;
        sysex[2_499] = 0xF7;
        // Running status, a real-time byte inside a message, system common, which ends running
        // status, strays behind it, and a SysEx longer than two of the allocator's buffers with a
        // real-time byte inside: no part of it is a message, the last one neither.
        let mut wire = vec![
            0x90, 1, 2, 3, 0xF8, 4, 0xC1, 5, 6, 0xF2, 7, 8, 9, 0xF3, 1, 0xF6,
        ];
        let long = wire.len();
        wire.extend(&sysex[..2_000]);
        wire.push(0xFE);
        wire.extend(&sysex[2_000..]);
        rig.play(wire);
        rig.advance(SECOND);
        let events = rig.capture.captured_events();
        let heard = rig.heard();
        // The longest part (contract section 7.3): the allocator's buffers are larger.
        let part = 240;
        assert!(part < usize::from(rig.session.settings().buffer_size.get()));
        let sent = |byte: usize| long + byte + usize::from(byte >= 2_000);
        let sysex = &sysex[..];
        let parts = |from: usize, to: usize| {
            let starts = (from..to).step_by(part);
            starts.map(move |at| (&sysex[at..(at + part).min(to)], INCOMPLETE, sent(at)))
        };
        let mut expected: Vec<(&[u8], u16, usize)> = vec![
            (&[0x90, 1, 2], COMPLETE, 0),
            (&[0xF8], COMPLETE, 4),
            (&[0x90, 3, 4], COMPLETE, 3),
            (&[0xC1, 5], COMPLETE, 6),
            (&[0xC1, 6], COMPLETE, 8),
            (&[0xF2, 7, 8], COMPLETE, 9),
            (&[0xF3, 1], COMPLETE, 13),
            (&[0xF6], COMPLETE, 15),
        ];
        // The eighth part was full when the real-time byte came, inside the ninth.
        expected.extend(parts(0, 8 * part));
        expected.push((&[0xFE], COMPLETE, long + 2_000));
        expected.extend(parts(8 * part, 2_500));
        assert_eq!(events.len(), expected.len(), "{events:02X?}");
        for (event, (bytes, flags, first)) in events.iter().zip(expected) {
            assert_eq!(event.bytes, bytes);
            assert_eq!((event.flags, event.group), (flags, 1), "{bytes:02X?}");
            let late = error(event, &heard, first) - AHEAD;
            assert!((-BYTE..=BYTE).contains(&late), "{late}: {bytes:02X?}");
        }
        rig.end();
    });
}

/// Without a time there are still messages, at time 0 (contract section 8).
#[test]
fn a_master_clock_that_fails_costs_no_message() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.session.break_master_clock(true);
        rig.play([0x90, 1, 2]);
        rig.advance(SECOND / 100);
        rig.session.break_master_clock(false);
        rig.play([0x91, 3, 4]);
        rig.advance(SECOND / 100);
        let events = rig.capture.captured_events();
        let heard = rig.heard();
        assert_eq!(events.len(), 2);
        assert_eq!(
            (events[0].time, &events[0].bytes[..]),
            (0, &[0x90, 1, 2][..])
        );
        assert_eq!(events[1].bytes, [0x91, 3, 4]);
        assert!((0..BYTE).contains(&error(&events[1], &heard, 3)));
        rig.end();
    });
}

/// A busy processor: service routines run, DPCs do not, for half a second.
#[test]
fn a_late_sink_loses_nothing_and_every_message_keeps_its_time() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.play((0..100).flat_map(|key| [0x90, key, 6, key, 7]));
        let machine = rig.session.machine();
        machine.at_level(Irql::DISPATCH, || machine.advance(SECOND / 2));
        let events = rig.capture.captured_events();
        let heard = rig.heard();
        assert_eq!(events.len(), 200);
        let errors = events.iter().enumerate().map(|(index, event)| {
            let key = u8::try_from(index / 2).unwrap();
            let velocity = if index % 2 == 0 { 6 } else { 7 };
            assert_eq!(event.bytes, [0x90, key, velocity]);
            error(event, &heard, index / 2 * 5 + index % 2 * 3)
        });
        let (least, most) = errors.fold((0, 0), |(least, most), late| {
            (late.min(least), late.max(most))
        });
        println!(
            "sink late by 0.5 s, {}: 200 messages, stamps {:+.1}..{:+.1} us",
            name(binary),
            least as f64 / 10.0,
            most as f64 / 10.0
        );
        assert!(least >= -BYTE && most <= BYTE, "{least} {most}");
        assert_eq!(rig.chip().borrow().blame(), Blame::default());
        rig.end();
    });
}

/// Interrupts held off for 3 ms at a time: what a service routine then finds all at once did not come
/// all at once.
#[test]
fn a_late_service_routine_stamps_each_byte_with_its_own_time() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.play((0..100).flat_map(|key| [0x90, key, 6]));
        let machine = rig.session.machine();
        for _ in 0..30 {
            machine.at_level(Irql(8), || machine.advance(3 * MILLISECOND));
            machine.advance(MILLISECOND);
        }
        let events = rig.capture.captured_events();
        let heard = rig.heard();
        assert_eq!(events.len(), 100);
        let errors = events.iter().zip(heard.chunks(3));
        let errors: Vec<i64> = errors
            .map(|(event, heard)| error(event, heard, 0))
            .collect();
        let (least, most) = (errors.iter().min().unwrap(), errors.iter().max().unwrap());
        println!(
            "service routine late by 3 ms, {}: stamps {:+.1}..{:+.1} us",
            name(binary),
            *least as f64 / 10.0,
            *most as f64 / 10.0
        );
        // The peer's clock may be 1 % fast, and is not: 3.2 us for each byte that waited.
        assert!(*least >= -BYTE && *most <= BYTE + 16 * 32, "{least} {most}");
        assert_eq!(rig.chip().borrow().blame(), Blame::default());
        rig.end();
    });
}

/// A poll finds what has come since the last: never later than a poll period ago.
#[test]
fn a_polled_stamp_is_off_by_a_poll_period_and_a_byte_at_most() {
    for period in [1_000, 2_000, 4_000] {
        with_each_binary(|binary| {
            let hardware =
                Hardware::polled_uart(Config::default()).with_dword("PollPeriodUs", period);
            let rig = Rig::open(binary, &hardware);
            let start = rig.now();
            for key in 0..100 {
                let at = start + u64::from(key) * 97_531;
                rig.chip().borrow_mut().play(at, [0x90, key, 1]);
            }
            rig.advance(2 * SECOND);
            let events = rig.capture.captured_events();
            let heard = rig.heard();
            assert_eq!(events.len(), 100);
            let errors: Vec<i64> = events
                .iter()
                .zip(heard.chunks(3))
                .map(|(event, heard)| error(event, heard, 0))
                .collect();
            let (least, most) = (errors.iter().min().unwrap(), errors.iter().max().unwrap());
            println!(
                "polled every {period} us, {}: stamps {:+.1}..{:+.1} us, {:.0} timers set/s",
                name(binary),
                *least as f64 / 10.0,
                *most as f64 / 10.0,
                rig.session.machine().calls("ExSetTimer") as f64 / 2.0,
            );
            assert!(*least >= -BYTE, "{least}");
            assert!(*most <= i64::from(period) * 10 + BYTE, "{most}");
            rig.end();
        });
    }
}

/// What a chip without a FIFO loses between two polls is gone before anybody can know: here it is
/// counted, byte by byte.
#[test]
fn polled_without_a_fifo_delivers_all_that_was_not_overrun() {
    with_each_binary(|binary| {
        let config = Config {
            depth: 1,
            ..Config::default()
        };
        let hardware = Hardware::polled_uart(config).with_dword("CaptureRaw", 1);
        let rig = Rig::open(binary, &hardware);
        rig.play((0..9_375_u32).map(|byte| u8::try_from(byte % 128).unwrap()));
        rig.advance(4 * SECOND);
        let events = rig.capture.captured_events();
        let delivered: usize = events.iter().map(|event| event.bytes.len()).sum();
        let heard = rig.heard().len();
        let lost = usize::try_from(rig.chip().borrow().blame().overruns).unwrap();
        println!(
            "polled, depth  1, {}: {heard} bytes on the wire, {delivered} delivered, {lost} overrun \
             ({:.1} %)",
            name(binary),
            100.0 * lost as f64 / heard as f64
        );
        assert_eq!(delivered + lost, heard);
        assert!(delivered > heard / 4, "{delivered} of {heard}");
        rig.end();
    });
}
