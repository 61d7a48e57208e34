//! How long the driver stays at the device's level: register accesses of a microsecond each, counted by the
//! simulated kernel as the longest run of a service routine or of a synchronised routine.

use dmusmini::com::Status;
use dmusmini::mpu401::spec;
use dmusmini::portcls::abi::{KsState, PowerState};
use dmusmini_simulator::chip::{Blame, Cable, Config, Faults};
use dmusmini_simulator::session::{Binary, Hardware, Session};

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

/// Accesses of the longest stay so far: the machine's port accesses cost a microsecond.
fn longest(rig: &Rig) -> u64 {
    rig.session.machine().stretches().interrupt / 10
}

/// Everything that reaches the chip at once, on the worst chip of each kind.
fn exercise(binary: &Binary, what: &str, config: &Config) -> u64 {
    let session = Session::boot(binary).unwrap();
    session.machine().enable_tracing(true);
    let device = session.add(&Hardware::uart(config.clone())).unwrap();
    let chip = device.chip().unwrap();
    let fill = |now: u64| chip.borrow_mut().arrive(now, (0..64).map(|_| 0xF8));
    // The handshake finds a full receiver.
    fill(session.machine().now());
    assert_eq!(device.start(), Status::SUCCESS, "{what}");
    fill(session.machine().now());
    let rig = Rig::on(session, device);
    let full = |rig: &Rig| fill(rig.now());
    for round in 0..20_u8 {
        let mut sysex = vec![0x2A; 200];
        sysex[0] = 0xF0;
        sysex[199] = 0xF7;
        rig.send(&rig.legacy, &sysex);
        rig.send(&rig.direct_music, &[0x90, round, 1]);
        full(&rig);
        rig.advance(u64::from(round) * MILLISECOND);
        full(&rig);
        // A stop and a start read what is there, under one hold of the lock.
        for state in [KsState::PAUSE, KsState::RUN] {
            full(&rig);
            assert_eq!(rig.capture.jump(state), Status::SUCCESS);
        }
        full(&rig);
        rig.advance(MILLISECOND);
    }
    let now = rig.now();
    rig.chip().borrow_mut().faults_mut().data_stuck = Some(now..now + SECOND / 10);
    rig.send(
        &rig.legacy,
        &[
            0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0xF7,
        ],
    );
    rig.advance(SECOND / 5);
    for state in [PowerState::D3, PowerState::D0] {
        full(&rig);
        assert_eq!(rig.device.set_power(state), Status::SUCCESS, "{what}");
    }
    rig.advance(2 * SECOND);
    let longest = longest(&rig);
    println!(
        "device level, {what}, {}: {longest} accesses at most",
        name(binary)
    );
    let blame = rig.chip().borrow().blame();
    assert_eq!((blame.overwritten, blame.misdirected), (0, 0), "{what}");
    drop(chip);
    rig.end();
    longest
}

/// The worst input is a receiver that is full whenever it is looked at: a FIFO of 64 bytes, or "data
/// ready" without an end.
#[test]
fn the_longest_stay_is_below_a_hundred_accesses() {
    with_each_binary(|binary| {
        let deep = Config {
            depth: 64,
            ..Config::default()
        };
        let chips = [
            ("a FIFO of 16", Config::default()),
            ("a FIFO of 64", deep.clone()),
            (
                "unread bytes block",
                Config {
                    faults: Faults {
                        unread_blocks: true,
                        ..Faults::default()
                    },
                    ..deep.clone()
                },
            ),
            (
                "loopback",
                Config {
                    cable: Cable::Loopback,
                    ..deep
                },
            ),
        ];
        let worst = chips
            .into_iter()
            .map(|(what, config)| exercise(binary, what, &config))
            .max();
        let worst = worst.unwrap();
        assert!(worst < u64::from(spec::ACCESS_LIMIT), "{worst}");
        // The test looks at what it means to look at.
        assert!(worst > u64::from(spec::ACCESS_LIMIT) * 3 / 4, "{worst}");
    });
}

/// What the service routine has no time for is read by the DPC at once: nothing is lost, on a line that
/// tells of it once too, and the stamps stay in order.
#[test]
fn what_is_left_goes_to_the_deferred_call() {
    with_each_binary(|binary| {
        let config = Config {
            depth: 64,
            ..Config::default()
        };
        let rig = Rig::open(binary, &Hardware::uart(config));
        let machine = rig.session.machine();
        for round in 0..10_u8 {
            let before = machine.interrupts_serviced();
            let notes = (0..21).flat_map(|key| [0x90 | (round & 15), key, 1]);
            rig.chip().borrow_mut().arrive(rig.now(), notes);
            // No time for the watchdog, nor for a poll.
            rig.advance(MILLISECOND / 2);
            let captured = rig.capture.captured();
            assert_eq!(captured.len(), 21);
            let keys = captured.iter().map(|message| message.bytes[1]);
            assert!(keys.eq(0..21));
            assert!(captured.is_sorted_by_key(|message| message.time));
            let interrupts = machine.interrupts_serviced() - before;
            assert!((1..=2).contains(&interrupts), "{interrupts}");
        }
        assert_eq!(rig.chip().borrow().blame(), Blame::default());
        assert_eq!(rig.traced("DeviceStuck"), 0);
        rig.end();
    });
}
