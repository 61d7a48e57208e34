//! Raw MIDI bytes cut into messages, as the port does on legacy pins and in the capture sink.
//!
//! Written from the MIDI 1.0 specification, apart from the driver's own parser.
//!
//! No documentation says what the port does with the undefined statuses. Here F9 and FD are real-time
//! bytes like any other. F4 and F5 are one piece with the data bytes up to the next status byte, or to
//! the end of a client's buffer: a port selector must not wait for the note after it. What the next
//! buffer begins with is a piece of its own.

/// A piece of a MIDI stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The bytes: one whole message with its status byte, or a part of a SysEx message.
    pub bytes: Vec<u8>,
    /// Whether the message ends with this piece.
    pub complete: bool,
}

impl Piece {
    fn whole(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            complete: true,
        }
    }
}

/// Cuts a stream of bytes.
#[derive(Clone, Debug)]
pub struct Splitter {
    /// The longest part of a SysEx message.
    most: usize,
    /// The status byte that data bytes belong to; 0 is none.
    status: u8,
    data: Vec<u8>,
    /// The part of a SysEx message that was not given out yet.
    sysex: Option<Vec<u8>>,
    /// An F4 or F5 with its data bytes, as far as they were not given out yet.
    undefined: Option<Vec<u8>>,
}

impl Splitter {
    /// Gives SysEx messages out in parts of at most `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            status: 0,
            data: Vec::new(),
            sysex: None,
            undefined: None,
        }
    }

    /// Takes one byte.
    pub fn feed(&mut self, byte: u8, out: &mut Vec<Piece>) {
        if matches!(byte, 0x80..0xF8) {
            let ended = self.undefined.take().filter(|piece| !piece.is_empty());
            out.extend(ended.map(Piece::whole));
        }
        match byte {
            0xF8..=0xFF => out.push(Piece::whole(vec![byte])),
            0xF7 => {
                if let Some(mut part) = self.sysex.take() {
                    part.push(byte);
                    out.push(Piece::whole(part));
                }
                self.status = 0;
            }
            0x80.. => {
                // A status byte ends a SysEx message that forgot to end itself.
                if let Some(part) = self.sysex.take()
                    && !part.is_empty()
                {
                    out.push(Piece::whole(part));
                }
                self.data.clear();
                self.status = byte;
                match byte {
                    0xF0 => {
                        self.status = 0;
                        self.sysex = Some(vec![byte]);
                    }
                    0xF4 | 0xF5 => {
                        self.status = 0;
                        self.undefined = Some(vec![byte]);
                    }
                    _ if length_of(byte) == Some(0) => {
                        self.status = 0;
                        out.push(Piece::whole(vec![byte]));
                    }
                    _ if length_of(byte).is_none() => self.status = 0,
                    _ => {}
                }
            }
            _ => self.feed_data(byte, out),
        }
    }

    fn feed_data(&mut self, byte: u8, out: &mut Vec<Piece>) {
        if let Some(part) = self.sysex.as_mut().or(self.undefined.as_mut()) {
            if part.len() >= self.most {
                let bytes = std::mem::take(part);
                out.push(Piece {
                    bytes,
                    complete: false,
                });
            }
            part.push(byte);
            return;
        }
        let Some(length) = length_of(self.status) else {
            return;
        };
        self.data.push(byte);
        if self.data.len() == length {
            let mut message = vec![self.status];
            message.append(&mut self.data);
            out.push(Piece::whole(message));
            if self.status >= 0xF0 {
                self.status = 0;
            }
        }
    }

    /// The buffer ends here. Gives out the part of a SysEx message that has come so far, which goes on;
    /// and an F4 or F5, which ends here for all that anybody knows.
    pub fn flush(&mut self, out: &mut Vec<Piece>) {
        if let Some(piece) = &mut self.undefined
            && !piece.is_empty()
        {
            out.push(Piece::whole(std::mem::take(piece)));
        }
        if let Some(part) = &mut self.sysex
            && !part.is_empty()
        {
            let bytes = std::mem::take(part);
            out.push(Piece {
                bytes,
                complete: false,
            });
        }
    }
}

/// Data bytes that follow a status byte; `None` where there is no such message.
fn length_of(status: u8) -> Option<usize> {
    match status {
        0xC0..=0xDF | 0xF1 | 0xF3 => Some(1),
        0x80..=0xBF | 0xE0..=0xEF | 0xF2 => Some(2),
        0xF6 => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(most: usize, bytes: &[u8]) -> Vec<Piece> {
        let mut splitter = Splitter::new(most);
        let mut out = Vec::new();
        for byte in bytes {
            splitter.feed(*byte, &mut out);
        }
        splitter.flush(&mut out);
        out
    }

    #[test]
    fn running_status_is_expanded_around_real_time() {
        let pieces = split(99, &[0x90, 60, 1, 61, 0xF8, 2, 0xC0, 5]);
        let messages: Vec<_> = pieces.into_iter().map(|piece| piece.bytes).collect();
        let expected = [
            vec![0x90, 60, 1],
            vec![0xF8],
            vec![0x90, 61, 2],
            vec![0xC0, 5],
        ]
        .to_vec();
        assert_eq!(messages, expected);
    }

    #[test]
    fn undefined_statuses_are_passed_on() {
        let pieces = split(
            99,
            &[
                0x90, 1, 2, 0xF5, 2, 0xFD, 3, 0x90, 60, 64, 0xF0, 1, 0xF4, 0xF5, 4, 0xF7, 5, 0xF9,
            ],
        );
        let messages: Vec<_> = pieces.into_iter().map(|piece| piece.bytes).collect();
        let expected: [&[u8]; 8] = [
            &[0x90, 1, 2],
            &[0xFD],
            &[0xF5, 2, 3],
            &[0x90, 60, 64],
            &[0xF0, 1],
            &[0xF4],
            &[0xF5, 4],
            &[0xF9],
        ];
        assert_eq!(messages, expected);
        // A buffer's end is an end; what the next begins with is its own piece.
        let mut splitter = Splitter::new(99);
        let mut out = Vec::new();
        for buffer in [&[0xF5, 2][..], &[3], &[0x90, 60, 64]] {
            for &byte in buffer {
                splitter.feed(byte, &mut out);
            }
            splitter.flush(&mut out);
        }
        let expected = [vec![0xF5, 2], vec![3], vec![0x90, 60, 64]].map(Piece::whole);
        assert_eq!(out, expected);
    }

    #[test]
    fn system_exclusive_comes_in_parts() {
        let pieces = split(3, &[0xF0, 1, 2, 3, 4, 0xFE, 5, 0xF7, 0xF0, 6]);
        let parts: Vec<_> = pieces
            .iter()
            .map(|p| (p.bytes.as_slice(), p.complete))
            .collect();
        let expected: [(&[u8], bool); 4] = [
            (&[0xF0, 1, 2], false),
            (&[0xFE], true),
            (&[3, 4, 5, 0xF7], true),
            (&[0xF0, 6], false),
        ];
        assert_eq!(parts, expected);
    }
}
