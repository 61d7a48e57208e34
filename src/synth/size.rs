//! What a synth takes of the pool, at most: for whoever has to answer for it before it is made.
#![forbid(unsafe_code)]

use super::bank::BankTable;
use super::group::Group;
use super::pool::MOST_VOICES;
use super::queue::Event;
use super::voice::Voice;
use super::{Config, Storage, Synth};
use crate::mem::pool_bytes;

impl Storage {
    /// What the memory for so many voices and open channel groups takes, none of the groups but the
    /// first in use.
    #[must_use]
    pub fn pool_bytes_for(voices: u16, channel_groups: u16) -> u64 {
        let voices = usize::from(voices.clamp(1, MOST_VOICES));
        let places = voices.saturating_add((voices / 4).max(4));
        let groups = usize::from(channel_groups.max(1));
        let chunks = (groups / GROUPS_IN_CHUNK).saturating_add(2);
        sum([
            bytes(places, size_of::<Option<Voice>>()),
            bytes(places, size_of::<u16>()),
            bytes(groups, size_of::<u16>()),
            bytes(chunks, CHUNK_HEAD),
            // The first chunk, and the state of all groups that are not in use.
            bytes(GROUPS_IN_CHUNK, size_of::<Group>().saturating_add(16)),
            bytes(1, size_of::<Group>()),
        ])
    }
}

impl Synth {
    /// What a synth takes that is made for this, without downloads and with one channel group in use.
    #[must_use]
    pub fn pool_bytes_for(config: &Config) -> u64 {
        let events = usize::try_from(config.event_capacity).unwrap_or(usize::MAX);
        let effects = if config.effects.reverb || config.effects.chorus {
            EFFECTS
        } else {
            0
        };
        sum([
            Storage::pool_bytes_for(config.voices, config.channel_groups),
            BankTable::pool_bytes_for(config.download_places.into()),
            bytes(events, size_of::<Option<Event>>()),
            bytes(events, size_of::<Option<Event>>()),
            effects,
            OTHERS,
        ])
    }
}

fn bytes(count: usize, size: usize) -> u64 {
    pool_bytes(count.saturating_mul(size))
}

fn sum<const N: usize>(parts: [u64; N]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
}

/// Groups whose state is allocated together.
const GROUPS_IN_CHUNK: usize = 8;
/// A chunk's place in the table, with or without memory.
const CHUNK_HEAD: usize = 32;
/// The buses, the blocks and the synth itself.
const OTHERS: u64 = 64 << 10;
/// The delay lines of reverb and chorus, at 48 kHz.
const EFFECTS: u64 = 96 << 10;
