//! The start of a device whose chip has faults (mpu401.md sections 2 and 6), and its waking, which is
//! the same handshake.

use std::ops::Range;

use dmusmini::com::Status;
use dmusmini::portcls::abi::PowerState;
use dmusmini_simulator::chip::{Config, Faults};
use dmusmini_simulator::session::{Binary, Hardware, Session, SessionError};

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

const FOREVER: Range<u64> = 0..u64::MAX;
/// Polls of a handshake that only throw away what an endless supply brings.
const FLUSHES: u64 = 1_024_u64.div_ceil(40);

fn faulty(faults: Faults) -> Config {
    Config {
        faults,
        ..Config::default()
    }
}

fn lost(answers: &[u32]) -> Config {
    faulty(Faults {
        lost_answers: answers.iter().copied().collect(),
        ..Faults::default()
    })
}

/// What StartDevice says of a chip, and after how many ms.
fn start(binary: &Binary, config: Config) -> (Status, u64) {
    start_hardware(binary, &Hardware::uart(config))
}

fn start_hardware(binary: &Binary, hardware: &Hardware) -> (Status, u64) {
    let session = Session::boot(binary).unwrap();
    let machine = session.machine();
    let before = machine.now();
    let status = match session.install(hardware) {
        Ok(_) => Status::SUCCESS,
        Err(SessionError::Refused { status, .. }) => status,
        Err(error) => panic!("{error}"),
    };
    let took = (session.machine().now() - before) / MILLISECOND;
    // Six waits at most, for "ready" and for an answer; each stands still for 50 us and sleeps then.
    let stalls = session.machine().calls("KeStallExecutionProcessor");
    assert!(stalls <= 8 * 2 + FLUSHES, "{stalls} stalls of 25 us");
    let sleeps = session.machine().calls("KeDelayExecutionThread");
    assert!(took < 5 || sleeps > 0, "{took} ms without a sleep");
    let report = session.shut_down();
    assert!(report.is_clean(), "{report}");
    (status, took)
}

#[test]
fn a_device_starts_if_and_only_if_its_chip_works() {
    let broken = Status::IO_DEVICE_ERROR;
    let matrix = [
        ("sound", Config::default(), Status::SUCCESS),
        (
            "left in UART mode",
            Config {
                in_uart_mode: true,
                ..Config::default()
            },
            Status::SUCCESS,
        ),
        (
            "absent",
            faulty(Faults {
                removed_at_access: Some(0),
                ..Faults::default()
            }),
            broken,
        ),
        (
            "never ready",
            faulty(Faults {
                never_ready: Some(FOREVER),
                ..Faults::default()
            }),
            broken,
        ),
        (
            "data stuck",
            faulty(Faults {
                data_stuck: Some(FOREVER),
                ..Faults::default()
            }),
            broken,
        ),
        (
            "no answer",
            faulty(Faults {
                no_answer: true,
                ..Faults::default()
            }),
            broken,
        ),
        (
            "no answer to the mode command",
            faulty(Faults {
                no_uart_answer: true,
                ..Faults::default()
            }),
            Status::SUCCESS,
        ),
        ("first answer lost", lost(&[0]), Status::SUCCESS),
        ("second answer lost", lost(&[1]), Status::SUCCESS),
        ("third answer lost", lost(&[2]), Status::SUCCESS),
        ("first two answers lost", lost(&[0, 1]), Status::SUCCESS),
        ("no reset answered", lost(&[0, 1, 2]), broken),
        (
            "slow to answer: 40 ms each",
            Config {
                command_time: 40 * MILLISECOND,
                ..Config::default()
            },
            Status::SUCCESS,
        ),
        (
            "slow in everything",
            Config {
                in_uart_mode: true,
                command_time: 49 * MILLISECOND,
                ..faulty(Faults {
                    never_ready: Some(0..SECOND + 40 * MILLISECOND),
                    lost_answers: [1].into(),
                    ..Faults::default()
                })
            },
            broken,
        ),
        (
            "ready after 40 ms",
            faulty(Faults {
                never_ready: Some(0..SECOND + 40 * MILLISECOND),
                ..Faults::default()
            }),
            Status::SUCCESS,
        ),
    ];
    with_each_binary(|binary| {
        for (what, config, expected) in &matrix {
            let (status, took) = start(binary, config.clone());
            println!(
                "start, {what}, {}: {status:?} after {took} ms",
                name(binary)
            );
            assert_eq!(status, *expected, "{what}");
            // Section 6, and the register accesses of its polls.
            assert!(took <= 200, "{what}: {took} ms");
        }
    });
}

/// Off by default: nothing else tells a chip that never acknowledges from a broken one.
#[test]
fn a_chip_that_never_acknowledges_is_taken_if_the_registry_says_so() {
    with_each_binary(|binary| {
        let mute = || {
            faulty(Faults {
                no_answer: true,
                ..Faults::default()
            })
        };
        let assume = |config, value| Hardware::uart(config).with_dword("AssumeUart", value);
        let (status, _) = start_hardware(binary, &assume(mute(), 0));
        assert_eq!(status, Status::IO_DEVICE_ERROR);
        for absent in [
            Faults {
                removed_at_access: Some(0),
                ..Faults::default()
            },
            Faults {
                never_ready: Some(FOREVER),
                ..Faults::default()
            },
        ] {
            let (status, took) = start_hardware(binary, &assume(faulty(absent), 1));
            assert_eq!(status, Status::IO_DEVICE_ERROR, "there is none");
            assert!(took <= 200, "{took}");
        }
        for hardware in [
            assume(mute(), 1),
            Hardware::polled_uart(mute()).with_dword("AssumeUart", 1),
        ] {
            let session = Session::boot(binary).unwrap();
            session.machine().enable_tracing(true);
            let before = session.machine().now();
            let device = session.install(&hardware).unwrap();
            let took = (session.machine().now() - before) / MILLISECOND;
            println!("start, assumed, {}: {took} ms", name(binary));
            assert!(took <= 200, "{took}");
            let rig = Rig::on(session, device);
            assert!(rig.traced("UartAssumed") >= 1);
            let _ = rig.sent();
            rig.send(&rig.legacy, &[0x90, 1, 2]);
            rig.play([0x91, 3, 4]);
            rig.advance(SECOND / 100);
            assert_eq!(rig.sent(), [0x90, 1, 2]);
            assert_eq!(rig.capture.captured()[0].bytes, [0x91, 3, 4]);
            rig.end();
        }
        // One that does acknowledge is not affected.
        let (status, took) = start_hardware(binary, &assume(Config::default(), 1));
        assert_eq!((status, took), (Status::SUCCESS, 0));
    });
}

/// Starts a device into whose receiver these bytes come all the while; it must work afterwards.
fn start_amid(binary: &Binary, in_uart_mode: bool, bytes: &[u8]) {
    let session = Session::boot(binary).unwrap();
    let config = Config {
        in_uart_mode,
        // Nor may the bytes keep the chip from what it is told.
        ..faulty(Faults {
            unread_blocks: true,
            ..Faults::default()
        })
    };
    let device = session.add(&Hardware::uart(config)).unwrap();
    let now = session.machine().now();
    let flood = bytes.iter().copied().cycle().take(5_000);
    device.chip().unwrap().borrow_mut().play(now, flood);
    session.machine().advance(SECOND / 10);
    assert_eq!(device.start(), Status::SUCCESS);
    assert!(device.chip().unwrap().borrow().is_in_uart_mode());
    let rig = Rig::on(session, device);
    // Sleep and waking are the same handshake, with streams open.
    assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
    assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
    assert!(rig.chip().borrow().is_in_uart_mode());
    rig.advance(2 * SECOND);
    let _ = (rig.sent(), rig.capture.captured());
    rig.send(&rig.legacy, &[0x90, 1, 2]);
    rig.play([0x91, 3, 4]);
    rig.advance(SECOND / 100);
    assert_eq!(rig.sent(), [0x90, 1, 2]);
    assert_eq!(rig.capture.captured()[0].bytes, [0x91, 3, 4]);
    rig.end();
}

#[test]
fn a_flood_of_bytes_does_not_disturb_the_start() {
    with_each_binary(|binary| {
        for in_uart_mode in [false, true] {
            // Active sensing, which looks like the answer; and what only looks like rubbish.
            start_amid(binary, in_uart_mode, &[0xFE]);
            start_amid(
                binary,
                in_uart_mode,
                &[0x13, 0xF7, 0x00, 0xFF, 0x90, 0x7F, 0x3F],
            );
        }
    });
}
