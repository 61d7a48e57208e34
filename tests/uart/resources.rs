//! Which resources the miniport takes (contract section 5.4): what is refused is not touched.

use dmusmini::com::Status;
use dmusmini::portcls::abi::{RESOURCE_PORT_IO, resource_type};
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::kernel::{Kernel, Point};
use dmusmini_simulator::session::{Binary, ChipAt, Hardware, Resources, Session};

use super::rig::{name, with_each_binary};

fn hardware(resources: Resources) -> Hardware {
    let chip = ChipAt {
        port: 0x330,
        vector: Some(9),
        config: Config::default(),
    };
    Hardware {
        resources,
        ..Hardware::uart_at(chip)
    }
}

/// What StartDevice says, and whether the chip was touched.
fn start(binary: &Binary, resources: Resources) -> (Status, bool) {
    let session = Session::boot(binary).unwrap();
    let device = session.add(&hardware(resources)).unwrap();
    let status = device.start();
    let touched = device.chip().unwrap().borrow().accesses() > 0;
    let report = session.shut_down();
    assert!(report.is_clean(), "{report}");
    (status, touched)
}

#[test]
fn only_the_resources_of_an_mpu_401_will_do() {
    let none = Resources::none;
    let memory = |data| none().entry(resource_type::PORT, 0, data);
    let ports = |data| none().entry(resource_type::PORT, RESOURCE_PORT_IO, data);
    let good = [
        ("ports and an interrupt", none().port(0x330, 2).interrupt(9)),
        ("ports alone", none().port(0x330, 2)),
        ("more ports than two", none().port(0x330, 8).interrupt(9)),
    ];
    let bad = [
        ("one port", none().port(0x330, 1).interrupt(9)),
        ("an odd port", none().port(0x331, 2).interrupt(9)),
        ("two ranges", none().port(0x330, 2).port(0x300, 2)),
        (
            "two interrupts",
            none().port(0x330, 2).interrupt(9).interrupt(5),
        ),
        (
            "DMA",
            none()
                .port(0x330, 2)
                .entry(resource_type::DMA, 0, [1, 0, 0, 0]),
        ),
        ("memory", memory([0x330, 0, 2, 0])),
        ("a port above 64 KiB", ports([0x1_0330, 0, 2, 0])),
        ("a port above 4 GiB", ports([0x330, 1, 2, 0])),
    ];
    with_each_binary(|binary| {
        for (what, resources) in &good {
            assert_eq!(
                start(binary, resources.clone()),
                (Status::SUCCESS, true),
                "{what}"
            );
        }
        for (what, resources) in &bad {
            let refused = (Status::DEVICE_CONFIGURATION_ERROR, false);
            assert_eq!(start(binary, resources.clone()), refused, "{what}");
        }
        println!(
            "resources, {}: {} taken, {} refused",
            name(binary),
            good.len(),
            bad.len()
        );
    });
}

/// The first interrupt must find the port's sink registered (contract section 5.4).
#[test]
fn the_service_group_is_registered_before_the_interrupt_is_connected() {
    with_each_binary(|binary| {
        let session = Session::boot(binary).unwrap();
        let device = session.add(&Hardware::uart(Config::default())).unwrap();
        let calls = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = std::rc::Rc::clone(&calls);
        session.machine().inject(move |_: &Kernel, point: Point| {
            if let Point::Import(name) = point {
                seen.borrow_mut().push(name);
            }
        });
        assert_eq!(device.start(), Status::SUCCESS);
        session.machine().inject_nothing();
        let place = |name: &str| {
            let calls = calls.borrow();
            calls.iter().position(|call| *call == name)
        };
        let registered = place("IPortDMus::RegisterServiceGroup");
        let connected = place("IInterruptSync::Connect");
        assert!(registered.is_some(), "{calls:?}");
        assert!(registered < connected, "{calls:?}");
        drop(device);
        let report = session.shut_down();
        assert!(report.is_clean(), "{report}");
    });
}
