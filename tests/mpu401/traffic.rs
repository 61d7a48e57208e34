//! Random MIDI: a mix of channel messages, SysEx up to 64 KiB, system common and real time.

use dmusmini::midi::status::Kind;

/// A source of whole messages that can be told from another source's on the same wire.
#[derive(Clone)]
pub(crate) struct Traffic {
    random: Random,
    /// Channels 0..8 or 8..16, and the byte after F0.
    mark: u8,
    real_time: u8,
}

impl Traffic {
    pub(crate) fn new(seed: u64, mark: u8) -> Self {
        Self {
            random: Random(seed),
            mark,
            real_time: if mark == 0 { 0xF8 } else { 0xFE },
        }
    }

    /// Which source a message comes from; 0 or 1.
    pub(crate) fn mark_of(message: &[u8]) -> usize {
        let upper = match message[0] {
            0xF8 => false,
            0xFE => true,
            0xF0..=0xF3 => message[1] != 0,
            status => status & 8 != 0,
        };
        usize::from(upper)
    }

    pub(crate) fn message(&mut self) -> Vec<u8> {
        let random = &mut self.random;
        match random.below(4_000) {
            0 => self.sysex(65_536),
            1..40 => {
                let len = 3 + self.random.below(400);
                self.sysex(usize::try_from(len).unwrap())
            }
            40..400 => vec![self.real_time],
            400..440 => vec![0xF2, self.mark, random.byte(128)],
            440..480 => vec![0xF3, self.mark],
            480..1_200 => {
                let status = 0xC0 | (random.byte(2) << 4) | (self.mark * 8) | random.byte(8);
                vec![status, random.byte(128)]
            }
            _ => {
                let kind = [0x80, 0x90, 0xA0, 0xB0, 0xE0][usize::from(random.byte(5))];
                let status = kind | (self.mark * 8) | random.byte(8);
                vec![status, random.byte(128), random.byte(128)]
            }
        }
    }

    fn sysex(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0xF0, self.mark];
        bytes.extend((0..len - 3).map(|_| self.random.byte(128)));
        bytes.push(0xF7);
        bytes
    }

    /// Puts a message on a wire as a sender may: often without its status byte, with real-time
    /// bytes anywhere inside. Returns where in `wire` it begins, and the real-time bytes with
    /// their places.
    pub(crate) fn play(
        &mut self,
        message: &[u8],
        running: &mut Option<u8>,
        wire: &mut Vec<u8>,
    ) -> Played {
        let mut inserted = Vec::new();
        let mut rest = message;
        match message[0] {
            status @ 0x80..=0xEF => {
                if *running == Some(status) && self.random.below(4) != 0 {
                    rest = &message[1..];
                }
                *running = Some(status);
            }
            0xF0..=0xF7 => *running = None,
            _ => {}
        }
        let first = wire.len();
        for (index, &byte) in rest.iter().enumerate() {
            if index > 0 && self.random.below(50) == 0 {
                inserted.push(wire.len());
                wire.push(self.real_time);
            }
            wire.push(byte);
        }
        Played { first, inserted }
    }
}

/// Where a message is on the wire.
pub(crate) struct Played {
    pub(crate) first: usize,
    pub(crate) inserted: Vec<usize>,
}

/// Small, fast, and the same on every run (splitmix64).
#[derive(Clone)]
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn byte(&mut self, bound: u8) -> u8 {
        u8::try_from(self.below(u64::from(bound))).unwrap()
    }
}

/// Splits a byte stream into messages the simple way, apart from the driver's parser: real-time
/// bytes come out at once, running status is expanded, SysEx comes out whole.
#[derive(Default)]
pub(crate) struct Splitter {
    open: Vec<u8>,
    running: Option<u8>,
}

impl Splitter {
    pub(crate) fn feed(&mut self, byte: u8) -> Option<Vec<u8>> {
        if byte >= 0xF8 {
            return Some(vec![byte]);
        }
        if byte >= 0x80 && byte != 0xF7 {
            assert!(self.open.is_empty(), "{byte:02X} tears {:02X?}", self.open);
            self.running = (byte < 0xF0).then_some(byte);
        }
        if self.open.is_empty() && byte < 0x80 {
            self.open.push(self.running.expect("a status byte first"));
        }
        self.open.push(byte);
        let whole = match self.open[0] {
            0xF0 => byte == 0xF7,
            status => self.open.len() > usize::from(data_bytes(status)),
        };
        whole.then(|| std::mem::take(&mut self.open))
    }
}

fn data_bytes(status: u8) -> u8 {
    match Kind::of(status) {
        Kind::Channel(needs) | Kind::Common(needs) => needs,
        kind => panic!("{status:02X} is {kind:?}"),
    }
}
