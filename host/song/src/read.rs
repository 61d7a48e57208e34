//! A file as a song.

use crate::clock::Clock;
use crate::error::{Cause, SongError};
use crate::packet::Packets;
use midly::{EventIter, Format, Header, MetaMessage, Timing, TrackEventKind};
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
    /// In the order of playing; equal times keep the order of tracks and of the file.
    pub events: Vec<Event>,
    /// Tempo changes: time, microseconds a quarter note.
    pub tempos: Vec<(i64, u32)>,
    /// When the last track ends, in 100-ns units; not before the last event.
    pub length: i64,
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
        self.events
            .iter()
            .flat_map(|event| event.message.iter().copied())
            .collect()
    }
}

/// A byte offset and what is wrong there.
struct Fault(usize, Cause);

/// An event with its place in time, before the tempo is known.
struct Placed<'a> {
    tick: u64,
    kind: TrackEventKind<'a>,
}

fn parse(bytes: &[u8]) -> Result<Song, Fault> {
    let (header, promised, mut offset) = read_header(bytes)?;
    let clock = Clock::new(header.timing)
        .ok_or(Fault(12, Cause::Header("of zero ticks a quarter note")))?;
    let mut tracks = Vec::new();
    while offset < bytes.len() {
        let (id, size) = chunk(bytes, offset)?;
        if id == b"MTrk" {
            tracks.push(read_track(bytes, offset + 8, size, tracks.len() + 1)?);
        }
        offset += 8 + size;
    }
    if tracks.len() < promised {
        return Err(Fault(
            10,
            Cause::TracksMissing {
                promised,
                found: tracks.len(),
            },
        ));
    }
    let title = title(&tracks);
    let format = u8::from(header.format == Format::Parallel);
    Ok(merge(
        clock,
        Song {
            title,
            format,
            tracks: tracks.len(),
            ..Song::default()
        },
        tracks,
    ))
}

/// The header, how many tracks it promises, and where the first chunk after it starts.
fn read_header(bytes: &[u8]) -> Result<(Header, usize, usize), Fault> {
    match bytes.get(..4) {
        Some(b"MThd") => {}
        Some(b"RIFF") if bytes.get(8..12) == Some(b"RMID") => return Err(Fault(0, Cause::Riff)),
        _ => return Err(Fault(0, Cause::NotMidi)),
    }
    let (_, size) = chunk(bytes, 0)?;
    let body = bytes
        .get(8..14)
        .filter(|_| size >= 6)
        .ok_or(Fault(4, Cause::Header("shorter than six bytes")))?;
    let word = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let format = match word(0) {
        0 => Format::SingleTrack,
        1 => Format::Parallel,
        2 => return Err(Fault(8, Cause::Format2)),
        _ => return Err(Fault(8, Cause::Header("of an unknown format"))),
    };
    let timing = match word(4).to_be_bytes() {
        [high, low] if high < 0x80 => Timing::Metrical(u16::from_be_bytes([high, low]).into()),
        [high, subframe] => {
            let fps = midly::Fps::from_int(high.wrapping_neg())
                .ok_or(Fault(12, Cause::Header("of an unknown frame rate")))?;
            Timing::Timecode(fps, subframe)
        }
    };
    Ok((Header::new(format, timing), usize::from(word(2)), 8 + size))
}

/// The name and size of the chunk at `offset`, which lies wholly within the file.
fn chunk(bytes: &[u8], offset: usize) -> Result<(&[u8], usize), Fault> {
    let rest = &bytes[offset..];
    let Some((head, body)) = rest.split_at_checked(8) else {
        return Err(Fault(
            offset,
            Cause::ChunkTooLong {
                id: "?".to_owned(),
                size: 8,
                left: rest.len(),
            },
        ));
    };
    let (id, size) = head.split_at(4);
    let size = size
        .iter()
        .fold(0, |value, byte| value << 8 | usize::from(*byte));
    if size > body.len() {
        let id = String::from_utf8_lossy(id).into_owned();
        return Err(Fault(
            offset,
            Cause::ChunkTooLong {
                id,
                size,
                left: body.len(),
            },
        ));
    }
    Ok((id, size))
}

fn read_track(
    bytes: &[u8],
    offset: usize,
    size: usize,
    track: usize,
) -> Result<Vec<Placed<'_>>, Fault> {
    let body = &bytes[offset..offset + size];
    let mut events = EventIter::new(body);
    let mut placed = Vec::new();
    let mut tick = 0;
    loop {
        let (rest, running) = (events.unread(), events.running_status());
        match events.next() {
            None => return Ok(placed),
            Some(Ok(event)) => {
                tick += u64::from(event.delta.as_int());
                placed.push(Placed {
                    tick,
                    kind: event.kind,
                });
                if event.kind == TrackEventKind::Meta(MetaMessage::EndOfTrack) {
                    return Ok(placed);
                }
            }
            Some(Err(_)) => {
                let at = offset + size - rest.len();
                return Err(Fault(
                    at,
                    Cause::Event {
                        track,
                        fault: diagnose(rest, running),
                    },
                ));
            }
        }
    }
}

/// What makes the event at the start of `rest` unreadable; the library says only that it is.
fn diagnose(rest: &[u8], running: Option<u8>) -> &'static str {
    let delta = rest
        .iter()
        .take(4)
        .take_while(|byte| **byte >= 0x80)
        .count();
    match (delta, rest.get(delta + 1), running) {
        (4, ..) => "the time before an event is longer than four bytes",
        (_, None, _) => "the track ends within an event",
        (_, Some(0xF1..=0xF6 | 0xF8..=0xFE), _) => "a system message that cannot stand in a file",
        (_, Some(..0x80), None) => "a data byte where a status byte is due",
        _ => "an event is cut short or has a data byte above 127",
    }
}

fn title(tracks: &[Vec<Placed<'_>>]) -> Option<String> {
    tracks.first()?.iter().find_map(|event| match event.kind {
        TrackEventKind::Meta(MetaMessage::TrackName(name)) if !name.is_empty() => Some(
            String::from_utf8_lossy(name)
                .trim_matches(['\0', ' '])
                .to_owned(),
        ),
        _ => None,
    })
}

/// Plays the tracks against each other and keeps what is for an instrument.
fn merge(mut clock: Clock, mut song: Song, tracks: Vec<Vec<Placed<'_>>>) -> Song {
    let mut packets: Vec<Packets> = tracks.iter().map(|_| Packets::default()).collect();
    let mut events: Vec<(usize, Placed<'_>)> = tracks
        .into_iter()
        .enumerate()
        .flat_map(|(track, events)| events.into_iter().map(move |event| (track, event)))
        .collect();
    // Stable: tracks in order, and the file's order within a track.
    events.sort_by_key(|(_, event)| event.tick);
    for (track, event) in events {
        clock.run_to(event.tick);
        let at = clock.time();
        song.length = at;
        let message = match event.kind {
            TrackEventKind::Midi { channel, message } => Some(bytes_of(channel.as_int(), message)),
            TrackEventKind::SysEx(data) => packets[track].start(data),
            TrackEventKind::Escape(data) => packets[track].next(data),
            TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => {
                clock.set_tempo(tempo.as_int());
                song.tempos.push((at, tempo.as_int()));
                None
            }
            TrackEventKind::Meta(_) => None,
        };
        song.events
            .extend(message.map(|message| Event { at, message }));
    }
    song
}

fn bytes_of(channel: u8, message: midly::MidiMessage) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(3);
    let live = midly::live::LiveEvent::Midi {
        channel: channel.into(),
        message,
    };
    live.write_std(&mut bytes)
        .expect("writing to memory succeeds");
    bytes
}
