//! A MIDI channel's controllers (contract section 13, dls.md section 5).

use dmusmini_collection::source;

use crate::curve::Value;

/// Everything a channel remembers.
#[derive(Clone, Debug)]
pub struct Channel {
    /// CC0 and CC32, waiting for a program change.
    bank: (u8, u8),
    /// The chosen instrument.
    pub patch: u32,
    /// Whether it plays drum kits.
    pub is_drums: bool,
    /// Controller values.
    pub cc: [u8; 128],
    /// 0..=16,383.
    pub wheel: u16,
    /// Channel pressure.
    pub pressure: u8,
    /// Key pressures.
    pub key_pressure: [u8; 128],
    /// Semitones and cents of the bend range.
    bend_range: (u8, u8),
    /// RPN 1.
    fine_tune: u16,
    /// RPN 2.
    pub coarse_tune: u8,
    /// The parameter that data entry sets; none is the null parameter or an NRPN.
    rpn: Option<u16>,
}

impl Channel {
    /// As after a GM reset.
    pub fn new(is_drums: bool) -> Self {
        let mut cc = [0; 128];
        cc[7] = 100;
        cc[10] = 64;
        cc[11] = 127;
        Self {
            bank: (0, 0),
            patch: u32::from(is_drums) << 31,
            is_drums,
            cc,
            wheel: 8192,
            pressure: 0,
            key_pressure: [0; 128],
            bend_range: (2, 0),
            fine_tune: 8192,
            coarse_tune: 64,
            rpn: None,
        }
    }

    /// A controller that only changes state.
    pub fn control(&mut self, number: u8, value: u8) {
        self.cc[usize::from(number & 127)] = value;
        match number {
            0 => self.bank.0 = value,
            32 => self.bank.1 = value,
            6 => self.data_entry(Some(value), None),
            38 => self.data_entry(None, Some(value)),
            98 | 99 => self.rpn = None,
            100 | 101 => {
                let rpn = u16::from(self.cc[101]) << 7 | u16::from(self.cc[100]);
                self.rpn = (rpn != 0x3FFF).then_some(rpn);
            }
            121 => {
                self.cc[1] = 0;
                self.cc[11] = 127;
                self.cc[64..=67].fill(0);
                self.wheel = 8192;
                self.pressure = 0;
                self.key_pressure = [0; 128];
                self.rpn = None;
            }
            _ => {}
        }
    }

    /// A program change: the bank takes effect with it.
    pub fn program(&mut self, program: u8) {
        let bank = u32::from(self.bank.0) << 16 | u32::from(self.bank.1) << 8;
        self.patch = u32::from(self.is_drums) << 31 | bank | u32::from(program);
    }

    /// What `source` reads, if it is a controller.
    pub fn value(&self, source: u16, key: u8) -> Option<Value> {
        Some(match source {
            source::NONE => Value::One,
            source::PITCH_WHEEL => Value::Fourteen(self.wheel),
            source::POLY_PRESSURE => Value::Seven(self.key_pressure[usize::from(key & 127)]),
            source::CHANNEL_PRESSURE | source::MONO_PRESSURE => Value::Seven(self.pressure),
            source::CC1 => Value::Seven(self.cc[1]),
            source::CC7 => Value::Seven(self.cc[7]),
            source::CC10 => Value::Seven(self.cc[10]),
            source::CC11 => Value::Seven(self.cc[11]),
            source::CC91 => Value::Seven(self.cc[91]),
            source::CC93 => Value::Seven(self.cc[93]),
            source::RPN0 => {
                let (semitones, cents) = self.bend_range;
                Value::Unit((f64::from(semitones) + f64::from(cents) / 100.0) / 128.0)
            }
            source::RPN1 => Value::Fourteen(self.fine_tune),
            source::RPN2 => Value::Seven(self.coarse_tune),
            _ => return None,
        })
    }

    fn data_entry(&mut self, high: Option<u8>, low: Option<u8>) {
        match self.rpn {
            Some(0) => {
                self.bend_range.0 = high.unwrap_or(self.bend_range.0);
                self.bend_range.1 = low.unwrap_or(self.bend_range.1);
            }
            Some(1) => {
                let high = high.map_or(self.fine_tune >> 7, u16::from);
                let low = low.map_or(self.fine_tune & 127, u16::from);
                self.fine_tune = high << 7 | low;
            }
            Some(2) => self.coarse_tune = high.unwrap_or(self.coarse_tune),
            _ => {}
        }
    }
}
