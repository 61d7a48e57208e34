//! A file as a song.

use crate::container::{self, Container};
use crate::error::{Cause, SongError};
use crate::merge;
use crate::riff;
use crate::track::{Kind, Track};
use crate::warning::{Repairs, Warning};
use std::fs;
use std::path::{Path, PathBuf};

/// One MIDI message and when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// 100-ns units from the start of the song.
    pub at: i64,
    /// A whole message: a status byte and its data, or a system exclusive from `F0` to `F7`.
    pub message: Vec<u8>,
}

/// A DLS collection inside a song file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedBank {
    /// Where in the file it begins.
    pub offset: u64,
    /// The collection, as a file of its own would have it.
    pub bytes: Vec<u8>,
}

/// A song, ready to be played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Song {
    /// Where it was read from.
    pub path: PathBuf,
    /// The first track's name, if it has one.
    pub title: Option<String>,
    /// Format 0 or 1.
    pub format: u8,
    /// Number of tracks.
    pub tracks: usize,
    /// In the order of playing; equal times keep the order of tracks and of the file. A system exclusive message of
    /// several packets is whole here, at the time of its last packet.
    pub events: Vec<Event>,
    /// The channel group of each of `events`, counted from 1; 0 is every group. Where it is empty, all are for group 1.
    pub groups: Vec<u16>,
    /// The ports (`FF 21`) that the groups stand for, in their order; none, if the song has one port only.
    pub ports: Vec<u8>,
    /// The same as `events` as it goes down a cable: packets of system exclusive messages keep their own times.
    pub packets: Vec<Event>,
    /// Tempo changes: time, microseconds a quarter note.
    pub tempos: Vec<(i64, u32)>,
    /// When the last track ends, in 100-ns units; not before the last event.
    pub length: i64,
    /// The file's own instruments.
    pub bank: Option<EmbeddedBank>,
    /// What was wrong with the file and has been repaired.
    pub warnings: Vec<Warning>,
}

impl Song {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// [`SongError`]: the file cannot be read or is malformed.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SongError> {
        let path = path.as_ref();
        let fail = |error: std::io::Error| SongError {
            path: path.to_owned(),
            offset: 0,
            cause: error.into(),
        };
        Self::from_bytes(path, &fs::read(path).map_err(fail)?)
    }

    /// Reads a song from memory; `path` only names it.
    ///
    /// # Errors
    ///
    /// [`SongError`]: the bytes are malformed.
    pub fn from_bytes(path: impl AsRef<Path>, bytes: &[u8]) -> Result<Self, SongError> {
        let path = path.as_ref().to_owned();
        match parse(bytes) {
            Ok(song) => Ok(Self { path, ..song }),
            Err(Fault(offset, cause)) => Err(SongError {
                path,
                offset: offset as u64,
                cause,
            }),
        }
    }

    /// The messages as they would stand on a wire, one after another.
    pub fn wire_bytes(&self) -> Vec<u8> {
        self.packets
            .iter()
            .flat_map(|packet| packet.message.iter().copied())
            .collect()
    }

    /// The messages with their channel groups.
    pub fn grouped(&self) -> impl Iterator<Item = (u16, &Event)> {
        let groups = self.groups.iter().copied();
        groups.chain(std::iter::repeat(1)).zip(&self.events)
    }

    /// How many channel groups the song needs: one for each port.
    pub fn channel_groups(&self) -> u16 {
        u16::try_from(self.ports.len()).unwrap_or(1).max(1)
    }
}

/// A byte offset and what is wrong there.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) usize, pub(crate) Cause);

fn parse(bytes: &[u8]) -> Result<Song, Fault> {
    let mut repairs = Repairs::default();
    let (body, start, bank) = if riff::is_riff_midi(bytes) {
        let wrapped = riff::unwrap(bytes, &mut repairs)?;
        (wrapped.bytes, wrapped.start, wrapped.bank)
    } else {
        (bytes, 0, None)
    };
    let container = container::read(body, start, &mut repairs)?;
    let Container {
        format,
        clock,
        tracks,
    } = container;
    let song = Song {
        title: title(&tracks),
        format,
        tracks: tracks.len(),
        bank,
        ..Song::default()
    };
    let song = merge::merge(clock, song, &tracks, &mut repairs);
    Ok(Song {
        warnings: repairs.finish(),
        ..song
    })
}

fn title(tracks: &[Track<'_>]) -> Option<String> {
    let first = tracks.first()?;
    first.events.iter().find_map(|event| match event.kind {
        Kind::Meta(0x03, name) if !name.is_empty() => Some(
            String::from_utf8_lossy(name)
                .trim_matches(['\0', ' '])
                .to_owned(),
        ),
        _ => None,
    })
}
