//! Kernel streaming (KS) as a client sees it: the structures that travel through `DeviceIoControl`, control codes, property
//! numbers, and the two formats of MIDI stream buffers.
//!
//! Nothing here needs Windows. Layouts are those of 64-bit programs (abi sections 5.2 to 5.5). Every structure is plain
//! bytes both ways by [`zerocopy`]: `value.as_bytes()`, `Type::read_from_prefix(bytes)`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod buffer;
pub mod format;
pub mod guid;
pub mod guids;
pub mod ioctl;
pub mod pin;
pub mod property;
pub mod stream;
pub mod synth;

pub use guid::Guid;
pub use zerocopy;

/// Asserts a structure's size and the offsets of its fields.
macro_rules! assert_layout {
    ($type:ty, $size:literal $(, $field:ident @ $offset:literal)* $(,)?) => {
        const _: () = {
            assert!(size_of::<$type>() == $size);
            $(assert!(core::mem::offset_of!($type, $field) == $offset);)*
        };
    };
}
pub(crate) use assert_layout;
