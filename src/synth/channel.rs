//! The controllers of one channel (contract sections 13.2 and 14.4).
#![forbid(unsafe_code)]

use super::modulation::Inputs;
use crate::dls::Patch;
use crate::midi::message::Standard;

/// What a controller message asks of the channel's voices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Nothing,
    /// Their controllers have moved.
    Moved,
    /// The sustain pedal went down: it holds what the sostenuto pedal holds, too.
    SustainDown,
    /// The sustain pedal came up.
    SustainUp,
    /// The sostenuto pedal went down: it holds what is held now.
    SostenutoDown,
    /// The sostenuto pedal came up.
    SostenutoUp,
    /// Every key is released.
    AllNotesOff,
    /// Silence.
    AllSoundOff,
    /// Controllers at rest, both pedals up.
    Reset,
}

/// The first bank (MSB) of XG's drums; 126 has the effects, 127 the kits.
const XG_DRUMS: u8 = 126;
/// General MIDI 2's bank (MSB) of rhythm channels.
pub(super) const GM2_DRUMS: u8 = 120;
/// General MIDI 2's bank (MSB) of melodic channels.
pub(super) const GM2_MELODY: u8 = 121;
/// The channels that General MIDI 2 lets choose between the two, counted from 0: 10 and 11.
const GM2_EITHER: core::ops::RangeInclusive<u8> = 9..=10;

/// Which parameter data entry sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parameter {
    msb: u8,
    lsb: u8,
}

impl Parameter {
    const NULL: Self = Self { msb: 127, lsb: 127 };

    const fn number(self) -> u16 {
        (self.msb as u16) << 7 | self.lsb as u16
    }
}

/// A channel's state. Small: a synth may have a million of them.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a pedal or a switch of its own"
)]
pub(super) struct Channel {
    pub(super) priority: u32,
    bank: [u8; 2],
    patch: Patch,
    pub(super) is_drums: bool,
    parameter: Parameter,
    /// CC1, 7, 10, 11, 91, 93.
    modulation: u8,
    volume: u8,
    pan: u8,
    expression: u8,
    reverb: u8,
    chorus: u8,
    wheel: u16,
    pressure: u8,
    bend_semitones: u8,
    bend_cents: u8,
    fine: u16,
    coarse: u8,
    pub(super) sustain: bool,
    pub(super) sostenuto: bool,
    pub(super) soft: bool,
    pub(super) mono: bool,
    portamento: bool,
    portamento_time: u8,
    /// CC84: where the next note glides from.
    portamento_key: u8,
    /// The last key played, for portamento; 128 if there was none.
    last_key: u8,
    /// Cents for the notes from C on.
    scale: [i8; 12],
}

impl Channel {
    /// The state after a GM reset (contract section 14.4).
    pub(super) fn new(index: u8) -> Self {
        let is_drums = index == 9;
        Self {
            priority: default_priority(index),
            bank: [0; 2],
            patch: Patch::from_bits(if is_drums { DRUMS } else { 0 }),
            is_drums,
            parameter: Parameter::NULL,
            modulation: 0,
            volume: 100,
            pan: 64,
            expression: 127,
            reverb: 40,
            chorus: 0,
            wheel: 8192,
            pressure: 0,
            bend_semitones: 2,
            bend_cents: 0,
            fine: 8192,
            coarse: 64,
            sustain: false,
            sostenuto: false,
            soft: false,
            mono: false,
            portamento: false,
            portamento_time: 0,
            portamento_key: NO_KEY,
            last_key: NO_KEY,
            scale: [0; 12],
        }
    }

    /// What a note's sources read, apart from its own pressure.
    pub(super) fn inputs(&self, key: i64, velocity: u8, poly_pressure: u8) -> Inputs {
        Inputs {
            velocity,
            key,
            wheel: self.wheel,
            poly_pressure,
            channel_pressure: self.pressure,
            cc1: self.modulation,
            cc7: self.volume,
            cc10: self.pan,
            cc11: self.expression,
            cc91: self.reverb,
            cc93: self.chorus,
            rpn0: self.bend_range(),
            rpn1: self.fine,
            // Coarse tuning moves keys, and a drum's key is its name.
            rpn2: if self.is_drums { 64 } else { self.coarse },
        }
    }

    /// Cents (16.16) that the scale tuning gives a key.
    pub(super) fn scale_tuning(&self, key: u8) -> i64 {
        let note = usize::from(key % 12);
        let cents = self.scale.get(note).copied().unwrap_or(0);
        i64::from(cents) << 16
    }

    pub(super) fn tune_scale(&mut self, first: u8, cents: &[i8]) {
        let notes = self.scale.iter_mut().skip(usize::from(first));
        for (slot, &cents) in notes.zip(cents) {
            *slot = cents;
        }
    }

    /// The patch that notes play.
    pub(super) const fn patch(&self) -> Patch {
        self.patch
    }

    /// A program change: the latched bank comes into force.
    ///
    /// In XG, banks from 126 on are drums. Bank 0 makes a melodic part of what was made drums by its
    /// bank; the drum part that nobody gave a bank stays one, for songs that say bank 0 to all sixteen
    /// channels (judgement: contract section 14.4 names bank 127 only).
    ///
    /// In General MIDI 2, bank 120 makes parts 10 and 11 rhythm parts and bank 121 melodic ones; on
    /// the other parts, and with other banks, nothing changes.
    pub(super) fn program(&mut self, program: u8, standard: Option<Standard>, part: u8) {
        let [msb, lsb] = self.bank;
        if standard == Some(Standard::Xg) {
            let drums_by_bank = self.patch.bits() >> 16 & 0x7F >= XG_DRUMS.into();
            self.is_drums = msb >= XG_DRUMS || (msb == 0 && self.is_drums && !drums_by_bank);
        }
        if standard == Some(Standard::Gm2) && GM2_EITHER.contains(&part) {
            self.is_drums = msb == GM2_DRUMS || (msb != GM2_MELODY && self.is_drums);
        }
        let drums = if self.is_drums { DRUMS } else { 0 };
        let bank = u32::from(msb) << 16 | u32::from(lsb) << 8;
        self.patch = Patch::from_bits(drums | bank | u32::from(program));
    }

    /// The bank that General MIDI 2 begins with: the one of its rhythm or of its melodic channels.
    /// Collections that lack it have the instrument in bank 0, where it is looked for next.
    pub(super) fn use_gm2_bank(&mut self) {
        let msb = if self.is_drums { GM2_DRUMS } else { GM2_MELODY };
        self.bank = [msb, 0];
        self.patch = Patch::from_bits(self.patch.bits() | u32::from(msb) << 16);
    }

    /// The channel becomes a drum channel or a melodic one, with the first program.
    pub(super) fn use_for_drums(&mut self, drums: bool) {
        self.is_drums = drums;
        self.bank = [0; 2];
        self.patch = Patch::from_bits(if drums { DRUMS } else { 0 });
    }

    pub(super) fn set_wheel(&mut self, value: u16) {
        self.wheel = value;
    }

    pub(super) fn set_pressure(&mut self, value: u8) {
        self.pressure = value;
    }

    /// Where a note that starts now glides from, and remembers its key for the next one.
    pub(super) fn glide_from(&mut self, key: u8) -> Option<u8> {
        let last = core::mem::replace(&mut self.last_key, key);
        let named = core::mem::replace(&mut self.portamento_key, NO_KEY);
        if named != NO_KEY {
            return Some(named);
        }
        (self.portamento && last != NO_KEY).then_some(last)
    }

    /// How long a glide takes, in 16.16 time cents: 1 ms to 8 s by CC5, evenly in octaves
    /// (nothing public says how long; this is ours).
    pub(super) fn glide_time(&self) -> i64 {
        let octaves = i64::from(self.portamento_time) * 13;
        ((octaves * 1200) << 16) / 127 - (11_959 << 16)
    }

    pub(super) fn controller(&mut self, number: u8, value: u8) -> Effect {
        let on = value >= 64;
        match number {
            0 => self.bank[0] = value,
            32 => self.bank[1] = value,
            1 => return moved(&mut self.modulation, value),
            7 => return moved(&mut self.volume, value),
            10 => return moved(&mut self.pan, value),
            11 => return moved(&mut self.expression, value),
            91 => return moved(&mut self.reverb, value),
            93 => return moved(&mut self.chorus, value),
            5 => self.portamento_time = value,
            65 => self.portamento = on,
            84 => self.portamento_key = value,
            64 => {
                let was = core::mem::replace(&mut self.sustain, on);
                return match (was, on) {
                    (false, true) => Effect::SustainDown,
                    (true, false) => Effect::SustainUp,
                    _ => Effect::Nothing,
                };
            }
            66 => {
                let was = core::mem::replace(&mut self.sostenuto, on);
                return match (was, on) {
                    (false, true) => Effect::SostenutoDown,
                    (true, false) => Effect::SostenutoUp,
                    _ => Effect::Nothing,
                };
            }
            67 => self.soft = on,
            6 => return self.data_entry(value, None),
            38 => return self.data_entry(0, Some(value)),
            96 => return self.data_step(true),
            97 => return self.data_step(false),
            98 | 99 => self.parameter = Parameter::NULL,
            100 => self.parameter.lsb = value,
            101 => self.parameter.msb = value,
            120 => return Effect::AllSoundOff,
            121 => {
                self.reset_controllers();
                return Effect::Reset;
            }
            123..=125 => return Effect::AllNotesOff,
            126 | 127 => {
                self.mono = number == 126;
                return Effect::AllNotesOff;
            }
            _ => {}
        }
        Effect::Nothing
    }

    /// Reset All Controllers leaves volume, pan, bank, program and parameter values alone
    /// (dls.md section 5).
    fn reset_controllers(&mut self) {
        self.modulation = 0;
        self.expression = 127;
        self.wheel = 8192;
        self.pressure = 0;
        self.lift_pedals();
        self.portamento = false;
        self.parameter = Parameter::NULL;
    }

    pub(super) fn lift_pedals(&mut self) {
        self.sustain = false;
        self.sostenuto = false;
        self.soft = false;
    }

    /// Data increment and decrement: by the parameter's finest step (RP-018), which of the bend
    /// range is a cent.
    fn data_step(&mut self, up: bool) -> Effect {
        match self.parameter.number() {
            0 => {
                let cents = neighbour(self.bend_range(), up, 12_800);
                let semitones = (cents / 100).min(127);
                self.bend_semitones = u8::try_from(semitones).unwrap_or(127);
                self.bend_cents = u8::try_from(cents - semitones * 100).unwrap_or(0);
            }
            1 => self.fine = neighbour(self.fine, up, 16_383),
            2 => {
                let coarse = neighbour(self.coarse.into(), up, 127);
                self.coarse = u8::try_from(coarse).unwrap_or(127);
            }
            _ => return Effect::Nothing,
        }
        Effect::Moved
    }

    /// The range of the wheel in cents.
    fn bend_range(&self) -> u16 {
        u16::from(self.bend_semitones) * 100 + u16::from(self.bend_cents)
    }

    /// `msb` counts unless there is an `lsb`.
    fn data_entry(&mut self, msb: u8, lsb: Option<u8>) -> Effect {
        match (self.parameter.number(), lsb) {
            (0, None) => {
                self.bend_semitones = msb;
                self.bend_cents = 0;
            }
            (0, Some(cents)) => self.bend_cents = cents.min(100),
            (1, None) => self.fine = u16::from(msb) << 7,
            (1, Some(low)) => self.fine = self.fine & 0x3F80 | u16::from(low),
            (2, None) => self.coarse = msb,
            _ => return Effect::Nothing,
        }
        Effect::Moved
    }
}

/// A value's neighbour, up or down, from 0 to `most`.
fn neighbour(value: u16, up: bool, most: u16) -> u16 {
    if up {
        value.saturating_add(1).min(most)
    } else {
        value.saturating_sub(1)
    }
}

fn moved(slot: &mut u8, value: u8) -> Effect {
    if core::mem::replace(slot, value) == value {
        Effect::Nothing
    } else {
        Effect::Moved
    }
}

/// `STANDARD` and the channel's rank: 10, then 1 to 9, then 11 to 16 (abi section 6).
pub(super) const fn default_priority(index: u8) -> u32 {
    let rank = match index {
        9 => 15,
        0..=8 => 14 - index,
        _ => 15_u8.saturating_sub(index),
    };
    0x8000_0000 | rank as u32
}

/// The flag of drum kits in a patch.
pub(super) const DRUMS: u32 = 0x8000_0000;
const NO_KEY: u8 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_rank_as_the_header_says() {
        let ranks: [u32; 16] =
            core::array::from_fn(|n| default_priority(u8::try_from(n).unwrap()) & 0xFF);
        assert_eq!(
            ranks,
            [14, 13, 12, 11, 10, 9, 8, 7, 6, 15, 5, 4, 3, 2, 1, 0]
        );
    }

    #[test]
    fn a_bank_waits_for_the_program_change() {
        let mut channel = Channel::new(0);
        channel.controller(0, 3);
        channel.controller(32, 4);
        assert_eq!(channel.patch().bits(), 0);
        channel.program(5, None, 0);
        assert_eq!(channel.patch().bits(), 0x0003_0405);
    }

    #[test]
    fn in_xg_the_bank_makes_drums_and_takes_them_back() {
        let drums_after = |index, banks: &[u8]| {
            let mut channel = Channel::new(index);
            for &bank in banks {
                channel.controller(0, bank);
                channel.program(0, Some(Standard::Xg), index);
            }
            assert_eq!(channel.is_drums, channel.patch().is_drums());
            channel.is_drums
        };
        assert!(drums_after(0, &[127]) && drums_after(0, &[126]) && drums_after(9, &[0]));
        assert!(!drums_after(0, &[127, 0]) && !drums_after(9, &[127, 0]));
        assert!(!drums_after(9, &[64]) && !drums_after(9, &[64, 0]) && drums_after(9, &[0, 127]));
    }

    #[test]
    fn in_gm2_the_bank_makes_drums_of_channels_10_and_11_only() {
        let drums_after = |index, banks: &[u8]| {
            let mut channel = Channel::new(index);
            channel.use_gm2_bank();
            for &bank in banks {
                channel.controller(0, bank);
                channel.program(0, Some(Standard::Gm2), index);
            }
            assert_eq!(channel.is_drums, channel.patch().is_drums());
            channel.is_drums
        };
        assert!(drums_after(9, &[]) && drums_after(9, &[120]) && drums_after(10, &[120]));
        assert!(!drums_after(10, &[]) && !drums_after(9, &[121]) && !drums_after(10, &[120, 121]));
        // Other banks leave the channel what it is.
        assert!(drums_after(9, &[0]) && drums_after(10, &[120, 0]) && !drums_after(9, &[121, 0]));
        for index in [0, 8, 11, 15] {
            assert!(!drums_after(index, &[120]), "channel {}", index + 1);
        }
    }

    #[test]
    fn parameters_are_set_and_deselected() {
        let mut channel = Channel::new(0);
        for (number, value) in [(101, 0), (100, 0), (6, 12), (38, 50)] {
            channel.controller(number, value);
        }
        assert_eq!(channel.inputs(0, 1, 0).rpn0, 1250);
        channel.controller(99, 1);
        channel.controller(6, 1);
        assert_eq!(channel.inputs(0, 1, 0).rpn0, 1250);
        for (number, value) in [(101, 0), (100, 2), (6, 70)] {
            channel.controller(number, value);
        }
        assert_eq!(channel.inputs(0, 1, 0).rpn2, 70);
        assert_eq!(
            Channel {
                is_drums: true,
                ..channel
            }
            .inputs(0, 1, 0)
            .rpn2,
            64
        );
    }

    #[test]
    fn reset_keeps_what_the_text_says() {
        let mut channel = Channel::new(0);
        for (number, value) in [(1, 9), (7, 9), (10, 9), (11, 9), (64, 127)] {
            channel.controller(number, value);
        }
        channel.set_wheel(0);
        assert_eq!(channel.controller(121, 0), Effect::Reset);
        let inputs = channel.inputs(0, 1, 0);
        assert_eq!((inputs.cc1, inputs.cc11, inputs.wheel), (0, 127, 8192));
        assert_eq!((inputs.cc7, inputs.cc10), (9, 9));
        assert!(!channel.sustain);
    }
}
