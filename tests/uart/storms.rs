//! An interrupt that does not end, at every moment of a stream's life: it is given up, the streams go
//! on polled, and it is taken back when the line has come to rest.
//!
//! What a storm may cost is counted. To be noticed it needs 9 calls of the service routine with data
//! that does not end, and 2,001 without any; from then on the line is called for as long as the
//! system takes to start a work item, which the simulated one does within a millisecond, and that is
//! at most 350 calls.

use dmusmini::com::Status;
use dmusmini::mpu401::spec;
use dmusmini::portcls::abi::{KsState, PowerState};
use dmusmini_simulator::chip::{Blame, Config};
use dmusmini_simulator::session::{Binary, Hardware, Session};

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

/// Calls of the service routine from the moment on that a storm was noticed.
const UNTIL_DISCONNECTED: u64 = 350;
/// A storm with data, and one without.
const WITH_DATA: u64 = 9 + UNTIL_DISCONNECTED;
pub(crate) const WITHOUT_DATA: u64 = 2_001 + UNTIL_DISCONNECTED;

fn open(binary: &Binary) -> Rig {
    Rig::open(binary, &Hardware::uart(Config::default()))
}

fn interrupts(rig: &Rig) -> u64 {
    rig.session.machine().interrupts_serviced()
}

/// "Data ready" from now on, for so long.
fn stick(rig: &Rig, time: u64) {
    let now = rig.now();
    rig.chip().borrow_mut().faults_mut().data_stuck = Some(now..now + time);
}

/// The line is asserted from now on, for so long, whether there is data or not.
fn hold(rig: &Rig, time: u64) {
    let now = rig.now();
    rig.chip().borrow_mut().faults_mut().interrupt_storm = Some(now..now + time);
}

/// Both directions work, and received bytes raise interrupts again.
fn expect_sound(rig: &Rig) {
    let _ = (rig.sent(), rig.capture.captured());
    let before = interrupts(rig);
    for key in 0..20 {
        rig.send(&rig.direct_music, &[0x90, key, 1]);
        rig.play([0x80, key, 2]);
        rig.advance(5 * MILLISECOND);
    }
    rig.advance(20 * MILLISECOND);
    assert_eq!(rig.sent().len(), 60);
    assert_eq!(rig.capture.captured().len(), 20);
    let each = interrupts(rig) - before;
    assert!((20..=60).contains(&each), "{each} interrupts for 60 bytes");
}

#[test]
fn stuck_data_while_idle() {
    with_each_binary(|binary| {
        let session = Session::boot(binary).unwrap();
        session.machine().enable_tracing(true);
        let device = session.install(&Hardware::uart(Config::default())).unwrap();
        let machine = session.machine();
        let (now, before) = (machine.now(), machine.interrupts_serviced());
        let chip = device.chip().unwrap();
        chip.borrow_mut().faults_mut().data_stuck = Some(now..now + SECOND / 2);
        machine.advance(SECOND / 2);
        let stormed = machine.interrupts_serviced() - before;
        println!(
            "storm, idle, {}: {stormed} interrupts in 0.5 s",
            name(binary)
        );
        assert!(stormed <= WITH_DATA, "{stormed}");
        assert_eq!(machine.work_items().done(), 1);
        // Nobody listens, but the line is looked after all the same.
        machine.advance(9 * SECOND / 10);
        assert_eq!(
            machine.work_items().done(),
            1,
            "not before a second of quiet"
        );
        machine.advance(SECOND / 5);
        assert_eq!(machine.work_items().done(), 2);
        let rig = Rig::on(session, device);
        assert_eq!(
            (
                rig.traced("InterruptStorm"),
                rig.traced("InterruptRestored")
            ),
            (1, 1)
        );
        expect_sound(&rig);
        rig.end();
    });
}

#[test]
fn stuck_data_while_capturing_and_sending() {
    with_each_binary(|binary| {
        let rig = open(binary);
        let before = interrupts(&rig);
        stick(&rig, SECOND);
        for key in 0..100 {
            rig.send(&rig.legacy, &[0x90, key, 1]);
            rig.advance(10 * MILLISECOND);
        }
        let stormed = interrupts(&rig) - before;
        println!(
            "storm, capturing and sending, {}: {stormed} interrupts in 1 s",
            name(binary)
        );
        assert!(stormed <= WITH_DATA, "{stormed}");
        assert_eq!(rig.traced("DeviceStuck"), 1, "reported once");
        // However much there is to read.
        let accesses = u64::from(spec::ACCESS_LIMIT);
        let stretches = rig.session.machine().stretches();
        println!(
            "storm, data stuck, {}: {} us at the device's level at most, {accesses} us allowed",
            name(binary),
            stretches.interrupt / 10
        );
        assert!(stretches.interrupt < accesses * 10, "{stretches:?}");
        assert_eq!(rig.sent().len(), 300, "nothing is lost on the way out");
        // What comes in polled, while the line rests.
        let _ = rig.capture.captured();
        let before = interrupts(&rig);
        rig.play((0..100).flat_map(|key| [0x91, key, 7]));
        rig.advance(SECOND / 2);
        let captured = rig.capture.captured();
        let keys: Vec<u8> = captured.iter().map(|message| message.bytes[1]).collect();
        assert_eq!(keys, (0..100).collect::<Vec<_>>());
        assert_eq!(interrupts(&rig), before, "polled");
        assert_eq!(rig.chip().borrow().blame(), Blame::default());
        rig.advance(SECOND);
        assert_eq!(rig.traced("InterruptRestored"), 1);
        expect_sound(&rig);
        rig.end();
    });
}

/// Active sensing does not stop while "data ready" is stuck: afterwards it is what keeps it up.
#[test]
fn bytes_that_come_while_data_is_stuck_do_not_keep_it_stuck() {
    with_each_binary(|binary| {
        let rig = open(binary);
        let start = rig.now();
        stick(&rig, SECOND / 10);
        for beat in 0..50 {
            let at = start + beat * 20 * MILLISECOND;
            rig.chip().borrow_mut().play(at, [0xFE]);
        }
        rig.advance(2 * SECOND);
        let _ = rig.capture.captured();
        rig.play([0x90, 1, 2]);
        rig.advance(SECOND / 10);
        let captured = rig.capture.captured();
        let last = captured.last().map(|message| &message.bytes[..]);
        assert_eq!(last, Some(&[0x90, 1, 2][..]));
        assert_eq!(rig.traced("DeviceStuck"), 1);
        rig.end();
    });
}

#[test]
fn a_held_line_loses_no_byte_of_full_duplex() {
    with_each_binary(|binary| {
        let rig = open(binary);
        let before = interrupts(&rig);
        hold(&rig, SECOND / 2);
        rig.play((0..600).flat_map(|key: u32| [0x91, u8::try_from(key % 128).unwrap(), 7]));
        for key in 0..100 {
            rig.send(&rig.legacy, &[0x90, key, 1]);
            rig.advance(8 * MILLISECOND);
        }
        let stormed = interrupts(&rig) - before;
        println!(
            "storm, line held without data, {}: {stormed} interrupts in 0.8 s",
            name(binary)
        );
        // Those of the data itself on top: 500 ms, a millisecond polled at a time.
        assert!(stormed <= WITHOUT_DATA + 160, "{stormed}");
        assert_eq!(rig.sent().len(), 300);
        let captured = rig.capture.captured();
        assert_eq!(captured.len(), 600);
        assert!(captured.iter().all(|message| message.bytes[0] == 0x91));
        assert_eq!(rig.chip().borrow().blame(), Blame::default());
        rig.advance(SECOND);
        assert_eq!(rig.traced("InterruptRestored"), 1);
        expect_sound(&rig);
        rig.end();
    });
}

#[test]
fn a_line_that_storms_again_rests_twice_as_long() {
    with_each_binary(|binary| {
        let rig = open(binary);
        let before = interrupts(&rig);
        hold(&rig, 40 * SECOND);
        rig.advance(40 * SECOND);
        let stormed = interrupts(&rig) - before;
        // At 0, then after rests of 1, 2, 4, 8, 16 s; the next would come after 63 s.
        let storms = rig.traced("InterruptStorm");
        println!(
            "storm, 40 s long, {}: {stormed} interrupts in {storms} attempts",
            name(binary)
        );
        assert_eq!(storms, 6);
        assert!(stormed <= 6 * WITHOUT_DATA, "{stormed}");
        rig.advance(30 * SECOND);
        assert_eq!(rig.traced("InterruptRestored"), 6);
        expect_sound(&rig);
        rig.end();
    });
}

#[test]
fn a_storm_through_a_change_of_power() {
    with_each_binary(|binary| {
        // How long before the change it begins: the call, and the work item, are under way at some.
        for early in (0..=1_500).step_by(50) {
            let rig = open(binary);
            rig.send(&rig.legacy, &[0x90, 60, 100]);
            rig.advance(5 * MILLISECOND);
            let before = interrupts(&rig);
            stick(&rig, SECOND / 2);
            rig.advance(early * 10);
            assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
            let stormed = interrupts(&rig) - before;
            assert!(stormed <= WITH_DATA, "{early} us: {stormed}");
            let silenced = [0x90, 60, 100, 0x80, 60, 64, 0xB0, 120, 0, 0xB0, 123, 0];
            assert_eq!(rig.sent(), silenced);
            let asleep = interrupts(&rig);
            rig.advance(SECOND);
            assert_eq!(interrupts(&rig), asleep, "nothing happens in D3");
            assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
            rig.advance(SECOND / 10);
            expect_sound(&rig);
            rig.end();
        }
    });
}

#[test]
fn a_storm_that_wakes_with_the_chip() {
    with_each_binary(|binary| {
        // A chip whose handshake takes longer than any storm may.
        let config = Config {
            command_time: 40 * MILLISECOND,
            ..Config::default()
        };
        let rig = Rig::open(binary, &Hardware::uart(config));
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        hold(&rig, SECOND / 5);
        let before = interrupts(&rig);
        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        rig.advance(SECOND);
        let stormed = interrupts(&rig) - before;
        println!("storm, at D0, {}: {stormed} interrupts", name(binary));
        assert!(stormed <= WITHOUT_DATA, "{stormed}");
        rig.advance(SECOND);
        expect_sound(&rig);
        rig.end();
    });
}

/// The streams and the device go while the storm is at any of its stages.
#[test]
fn a_storm_through_removal() {
    with_each_binary(|binary| {
        for early in (0..=1_500).step_by(50) {
            let rig = open(binary);
            stick(&rig, 10 * SECOND);
            rig.advance(early * 10);
            rig.end();

            let rig = open(binary);
            stick(&rig, 10 * SECOND);
            rig.advance(early * 10);
            let _ = rig.device.surprise_remove();
            let accesses = rig.chip().borrow().accesses();
            rig.advance(SECOND / 10);
            assert_eq!(rig.chip().borrow().accesses(), accesses);
            rig.end();
        }
    });
}

/// The device is stopped, and started again, while the line rests; the rest is forgotten with it.
#[test]
fn a_stop_while_the_line_rests() {
    with_each_binary(|binary| {
        for rested in [SECOND / 10, 12 * SECOND / 10] {
            let rig = open(binary);
            stick(&rig, SECOND / 10);
            rig.advance(rested);
            let (session, device) = rig.close();
            assert_eq!(device.stop(), Status::SUCCESS);
            assert_eq!(device.start(), Status::SUCCESS);
            let rig = Rig::on(session, device);
            expect_sound(&rig);
            rig.end();
        }
    });
}

/// What was stuck before a sleep is sound after it: the first bytes are no storm.
#[test]
fn data_that_was_stuck_before_a_sleep_is_forgotten_with_it() {
    with_each_binary(|binary| {
        let rig = open(binary);
        stick(&rig, SECOND / 10);
        rig.advance(SECOND / 20);
        assert_eq!(rig.traced("DeviceStuck"), 1);
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        rig.advance(2 * SECOND);
        // Active sensing without a pause, through the waking and after it.
        rig.play((0..600).map(|_| 0xFE));
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        let before = interrupts(&rig);
        rig.advance(SECOND / 10);
        assert_eq!(rig.traced("InterruptStorm"), 1, "the one before the sleep");
        let each = interrupts(&rig) - before;
        assert!((290..=330).contains(&each), "{each} interrupts in 0.1 s");
        rig.advance(SECOND / 5);
        expect_sound(&rig);
        rig.end();
    });
}

/// What wakes is watched, and polled where its line was to rest for a while yet; and what goes to sleep is
/// watched for as long as that takes.
#[test]
fn a_storm_right_after_waking_and_one_while_going_to_sleep() {
    with_each_binary(|binary| {
        let rig = open(binary);
        stick(&rig, SECOND / 20);
        rig.advance(SECOND / 10);
        assert_eq!(rig.traced("InterruptStorm"), 1);
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        let before = interrupts(&rig);
        stick(&rig, SECOND / 2);
        rig.advance(SECOND / 2);
        let stormed = interrupts(&rig) - before;
        assert!(stormed <= WITH_DATA, "after waking: {stormed}");
        rig.advance(4 * SECOND);
        expect_sound(&rig);

        // It cannot be silenced, so going to sleep takes its time.
        rig.send(&rig.legacy, &[0x90, 60, 100]);
        rig.advance(5 * MILLISECOND);
        let (before, now) = (interrupts(&rig), rig.now());
        rig.chip().borrow_mut().faults_mut().never_ready = Some(now..now + SECOND / 2);
        hold(&rig, SECOND / 2);
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        let stormed = interrupts(&rig) - before;
        let took = (rig.now() - now) / MILLISECOND;
        println!(
            "storm, going to sleep, {}: {stormed} interrupts in {took} ms",
            name(binary)
        );
        assert!(took > 100 && stormed <= WITHOUT_DATA, "{took} {stormed}");
        rig.advance(SECOND);
        // Waking makes no connection: the line rests for as long as it was to.
        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        rig.advance(2 * SECOND);
        expect_sound(&rig);
        rig.end();
    });
}

/// What of a stream's waits while a storm breaks out.
#[derive(Clone, Copy, Debug)]
enum Waits {
    /// Two messages, in a stream that may not send them.
    In(KsState),
    /// More than the wire carries.
    Running,
}

/// Whoever has something to send must not keep the system from ending a storm: the deferred call of an
/// interrupt that comes again at once would be followed by the next for ever.
#[test]
fn a_storm_while_events_wait() {
    with_each_binary(|binary| {
        let states = [
            Waits::In(KsState::PAUSE),
            Waits::In(KsState::ACQUIRE),
            Waits::Running,
        ];
        for waits in states {
            for (what, most) in [("data", WITH_DATA), ("line", WITHOUT_DATA)] {
                let rig = open(binary);
                match waits {
                    Waits::In(state) => {
                        assert_eq!(rig.legacy.jump(state), Status::SUCCESS);
                        for key in [1, 2] {
                            rig.legacy.put_now(1, &[0x90, key, 1]);
                        }
                    }
                    Waits::Running => {
                        for key in 0..100 {
                            rig.send(&rig.legacy, &[0x90, key, 1]);
                        }
                        rig.advance(10 * MILLISECOND);
                    }
                }
                let before = interrupts(&rig);
                if what == "data" {
                    stick(&rig, SECOND);
                } else {
                    hold(&rig, SECOND);
                }
                rig.advance(SECOND);
                let stormed = interrupts(&rig) - before;
                println!(
                    "storm, {what}, {waits:?}, {}: {stormed} interrupts in 1 s",
                    name(binary)
                );
                assert!(stormed <= most, "{waits:?}, {what}: {stormed}");
                assert_eq!(rig.session.machine().violations(), []);
                assert_eq!(rig.traced("InterruptStorm"), 1);
                if let Waits::In(_) = waits {
                    assert_eq!(rig.sent(), [0; 0], "held");
                    assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
                    rig.advance(10 * MILLISECOND);
                    assert_eq!(rig.sent(), [0x90, 1, 1, 0x90, 2, 1]);
                } else {
                    assert_eq!(rig.sent().len(), 300, "nothing is lost on the way out");
                }
                rig.advance(2 * SECOND);
                expect_sound(&rig);
                rig.end();
            }
        }
    });
}
