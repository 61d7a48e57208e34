//! PortCls, KS and DMus structures (abi sections 5.1 to 5.3).
//!
//! Pointers inside static descriptor tables are `*const` to statics; the port never writes them.

use core::ffi::c_void;
use core::fmt;

use crate::com::Guid;
use crate::kernel::nt::Irp;

/// Asserts a structure's size and field offsets on 64-bit targets.
macro_rules! assert_layout {
    ($type:ty, $size:literal $(, $field:ident @ $offset:literal)* $(,)?) => {
        const _: () = {
            assert!(size_of::<$type>() == $size, concat!("size of ", stringify!($type)));
            $(assert!(
                core::mem::offset_of!($type, $field) == $offset,
                concat!("offset of ", stringify!($type), "::", stringify!($field))
            );)*
        };
    };
}
pub(crate) use assert_layout;

/// A pointer in a static table. Tables are constant, so sharing them between threads is sound.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Table<T: ?Sized>(pub *const T);

/// The tables' thread safety, kept apart so that nothing else in this file is unsafe.
mod sharing {
    #![expect(unsafe_code, reason = "constant tables hold raw pointers")]
    use super::Table;

    // SAFETY: a table pointer leads to a constant.
    unsafe impl<T: ?Sized> Sync for Table<T> {}
    // SAFETY: as above.
    unsafe impl<T: ?Sized> Send for Table<T> {}
}

impl<T> Table<T> {
    /// No table.
    pub const NULL: Self = Self(core::ptr::null());

    /// A pointer to one constant.
    #[must_use]
    pub const fn of(value: &'static T) -> Self {
        Self(core::ptr::from_ref(value))
    }

    /// A pointer to the first of several constants.
    #[must_use]
    pub const fn first_of<const N: usize>(values: &'static [T; N]) -> Self {
        Self(values.as_ptr())
    }

    /// Whether there is no table.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0.is_null()
    }
}

/// `PCFILTER_DESCRIPTOR`.
#[repr(C)]
#[derive(Debug)]
pub struct FilterDescriptor {
    /// 0.
    pub version: u32,
    /// Filter properties, or null.
    pub automation_table: Table<AutomationTable>,
    /// Size of one pin descriptor.
    pub pin_size: u32,
    /// Number of pins.
    pub pin_count: u32,
    /// The pins.
    pub pins: Table<PinDescriptor>,
    /// Size of one node descriptor.
    pub node_size: u32,
    /// Number of nodes.
    pub node_count: u32,
    /// The nodes.
    pub nodes: Table<NodeDescriptor>,
    /// Number of connections.
    pub connection_count: u32,
    /// The connections.
    pub connections: Table<ConnectionDescriptor>,
    /// Number of categories.
    pub category_count: u32,
    /// The categories.
    pub categories: Table<Guid>,
}
assert_layout!(FilterDescriptor, 80, automation_table @ 8, pin_size @ 16, pin_count @ 20, pins @ 24,
    node_size @ 32, node_count @ 36, nodes @ 40, connection_count @ 48, connections @ 56,
    category_count @ 64, categories @ 72);

/// `PCPIN_DESCRIPTOR`.
#[repr(C)]
#[derive(Debug)]
pub struct PinDescriptor {
    /// Instances over all filters; `u32::MAX` is unlimited, 0 none.
    pub max_global_instances: u32,
    /// Instances of one filter.
    pub max_filter_instances: u32,
    /// Instances that a working filter needs.
    pub min_filter_instances: u32,
    /// Pin properties, or null.
    pub automation_table: Table<AutomationTable>,
    /// What KS knows of the pin.
    pub ks: KsPinDescriptor,
}
assert_layout!(PinDescriptor, 112, max_filter_instances @ 4, min_filter_instances @ 8,
    automation_table @ 16, ks @ 24);

/// `KSPIN_DESCRIPTOR`.
#[repr(C)]
#[derive(Debug)]
pub struct KsPinDescriptor {
    /// Ignored by PortCls.
    pub interfaces_count: u32,
    /// Ignored by PortCls.
    pub interfaces: Table<KsIdentifier>,
    /// 0: standard device I/O.
    pub mediums_count: u32,
    /// Null.
    pub mediums: Table<KsIdentifier>,
    /// Number of data ranges.
    pub data_ranges_count: u32,
    /// An array of pointers to data ranges.
    pub data_ranges: Table<Table<KsDataRange>>,
    /// Direction.
    pub data_flow: DataFlow,
    /// How the pin is connected.
    pub communication: Communication,
    /// Pin category, or null.
    pub category: Table<Guid>,
    /// Pin name GUID, or null.
    pub name: Table<Guid>,
    /// 0.
    pub constrained_data_ranges_count: u32,
    /// Null.
    pub constrained_data_ranges: Table<Table<KsDataRange>>,
}
assert_layout!(KsPinDescriptor, 88, interfaces @ 8, mediums_count @ 16, mediums @ 24,
    data_ranges_count @ 32, data_ranges @ 40, data_flow @ 48, communication @ 52, category @ 56,
    name @ 64, constrained_data_ranges_count @ 72, constrained_data_ranges @ 80);

/// `KSPIN_DATAFLOW`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFlow {
    /// Into the filter.
    In = 1,
    /// Out of the filter.
    Out = 2,
}

/// `KSPIN_COMMUNICATION`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Communication {
    /// A bridge.
    None = 0,
    /// The client sends IRPs here.
    Sink = 1,
    /// The pin sends IRPs.
    Source = 2,
    /// Either.
    Both = 3,
    /// A bridge pin.
    Bridge = 4,
}

/// `PCNODE_DESCRIPTOR`.
#[repr(C)]
#[derive(Debug)]
pub struct NodeDescriptor {
    /// 0.
    pub flags: u32,
    /// Node properties.
    pub automation_table: Table<AutomationTable>,
    /// Node type.
    pub kind: Table<Guid>,
    /// Node name; distinct where two nodes share a type.
    pub name: Table<Guid>,
}
assert_layout!(NodeDescriptor, 32, automation_table @ 8, kind @ 16, name @ 24);

/// `PCFILTER_NODE`: the filter itself as an end of a connection.
pub const FILTER_NODE: u32 = u32::MAX;

/// `PCCONNECTION_DESCRIPTOR`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionDescriptor {
    /// Source node, or [`FILTER_NODE`].
    pub from_node: u32,
    /// Its pin.
    pub from_pin: u32,
    /// Sink node, or [`FILTER_NODE`].
    pub to_node: u32,
    /// Its pin.
    pub to_pin: u32,
}
assert_layout!(ConnectionDescriptor, 16, from_pin @ 4, to_node @ 8, to_pin @ 12);

/// `PCAUTOMATION_TABLE`.
#[repr(C)]
#[derive(Debug)]
pub struct AutomationTable {
    /// Size of a property item.
    pub property_item_size: u32,
    /// Number of property items.
    pub property_count: u32,
    /// The property items.
    pub properties: Table<PropertyItem>,
    /// 0.
    pub method_item_size: u32,
    /// 0.
    pub method_count: u32,
    /// Null.
    pub methods: Table<c_void>,
    /// 0.
    pub event_item_size: u32,
    /// 0.
    pub event_count: u32,
    /// Null.
    pub events: Table<c_void>,
    /// 0.
    pub reserved: u32,
}
assert_layout!(AutomationTable, 56, property_count @ 4, properties @ 8, method_item_size @ 16,
    method_count @ 20, methods @ 24, event_item_size @ 32, event_count @ 36, events @ 40,
    reserved @ 48);

impl AutomationTable {
    /// A table of properties only.
    #[must_use]
    pub const fn of_properties<const N: usize>(items: &'static [PropertyItem; N]) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a handful of items")]
        Self {
            property_item_size: size_of::<PropertyItem>() as u32,
            property_count: N as u32,
            properties: Table::first_of(items),
            method_item_size: 0,
            method_count: 0,
            methods: Table::NULL,
            event_item_size: 0,
            event_count: 0,
            events: Table::NULL,
            reserved: 0,
        }
    }
}

macro_rules! property_handler {
    ($abi:literal) => {
        /// `PCPFNPROPERTY_HANDLER`.
        pub type PropertyHandler =
            unsafe extern $abi fn(request: *mut PropertyRequest) -> crate::com::Status;
    };
}
crate::with_kernel_abi!(property_handler,);

/// `PCPROPERTY_ITEM`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PropertyItem {
    /// Property set.
    pub set: Table<Guid>,
    /// Property number.
    pub id: u32,
    /// Verbs: [`verb`] bits.
    pub flags: u32,
    /// The handler.
    pub handler: Option<PropertyHandler>,
}
assert_layout!(PropertyItem, 24, id @ 8, flags @ 12, handler @ 16);

/// Verbs of property items and requests (`PCPROPERTY_ITEM_FLAG_*`, `KSPROPERTY_TYPE_*`).
pub mod verb {
    /// Read.
    pub const GET: u32 = 1;
    /// Write.
    pub const SET: u32 = 2;
    /// Ask what is supported.
    pub const BASIC_SUPPORT: u32 = 0x200;
    /// The request names a node; to be masked off.
    pub const TOPOLOGY: u32 = 0x1000_0000;
}

/// `PCPROPERTY_REQUEST`.
#[repr(C)]
#[derive(Debug)]
pub struct PropertyRequest {
    /// The miniport's IUnknown, borrowed.
    pub major_target: *mut c_void,
    /// The stream's IUnknown, borrowed; null for the filter.
    pub minor_target: *mut c_void,
    /// Node number; `u32::MAX` for none.
    pub node: u32,
    /// The item that matched.
    pub property_item: *const PropertyItem,
    /// [`verb`] bits.
    pub verb: u32,
    /// Bytes of instance data after the descriptor.
    pub instance_size: u32,
    /// Instance data in a system buffer.
    pub instance: *mut c_void,
    /// Bytes of value; in and out.
    pub value_size: u32,
    /// Value in a system buffer.
    pub value: *mut c_void,
    /// The IRP.
    pub irp: *mut Irp,
}
assert_layout!(PropertyRequest, 72, minor_target @ 8, node @ 16, property_item @ 24, verb @ 32,
    instance_size @ 36, instance @ 40, value_size @ 48, value @ 56, irp @ 64);

/// `KSIDENTIFIER`, which is also `KSPROPERTY`, `KSPIN_INTERFACE` and `KSPIN_MEDIUM`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KsIdentifier {
    /// Set.
    pub set: Guid,
    /// Member.
    pub id: u32,
    /// Flags.
    pub flags: u32,
}
assert_layout!(KsIdentifier, 24, id @ 16, flags @ 20);

/// `KSDATARANGE`, which is also `KSDATAFORMAT`.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KsDataRange {
    /// Size of the whole structure that begins with this one.
    pub format_size: u32,
    /// 0.
    pub flags: u32,
    /// 0 or the size of a sample.
    pub sample_size: u32,
    /// 0.
    pub reserved: u32,
    /// `KSDATAFORMAT_TYPE_*`.
    pub major_format: Guid,
    /// `KSDATAFORMAT_SUBTYPE_*`.
    pub sub_format: Guid,
    /// `KSDATAFORMAT_SPECIFIER_*`.
    pub specifier: Guid,
}
assert_layout!(KsDataRange, 64, flags @ 4, sample_size @ 8, reserved @ 12, major_format @ 16,
    sub_format @ 32, specifier @ 48);

/// `KSDATARANGE_MUSIC`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KsDataRangeMusic {
    /// The common part; `format_size` is 96.
    pub data_range: KsDataRange,
    /// `KSMUSIC_TECHNOLOGY_*`.
    pub technology: Guid,
    /// 0 (contract section 5.7).
    pub channels: u32,
    /// 0.
    pub notes: u32,
    /// 0xFFFF.
    pub channel_mask: u32,
}
assert_layout!(KsDataRangeMusic, 96, technology @ 64, channels @ 80, notes @ 84, channel_mask @ 88);

/// `KSDATARANGE_AUDIO`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KsDataRangeAudio {
    /// The common part; `format_size` is 88.
    pub data_range: KsDataRange,
    /// Channels at most.
    pub maximum_channels: u32,
    /// Bits at least.
    pub minimum_bits: u32,
    /// Bits at most.
    pub maximum_bits: u32,
    /// Hz at least.
    pub minimum_frequency: u32,
    /// Hz at most.
    pub maximum_frequency: u32,
}
assert_layout!(KsDataRangeAudio, 88, maximum_channels @ 64, minimum_bits @ 68, maximum_bits @ 72,
    minimum_frequency @ 76, maximum_frequency @ 80);

/// `WAVEFORMATEX`, 18 bytes.
#[repr(C, packed(2))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveFormatEx {
    /// 1 is PCM.
    pub format_tag: u16,
    /// Channels.
    pub channels: u16,
    /// Frames a second.
    pub samples_per_sec: u32,
    /// Bytes a second.
    pub avg_bytes_per_sec: u32,
    /// Bytes a frame.
    pub block_align: u16,
    /// Bits a sample.
    pub bits_per_sample: u16,
    /// Extra bytes that follow.
    pub size: u16,
}
assert_layout!(WaveFormatEx, 18, channels @ 2, samples_per_sec @ 4, avg_bytes_per_sec @ 8,
    block_align @ 12, bits_per_sample @ 14, size @ 16);

/// `KSDATAFORMAT_WAVEFORMATEX`, 82 bytes.
#[repr(C, packed(2))]
#[derive(Clone, Copy, Debug)]
pub struct KsDataFormatWaveFormatEx {
    /// The common part as plain bytes' worth of fields (the real one has alignment 8).
    pub format_size: u32,
    /// 0.
    pub flags: u32,
    /// Bytes a frame.
    pub sample_size: u32,
    /// 0.
    pub reserved: u32,
    /// TYPE_AUDIO.
    pub major_format: Guid,
    /// SUBTYPE_PCM.
    pub sub_format: Guid,
    /// SPECIFIER_WAVEFORMATEX.
    pub specifier: Guid,
    /// The format.
    pub wave_format: WaveFormatEx,
}
assert_layout!(KsDataFormatWaveFormatEx, 82, flags @ 4, major_format @ 16, sub_format @ 32,
    specifier @ 48, wave_format @ 64);

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
    /// Not the last part of a message, or raw bytes.
    pub const INCOMPLETE: u16 = 1;
    /// The data word heads a chain of events.
    pub const PACKAGE: u16 = 2;
}

/// `CM_PARTIAL_RESOURCE_DESCRIPTOR` (20 bytes, packed to 4).
#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug)]
pub struct PartialResourceDescriptor {
    /// [`resource_type`].
    pub kind: u8,
    /// Sharing.
    pub share: u8,
    /// Type-specific flags; bit 0 of a port resource is "I/O space".
    pub flags: u16,
    /// Port: start (64 bits) then length. Interrupt: level, vector, affinity.
    pub data: [u32; 4],
}
assert_layout!(PartialResourceDescriptor, 20, share @ 1, flags @ 2, data @ 4);

/// `CM_RESOURCE_PORT_IO`.
pub const RESOURCE_PORT_IO: u16 = 1;

/// Resource types as `IResourceList` takes them.
pub mod resource_type {
    /// An I/O port range.
    pub const PORT: u32 = 1;
    /// An interrupt.
    pub const INTERRUPT: u32 = 2;
    /// A memory range.
    pub const MEMORY: u32 = 3;
    /// A DMA channel.
    pub const DMA: u32 = 4;
}

/// `INTERRUPTSYNCMODE`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptSyncMode {
    /// Stop at the first routine that answers success.
    Normal = 1,
    /// Call each routine once.
    All = 2,
    /// Repeat until all decline.
    Repeat = 3,
}

/// `POWER_STATE` seen as a device power state: D0 is 1, D3 is 4.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerState(pub i32);

impl PowerState {
    /// Fully on.
    pub const D0: Self = Self(1);
    /// Off.
    pub const D3: Self = Self(4);
}
