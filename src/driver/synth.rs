//! Placeholder until the synthesizer half lands.
pub mod miniport;
