//! What the port answers on a pin: `KSPROPSETID_Connection`.

use dmusmini::com::Status;
use dmusmini::portcls::abi::KsState;
use dmusmini::portcls::abi::verb::{GET, SET};

use super::guids::KSPROPSETID_CONNECTION;
use super::layout::{PROPERTY, u32_at};
use super::property::{PortItem, Query};
use super::{IoReply, sizes};
use crate::portcls::pin::PinState;

/// `KSPROPERTY_CONNECTION_*`.
pub(super) const ITEMS: &[PortItem] = &[
    item(0, |query| on_pin(query, state)),
    item(2, |query| on_pin(query, data_format)),
];

const fn item(id: u32, serve: fn(&Query<'_>) -> IoReply) -> PortItem {
    PortItem {
        set: KSPROPSETID_CONNECTION,
        id,
        verbs: GET | SET,
        input: PROPERTY,
        serve,
    }
}

fn on_pin(query: &Query<'_>, answer: fn(&Query<'_>, &PinState) -> IoReply) -> IoReply {
    match query.pin {
        Some(pin) => answer(query, pin),
        None => IoReply::refused(Status::INVALID_DEVICE_REQUEST),
    }
}

/// KSSTATE. The port goes there one step at a time.
fn state(query: &Query<'_>, pin: &PinState) -> IoReply {
    if !query.is_set {
        let state = pin.state.get().0.to_le_bytes();
        return sizes::value(state.to_vec(), query.value.len());
    }
    if query.value.len() < 4 {
        return sizes::value(vec![0; 4], query.value.len());
    }
    let wanted = KsState(u32_at(query.value, 0).cast_signed());
    if !(KsState::STOP.0..=KsState::RUN.0).contains(&wanted.0) {
        return IoReply::refused(Status::INVALID_PARAMETER);
    }
    match pin.walk(wanted) {
        Status::SUCCESS => IoReply::with(Vec::new()),
        failure => IoReply::refused(failure),
    }
}

/// KSDATAFORMAT. A DMus stream keeps the format that it was opened with.
fn data_format(query: &Query<'_>, pin: &PinState) -> IoReply {
    let format = pin.format.bytes();
    if !query.is_set {
        return sizes::value(format, query.value.len());
    }
    if query.value == format {
        IoReply::with(Vec::new())
    } else {
        IoReply::refused(Status::NO_MATCH)
    }
}
