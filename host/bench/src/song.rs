//! Songs as messages at frames.

use std::path::Path;

use anyhow::Result;

use dmusmini::synth::{Config, Effects};

use crate::Mode;
use crate::driver::Driver;

/// What songs are played with: 64 voices, 44.1 kHz stereo.
pub fn config(mode: Mode, effects: bool) -> Config {
    Config {
        voices: 64,
        interpolation: mode.into(),
        effects: Effects {
            reverb: effects,
            chorus: effects,
        },
        ..Config::default()
    }
}

const RATE: f64 = 44_100.0;

/// A song's messages, in order.
pub struct Song {
    /// Frames and bytes.
    pub messages: Vec<(i64, Vec<u8>)>,
}

impl Song {
    /// Reads a Standard MIDI File.
    pub fn open(file: &Path) -> Result<Self> {
        let song = dmusmini_song::Song::open(file)?;
        let frame = |at: i64| (at as f64 * RATE / dmusmini_song::SECOND as f64) as i64;
        let messages = song
            .events
            .iter()
            .map(|event| (frame(event.at), event.message.clone()));
        Ok(Self {
            messages: messages.collect(),
        })
    }

    /// Until two seconds after the last message.
    pub fn frames(&self) -> i64 {
        self.messages.last().map_or(0, |(at, _)| *at) + 2 * RATE as i64
    }

    /// How long that is.
    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / RATE
    }

    /// Plays it all and says how many nanoseconds rendering took.
    pub fn play(&self, synth: &mut Driver) -> Result<f64> {
        let mut time = 0.0;
        let mut messages = self.messages.iter().peekable();
        while synth.position() < self.frames() {
            // Half a second ahead, as a sequencer does.
            let ahead = synth.position() + RATE as i64 / 2;
            while let Some((at, message)) = messages.next_if(|(at, _)| *at < ahead) {
                synth.schedule(*at, message);
            }
            time += synth.time_blocks(16)?;
        }
        Ok(time)
    }
}
