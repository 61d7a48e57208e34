//! What the port answers on a filter: `KSPROPSETID_Pin` and `KSPROPSETID_SynthClock`.

use dmusmini::com::{Guid, Status};
use dmusmini::portcls::abi::verb::GET;
use dmusmini::portcls::guids::{
    KSINTERFACESETID_STANDARD, KSMEDIUMSETID_STANDARD, KSPROPSETID_PIN, KSPROPSETID_SYNTH_CLOCK,
};

use super::layout::{PROPERTY, PROPERTY_OF, u32_at};
use super::property::{PortItem, Query};
use super::{IoReply, sizes};
use crate::portcls::descriptor::PinInfo;
use crate::portcls::format::guid_bytes;
use crate::portcls::intersection;

/// `KSPROPERTY_PIN_*`.
pub(super) const ITEMS: &[PortItem] = &[
    item(0, |query| {
        of_pin(query, |pin| instances(query, pin.max_filter_instances))
    }),
    PortItem {
        input: PROPERTY,
        ..item(1, ctypes)
    },
    item(2, |query| {
        of_pin(query, |pin| word(query, pin.data_flow as u32))
    }),
    item(3, |query| of_pin(query, |pin| data_ranges(query, pin))),
    item(4, data_intersection),
    // PortCls does not look at a descriptor's list of interfaces (abi section 5.2), and a list of
    // mediums that is empty means standard device I/O.
    item(5, |query| {
        of_pin(query, |_| one_of(query, &KSINTERFACESETID_STANDARD))
    }),
    item(6, |query| {
        of_pin(query, |_| one_of(query, &KSMEDIUMSETID_STANDARD))
    }),
    item(7, |query| {
        of_pin(query, |pin| word(query, pin.communication as u32))
    }),
    item(8, |query| {
        of_pin(query, |pin| instances(query, pin.max_global_instances))
    }),
    item(9, |query| {
        of_pin(query, |pin| word(query, pin.min_filter_instances))
    }),
    item(11, |query| of_pin(query, |pin| category(query, pin))),
    item(12, |query| of_pin(query, |pin| name(query, pin))),
    item(13, |query| of_pin(query, |pin| data_ranges(query, pin))),
    PortItem {
        set: KSPROPSETID_SYNTH_CLOCK,
        id: 0,
        verbs: GET,
        input: PROPERTY,
        serve: master_clock,
    },
];

const fn item(id: u32, serve: fn(&Query<'_>) -> IoReply) -> PortItem {
    PortItem {
        set: KSPROPSETID_PIN,
        id,
        verbs: GET,
        input: PROPERTY_OF,
        serve,
    }
}

fn word(query: &Query<'_>, value: u32) -> IoReply {
    sizes::value(value.to_le_bytes().to_vec(), query.value.len())
}

/// The pin factory that a KSP_PIN names.
fn of_pin(query: &Query<'_>, answer: impl FnOnce(&PinInfo) -> IoReply) -> IoReply {
    let Some(description) = query.filter.description() else {
        return IoReply::refused(Status::INVALID_DEVICE_STATE);
    };
    let place = usize::try_from(factory(query)).unwrap_or(usize::MAX);
    match description.pins.get(place) {
        Some(pin) => answer(pin),
        None => IoReply::refused(Status::INVALID_PARAMETER),
    }
}

/// `KSP_PIN.PinId`.
fn factory(query: &Query<'_>) -> u32 {
    u32_at(query.input, PROPERTY)
}

fn ctypes(query: &Query<'_>) -> IoReply {
    let count = query.filter.description().map_or(0, |own| own.pins.len());
    word(query, u32::try_from(count).unwrap_or(u32::MAX))
}

/// KSPIN_CINSTANCES. There is one filter object here, so that those of the filter are all.
fn instances(query: &Query<'_>, possible: u32) -> IoReply {
    let factory = factory(query);
    let open = query.filter.instances.borrow().get(&factory).copied();
    let words = [possible, open.unwrap_or(0)];
    let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    sizes::value(bytes, query.value.len())
}

/// The data ranges, each aligned to 8 bytes.
fn data_ranges(query: &Query<'_>, pin: &PinInfo) -> IoReply {
    let mut bytes = Vec::new();
    for range in &pin.ranges {
        bytes.extend(&range.bytes);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    sizes::list(pin.ranges.len(), &bytes, query.value.len())
}

/// A list of the one KSIDENTIFIER with number 0 of a set.
fn one_of(query: &Query<'_>, set: &Guid) -> IoReply {
    let mut bytes = guid_bytes(set).to_vec();
    bytes.extend([0; 8]);
    sizes::list(1, &bytes, query.value.len())
}

fn category(query: &Query<'_>, pin: &PinInfo) -> IoReply {
    match &pin.category {
        Some(category) => sizes::value(guid_bytes(category).to_vec(), query.value.len()),
        None => IoReply::refused(Status::NOT_FOUND),
    }
}

/// The name that the registry has for the pin's own name, or else for its category.
fn name(query: &Query<'_>, pin: &PinInfo) -> IoReply {
    let Some(system) = query.filter.system.upgrade() else {
        return IoReply::refused(Status::DEVICE_REMOVED);
    };
    let names = system.settings.media_categories.borrow();
    let known = [pin.name, pin.category]
        .into_iter()
        .flatten()
        .find_map(|guid| names.get(&guid).cloned());
    match known {
        Some(name) => sizes::text(&name, query.value.len()),
        None => IoReply::refused(Status::OBJECT_NAME_NOT_FOUND),
    }
}

/// The first of the client's ranges that intersects one of the pin's.
fn data_intersection(query: &Query<'_>) -> IoReply {
    let ranges = query.input.get(PROPERTY_OF..).unwrap_or_default();
    let length = query.value.len();
    intersection::first(query.filter, factory(query), ranges, length)
}

fn master_clock(query: &Query<'_>) -> IoReply {
    let Some(system) = query.filter.system.upgrade() else {
        return IoReply::refused(Status::DEVICE_REMOVED);
    };
    let now = system.clock.now();
    sizes::value(now.to_le_bytes().to_vec(), query.value.len())
}
