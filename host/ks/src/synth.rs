//! What the synthesizer's property sets carry (abi sections 3.4, 5.4 and 6).
//!
//! [`SilentTable`] is dmusmini's own.
//!
//! Flag values are those of the equal-named public `DMUS_PC_*` constants.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Guid, assert_layout};

/// `SYNTHCAPS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SynthCaps {
    /// Names the synthesizer.
    pub guid: Guid,
    /// [`caps`].
    pub flags: u32,
    /// Bytes of wave memory, or [`SYSTEM_MEMORY`].
    pub memory_size: u32,
    /// Channel groups at most.
    pub max_channel_groups: u32,
    /// Voices at most.
    pub max_voices: u32,
    /// Audio channels at most.
    pub max_audio_channels: u32,
    /// Effects: 1 reverb, 2 chorus, 4 delay.
    pub effect_flags: u32,
    /// UTF-16, ends with a zero.
    pub description: [u16; 128],
}
assert_layout!(SynthCaps, 296, flags @ 16, memory_size @ 20, max_channel_groups @ 24,
    max_voices @ 28, max_audio_channels @ 32, effect_flags @ 36, description @ 40);

impl SynthCaps {
    /// The description as text.
    #[must_use]
    pub fn description(&self) -> String {
        let end = self
            .description
            .iter()
            .position(|unit| *unit == 0)
            .unwrap_or(self.description.len());
        String::from_utf16_lossy(&self.description[..end])
    }
}

/// `SYNTHCAPS.Flags`.
pub mod caps {
    /// DLS level 1 downloads.
    pub const DLS: u32 = 1;
    /// A hardware port.
    pub const EXTERNAL: u32 = 2;
    /// A software synthesizer.
    pub const SOFTWARE_SYNTH: u32 = 4;
    /// Yamaha's XG set is in the hardware.
    pub const XG_IN_HARDWARE: u32 = 0x40;
    /// DLS level 2 downloads.
    pub const DLS2: u32 = 0x200;
    /// A reverb is built in.
    pub const REVERB: u32 = 0x4000_0000;
}

/// `SYNTH_PC_SYSTEMMEMORY`.
pub const SYSTEM_MEMORY: u32 = 0x7FFF_FFFF;

/// `SYNTH_PORTPARAMS`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PortParams {
    /// Which fields are meant: [`port_params`].
    pub valid: u32,
    /// Voices.
    pub voices: u32,
    /// Channel groups.
    pub channel_groups: u32,
    /// Audio channels.
    pub audio_channels: u32,
    /// Frames a second.
    pub sample_rate: u32,
    /// Effects.
    pub effects: u32,
    /// BOOL.
    pub share: u32,
}
assert_layout!(PortParams, 28, voices @ 4, channel_groups @ 8, audio_channels @ 12,
    sample_rate @ 16, effects @ 20, share @ 24);

/// `SYNTH_PORTPARAMS.ValidParams`.
pub mod port_params {
    /// Voices.
    pub const VOICES: u32 = 1;
    /// Channel groups.
    pub const CHANNEL_GROUPS: u32 = 2;
    /// Audio channels.
    pub const AUDIO_CHANNELS: u32 = 4;
    /// Sample rate.
    pub const SAMPLE_RATE: u32 = 8;
    /// Effects.
    pub const EFFECTS: u32 = 0x20;
    /// Share.
    pub const SHARE: u32 = 0x40;
}

/// `SYNTH_STATS`; the last two fields are swapped relative to their flags.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct SynthStats {
    /// Which fields are meant.
    pub valid: u32,
    /// Average voices.
    pub voices: u32,
    /// Hundredths of a percent of one processor.
    pub total_cpu: u32,
    /// Hundredths of a percent of one processor.
    pub cpu_per_voice: u32,
    /// Notes that found no voice.
    pub lost_notes: u32,
    /// Bytes.
    pub free_memory: u32,
    /// 1/100 dB.
    pub peak_volume: i32,
}
assert_layout!(SynthStats, 28, voices @ 4, total_cpu @ 8, cpu_per_voice @ 12, lost_notes @ 16,
    free_memory @ 20, peak_volume @ 24);

/// `SYNTH_BUFFER`: an address in the client's memory.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct SynthBuffer {
    /// Bytes.
    pub size: u32,
    /// Padding.
    pub padding: u32,
    /// The address.
    pub address: u64,
}
assert_layout!(SynthBuffer, 16, address @ 8);

/// `SYNTHDOWNLOAD`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct SynthDownload {
    /// Names the download when it is unloaded.
    pub handle: u64,
    /// BOOL: the client may free its buffer.
    pub free: i32,
    /// Tail padding.
    pub padding: u32,
}
assert_layout!(SynthDownload, 16, free @ 8);

/// `SYNTHVOICEPRIORITY_INSTANCE`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct VoicePriorityInstance {
    /// 1-based.
    pub channel_group: u32,
    /// 0 to 15.
    pub channel: u32,
}
assert_layout!(VoicePriorityInstance, 8, channel @ 4);

/// Items of `KSPROPSETID_Synth`.
pub mod synth_item {
    /// Volume, 1/100 dB.
    pub const VOLUME: u32 = 0;
    /// Volume boost, 1/100 dB.
    pub const VOLUME_BOOST: u32 = 1;
    /// [`super::SynthCaps`].
    pub const CAPS: u32 = 2;
    /// [`super::PortParams`], as instance and as value.
    pub const PORT_PARAMETERS: u32 = 3;
    /// Channel groups.
    pub const CHANNEL_GROUPS: u32 = 4;
    /// A voice priority; the instance is [`super::VoicePriorityInstance`].
    pub const VOICE_PRIORITY: u32 = 5;
    /// The earliest time at which what is sent now still is on time.
    pub const LATENCY_CLOCK: u32 = 6;
    /// [`super::SynthStats`].
    pub const RUNNING_STATS: u32 = 7;
}

/// One kind of notes that nothing played. As text: where, what was asked for, how many notes.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct SilentEntry {
    /// 1-based.
    pub channel_group: u16,
    /// 0 to 15.
    pub channel: u8,
    /// 0: no instrument has the patch; 1: the instrument has no region for key and velocity.
    pub cause: u8,
    /// Bank MSB << 16, bank LSB << 8, program; bit 31 for a drum kit.
    pub patch: u32,
    /// How many.
    pub notes: u32,
}
assert_layout!(SilentEntry, 12, channel @ 2, cause @ 3, patch @ 4, notes @ 8);

impl fmt::Display for SilentEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.channel_group > 1 {
            write!(f, "channel group {}, ", self.channel_group)?;
        }
        let [flags, msb, lsb, program] = self.patch.to_be_bytes();
        let (kit, instrument) = if flags & 0x80 == 0 {
            ("program", "instrument")
        } else {
            ("kit", "kit")
        };
        let [msb, lsb, program] = [msb, lsb, program].map(|byte| byte & 0x7F);
        let channel = u16::from(self.channel) + 1;
        write!(f, "channel {channel}, bank {msb}:{lsb}, {kit} {program}: ")?;
        let notes = self.notes;
        let (s, find, lie) = if notes == 1 {
            ("", "finds", "lies")
        } else {
            ("s", "find", "lie")
        };
        if self.cause == 0 {
            write!(f, "{notes} note{s} {find} no {instrument}")
        } else {
            let outside = "outside of the keys and velocities";
            write!(f, "{notes} note{s} {lie} {outside} of its {instrument}")
        }
    }
}

/// The notes that nothing played since the wave pin went to RUN.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SilentTable {
    /// All of them.
    pub notes: u32,
    /// Those of kinds that the table has no room for.
    pub others: u32,
    /// Entries in use.
    pub count: u32,
    /// The kinds.
    pub entries: [SilentEntry; 64],
}
assert_layout!(SilentTable, 780, others @ 4, count @ 8, entries @ 12);

impl SilentTable {
    /// A line for each kind, and one for what the table has no room for.
    pub fn lines(&self) -> Vec<String> {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        let entries = self.entries.iter().take(count);
        let others =
            (self.others > 0).then(|| format!("{} silent notes of other patches", self.others));
        entries.map(ToString::to_string).chain(others).collect()
    }
}

/// Items of `DMUSMINI_PROPSETID_SYNTH`.
pub mod own_item {
    /// [`super::SilentTable`].
    pub const SILENT_NOTES: u32 = 0;
    /// Where instruments are looked for: [`super::lookup`].
    pub const LOOKUP: u32 = 1;
}

/// Values of [`own_item::LOOKUP`].
pub mod lookup {
    /// By DLS's rule.
    pub const EXACT: u32 = 0;
    /// Also in other banks.
    pub const FALLBACKS: u32 = 1;
}

/// Items of `KSPROPSETID_Synth_Dls`.
pub mod dls_item {
    /// A download; the instance is [`super::SynthBuffer`], the value [`super::SynthDownload`].
    pub const DOWNLOAD: u32 = 0;
    /// Unload a handle.
    pub const UNLOAD: u32 = 1;
    /// Compact memory.
    pub const COMPACT: u32 = 2;
    /// Bytes to append to waves.
    pub const APPEND: u32 = 3;
    /// The wave format.
    pub const WAVE_FORMAT: u32 = 4;
}

/// The item of `KSPROPSETID_SynthClock`, which the port answers: the master clock in 100 ns.
pub const MASTER_CLOCK: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_notes_as_text() {
        let entry = SilentEntry {
            channel_group: 1,
            channel: 5,
            cause: 0,
            patch: 0x0079_030A,
            notes: 2,
        };
        assert_eq!(
            entry.to_string(),
            "channel 6, bank 121:3, program 10: 2 notes find no instrument"
        );
        let kit = SilentEntry {
            channel_group: 2,
            channel: 9,
            patch: 0x8000_0008,
            notes: 1,
            ..entry
        };
        assert_eq!(
            kit.to_string(),
            "channel group 2, channel 10, bank 0:0, kit 8: 1 note finds no kit"
        );
        let key = SilentEntry { cause: 1, ..entry };
        assert!(
            key.to_string()
                .ends_with("2 notes lie outside of the keys and velocities of its instrument")
        );
        let mut table = SilentTable {
            notes: 5,
            others: 2,
            count: 2,
            entries: [SilentEntry::default(); 64],
        };
        table.entries[..2].copy_from_slice(&[entry, kit]);
        let lines = table.lines();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2], "2 silent notes of other patches");
    }
}
