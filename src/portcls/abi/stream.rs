//! Streams: states, types and the DMus event (abi section 5.3).

use core::fmt;

/// `KSSTATE`.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KsState(pub i32);

impl KsState {
    /// Nothing allocated.
    pub const STOP: Self = Self(0);
    /// Resources acquired.
    pub const ACQUIRE: Self = Self(1);
    /// Ready to run.
    pub const PAUSE: Self = Self(2);
    /// Data flows.
    pub const RUN: Self = Self(3);
}

/// `DMUS_STREAM_TYPE`.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamType(pub i32);

impl StreamType {
    /// Never valid.
    pub const INVALID: Self = Self(-1);
    /// MIDI to the device.
    pub const MIDI_RENDER: Self = Self(0);
    /// MIDI from the device.
    pub const MIDI_CAPTURE: Self = Self(1);
    /// Wave out of the synthesizer.
    pub const WAVE_SINK: Self = Self(2);
}

/// `DONT_HOLD_FOR_SEQUENCING`: events are to be delivered as soon as they arrive.
pub const DONT_HOLD_FOR_SEQUENCING: u64 = 0x8000_0000_0000_0000;

/// `DMUS_KERNEL_EVENT`.
#[repr(C)]
pub struct DmusKernelEvent {
    /// Not ours.
    pub reserved: u8,
    /// Not ours.
    pub size: u8,
    /// Bytes of data.
    pub byte_count: u16,
    /// 1-based; 0 is every group (contract section 6.9).
    pub channel_group: u16,
    /// [`event_flags`].
    pub flags: u16,
    /// When the event is due, on the master clock, 100 ns.
    pub presentation_time: i64,
    /// [`BYTE_POSITION_NONE`] when meaningless.
    pub byte_position: u64,
    /// The rest of the chain.
    pub next: *mut Self,
    /// The data, or where it is.
    pub data: DmusEventData,
}
assert_layout!(DmusKernelEvent, 40, size @ 1, byte_count @ 2, channel_group @ 4, flags @ 6,
    presentation_time @ 8, byte_position @ 16, next @ 24, data @ 32);

impl fmt::Debug for DmusKernelEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DmusKernelEvent")
            .field("byte_count", &self.byte_count)
            .field("channel_group", &self.channel_group)
            .field("flags", &self.flags)
            .field("presentation_time", &self.presentation_time)
            .finish_non_exhaustive()
    }
}

/// The data word of an event.
#[repr(C)]
#[derive(Clone, Copy)]
pub union DmusEventData {
    /// Up to [`SHORT_EVENT_BYTES`] bytes.
    pub bytes: [u8; SHORT_EVENT_BYTES],
    /// More bytes, in a buffer of the allocator's.
    pub buffer: *mut u8,
    /// The children of a package.
    pub package: *mut DmusKernelEvent,
}

impl fmt::Debug for DmusEventData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DmusEventData")
    }
}

/// Data up to this size lies inside the event.
pub const SHORT_EVENT_BYTES: usize = size_of::<*mut u8>();

/// `kBytePositionNone`.
pub const BYTE_POSITION_NONE: u64 = u64::MAX;

/// `DMUS_KEF_*`.
pub mod event_flags {
    /// A whole message.
    pub const COMPLETE: u16 = 0;
    /// To render: not the last part of a message. Captured: anything but a single whole message.
    pub const INCOMPLETE: u16 = 1;
    /// The data word heads a chain of events.
    pub const PACKAGE: u16 = 2;
    /// Ours, while an event is ours: the next in the chain was in the same package. No other flag of
    /// Windows' is there, and nobody else sees it.
    pub const LINKED: u16 = 0x8000;
}
