//! The effects and the bus of sends that feeds them.
#![forbid(unsafe_code)]
#![expect(clippy::cast_possible_truncation, reason = "sends are clamped first")]

use super::bus::Bus;
use super::chorus::Chorus;
use super::reverb::{Reverb, ReverbParameters};
use super::{BLOCK_FRAMES, Effects};
use crate::mem::{Buffer, OutOfMemory};

/// What of the effects there is.
#[derive(Debug)]
pub(super) struct Rack {
    reverb: Option<Reverb>,
    chorus: Option<Chorus>,
    sends: Bus,
    /// What the effects add to the mix, Q37.
    wet: Buffer<[i64; 2]>,
}

impl Rack {
    pub(super) fn try_new(effects: Effects, rate: u32) -> Result<Self, OutOfMemory> {
        Ok(Self {
            reverb: if effects.reverb {
                Some(Reverb::try_new(rate)?)
            } else {
                None
            },
            chorus: if effects.chorus {
                Some(Chorus::try_new(rate)?)
            } else {
                None
            },
            sends: Bus::try_new()?,
            wet: Buffer::try_filled(BLOCK_FRAMES, [0; 2])?,
        })
    }

    /// Where voices send to, if anything listens.
    pub(super) fn sends(&mut self) -> Option<&mut Bus> {
        self.is_on().then_some(&mut self.sends)
    }

    /// Forgets what was sent since the effects ran.
    pub(super) fn clear_sends(&mut self) {
        self.sends.clear();
    }

    pub(super) fn set_reverb(&mut self, parameters: &ReverbParameters) {
        if let Some(reverb) = &mut self.reverb {
            reverb.set(parameters);
        }
    }

    /// Runs the effects over a block of sends; without any, there is nothing to add.
    pub(super) fn run(&mut self, frames: usize) -> &[[i64; 2]] {
        if self.is_on() {
            let Self {
                reverb,
                chorus,
                sends,
                wet,
            } = self;
            let wet = wet.get_mut(..frames).unwrap_or_default();
            sends.drain(wet, |slot, [to_reverb, to_chorus]| {
                let mut sums = [0_i64; 2];
                let mut add = |wet: [i32; 2]| {
                    for (sum, wet) in sums.iter_mut().zip(wet) {
                        *sum = sum.saturating_add(i64::from(wet) << 29);
                    }
                };
                if let Some(reverb) = reverb {
                    add(reverb.next(q8(to_reverb)));
                }
                if let Some(chorus) = chorus {
                    add(chorus.next(q8(to_chorus)));
                }
                *slot = sums;
            });
            wet
        } else {
            &[]
        }
    }

    /// No echo is left of what was sent.
    pub(super) fn fall_silent(&mut self) {
        self.sends.clear();
        if let Some(reverb) = &mut self.reverb {
            reverb.fall_silent();
        }
        if let Some(chorus) = &mut self.chorus {
            chorus.fall_silent();
        }
    }

    /// Whether there are any effects.
    pub(super) const fn is_on(&self) -> bool {
        self.reverb.is_some() || self.chorus.is_some()
    }
}

/// From Q37 to Q8, at most 30 dB above full scale.
fn q8(sum: i64) -> i32 {
    (sum >> 29).clamp(-(1 << 28), 1 << 28) as i32
}
