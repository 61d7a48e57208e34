//! MIDI as nobody should send it.

/// A generator that needs no crate: xorshift64*.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// 0..`end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = usize::try_from(self.below(choices.len() as u64)).unwrap();
        choices[index]
    }

    fn seven(&mut self) -> u8 {
        u8::try_from(self.below(128)).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// A message, or what is none. `rewires` allows SysEx that takes parts off their channels, after
/// which only a reset reaches what they play.
pub(crate) fn message(random: &mut Random, rewires: bool) -> Vec<u8> {
    let channel = u8::try_from(random.below(16)).unwrap();
    let (a, b) = (random.seven(), random.seven());
    match random.below(100) {
        0..40 => vec![0x90 | channel, a, b],
        40..55 => vec![0x80 | channel, a, b],
        55..70 => vec![0xB0 | channel, controller(random), b],
        70..75 => parameter(random, channel),
        75..80 => vec![0xC0 | channel, a],
        80..85 => vec![0xE0 | channel, a, b],
        85..88 => vec![0xA0 | channel, a, b],
        88..91 => vec![0xD0 | channel, a],
        91..95 => sys_ex(random, rewires),
        _ => (0..random.below(12)).map(|_| random.byte()).collect(),
    }
}

/// The known ones more often than others.
fn controller(random: &mut Random) -> u8 {
    let known = [
        0, 1, 5, 6, 7, 10, 11, 32, 38, 64, 65, 66, 67, 84, 91, 93, 98, 99, 100, 101, 120, 121, 123,
        124, 125, 126, 127,
    ];
    if random.below(8) == 0 {
        random.seven()
    } else {
        random.of(&known)
    }
}

/// Data entry without a parameter, and parameters that do not exist.
fn parameter(random: &mut Random, channel: u8) -> Vec<u8> {
    let number = random.of(&[100, 101, 6, 38, 98, 99, 96, 97]);
    let value = random.of(&[0, 1, 2, 3, 64, 127]);
    vec![0xB0 | channel, number, value]
}

fn sys_ex(random: &mut Random, rewires: bool) -> Vec<u8> {
    let (a, b) = (random.seven(), random.seven());
    let part = u8::try_from(random.below(16)).unwrap();
    match random.below(14) {
        0 => vec![0xF0, 0x7E, a, 0x09, random.of(&[1, 2, 3, 4]), 0xF7],
        1 => vec![0xF0, 0x41, a, 0x42, 0x12, 0x40, 0, 0x7F, 0, b, 0xF7],
        2 => vec![0xF0, 0x43, a, 0x4C, 0, 0, 0x7E, 0, 0xF7],
        3..5 => vec![0xF0, 0x7F, a, 0x04, 0x01, b, 100, 0xF7],
        5 => vec![0xF0, 0x7F, a, 0x04, 0x03, b, 64, 0xF7],
        6 => vec![0xF0, 0x7F, a, 0x04, 0x04, 0, b, 0xF7],
        7 => vec![
            0xF0,
            0x41,
            0x10,
            0x42,
            0x12,
            0x40,
            0x10 | part,
            0x15,
            b % 3,
            0,
            0xF7,
        ],
        8 if rewires => vec![
            0xF0,
            0x41,
            0x10,
            0x42,
            0x12,
            0x40,
            0x10 | part,
            0x02,
            b % 17,
            0,
            0xF7,
        ],
        9 => {
            let mut tuning = vec![0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x10 | part, 0x40];
            tuning.extend((0..random.below(14)).map(|_| random.seven()));
            tuning.extend([0, 0xF7]);
            tuning
        }
        10 => vec![0xF0, 0x43, 0x10, 0x4C, 0x08, part, 0x07, b % 4, 0xF7],
        11 => {
            // Long, and mostly not closed.
            let mut long = vec![0xF0];
            long.extend((0..random.below(600)).map(|_| random.byte()));
            long
        }
        _ => {
            let mut data = vec![0xF0];
            data.extend((0..random.below(20)).map(|_| random.seven()));
            data.push(0xF7);
            data
        }
    }
}
