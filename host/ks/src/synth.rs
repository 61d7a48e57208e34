//! What the synthesizer's property sets carry (abi sections 3.4, 5.4 and 6).
//!
//! Flag values are those of the equal-named public `DMUS_PC_*` constants.

use alloc::string::String;

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
    /// Percent of one processor.
    pub total_cpu: u32,
    /// Percent of one processor.
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
