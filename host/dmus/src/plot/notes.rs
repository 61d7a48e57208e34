//! The song as notes with a start and an end.

use dmusmini_song::{SECOND, Song};
use std::collections::BTreeMap;

/// One note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Note {
    pub(super) channel: u8,
    pub(super) key: u8,
    pub(super) velocity: u8,
    /// Seconds.
    pub(super) start: f64,
    pub(super) end: f64,
}

/// All that the picture shows of a song.
pub(super) struct Notes {
    pub(super) all: Vec<Note>,
    /// For each channel with notes: what to call it.
    pub(super) names: BTreeMap<u8, String>,
    /// Seconds, quarters a minute.
    pub(super) tempos: Vec<(f64, f64)>,
}

/// Channel 10, counted from 0.
pub(super) const DRUMS: u8 = 9;

impl Notes {
    pub(super) fn of(song: &Song) -> Self {
        let mut sounding: BTreeMap<(u8, u8), Vec<(f64, u8)>> = BTreeMap::new();
        let mut notes = Vec::new();
        let mut programs = [0; 16];
        let mut names = BTreeMap::new();
        for event in &song.events {
            let at = seconds(event.at);
            match event.message[..] {
                [status, key, velocity] if status & 0xF0 == 0x90 && velocity > 0 => {
                    let channel = status & 15;
                    names
                        .entry(channel)
                        .or_insert_with(|| name(channel, programs[usize::from(channel)]));
                    sounding
                        .entry((channel, key))
                        .or_default()
                        .push((at, velocity));
                }
                [status, key, _] if matches!(status & 0xF0, 0x80 | 0x90) => {
                    let channel = status & 15;
                    let open = sounding
                        .get_mut(&(channel, key))
                        .filter(|open| !open.is_empty());
                    if let Some((start, velocity)) = open.map(|open| open.remove(0)) {
                        notes.push(Note {
                            channel,
                            key,
                            velocity,
                            start,
                            end: at,
                        });
                    }
                }
                [status, program] if status & 0xF0 == 0xC0 => {
                    programs[usize::from(status & 15)] = program;
                }
                _ => {}
            }
        }
        let end = seconds(song.length);
        for ((channel, key), open) in sounding {
            notes.extend(open.into_iter().map(|(start, velocity)| Note {
                channel,
                key,
                velocity,
                start,
                end,
            }));
        }
        notes.sort_by(|a, b| a.start.total_cmp(&b.start));
        Self {
            all: notes,
            names,
            tempos: song
                .tempos
                .iter()
                .map(|&(at, us)| (seconds(at), 60e6 / f64::from(us.max(1))))
                .collect(),
        }
    }
}

fn name(channel: u8, program: u8) -> String {
    let sound = if channel == DRUMS {
        "Drums"
    } else {
        dmusmini_demo::program_name(program)
    };
    format!("{} {sound}", channel + 1)
}

#[expect(clippy::cast_precision_loss, reason = "a picture needs no more")]
fn seconds(at: i64) -> f64 {
    at as f64 / SECOND as f64
}
