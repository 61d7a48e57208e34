//! A MIDI byte stream to whole messages: running status, real time inside anything, SysEx.
//!
//! Follows mpu401.md section 5. A [`Parser`] holds no SysEx data: it says of each byte whether it
//! belongs to one, and where the SysEx ends, so that there is no longest message. Every byte comes
//! with its own time, and a message carries the time of its first.
//!
//! Any byte sequence is legal input; what belongs to no message is counted, never passed on.
#![forbid(unsafe_code)]

use super::status::Kind;
use crate::time::RefTime;

/// A whole message of one to three bytes, running status expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    bytes: [u8; 3],
    len: u8,
    /// When the message's first byte came.
    pub at: RefTime,
}

impl Short {
    const fn one(status: u8, at: RefTime) -> Self {
        Self {
            bytes: [status, 0, 0],
            len: 1,
            at,
        }
    }

    const fn two(status: u8, data: u8, at: RefTime) -> Self {
        Self {
            bytes: [status, data, 0],
            len: 2,
            at,
        }
    }

    const fn three(status: u8, first: u8, second: u8, at: RefTime) -> Self {
        Self {
            bytes: [status, first, second],
            len: 3,
            at,
        }
    }

    /// The message, status byte first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// What one byte meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing is complete yet, or the byte belongs to no message.
    Nothing,
    /// The byte completes this message.
    Short(Short),
    /// The byte is the next of the open SysEx, or its F0.
    SysEx,
    /// The byte is the last of the open SysEx.
    SysExEnd,
}

/// What one byte did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Before anything else, the byte ended the open SysEx without being part of it.
    pub cut_sysex: bool,
    /// Its own meaning.
    pub meaning: Meaning,
}

/// The state between two bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parser {
    open: Open,
    /// The channel status that further data bytes imply.
    running: Option<Running>,
    strays: u32,
}

#[derive(Clone, Copy, Debug, Default)]
enum Open {
    #[default]
    Nothing,
    /// A status byte with this many data bytes to come.
    Status {
        status: u8,
        needs: u8,
        at: RefTime,
    },
    /// A status byte, implied or not, and the first of two data bytes.
    Half {
        status: u8,
        first: u8,
        at: RefTime,
    },
    SysEx,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    status: u8,
    needs: u8,
}

impl Parser {
    /// A parser that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            open: Open::Nothing,
            running: None,
            strays: 0,
        }
    }

    /// Takes the next byte, which came at `at`.
    pub fn feed(&mut self, byte: u8, at: RefTime) -> Step {
        let kind = Kind::of(byte);
        if kind.is_real_time() {
            return Step {
                cut_sysex: false,
                meaning: match kind {
                    Kind::RealTime => Meaning::Short(Short::one(byte, at)),
                    _ => self.stray(1),
                },
            };
        }
        if kind == Kind::Data {
            return Step {
                cut_sysex: false,
                meaning: self.data(byte, at),
            };
        }
        let in_sysex = matches!(self.open, Open::SysEx);
        Step {
            cut_sysex: in_sysex && kind != Kind::EndOfSysEx,
            meaning: self.status(byte, kind, at),
        }
    }

    /// Forgets the open message and the running status: bytes were lost here, so the next message
    /// is the next one with a status byte of its own.
    ///
    /// Returns whether a SysEx was open.
    pub fn interrupt(&mut self) -> bool {
        self.running = None;
        matches!(core::mem::take(&mut self.open), Open::SysEx)
    }

    /// Bytes that belonged to no message, wrapping.
    #[must_use]
    pub const fn strays(&self) -> u32 {
        self.strays
    }

    fn data(&mut self, byte: u8, at: RefTime) -> Meaning {
        let (status, needs, started) = match self.open {
            Open::SysEx => return Meaning::SysEx,
            Open::Half { status, first, at } => {
                self.open = Open::Nothing;
                return Meaning::Short(Short::three(status, first, byte, at));
            }
            Open::Status { status, needs, at } => (status, needs, at),
            Open::Nothing => match self.running {
                Some(Running { status, needs }) => (status, needs, at),
                None => return self.stray(1),
            },
        };
        if needs > 1 {
            self.open = Open::Half {
                status,
                first: byte,
                at: started,
            };
            return Meaning::Nothing;
        }
        self.open = Open::Nothing;
        Meaning::Short(Short::two(status, byte, started))
    }

    fn status(&mut self, byte: u8, kind: Kind, at: RefTime) -> Meaning {
        let cut = match core::mem::take(&mut self.open) {
            Open::SysEx if kind == Kind::EndOfSysEx => {
                self.running = None;
                return Meaning::SysExEnd;
            }
            Open::SysEx | Open::Nothing => 0,
            Open::Status { .. } => 1,
            Open::Half { .. } => 2,
        };
        self.stray(cut);
        self.running = None;
        match kind {
            Kind::Channel(needs) => {
                self.running = Some(Running {
                    status: byte,
                    needs,
                });
                self.open = Open::Status {
                    status: byte,
                    needs,
                    at,
                };
                Meaning::Nothing
            }
            Kind::SysEx => {
                self.open = Open::SysEx;
                Meaning::SysEx
            }
            Kind::Common(0) => Meaning::Short(Short::one(byte, at)),
            Kind::Common(needs) => {
                self.open = Open::Status {
                    status: byte,
                    needs,
                    at,
                };
                Meaning::Nothing
            }
            Kind::EndOfSysEx
            | Kind::UndefinedCommon
            | Kind::Data
            | Kind::RealTime
            | Kind::UndefinedRealTime => self.stray(1),
        }
    }

    fn stray(&mut self, bytes: u32) -> Meaning {
        self.strays = self.strays.wrapping_add(bytes);
        Meaning::Nothing
    }
}
