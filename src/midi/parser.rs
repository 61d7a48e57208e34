//! A MIDI byte stream to whole messages: running status, real time inside anything, SysEx.
//!
//! Follows mpu401.md section 5. A [`Parser`] holds no SysEx data: it says of each byte whether it
//! belongs to one, and where the SysEx ends, so that there is no longest message. The same holds for
//! F4 and F5, whose length nothing defines: their data bytes go on until the next status byte. Every
//! byte comes with its own time, and a message carries the time of its first.
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
    /// The byte is an F4 or F5, or the next data byte of the open one.
    Undefined,
}

/// What one byte did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Before anything else, the byte ended the open SysEx without being part of it.
    pub cut_sysex: bool,
    /// Before anything else, the byte ended the open F4 or F5, as any status byte does.
    pub ended_undefined: bool,
    /// Its own meaning.
    pub meaning: Meaning,
}

impl Step {
    /// A step that ended nothing that was open.
    const fn only(meaning: Meaning) -> Self {
        Self {
            cut_sysex: false,
            ended_undefined: false,
            meaning,
        }
    }

    /// The byte ended a message of open length without being part of it.
    #[must_use]
    pub const fn ended_open(&self) -> bool {
        self.cut_sysex || self.ended_undefined
    }
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
    /// F4 or F5, whose data bytes go on until the next status byte.
    Undefined,
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
        match kind {
            Kind::RealTime => Step::only(Meaning::Short(Short::one(byte, at))),
            Kind::Data => Step::only(self.data(byte, at)),
            _ => Step {
                cut_sysex: self.is_in_sysex() && kind != Kind::EndOfSysEx,
                ended_undefined: matches!(self.open, Open::Undefined),
                meaning: self.status(byte, kind, at),
            },
        }
    }

    /// Whether a SysEx is open.
    #[must_use]
    pub const fn is_in_sysex(&self) -> bool {
        matches!(self.open, Open::SysEx)
    }

    /// Forgets the open message and the running status: bytes were lost here, so the next message
    /// is the next one with a status byte of its own.
    ///
    /// Returns whether a message was open whose bytes were told of one by one: a SysEx, an F4 or F5.
    pub fn interrupt(&mut self) -> bool {
        self.running = None;
        matches!(
            core::mem::take(&mut self.open),
            Open::SysEx | Open::Undefined
        )
    }

    /// Bytes that belonged to no message, wrapping.
    #[must_use]
    pub const fn strays(&self) -> u32 {
        self.strays
    }

    fn data(&mut self, byte: u8, at: RefTime) -> Meaning {
        let (status, needs, started) = match self.open {
            Open::SysEx => return Meaning::SysEx,
            Open::Undefined => return Meaning::Undefined,
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
            Open::SysEx | Open::Undefined | Open::Nothing => 0,
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
            Kind::UndefinedCommon => {
                self.open = Open::Undefined;
                Meaning::Undefined
            }
            Kind::EndOfSysEx | Kind::Data | Kind::RealTime => self.stray(1),
        }
    }

    fn stray(&mut self, bytes: u32) -> Meaning {
        self.strays = self.strays.wrapping_add(bytes);
        Meaning::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// What a parser makes of a byte stream whose n-th byte comes at time n: whole messages with
    /// their times, SysEx gathered, cut ones marked by a missing F7.
    fn parse(bytes: &[u8]) -> Vec<(Vec<u8>, i64)> {
        let mut parser = Parser::new();
        let mut messages = Vec::new();
        let mut open: Option<(Vec<u8>, i64)> = None;
        for (at, &byte) in (0..).zip(bytes) {
            let step = parser.feed(byte, RefTime(at));
            if step.ended_open() {
                messages.extend(open.take());
            }
            match step.meaning {
                Meaning::Nothing => {}
                Meaning::Short(short) => messages.push((short.as_bytes().to_vec(), short.at.0)),
                Meaning::SysEx | Meaning::SysExEnd | Meaning::Undefined => {
                    let (gathered, _) = open.get_or_insert_with(|| (Vec::new(), at));
                    gathered.push(byte);
                    if step.meaning == Meaning::SysExEnd {
                        messages.extend(open.take());
                    }
                }
            }
        }
        messages
    }

    fn expect(bytes: &[u8], messages: &[(&[u8], i64)]) {
        let expected: Vec<_> = messages
            .iter()
            .map(|&(bytes, at)| (bytes.to_vec(), at))
            .collect();
        assert_eq!(parse(bytes), expected, "{bytes:02X?}");
    }

    #[test]
    fn every_length() {
        for status in 0x80..=0xEF {
            let whole = [status, 1, 2];
            let len = if matches!(status, 0xC0..=0xDF) { 2 } else { 3 };
            expect(&whole[..len], &[(&whole[..len], 0)]);
        }
        expect(&[0xF1, 5], &[(&[0xF1, 5], 0)]);
        expect(&[0xF2, 5, 6], &[(&[0xF2, 5, 6], 0)]);
        expect(&[0xF3, 5], &[(&[0xF3, 5], 0)]);
        expect(&[0xF6], &[(&[0xF6], 0)]);
    }

    #[test]
    fn running_status_is_expanded_with_the_data_bytes_time() {
        expect(
            &[0x90, 1, 2, 3, 4, 0xC5, 6, 7],
            &[
                (&[0x90, 1, 2], 0),
                (&[0x90, 3, 4], 3),
                (&[0xC5, 6], 5),
                (&[0xC5, 7], 7),
            ],
        );
    }

    #[test]
    fn system_messages_end_running_status_and_real_time_does_not() {
        expect(
            &[0x90, 1, 2, 0xF6, 3, 4],
            &[(&[0x90, 1, 2], 0), (&[0xF6], 3)],
        );
        for undefined in [0xF4, 0xF5] {
            expect(
                &[0x90, 1, 2, undefined, 3, 4, 0xC0, 5, 6],
                &[
                    (&[0x90, 1, 2], 0),
                    (&[undefined, 3, 4], 3),
                    (&[0xC0, 5], 6),
                    (&[0xC0, 6], 8),
                ],
            );
        }
        expect(&[0x90, 1, 2, 0xF7, 3, 4], &[(&[0x90, 1, 2], 0)]);
        expect(
            &[0x90, 1, 2, 0xF8, 3, 4],
            &[(&[0x90, 1, 2], 0), (&[0xF8], 3), (&[0x90, 3, 4], 4)],
        );
    }

    #[test]
    fn real_time_may_stand_anywhere() {
        expect(
            &[0x90, 0xFE, 1, 0xFF, 2],
            &[(&[0xFE], 1), (&[0xFF], 3), (&[0x90, 1, 2], 0)],
        );
        expect(
            &[0xF0, 1, 0xFA, 2, 0xF7],
            &[(&[0xFA], 2), (&[0xF0, 1, 2, 0xF7], 0)],
        );
        // F9 and FD are undefined, and passed on like the rest.
        expect(
            &[0x90, 0xF9, 1, 0xFD, 2, 0xF9, 3, 4],
            &[
                (&[0xF9], 1),
                (&[0xFD], 3),
                (&[0x90, 1, 2], 0),
                (&[0xF9], 5),
                (&[0x90, 3, 4], 6),
            ],
        );
        expect(
            &[0xF0, 0xF9, 1, 0xFD, 0xF7],
            &[(&[0xF9], 1), (&[0xFD], 3), (&[0xF0, 1, 0xF7], 0)],
        );
    }

    /// MIDI 1.0 defines neither F4 nor F5 nor their length: a port selector is F5 nn.
    #[test]
    fn undefined_system_common_keeps_its_data_up_to_the_next_status() {
        expect(
            &[0xF5, 2, 0x90, 0x3C, 0x40, 0xF6],
            &[(&[0xF5, 2], 0), (&[0x90, 0x3C, 0x40], 2), (&[0xF6], 5)],
        );
        // Real time inside it comes out first, and disturbs it as little as anything.
        expect(
            &[0xF4, 0xF8, 1, 0xFD, 2, 0xFE, 0xF5, 0xF4, 3, 0xF0, 4, 0xF7],
            &[
                (&[0xF8], 1),
                (&[0xFD], 3),
                (&[0xFE], 5),
                (&[0xF4, 1, 2], 0),
                (&[0xF5], 6),
                (&[0xF4, 3], 7),
                (&[0xF0, 4, 0xF7], 9),
            ],
        );
        // Every status byte ends it; F7 is part of nothing.
        for status in (0x80..0xF8).filter(|&status| status != 0xF7) {
            let messages = parse(&[0xF5, 1, status]);
            assert_eq!(messages[0], (std::vec![0xF5, 1], 0), "{status:02X}");
        }
        expect(&[0xF5, 1, 0xF7, 2, 0xF6], &[(&[0xF5, 1], 0), (&[0xF6], 4)]);
        // However long it is.
        let mut long = std::vec![0x11; 1_000];
        long[0] = 0xF5;
        assert_eq!(parse(&[&long[..], &[0xF6]].concat())[0], (long, 0));
    }

    #[test]
    fn any_status_ends_a_sysex() {
        expect(
            &[0xF0, 1, 0x80, 2, 3],
            &[(&[0xF0, 1], 0), (&[0x80, 2, 3], 2)],
        );
        expect(&[0xF0, 1, 0xF6], &[(&[0xF0, 1], 0), (&[0xF6], 2)]);
        expect(
            &[0xF0, 1, 0xF0, 2, 0xF7],
            &[(&[0xF0, 1], 0), (&[0xF0, 2, 0xF7], 2)],
        );
        expect(
            &[0xF0, 1, 0xF5, 2, 0xF7],
            &[(&[0xF0, 1], 0), (&[0xF5, 2], 2)],
        );
    }

    #[test]
    fn what_belongs_to_no_message_is_counted() {
        let mut parser = Parser::new();
        for byte in [1, 2, 0x90, 3, 0x80, 0xF7, 0xF4, 0xF9] {
            parser.feed(byte, RefTime(0));
        }
        // Two data bytes, a torn note-on of two, a torn status byte and F7.
        assert_eq!(parser.strays(), 6);
    }

    #[test]
    fn an_interruption_waits_for_the_next_status_byte() {
        let mut parser = Parser::new();
        for byte in [0x90, 1, 2, 3] {
            parser.feed(byte, RefTime(0));
        }
        assert!(!parser.interrupt());
        assert_eq!(parser.feed(4, RefTime(0)).meaning, Meaning::Nothing);
        for open in [0xF0, 0xF4, 0xF5] {
            parser.feed(open, RefTime(0));
            assert!(parser.interrupt(), "{open:02X}");
            assert_eq!(parser.feed(5, RefTime(0)).meaning, Meaning::Nothing);
        }
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let data = || 0..0x80_u8;
        prop_oneof![
            (0x80..0xC0_u8, data(), data()).prop_map(|(status, a, b)| std::vec![status, a, b]),
            (0xE0..0xF0_u8, data(), data()).prop_map(|(status, a, b)| std::vec![status, a, b]),
            (0xC0..0xE0_u8, data()).prop_map(|(status, a)| std::vec![status, a]),
            (data(), data()).prop_map(|(a, b)| std::vec![0xF2, a, b]),
            Just(std::vec![0xF6]),
            (0xF8..=0xFF_u8).prop_map(|byte| std::vec![byte]),
            prop::collection::vec(data(), 0..40).prop_map(|mut bytes| {
                bytes.insert(0, 0xF0);
                bytes.push(0xF7);
                bytes
            }),
            (0xF4..=0xF5_u8, prop::collection::vec(data(), 0..12)).prop_map(
                |(status, mut bytes)| {
                    bytes.insert(0, status);
                    bytes
                }
            ),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 4 } else { 256 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Whatever a sender makes of whole messages (leaving out implied status bytes, putting real
        /// time inside), the parser makes the same messages of it, each with its first byte's time.
        #[test]
        fn parsing_undoes_encoding(
            messages in prop::collection::vec((message(), any::<u64>()), 0..60),
        ) {
            let mut wire = Vec::new();
            let mut expected = Vec::new();
            let mut running = None;
            // An F4 or F5 that the next status byte ends, and whose turn comes then.
            let mut open: Option<(Vec<u8>, i64)> = None;
            for (message, choice) in messages {
                let status = message[0];
                let implied = running == Some(status) && choice & 1 != 0;
                if status < 0xF8 {
                    running = (status < 0xF0).then_some(status);
                }
                let start = i64::try_from(wire.len()).unwrap();
                if status < 0xF8 {
                    expected.extend(open.take());
                }
                for (index, &byte) in message.iter().enumerate().skip(usize::from(implied)) {
                    let inside = index > usize::from(implied);
                    if inside && (choice >> (index % 60 + 1)) & 1 != 0 {
                        expected.push((std::vec![0xF8], i64::try_from(wire.len()).unwrap()));
                        wire.push(0xF8);
                    }
                    wire.push(byte);
                }
                if matches!(status, 0xF4 | 0xF5) {
                    open = Some((message, start));
                } else {
                    expected.push((message, start));
                }
            }
            prop_assert_eq!(parse(&wire), expected);
        }

        /// Any bytes at all: every message is well formed, and every byte is either in one or
        /// counted as a stray or still open.
        #[test]
        fn no_byte_is_lost_or_invented(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut parser = Parser::new();
            let mut in_messages = 0_usize;
            for &byte in &bytes {
                match parser.feed(byte, RefTime(0)).meaning {
                    Meaning::Nothing => {}
                    Meaning::Short(short) => {
                        let bytes = short.as_bytes();
                        prop_assert!(bytes[0] >= 0x80 && bytes[0] != 0xF0 && bytes[0] != 0xF7);
                        prop_assert!(bytes[1..].iter().all(|&data| data < 0x80));
                        in_messages += bytes.len();
                    }
                    Meaning::SysEx | Meaning::SysExEnd | Meaning::Undefined => in_messages += 1,
                }
            }
            let open = match parser.open {
                Open::Nothing | Open::SysEx | Open::Undefined => 0,
                Open::Status { .. } => 1,
                Open::Half { .. } => 2,
            };
            // Running status adds at most one byte a message that was not on the wire.
            let accounted = in_messages + parser.strays() as usize + open;
            prop_assert!(accounted >= bytes.len(), "{accounted} of {}", bytes.len());
        }
    }
}
