//! The quality bars: the driver's fixed-point synth, measured. Each test prints its number.
//!
//! Every measurement is first made on the `f64` reference, which must pass by a wide margin: a
//! measurement that cannot tell good from bad proves nothing.

mod player;
mod rig;

mod behaviour;
mod clicks;
mod controllers;
mod envelope;
mod filter;
mod level;
mod lfo;
mod midi;
mod notes;
mod pitch;
mod rates;
mod rows;
mod song;
mod steps;
mod transforms;
mod voices;
