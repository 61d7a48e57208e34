//! A chip that takes nothing, and lost interrupts, through the whole driver. Of the fault matrix
//! (mpu401.md section 6) `start` has what the handshake meets, `storms` what does not end, `line` spurious
//! interrupts, and `removal` the rest.

use dmusmini::com::Status;
use dmusmini::portcls::abi::KsState;
use dmusmini_simulator::chip::{Config, Faults};
use dmusmini_simulator::session::Hardware;

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

/// Plays a note every 10 ms.
fn play(rig: &Rig, notes: u32) {
    for step in 0..notes {
        rig.send(&rig.legacy, &[0x90, u8::try_from(step % 128).unwrap(), 1]);
        rig.advance(10 * MILLISECOND);
    }
}

#[test]
fn a_chip_that_is_never_ready_costs_one_report_and_is_forgiven() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let stuck = rig.now()..rig.now() + SECOND;
        rig.chip().borrow_mut().faults_mut().never_ready = Some(stuck);
        play(&rig, 100);
        let refused = rig.legacy.render_stats().refused;
        let reports = rig.traced("DeviceBusy");
        let before = rig.sent().len();
        play(&rig, 200);
        rig.advance(SECOND / 10);
        let after = rig.sent();
        println!(
            "never ready for 1 s, {}: {reports} report, {before} bytes meanwhile, then {} of 600",
            name(binary),
            after.len(),
        );
        assert_eq!(reports, 1);
        assert_eq!(refused, 0, "PutMessage always succeeds");
        assert_eq!((before, after.len()), (0, 600));
        assert_eq!(rig.legacy.events_with_driver(), (0, 0));
        rig.end();
    });
}

/// A message that the chip gives up in the middle is torn, both streams are, and what follows is whole.
#[test]
fn a_chip_that_is_never_ready_tears_one_message_and_no_more() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let mut sysex = vec![0x2A; 600];
        sysex[0] = 0xF0;
        sysex[599] = 0xF7;
        rig.send(&rig.legacy, &sysex);
        rig.send(&rig.direct_music, &[0x91, 1, 1]);
        rig.advance(50 * MILLISECOND);
        let before = rig.now();
        rig.chip().borrow_mut().faults_mut().never_ready = Some(before..before + SECOND);
        let machine = rig.session.machine();
        assert!(machine.advance_until(before + SECOND, |_| rig.traced("DeviceBusy") == 1));
        let took = (rig.now() - before) / MILLISECOND;
        for pin in [&rig.legacy, &rig.direct_music] {
            assert_eq!(pin.events_with_driver(), (0, 0), "an event was kept");
        }
        rig.advance(SECOND);
        rig.send(&rig.direct_music, &[0xC1, 5]);
        rig.send(&rig.legacy, &[0x90, 1, 2]);
        rig.advance(10 * MILLISECOND);
        let sent = rig.sent();
        println!(
            "never ready in a SysEx, {}: given up after {took} ms, {} bytes of it sent",
            name(binary),
            sent.len() - 5
        );
        // 100 attempts a millisecond or two apart.
        assert!((100..=230).contains(&took), "{took}");
        let torn = sent.len() - 5;
        assert!((100..300).contains(&torn) && sent[..torn] == sysex[..torn]);
        assert_eq!(sent[torn..], [0xC1, 5, 0x90, 1, 2]);
        rig.end();
    });
}

/// Some chips take nothing while received bytes wait: they are read though nobody wants them.
#[test]
fn unread_bytes_do_not_keep_anything_from_being_sent() {
    with_each_binary(|binary| {
        for polled in [false, true] {
            let config = Config {
                faults: Faults {
                    unread_blocks: true,
                    ..Faults::default()
                },
                ..Config::default()
            };
            let rig = if polled {
                Rig::open(binary, &Hardware::polled_uart(config))
            } else {
                Rig::open(binary, &Hardware::uart(config))
            };
            assert_eq!(rig.capture.jump(KsState::PAUSE), Status::SUCCESS);
            rig.play((0..3_000).map(|_| 0xFE));
            let mut sysex = vec![0x2A; 1_500];
            sysex[0] = 0xF0;
            sysex[1_499] = 0xF7;
            rig.send(&rig.legacy, &sysex);
            let start = rig.now();
            rig.advance(2 * SECOND);
            let sent = rig.device.take_sent();
            assert!(sent.iter().map(|flown| flown.byte).eq(sysex));
            let took = (sent[1_499].end - start) / MILLISECOND;
            println!(
                "unread bytes block, {}, polled {polled}: 1500 bytes in {took} ms",
                name(binary)
            );
            assert!(took <= 1_500 * 3_200 * 103 / 100 / MILLISECOND, "{took}");
            rig.end();
        }
    });
}

#[test]
fn a_lost_interrupt_does_not_silence_capture() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let start = rig.now();
        rig.chip().borrow_mut().faults_mut().lost_interrupts = [start].into();
        for key in 0..50 {
            let at = start + u64::from(key) * 20 * MILLISECOND;
            rig.chip().borrow_mut().play(at, [0x90, key, 1]);
        }
        rig.advance(2 * SECOND);
        let captured = rig.capture.captured();
        let late = captured[0].time - (start + 3_200).cast_signed();
        println!(
            "lost interrupt, {}: {} of 50 notes, the first {} us late",
            name(binary),
            captured.len(),
            late / 10
        );
        assert_eq!(captured.len(), 50);
        // The watchdog's period and its timer's lateness.
        assert!(late <= 510_000, "{late}");
        rig.end();
    });
}

/// What a busy wire brings while an interrupt is lost overruns the chip, and is all that is lost.
#[test]
fn a_lost_interrupt_in_a_stream_of_bytes_costs_no_more_than_the_watchdog_allows() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let times = 20;
        let lost = (1..=times).map(|time| rig.now() + time * 91 * MILLISECOND);
        rig.chip().borrow_mut().faults_mut().lost_interrupts = lost.collect();
        rig.play((0..2_000_u32).flat_map(|note| [0x90, (note % 128) as u8, 1]));
        rig.advance(3 * SECOND);
        let captured = rig.capture.captured();
        let overruns = rig.chip().borrow().blame().overruns;
        println!(
            "{times} lost interrupts, wire busy, {}: {} of 2000 notes, {overruns} bytes overrun",
            name(binary),
            captured.len()
        );
        // Each: the watchdog's period and its timer's lateness, less what the FIFO holds.
        let most = times * (510_000 / 3_200 - 16 + 1);
        assert!((times..=most).contains(&overruns), "{overruns}");
        // Two torn messages at most at each gap.
        assert!(captured.len() as u64 >= 2_000 - overruns / 3 - 2 * times);
        assert_eq!(captured.last().unwrap().bytes, [0x90, 79, 1]);
        rig.end();
    });
}
