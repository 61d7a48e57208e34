//! Property requests.

use alloc::vec::Vec;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Guid, assert_layout};

/// `KSPROPERTY`, also `KSIDENTIFIER`, `KSPIN_INTERFACE` and `KSPIN_MEDIUM`.
#[repr(C, align(8))]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Property {
    /// The set.
    pub set: Guid,
    /// The item of the set.
    pub id: u32,
    /// [`verb`].
    pub flags: u32,
}
assert_layout!(Property, 24, id @ 16, flags @ 20);

/// `KSPROPERTY_DESCRIPTION`: what BASICSUPPORT answers where there is room for it.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Description {
    /// [`verb`].
    pub access: u32,
    /// Bytes of the description with its members.
    pub size: u32,
    /// The type of the value: the set that names types, and a type of it.
    pub value: Property,
    /// Lists of members behind it.
    pub members: u32,
    /// Zero.
    pub reserved: u32,
}
assert_layout!(Description, 40, size @ 4, value @ 8, members @ 32, reserved @ 36);

/// `KSP_PIN`: a property of a pin factory.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PinProperty {
    /// What is asked.
    pub property: Property,
    /// Of which pin.
    pub pin: u32,
    /// Zero.
    pub reserved: u32,
}
assert_layout!(PinProperty, 32, pin @ 24);

/// `KSP_NODE`: a property of a node.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct NodeProperty {
    /// What is asked; its flags have [`verb::TOPOLOGY`].
    pub property: Property,
    /// Of which node.
    pub node: u32,
    /// Zero.
    pub reserved: u32,
}
assert_layout!(NodeProperty, 32, node @ 24);

/// `KSMULTIPLE_ITEM`: the head of a list.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct MultipleItem {
    /// Bytes of the list, this head included.
    pub size: u32,
    /// Items.
    pub count: u32,
}
assert_layout!(MultipleItem, 8, count @ 4);

/// `KSTOPOLOGY_CONNECTION`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Connection {
    /// The node it comes from, or [`FILTER_NODE`].
    pub from_node: u32,
    /// The node's pin, or the filter's.
    pub from_pin: u32,
    /// The node it goes to, or [`FILTER_NODE`].
    pub to_node: u32,
    /// The node's pin, or the filter's.
    pub to_pin: u32,
}
assert_layout!(Connection, 16, from_pin @ 4, to_node @ 8, to_pin @ 12);

/// `KSFILTER_NODE`: the filter itself as an end of a [`Connection`].
pub const FILTER_NODE: u32 = u32::MAX;

/// `KSPIN_CINSTANCES`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Instances {
    /// How many there may be.
    pub possible: u32,
    /// How many there are.
    pub current: u32,
}
assert_layout!(Instances, 8, current @ 4);

impl Property {
    /// `KSPROPERTY_TYPE_GET` of an item.
    #[must_use]
    pub const fn get(set: Guid, id: u32) -> Self {
        Self {
            set,
            id,
            flags: verb::GET,
        }
    }

    /// `KSPROPERTY_TYPE_SET` of an item.
    #[must_use]
    pub const fn set(set: Guid, id: u32) -> Self {
        Self {
            set,
            id,
            flags: verb::SET,
        }
    }

    /// The same of a pin factory.
    #[must_use]
    pub const fn of_pin(self, pin: u32) -> PinProperty {
        PinProperty {
            property: self,
            pin,
            reserved: 0,
        }
    }

    /// The same of a node.
    #[must_use]
    pub const fn of_node(self, node: u32) -> NodeProperty {
        NodeProperty {
            property: Self {
                flags: self.flags | verb::TOPOLOGY,
                ..self
            },
            node,
            reserved: 0,
        }
    }
}

/// What is to be done with a property.
pub mod verb {
    /// Read.
    pub const GET: u32 = 1;
    /// Write.
    pub const SET: u32 = 2;
    /// Which verbs are there.
    pub const BASIC_SUPPORT: u32 = 0x200;
    /// The request is for a node.
    pub const TOPOLOGY: u32 = 0x1000_0000;
}

/// Items of `KSPROPSETID_Pin`.
pub mod pin_item {
    /// Instances: possible and current.
    pub const INSTANCES: u32 = 0;
    /// The number of pin factories; a filter property.
    pub const TYPES: u32 = 1;
    /// Direction.
    pub const DATA_FLOW: u32 = 2;
    /// Formats.
    pub const DATA_RANGES: u32 = 3;
    /// The format common to a range and the pin's.
    pub const DATA_INTERSECTION: u32 = 4;
    /// Interfaces.
    pub const INTERFACES: u32 = 5;
    /// Media.
    pub const MEDIUMS: u32 = 6;
    /// Who reads and writes.
    pub const COMMUNICATION: u32 = 7;
    /// Instances of all filters of the device.
    pub const GLOBAL_INSTANCES: u32 = 8;
    /// Instances that the filter cannot do without.
    pub const NECESSARY_INSTANCES: u32 = 9;
    /// Category.
    pub const CATEGORY: u32 = 11;
    /// Name, UTF-16.
    pub const NAME: u32 = 12;
}

/// Items of `KSPROPSETID_Topology`.
pub mod topology_item {
    /// The filter's categories.
    pub const CATEGORIES: u32 = 0;
    /// Node types.
    pub const NODES: u32 = 1;
    /// Connections.
    pub const CONNECTIONS: u32 = 2;
    /// A node's name, UTF-16.
    pub const NAME: u32 = 3;
}

/// Items of `KSPROPSETID_Connection`.
pub mod connection_item {
    /// `KSSTATE`.
    pub const STATE: u32 = 0;
    /// The data format.
    pub const DATA_FORMAT: u32 = 2;
}

/// A list that is not what its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadList {
    /// The bytes that are there.
    pub length: usize,
    /// What the head says, if there is one.
    pub head: Option<MultipleItem>,
}

impl core::fmt::Display for BadList {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.head {
            None => write!(f, "a list of {} bytes has no head", self.length),
            Some(MultipleItem { size, count }) => write!(
                f,
                "a list says {count} items in {size} bytes, and {} bytes came",
                self.length
            ),
        }
    }
}

impl core::error::Error for BadList {}

/// The items of a `KSMULTIPLE_ITEM` list of equal-sized items.
///
/// # Errors
///
/// A head that does not agree with the bytes.
pub fn items<T: FromBytes>(bytes: &[u8]) -> Result<Vec<T>, BadList> {
    let (head, body) = list_body(bytes)?;
    let bad = BadList {
        length: bytes.len(),
        head: Some(head),
    };
    let count = usize::try_from(head.count).map_err(|_| bad)?;
    if count.checked_mul(size_of::<T>()) != Some(body.len()) {
        return Err(bad);
    }
    body.chunks_exact(size_of::<T>())
        .map(|item| T::read_from_bytes(item).map_err(|_| bad))
        .collect()
}

/// A `KSMULTIPLE_ITEM` list of equal-sized items, as a filter answers.
#[must_use]
pub fn list<T: IntoBytes + Immutable>(items: &[T]) -> Vec<u8> {
    let head = MultipleItem {
        size: u32::try_from(size_of::<MultipleItem>() + size_of_val(items)).unwrap_or(u32::MAX),
        count: u32::try_from(items.len()).unwrap_or(u32::MAX),
    };
    let mut bytes = Vec::from(head.as_bytes());
    bytes.extend_from_slice(items.as_bytes());
    bytes
}

/// A list's head, and the bytes after it that belong to the list.
pub(crate) fn list_body(bytes: &[u8]) -> Result<(MultipleItem, &[u8]), BadList> {
    let head = MultipleItem::read_from_prefix(bytes)
        .map_err(|_| BadList {
            length: bytes.len(),
            head: None,
        })?
        .0;
    usize::try_from(head.size)
        .ok()
        .and_then(|size| bytes.get(size_of::<MultipleItem>()..size))
        .map(|body| (head, body))
        .ok_or(BadList {
            length: bytes.len(),
            head: Some(head),
        })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn lists_come_back(ids: Vec<u32>) {
            let connections: Vec<Connection> = ids
                .iter()
                .map(|id| Connection { from_node: *id, ..Connection::default() })
                .collect();
            prop_assert_eq!(items::<Connection>(&list(&connections)), Ok(connections));
        }

        #[test]
        fn any_bytes_are_a_list_or_an_error(bytes: Vec<u8>) {
            let _ = items::<Property>(&bytes);
        }
    }

    #[test]
    fn a_list_that_lies() {
        let mut bytes = list(&[Guid::NULL]);
        bytes[4] = 2;
        let error = items::<Guid>(&bytes).unwrap_err();
        assert_eq!(
            std::format!("{error}"),
            "a list says 2 items in 24 bytes, and 24 bytes came"
        );
        assert_eq!(items::<Guid>(&bytes[..3]).unwrap_err().head, None);
        bytes[4] = 1;
        assert!(items::<Guid>(&bytes[..23]).is_err());
    }

    #[test]
    fn requests_have_the_bytes_of_the_header() {
        let request = Property::get(Guid::from_u128(1), 3).of_node(7);
        let bytes = request.as_bytes();
        assert_eq!(bytes.len(), 32);
        assert_eq!(bytes[16..], *b"\x03\0\0\0\x01\0\0\x10\x07\0\0\0\0\0\0\0");
        let request = Property::set(Guid::NULL, 1).of_pin(2);
        assert_eq!(
            request.as_bytes()[16..],
            *b"\x01\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0"
        );
    }
}
