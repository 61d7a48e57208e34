//! Creating a pin from the bytes of a create request: KSPIN_CONNECT and a KSDATAFORMAT.

use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::portcls::guids::{KSINTERFACESETID_STANDARD, KSMEDIUMSETID_STANDARD};

use super::INVALID_BUFFER_SIZE;
use super::layout::{Connect, u32_at};
use crate::portcls::filter::FilterState;
use crate::portcls::format::Format;
use crate::portcls::open_pin;
use crate::portcls::pin::PinState;
use crate::portcls::property::Client;

/// Validates the request as `KsValidateConnectRequest` does, and opens the pin.
pub(crate) fn create(
    filter: &Rc<FilterState>,
    request: &[u8],
    client: Client,
) -> Result<Rc<PinState>, Status> {
    let connect = Connect::read(request, client.bits32).ok_or(INVALID_BUFFER_SIZE)?;
    let format = request.get(connect.size..).unwrap_or_default();
    let size = usize::try_from(u32_at(format, 0)).unwrap_or(usize::MAX);
    if size < DATA_FORMAT || size > format.len() {
        return Err(INVALID_BUFFER_SIZE);
    }
    let description = filter.description().ok_or(Status::INVALID_DEVICE_STATE)?;
    let place = usize::try_from(connect.pin).unwrap_or(usize::MAX);
    let pin = description
        .pins
        .get(place)
        .ok_or(Status::INVALID_PARAMETER)?;
    if connect.interface != (KSINTERFACESETID_STANDARD, STREAMING)
        || connect.medium != (KSMEDIUMSETID_STANDARD, ANY_INSTANCE)
    {
        return Err(Status::NO_MATCH);
    }
    // Connections from filter to filter are the system audio graph's, which is not here.
    if connect.target != 0 {
        return Err(Status::INVALID_PARAMETER);
    }
    let format = Format::from_bytes(&format[..size]);
    if !format.lies_in_a_range_of(pin) {
        return Err(Status::NO_MATCH);
    }
    open_pin::open(filter, connect.pin, &format)
}

/// `sizeof (KSDATAFORMAT)`.
const DATA_FORMAT: usize = 64;
/// `KSINTERFACE_STANDARD_STREAMING`.
const STREAMING: u32 = 0;
/// `KSMEDIUM_TYPE_ANYINSTANCE`.
const ANY_INSTANCE: u32 = 0;
