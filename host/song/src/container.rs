//! The chunks of a file: header and tracks.
//!
//! A length that is wrong is the most common fault of a file. Where a track's length does not lead to another chunk, the
//! track's own End-of-Track tells where it ends.

use crate::Cause;
use crate::clock::Clock;
use crate::read::Fault;
use crate::track::{self, Finish, Track};
use crate::warning::{Repair, Repairs};
use midly::{Fps, Timing};

/// A file taken apart.
pub(crate) struct Container<'a> {
    pub(crate) format: u8,
    pub(crate) clock: Clock,
    pub(crate) tracks: Vec<Track<'a>>,
}

struct Header {
    format: u8,
    promised: usize,
    clock: Clock,
    /// Where the first chunk after it starts.
    end: usize,
}

/// How far into a file the header may begin: MacBinary puts 128 bytes before it.
const LEADING: usize = 1024;

/// Takes a file apart that begins at `start`.
pub(crate) fn read<'a>(
    bytes: &'a [u8],
    start: usize,
    repairs: &mut Repairs,
) -> Result<Container<'a>, Fault> {
    let start = find_header(bytes, start, repairs)?;
    let header = read_header(bytes, start, repairs)?;
    let (mut tracks, mut at) = (Vec::new(), header.end);
    let mut cut = None;
    while at < bytes.len() {
        let more = tracks.len() < header.promised;
        match Chunk::at(bytes, at) {
            Some(Chunk::Track(size)) => {
                let place = Place {
                    at,
                    size,
                    number: tracks.len() + 1,
                };
                let (track, next) = read_track(bytes, place, repairs)?;
                if track.finish != Finish::Ended && next == bytes.len() && size > next - (at + 8) {
                    cut = Some((at, size));
                }
                tracks.push(track);
                at = next;
            }
            Some(Chunk::Other(size)) => at += 8 + size,
            Some(Chunk::Header) | None => {
                let next = find_track(bytes, at + 1).filter(|_| more);
                let Some(next) = next else {
                    repairs.add(at, Repair::Trailing(bytes.len() - at));
                    break;
                };
                repairs.add(at, Repair::Junk(next - at));
                at = next;
            }
        }
    }
    check_number(&header, start, &tracks, cut, bytes.len(), repairs)?;
    Ok(Container {
        format: header.format,
        clock: header.clock,
        tracks,
    })
}

/// Compares what is there with what the header promises.
fn check_number(
    header: &Header,
    start: usize,
    tracks: &[Track<'_>],
    cut: Option<(usize, usize)>,
    length: usize,
    repairs: &mut Repairs,
) -> Result<(), Fault> {
    let (promised, found) = (header.promised, tracks.len());
    let place = start + 10;
    if found == 0 {
        return Err(Fault(place, Cause::TracksMissing { promised, found }));
    }
    if found < promised {
        // A last track that is cut and others that are missing: this is a piece of a file.
        if let Some((at, size)) = cut {
            let left = length - (at + 8);
            let id = "MTrk".to_owned();
            return Err(Fault(at, Cause::ChunkTooLong { id, size, left }));
        }
        repairs.add(place, Repair::TracksMissing { promised, found });
    }
    if found > promised {
        repairs.add(place, Repair::TracksMore { promised, found });
    } else if header.format == 0 && found > 1 {
        repairs.add(place, Repair::ManyInFormat0(found));
    }
    Ok(())
}

fn find_header(bytes: &[u8], start: usize, repairs: &mut Repairs) -> Result<usize, Fault> {
    let rest = bytes.get(start..).unwrap_or_default();
    let near = &rest[..rest.len().min(LEADING)];
    if near.starts_with(b"RIFF") {
        return Err(Fault(start, Cause::NotMidi));
    }
    let leading = near.windows(8).position(|bytes| bytes == b"MThd\0\0\0\x06");
    match leading.filter(|_| !near.starts_with(b"MThd")) {
        None if near.starts_with(b"MThd") => Ok(start),
        None => Err(Fault(start, Cause::NotMidi)),
        Some(leading) => {
            repairs.add(start, Repair::Leading(leading));
            Ok(start + leading)
        }
    }
}

fn read_header(bytes: &[u8], start: usize, repairs: &mut Repairs) -> Result<Header, Fault> {
    let size = big_endian(bytes, start + 4);
    let body = bytes
        .get(start + 8..start + 14)
        .filter(|_| size >= 6)
        .ok_or(Fault(start + 4, Cause::Header("shorter than six bytes")))?;
    let word = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let format = match word(0) {
        format @ 0..=1 => format.to_be_bytes()[1],
        2 => return Err(Fault(start + 8, Cause::Format2)),
        _ => return Err(Fault(start + 8, Cause::Header("of an unknown format"))),
    };
    let timing = match word(4).to_be_bytes() {
        [high, low] if high < 0x80 => Timing::Metrical(u16::from_be_bytes([high, low]).into()),
        [high, subframe] => {
            let fps = Fps::from_int(high.wrapping_neg())
                .ok_or(Fault(start + 12, Cause::Header("of an unknown frame rate")))?;
            Timing::Timecode(fps, subframe)
        }
    };
    let clock = Clock::new(timing).ok_or(Fault(
        start + 12,
        Cause::Header("of zero ticks a quarter note"),
    ))?;
    let end = (start + 8).saturating_add(size);
    let six = start + 14;
    let leads_nowhere = end != bytes.len() && Chunk::at(bytes, end).is_none();
    let end = if leads_nowhere && matches!(Chunk::at(bytes, six), Some(Chunk::Track(_))) {
        repairs.add(start + 4, Repair::HeaderLength(size));
        six
    } else {
        end
    };
    Ok(Header {
        format,
        promised: usize::from(word(2)),
        clock,
        end,
    })
}

/// What stands somewhere.
enum Chunk {
    /// `MTrk` and the size it claims, right or wrong.
    Track(usize),
    /// A chunk of another kind that lies wholly within the file.
    Other(usize),
    /// Another file.
    Header,
}

impl Chunk {
    fn at(bytes: &[u8], at: usize) -> Option<Self> {
        let head = bytes.get(at..at.checked_add(8)?)?;
        let (id, size) = (&head[..4], big_endian(head, 4));
        let fits = size <= bytes.len() - (at + 8);
        match id {
            b"MTrk" => Some(Self::Track(size)),
            b"MThd" => Some(Self::Header),
            _ if fits && id.iter().all(|byte| (0x20..0x7F).contains(byte)) => {
                Some(Self::Other(size))
            }
            _ => None,
        }
    }
}

/// A track's chunk, its claimed size and its number.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    size: usize,
    number: usize,
}

/// Reads a track; where the next chunk begins.
fn read_track<'a>(
    bytes: &'a [u8],
    place: Place,
    repairs: &mut Repairs,
) -> Result<(Track<'a>, usize), Fault> {
    let Place { at, size, number } = place;
    let from = at + 8;
    let claimed = from.saturating_add(size);
    let leads_on = claimed == bytes.len()
        || Chunk::at(bytes, claimed).is_some_and(|chunk| !matches!(chunk, Chunk::Header));
    let (mut track, next) = if leads_on {
        let track = track::read(bytes, (from, claimed), number, false)?;
        // The events end at another track: the length swallows it, whatever stands at its end.
        let swallows = track.end < claimed && bytes[track.end..claimed].starts_with(b"MTrk");
        let next = if swallows { track.end } else { claimed };
        (track, next)
    } else {
        by_its_events(bytes, place, claimed)?
    };
    repairs.append(std::mem::take(&mut track.repairs));
    let used = track.end - from;
    match track.finish {
        Finish::Cut => repairs.add(track.end, Repair::CutEvent(number)),
        Finish::Open | Finish::NextTrack => repairs.add(track.end, Repair::NoEnd(number)),
        Finish::Ended => {}
    }
    let is_ended = track.finish == Finish::Ended;
    if claimed > bytes.len() && !is_ended {
        let (id, left) = ("MTrk".to_owned(), bytes.len() - from);
        repairs.add(at, Repair::ChunkTooLong { id, size, left });
    } else if used < size && is_ended {
        let track = number;
        repairs.add(at, Repair::TrackTooLong { track, size, used });
    } else if used > size {
        let track = number;
        repairs.add(at, Repair::TrackTooShort { track, size, used });
    }
    Ok((track, next))
}

/// Reads a track whose length leads nowhere.
fn by_its_events(
    bytes: &[u8],
    Place { at, number, .. }: Place,
    claimed: usize,
) -> Result<(Track<'_>, usize), Fault> {
    let from = at + 8;
    let whole = track::read(bytes, (from, bytes.len()), number, true);
    match whole {
        Ok(track) if matches!(track.finish, Finish::Ended | Finish::NextTrack) => {
            let next = track.end;
            Ok((track, next))
        }
        // There is no such end: the length is right, and what follows it is no chunk.
        _ if claimed < bytes.len() => {
            let track = track::read(bytes, (from, claimed), number, false)?;
            Ok((track, claimed))
        }
        other => other.map(|track| (track, bytes.len())),
    }
}

fn find_track(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    Some(from + rest.windows(4).position(|id| id == b"MTrk")?)
}

fn big_endian(bytes: &[u8], at: usize) -> usize {
    let bytes = bytes.get(at..).unwrap_or_default().iter().take(4);
    bytes.fold(0, |value, byte| value << 8 | usize::from(*byte))
}
