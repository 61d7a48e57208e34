//! Tracks played against each other.

use crate::clock::Clock;
use crate::packet::{self, Item, SysEx, What};
use crate::read::{Event, Song};
use crate::track::Track;
use crate::warning::{Repair, Repairs};
use std::collections::BTreeSet;

/// Fills in what is played and when.
pub(crate) fn merge(
    mut clock: Clock,
    mut song: Song,
    tracks: &[Track<'_>],
    repairs: &mut Repairs,
) -> Song {
    let (mut items, mut messages) = (Vec::new(), Vec::new());
    for (number, track) in (1..).zip(tracks) {
        packet::collect(number, &track.events, &mut items, &mut messages, repairs);
    }
    // Stable: tracks in order, and the file's order within a track.
    items.sort_by_key(|item| item.tick);
    song.ports = ports(&items);
    let mut packets: Vec<Packets<'_>> = judge(&items, &messages, repairs);
    for item in items {
        clock.run_to(item.tick);
        let at = clock.time();
        song.length = at;
        match item.what {
            What::Bytes(bytes) => {
                let group = group(&song.ports, item.port, bytes.first().copied());
                let whole = packet::split(&bytes);
                send(&mut song, at, bytes);
                for message in whole {
                    play(&mut song, at, group, message);
                }
            }
            What::Packet(number) => {
                let group = group(&song.ports, item.port, Some(0xF0));
                packets[number].next(&mut song, at, group);
            }
            What::Tempo(tempo) => {
                clock.set_tempo(tempo);
                song.tempos.push((at, tempo));
            }
            What::Nothing => {}
        }
    }
    song
}

/// A message for an instrument.
fn play(song: &mut Song, at: i64, group: u16, message: Vec<u8>) {
    song.events.push(Event { at, message });
    song.groups.push(group);
}

/// Bytes for a cable.
fn send(song: &mut Song, at: i64, message: Vec<u8>) {
    song.packets.push(Event { at, message });
}

/// The ports that channel messages go to, in order; none, if it is one.
///
/// A track that names no port plays to port 0.
fn ports(items: &[Item]) -> Vec<u8> {
    let playing = items.iter().filter(
        |item| matches!(&item.what, What::Bytes(bytes) if matches!(bytes.first(), Some(0x80..=0xEF))),
    );
    let ports: BTreeSet<u8> = playing.map(|item| item.port.unwrap_or(0)).collect();
    if ports.len() < 2 {
        return Vec::new();
    }
    ports.into_iter().collect()
}

/// The channel group of a message. A system message of a track that names no port, or one without notes, is for all of
/// them: a song resets its instruments once.
fn group(ports: &[u8], port: Option<u8>, status: Option<u8>) -> u16 {
    if ports.is_empty() {
        return 1;
    }
    let is_channel_message = status.is_none_or(|status| status < 0xF0);
    let port = if is_channel_message {
        Some(port.unwrap_or(0))
    } else {
        port
    };
    let index = port.and_then(|port| ports.iter().position(|known| *known == port));
    index
        .and_then(|index| u16::try_from(index + 1).ok())
        .unwrap_or(0)
}

/// How a system exclusive message is sent.
#[derive(Debug)]
struct Packets<'a> {
    message: &'a SysEx,
    way: Way,
    sent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Each packet at its own time.
    Apart,
    /// All of it with its last packet.
    Whole,
    /// What is clean of it, with its last packet.
    Cleaned,
}

impl Packets<'_> {
    /// It is the turn of the next packet.
    fn next(&mut self, song: &mut Song, at: i64, group: u16) {
        let Some(packet) = self.message.packets.get(self.sent) else {
            return;
        };
        self.sent += 1;
        let is_last = self.sent == self.message.packets.len();
        if self.way == Way::Apart {
            send(song, at, packet.clone());
        }
        if !is_last {
            return;
        }
        let whole = self.message.packets.concat();
        match self.way {
            Way::Apart => play(song, at, group, whole),
            Way::Whole => {
                send(song, at, whole.clone());
                play(song, at, group, whole);
            }
            Way::Cleaned => {
                for message in packet::clean(&whole).0 {
                    send(song, at, message.clone());
                    play(song, at, group, message);
                }
            }
        }
    }
}

/// Decides how each system exclusive message is sent: its packets keep their times unless a cable could not carry that.
fn judge<'a>(items: &[Item], messages: &'a [SysEx], repairs: &mut Repairs) -> Vec<Packets<'a>> {
    let mut packets: Vec<Packets<'_>> = messages
        .iter()
        .map(|message| Packets {
            message,
            way: Way::Apart,
            sent: 0,
        })
        .collect();
    // Numbers of those that have begun and not ended.
    let mut open: BTreeSet<usize> = BTreeSet::new();
    for item in items {
        let own = match &item.what {
            What::Packet(number) => Some(*number),
            // Real-time bytes may stand inside.
            What::Bytes(bytes) if bytes.iter().any(|byte| *byte < 0xF8) => None,
            _ => continue,
        };
        open.retain(|number| {
            let is_own = own == Some(*number);
            if !is_own {
                packets[*number].way = Way::Whole;
            }
            // One that is sent whole is in nobody's way any more, and need not be looked at again.
            is_own
        });
        if let Some(number) = own {
            let this = &mut packets[number];
            this.sent += 1;
            if this.sent == this.message.packets.len() {
                open.remove(&number);
            } else if this.way == Way::Apart {
                open.insert(number);
            }
        }
    }
    for this in &mut packets {
        this.sent = 0;
        let SysEx { track, offset, .. } = *this.message;
        if this.way == Way::Whole {
            repairs.add(offset, Repair::Interleaved(track));
        }
        let whole = this.message.packets.concat();
        if !packet::is_clean(&whole) {
            this.way = Way::Cleaned;
            let left = packet::clean(&whole).1;
            if left.is_message {
                repairs.add(offset, Repair::BrokenSysEx(track));
            }
            if left.is_data {
                repairs.add(offset, Repair::Stray(track));
            }
        }
    }
    packets
}
