//! Others may take the chip out of UART mode while no stream is open, and nothing tells of it: the first
//! stream that opens puts it back.

use dmusmini::com::Status;
use dmusmini::portcls::abi::DataFlow;
use dmusmini::portcls::guids::KSDATAFORMAT_SUBTYPE_MIDI;
use dmusmini_simulator::chip::{Blame, Config};
use dmusmini_simulator::session::{Format, Hardware};

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

#[test]
fn the_first_stream_puts_back_a_chip_that_lost_uart_mode() {
    with_each_binary(|binary| {
        for hardware in [
            Hardware::uart(Config::default()),
            Hardware::polled_uart(Config::default()),
        ] {
            let rig = Rig::open(binary, &hardware);
            rig.send(&rig.legacy, &[0xC0, 1]);
            rig.advance(10 * MILLISECOND);
            let (filter, device, session) = rig.close_pins();
            drop(filter);
            let chip = device.chip().unwrap();
            chip.borrow_mut().leave_uart_mode(session.machine().now());
            session.machine().advance(SECOND);
            assert!(!chip.borrow().is_in_uart_mode());

            let before = session.machine().now();
            let rig = Rig::on(session, device);
            let took = (rig.now() - before) / MILLISECOND;
            println!("first stream, {}: open after {took} ms", name(binary));
            assert!(took <= 200, "{took}");
            assert!(chip.borrow().is_in_uart_mode());
            let _ = rig.sent();
            rig.send(&rig.direct_music, &[0x90, 1, 2]);
            rig.play([0x91, 3, 4]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.sent(), [0x90, 1, 2]);
            assert_eq!(rig.capture.captured()[0].bytes, [0x91, 3, 4]);
            assert_eq!(chip.borrow().blame(), Blame::default());
            drop(chip);
            rig.end();
        }
    });
}

/// Only the first: a stream that plays is not cut off by another that opens.
#[test]
fn the_second_stream_leaves_the_chip_alone() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let before = rig.traced("UartOpened");
        let pin = rig
            .filter
            .pin_of(&KSDATAFORMAT_SUBTYPE_MIDI, DataFlow::Out)
            .unwrap();
        rig.send(&rig.legacy, &[0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xF7]);
        let Rig {
            legacy,
            direct_music,
            capture,
            filter,
            device,
            session,
        } = rig;
        assert_eq!(capture.close(), 0);
        let capture = filter.open(pin, &Format::Midi).unwrap();
        capture.run().unwrap();
        let rig = Rig {
            legacy,
            direct_music,
            capture,
            filter,
            device,
            session,
        };
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.traced("UartOpened"), before);
        assert_eq!(rig.sent().len(), 11);
        rig.end();
    });
}

/// What the last stream left in a deep chip is sent before the reset throws it away.
#[test]
fn what_the_chip_still_holds_is_sent_first() {
    with_each_binary(|binary| {
        let config = Config {
            depth: 64,
            ..Config::default()
        };
        let rig = Rig::open(binary, &Hardware::uart(config));
        for _ in 0..20 {
            rig.send(&rig.legacy, &[0xB0, 7, 100]);
        }
        rig.advance(MILLISECOND);
        let (filter, device, session) = rig.close_pins();
        drop(filter);
        let rig = Rig::on(session, device);
        rig.advance(50 * MILLISECOND);
        let sent = rig.sent();
        assert!(sent.len() >= 60, "{sent:02X?}");
        assert_eq!(rig.chip().borrow().blame(), Blame::default());
        rig.end();
    });
}

/// A chip that does not come back refuses the stream, and the next one tries again.
#[test]
fn a_chip_that_cannot_be_put_back_is_tried_again_by_the_next_stream() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let (filter, device, session) = rig.close_pins();
        let pin = filter
            .pin_of(&KSDATAFORMAT_SUBTYPE_MIDI, DataFlow::In)
            .unwrap();
        let open = || filter.open(pin, &Format::Midi);
        let chip = device.chip().unwrap();
        chip.borrow_mut().leave_uart_mode(session.machine().now());
        chip.borrow_mut().faults_mut().no_answer = true;
        for _ in 0..2 {
            let before = session.machine().now();
            assert_eq!(open().unwrap_err(), Status::IO_DEVICE_ERROR);
            let took = (session.machine().now() - before) / MILLISECOND;
            assert!(took <= 200, "{took}");
        }
        chip.borrow_mut().faults_mut().no_answer = false;
        drop((chip, filter));
        let rig = Rig::on(session, device);
        let _ = rig.sent();
        rig.send(&rig.legacy, &[0x90, 1, 2]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), [0x90, 1, 2]);
        rig.end();
    });
}
