//! `KSPROPERTY_PIN_DATAINTERSECTION`: the miniport's answer, and the port's own where there is none
//! (contract section 5.3).

use std::rc::Rc;

use dmusmini::com::{Out, Status};
use dmusmini::portcls::abi::KsDataRange;

use super::block::Block;
use super::descriptor::{DataRange, PinInfo};
use super::filter::FilterState;
use super::host;
use super::ks::{INVALID_BUFFER_SIZE, IoReply};

/// The first format that a client's list (KSMULTIPLE_ITEM, then KSDATARANGEs) and a pin share.
pub(super) fn first(filter: &FilterState, factory: u32, list: &[u8], room: usize) -> IoReply {
    let (pin, ranges) = match (pin(filter, factory), ranges_of(list)) {
        (Ok(pin), Some(ranges)) => (pin, ranges),
        (Err(status), _) => return IoReply::refused(status),
        (_, None) => return IoReply::refused(INVALID_BUFFER_SIZE),
    };
    for client in ranges {
        for ours in pin.ranges.iter().filter(|ours| overlap(client, ours)) {
            let (status, size, format) = ask(filter, factory, client, ours, room);
            match status {
                Status::NO_MATCH => {}
                Status::NOT_IMPLEMENTED => return by_default(ours, room),
                Status::SUCCESS => return IoReply::with(format),
                _ => {
                    return IoReply {
                        status,
                        information: size,
                        output: Vec::new(),
                    };
                }
            }
        }
    }
    IoReply::refused(Status::NO_MATCH)
}

/// The miniport's answer for one range of a client, asked in two steps.
pub(super) fn of_miniport(
    filter: &FilterState,
    factory: u32,
    client: &[u8],
) -> Result<Vec<u8>, Status> {
    let mut status = Status::NO_MATCH;
    for ours in &pin(filter, factory)?.ranges {
        match ask(filter, factory, client, ours, 0) {
            (Status::BUFFER_OVERFLOW, size, _) => {
                let (status, _, format) = ask(filter, factory, client, ours, size);
                return status.ok().map(|()| format);
            }
            (other, ..) => status = other,
        }
    }
    Err(status)
}

fn pin(filter: &FilterState, factory: u32) -> Result<Rc<PinInfo>, Status> {
    let description = filter.description().ok_or(Status::INVALID_DEVICE_STATE)?;
    let index = usize::try_from(factory).map_err(|_| Status::INVALID_PARAMETER)?;
    let pin = description.pins.get(index);
    pin.cloned().map(Rc::new).ok_or(Status::INVALID_PARAMETER)
}

/// The ranges of a list, each as long as it says; they are aligned to 8 bytes.
fn ranges_of(list: &[u8]) -> Option<Vec<&[u8]>> {
    let word = |at: usize| -> Option<usize> {
        let bytes = list.get(at..at + 4)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let (size, count) = (word(0)?, word(4)?);
    let mut at = 8;
    let mut ranges = Vec::new();
    for _ in 0..count {
        let length = word(at).filter(|length| *length >= size_of::<KsDataRange>())?;
        let end = at.checked_add(length).filter(|end| *end <= size)?;
        ranges.push(list.get(at..end)?);
        at = end.next_multiple_of(8);
    }
    Some(ranges)
}

/// Whether types, subtypes and specifiers agree; zero is a wildcard.
fn overlap(client: &[u8], ours: &DataRange) -> bool {
    (16..64).step_by(16).all(|at| {
        let (theirs, own) = (client.get(at..at + 16), ours.bytes.get(at..at + 16));
        theirs == own || theirs == Some(&[0; 16]) || own == Some(&[0; 16])
    })
}

/// What the port makes of a range that needs no specifier: its head is the format.
fn by_default(ours: &DataRange, room: usize) -> IoReply {
    let mut format = ours.bytes.get(..64).unwrap_or_default().to_vec();
    format[..4].copy_from_slice(&64_u32.to_le_bytes());
    match room {
        0 => IoReply {
            status: Status::BUFFER_OVERFLOW,
            information: format.len(),
            output: Vec::new(),
        },
        1..64 => IoReply::refused(Status::BUFFER_TOO_SMALL),
        _ => IoReply::with(format),
    }
}

/// `IMiniport::DataRangeIntersection` for one pair of ranges.
fn ask(
    filter: &FilterState,
    factory: u32,
    client: &[u8],
    ours: &DataRange,
    room: usize,
) -> (Status, usize, Vec<u8>) {
    let Some(miniport) = filter.miniport() else {
        return (Status::INVALID_DEVICE_STATE, 0, Vec::new());
    };
    let range = Block::new(client.len().max(size_of::<KsDataRange>()));
    range.write(0, client);
    let format = Block::new(room);
    let mut size = 0;
    let status = miniport.call("IMiniport::DataRangeIntersection", |miniport| {
        let out = if room == 0 {
            std::ptr::null_mut()
        } else {
            format.pointer::<u8>()
        };
        // SAFETY: both ranges are whole, and the buffer has `room` bytes.
        unsafe {
            miniport.data_range_intersection(
                &host::passive(),
                factory,
                range.pointer::<KsDataRange>(),
                ours.table,
                u32::try_from(room).unwrap_or(u32::MAX),
                out.cast(),
                Some(Out::from_mut(&mut size)),
            )
        }
    });
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if status.is_success() && size > room {
        host::breach(
            "IMiniport::DataRangeIntersection",
            format!("returned {size} bytes in a buffer of {room}"),
        );
    }
    let written = if status.is_success() {
        format.read(0, size.min(room))
    } else {
        Vec::new()
    };
    (status, size, written)
}
