//! The seam: what a client of kernel streaming asks of the system.

use std::time::Duration;

use anyhow::Result;
use dmusmini_ks::{
    Guid,
    guids::{KSPROPSETID_CONNECTION, KSPROPSETID_PIN, KSPROPSETID_TOPOLOGY},
    pin::State,
    property::{Property, connection_item, verb},
    zerocopy::{FromBytes, Immutable, IntoBytes},
};

use crate::{devices::Devices, error::OsError};

/// Where the filters are.
pub trait System {
    /// The device paths of the driver's filters.
    fn filters(&self) -> Result<Vec<String>, OsError>;

    /// Opens a filter.
    fn open(&self, path: &str) -> Result<Box<dyn Filter>, OsError>;

    /// 100-ns units on a clock that only goes forward.
    fn now(&self) -> i64;

    /// Lets time pass.
    fn sleep(&self, time: Duration);

    /// Whether the devices' time passes while the client sleeps, as real time does.
    fn shares_time(&self) -> bool;

    /// The device nodes, where the system has such.
    fn devices(&self) -> Option<&dyn Devices>;
}

/// What takes property requests: a filter or a pin.
pub trait Object {
    /// `IOCTL_KS_PROPERTY`: returns how many bytes of `value` the answer has.
    fn property(&self, request: &[u8], value: &mut [u8]) -> Result<usize, OsError>;
}

/// An open filter. Dropping it closes it.
pub trait Filter: Object {
    /// Opens a pin: `KSPIN_CONNECT` and its format.
    fn create_pin(&self, connect: &[u8], access: Access) -> Result<Box<dyn Pin>, OsError>;
}

/// What a pin is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The client reads what comes out.
    Read,
    /// The client writes what goes in.
    Write,
}

/// An open pin. Dropping it closes it.
pub trait Pin: Object {
    /// `IOCTL_KS_WRITE_STREAM` of one buffer, due at a time or at once; returns when it is taken.
    fn write(&self, time: Option<i64>, data: &[u8]) -> Result<(), OsError>;

    /// `IOCTL_KS_READ_STREAM` with room for `room` bytes; it may take until there is something.
    fn read(&self, room: usize) -> Result<Box<dyn Read + '_>, OsError>;
}

/// A read under way. Dropping it takes it back.
pub trait Read {
    /// What came, or `None` if nothing did within the time; then one may wait again.
    fn wait(&mut self, time: Duration) -> Result<Option<Block>, OsError>;
}

/// What one read brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The time of its first byte, in 100 ns, if it has one.
    pub time: Option<i64>,
    /// The bytes.
    pub data: Vec<u8>,
}

/// A list that is longer than this is no list.
const MOST: usize = 1 << 20;

impl dyn Object + '_ {
    /// Sends a request whose answer has any length.
    pub fn get_bytes(&self, request: &[u8]) -> Result<Vec<u8>, OsError> {
        let mut room = 4096;
        loop {
            let mut value = vec![0; room];
            match self.property(request, &mut value) {
                Ok(length) => {
                    value.truncate(length);
                    return Ok(value);
                }
                Err(error) if error.code.asks_for_room() && room < MOST => {
                    room = error
                        .needed
                        .filter(|needed| *needed > room)
                        .unwrap_or(room * 4);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a request whose answer is one structure.
    pub fn get_value<T: FromBytes>(&self, request: &[u8], what: &str) -> Result<T, OsError> {
        let mut value = vec![0; size_of::<T>()];
        let length = self.property(request, &mut value).map_err(|e| e.of(what))?;
        T::read_from_bytes(&value[..length.min(value.len())]).map_err(|_| OsError {
            operation: what.to_owned(),
            code: crate::Code::Win32(13),
            text: format!("{length} bytes came where there should be {}", value.len()),
            needed: None,
        })
    }

    /// Sends a request that sets a value.
    pub fn set_value<T: IntoBytes + Immutable>(
        &self,
        request: &[u8],
        value: &T,
        what: &str,
    ) -> Result<(), OsError> {
        let mut value = Vec::from(value.as_bytes());
        self.property(request, &mut value)
            .map(drop)
            .map_err(|e| e.of(what))
    }

    /// The verbs of a property: `KSPROPERTY_TYPE_BASICSUPPORT`.
    pub fn support(&self, set: Guid, id: u32, node: Option<u32>) -> Result<u32, OsError> {
        let property = Property {
            set,
            id,
            flags: verb::BASIC_SUPPORT,
        };
        match node {
            Some(node) => self.get_value(property.of_node(node).as_bytes(), "BASICSUPPORT"),
            None => self.get_value(property.as_bytes(), "BASICSUPPORT"),
        }
    }

    /// An item of `KSPROPSETID_Pin` for a pin factory.
    pub fn pin_item<T: FromBytes>(&self, pin: u32, id: u32) -> Result<T, OsError> {
        let request = Property::get(KSPROPSETID_PIN, id).of_pin(pin);
        self.get_value(request.as_bytes(), &format!("pin {pin}, property {id}"))
    }

    /// An item of `KSPROPSETID_Pin` for a pin factory, of any length.
    pub fn pin_bytes(&self, pin: u32, id: u32) -> Result<Vec<u8>, OsError> {
        let request = Property::get(KSPROPSETID_PIN, id).of_pin(pin);
        self.get_bytes(request.as_bytes())
            .map_err(|e| e.of(format_args!("pin {pin}, property {id}")))
    }

    /// An item of `KSPROPSETID_Topology`.
    pub fn topology(&self, id: u32) -> Result<Vec<u8>, OsError> {
        let request = Property::get(KSPROPSETID_TOPOLOGY, id);
        self.get_bytes(request.as_bytes())
            .map_err(|e| e.of(format_args!("topology property {id}")))
    }
}

/// The state of a pin.
pub fn state(pin: &dyn Pin) -> Result<Option<State>, OsError> {
    let request = Property::get(KSPROPSETID_CONNECTION, connection_item::STATE);
    let number: u32 = object(pin).get_value(request.as_bytes(), "reading the pin's state")?;
    Ok(State::from_number(number))
}

/// Takes a pin to a state one step at a time, as clients do.
pub fn walk(pin: &dyn Pin, to: State) -> Result<(), OsError> {
    let from = state(pin)?.unwrap_or(State::Stop);
    for step in from.way_to(to) {
        set_state(pin, step)?;
    }
    Ok(())
}

/// Sets a pin's state.
pub fn set_state(pin: &dyn Pin, to: State) -> Result<(), OsError> {
    let request = Property::set(KSPROPSETID_CONNECTION, connection_item::STATE);
    let what = format!("setting the pin's state to {to:?}");
    object(pin).set_value(request.as_bytes(), &(to as u32), &what)
}

/// A pin as what takes properties.
#[must_use]
pub fn object<'a>(pin: &'a dyn Pin) -> &'a (dyn Object + 'a) {
    pin
}

/// A filter as what takes properties.
#[must_use]
pub fn filter_object<'a>(filter: &'a dyn Filter) -> &'a (dyn Object + 'a) {
    filter
}
