//! The events of one track, as forgiving as a reader can be without guessing.
//!
//! Files in the wild bend the rules of the standard: running status goes on after a meta event, an amount is 128, the last
//! byte is missing. Such an event has one sensible reading, which is taken and noted. Where there is none (no status byte
//! at all, a system message that no file can hold) the fault has a place and a name.

use crate::Cause;
use crate::read::Fault;
use crate::warning::{Repair, Repairs};

/// An event with its place in time and in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed<'a> {
    pub(crate) tick: u64,
    pub(crate) offset: usize,
    pub(crate) kind: Kind<'a>,
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// A channel message: its bytes, of which the second number are its own.
    Channel([u8; 3], usize),
    /// `F0`: the first packet of a system exclusive message, without the `F0`.
    Start(&'a [u8]),
    /// `F7`: the next packet, or bytes to be sent as they are.
    Next(&'a [u8]),
    /// `FF`: a kind and its data.
    Meta(u8, &'a [u8]),
}

/// `FF 2F`.
pub(crate) const END_OF_TRACK: u8 = 0x2F;
/// The most that the standard's number of four bytes can hold.
const MOST: u32 = 0x0FFF_FFFF;

/// A track that was read.
#[derive(Debug)]
pub(crate) struct Track<'a> {
    pub(crate) events: Vec<Placed<'a>>,
    /// The offset after its last event.
    pub(crate) end: usize,
    pub(crate) finish: Finish,
    pub(crate) repairs: Repairs,
}

/// How a track ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// With its End-of-Track.
    Ended,
    /// Between two events.
    Open,
    /// Within an event.
    Cut,
    /// Where the next track's header stands.
    NextTrack,
}

/// Why an event cannot be read.
enum Stop {
    /// There are no more bytes.
    Cut,
    /// In words.
    Fault(&'static str),
}

/// Reads the events between two offsets, up to the first End-of-Track. `find_next`: the end is not known, and a track's
/// header between two events is one.
pub(crate) fn read(
    bytes: &[u8],
    (from, to): (usize, usize),
    number: usize,
    find_next: bool,
) -> Result<Track<'_>, Fault> {
    let mut reader = Reader {
        bytes: &bytes[..to],
        at: from,
        running: None,
        is_over_meta: false,
        number,
        repairs: Repairs::default(),
    };
    let (mut events, mut tick) = (Vec::new(), 0_u64);
    let (finish, end) = loop {
        let begun = reader.at;
        if begun == to {
            break (Finish::Open, begun);
        }
        if find_next && bytes[begun..].starts_with(b"MTrk") {
            break (Finish::NextTrack, begun);
        }
        match reader.event() {
            Ok((delta, kind)) => {
                tick += u64::from(delta);
                events.push(Placed {
                    tick,
                    offset: begun,
                    kind,
                });
                if matches!(kind, Kind::Meta(END_OF_TRACK, _)) {
                    break (Finish::Ended, reader.at);
                }
            }
            Err(Stop::Cut) => break (Finish::Cut, begun),
            Err(Stop::Fault(fault)) => {
                let track = number;
                return Err(Fault(begun, Cause::Event { track, fault }));
            }
        }
    };
    Ok(Track {
        events,
        end,
        finish,
        repairs: reader.repairs,
    })
}

struct Reader<'a> {
    /// Up to where the track goes at most.
    bytes: &'a [u8],
    at: usize,
    running: Option<u8>,
    /// An event that ends running status came after it.
    is_over_meta: bool,
    number: usize,
    repairs: Repairs,
}

impl<'a> Reader<'a> {
    fn event(&mut self) -> Result<(u32, Kind<'a>), Stop> {
        let begun = self.at;
        let delta = self.quantity("the time before an event is longer than four bytes")?;
        let next = self.peek()?;
        let status = if next >= 0x80 {
            self.at += 1;
            next
        } else {
            if self.is_over_meta && self.running.is_some() {
                self.note(begun, Repair::RunningStatus(self.number));
            }
            let running = self.running;
            running.ok_or(Stop::Fault("a data byte where a status byte is due"))?
        };
        let kind = match status {
            0xF0 => Kind::Start(self.block()?),
            0xF7 => Kind::Next(self.block()?),
            0xFF => self.meta(begun)?,
            0xF1.. => {
                return Err(Stop::Fault("a system message that cannot stand in a file"));
            }
            _ => self.channel(status, begun)?,
        };
        if let Kind::Channel(..) = kind {
            self.running = Some(status);
            self.is_over_meta = false;
        } else {
            self.is_over_meta = true;
        }
        Ok((delta, kind))
    }

    fn channel(&mut self, status: u8, begun: usize) -> Result<Kind<'a>, Stop> {
        let mut message = [status, 0, 0];
        let length = if matches!(status & 0xF0, 0xC0 | 0xD0) {
            2
        } else {
            3
        };
        for (index, slot) in message.iter_mut().enumerate().take(length).skip(1) {
            let byte = self.byte()?;
            *slot = byte;
            if byte > 127 {
                self.note(begun, Repair::DataByte(self.number));
                // What names something (key, controller, program) and what is an amount.
                let names = index == 1 && !matches!(status & 0xF0, 0xD0 | 0xE0);
                *slot = if names { byte & 127 } else { 127 };
            }
        }
        Ok(Kind::Channel(message, length))
    }

    fn meta(&mut self, begun: usize) -> Result<Kind<'a>, Stop> {
        let kind = self.byte()?;
        if kind == END_OF_TRACK && self.at == self.bytes.len() {
            self.note(begun, Repair::CutEnd(self.number));
            return Ok(Kind::Meta(kind, &[]));
        }
        let data = self.block()?;
        let expected = match kind {
            END_OF_TRACK => Some(("End-of-Track", 0)),
            0x21 => Some(("port", 1)),
            0x51 => Some(("tempo", 3)),
            _ => None,
        };
        if let Some((name, length)) = expected
            && data.len() != length
        {
            let repair = Repair::MetaLength {
                track: self.number,
                kind: name,
                length: data.len(),
            };
            self.note(begun, repair);
        }
        Ok(Kind::Meta(kind, data))
    }

    /// A length and as many bytes.
    fn block(&mut self) -> Result<&'a [u8], Stop> {
        let length = self.quantity("the length of an event is longer than four bytes")?;
        let length = usize::try_from(length).map_err(|_| Stop::Cut)?;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let block = rest.get(..length).ok_or(Stop::Cut)?;
        self.at += length;
        Ok(block)
    }

    /// A number of seven bits a byte. More than four bytes are taken where the first of them are empty.
    fn quantity(&mut self, too_long: &'static str) -> Result<u32, Stop> {
        let begun = self.at;
        let mut value = 0_u32;
        loop {
            let byte = self.byte()?;
            if value > MOST >> 7 {
                return Err(Stop::Fault(too_long));
            }
            value = value << 7 | u32::from(byte & 0x7F);
            if byte < 0x80 {
                break;
            }
        }
        if self.at - begun > 4 {
            self.note(begun, Repair::LongNumber(self.number));
        }
        Ok(value)
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fn peek(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::Cut)
    }

    fn note(&mut self, offset: usize, repair: Repair) {
        self.repairs.add(offset, repair);
    }
}
