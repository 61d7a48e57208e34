//! Who keeps whom: the port, whatever its habits, is gone with its device (contract section 3).

use dmusmini::com::Status;
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{Binary, Device, Hardware, Session};

use super::rig::{Rig, SECOND, with_each_binary};

/// Installs a device, plays with it both ways, closes its pins and ends it: nothing is left.
fn come_and_go(session: Session, ending: impl Fn(&Device) -> Status) -> Session {
    let before = session.machine().pool().outstanding();
    let device = session.install(&Hardware::uart(Config::default())).unwrap();
    let rig = Rig::on(session, device);
    rig.send(&rig.legacy, &[0x90, 1, 2]);
    rig.play([0x91, 5, 6]);
    rig.advance(SECOND / 10);
    assert_eq!(rig.sent(), [0x90, 1, 2]);
    assert_eq!(rig.capture.captured()[0].bytes, [0x91, 5, 6]);
    let (session, device) = rig.close();
    assert!(ending(&device).is_success());
    assert_eq!(session.portcls_objects("IPortDMus"), 0, "the port lives on");
    assert_eq!(session.machine().pool().outstanding(), before);
    device.remove();
    session
}

/// A machine for each habit that a port, and a registration of one, may have.
fn with_each_habit(binary: &Binary, scenario: impl Fn(Session)) {
    for (keeps_miniport, registers_weakly) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        println!("keeps its miniport: {keeps_miniport}, registers weakly: {registers_weakly}");
        let session = Session::boot(binary).unwrap();
        session.settings().keeps_miniport.set(keeps_miniport);
        session.settings().registers_weakly.set(registers_weakly);
        scenario(session);
    }
}

#[test]
fn a_port_of_either_habit_is_gone_with_its_device() {
    with_each_binary(|binary| with_each_habit(binary, a_port_of_either_habit));
}

fn a_port_of_either_habit(session: Session) {
    let session = come_and_go(session, Device::remove);
    let session = come_and_go(session, Device::stop);
    let session = come_and_go(session, |device| {
        assert!(device.surprise_remove().is_success());
        device.remove()
    });
    assert!(session.shut_down().is_clean());
}

#[test]
fn a_subdevice_that_is_refused_leaves_nothing() {
    with_each_binary(|binary| with_each_habit(binary, a_subdevice_that_is_refused));
}

fn a_subdevice_that_is_refused(session: Session) {
    let before = session.machine().pool().outstanding();
    session.settings().refuses_subdevices.set(true);
    let device = session.add(&Hardware::uart(Config::default())).unwrap();
    assert!(!device.start().is_success());
    assert_eq!(session.portcls_objects("IPortDMus"), 0);
    // The same device may be tried again.
    session.settings().refuses_subdevices.set(false);
    assert!(device.start().is_success());
    device.remove();
    assert_eq!(session.portcls_objects("IPortDMus"), 0);
    assert_eq!(session.machine().pool().outstanding(), before);
    let report = session.shut_down();
    assert!(report.is_clean(), "{report}");
}

/// A chip that does not answer, and each object of PortCls' that cannot be made: Init fails, and
/// whatever the port's habit nothing is left.
#[test]
fn an_init_that_fails_leaves_nothing() {
    with_each_binary(|binary| with_each_habit(binary, an_init_that_fails));
}

fn an_init_that_fails(session: Session) {
    let before = session.machine().pool().outstanding();
    let is_gone = || {
        assert_eq!(session.portcls_objects("IPortDMus"), 0, "the port lives on");
        assert_eq!(session.machine().pool().outstanding(), before);
    };
    let device = session.add(&Hardware::uart(Config::default())).unwrap();
    let chip = device.chip().unwrap();
    chip.borrow_mut().faults_mut().no_answer = true;
    assert!(!device.start().is_success());
    device.remove();
    is_gone();
    for object in 0.. {
        let device = session.add(&Hardware::uart(Config::default())).unwrap();
        session.fail_portcls_object(object);
        let status = device.start();
        let is_over = session.fail_no_portcls_object();
        // Without its registry key a device starts with the defaults.
        assert!(status.is_success() || !is_over, "object {object}");
        device.remove();
        is_gone();
        if is_over {
            break;
        }
    }
    let report = session.shut_down();
    assert!(report.is_clean(), "{report}");
}
