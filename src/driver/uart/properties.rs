//! The node's few properties (contract section 10): filled in with the property view.

use crate::portcls::abi::{AutomationTable, Table};

/// The node's properties.
pub static NODE_AUTOMATION: AutomationTable = AutomationTable {
    property_item_size: 0,
    property_count: 0,
    properties: Table::NULL,
    method_item_size: 0,
    method_count: 0,
    methods: Table::NULL,
    event_item_size: 0,
    event_count: 0,
    events: Table::NULL,
    reserved: 0,
};
