//! Bytes on a MIDI cable as messages.

use crate::session::WireByte;
use dmusmini_song::{Event, SECOND, Song};

/// How long after its due time a message was wholly out, in milliseconds.
pub(crate) struct Delays {
    pub(crate) latest: f64,
    pub(crate) average: f64,
}

/// The delays of a song's messages; none unless the wire carried exactly them, in order.
#[expect(clippy::cast_precision_loss, reason = "milliseconds for people")]
pub(crate) fn delays(song: &Song, bytes: &[WireByte]) -> Option<Delays> {
    let mut rest = bytes;
    let (mut latest, mut sum) = (0, 0);
    for event in &song.events {
        let (message, after) = rest.split_at_checked(event.message.len())?;
        if !message
            .iter()
            .map(|byte| byte.byte)
            .eq(event.message.iter().copied())
        {
            return None;
        }
        rest = after;
        let delay = message.last()?.at - event.at;
        latest = latest.max(delay);
        sum += delay;
    }
    let milliseconds = |units: f64| units / (SECOND as f64 / 1000.0);
    let average = milliseconds(sum as f64 / song.events.len().max(1) as f64);
    rest.is_empty().then(|| Delays {
        latest: milliseconds(latest as f64),
        average,
    })
}

/// Cuts the bytes into messages, each at the time of its last byte. Running status is expanded, real-time bytes inside
/// a message stand alone, and what belongs to no message is dropped.
pub(crate) fn messages(bytes: &[WireByte]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut open: Vec<u8> = Vec::new();
    let mut running = None;
    for &WireByte { at, byte } in bytes {
        match byte {
            0xF8.. => {
                events.push(Event {
                    at,
                    message: vec![byte],
                });
                continue;
            }
            0xF7 if open.first() == Some(&0xF0) => open.push(byte),
            0x80.. => {
                running = (byte < 0xF0).then_some(byte);
                open = vec![byte];
            }
            _ => {
                if open.is_empty() {
                    open.extend(running);
                }
                if !open.is_empty() {
                    open.push(byte);
                }
            }
        }
        if is_whole(&open) {
            events.push(Event {
                at,
                message: std::mem::take(&mut open),
            });
        }
    }
    events
}

fn is_whole(message: &[u8]) -> bool {
    let Some(status) = message.first() else {
        return false;
    };
    match status {
        0xF0 => message.last() == Some(&0xF7),
        0xC0..=0xDF | 0xF1 | 0xF3 => message.len() == 2,
        0x80..=0xEF | 0xF2 => message.len() == 3,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(bytes: &[u8]) -> Vec<WireByte> {
        (1..)
            .zip(bytes)
            .map(|(index, byte)| WireByte {
                at: 3200 * index,
                byte: *byte,
            })
            .collect()
    }

    #[test]
    fn running_status_and_real_time_are_untangled() {
        let events = messages(&wire(&[
            0x90, 60, 0xF8, 64, 62, 65, 0xF0, 1, 0xF7, 7, 0xC1, 5,
        ]));
        let seen: Vec<_> = events
            .iter()
            .map(|event| (event.at / 3200, event.message.as_slice()))
            .collect();
        assert_eq!(
            seen,
            [
                (3, &[0xF8][..]),
                (4, &[0x90, 60, 64]),
                (6, &[0x90, 62, 65]),
                (9, &[0xF0, 1, 0xF7]),
                (12, &[0xC1, 5]),
            ]
        );
    }

    #[test]
    fn a_lost_or_changed_byte_is_noticed() {
        let event = |at, message: &[u8]| Event {
            at,
            message: message.to_vec(),
        };
        let song = Song {
            events: vec![event(0, &[0x90, 60, 64]), event(6400, &[0xC0, 1])],
            ..Song::default()
        };
        let delays = delays(&song, &wire(&[0x90, 60, 64, 0xC0, 1])).unwrap();
        assert!((delays.latest - 0.96).abs() < 1e-9 && (delays.average - 0.96).abs() < 1e-9);
        for wrong in [
            &[0x90, 60, 64, 0xC0][..],
            &[0x90, 60, 65, 0xC0, 1],
            &[0x90, 60, 64, 0xC0, 1, 1],
            &[],
        ] {
            assert!(super::delays(&song, &wire(wrong)).is_none());
        }
    }
}
