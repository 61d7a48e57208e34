//! A program that speaks kernel streaming: it knows handles, structures and status codes.

use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini_ks::Guid;
use dmusmini_ks::format::{DataFormat, Range, ranges};
use dmusmini_ks::guids::{
    KSPROPSETID_CONNECTION, KSPROPSETID_PIN, KSPROPSETID_SYNTH, KSPROPSETID_TOPOLOGY,
};
use dmusmini_ks::pin::{Connect, State};
use dmusmini_ks::property::{self, Property, connection_item, pin_item};
use dmusmini_ks::stream::StreamHeader;
use dmusmini_ks::zerocopy::{FromBytes, Immutable, IntoBytes};
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{
    Binary, Client, Device, Filter, Hardware, IoReply, Pin, ReadId, ReadStream, Session, UserMemory,
};

/// A machine with one device, and the filter that a program has opened on it.
pub(crate) struct Machine {
    pub(crate) filter: KsFilter,
    pub(crate) device: Device,
    pub(crate) session: Session,
}

impl Machine {
    pub(crate) fn synth(binary: &Binary) -> Self {
        Self::boot(binary, &Hardware::synth(), "DMusic")
    }

    pub(crate) fn uart(binary: &Binary) -> Self {
        Self::boot(binary, &Hardware::uart(Config::default()), "UART")
    }

    fn boot(binary: &Binary, hardware: &Hardware, name: &str) -> Self {
        let session = Session::boot(binary).unwrap();
        let device = session.install(hardware).unwrap();
        let filter = KsFilter(device.filter(name).unwrap());
        Self {
            filter,
            device,
            session,
        }
    }

    /// Bytes in the program's own memory.
    pub(crate) fn user(&self, bytes: &[u8]) -> u64 {
        u64::try_from(self.session.machine().memory().map_user(bytes)).unwrap()
    }

    pub(crate) fn free(&self, address: u64) {
        let address = usize::try_from(address).unwrap();
        self.session.machine().memory().unmap_user(address);
    }

    pub(crate) fn peek(&self, address: u64, length: u32) -> Vec<u8> {
        let (address, length) = (
            usize::try_from(address).unwrap(),
            usize::try_from(length).unwrap(),
        );
        let memory = self.session.machine().memory();
        memory.read_user(address, length).unwrap()
    }
}

/// Asks as programs do: first for the size, then for the value.
fn ask(send: impl Fn(&[u8]) -> IoReply) -> Result<Vec<u8>, Status> {
    let query = send(&[]);
    match query.status {
        Status::BUFFER_OVERFLOW => send(&vec![0; query.information]).ok(),
        status => status.ok().map(|()| query.output),
    }
}

fn word(bytes: &[u8]) -> u32 {
    u32::read_from_bytes(bytes).unwrap()
}

/// A filter handle.
pub(crate) struct KsFilter(pub(crate) Filter);

impl KsFilter {
    /// `IOCTL_KS_PROPERTY`.
    pub(crate) fn ioctl(&self, input: &[u8], value: &[u8]) -> IoReply {
        self.0.property_bytes(input, value, Client::USER)
    }

    pub(crate) fn get(&self, input: &[u8]) -> Result<Vec<u8>, Status> {
        ask(|value| self.ioctl(input, value))
    }

    /// An item of KSPROPSETID_Pin.
    pub(crate) fn of_pin(&self, pin: u32, item: u32) -> Result<Vec<u8>, Status> {
        self.get(Property::get(KSPROPSETID_PIN, item).of_pin(pin).as_bytes())
    }

    pub(crate) fn pin_count(&self) -> u32 {
        let request = Property::get(KSPROPSETID_PIN, pin_item::TYPES);
        word(&self.get(request.as_bytes()).unwrap())
    }

    pub(crate) fn pin_word(&self, pin: u32, item: u32) -> u32 {
        word(&self.of_pin(pin, item).unwrap())
    }

    pub(crate) fn ranges(&self, pin: u32) -> Vec<Range> {
        ranges(&self.of_pin(pin, pin_item::DATA_RANGES).unwrap()).unwrap()
    }

    /// The first pin with this direction and subtype that a client can open.
    pub(crate) fn find(&self, flow: u32, sub_format: Guid) -> u32 {
        (0..self.pin_count())
            .find(|&pin| {
                self.pin_word(pin, pin_item::DATA_FLOW) == flow
                    && self.pin_word(pin, pin_item::COMMUNICATION) != 0
                    && self
                        .ranges(pin)
                        .iter()
                        .any(|range| range.common().sub_format == sub_format)
            })
            .unwrap()
    }

    /// A list of KSPROPSETID_Topology.
    pub(crate) fn topology<T: FromBytes>(&self, item: u32) -> Vec<T> {
        let request = Property::get(KSPROPSETID_TOPOLOGY, item);
        property::items(&self.get(request.as_bytes()).unwrap()).unwrap()
    }

    /// `KsCreatePin`.
    pub(crate) fn create(&self, pin: u32, format: &[u8]) -> Result<KsPin, Status> {
        let request = Connect::standard(pin).with_format(format);
        self.0.create_pin(&request, Client::USER).map(KsPin)
    }

    pub(crate) fn open_music(&self, pin: u32, sub_format: Guid) -> KsPin {
        let format = DataFormat::music(sub_format);
        self.create(pin, format.as_bytes()).unwrap()
    }
}

/// A pin handle.
pub(crate) struct KsPin(pub(crate) Pin);

impl KsPin {
    /// `IOCTL_KS_PROPERTY`.
    pub(crate) fn ioctl(&self, input: &[u8], value: &[u8]) -> IoReply {
        self.0.property_bytes(input, value, Client::USER)
    }

    pub(crate) fn get(&self, input: &[u8]) -> Result<Vec<u8>, Status> {
        ask(|value| self.ioctl(input, value))
    }

    /// A GET on the pin's synthesizer node, with instance data.
    pub(crate) fn of_node(
        &self,
        (set, item): (Guid, u32),
        node: u32,
        instance: &[u8],
    ) -> Result<Vec<u8>, Status> {
        let mut input = Property::get(set, item).of_node(node).as_bytes().to_vec();
        input.extend(instance);
        self.get(&input)
    }

    /// A ULONGLONG of KSPROPSETID_Synth.
    pub(crate) fn time_of(&self, item: u32, node: u32) -> i64 {
        let bytes = self.of_node((KSPROPSETID_SYNTH, item), node, &[]).unwrap();
        i64::read_from_bytes(&bytes).unwrap()
    }

    pub(crate) fn set_node<T: IntoBytes + Immutable>(
        &self,
        (set, item): (Guid, u32),
        node: u32,
        value: &T,
    ) -> Status {
        let input = Property::set(set, item).of_node(node);
        self.ioctl(input.as_bytes(), value.as_bytes()).status
    }

    pub(crate) fn state(&self) -> u32 {
        let request = Property::get(KSPROPSETID_CONNECTION, connection_item::STATE);
        word(&self.get(request.as_bytes()).unwrap())
    }

    /// Goes to a state step by step, as programs do.
    pub(crate) fn go(&self, to: State) {
        let now = State::from_number(self.state()).unwrap();
        for step in now.way_to(to) {
            let request = Property::set(KSPROPSETID_CONNECTION, connection_item::STATE);
            let value = (step as u32).to_le_bytes();
            let reply = self.ioctl(request.as_bytes(), &value);
            assert_eq!(reply.status, Status::SUCCESS, "{step:?}");
        }
        assert_eq!(self.state(), to as u32);
    }

    /// `IOCTL_KS_WRITE_STREAM` of one buffer.
    pub(crate) fn write(&self, machine: &Machine, time: Option<i64>, bytes: &[u8]) -> IoReply {
        let data = machine.user(bytes);
        let header = StreamHeader::write(data, u32::try_from(bytes.len()).unwrap(), time);
        let reply = self
            .0
            .write_stream(header.as_bytes(), &UserMemory, Client::USER);
        machine.free(data);
        reply
    }

    /// `IOCTL_KS_READ_STREAM` of one frame at `data`.
    pub(crate) fn read(&self, data: u64, room: u32) -> ReadStream {
        let header = StreamHeader::read(data, room);
        let memory = Rc::new(UserMemory);
        self.0.read_stream(header.as_bytes(), memory, Client::USER)
    }

    /// A read that has to wait.
    pub(crate) fn wait(&self, data: u64, room: u32) -> ReadId {
        match self.read(data, room) {
            ReadStream::Pending(id) => id,
            done @ ReadStream::Done(_) => panic!("did not wait: {done:?}"),
        }
    }
}

/// The header that a completed read returned.
pub(crate) fn header_of(reply: &IoReply) -> StreamHeader {
    assert_eq!(reply.status, Status::SUCCESS);
    assert_eq!(reply.information, size_of::<StreamHeader>());
    StreamHeader::read_from_bytes(&reply.output).unwrap()
}
