//! The machine, its devices, and the handles that are open on them. Lives on the worker's thread.

use std::collections::BTreeMap;
use std::rc::Rc;

use dmusmini::com::{Guid, Status};
use dmusmini::kernel::nt::{DeviceObject, DriverDispatch, DriverObject, DriverUnload, Irp, pnp};
use dmusmini::portcls::imports::AddDevice;
use dmusmini_simulator::chip::{Cable, Config};
use dmusmini_simulator::portcls::ks::{IoReply, ReadId, ReadStream, ioctl};
use dmusmini_simulator::session::hosted::HostedMachine;
use dmusmini_simulator::session::{Client, Device, Filter, Hardware, Pin, Report, Value};

use crate::client_memory::Process;
use crate::log::log;
use crate::nt::{self, NtStatus};
use crate::wire;

/// A key of Wine's registry, as the driver finds it.
pub(crate) type Values = Vec<(String, Value)>;

/// What a handle is open on.
#[derive(Debug)]
enum Open {
    Filter(Filter),
    Pin(Rc<OpenPin>),
}

#[derive(Debug)]
struct OpenPin {
    pin: Pin,
    device: usize,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is done.
    Done(IoReply),
    /// It waits under this number.
    Waits,
    /// A pin was made; its number.
    Pin(u32),
}

/// A read that waits: whose, which, and the request to complete.
#[derive(Debug)]
struct WaitingRead {
    file: usize,
    id: ReadId,
    irp: usize,
}

/// One subdevice of a started device.
#[derive(Clone, Debug)]
pub(crate) struct Subdevice {
    /// Its reference string.
    pub(crate) name: String,
    /// The categories of its filter.
    pub(crate) categories: Vec<Guid>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct System {
    machine: Option<HostedMachine>,
    devices: BTreeMap<usize, Device>,
    /// Pins that were made and are not open yet, by number.
    made: BTreeMap<u32, OpenPin>,
    open: BTreeMap<usize, Open>,
    waiting: Vec<WaitingRead>,
    pins_made: u32,
}

impl System {
    /// `PcInitializeAdapterDriver`.
    pub(crate) fn initialise(&mut self, driver: *mut DriverObject, add: AddDevice) -> NtStatus {
        let machine = self.machine.insert(HostedMachine::new());
        // SAFETY: Wine's driver object lives until it has called DriverUnload.
        let status = unsafe { machine.initialise(driver, add) };
        status.0
    }

    /// AddDevice.
    pub(crate) fn add(
        &mut self,
        pdo: *mut DeviceObject,
        fdo: *mut DeviceObject,
        is_uart: bool,
        values: Values,
    ) -> NtStatus {
        let Some(machine) = &self.machine else {
            return nt::UNSUCCESSFUL;
        };
        let mut hardware = if is_uart {
            // A cable leads from the output to the input, so that clients can test both.
            Hardware::uart(Config {
                cable: Cable::Loopback,
                ..Config::default()
            })
        } else {
            Hardware::synth()
        };
        hardware.registry = values;
        // SAFETY: both objects are Wine's, and the upper one is deleted after its removal.
        match unsafe { machine.add(pdo, fdo, &hardware) } {
            Ok(device) => {
                self.devices.insert(fdo.addr(), device);
                nt::SUCCESS
            }
            Err(error) => {
                log!("AddDevice: {error}");
                nt::UNSUCCESSFUL
            }
        }
    }

    /// A PnP request, through the driver's routine.
    pub(crate) fn pnp(
        &mut self,
        fdo: *mut DeviceObject,
        routine: DriverDispatch,
        irp: *mut Irp,
        minor: u8,
    ) -> NtStatus {
        let (Some(machine), Some(device)) = (&self.machine, self.devices.get(&fdo.addr())) else {
            return nt::NO_SUCH_DEVICE;
        };
        // SAFETY: Wine sent the request to this device.
        let status = unsafe { machine.dispatch_pnp(device, routine, irp, minor) };
        if minor == pnp::REMOVE_DEVICE {
            self.devices.remove(&fdo.addr());
        }
        status.0
    }

    /// The subdevices that a device has registered.
    pub(crate) fn subdevices(&self, fdo: *mut DeviceObject) -> Vec<Subdevice> {
        let Some(device) = self.devices.get(&fdo.addr()) else {
            return Vec::new();
        };
        let describe = |name: String| {
            let categories = device
                .filter(&name)
                .map(|filter| filter.description().categories.clone())
                .unwrap_or_default();
            Subdevice { name, categories }
        };
        device.subdevices().into_iter().map(describe).collect()
    }

    /// Opens a filter for a file object.
    pub(crate) fn open_filter(&mut self, fdo: usize, name: &str, file: usize) -> NtStatus {
        let filter = self
            .devices
            .get(&fdo)
            .and_then(|device| device.filter(name));
        match filter {
            Some(filter) => {
                self.open.insert(file, Open::Filter(filter));
                nt::SUCCESS
            }
            None => nt::NO_SUCH_DEVICE,
        }
    }

    /// Opens a pin that was made before.
    pub(crate) fn open_pin(&mut self, number: u32, file: usize) -> NtStatus {
        match self.made.remove(&number) {
            Some(pin) => {
                self.open.insert(file, Open::Pin(Rc::new(pin)));
                nt::SUCCESS
            }
            None => nt::NO_SUCH_DEVICE,
        }
    }

    /// Closes a file object; requests that waited on it, to be completed.
    pub(crate) fn close(&mut self, file: usize) -> Vec<(usize, IoReply)> {
        let mut done = Vec::new();
        if let Some(Open::Pin(open)) = self.open.get(&file) {
            for read in &self.waiting {
                if read.file == file {
                    open.pin.cancel_read(read.id);
                }
            }
            done = self.completed();
        }
        if let Some(Open::Pin(open)) = self.open.remove(&file)
            && let Ok(open) = Rc::try_unwrap(open)
        {
            let left = open.pin.close();
            if left != 0 {
                log!("closing a pin left {left} reference(s) to its stream");
            }
            wire::save(&self.devices, open.device);
        }
        done
    }

    /// Makes a pin on the filter that a file object is open on.
    pub(crate) fn create_pin(&mut self, fdo: usize, file: usize, connect: &[u8]) -> Outcome {
        let Some(Open::Filter(filter)) = self.open.get(&file) else {
            return Outcome::Done(IoReply::refused(Status::INVALID_DEVICE_REQUEST));
        };
        match filter.create_pin(connect, Client::USER) {
            Ok(pin) => {
                self.pins_made += 1;
                let pin = OpenPin { pin, device: fdo };
                self.made.insert(self.pins_made, pin);
                Outcome::Pin(self.pins_made)
            }
            Err(status) => Outcome::Done(IoReply::refused(status)),
        }
    }

    /// A device control request of a client.
    pub(crate) fn control(
        &mut self,
        (file, irp): (usize, usize),
        code: u32,
        input: &[u8],
        output: &[u8],
        process: Process,
    ) -> Outcome {
        let Some(machine) = &self.machine else {
            return Outcome::Done(IoReply::refused(Status::INVALID_DEVICE_REQUEST));
        };
        let refused = || Outcome::Done(IoReply::refused(Status::INVALID_DEVICE_REQUEST));
        match (self.open.get(&file), code) {
            (Some(open), ioctl::PROPERTY) => {
                let borrowed = process.lend(machine.machine(), input);
                let input = borrowed.input();
                Outcome::Done(match open {
                    Open::Filter(filter) => filter.property_bytes(input, output, Client::USER),
                    Open::Pin(open) => open.pin.property_bytes(input, output, Client::USER),
                })
            }
            (Some(Open::Pin(open)), ioctl::WRITE_STREAM) => {
                let reply = open.pin.write_stream(output, &process, Client::USER);
                wire::play(machine, &self.devices, open.device, &open.pin);
                Outcome::Done(reply)
            }
            (Some(Open::Pin(open)), ioctl::READ_STREAM) => {
                match open.pin.read_stream(output, Rc::new(process), Client::USER) {
                    ReadStream::Done(reply) => Outcome::Done(reply),
                    ReadStream::Pending(id) => {
                        self.waiting.push(WaitingRead { file, id, irp });
                        wire::listen(machine, &self.devices, open.device);
                        Outcome::Waits
                    }
                }
            }
            (Some(Open::Pin(open)), ioctl::RESET_STATE) => {
                open.pin.reset();
                Outcome::Done(IoReply::with(Vec::new()))
            }
            _ => refused(),
        }
    }

    /// Takes back the read that waits as this request; the requests to complete.
    pub(crate) fn cancel(&mut self, irp: usize) -> Vec<(usize, IoReply)> {
        let read = self.waiting.iter().find(|read| read.irp == irp);
        if let Some(read) = read
            && let Some(Open::Pin(open)) = self.open.get(&read.file)
        {
            open.pin.cancel_read(read.id);
        }
        self.completed()
    }

    /// Reads that waited and are done: the requests to complete.
    pub(crate) fn completed(&mut self) -> Vec<(usize, IoReply)> {
        let mut done = Vec::new();
        for open in self.open.values() {
            let Open::Pin(open) = open else { continue };
            for (id, reply) in open.pin.take_completed_reads() {
                if let Some(at) = self.waiting.iter().position(|read| read.id == id) {
                    done.push((self.waiting.remove(at).irp, reply));
                }
            }
        }
        done
    }

    /// DriverUnload.
    pub(crate) fn unload(
        &mut self,
        driver: *mut DriverObject,
        routine: Option<DriverUnload>,
    ) -> Option<Report> {
        self.made.clear();
        self.open.clear();
        let machine = self.machine.take()?;
        // SAFETY: the routine is what the driver object named; Wine has removed all devices.
        Some(unsafe { machine.unload(driver, routine) })
    }
}
