//! A channel group: sixteen parts and what is common to them (contract section 12.1).
#![forbid(unsafe_code)]

use super::Lookup;
use super::channel::{Channel, DRUMS, GM2_DRUMS, GM2_MELODY};
use super::voice::Surroundings;
use crate::dls::Patch;
use crate::fixed;
use crate::midi;
use crate::midi::message::Standard;

/// One group. A part is what GS calls it: a channel's state, and the channel it listens to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    parts: [Channel; PARTS],
    /// For each channel the parts that listen to it.
    listeners: [u16; PARTS],
    /// Which fallbacks are in force; none but DLS's own until a reset names one.
    pub(super) standard: Option<Standard>,
    /// 0..=16383.
    volume: u16,
    fine: u16,
    coarse: u8,
}

impl Group {
    /// As after power-on.
    pub(super) fn new() -> Self {
        Self {
            parts: PART_NUMBERS.map(Channel::new),
            listeners: PART_NUMBERS.map(|n| 1 << n),
            standard: None,
            volume: FULL_VOLUME,
            fine: 8192,
            coarse: 64,
        }
    }

    /// A reset brings everything to rest, priorities included.
    pub(super) fn reset(&mut self, standard: Option<Standard>) {
        *self = Self {
            standard,
            ..Self::new()
        };
        if standard == Some(Standard::Gm2) {
            for part in &mut self.parts {
                part.use_gm2_bank();
            }
        }
    }

    pub(super) fn part(&self, part: u8) -> Option<&Channel> {
        self.parts.get(usize::from(part))
    }

    pub(super) fn part_mut(&mut self, part: u8) -> Option<&mut Channel> {
        self.parts.get_mut(usize::from(part))
    }

    /// The parts that listen to a channel, one bit each.
    pub(super) fn listeners(&self, channel: midi::Channel) -> u16 {
        let mask = self.listeners.get(usize::from(channel.index()));
        mask.copied().unwrap_or(0)
    }

    /// Lets a part listen to a channel, or to none; says whether it leaves another one.
    pub(super) fn listen(&mut self, part: midi::Channel, channel: Option<midi::Channel>) -> bool {
        let bit = 1_u16 << part.index();
        let before = self.listeners;
        for (mask, number) in self.listeners.iter_mut().zip(PART_NUMBERS) {
            *mask &= !bit;
            if channel.is_some_and(|channel| channel.index() == number) {
                *mask |= bit;
            }
        }
        self.listeners != before
    }

    pub(super) fn set_volume(&mut self, value: u16) {
        self.volume = value;
    }

    pub(super) fn set_fine(&mut self, value: u16) {
        self.fine = value;
    }

    pub(super) fn set_coarse(&mut self, value: u8) {
        self.coarse = value;
    }

    /// What a note of `key` on `part` gets from group and channel, apart from connections.
    pub(super) fn surroundings(&self, part: &Channel, key: u8, soft: bool) -> Surroundings {
        let fine = ((i64::from(self.fine) - 8192) * (100 << 16)) / 8192;
        let tuning = if part.is_drums {
            fine
        } else {
            fine + (i64::from(self.coarse) - 64) * (100 << 16) + part.scale_tuning(key)
        };
        let gain = match self.volume {
            0 => -960 << 16,
            FULL_VOLUME.. => 0,
            volume => {
                let octaves = fixed::log2(u64::from(volume)) - fixed::log2(FULL_VOLUME.into());
                // 40 dB a decade are 120.412 tenths an octave.
                (octaves >> 16) * 120_412 / 1000
            }
        };
        Surroundings {
            tuning,
            gain: if soft { gain - SOFT } else { gain },
        }
    }

    /// The patches to look for, the first one found counts.
    ///
    /// Any missing kit is the standard kit, whatever the rule. With [`Lookup::Fallbacks`] a kit of
    /// General MIDI 2's bank 120 comes before it, with and without the flag of kits: collections
    /// that number their banks so do not all set it.
    pub(super) fn candidates(&self, part: &Channel, lookup: Lookup) -> [Option<Patch>; 7] {
        let asked = part.patch();
        let in_bank = |kept: u32, bank: u32| {
            let bits = asked.bits() & (DRUMS_AND_PROGRAM | kept) | bank;
            Some(Patch::from_bits(bits))
        };
        let melodic = |bank: u32| Some(Patch::from_bits(asked.bits() & PROGRAM | bank));
        let kit = |bits: u32| Some(Patch::from_bits(bits));
        let [drums, melody] = [GM2_DRUMS, GM2_MELODY].map(|msb| u32::from(msb) << 16);
        match (asked.is_drums(), lookup, self.standard) {
            (true, Lookup::Exact, _) => {
                let kits = [Some(asked), in_bank(0, 0), kit(DRUMS)];
                some_of(kits)
            }
            (true, Lookup::Fallbacks, _) => [
                Some(asked),
                in_bank(0, 0),
                in_bank(0, drums),
                melodic(drums),
                kit(DRUMS),
                kit(DRUMS | drums),
                kit(drums),
            ],
            (false, Lookup::Exact, Some(_)) => {
                some_of([Some(asked), in_bank(MSB, 0), in_bank(0, 0)])
            }
            (false, Lookup::Exact, None) => some_of([Some(asked)]),
            (false, Lookup::Fallbacks, _) => some_of([
                Some(asked),
                in_bank(MSB, 0),
                in_bank(0, 0),
                in_bank(0, melody),
            ]),
        }
    }
}

/// A few candidates, and none behind them.
fn some_of<const N: usize>(few: [Option<Patch>; N]) -> [Option<Patch>; 7] {
    let mut all = [None; 7];
    for (place, patch) in all.iter_mut().zip(few) {
        *place = patch;
    }
    all
}

const PROGRAM: u32 = 0x7F;
const MSB: u32 = 0x7F << 16;
const DRUMS_AND_PROGRAM: u32 = DRUMS | PROGRAM;
/// The coarse byte's 127: the law is that of seven bits, and the fine byte lies between its steps.
const FULL_VOLUME: u16 = 127 << 7;
const PARTS: usize = 16;
const PART_NUMBERS: [u8; PARTS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// The soft pedal takes 6 dB (nothing public says how much; this is ours).
const SOFT: i64 = 60 << 16;
