//! PortCls, KS and DMus structures (abi sections 5.1 to 5.3).
//!
//! One file a family: [`FilterDescriptor`] and what it leads to, [`PropertyRequest`], data ranges
//! and formats, [`DmusKernelEvent`], resources.
//!
//! Pointers inside static descriptor tables are `*const` to statics; the port never writes them.

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

mod filter;
mod format;
mod property;
mod resource;
mod stream;

pub use filter::*;
pub use format::*;
pub use property::*;
pub use resource::*;
pub use stream::*;

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
