//! The DLS level 2 equations in `f64`: the truth that the fixed-point synth is measured against.
//!
//! Written from the specification (`dls.md` of the project's documents) and not from the driver:
//! nothing here is shared with it but the collection format and, as an input, the interpolation
//! coefficients. There is no control rate: everything is evaluated for every frame.

pub mod articulation;
pub mod channel;
pub mod curve;
pub mod envelope;
pub mod filter;
pub mod lfo;
pub mod measure;
pub mod oscillator;
pub mod pan;
mod synth;
pub mod test_bank;
mod voice;

pub use synth::{Settings, Synth};
