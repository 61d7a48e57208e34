//! Synth property structures and constants (abi sections 3.4, 5.4 and 6).
//!
//! The numeric flags are those of the equal-named public `DMUS_PC_*` constants, and the WDK's `dmusprop.h` has the same
//! (abi section 9). `tests/oracle` compares them.

use super::abi::assert_layout;
use super::single::Bits;
use crate::com::Guid;

/// `SYNTHCAPS`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SynthCaps {
    /// Names the synthesizer.
    pub guid: Guid,
    /// [`caps_flags`].
    pub flags: u32,
    /// Bytes of wave memory or [`SYSTEM_MEMORY`].
    pub memory_size: u32,
    /// Channel groups at most.
    pub max_channel_groups: u32,
    /// Voices at most.
    pub max_voices: u32,
    /// Audio channels at most.
    pub max_audio_channels: u32,
    /// [`effects`].
    pub effect_flags: u32,
    /// UTF-16, null-terminated.
    pub description: [u16; 128],
}
assert_layout!(SynthCaps, 296, flags @ 16, memory_size @ 20, max_channel_groups @ 24,
    max_voices @ 28, max_audio_channels @ 32, effect_flags @ 36, description @ 40);

/// `SYNTHCAPS.Flags`.
pub mod caps_flags {
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

/// Effects flags of capabilities and port parameters.
pub mod effects {
    /// None.
    pub const NONE: u32 = 0;
    /// Reverb.
    pub const REVERB: u32 = 1;
    /// Chorus.
    pub const CHORUS: u32 = 2;
}

/// `SYNTH_PORTPARAMS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortParams {
    /// Which fields the client set: [`port_params`].
    pub valid: u32,
    /// Voices.
    pub voices: u32,
    /// Channel groups.
    pub channel_groups: u32,
    /// Audio channels.
    pub audio_channels: u32,
    /// Frames a second.
    pub sample_rate: u32,
    /// [`effects`].
    pub effects_flags: u32,
    /// BOOL.
    pub share: u32,
}
assert_layout!(PortParams, 28, voices @ 4, channel_groups @ 8, audio_channels @ 12,
    sample_rate @ 16, effects_flags @ 20, share @ 24);

impl PortParams {
    /// Whether these are what a client asked for.
    #[must_use]
    pub fn grants(&self, asked: &Self) -> bool {
        [
            (port_params::VOICES, asked.voices, self.voices),
            (
                port_params::CHANNEL_GROUPS,
                asked.channel_groups,
                self.channel_groups,
            ),
            (
                port_params::AUDIO_CHANNELS,
                asked.audio_channels,
                self.audio_channels,
            ),
            (
                port_params::SAMPLE_RATE,
                asked.sample_rate,
                self.sample_rate,
            ),
            (
                port_params::EFFECTS,
                asked.effects_flags,
                self.effects_flags,
            ),
            (port_params::SHARE, asked.share, self.share),
        ]
        .iter()
        .all(|&(bit, asked_for, granted)| asked.valid & bit == 0 || asked_for == granted)
    }
}

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynthStats {
    /// [`stats`].
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

/// `SYNTH_STATS.ValidStats`.
pub mod stats {
    /// Voices.
    pub const VOICES: u32 = 1;
    /// Total CPU.
    pub const TOTAL_CPU: u32 = 2;
    /// CPU per voice.
    pub const CPU_PER_VOICE: u32 = 4;
    /// Lost notes.
    pub const LOST_NOTES: u32 = 8;
    /// Peak volume.
    pub const PEAK_VOLUME: u32 = 0x10;
    /// Free memory.
    pub const FREE_MEMORY: u32 = 0x20;
}

/// `SYNTH_BUFFER` of a 64-bit client: an address in the client's memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SynthBuffer {
    /// Bytes.
    pub size: u32,
    /// User address.
    pub address: u64,
}
assert_layout!(SynthBuffer, 16, address @ 8);

/// `SYNTH_BUFFER` of a 32-bit client.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SynthBuffer32 {
    /// Bytes.
    pub size: u32,
    /// User address.
    pub address: u32,
}
assert_layout!(SynthBuffer32, 8, address @ 4);

/// `SYNTHDOWNLOAD` for a 64-bit client.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynthDownload {
    /// An opaque token that fits 32 bits.
    pub handle: u64,
    /// BOOL: the client may free its buffer.
    pub free: i32,
    /// Tail padding, written as zero.
    pub padding: u32,
}
assert_layout!(SynthDownload, 16, free @ 8);

/// `SYNTHDOWNLOAD` for a 32-bit client.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynthDownload32 {
    /// An opaque token.
    pub handle: u32,
    /// BOOL.
    pub free: i32,
}
assert_layout!(SynthDownload32, 8, free @ 4);

/// `SYNTHVOICEPRIORITY_INSTANCE`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct VoicePriorityInstance {
    /// 1-based (contract section 12.1).
    pub channel_group: u32,
    /// 0 to 15.
    pub channel: u32,
}
assert_layout!(VoicePriorityInstance, 8, channel @ 4);

/// `SYNTH_REVERB_PARAMS`: four floats, which the kernel takes for bits ([`single`](super::single)).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReverbParams {
    /// `fInGain` in dB.
    pub in_gain: Bits,
    /// `fReverbMix` in dB.
    pub mix: Bits,
    /// `fReverbTime` in milliseconds.
    pub time: Bits,
    /// `fHighFreqRTRatio`: the reverberation time of treble to that of bass.
    pub high_ratio: Bits,
}
assert_layout!(ReverbParams, 16, mix @ 4, time @ 8, high_ratio @ 12);

/// One kind of notes that nothing played, of [`SilentTable`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SilentEntry {
    /// 1-based.
    pub channel_group: u16,
    /// 0 to 15.
    pub channel: u8,
    /// [`silent_cause`].
    pub cause: u8,
    /// What was asked for: bank MSB << 16, bank LSB << 8, program, bit 31 for a drum kit.
    pub patch: u32,
    /// How many.
    pub notes: u32,
}
assert_layout!(SilentEntry, 12, channel @ 2, cause @ 3, patch @ 4, notes @ 8);

/// `SilentEntry.cause`.
pub mod silent_cause {
    /// No instrument has the patch.
    pub const NO_INSTRUMENT: u8 = 0;
    /// The instrument has no region for the key and the velocity.
    pub const NO_REGION: u8 = 1;
}

/// Kinds that [`SilentTable`] tells apart.
pub const SILENT_ENTRIES: usize = 64;

/// Ours: the notes that nothing played since the wave pin went to RUN.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SilentTable {
    /// All of them.
    pub notes: u32,
    /// Those of kinds that the table had no room for.
    pub others: u32,
    /// Entries in use.
    pub count: u32,
    /// The kinds, in the order in which they came.
    pub entries: [SilentEntry; SILENT_ENTRIES],
}
assert_layout!(SilentTable, 780, others @ 4, count @ 8, entries @ 12);

/// Items of `DMUSMINI_PROPSETID_SYNTH`, which is ours.
pub mod own_property {
    /// [`SilentTable`](super::SilentTable).
    pub const SILENT_NOTES: u32 = 0;
    /// Where instruments are looked for: [`lookup`](super::lookup).
    pub const LOOKUP: u32 = 1;
}

/// Values of [`own_property::LOOKUP`].
pub mod lookup {
    /// By DLS's rule: what a DirectMusic pin begins with.
    pub const EXACT: u32 = 0;
    /// Also in other banks: what a legacy MIDI pin begins with.
    pub const FALLBACKS: u32 = 1;
}

/// Items of `KSPROPSETID_Synth`.
pub mod synth_property {
    /// Volume.
    pub const VOLUME: u32 = 0;
    /// Volume boost.
    pub const VOLUME_BOOST: u32 = 1;
    /// Capabilities.
    pub const CAPS: u32 = 2;
    /// Port parameters.
    pub const PORT_PARAMETERS: u32 = 3;
    /// Channel groups.
    pub const CHANNEL_GROUPS: u32 = 4;
    /// Voice priority.
    pub const VOICE_PRIORITY: u32 = 5;
    /// Latency clock.
    pub const LATENCY_CLOCK: u32 = 6;
    /// Running statistics.
    pub const RUNNING_STATS: u32 = 7;
}

/// Items of `KSPROPSETID_Synth_Dls`.
pub mod dls_property {
    /// Download.
    pub const DOWNLOAD: u32 = 0;
    /// Unload.
    pub const UNLOAD: u32 = 1;
    /// Compact.
    pub const COMPACT: u32 = 2;
    /// Bytes to append to waves.
    pub const APPEND: u32 = 3;
    /// Wave format.
    pub const WAVE_FORMAT: u32 = 4;
}
