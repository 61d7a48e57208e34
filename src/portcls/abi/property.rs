//! Automation tables and property requests (abi section 5.1).

use core::ffi::c_void;

use super::Table;
use crate::com::Guid;
use crate::kernel::nt::Irp;
use crate::portcls::guids::KSPROPTYPESETID_GENERAL;

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

/// `KSPROPERTY_DESCRIPTION` with its `KSIDENTIFIER`, which names the type of the value.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertyDescription {
    /// [`verb`] bits.
    pub access_flags: u32,
    /// Size of the whole description, members included.
    pub description_size: u32,
    /// Set of the type: `KSPROPTYPESETID_General`.
    pub type_set: Guid,
    /// The type: a [`ValueType`].
    pub type_id: u32,
    /// 0.
    pub type_flags: u32,
    /// Lists of ranges or defaults behind the description.
    pub members_list_count: u32,
    /// 0.
    pub reserved: u32,
}
assert_layout!(PropertyDescription, 40, description_size @ 4, type_set @ 8, type_id @ 24,
    type_flags @ 28, members_list_count @ 32, reserved @ 36);

impl PropertyDescription {
    /// Describes an item without members.
    #[must_use]
    pub const fn new(verbs: u32, value: ValueType) -> Self {
        Self {
            access_flags: verbs,
            #[expect(clippy::cast_possible_truncation, reason = "40")]
            description_size: size_of::<Self>() as u32,
            type_set: KSPROPTYPESETID_GENERAL,
            type_id: value as u32,
            type_flags: 0,
            members_list_count: 0,
            reserved: 0,
        }
    }
}

/// The type of an item's value: members of `VARENUM`, by which `KSPROPTYPESETID_General` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ValueType {
    /// `VT_EMPTY`: there is no value.
    Empty = 0,
    /// `VT_I4`: a LONG.
    I4 = 3,
    /// `VT_BOOL`: KS' BOOL of four bytes.
    Bool = 11,
    /// `VT_UI4`: a ULONG or DWORD.
    Ui4 = 19,
    /// `VT_UI8`: a ULONGLONG.
    Ui8 = 21,
    /// `VT_UINT_PTR`: a HANDLE, as wide as the client's pointers.
    UintPtr = 38,
    /// `VT_BLOB`: a structure. `VARENUM` has no member for structures of a header; a blob is bytes
    /// whose meaning is agreed upon elsewhere, as these are.
    Blob = 65,
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
