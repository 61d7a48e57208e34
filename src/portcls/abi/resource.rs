//! Resources, interrupts and power (abi sections 1 and 2).

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
