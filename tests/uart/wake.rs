//! A chip without a FIFO, which takes a byte every 320 us and tells nobody: every received byte is an
//! occasion to give it the next, whether a capture stream wants that byte or not.

use dmusmini::portcls::abi::DataFlow;
use dmusmini::portcls::guids::KSDATAFORMAT_SUBTYPE_MIDI;
use dmusmini_simulator::chip::{Blame, Config};
use dmusmini_simulator::session::{Binary, Format, Hardware, Session};

use super::rig::{SECOND, name, with_each_binary};

const BYTES: u16 = 15_000;

/// Sends a long SysEx without a capture stream while so many bytes a second come in that nobody
/// wants; how busy the wire was, and how many interrupts there were a second.
fn busy(binary: &Binary, hardware: &Hardware, incoming: u64) -> (f64, f64) {
    let session = Session::boot(binary).unwrap();
    let device = session.install(hardware).unwrap();
    let filter = device.filter("UART").unwrap();
    let pin = filter
        .pin_of(&KSDATAFORMAT_SUBTYPE_MIDI, DataFlow::In)
        .unwrap();
    let pin = filter.open(pin, &Format::Midi).unwrap();
    pin.run().unwrap();
    let machine = session.machine();
    let start = machine.now();
    let chip = device.chip().unwrap();
    for nth in 0..incoming * 8 {
        chip.borrow_mut()
            .play(start + nth * SECOND / incoming, [0xFE]);
    }
    let mut sysex = vec![0x55; usize::from(BYTES)];
    sysex[0] = 0xF0;
    sysex[usize::from(BYTES) - 1] = 0xF7;
    let before = machine.interrupts_serviced();
    pin.send(session.master_time(), 1, &sysex);
    machine.advance(8 * SECOND);
    let interrupts = machine.interrupts_serviced() - before;
    let sent = device.take_sent();
    assert!(sent.iter().map(|flown| flown.byte).eq(sysex));
    // Without an interrupt and without a listener nobody reads in time what nobody wants.
    let blame = chip.borrow().blame();
    let overruns = blame.overruns;
    assert_eq!(
        blame,
        Blame {
            overruns,
            ..Blame::default()
        }
    );
    let span = (sent[usize::from(BYTES) - 1].end - sent[0].start) as f64;
    let _ = pin.stop();
    assert_eq!(pin.close(), 0);
    drop((chip, filter, device));
    let report = session.shut_down();
    assert!(report.is_clean(), "{report}");
    (f64::from(BYTES) * 3_200.0 / span, interrupts as f64 / 8.0)
}

#[test]
fn bytes_that_nobody_wants_wake_the_sender() {
    with_each_binary(|binary| {
        let config = Config {
            depth: 1,
            ..Config::default()
        };
        let (without, _) = busy(binary, &Hardware::polled_uart(config.clone()), 3_125);
        println!(
            "output without capture, depth 1, {}: 3125 bytes/s come in, no interrupt, wire {:.2} % busy",
            name(binary),
            100.0 * without
        );
        assert!((0.78..0.85).contains(&without), "{without}");
        let mut fractions = Vec::new();
        for incoming in [1, 100, 1_000, 3_125] {
            let (fraction, interrupts) = busy(binary, &Hardware::uart(config.clone()), incoming);
            println!(
                "output without capture, depth 1, {}: {incoming:4} bytes/s come in, {interrupts:4.0} \
                 interrupts/s, wire {:.2} % busy",
                name(binary),
                100.0 * fraction
            );
            fractions.push(fraction);
        }
        assert!(fractions.is_sorted(), "{fractions:?}");
        assert!(fractions[0] >= 0.78, "{fractions:?}");
        assert!(fractions[2] >= fractions[0] + 0.02, "{fractions:?}");
        assert!(fractions[3] >= 0.99, "{fractions:?}");
    });
}
