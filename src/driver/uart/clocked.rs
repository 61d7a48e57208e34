//! The clock of a stream, and what it lost, for the properties of its pin.
//!
//! A property handler gets a stream as an `IUnknown`, and does not know whether it is one for render
//! or for capture: so it asks. The clock is the stream's and goes with it. Nothing else may keep it:
//! where the port has it is nowhere written, and if it is a part of the pin, the pin could not go.

use crate::com::{Guid, IUnknown, IUnknownClass};
use crate::interface;

/// Ours: nobody else asks for it.
const IID: Guid = Guid::parse("7f0b6a52-3c41-4d2e-9a57-4bb1c0de5d05");

interface! {
    /// A stream that has the master clock.
    pub IClocked(IClockedVtbl, IClockedClass): IUnknown(IUnknownClass) = Some(IID);
    /// The master clock's time, in 100 ns.
    passive fn master_time() -> i64;
    /// How many dumps the stream has cut since it was opened; one for capture cuts none.
    passive fn cut_dumps() -> u32;
}
