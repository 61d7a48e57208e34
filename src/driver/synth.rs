//! The synthesizer subdevice.

pub mod miniport;
