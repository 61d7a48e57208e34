//! How busy the wire is and how late the first byte, without a capture stream to help.

use dmusmini::mpu401::capture::Format;
use dmusmini::mpu401::transmit::Lane;
use dmusmini_simulator::chip::{Blame, Config};

use super::rig::{MICROSECOND, MILLISECOND, Rig, SECOND, Service};

/// Sends one long SysEx and nothing else comes in: only the timer carries it. The fraction of the
/// time in which a byte was on the wire, and the wake-ups a second.
fn output_alone(depth: usize) -> (f64, f64) {
    let config = Config {
        depth,
        ..Config::default()
    };
    let mut rig = Rig::running(config, Service::Interrupt, Format::Cooked);
    let bytes = 100_000;
    let mut sysex = vec![0x55; bytes];
    sysex[0] = 0xF0;
    sysex[bytes - 1] = 0xF7;
    let before = rig.pumps;
    rig.put(Lane::Legacy, &sysex, false);
    rig.advance(rig.now() + 120 * SECOND);
    let sent = rig.bus.borrow_mut().chip.take_sent(u64::MAX >> 17);
    assert!(sent.iter().map(|flown| flown.byte).eq(sysex));
    assert_eq!(rig.bus.borrow().chip.blame(), Blame::default());
    let span = sent[bytes - 1].end - sent[0].start;
    let wakes = (rig.pumps - before) as f64 * SECOND as f64 / span as f64;
    (bytes as f64 * 3_200.0 / span as f64, wakes)
}

#[test]
fn the_timer_alone_keeps_a_fifo_busy() {
    for (depth, least) in [(1, 0.7), (16, 0.999), (64, 0.999)] {
        let (busy, wakes) = output_alone(depth);
        println!(
            "output alone: depth {depth:2}: wire {:.3} % busy by timer alone, {wakes:.0} wake-ups/s",
            100.0 * busy
        );
        assert!(busy >= least, "{busy}");
    }
}

#[test]
fn an_idle_wire_takes_the_first_byte_at_once() {
    let mut worst = 0;
    for depth in [1, 16, 64] {
        let config = Config {
            depth,
            ..Config::default()
        };
        let mut rig = Rig::running(config, Service::Interrupt, Format::Cooked);
        for _ in 0..1_000 {
            let pause = 2 * MILLISECOND + rig.random.below(10 * MILLISECOND);
            rig.advance(rig.now() + pause);
            let due = rig.now();
            rig.put(Lane::DirectMusic, &[0x90, 60, 100], false);
            rig.advance(due + 2 * MILLISECOND);
            let sent = rig.bus.borrow_mut().chip.take_sent(due + 2 * MILLISECOND);
            worst = worst.max(sent[0].start - due);
        }
    }
    println!(
        "idle wire: first byte at most {} us after PutMessage",
        worst / MICROSECOND
    );
    assert!(worst <= 3_200);
}

/// Real-time bytes of one stream go into the middle of the other's SysEx.
#[test]
fn real_time_does_not_wait_for_a_sysex() {
    let config = Config {
        depth: 1,
        ..Config::default()
    };
    let mut rig = Rig::running(config, Service::Interrupt, Format::Cooked);
    let mut sysex = vec![0x11; 20_000];
    sysex[0] = 0xF0;
    sysex[19_999] = 0xF7;
    rig.put(Lane::Legacy, &sysex, false);
    let mut worst = 0;
    for _ in 0..100 {
        rig.advance(rig.now() + 7 * MILLISECOND);
        let due = rig.now();
        rig.bus.borrow_mut().chip.take_sent(due);
        rig.put(Lane::DirectMusic, &[0xF8], false);
        rig.advance(due + 8 * MILLISECOND);
        let sent = rig.bus.borrow_mut().chip.take_sent(due + 8 * MILLISECOND);
        let clock = sent.iter().find(|flown| flown.byte == 0xF8).unwrap();
        worst = worst.max(clock.start - due);
    }
    println!(
        "real time in a SysEx, depth 1: at most {} us late",
        worst / MICROSECOND
    );
    // Two bytes in the chip, and a timer that is late.
    assert!(worst <= 2 * 3_200 + 11_000 + 3_200);
}

/// What a polled chip without a FIFO loses is hardware's loss; it is counted by comparison.
#[test]
fn polled_capture_without_a_fifo_reports_what_it_loses() {
    let config = Config {
        depth: 1,
        ..Config::default()
    };
    let mut rig = Rig::running(config, Service::Polled, Format::Raw);
    let start = rig.now();
    rig.bus
        .borrow_mut()
        .chip
        .play(start, (0..31_250_u32).map(|_| 0x40));
    rig.advance(start + 11 * SECOND);
    let heard = rig
        .bus
        .borrow_mut()
        .chip
        .take_heard(start + 11 * SECOND)
        .len();
    let delivered: usize = rig.delivered.iter().map(|event| event.bytes.len()).sum();
    let overruns = rig.bus.borrow().chip.blame().overruns;
    println!(
        "polled, depth 1: {heard} bytes on the wire, {delivered} delivered, {overruns} overrun"
    );
    assert_eq!(heard as u64, delivered as u64 + overruns);
    assert!(delivered > heard / 10);
}

/// Raw mode passes every byte, in order, at most eight an event, stamped by its first.
#[test]
fn raw_capture_passes_bytes_as_they_came() {
    let mut rig = Rig::running(Config::default(), Service::Interrupt, Format::Raw);
    let bytes: Vec<u8> = (0..5_000).map(|_| rig.random.byte(255)).collect();
    let start = rig.now();
    rig.bus.borrow_mut().chip.play(start, bytes.clone());
    rig.advance(start + 2 * SECOND);
    let heard = rig.bus.borrow_mut().chip.take_heard(start + 2 * SECOND);
    assert!(
        rig.delivered
            .iter()
            .all(|event| event.incomplete && event.bytes.len() <= 8)
    );
    let mut place = 0;
    for event in &rig.delivered {
        let error = event.at - heard[place].end;
        assert!(error <= 3_200, "{error}");
        place += event.bytes.len();
    }
    assert!(
        rig.delivered
            .iter()
            .flat_map(|event| &event.bytes)
            .eq(&bytes)
    );
}
