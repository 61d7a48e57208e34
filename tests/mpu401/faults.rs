//! The fault matrix of mpu401.md section 6, and some more: each ends, is reported, and is got over.

use dmusmini::mpu401::capture::Format;
use dmusmini::mpu401::handshake::HandshakeError;
use dmusmini::mpu401::spec;
use dmusmini::mpu401::transmit::Lane;
use dmusmini_simulator::chip::{Cable, Config, Faults};

use super::rig::{MILLISECOND, Rig, SECOND, Service};

const FOREVER: std::ops::Range<u64> = 0..u64::MAX;

/// A handshake with these faults: its result and how long it took, in ms.
fn handshake(config: Config) -> (Result<(bool, bool), HandshakeError>, u64) {
    let mut rig = Rig::new(config, Service::Interrupt);
    let start = rig.now();
    let result = rig.handshake();
    let took = (rig.now() - start) / MILLISECOND;
    assert_eq!(
        rig.bus.borrow().chip.is_in_uart_mode(),
        result.is_ok(),
        "{result:?}"
    );
    assert_eq!(rig.bus.borrow().chip.blame().bad_commands, 0);
    let result = result.map(|entry| (entry.first_reset_acknowledged, entry.mode_acknowledged));
    (result, took)
}

fn faulty(faults: Faults) -> Config {
    Config {
        faults,
        ..Config::default()
    }
}

#[test]
fn handshakes() {
    let sound = || faulty(Faults::default());
    let lost = |answers: &[u32]| {
        faulty(Faults {
            lost_answers: answers.iter().copied().collect(),
            ..Faults::default()
        })
    };
    let matrix = [
        ("sound", sound(), Ok((true, true))),
        (
            "left in UART mode",
            Config {
                in_uart_mode: true,
                ..sound()
            },
            Ok((false, true)),
        ),
        (
            "absent",
            faulty(Faults {
                removed_at_access: Some(0),
                ..Faults::default()
            }),
            Err(HandshakeError::Absent),
        ),
        (
            "never ready",
            Config {
                reserved: 0,
                ..faulty(Faults {
                    never_ready: Some(FOREVER),
                    ..Faults::default()
                })
            },
            Err(HandshakeError::NotReady),
        ),
        (
            "data stuck",
            faulty(Faults {
                data_stuck: Some(FOREVER),
                ..Faults::default()
            }),
            Err(HandshakeError::StuckData),
        ),
        (
            "no answer ever",
            faulty(Faults {
                no_answer: true,
                ..Faults::default()
            }),
            Err(HandshakeError::NoAnswer),
        ),
        (
            "no answer to the mode command",
            faulty(Faults {
                no_uart_answer: true,
                ..Faults::default()
            }),
            Ok((true, false)),
        ),
        ("first answer lost", lost(&[0]), Ok((false, true))),
        ("second answer lost", lost(&[1]), Ok((true, true))),
        ("third answer lost", lost(&[2]), Ok((true, false))),
        (
            "slow to answer: 40 ms",
            Config {
                command_time: 40 * MILLISECOND,
                ..sound()
            },
            Ok((true, true)),
        ),
    ];
    for (name, config, expected) in matrix {
        let (result, took) = handshake(config);
        println!("handshake, {name}: {result:?} after {took} ms");
        assert_eq!(result, expected, "{name}");
        assert!(took <= 260, "{name}: {took} ms");
    }
}

/// Nothing tells a chip that never acknowledges from a broken one, but the registry.
#[test]
fn a_chip_that_never_acknowledges_may_be_assumed() {
    let assume = |config| {
        let mut rig = Rig::new(config, Service::Interrupt);
        let start = rig.now();
        let result = rig.handshake_assuming(true);
        let took = (rig.now() - start) / MILLISECOND;
        let mode = rig.bus.borrow().chip.is_in_uart_mode();
        assert_eq!(mode, result.is_ok(), "{result:?}");
        (result.map(|entry| entry.assumed), took)
    };
    let faults = |faults| assume(faulty(faults));
    let (mute, took) = faults(Faults {
        no_answer: true,
        ..Faults::default()
    });
    println!("handshake, assumed: after {took} ms");
    assert_eq!(mute, Ok(true));
    assert!(took <= 110, "{took}: two waits");
    // One that does acknowledge is held to it, and one that is not there is not made up.
    let (late, _) = faults(Faults {
        lost_answers: [1, 2].into(),
        ..Faults::default()
    });
    assert_eq!(late, Err(HandshakeError::NoAnswer));
    assert_eq!(faults(Faults::default()).0, Ok(false));
    let (absent, _) = faults(Faults {
        removed_at_access: Some(0),
        ..Faults::default()
    });
    assert_eq!(absent, Err(HandshakeError::Absent));
    let (busy, _) = faults(Faults {
        never_ready: Some(FOREVER),
        ..Faults::default()
    });
    assert!(busy.is_err());
}

/// An FE may fake the answer; the chip must be in UART mode nevertheless.
#[test]
fn a_flood_of_active_sensing_does_not_disturb_a_handshake() {
    for in_uart_mode in [false, true] {
        let config = Config {
            in_uart_mode,
            ..Config::default()
        };
        let mut rig = Rig::new(config, Service::Interrupt);
        let now = rig.now();
        rig.bus.borrow_mut().chip.play(now - SECOND, [0xFE; 10_000]);
        rig.advance(now);
        let entry = rig.handshake().unwrap();
        println!("handshake in a flood of FE: {entry:?}");
        assert!(rig.bus.borrow().chip.is_in_uart_mode());
        rig.run(Format::Cooked);
        rig.put(Lane::Legacy, &[0x90, 1, 2], false);
        rig.advance(rig.now() + SECOND / 100);
        assert_eq!(sent(&mut rig), [0x90, 1, 2]);
    }
}

fn sent(rig: &mut Rig) -> Vec<u8> {
    let now = rig.now();
    let sent = rig.bus.borrow_mut().chip.take_sent(now);
    sent.iter().map(|flown| flown.byte).collect()
}

/// Plays a note every 10 ms for `seconds`.
fn play(rig: &mut Rig, seconds: u64) {
    for step in 0..seconds * 100 {
        let key = u8::try_from(step % 128).unwrap();
        rig.put(Lane::Legacy, &[0x90, key, 1], false);
        rig.advance(rig.now() + SECOND / 100);
    }
}

#[test]
fn a_chip_that_is_never_ready_costs_one_report_and_no_time() {
    let mut rig = Rig::running(Config::default(), Service::Interrupt, Format::Cooked);
    let stuck = rig.now()..rig.now() + SECOND;
    rig.bus.borrow_mut().chip.faults_mut().never_ready = Some(stuck);
    play(&mut rig, 1);
    assert_eq!(rig.faults, 1);
    assert!(rig.dropped > 50);
    let before = sent(&mut rig).len();
    // Free again: everything from here on gets out, whole.
    play(&mut rig, 2);
    rig.advance(rig.now() + SECOND / 10);
    let after = sent(&mut rig);
    println!(
        "never ready for 1 s: {} report, {} events dropped, {before} bytes sent meanwhile, then {} of 600",
        rig.faults,
        rig.dropped,
        after.len()
    );
    assert_eq!(after.len(), 600);
    assert!(after.chunks(3).all(|message| message[0] == 0x90));
    assert_eq!(rig.events.waiting(Lane::Legacy), 0);
}

#[test]
fn stuck_data_is_masked_and_output_goes_on() {
    let mut rig = Rig::running(Config::default(), Service::Interrupt, Format::Cooked);
    let stuck = rig.now()..rig.now() + SECOND;
    rig.bus.borrow_mut().chip.faults_mut().data_stuck = Some(stuck);
    play(&mut rig, 1);
    println!(
        "data stuck for 1 s: {} report, {} interrupts, longest hold {} us",
        rig.stuck,
        rig.interrupts,
        rig.longest_hold / 10
    );
    assert_eq!(rig.stuck, 1);
    assert!(rig.longest_hold < u64::from(spec::ACCESS_LIMIT) * 10);
    assert_eq!(sent(&mut rig).len(), 300);
    // Over: capture works again by itself.
    rig.delivered.clear();
    let now = rig.now();
    rig.bus.borrow_mut().chip.play(now, [0x80, 1, 2]);
    rig.advance(now + SECOND / 10);
    assert_eq!(rig.delivered.last().unwrap().bytes, [0x80, 1, 2]);
}

#[test]
fn storms_and_spurious_interrupts_are_declined() {
    let mut rig = Rig::running(Config::default(), Service::Interrupt, Format::Cooked);
    let storm = rig.now()..rig.now() + SECOND / 10;
    let spurious = rig.now() + SECOND / 2;
    {
        let mut bus = rig.bus.borrow_mut();
        bus.chip.faults_mut().interrupt_storm = Some(storm);
        bus.chip.faults_mut().spurious_interrupts = [spurious].into();
        let now = bus.now;
        bus.chip.play(now, (0..1_000).flat_map(|_| [0x90, 5, 6]));
    }
    play(&mut rig, 2);
    println!(
        "storm of 0.1 s: {} interrupts, {} declined",
        rig.interrupts, rig.unclaimed
    );
    assert!(rig.unclaimed > 1_000);
    assert_eq!(sent(&mut rig).len(), 600);
    assert_eq!(rig.delivered.len(), 1_000);
    assert_eq!(rig.bus.borrow().chip.blame().overruns, 0);
}

#[test]
fn a_lost_interrupt_does_not_silence_capture() {
    let mut rig = Rig::running(Config::default(), Service::Interrupt, Format::Cooked);
    let start = rig.now();
    {
        let mut bus = rig.bus.borrow_mut();
        bus.chip.faults_mut().lost_interrupts = [start].into();
        for key in 0..100 {
            bus.chip
                .play(start + u64::from(key) * 20 * MILLISECOND, [0x90, key, 1]);
        }
    }
    rig.advance(start + 3 * SECOND);
    let late = rig.delivered[0].at - start - 3_200;
    println!(
        "lost interrupt: {} of 100 notes, the first {} us late",
        rig.delivered.len(),
        late / 10
    );
    assert_eq!(rig.delivered.len(), 100);
}

#[test]
fn a_full_ring_loses_the_newest_counts_them_and_marks_the_next() {
    let mut rig = Rig::running(Config::default(), Service::Interrupt, Format::Cooked);
    let start = rig.now();
    rig.room = 0;
    rig.bus
        .borrow_mut()
        .chip
        .play(start, (0..1_000_u32).flat_map(|_| [0x90, 5, 6]));
    rig.advance(start + SECOND);
    assert!(rig.delivered.is_empty());
    rig.room = usize::MAX;
    rig.advance(start + 2 * SECOND);
    let now = rig.now();
    rig.bus
        .borrow_mut()
        .chip
        .play(now, [0x91, 7, 8, 0x92, 7, 8]);
    rig.advance(now + SECOND / 10);
    let whole = rig
        .delivered
        .iter()
        .filter(|event| event.bytes == [0x90, 5, 6])
        .count();
    let lost = rig.take_lost();
    println!("full ring: {whole} messages kept, {lost} bytes lost and counted");
    assert_eq!(lost, 3_000 - 2_048);
    assert_eq!(whole, 2_048 / 3);
    let tail: Vec<_> = rig.delivered[whole..]
        .iter()
        .map(|event| (event.bytes.as_slice(), event.after_loss))
        .collect();
    assert_eq!(
        tail,
        [(&[0x91, 7, 8][..], true), (&[0x92, 7, 8][..], false)]
    );
}

#[test]
fn loopback_returns_what_was_sent() {
    let config = Config {
        cable: Cable::Loopback,
        ..Config::default()
    };
    let mut rig = Rig::running(config, Service::Interrupt, Format::Cooked);
    play(&mut rig, 3);
    rig.advance(rig.now() + SECOND / 10);
    let keys: Vec<u8> = rig.delivered.iter().map(|event| event.bytes[1]).collect();
    assert_eq!(
        keys,
        (0..300)
            .map(|step| u8::try_from(step % 128).unwrap())
            .collect::<Vec<_>>()
    );
}
