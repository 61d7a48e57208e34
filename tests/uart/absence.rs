//! An interrupt that is listed and never comes: noticed, told, polled instead, and taken back if it comes
//! after all.

use dmusmini_simulator::chip::{Blame, Config};
use dmusmini_simulator::session::Hardware;

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

/// A rig whose interrupt is wired to nothing from now on.
fn unwired(rig: &Rig) {
    let now = rig.now();
    rig.chip().borrow_mut().faults_mut().dead_line = Some(now..u64::MAX);
}

/// How often the timer is set in a second while nothing else happens.
fn timers(rig: &Rig) -> u64 {
    let machine = rig.session.machine();
    let before = machine.calls("ExSetTimer");
    rig.advance(SECOND);
    machine.calls("ExSetTimer") - before
}

/// Notes every so often; until when the interrupt's absence was traced.
fn noticed(rig: &Rig, every: u64, bytes: &[u8]) -> u64 {
    let start = rig.now();
    for beat in 0..2 * SECOND / every {
        rig.chip()
            .borrow_mut()
            .play(start + beat * every, bytes.iter().copied());
    }
    let machine = rig.session.machine();
    let noticed =
        machine.advance_until(start + 2 * SECOND, |_| rig.traced("InterruptMissing") == 1);
    assert!(noticed, "bytes every {every}");
    rig.now() - start
}

#[test]
fn an_interrupt_that_never_comes_is_noticed_within_a_second_and_polled_for() {
    with_each_binary(|binary| {
        // A busy wire, a clock, and active sensing at its slowest.
        for (what, every, bytes) in [
            ("a busy wire", MILLISECOND, &[0x90, 5, 6][..]),
            ("a clock", 20 * MILLISECOND, &[0xF8][..]),
            ("active sensing", 300 * MILLISECOND, &[0xFE][..]),
        ] {
            let rig = Rig::open(binary, &Hardware::uart(Config::default()));
            unwired(&rig);
            let interrupts = rig.session.machine().interrupts_serviced();
            let took = noticed(&rig, every, bytes);
            println!(
                "missing interrupt, {what}, {}: noticed after {} ms",
                name(binary),
                took / MILLISECOND
            );
            assert!(took <= SECOND, "{what}: {took}");
            rig.advance(2 * SECOND);
            let _ = rig.capture.captured();

            // Polled as a device without an interrupt is: a FIFO of 16 never runs over.
            let before = rig.chip().borrow().blame();
            rig.play((0..600_u32).flat_map(|note| [0x90, (note % 128) as u8, 1]));
            rig.advance(SECOND);
            let captured = rig.capture.captured();
            let keys = captured.iter().map(|message| u32::from(message.bytes[1]));
            assert!(keys.eq((0..600).map(|note| note % 128)), "{what}");
            assert_eq!(rig.chip().borrow().blame(), before, "{what}");
            assert!(timers(&rig) >= 400, "polled");
            assert_eq!(rig.session.machine().interrupts_serviced(), interrupts);
            assert_eq!(rig.traced("InterruptMissing"), 1, "said once");

            // It comes after all: with the first byte polling ends.
            rig.chip().borrow_mut().faults_mut().dead_line = None;
            rig.play([0x91, 1, 1]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.traced("InterruptFound"), 1, "{what}");
            assert_eq!(rig.capture.captured().len(), 1);
            let rate = timers(&rig);
            assert!(rate <= 25, "{rate} looks a second: the watchdog's");
            let before = rig.session.machine().interrupts_serviced();
            rig.play([0x91, 1, 1]);
            rig.advance(10 * MILLISECOND);
            assert_eq!(rig.session.machine().interrupts_serviced(), before + 3);
            rig.end();
        }
    });
}

/// Where interrupts come none is missed, however much is sent and received, and whatever was lost; nor
/// where there is none.
#[test]
fn an_interrupt_that_comes_is_not_missed() {
    with_each_binary(|binary| {
        for (depth, hardware) in [
            (1, Hardware::uart as fn(Config) -> Hardware),
            (16, Hardware::uart),
            (64, Hardware::uart),
            (16, Hardware::polled_uart),
        ] {
            let config = Config {
                depth,
                ..Config::default()
            };
            let rig = Rig::open(binary, &hardware(config));
            let start = rig.now();
            // An edge lost now and then is no absence.
            let lost = (1..=5).map(|time| start + time * 600 * MILLISECOND);
            rig.chip().borrow_mut().faults_mut().lost_interrupts = lost.collect();
            for round in 0..300_u64 {
                // At every distance from what is sent.
                let at = start + round * 10 * MILLISECOND + round * 37;
                rig.chip().borrow_mut().play(at, [0xFE]);
                for pin in [&rig.legacy, &rig.direct_music] {
                    rig.send(pin, &[0x90, (round % 128) as u8, 1]);
                }
                rig.advance(10 * MILLISECOND);
            }
            assert_eq!(rig.traced("InterruptMissing"), 0, "depth {depth}");
            rig.end();
        }
    });
}

/// A sleep begins the watch anew: the interrupt of a chip that was reset may be a better one.
#[test]
fn a_missing_interrupt_is_given_another_chance_by_waking() {
    use dmusmini::com::Status;
    use dmusmini::portcls::abi::PowerState;

    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        unwired(&rig);
        noticed(&rig, MILLISECOND, &[0xFE]);
        rig.advance(3 * SECOND);
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        rig.chip().borrow_mut().faults_mut().dead_line = None;
        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        rig.advance(10 * MILLISECOND);
        let rate = timers(&rig);
        assert!(rate <= 25, "{rate}: the watchdog's");
        let _ = rig.capture.captured();
        rig.play([0x90, 1, 1]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.capture.captured().len(), 1);
        assert_eq!(rig.traced("InterruptFound"), 0);
        assert_eq!(
            rig.chip().borrow().blame(),
            Blame {
                overruns: rig.chip().borrow().blame().overruns,
                ..Blame::default()
            }
        );
        rig.end();
    });
}
