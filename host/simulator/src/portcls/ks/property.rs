//! `IOCTL_KS_PROPERTY`: which item is meant, and who answers it.

use std::rc::Rc;

use dmusmini::com::{Guid, Status};
use dmusmini::portcls::abi::verb;

use super::layout::PropertyHeader;
use super::{INVALID_BUFFER_SIZE, IoReply, connection, pins, sizes, topology, verbs};
use crate::portcls::filter::FilterState;
use crate::portcls::pin::PinState;
use crate::portcls::property::{self as driver, Client, PROPSET_NOT_FOUND, Property};

/// One request on its way to an item of the port's own.
pub(super) struct Query<'a> {
    pub(super) filter: &'a Rc<FilterState>,
    pub(super) pin: Option<&'a PinState>,
    /// The KSPROPERTY and what follows it.
    pub(super) input: &'a [u8],
    pub(super) is_set: bool,
    /// The client's value buffer.
    pub(super) value: &'a [u8],
}

/// One item that the port itself answers.
pub(super) struct PortItem {
    pub(super) set: Guid,
    pub(super) id: u32,
    pub(super) verbs: u32,
    /// Bytes of input that the item needs.
    pub(super) input: usize,
    pub(super) serve: fn(&Query<'_>) -> IoReply,
}

/// Answers `IOCTL_KS_PROPERTY` on a filter, or on a pin of it.
pub(crate) fn request(
    filter: &Rc<FilterState>,
    pin: Option<&PinState>,
    input: &[u8],
    value: &[u8],
    client: Client,
) -> IoReply {
    let Some(header) = PropertyHeader::read(input) else {
        return IoReply::refused(INVALID_BUFFER_SIZE);
    };
    let items = if pin.is_some() {
        connection::ITEMS
    } else {
        pins::ITEMS
    };
    let of_set = |item: &&PortItem| item.set == header.set && header.node.is_none();
    let of_topology = topology::ITEMS
        .iter()
        .filter(|item| pin.is_none() && item.set == header.set);
    let known: Vec<&PortItem> = items.iter().filter(of_set).chain(of_topology).collect();
    if header.verb == verbs::SET_SUPPORT {
        return set_support(filter, pin, &header, !known.is_empty(), client);
    }
    if known.is_empty() {
        return ask_driver(filter, pin, &header, input, value, client);
    }
    let Some(item) = known.iter().find(|item| item.id == header.id) else {
        return IoReply::refused(Status::NOT_FOUND);
    };
    if header.verb == verb::BASIC_SUPPORT {
        let flags = item.verbs | verb::BASIC_SUPPORT;
        return sizes::value(flags.to_le_bytes().to_vec(), value.len());
    }
    if item.verbs & header.verb == 0 || !header.verb.is_power_of_two() {
        return IoReply::refused(Status::INVALID_DEVICE_REQUEST);
    }
    if input.len() < item.input {
        return IoReply::refused(Status::BUFFER_TOO_SMALL);
    }
    (item.serve)(&Query {
        filter,
        pin,
        input,
        is_set: header.verb == verb::SET,
        value,
    })
}

/// `KSPROPERTY_TYPE_SETSUPPORT`: whether there is such a set at all.
fn set_support(
    filter: &Rc<FilterState>,
    pin: Option<&PinState>,
    header: &PropertyHeader,
    known: bool,
    client: Client,
) -> IoReply {
    let probe = Property {
        node: header.node,
        ..Property::basic_support(header.set, u32::MAX, 4)
    };
    if known || driver::request(filter, pin, &probe, client).status != PROPSET_NOT_FOUND {
        IoReply::with(Vec::new())
    } else {
        IoReply::refused(PROPSET_NOT_FOUND)
    }
}

/// An item of the driver's automation tables.
fn ask_driver(
    filter: &Rc<FilterState>,
    pin: Option<&PinState>,
    header: &PropertyHeader,
    input: &[u8],
    value: &[u8],
    client: Client,
) -> IoReply {
    let property = Property {
        set: header.set,
        id: header.id,
        verb: header.verb,
        node: header.node,
        instance: input.get(header.size..).unwrap_or_default().to_vec(),
        value: value.to_vec(),
    };
    let reply = driver::request(filter, pin, &property, client);
    IoReply {
        status: reply.status,
        information: usize::try_from(reply.size).unwrap_or(usize::MAX),
        output: reply.value,
    }
}
