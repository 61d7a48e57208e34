//! The seam of `dmusctl` over the simulated port: its commands against the real driver.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use dmusctl::{
    Code, Filter, OsError, Pin, System,
    devices::Devices,
    ks::{Access, Block, Object, Read},
};
use dmusmini::com::Status;
use dmusmini_ks::{
    guids::KSPROPSETID_SYNTH_DLS,
    property::NodeProperty,
    stream::StreamHeader,
    synth::{SynthBuffer, dls_item},
    zerocopy::{FromBytes as _, IntoBytes as _},
};
use dmusmini_simulator::{
    kernel::Kernel,
    session::{self, Client, Device, IoReply, ReadId, ReadStream, UserMemory},
};

/// A machine with devices. Time passes only when the client sleeps or reads frames.
pub struct Simulated<'a> {
    pub machine: &'a Kernel,
    pub devices: Vec<Device>,
}

impl System for Simulated<'_> {
    fn filters(&self) -> Result<Vec<String>, OsError> {
        let names = self.devices.iter().flat_map(Device::subdevices);
        Ok(names.map(|name| format!(r"\\?\simulated\{name}")).collect())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Filter>, OsError> {
        let name = path.rsplit('\\').next().unwrap_or_default();
        let filter = self.devices.iter().find_map(|device| device.filter(name));
        match filter {
            Some(filter) => Ok(Box::new(OpenFilter(filter))),
            None => Err(OsError::win32(format!("opening {path}"), 2)),
        }
    }

    fn now(&self) -> i64 {
        self.machine.now().cast_signed()
    }

    fn sleep(&self, time: Duration) {
        let units = u64::try_from(time.as_nanos() / 100).unwrap();
        self.machine.advance(units);
    }

    fn shares_time(&self) -> bool {
        true
    }

    fn devices(&self) -> Option<&dyn Devices> {
        None
    }
}

struct OpenFilter(session::Filter);

impl Object for OpenFilter {
    fn property(&self, request: &[u8], value: &mut [u8]) -> Result<usize, OsError> {
        let reply = self.0.property_bytes(request, value, Client::USER);
        answer("property of a filter", &reply, value)
    }
}

impl Filter for OpenFilter {
    fn create_pin(&self, connect: &[u8], _: Access) -> Result<Box<dyn Pin>, OsError> {
        let pin = self.0.create_pin(connect, Client::USER);
        let pin = pin.map_err(|status| refused("KsCreatePin", status, None))?;
        Ok(Box::new(OpenPin {
            pin,
            done: RefCell::default(),
        }))
    }
}

struct OpenPin {
    pin: session::Pin,
    done: RefCell<BTreeMap<ReadId, IoReply>>,
}

impl Object for OpenPin {
    fn property(&self, request: &[u8], value: &mut [u8]) -> Result<usize, OsError> {
        let mut request = request.to_vec();
        let mapped = map_download(&mut request);
        let reply = self.pin.property_bytes(&request, value, Client::USER);
        if let Some(address) = mapped {
            memory().unmap_user(address);
        }
        answer("property of a pin", &reply, value)
    }
}

/// A download names memory of this process: the simulated machine gets a copy of its own.
fn map_download(request: &mut [u8]) -> Option<usize> {
    let (head, body) = NodeProperty::read_from_prefix(request).ok()?;
    if head.property.set != KSPROPSETID_SYNTH_DLS || head.property.id != dls_item::DOWNLOAD {
        return None;
    }
    let (mut buffer, _) = SynthBuffer::read_from_prefix(body).ok()?;
    let address = std::ptr::with_exposed_provenance::<u8>(usize::try_from(buffer.address).ok()?);
    let length = usize::try_from(buffer.size).ok()?;
    // SAFETY: the client says that this much of its memory is there, and it is this process.
    let bytes = unsafe { std::slice::from_raw_parts(address, length) };
    let mapped = memory().map_user(bytes);
    buffer.address = mapped as u64;
    request[32..48].copy_from_slice(buffer.as_bytes());
    Some(mapped)
}

impl Pin for OpenPin {
    fn write(&self, time: Option<i64>, data: &[u8]) -> Result<(), OsError> {
        let address = memory().map_user(data);
        let length = u32::try_from(data.len()).unwrap();
        let header = StreamHeader::write(address as u64, length, time);
        let reply = self
            .pin
            .write_stream(header.as_bytes(), &UserMemory, Client::USER);
        memory().unmap_user(address);
        answer("WRITE_STREAM", &reply, &mut []).map(drop)
    }

    fn read(&self, room: usize) -> Result<Box<dyn Read + '_>, OsError> {
        let address = memory().map_user(&vec![0; room]);
        let header = StreamHeader::read(address as u64, u32::try_from(room).unwrap());
        let memory = Rc::new(UserMemory);
        let state = match self
            .pin
            .read_stream(header.as_bytes(), memory, Client::USER)
        {
            ReadStream::Done(reply) => State::Done(reply),
            ReadStream::Pending(id) => State::Pending(id),
        };
        Ok(Box::new(OpenRead {
            pin: self,
            address,
            state: Cell::new(Some(state)),
        }))
    }
}

enum State {
    Done(IoReply),
    Pending(ReadId),
}

struct OpenRead<'a> {
    pin: &'a OpenPin,
    address: usize,
    state: Cell<Option<State>>,
}

impl Read for OpenRead<'_> {
    fn wait(&mut self, time: Duration) -> Result<Option<Block>, OsError> {
        let reply = match self.state.take() {
            Some(State::Done(reply)) => reply,
            Some(State::Pending(id)) => {
                if !self.pin.done.borrow().contains_key(&id) {
                    let units = u64::try_from(time.as_nanos() / 100).unwrap();
                    session_kernel().advance(units);
                }
                let finished = self.pin.pin.take_completed_reads();
                self.pin.done.borrow_mut().extend(finished);
                let reply = self.pin.done.borrow_mut().remove(&id);
                let Some(reply) = reply else {
                    self.state.set(Some(State::Pending(id)));
                    return Ok(None);
                };
                reply
            }
            None => return Ok(None),
        };
        let status = reply.status;
        let bytes = reply
            .ok()
            .map_err(|_| refused("READ_STREAM", status, None))?;
        let header = StreamHeader::read_from_prefix(&bytes).unwrap().0;
        let length = usize::try_from(header.data_used).unwrap();
        Ok(Some(Block {
            time: header.reference_time(),
            data: memory().read_user(self.address, length).unwrap(),
        }))
    }
}

impl Drop for OpenRead<'_> {
    fn drop(&mut self) {
        if let Some(State::Pending(id)) = self.state.take() {
            self.pin.pin.cancel_read(id);
            let _ = self.pin.pin.take_completed_reads();
        }
        memory().unmap_user(self.address);
    }
}

fn session_kernel() -> Rc<Kernel> {
    dmusmini_simulator::kernel::current()
}

/// The simulated machine's user memory.
struct Memory(Rc<Kernel>);

fn memory() -> Memory {
    Memory(session_kernel())
}

impl Memory {
    fn map_user(&self, bytes: &[u8]) -> usize {
        self.0.memory().map_user(bytes)
    }

    fn unmap_user(&self, address: usize) {
        self.0.memory().unmap_user(address);
    }

    fn read_user(&self, address: usize, length: usize) -> Option<Vec<u8>> {
        self.0.memory().read_user(address, length)
    }
}

fn answer(operation: &str, reply: &IoReply, value: &mut [u8]) -> Result<usize, OsError> {
    if !reply.status.is_success() {
        return Err(refused(operation, reply.status, Some(reply.information)));
    }
    let length = reply.output.len().min(value.len());
    value[..length].copy_from_slice(&reply.output[..length]);
    Ok(reply.information)
}

fn refused(operation: &str, status: Status, needed: Option<usize>) -> OsError {
    OsError {
        operation: operation.to_owned(),
        code: Code::Status(status.to_bits()),
        text: status.name().unwrap_or("refused").to_owned(),
        needed,
    }
}
