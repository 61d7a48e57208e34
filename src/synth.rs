//! The synthesizer: DLS level 1 and 2 in fixed point.
//!
//! Follows `dls.md` (what a voice does) and contract sections 9 and 11 to 14 (how DirectMusic
//! drives it). Nothing here uses floating point, allocates after construction or can panic;
//! [`Synth::render`] is meant to be called under a spin lock, one block of at most
//! [`BLOCK_FRAMES`] at a time. PASSIVE for construction, any level up to DISPATCH otherwise.
#![forbid(unsafe_code)]

mod bank;

pub use bank::{BankTable, Handle, InstallError, UnknownHandle};

use crate::dls::Download;
use crate::mem::OutOfMemory;
use crate::midi::message::DecodeError;
use crate::midi::{Channel, Message};
use crate::time::SampleTime;
use bank::Bank;

/// The most frames that one call of [`Synth::render`] makes.
pub const BLOCK_FRAMES: usize = 64;

/// How a wave is read between its frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// Two points.
    Linear,
    /// Four points, a cubic.
    FourPoint,
    /// Eight points of a Kaiser-windowed sinc.
    Sinc8,
    /// Sixteen points of a Kaiser-windowed sinc.
    #[default]
    Sinc16,
}

/// Which effects there are. Their memory is allocated only if they are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// CC91 sends.
    pub reverb: bool,
    /// CC93 sends.
    pub chorus: bool,
}

/// What a synth is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Frames a second, 8,000..=96,000.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// Notes that sound at once, 1..=1,024.
    pub voices: u16,
    /// Channel groups, 1..=65,535.
    pub channel_groups: u16,
    /// Events that can wait to be played.
    pub event_capacity: u32,
    /// How waves are read.
    pub interpolation: Interpolation,
    /// Which effects there are.
    pub effects: Effects,
    /// Bytes that downloads may take.
    pub download_quota: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sample_rate: 44_100,
            channels: 2,
            voices: 64,
            channel_groups: 1,
            event_capacity: 65_536,
            interpolation: Interpolation::default(),
            effects: Effects::default(),
            download_quota: 256 << 20,
        }
    }
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleError {
    /// The bytes are not one whole MIDI message.
    Malformed,
    /// The queue is full; the loss is counted in [`Stats::events_lost`].
    QueueFull,
}

/// A channel group or channel that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

/// What happened since the last [`Synth::reset_for_run`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Voices sounding now.
    pub voices: u32,
    /// Notes that got no voice.
    pub notes_lost: u32,
    /// Events that found the queue full.
    pub events_lost: u32,
    /// The largest sample put out, 0..=32,768.
    pub peak: u16,
    /// Bytes that downloads may still take.
    pub free_memory: u64,
}

/// The memory whose size a client may change while the synth lives: voices and channel groups.
#[derive(Debug)]
pub struct Storage {
    channel_groups: u16,
}

impl Storage {
    /// Allocates it. PASSIVE level.
    pub fn try_new(_voices: u16, channel_groups: u16) -> Result<Self, OutOfMemory> {
        Ok(Self { channel_groups })
    }
}

/// Memory that nothing uses any more; drop it outside the lock.
#[derive(Debug)]
pub struct Garbage(#[expect(dead_code, reason = "held only to be dropped")] Download);

/// A synthesizer.
#[derive(Debug)]
pub struct Synth {
    config: Config,
    bank: Bank,
    storage: Storage,
    volume: i32,
    boost: i32,
}

impl Synth {
    /// Allocates everything a synth needs; values out of range are moved into it. PASSIVE level.
    pub fn try_new(config: &Config) -> Result<Self, OutOfMemory> {
        Ok(Self {
            config: *config,
            bank: Bank::new(
                BankTable::try_new(DEFAULT_DOWNLOADS)?,
                config.download_quota,
            ),
            storage: Storage::try_new(config.voices, config.channel_groups)?,
            volume: 0,
            boost: DEFAULT_BOOST,
        })
    }

    /// What the synth was made for, after corrections.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Queues one MIDI message, short or a whole SysEx, for the frame `at`.
    ///
    /// `group` counts from 1; 0 is all groups. A message that means nothing to a synth, or is for
    /// a group that is not open, is dropped without an error (contract section 6.9).
    pub fn schedule(
        &mut self,
        _at: SampleTime,
        group: u16,
        message: &[u8],
    ) -> Result<(), ScheduleError> {
        if group > self.storage.channel_groups {
            return Ok(());
        }
        match Message::decode(message) {
            Ok(_) | Err(DecodeError::Ignored) => Ok(()),
            Err(DecodeError::Malformed) => Err(ScheduleError::Malformed),
        }
    }

    /// Renders the frames from `position` on, interleaved, and overwrites `out`. At most
    /// [`BLOCK_FRAMES`] are made; what `out` has beyond them is silent.
    pub fn render(&mut self, _position: SampleTime, out: &mut [i16]) {
        out.fill(0);
    }

    /// Makes a download playable. On failure it is handed back, to be dropped outside the lock.
    pub fn install(&mut self, download: Download) -> Result<Handle, (InstallError, Download)> {
        self.bank.install(download)
    }

    /// Takes a download out of the searchable set. Sounding voices keep it until they end; then
    /// [`Synth::reap`] gives it out.
    pub fn unload(&mut self, handle: Handle) -> Result<(), UnknownHandle> {
        self.bank.unload(handle)
    }

    /// Hands out one piece of memory that nothing uses any more. Call it under the lock until it
    /// gives none, and drop what it gives outside.
    pub fn reap(&mut self) -> Option<Garbage> {
        self.bank.reap().map(Garbage)
    }

    /// How many downloads fit before [`InstallError::NoSlot`].
    #[must_use]
    pub fn bank_capacity(&self) -> usize {
        self.bank.capacity()
    }

    /// Takes a larger table for downloads and hands the old one back, to be dropped outside.
    pub fn grow_bank(&mut self, table: BankTable) -> BankTable {
        self.bank.grow(table)
    }

    /// Changes the number of voices and channel groups. Notes of groups that stay go on where
    /// there is a voice for them. The old memory is handed back, to be dropped outside the lock.
    pub fn resize(&mut self, storage: Storage) -> Storage {
        core::mem::replace(&mut self.storage, storage)
    }

    /// Takes over what outlives a change of format: downloads, volume and boost. What sounds in
    /// `old` ends; `old` is to be dropped outside the lock.
    pub fn succeed(&mut self, old: &mut Self) {
        core::mem::swap(&mut self.bank, &mut old.bank);
        self.volume = old.volume;
        self.boost = old.boost;
    }

    /// Fades every voice out quickly.
    pub fn all_sound_off(&mut self) {}

    /// A new run of the clock begins: no notes, no events, controllers at their defaults,
    /// statistics zero. Downloads, priorities and volumes stay.
    pub fn reset_for_run(&mut self) {}

    /// What happened since the run began.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            free_memory: self.bank.free_bytes(),
            ..Stats::default()
        }
    }

    /// `KSPROPERTY_SYNTH_VOLUME`, in 1/100 dB.
    #[must_use]
    pub const fn volume(&self) -> i32 {
        self.volume
    }

    /// Sets the volume, moved into -9,600..=2,000.
    pub fn set_volume(&mut self, volume: i32) {
        self.volume = volume.clamp(QUIETEST, LOUDEST);
    }

    /// `KSPROPERTY_SYNTH_VOLUMEBOOST`, in 1/100 dB.
    #[must_use]
    pub const fn boost(&self) -> i32 {
        self.boost
    }

    /// Sets the boost, moved into -9,600..=2,000.
    pub fn set_boost(&mut self, boost: i32) {
        self.boost = boost.clamp(QUIETEST, LOUDEST);
    }

    /// The priority of a channel's notes. `group` counts from 1.
    pub fn priority(&self, group: u32, _channel: Channel) -> Result<u32, OutOfRange> {
        if group == 0 || group > u32::from(self.storage.channel_groups) {
            return Err(OutOfRange);
        }
        Ok(0x8000_0000)
    }

    /// Sets the priority of a channel's notes.
    pub fn set_priority(
        &mut self,
        group: u32,
        channel: Channel,
        _priority: u32,
    ) -> Result<(), OutOfRange> {
        self.priority(group, channel).map(|_| ())
    }
}

/// Downloads that fit before the bank is grown.
const DEFAULT_DOWNLOADS: usize = 4096;
/// 6 dB, as DirectMusic has it.
const DEFAULT_BOOST: i32 = 600;
const QUIETEST: i32 = -9600;
const LOUDEST: i32 = 2000;
