//! The bundled bank and song: everything that `cargo xtask demo` plays, made from arithmetic alone.
//!
//! No recording and no other bank goes in. [`bank`] builds a small General MIDI collection (all 128 programs and a drum
//! kit) from additive synthesis, [`song()`] writes an original piece as a Standard MIDI File. Both are deterministic to
//! the byte on every host, which `tests/digest.rs` holds them to.
//!
//! | module | what it does |
//! |---|---|
//! | `dsp` | sine lines, noise, filters, levels: the arithmetic |
//! | `wave` | a 16-bit wave with its pitch and loop |
//! | `tones` | the sounds: strings that are struck, air that is blown, skins and cymbals |
//! | `patch` | envelopes, filter and vibrato in musical units, and their DLS connections |
//! | `programs`, `kit` | the General MIDI tables: which sounds make up each of the 128 programs, and the drum kit |
//! | `collection` | all of it as one DLS collection |
//! | `score` | a small text notation for notes |
//! | `song` | the piece itself |
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "sample counts, keys and ticks are small and whole: exact in f64 and in the integers they become"
)]

mod collection;
mod dsp;
mod kit;
mod patch;
mod programs;
mod score;
mod song;
mod tones;
mod track;
mod wave;

pub use collection::bank;
pub use song::song;

/// The General MIDI name of a program; numbers above 127 have none.
#[must_use]
pub fn program_name(program: u8) -> &'static str {
    programs::PROGRAMS
        .get(usize::from(program))
        .map_or("", |program| program.name)
}
