//! Messages with times as a file.

use crate::SECOND;
use crate::read::Event;
use midly::live::LiveEvent;
use midly::num::{u15, u24, u28};
use midly::{Format, Header, MetaMessage, Smf, Timing, TrackEvent, TrackEventKind};
use std::io;

/// One quarter note is a second of 25,000 ticks: a tick is 40 µs, an eighth of a byte on the wire.
const TICKS: u16 = 25_000;
/// Ticks that one number of four bytes can say.
const LONGEST: i64 = 0x0FFF_FFFF;

/// Writes a file of format 0 whose ticks are true time, 40 µs each.
///
/// Messages that a file cannot hold as they are (real-time and system common) are escaped.
///
/// # Errors
///
/// Those of `out`.
pub fn write(events: &[Event], title: Option<&str>, out: impl io::Write) -> io::Result<()> {
    let mut track = vec![meta(MetaMessage::Tempo(u24::new(1_000_000)))];
    if let Some(title) = title {
        track.push(meta(MetaMessage::TrackName(title.as_bytes())));
    }
    let mut now = 0;
    for event in events {
        let tick = tick(event.at).max(now);
        while tick - now > LONGEST {
            // A longer rest than one number can say (three hours): an empty text bridges it.
            track.push(TrackEvent {
                delta: u28::max_value(),
                kind: TrackEventKind::Meta(MetaMessage::Text(&[])),
            });
            now += LONGEST;
        }
        track.push(TrackEvent {
            delta: u28::new(u32::try_from(tick - now).unwrap_or(0)),
            kind: kind(&event.message),
        });
        now = tick;
    }
    track.push(meta(MetaMessage::EndOfTrack));
    let header = Header::new(Format::SingleTrack, Timing::Metrical(u15::new(TICKS)));
    Smf {
        header,
        tracks: vec![track],
    }
    .write_std(out)
}

fn meta(message: MetaMessage<'_>) -> TrackEvent<'_> {
    TrackEvent {
        delta: u28::new(0),
        kind: TrackEventKind::Meta(message),
    }
}

fn tick(at: i64) -> i64 {
    let unit = SECOND / i64::from(TICKS);
    (at + unit / 2).div_euclid(unit).max(0)
}

fn kind(message: &[u8]) -> TrackEventKind<'_> {
    match message {
        [0xF0, data @ ..] => TrackEventKind::SysEx(data),
        [0x80..0xF0, ..] => match LiveEvent::parse(message) {
            Ok(LiveEvent::Midi { channel, message }) => TrackEventKind::Midi { channel, message },
            _ => TrackEventKind::Escape(message),
        },
        _ => TrackEventKind::Escape(message),
    }
}
