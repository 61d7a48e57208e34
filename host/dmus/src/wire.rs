//! Bytes on a MIDI cable as messages.

use crate::report::{WirePacket, seconds};
use crate::session::WireByte;
use dmusmini_song::{Event, SECOND, Song};

/// How long after its due time a message was wholly out, in milliseconds.
pub(crate) struct Delays {
    pub(crate) latest: f64,
    pub(crate) average: f64,
}

/// The delays of a song's packets; none unless the wire carried exactly them, in order.
#[expect(clippy::cast_precision_loss, reason = "milliseconds for people")]
pub(crate) fn delays(song: &Song, bytes: &[WireByte]) -> Option<Delays> {
    let (mut latest, mut sum) = (0, 0);
    for (packet, sent) in song.packets.iter().zip(matched(song, bytes)?) {
        let delay = sent.last()?.at - packet.at;
        latest = latest.max(delay);
        sum += delay;
    }
    let milliseconds = |units: f64| units / (SECOND as f64 / 1000.0);
    let average = milliseconds(sum as f64 / song.packets.len().max(1) as f64);
    Some(Delays {
        latest: milliseconds(latest as f64),
        average,
    })
}

/// The bytes of each of the song's packets, if the wire carried exactly them, in order.
fn matched<'a>(song: &Song, bytes: &'a [WireByte]) -> Option<Vec<&'a [WireByte]>> {
    let mut rest = bytes;
    let mut sent = Vec::with_capacity(song.packets.len());
    for packet in &song.packets {
        let (own, after) = rest.split_at_checked(packet.message.len())?;
        if !own.iter().map(|byte| &byte.byte).eq(&packet.message) {
            return None;
        }
        sent.push(own);
        rest = after;
    }
    rest.is_empty().then_some(sent)
}

/// What was handed down at once and when it left. Where the wire did not carry the song's packets, it is cut where
/// messages begin.
pub(crate) fn packets(song: &Song, bytes: &[WireByte]) -> Vec<WirePacket> {
    let cut = || {
        let begins = |_: &WireByte, next: &WireByte| next.byte >= 0x80 && next.byte != 0xF7;
        bytes.chunk_by(|a, b| !begins(a, b)).collect()
    };
    let packets = matched(song, bytes).unwrap_or_else(cut);
    packets
        .into_iter()
        .filter_map(|packet| {
            let bytes = packet.iter().map(|byte| format!("{:02X}", byte.byte));
            Some(WirePacket {
                seconds: seconds(packet.first()?.begun),
                bytes: bytes.collect::<Vec<_>>().join(" "),
            })
        })
        .collect()
}

/// Cuts the bytes into messages, each at the time of its last byte. Running status is expanded, real-time bytes inside
/// a message stand alone, an undefined status (`F4`, `F5`) keeps the data that follows it, and what belongs to no message
/// is dropped.
pub(crate) fn messages(bytes: &[WireByte]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut open: Vec<u8> = Vec::new();
    let (mut running, mut last) = (None, 0);
    for &WireByte { at, byte, .. } in bytes {
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
                events.extend(undefined(&mut open, last));
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
        last = at;
        if is_whole(&open) {
            events.push(Event {
                at,
                message: std::mem::take(&mut open),
            });
        }
    }
    events.extend(undefined(&mut open, last));
    events
}

/// An undefined status with its data, once something else begins.
fn undefined(open: &mut Vec<u8>, at: i64) -> Option<Event> {
    let message = std::mem::take(open);
    matches!(message.first(), Some(0xF4 | 0xF5)).then_some(Event { at, message })
}

fn is_whole(message: &[u8]) -> bool {
    let Some(status) = message.first() else {
        return false;
    };
    match status {
        0xF0 => message.last() == Some(&0xF7),
        0xC0..=0xDF | 0xF1 | 0xF3 => message.len() == 2,
        0x80..=0xEF | 0xF2 => message.len() == 3,
        0xF4 | 0xF5 => false,
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
                begun: 3200 * (index - 1),
                at: 3200 * index,
                byte: *byte,
            })
            .collect()
    }

    #[test]
    fn running_status_and_real_time_are_untangled() {
        let events = messages(&wire(&[
            0x90, 60, 0xF8, 64, 62, 65, 0xF0, 1, 0xF7, 7, 0xC1, 5, 0xF5, 2, 0xF6, 0xF4, 1, 2,
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
                (14, &[0xF5, 2]),
                (15, &[0xF6]),
                (18, &[0xF4, 1, 2]),
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
            packets: vec![event(0, &[0x90, 60, 64]), event(6400, &[0xC0, 1])],
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
        let sent = |bytes: &[u8]| packets(&song, &wire(bytes));
        let told = |packets: Vec<WirePacket>| {
            let told = packets.into_iter();
            told.map(|packet| (packet.seconds, packet.bytes))
                .collect::<Vec<_>>()
        };
        let expected = [(0.0, "90 3C 40".to_owned()), (0.00096, "C0 01".to_owned())];
        assert_eq!(told(sent(&[0x90, 60, 64, 0xC0, 1])), expected);
        // Something else: told all the same.
        assert_eq!(told(sent(&[0x90, 60, 64, 0xC0, 2]))[1].1, "C0 02");
    }
}
