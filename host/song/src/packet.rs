//! What a track sends: channel messages, system exclusive messages in one packet or several, and bytes that it escapes.

use crate::track::{Kind, Placed};
use crate::warning::{Repair, Repairs};

/// Something of a track that has its place in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) tick: u64,
    /// The port that the track named last.
    pub(crate) port: Option<u8>,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Whole messages, sent at once.
    Bytes(Vec<u8>),
    /// A packet of the system exclusive message of this number.
    Packet(usize),
    /// Microseconds a quarter note.
    Tempo(u32),
    /// Time passes.
    Nothing,
}

/// A system exclusive message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SysEx {
    /// Its bytes, packet by packet.
    pub(crate) packets: Vec<Vec<u8>>,
    pub(crate) track: usize,
    pub(crate) offset: usize,
}

/// Appends what the track of this number sends to `items`; its system exclusive messages go to `all`.
pub(crate) fn collect(
    track: usize,
    events: &[Placed<'_>],
    items: &mut Vec<Item>,
    all: &mut Vec<SysEx>,
    repairs: &mut Repairs,
) {
    let mut collector = Collector {
        track,
        port: None,
        open: None,
        is_escaping: false,
        all,
        repairs,
    };
    for (index, event) in events.iter().enumerate() {
        let rest = &events[index + 1..];
        let what = collector.event(event, rest);
        items.push(Item {
            tick: event.tick,
            port: collector.port,
            what,
        });
    }
}

struct Collector<'a> {
    track: usize,
    port: Option<u8>,
    /// The message that waits for more packets.
    open: Option<usize>,
    /// The last thing sent was escaped bytes, which more may continue.
    is_escaping: bool,
    all: &'a mut Vec<SysEx>,
    repairs: &'a mut Repairs,
}

impl Collector<'_> {
    fn event(&mut self, event: &Placed<'_>, rest: &[Placed<'_>]) -> What {
        let was_escaping = self.is_escaping;
        match event.kind {
            Kind::Meta(..) => {}
            _ => self.is_escaping = false,
        }
        match event.kind {
            Kind::Channel(bytes, length) => What::Bytes(bytes[..length].to_vec()),
            Kind::Start(data) => {
                self.begin(event.offset);
                self.packet([&[0xF0], data].concat(), event.offset, rest)
            }
            Kind::Next(data) if self.open.is_some() && continues(data) => {
                self.packet(data.to_vec(), event.offset, rest)
            }
            Kind::Next(data) => self.escape(data, event.offset, rest, was_escaping),
            Kind::Meta(0x21, [port, ..]) => {
                self.port = Some(*port);
                What::Nothing
            }
            Kind::Meta(0x51, [high, middle, low, ..]) => {
                let tempo = u32::from_be_bytes([0, *high, *middle, *low]);
                if tempo == 0 {
                    self.repairs.add(event.offset, Repair::NoTempo(self.track));
                    return What::Nothing;
                }
                What::Tempo(tempo)
            }
            Kind::Meta(..) => What::Nothing,
        }
    }

    /// A message begins.
    fn begin(&mut self, offset: usize) {
        self.open = Some(self.all.len());
        self.all.push(SysEx {
            packets: Vec::new(),
            track: self.track,
            offset,
        });
    }

    /// A packet of the open message. What no later packet continues ends here.
    fn packet(&mut self, mut bytes: Vec<u8>, offset: usize, rest: &[Placed<'_>]) -> What {
        let Some(number) = self.open else {
            return What::Nothing;
        };
        let is_ended = bytes.contains(&0xF7);
        if !is_ended && !is_continued(rest) {
            self.repairs.add(offset, Repair::OpenSysEx(self.track));
            bytes.push(0xF7);
            self.open = None;
        }
        if is_ended {
            self.open = None;
        }
        self.all[number].packets.push(bytes);
        What::Packet(number)
    }

    /// Bytes to be sent as they are.
    fn escape(
        &mut self,
        data: &[u8],
        offset: usize,
        rest: &[Placed<'_>],
        was_escaping: bool,
    ) -> What {
        match data.first() {
            Some(0xF0) => {
                self.begin(offset);
                self.packet(data.to_vec(), offset, rest)
            }
            Some(0x80..) => {
                self.is_escaping = true;
                What::Bytes(data.to_vec())
            }
            Some(_) if was_escaping => {
                self.is_escaping = true;
                What::Bytes(data.to_vec())
            }
            Some(_) => {
                self.repairs.add(offset, Repair::Stray(self.track));
                What::Nothing
            }
            None => What::Nothing,
        }
    }
}

/// Whether an `F7` event goes on with an open message: it begins with a data byte, or with the message's end.
fn continues(data: &[u8]) -> bool {
    matches!(data.first(), Some(0..=0x7F | 0xF7))
}

/// Whether the next packet of a track goes on with the message before it.
fn is_continued(rest: &[Placed<'_>]) -> bool {
    let next = rest
        .iter()
        .find(|event| matches!(event.kind, Kind::Start(_) | Kind::Next(_)));
    next.is_some_and(|event| matches!(event.kind, Kind::Next(data) if continues(data)))
}

/// Cuts bytes into whole messages, running status expanded. What is no whole message is not among them.
pub(crate) fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut messages, mut open) = (Vec::new(), Vec::new());
    let mut running = None;
    for &byte in bytes {
        match byte {
            0xF8.. => {
                messages.push(vec![byte]);
                continue;
            }
            0xF7 if open.first() == Some(&0xF0) => open.push(byte),
            0xF7 => {
                close(&mut open, &mut messages);
                running = None;
            }
            0x80.. => {
                close(&mut open, &mut messages);
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
            messages.push(std::mem::take(&mut open));
        }
    }
    close(&mut open, &mut messages);
    messages
}

/// An undefined status takes all the data that follows it; what else is open is not whole.
fn close(open: &mut Vec<u8>, messages: &mut Vec<Vec<u8>>) {
    let open = std::mem::take(open);
    if matches!(open.first(), Some(0xF4 | 0xF5)) {
        messages.push(open);
    }
}

fn is_whole(message: &[u8]) -> bool {
    match message.first() {
        None | Some(0xF4 | 0xF5) => false,
        Some(0xF0) => message.last() == Some(&0xF7),
        Some(0xC0..=0xDF | 0xF1 | 0xF3) => message.len() == 2,
        Some(0x80..=0xEF | 0xF2) => message.len() == 3,
        Some(_) => true,
    }
}

/// What a wire can carry of a system exclusive message: nothing, if a status byte stands inside.
pub(crate) fn is_clean(message: &[u8]) -> bool {
    let [0xF0, data @ .., 0xF7] = message else {
        return false;
    };
    // Real-time bytes may stand anywhere.
    data.iter().all(|byte| matches!(byte, 0..=0x7F | 0xF8..))
}

/// The messages of an `F0` event that is not one clean message: what a wire can carry of it, and whether a system
/// exclusive message or stray data had to be left out.
pub(crate) fn clean(event: &[u8]) -> (Vec<Vec<u8>>, Left) {
    let (mut messages, mut left) = (Vec::new(), Left::default());
    for piece in event.split_inclusive(|byte| *byte == 0xF7) {
        match piece.first() {
            Some(0xF0) if is_clean(piece) => messages.push(piece.to_vec()),
            Some(0xF0) => left.is_message = true,
            Some(0x80..) => messages.extend(split(piece)),
            _ => left.is_data = true,
        }
    }
    (messages, left)
}

/// What [`clean`] left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) is_message: bool,
    pub(crate) is_data: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_cut_into_messages() {
        for (bytes, messages) in [
            (
                &[0x90, 60, 64, 62, 64][..],
                &[&[0x90, 60, 64][..], &[0x90, 62, 64]][..],
            ),
            (&[0xF0, 1, 0xF7, 0xF3, 5], &[&[0xF0, 1, 0xF7], &[0xF3, 5]]),
            (&[0xF5, 2, 0x90, 60, 64], &[&[0xF5, 2], &[0x90, 60, 64]]),
            (&[0xF5, 2, 3], &[&[0xF5, 2, 3]]),
            (&[0x90, 0xF8, 60, 64], &[&[0xF8], &[0x90, 60, 64]]),
            (&[0x90, 60], &[]),
            (&[60, 64], &[]),
            (&[0xF6, 0xF2, 1, 2], &[&[0xF6], &[0xF2, 1, 2]]),
        ] {
            assert_eq!(split(bytes), messages, "{bytes:x?}");
        }
    }

    #[test]
    fn an_event_of_several_messages_is_cut() {
        let both = [&[0xF0, 1, 0xF7][..], &[0xF0, 2, 0xF7]];
        assert_eq!(
            clean(&both.concat()),
            (both.map(<[u8]>::to_vec).to_vec(), Left::default())
        );
        let broken = [0xF0, 1, 0x90, 60, 64, 0xF7, 5, 6];
        let left = Left {
            is_message: true,
            is_data: true,
        };
        assert_eq!(clean(&broken), (Vec::new(), left));
    }

    #[test]
    fn a_status_byte_inside_breaks_a_system_exclusive_message() {
        assert!(is_clean(&[0xF0, 1, 0xF8, 2, 0xF7]));
        assert!(is_clean(&[0xF0, 0xF7]));
        assert!(!is_clean(&[0xF0, 1, 0x90, 0xF7]));
        assert!(!is_clean(&[0xF0, 1]));
        assert!(!is_clean(&[0xF0, 1, 0xF7, 2, 0xF7]));
    }
}
