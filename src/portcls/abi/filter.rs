//! Descriptors of a filter, its pins, nodes and connections (abi section 5.1).

use super::{AutomationTable, KsDataRange, KsIdentifier, Table};
use crate::com::Guid;

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
