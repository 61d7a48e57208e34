//! The part of PortCls that a DMus miniport uses.
//!
//! PortCls and the DMus port are C++ headers, so `wdk-sys` has neither: the structures
//! ([`abi`]), the interfaces ([`interfaces`]), the GUIDs ([`guids`]) and the imports
//! ([`imports`]) are declared here from the public documentation (abi sections 2 to 6), with
//! every size and offset asserted at compile time for every target.

pub mod abi;
pub mod event;
pub mod format;
pub mod guids;
pub mod imports;
pub mod interfaces;
pub mod property;
pub mod single;
pub mod synth_abi;
