//! COM in the kernel, built once.
//!
//! # The object model in one page
//!
//! An *interface* ([`Interface`]) is a marker type with a vtable layout and an IID. One call of the
//! [`interface!`](crate::interface) macro declares it for good: the vtable struct (the parent's first), a trait with
//! the methods that a class implements, the thunks that lead from the C ABI to that trait, and the
//! caller's methods on [`ComRef<I>`]. Interfaces that PortCls implements and ones that we
//! implement come from the same line, so the two sides cannot disagree about a layout.
//!
//! A *class* ([`Class`]) is a Rust type with a list of interfaces, one *slot* (vtable pointer)
//! each. [`Object<T>`] lays out the slots, the reference count and the value. Slot *k* is *k* words
//! from the start of the object, so a thunk steps back *k* words (a const generic), borrows the
//! object as [`ObjectRef<T>`] and calls the trait. `IUnknown`'s three thunks exist once.
//!
//! Every interface pointer is derived from the pointer that the allocator returned, never from a
//! reference to a slot: a reference carries the right to its own eight bytes only, and the thunk
//! needs the whole object (Stacked and Tree Borrows agree, and Miri checks it).
//!
//! Ownership follows the convention of contract section 3: an in-parameter is a [`Borrowed`] and
//! keeping it is an explicit [`Borrowed::to_owned`]; an out-parameter is an [`Out`], which is
//! nulled when the thunk is entered and written at most once; a [`ComRef`] releases when dropped.
//!
//! The calling convention is spelled `win64` on x86-64, on Windows (where it is the convention
//! anyhow) and on Linux alike. Hence one simulated port driver drives the native build and the
//! cross-built `.sys`.

pub mod guid;
pub mod interface;
pub mod object;
pub mod status;
#[cfg(test)]
mod tests;
pub mod unknown;

pub use guid::Guid;
pub use interface::{Borrowed, ComRef, Interface, Out};
pub use object::{Class, Object, ObjectRef};
pub use status::Status;
pub use unknown::{IUnknown, IUnknownClass, IUnknownVtbl};

/// Calls `$macro!` with the literal of the kernel's calling convention as its first token.
///
/// `win64` and `system` are the same on x86-64 Windows; on other hosts only the former exists.
#[cfg(target_arch = "x86_64")]
#[macro_export]
macro_rules! with_kernel_abi {
    ($macro:path, $($rest:tt)*) => { $macro! { "win64" $($rest)* } };
}

/// Calls `$macro!` with the literal of the kernel's calling convention as its first token.
#[cfg(not(target_arch = "x86_64"))]
#[macro_export]
macro_rules! with_kernel_abi {
    ($macro:path, $($rest:tt)*) => { $macro! { "system" $($rest)* } };
}
