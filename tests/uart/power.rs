//! D0 to D3 and back, and a stop with other resources.

use dmusmini::com::Status;
use dmusmini::portcls::abi::{DataFlow, KsState, PowerState};
use dmusmini::portcls::guids::KSDATAFORMAT_SUBTYPE_MIDI;
use dmusmini_simulator::chip::{Blame, Config};
use dmusmini_simulator::session::{Format, Hardware};

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

#[test]
fn notes_are_silenced_before_d3_and_streams_go_on_in_d0() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        for key in 0..60 {
            rig.send(&rig.legacy, &[0x90 | (key % 3), key, 100]);
        }
        rig.send(&rig.direct_music, &[0xB5, 64, 127]);
        rig.advance(20 * MILLISECOND);
        let before = rig.now();
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        let took = (rig.now() - before) / MILLISECOND;
        let first = rig.sent();
        assert_eq!(
            rig.chip().borrow().blame(),
            Blame::default(),
            "nothing was cut off"
        );
        // Whatever was on its way, the last words are for silence: the keys that the wire had got to,
        // a pedal, then each channel.
        let played = first.iter().position(|&byte| byte == 0x80).unwrap();
        let (played, hush) = first.split_at(played);
        let mut expected: Vec<u8> = Vec::new();
        for channel in 0..3 {
            let notes = played.chunks_exact(3);
            let notes = notes.filter(|note| note[0] == 0x90 | channel);
            expected.extend(notes.flat_map(|note| [0x80 | channel, note[1], 64]));
        }
        expected.extend([0xB5, 64, 0]);
        expected.extend([0, 1, 2, 5].iter().flat_map(|channel| {
            let status = 0xB0 | channel;
            [status, 120, 0, status, 123, 0]
        }));
        assert_eq!(hush, expected, "{first:02X?}");
        rig.advance(SECOND);
        assert_eq!(rig.sent(), [0; 0], "silent while powered down");
        rig.play([0x90, 1, 1]);
        rig.advance(SECOND / 10);

        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        rig.advance(SECOND / 2);
        let second = rig.sent();
        let whole: Vec<u8> = [played, &second].concat();
        println!(
            "power, {}: D3 took {took} ms, {} bytes before it, {} after it",
            name(binary),
            first.len(),
            second.len()
        );
        let keys: Vec<u8> = whole
            .chunks(3)
            .filter(|message| message[0] & 0xF0 == 0x90)
            .map(|message| message[1])
            .collect();
        assert_eq!(
            keys,
            (0..60).collect::<Vec<_>>(),
            "every note once, in order"
        );
        assert!(took < 100, "{took}");
        // And both directions work.
        rig.send(&rig.direct_music, &[0xC0, 5]);
        rig.play([0x81, 2, 3]);
        rig.advance(SECOND / 10);
        assert_eq!(rig.sent(), [0xC0, 5]);
        assert_eq!(rig.capture.captured().last().unwrap().bytes, [0x81, 2, 3]);
        rig.end();
    });
}

/// D1 and D2 are left and entered as D3 is, from each other too.
#[test]
fn every_power_state_and_back() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        for (round, state) in [PowerState(2), PowerState(3), PowerState::D3, PowerState(2)]
            .into_iter()
            .enumerate()
        {
            let key = u8::try_from(round).unwrap();
            rig.send(&rig.legacy, &[0x90, key, 1]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.sent(), [0x90, key, 1]);
            assert_eq!(rig.device.set_power(state), Status::SUCCESS);
            let silence = [0x80, key, 64, 0xB0, 120, 0, 0xB0, 123, 0];
            assert_eq!(rig.sent(), silence, "{state:?}");
            assert!(!rig.chip().borrow().is_in_uart_mode(), "{state:?}");
            // Who runs without power waits for it, and nobody listens.
            let run = rig.direct_music.jump(KsState::RUN);
            assert_eq!(run, Status::SUCCESS, "{state:?}");
            rig.direct_music.put_now(1, &[0xC5, key]);
            let accesses = rig.chip().borrow().accesses();
            rig.play([0x91, key, 1]);
            rig.advance(SECOND / 10);
            assert_eq!(rig.chip().borrow().accesses(), accesses, "{state:?}");
            assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
            assert!(rig.chip().borrow().is_in_uart_mode(), "{state:?}");
            rig.play([0x92, key, 1]);
            rig.advance(SECOND / 10);
            assert_eq!(rig.sent(), [0xC5, key], "{state:?}");
            assert_eq!(rig.capture.captured().last().unwrap().bytes, [0x92, key, 1]);
        }
        rig.end();
    });
}

/// Silence may not be had from a chip that takes nothing: it is not waited for.
#[test]
fn a_stuck_chip_does_not_hold_up_sleep_and_a_lost_answer_does_not_hold_up_waking() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.send(&rig.legacy, &[0x90, 1, 1]);
        rig.send(&rig.direct_music, &[0x91, 1, 1]);
        rig.advance(10 * MILLISECOND);
        let before = rig.now();
        rig.chip().borrow_mut().faults_mut().never_ready = Some(before..before + SECOND);
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        let took = (rig.now() - before) / MILLISECOND;
        rig.advance(SECOND);
        // The start gave three commands, the first stream three more, and the one at its end found the chip
        // stuck.
        rig.chip().borrow_mut().faults_mut().lost_answers = [6, 7].into();
        let before = rig.now();
        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        let woke = (rig.now() - before) / MILLISECOND;
        println!(
            "power, chip stuck, {}: D3 took {took} ms, D0 {woke} ms",
            name(binary)
        );
        assert!(took <= 250 && woke <= 200, "{took} {woke}");
        rig.advance(10 * MILLISECOND);
        // What could not be silenced then is silent since it has no power, or nobody knows.
        assert_eq!(rig.sent(), [0x90, 1, 1, 0x91, 1, 1]);
        rig.send(&rig.legacy, &[0x90, 2, 2]);
        rig.play([0x91, 3, 4]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), [0x90, 2, 2]);
        assert_eq!(rig.capture.captured()[0].bytes, [0x91, 3, 4]);
        rig.end();
    });
}

/// RUN is accepted while the chip is not ready: what is queued waits for it, and the driver tries it again
/// once a second (issue 13, C). It was dropped before, so a song began somewhere in its middle.
#[test]
fn a_chip_that_does_not_come_back_keeps_what_waits() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        rig.send(&rig.legacy, &[0x90, 1, 2]);
        rig.chip().borrow_mut().faults_mut().no_answer = true;
        let _ = rig.device.set_power(PowerState::D0);
        assert_eq!(rig.traced("UartFailed"), 1);
        // A second from the end of an attempt to the next, which takes up to 200 ms.
        rig.advance(5 * SECOND);
        let failed = rig.traced("UartFailed");
        assert!((5..=6).contains(&failed), "{failed}");
        assert_eq!(rig.legacy.events_with_driver().0, 1);
        // Nobody listens to a dead chip, so its line is no more than a storm.
        let machine = rig.session.machine();
        let before = machine.interrupts_serviced();
        let now = rig.now();
        rig.chip().borrow_mut().faults_mut().interrupt_storm = Some(now..now + SECOND);
        rig.advance(SECOND);
        let stormed = machine.interrupts_serviced() - before;
        assert!(stormed <= super::storms::WITHOUT_DATA, "{stormed}");
        // What comes while it sleeps waits for the next waking, which may do better.
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        let _ = rig.sent();
        rig.legacy.put_now(1, &[0x90, 3, 4]);
        let accesses = rig.chip().borrow().accesses();
        rig.advance(3 * SECOND);
        assert_eq!(rig.chip().borrow().accesses(), accesses, "touched in D3");
        rig.chip().borrow_mut().faults_mut().no_answer = false;
        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), [0x90, 1, 2, 0x90, 3, 4]);
        rig.end();
    });
}

#[test]
fn the_device_restarts_with_other_resources() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.send(&rig.legacy, &[0x90, 1, 2]);
        rig.advance(SECOND / 10);
        assert_eq!(rig.sent(), [0x90, 1, 2]);
        let (session, device) = rig.close();
        assert_eq!(device.stop(), Status::SUCCESS);
        device.move_chip(0x300, Some(5));
        assert_eq!(device.start(), Status::SUCCESS);
        let _ = device.take_sent();
        let rig = Rig::on(session, device);
        rig.send(&rig.legacy, &[0x90, 3, 4]);
        rig.play([0x91, 5, 6]);
        rig.advance(SECOND / 10);
        assert_eq!(rig.sent(), [0x90, 3, 4]);
        assert_eq!(rig.capture.captured()[0].bytes, [0x91, 5, 6]);
        rig.end();
    });
}

/// Which comes first, the pause of the streams or the power's news, is an open question (contract
/// section 17, 12): whoever still sends must not sound through the sleep.
#[test]
fn streams_that_run_through_a_sleep_are_silent_in_it_and_go_on_after_it() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        for key in 0..100 {
            rig.send(&rig.legacy, &[0x90, key, 100]);
        }
        rig.advance(20 * MILLISECOND);
        let slept = rig.device.set_power_without_pause(PowerState::D3);
        assert_eq!(slept, Status::SUCCESS);
        let first = rig.sent();
        let sounding = first.iter().position(|&byte| byte == 0x80).unwrap();
        let (sounding, hush) = first.split_at(sounding);
        assert!(hush.ends_with(&[0xB0, 120, 0, 0xB0, 123, 0]), "{hush:02X?}");
        let released = hush.chunks(3).filter(|message| message[0] == 0x80);
        assert_eq!(
            released.count(),
            sounding.len() / 3,
            "each key that was down"
        );
        rig.advance(SECOND);
        assert_eq!(rig.sent(), [0; 0], "silent while powered down");
        let woke = rig.device.set_power_without_pause(PowerState::D0);
        assert_eq!(woke, Status::SUCCESS);
        rig.advance(SECOND);
        // A note that was torn by the hush is played whole afterwards.
        let second = rig.sent();
        let notes = sounding.chunks_exact(3).chain(second.chunks_exact(3));
        let keys: Vec<u8> = notes
            .filter(|message| message[0] == 0x90)
            .map(|message| message[1])
            .collect();
        assert!(keys.iter().copied().eq(0..100), "{keys:?}");
        rig.end();
    });
}

/// The answers of the handshake come through the service routine of a capture stream that runs.
#[test]
fn what_a_waking_chip_answers_is_no_music() {
    for (raw, hardware) in [
        (0, Hardware::uart(Config::default())),
        (1, Hardware::uart(Config::default())),
        // Nobody but the handshake reads the answers then.
        (0, Hardware::polled_uart(Config::default())),
    ] {
        with_each_binary(|binary| {
            let hardware = hardware.clone().with_dword("CaptureRaw", raw);
            let rig = Rig::open(binary, &hardware);
            rig.play([0x90, 1, 2]);
            rig.advance(10 * MILLISECOND);
            for state in [PowerState::D3, PowerState::D0] {
                let changed = rig.device.set_power_without_pause(state);
                assert_eq!(changed, Status::SUCCESS);
            }
            // Nobody knows what was missed: the status in force then is not in force now.
            rig.play([3, 4, 0x91, 5, 6]);
            rig.advance(10 * MILLISECOND);
            let bytes: Vec<u8> = rig
                .capture
                .captured_events()
                .into_iter()
                .flat_map(|event| event.bytes)
                .collect();
            let expected: &[u8] = if raw == 0 {
                &[0x90, 1, 2, 0x91, 5, 6]
            } else {
                &[0x90, 1, 2, 3, 4, 0x91, 5, 6]
            };
            assert_eq!(bytes, expected);
            rig.end();
        });
    }
}

/// Keys that only a pedal still holds sound on through "all notes off".
#[test]
fn whatever_pedal_holds_notes_is_released_before_d3() {
    with_each_binary(|binary| {
        for pedal in [64, 66, 69] {
            let rig = Rig::open(binary, &Hardware::uart(Config::default()));
            let played = [0x91, 60, 100, 0xB1, pedal, 127, 0x81, 60, 0];
            for message in played.chunks(3) {
                rig.send(&rig.legacy, message);
            }
            rig.advance(20 * MILLISECOND);
            assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
            let sent = rig.sent();
            assert_eq!(sent[..9], played);
            let silence = [0xB1, pedal, 0, 0xB1, 120, 0, 0xB1, 123, 0];
            assert_eq!(sent[9..], silence, "pedal {pedal}");
            assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
            rig.end();
        }
    });
}

/// NewStream resets a chip that the last change of power left dead (contract section 5.6).
#[test]
fn a_chip_that_did_not_come_back_is_tried_again_for_a_new_stream() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        rig.chip().borrow_mut().faults_mut().no_answer = true;
        let _ = rig.device.set_power(PowerState::D0);
        assert_eq!(rig.traced("UartFailed"), 1);
        assert_eq!(rig.session.machine().violations(), []);
        let (filter, device, session) = rig.close_pins();
        let pin = filter
            .pin_of(&KSDATAFORMAT_SUBTYPE_MIDI, DataFlow::In)
            .unwrap();
        let open = || filter.open(pin, &Format::Midi);
        let before = session.machine().now();
        assert_eq!(open().unwrap_err(), Status::IO_DEVICE_ERROR);
        let took = (session.machine().now() - before) / MILLISECOND;
        println!("new stream, chip dead, {}: {took} ms", name(binary));
        assert!(took <= 200, "{took}");
        let chip = device.chip().unwrap();
        // Without power it is left alone, as one that works is.
        let accesses = chip.borrow().accesses();
        assert_eq!(device.set_power(PowerState::D3), Status::SUCCESS);
        session.machine().advance(SECOND);
        assert_eq!(chip.borrow().accesses(), accesses, "touched in D3");
        assert_eq!(device.set_power(PowerState::D0), Status::SUCCESS);
        assert_eq!(open().unwrap_err(), Status::IO_DEVICE_ERROR);

        chip.borrow_mut().faults_mut().no_answer = false;
        drop((chip, filter));
        let rig = Rig::on(session, device);
        let _ = rig.sent();
        let before = rig.session.machine().interrupts_serviced();
        rig.send(&rig.legacy, &[0x90, 1, 2]);
        rig.play([0x91, 3, 4]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), [0x90, 1, 2]);
        assert_eq!(rig.capture.captured()[0].bytes, [0x91, 3, 4]);
        let interrupts = rig.session.machine().interrupts_serviced() - before;
        assert!(interrupts >= 3, "{interrupts}: the interrupt came back too");
        rig.end();
    });
}

/// The interrupt is connected once, at the start. Changes of power leave the connection alone, and what
/// interrupts in D3 is none of ours: the chip is not touched.
#[test]
fn the_interrupt_stays_connected_through_changes_of_power() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let machine = rig.session.machine();
        let calls = || {
            ["IInterruptSync::Connect", "IInterruptSync::Disconnect"]
                .map(|name| machine.calls(name))
        };
        assert_eq!(calls(), [1, 0]);
        for state in [PowerState::D3, PowerState(2), PowerState(3)] {
            assert_eq!(rig.device.set_power(state), Status::SUCCESS);
            let before = (
                rig.chip().borrow().accesses(),
                machine.interrupts_serviced(),
            );
            // A neighbour on the line.
            for _ in 0..10 {
                machine.spurious_interrupt(9);
                rig.advance(MILLISECOND);
            }
            assert_eq!(rig.chip().borrow().accesses(), before.0, "{state:?}");
            assert_eq!(machine.interrupts_serviced(), before.1 + 10);
            assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
            rig.advance(MILLISECOND);
            let before = machine.interrupts_serviced();
            rig.play([0x90, 1, 2]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(machine.interrupts_serviced(), before + 3, "{state:?}");
        }
        assert_eq!(calls(), [1, 0]);
        rig.end();
    });
}

/// A connection that cannot be made again after a storm is tried again: polled until then. Each has an
/// interrupt object of its own.
#[test]
fn an_interrupt_that_cannot_be_connected_is_tried_again() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let machine = rig.session.machine();
        let now = rig.now();
        rig.chip().borrow_mut().faults_mut().data_stuck = Some(now..now + SECOND / 20);
        rig.advance(SECOND / 10);
        assert_eq!(rig.traced("InterruptStorm"), 1);
        // After a second, and after two more.
        machine.refuse_connections(2);
        let _ = (rig.sent(), rig.capture.captured());
        let play = |key| {
            let before = machine.interrupts_serviced();
            rig.play([0x90, key, 1]);
            rig.send(&rig.legacy, &[0x91, key, 1]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.sent(), [0x91, key, 1]);
            let captured = rig.capture.captured();
            assert_eq!(captured.len(), 1);
            assert_eq!(captured[0].bytes, [0x90, key, 1]);
            machine.interrupts_serviced() - before
        };
        assert_eq!(play(1), 0, "polled");
        rig.advance(12 * SECOND / 10);
        assert_eq!(play(2), 0, "polled");
        rig.advance(22 * SECOND / 10);
        assert_eq!(play(3), 0, "polled");
        rig.advance(5 * SECOND);
        assert_eq!(play(4), 3, "by its interrupt");
        assert_eq!(machine.calls("IInterruptSync::Connect"), 4);
        assert_eq!(machine.calls("PcNewInterruptSync"), 4);
        rig.end();
    });
}

/// A chip that failed is tried again when a stream is set running, though not in a row; and running is
/// never refused.
#[test]
fn a_chip_that_did_not_come_back_is_tried_again_for_a_stream_that_runs() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        rig.chip().borrow_mut().faults_mut().no_answer = true;
        let _ = rig.device.set_power(PowerState::D0);
        assert_eq!(rig.traced("UartFailed"), 1, "once for all streams");
        rig.advance(SECOND);
        let walk = || {
            assert_eq!(rig.legacy.jump(KsState::PAUSE), Status::SUCCESS);
            let before = rig.now();
            assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
            (rig.now() - before) / MILLISECOND
        };
        let took = walk();
        assert!((100..=200).contains(&took), "{took}");
        assert_eq!(rig.traced("UartFailed"), 2);
        assert_eq!(walk(), 0, "not in a row");
        // Nothing waits, so nothing else tries it.
        rig.advance(3 * SECOND);
        assert_eq!(rig.traced("UartFailed"), 2);
        rig.chip().borrow_mut().faults_mut().no_answer = false;
        let _ = rig.sent();
        walk();
        rig.send(&rig.legacy, &[0x90, 2, 2]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), [0x90, 2, 2]);
        rig.end();
    });
}
