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
    /// What was sent to each of them, Q8 of a 16-bit sample's step.
    sent: [Buffer<i32>; 2],
    /// What the effects add to the mix, Q8.
    wet: Buffer<[i32; 2]>,
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
            sent: [
                Buffer::try_filled(BLOCK_FRAMES, 0)?,
                Buffer::try_filled(BLOCK_FRAMES, 0)?,
            ],
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
    pub(super) fn run(&mut self, frames: usize) -> &[[i32; 2]] {
        if !self.is_on() {
            return &[];
        }
        let Self {
            reverb,
            chorus,
            sends,
            sent: [to_reverb, to_chorus],
            wet,
        } = self;
        let to_reverb = to_reverb.get_mut(..frames).unwrap_or_default();
        let to_chorus = to_chorus.get_mut(..frames).unwrap_or_default();
        let wet = wet.get_mut(..frames).unwrap_or_default();
        let places = to_reverb.iter_mut().zip(&mut *to_chorus);
        sends.drain(places, |(to_reverb, to_chorus), [reverb, chorus]| {
            *to_reverb = q8(reverb);
            *to_chorus = q8(chorus);
        });
        wet.fill([0; 2]);
        if let Some(reverb) = reverb {
            reverb.run(to_reverb, wet);
        }
        if let Some(chorus) = chorus {
            chorus.run(to_chorus, wet);
        }
        wet
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
