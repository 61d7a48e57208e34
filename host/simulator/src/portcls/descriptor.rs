//! A filter's description, read out of the driver's tables and checked (abi section 5.1).

use dmusmini::com::Guid;
use dmusmini::portcls::abi::{
    AutomationTable, Communication, ConnectionDescriptor, DataFlow, FILTER_NODE, FilterDescriptor,
    KsDataRange, NodeDescriptor, PinDescriptor, PropertyItem, Table,
};

use super::host;

/// What a filter says of itself.
#[derive(Clone, Debug)]
pub struct Description {
    /// The pin factories.
    pub pins: Vec<PinInfo>,
    /// The nodes.
    pub nodes: Vec<NodeInfo>,
    /// The connections.
    pub connections: Vec<ConnectionDescriptor>,
    /// The categories.
    pub categories: Vec<Guid>,
    /// Properties of the filter itself.
    pub properties: Vec<Item>,
}

/// One pin factory.
#[derive(Clone, Debug)]
pub struct PinInfo {
    /// Instances over all filters; `u32::MAX` is unlimited.
    pub max_global_instances: u32,
    /// Instances of one filter.
    pub max_filter_instances: u32,
    /// Instances that a working filter needs.
    pub min_filter_instances: u32,
    /// Properties of the pin.
    pub properties: Vec<Item>,
    /// Direction.
    pub data_flow: DataFlow,
    /// How it is connected.
    pub communication: Communication,
    /// Its category.
    pub category: Option<Guid>,
    /// Its name.
    pub name: Option<Guid>,
    /// The data ranges: each the bytes of a KSDATARANGE and what follows it.
    pub ranges: Vec<DataRange>,
}

/// One data range.
#[derive(Clone, Debug)]
pub struct DataRange {
    /// The common part.
    pub head: KsDataRange,
    /// All bytes.
    pub bytes: Vec<u8>,
    /// The driver's own table.
    pub(crate) table: *const KsDataRange,
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    /// Its type.
    pub kind: Guid,
    /// Its name, or its type where it has none.
    pub name: Guid,
    /// Properties of the node.
    pub properties: Vec<Item>,
}

/// One property item of an automation table.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Property set.
    pub set: Guid,
    /// Property number.
    pub id: u32,
    /// Verbs.
    pub flags: u32,
    pub(crate) table: *const PropertyItem,
}

impl Description {
    /// Reads the driver's tables.
    ///
    /// # Safety
    ///
    /// `table` is null or a filter descriptor whose pointers all hold for the miniport's life.
    pub(crate) unsafe fn read(table: *const FilterDescriptor) -> Option<Self> {
        // SAFETY: promised by the caller.
        let filter = unsafe { table.as_ref() }?;
        let pin_size = stride::<PinDescriptor>(filter.pin_size, "PinSize");
        let node_size = stride::<NodeDescriptor>(filter.node_size, "NodeSize");
        let description = Self {
            pins: strided(filter.pins.0, filter.pin_count, pin_size)
                .map(read_pin)
                .collect(),
            nodes: strided(filter.nodes.0, filter.node_count, node_size)
                .map(read_node)
                .collect(),
            connections: strided(
                filter.connections.0,
                filter.connection_count,
                size_of::<ConnectionDescriptor>(),
            )
            .copied()
            .collect(),
            categories: strided(
                filter.categories.0,
                filter.category_count,
                size_of::<Guid>(),
            )
            .copied()
            .collect(),
            properties: read_items(filter.automation_table.0),
        };
        if filter.version != 0 {
            complain("PCFILTER_DESCRIPTOR.Version is not 0");
        }
        description.check();
        Some(description)
    }

    fn check(&self) {
        for (index, node) in self.nodes.iter().enumerate() {
            let twins = self
                .nodes
                .iter()
                .skip(index + 1)
                .filter(|other| other.kind == node.kind);
            if twins.into_iter().any(|other| other.name == node.name) {
                complain(format!(
                    "node {index}: two nodes of one type need two names"
                ));
            }
        }
        for (index, connection) in self.connections.iter().enumerate() {
            let known = |node: u32, pin: u32| {
                if node == FILTER_NODE {
                    index_of(pin) < self.pins.len()
                } else {
                    index_of(node) < self.nodes.len()
                }
            };
            if !known(connection.from_node, connection.from_pin)
                || !known(connection.to_node, connection.to_pin)
            {
                complain(format!("connection {index} leads nowhere"));
            }
        }
        for (index, pin) in self.pins.iter().enumerate() {
            if pin.ranges.is_empty() {
                complain(format!("pin {index} has no data range"));
            }
            let bridge = matches!(
                pin.communication,
                Communication::None | Communication::Bridge
            );
            if bridge && pin.max_filter_instances != 0 {
                complain(format!("pin {index} is a bridge that can be opened"));
            }
            for range in &pin.ranges {
                if range.head.format_size < 64 {
                    complain(format!(
                        "pin {index} has a data range of {}",
                        range.head.format_size
                    ));
                }
            }
        }
    }
}

fn index_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn complain(what: impl Into<String>) {
    host::breach("IMiniport::GetDescription", what);
}

/// The distance between a table's entries, which must hold a `T` and keep it aligned.
fn stride<T>(size: u32, field: &str) -> usize {
    let size = index_of(size);
    if size != 0 && (size < size_of::<T>() || !size.is_multiple_of(8)) {
        complain(format!("{field} is {size}"));
        return size_of::<T>();
    }
    size
}

/// The entries of a table.
fn strided<T: 'static>(
    table: *const T,
    count: u32,
    stride: usize,
) -> impl Iterator<Item = &'static T> {
    let count = if table.is_null() { 0 } else { count };
    (0..index_of(count)).map(move |index| {
        let entry = table.cast::<u8>().wrapping_add(index * stride).cast::<T>();
        // SAFETY: the table has `count` entries at this distance, and they live as long as the
        // driver (promised to `Description::read`).
        unsafe { &*entry }
    })
}

fn read_items(table: *const AutomationTable) -> Vec<Item> {
    // SAFETY: null or a live table (promised to `Description::read`).
    let Some(table) = (unsafe { table.as_ref() }) else {
        return Vec::new();
    };
    if table.reserved != 0 || (table.properties.0.is_null() && table.property_count != 0) {
        complain("a PCAUTOMATION_TABLE with reserved bits, or items without a table");
    }
    let stride = stride::<PropertyItem>(table.property_item_size, "PropertyItemSize");
    strided(table.properties.0, table.property_count, stride)
        .filter_map(|item| {
            // SAFETY: null or a live GUID.
            let set = unsafe { item.set.0.as_ref() };
            if set.is_none() || item.handler.is_none() {
                complain(format!(
                    "property item {} has no set or no handler",
                    item.id
                ));
            }
            Some(Item {
                set: *set?,
                id: item.id,
                flags: item.flags,
                table: item,
            })
        })
        .collect()
}

fn guid(pointer: &Table<Guid>) -> Option<Guid> {
    // SAFETY: null or a live GUID (promised to `Description::read`).
    unsafe { pointer.0.as_ref() }.copied()
}

fn read_pin(pin: &PinDescriptor) -> PinInfo {
    let pointers = strided(
        pin.ks.data_ranges.0,
        pin.ks.data_ranges_count,
        size_of::<usize>(),
    );
    PinInfo {
        max_global_instances: pin.max_global_instances,
        max_filter_instances: pin.max_filter_instances,
        min_filter_instances: pin.min_filter_instances,
        properties: read_items(pin.automation_table.0),
        data_flow: pin.ks.data_flow,
        communication: pin.ks.communication,
        category: guid(&pin.ks.category),
        name: guid(&pin.ks.name),
        ranges: pointers.filter_map(|range| read_range(range.0)).collect(),
    }
}

fn read_range(range: *const KsDataRange) -> Option<DataRange> {
    // SAFETY: null or a live data range (promised to `Description::read`).
    let head = unsafe { range.as_ref() }?;
    let length = index_of(head.format_size).clamp(64, 1024);
    // SAFETY: a data range has as many bytes as it says.
    let bytes = unsafe { std::slice::from_raw_parts(range.cast::<u8>(), length) };
    Some(DataRange {
        head: *head,
        bytes: bytes.to_vec(),
        table: range,
    })
}

fn read_node(node: &NodeDescriptor) -> NodeInfo {
    if node.flags != 0 {
        complain("a PCNODE_DESCRIPTOR with flags");
    }
    let kind = guid(&node.kind);
    if kind.is_none() {
        complain("a node without a type");
    }
    let kind = kind.unwrap_or_default();
    NodeInfo {
        kind,
        name: guid(&node.name).unwrap_or(kind),
        properties: read_items(node.automation_table.0),
    }
}
