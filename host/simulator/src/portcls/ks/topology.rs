//! `KSPROPSETID_Topology`: what the filter is made of.

use dmusmini::com::{Guid, Status};
use dmusmini::portcls::abi::verb::GET;

use super::guids::KSPROPSETID_TOPOLOGY;
use super::layout::{PROPERTY, PROPERTY_OF, u32_at};
use super::property::{PortItem, Query};
use super::{IoReply, sizes};
use crate::portcls::descriptor::Description;
use crate::portcls::format::guid_bytes;

/// `KSPROPERTY_TOPOLOGY_*`.
pub(super) const ITEMS: &[PortItem] = &[
    item(0, PROPERTY, |query| {
        described(query, |own| guids(query, &own.categories))
    }),
    item(1, PROPERTY, |query| {
        described(query, |own| {
            let kinds: Vec<Guid> = own.nodes.iter().map(|node| node.kind).collect();
            guids(query, &kinds)
        })
    }),
    item(2, PROPERTY, |query| {
        described(query, |own| connections(query, own))
    }),
    item(3, PROPERTY_OF, |query| {
        described(query, |own| name(query, own))
    }),
];

const fn item(id: u32, input: usize, serve: fn(&Query<'_>) -> IoReply) -> PortItem {
    PortItem {
        set: KSPROPSETID_TOPOLOGY,
        id,
        verbs: GET,
        input,
        serve,
    }
}

fn described(query: &Query<'_>, answer: impl FnOnce(&Description) -> IoReply) -> IoReply {
    match query.filter.description() {
        Some(description) => answer(&description),
        None => IoReply::refused(Status::INVALID_DEVICE_STATE),
    }
}

fn guids(query: &Query<'_>, guids: &[Guid]) -> IoReply {
    let bytes: Vec<u8> = guids.iter().flat_map(guid_bytes).collect();
    sizes::list(guids.len(), &bytes, query.value.len())
}

/// KSTOPOLOGY_CONNECTION structures.
fn connections(query: &Query<'_>, own: &Description) -> IoReply {
    let words = own.connections.iter().flat_map(|connection| {
        [
            connection.from_node,
            connection.from_pin,
            connection.to_node,
            connection.to_pin,
        ]
    });
    let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
    sizes::list(own.connections.len(), &bytes, query.value.len())
}

/// The name that the registry has for a node's name, or else for its type.
fn name(query: &Query<'_>, own: &Description) -> IoReply {
    let number = u32_at(query.input, PROPERTY);
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    let (Some(node), Some(system)) = (own.nodes.get(place), query.filter.system.upgrade()) else {
        return IoReply::refused(Status::INVALID_PARAMETER);
    };
    let names = system.settings.media_categories.borrow();
    match names.get(&node.name).or_else(|| names.get(&node.kind)) {
        Some(name) => sizes::text(name, query.value.len()),
        None => IoReply::refused(Status::OBJECT_NAME_NOT_FOUND),
    }
}
