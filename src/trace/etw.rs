//! The ETW sink: a TraceLogging provider with its own small registration.
//!
//! TraceLogging needs no manifest: every event carries the provider's name and its own schema as
//! two extra data blocks, and is marked by channel 11. The published `tracelogging` crate does the
//! same, but its registration can panic, which the proof build (no panic path) does not allow.
#![expect(unsafe_code, reason = "ETW imports")]

use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use super::event::{Event, MAX_FIELDS, PROVIDER, PROVIDER_TRAITS};
use crate::kernel::nt;
use crate::portcls::abi::assert_layout;

/// The provider's registration; 0 is none.
static HANDLE: AtomicU64 = AtomicU64::new(0);

/// `EVENT_DESCRIPTOR`.
#[repr(C)]
#[derive(Debug)]
struct EventDescriptor {
    id: u16,
    version: u8,
    channel: u8,
    level: u8,
    opcode: u8,
    task: u16,
    keyword: u64,
}
assert_layout!(EventDescriptor, 16, level @ 4, keyword @ 8);

/// `EVENT_DATA_DESCRIPTOR`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct DataDescriptor {
    pointer: u64,
    size: u32,
    kind: u32,
}
assert_layout!(DataDescriptor, 16, size @ 8, kind @ 12);

impl DataDescriptor {
    const EMPTY: Self = Self {
        pointer: 0,
        size: 0,
        kind: DATA,
    };

    fn of<T>(kind: u32, bytes: &[T]) -> Self {
        Self {
            pointer: u64::try_from(bytes.as_ptr().expose_provenance()).unwrap_or(0),
            size: u32::try_from(size_of_val(bytes)).unwrap_or(0),
            kind,
        }
    }
}

/// The channel that marks TraceLogging.
const TRACE_LOGGING: u8 = 11;
/// `EVENT_DATA_DESCRIPTOR_TYPE_NONE`.
const DATA: u32 = 0;
/// `EVENT_DATA_DESCRIPTOR_TYPE_EVENT_METADATA`.
const EVENT_METADATA: u32 = 1;
/// `EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA`.
const PROVIDER_METADATA: u32 = 2;

/// Registers the provider. A failure means no events, which is no reason not to load.
pub(super) fn register() {
    let mut handle = 0;
    // SAFETY: the GUID is a static; no callback; the handle is ours.
    let status = unsafe {
        nt::EtwRegister(
            &raw const PROVIDER,
            ptr::null(),
            ptr::null_mut(),
            &raw mut handle,
        )
    };
    if status.is_success() {
        HANDLE.store(handle, Ordering::Release);
    }
}

/// Unregisters it.
pub(super) fn unregister() {
    let handle = HANDLE.swap(0, Ordering::AcqRel);
    if handle != 0 {
        // SAFETY: the handle came from `register` and is given up.
        let _ = unsafe { nt::EtwUnregister(handle) };
    }
}

/// Writes an event. ETW drops it at once when no session listens.
pub(super) fn write(event: Event) {
    let handle = HANDLE.load(Ordering::Acquire);
    if handle == 0 {
        return;
    }
    let descriptor = EventDescriptor {
        id: event.code(),
        version: 0,
        channel: TRACE_LOGGING,
        level: event.level() as u8,
        opcode: 0,
        task: 0,
        // Every event has keyword 1, so that a session can name "all of it".
        keyword: 1,
    };
    let mut bits = [[0_u32; 1]; MAX_FIELDS];
    let mut used = 0_u32;
    for (place, field) in bits.iter_mut().zip(event.fields().into_iter().flatten()) {
        *place = [field.bits];
        used = used.saturating_add(1);
    }
    let mut data = [DataDescriptor::EMPTY; MAX_FIELDS + 2];
    let blocks = [
        DataDescriptor::of(PROVIDER_METADATA, &PROVIDER_TRAITS),
        DataDescriptor::of(EVENT_METADATA, event.schema()),
    ];
    let fields = bits.iter().map(|value| DataDescriptor::of(DATA, value));
    for (place, block) in data.iter_mut().zip(blocks.into_iter().chain(fields)) {
        *place = block;
    }
    // SAFETY: the descriptors lead to memory that lives for the call; the count is theirs.
    let _ = unsafe {
        nt::EtwWriteTransfer(
            handle,
            (&raw const descriptor).cast(),
            ptr::null(),
            ptr::null(),
            used.saturating_add(2),
            (&raw const data).cast(),
        )
    };
}
