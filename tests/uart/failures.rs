//! A start that fails gives everything back, whatever fails, and whenever the port lets go of its miniport:
//! at once, or in its own destructor, which cannot come as long as the miniport keeps the port.

use dmusmini::com::Status;
use dmusmini_simulator::chip::{Config, Faults};
use dmusmini_simulator::session::{Binary, Hardware, Session, SessionError};

use super::rig::{MILLISECOND, name, with_each_binary};

/// A machine whose port has a habit.
fn boot(binary: &Binary, keeps_miniport: bool) -> Session {
    let session = Session::boot(binary).unwrap();
    session.settings().keeps_miniport.set(keeps_miniport);
    session
}

/// Every habit of a port, and devices with an interrupt and without.
fn for_each_habit(scenario: impl Fn(bool, fn(Config) -> Hardware)) {
    for keeps_miniport in [false, true] {
        for hardware in [Hardware::uart, Hardware::polled_uart] {
            scenario(keeps_miniport, hardware);
        }
    }
}

/// The start fails, and nothing of it is left: no memory, no timer, no work item, no connection.
fn expect_nothing_left(session: &Session, hardware: &Hardware, status: Option<Status>) {
    let machine = session.machine();
    let before = machine.pool().outstanding();
    match session.install(hardware) {
        Ok(_) => panic!("the device started"),
        Err(SessionError::Refused { status: given, .. }) => {
            assert!(status.is_none_or(|status| status == given), "{given:?}");
        }
        Err(error) => panic!("{error}"),
    }
    assert_eq!(machine.pool().outstanding(), before);
    let deleted = ["ExAllocateTimer", "ExDeleteTimer"].map(|name| machine.calls(name));
    let freed = ["IoAllocateWorkItem", "IoFreeWorkItem"].map(|name| machine.calls(name));
    let calls = ["IInterruptSync::Connect", "IInterruptSync::Disconnect"];
    let connected = calls.map(|name| machine.calls(name));
    for [made, gone] in [deleted, freed, connected] {
        assert!(gone <= made, "{gone} of {made}");
    }
    assert_eq!(machine.violations(), []);
}

#[test]
fn every_allocation_fails_in_turn() {
    with_each_binary(|binary| {
        for_each_habit(|keeps_miniport, hardware| {
            let session = boot(binary, keeps_miniport);
            let pool = session.machine().pool();
            let before = pool.outstanding();
            let mut failures = 0;
            loop {
                pool.fail_nth(failures);
                let result = session.install(&hardware(Config::default()));
                if pool.fail_none() {
                    let device = result.unwrap();
                    session.settings().keeps_miniport.set(false);
                    let _ = device.remove();
                    break;
                }
                assert!(result.is_err(), "allocation {failures}");
                assert_eq!(pool.outstanding(), before, "allocation {failures}");
                failures += 1;
            }
            println!(
                "failing start, {}, keeps {keeps_miniport}: {failures} allocations",
                name(binary)
            );
            assert!(failures >= 5, "{failures}");
            assert_eq!(pool.outstanding(), before);
            let report = session.shut_down();
            assert!(report.is_clean(), "{report}");
        });
    });
}

#[test]
fn every_step_fails_in_turn() {
    with_each_binary(|binary| {
        for_each_habit(|keeps_miniport, hardware| {
            let faulty = |faults| {
                hardware(Config {
                    faults,
                    ..Config::default()
                })
            };
            let broken = [
                faulty(Faults {
                    no_answer: true,
                    ..Faults::default()
                }),
                faulty(Faults {
                    removed_at_access: Some(0),
                    ..Faults::default()
                }),
                faulty(Faults {
                    data_stuck: Some(0..u64::MAX),
                    ..Faults::default()
                }),
                // A line that storms through the start: its end, or the start's, whichever comes first.
                faulty(Faults {
                    no_answer: true,
                    interrupt_storm: Some(0..u64::MAX),
                    ..Faults::default()
                }),
            ];
            for hardware in &broken {
                let session = boot(binary, keeps_miniport);
                expect_nothing_left(&session, hardware, Some(Status::IO_DEVICE_ERROR));
                session.machine().advance(100 * MILLISECOND);
                let report = session.shut_down();
                assert!(report.is_clean(), "{report}");
            }
            // The connection is refused.
            let sound = hardware(Config::default());
            let session = boot(binary, keeps_miniport);
            session.machine().refuse_connections(1);
            if session.install(&sound).is_err() {
                // What was refused once is there the next time.
                assert!(session.install(&sound).is_ok());
            }
            session.settings().keeps_miniport.set(false);
            let report = session.shut_down();
            assert!(report.is_clean(), "{report}");
        });
    });
}

/// The service group, the interrupt object, and whatever else PortCls makes for the start.
#[test]
fn every_object_of_portcls_fails_in_turn() {
    with_each_binary(|binary| {
        for_each_habit(|keeps_miniport, hardware| {
            let session = boot(binary, keeps_miniport);
            let pool = session.machine().pool();
            let before = pool.outstanding();
            let mut failures = 0;
            loop {
                session.fail_portcls_object(failures);
                let result = session.install(&hardware(Config::default()));
                if session.fail_no_portcls_object() {
                    let device = result.unwrap();
                    session.settings().keeps_miniport.set(false);
                    let _ = device.remove();
                    break;
                }
                if let Ok(device) = result {
                    // It can do without, as without its registry key.
                    let kept = session.settings().keeps_miniport.replace(false);
                    let _ = device.remove();
                    session.settings().keeps_miniport.set(kept);
                }
                assert_eq!(pool.outstanding(), before, "object {failures}");
                failures += 1;
            }
            assert!(failures >= 3, "{failures}");
            let report = session.shut_down();
            assert!(report.is_clean(), "{report}");
        });
    });
}
