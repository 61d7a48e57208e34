//! Sixty-four held notes of a real bank: looped, one voice a note in every engine.

use dmusmini_song::{Event, SECOND};

/// Notes at once.
pub const VOICES: u16 = 64;
/// How long they are held.
pub const SECONDS: f64 = 8.0;
/// TimGM6mb's tremolo strings: no filter.
pub const PLAIN: u8 = 44;
/// TimGM6mb's violin: filter, both LFOs, both envelopes.
pub const FILTERED: u8 = 40;

/// The notes as a song, on all channels but the drums'.
pub fn notes(program: u8) -> Vec<Event> {
    let mut messages = Vec::new();
    let channel = |n: u16| {
        let n = (n % 15) as u8;
        n + u8::from(n >= 9)
    };
    let key = |n: u16| 52 + (n / 15 * 3) as u8;
    for n in 0..15 {
        messages.push((0, vec![0xC0 | channel(n), program]));
    }
    for n in 0..VOICES {
        messages.push((0, vec![0x90 | channel(n), key(n), 100]));
    }
    let end = (SECONDS * SECOND as f64) as i64;
    for n in 0..VOICES {
        messages.push((end, vec![0x80 | channel(n), key(n), 64]));
    }
    let event = |(at, message)| Event { at, message };
    messages.into_iter().map(event).collect()
}
