//! The synthesizer: DLS level 1 and 2 in fixed point.
//!
//! Follows `dls.md` (what a voice does) and contract sections 9 and 11 to 14 (how DirectMusic
//! drives it). Nothing here uses floating point, allocates after construction or can panic;
//! [`Synth::render_some`] is meant to be called under a spin lock, one step of bounded work
//! ([`BLOCK_WORK`]) at a time. PASSIVE for construction, any level up to DISPATCH otherwise.
#![deny(unsafe_code)]

mod bank;
mod bus;
mod channel;
mod chorus;
mod downloads;
mod effects;
pub mod envelope;
pub mod filter;
mod fir;
mod group;
mod groups;
pub mod level;
pub mod lfo;
mod mix;
pub mod modulation;
mod oscillator;
mod output;
mod play;
mod pool;
mod queue;
mod ramp;
mod reverb;
mod shapes;
mod silent;
#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
mod simd;
mod size;
mod span;
mod start;
mod transform;
mod voice;

pub use groups::{GroupMemory, NeedsMemory};
pub use reverb::ReverbParameters;
pub use silent::{Cause, MOST_SILENT, SilentNotes};

pub use downloads::Garbage;

pub use bank::{BankTable, Handle, InstallError, UnknownHandle};

use crate::mem::{Buffer, OutOfMemory};
use crate::midi::message::DecodeError;
use crate::midi::{Channel, Message};
use crate::time::SampleTime;
use bank::Bank;
use bus::Bus;
use effects::Rack;
use groups::Groups;
use mix::{Broadcast, Pass};
use output::Fader;
use pool::{Cut, Pool};
use queue::Queue;
use start::Starting;
use voice::{Output, Pace};

/// The most frames that one call of [`Synth::render`] makes.
pub const BLOCK_FRAMES: usize = 128;

/// The most frames times voices that one call of [`Synth::render_some`] makes, except that a voice
/// that has begun its block ends it: whoever waits for the lock that it is called under waits for so
/// long, whatever sounds. What events do is counted alike.
pub const BLOCK_WORK: usize = 8192;

/// How a wave is read between its frames.
///
/// Only the default has tables with lower cut-offs, for steps of more than 1.26 frames: a note
/// far above its wave's key, or a wave of a higher rate than the output, is then filtered as it is
/// read and does not alias. The others alias there, as every peer's interpolation does: they are
/// for who wants the least work, and a longer table row would take what they save.
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
    /// Downloads that fit before the table has to be grown.
    pub download_places: u16,
    /// Where the handles of downloads begin: those of two synths with different numbers differ.
    pub handle_seed: u16,
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
            download_places: DEFAULT_DOWNLOADS,
            handle_seed: 0,
        }
    }
}

/// Where a note's instrument is looked for when the bank lacks the patch that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// DLS's rule: nowhere, except that after a GM, GS or XG reset the bank falls back to 0, and that
    /// any missing kit is the standard kit (contract section 11).
    #[default]
    Exact,
    /// For who plays songs as they are found on a collection as it is found, whatever reset was
    /// seen: bank LSB 0, then bank 0, then General MIDI 2's bank 121; for kits its bank 120, then
    /// the standard kit. A wrong sound of the right family is nearer to the song than none.
    Fallbacks,
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

/// What happened since the last [`Synth::reset_stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Voices sounding now, at most as many as the synth was made for.
    pub voices: u32,
    /// The most that `voices` has been.
    pub peak_voices: u32,
    /// Voices that fade now because they were cut off, beside those in `voices`. Both together are
    /// at most a quarter more than the synth was made for, or four more where that is more.
    pub fading: u32,
    /// Notes that found no voice, or not one for each of their layers.
    pub notes_lost: u32,
    /// Events that found the queue full.
    pub events_lost: u32,
    /// Notes that no instrument, or no region of one, played: see [`Synth::silent_notes`].
    pub silent_notes: u32,
    /// The largest sample put out, 0..=32,768.
    pub peak: u16,
    /// Bytes that downloads may still take.
    pub free_memory: u64,
}

/// The memory whose size a client may change while the synth lives: voices and channel groups.
#[derive(Debug)]
pub struct Storage {
    pool: Pool,
    groups: Groups,
}

impl Storage {
    /// Allocates it: about 1 KiB a voice and five bytes a channel group. PASSIVE level.
    pub fn try_new(voices: u16, channel_groups: u16) -> Result<Self, OutOfMemory> {
        Ok(Self {
            pool: Pool::try_new(voices)?,
            groups: Groups::try_new(channel_groups)?,
        })
    }

    /// As [`try_new`](Self::try_new), for another number of groups and the voices that there are.
    pub fn for_groups(channel_groups: u16) -> Result<Self, OutOfMemory> {
        Ok(Self {
            pool: Pool::none(),
            groups: Groups::try_new(channel_groups)?,
        })
    }

    /// Bytes that the channel groups of a new one take.
    #[must_use]
    pub fn group_bytes(channel_groups: u16) -> usize {
        Groups::bytes_for(channel_groups)
    }
}

/// A synthesizer.
#[derive(Debug)]
pub struct Synth {
    config: Config,
    output: Output,
    bank: Bank,
    storage: Storage,
    queue: Queue,
    broadcast: Option<Broadcast>,
    /// The note that is not in all of its layers yet.
    starting: Option<Starting>,
    /// The block that is not done yet.
    pass: Option<Pass>,
    /// Whether a voice wants its part's new state.
    stale: bool,
    bus: Bus,
    rack: Rack,
    reverb: ReverbParameters,
    /// Room for the frames of two voices that wait for a second one, and of the one that is
    /// rendered. On the heap, as the bus: a synth crosses the kernel's stack while it is made.
    blocks: Buffer<[i32; BLOCK_FRAMES]>,
    volume: i32,
    boost: i32,
    fader: Fader,
    /// How often a voice wants control points.
    pace: Pace,
    /// How soon one wants the next in any case, in frames.
    bend: usize,
    /// What it costs to evaluate the curves of all voices once.
    curves: usize,
    /// Counts note-ons.
    notes: u32,
    /// Notes that nothing played.
    silent: silent::Table,
    /// Where instruments are looked for.
    lookup: Lookup,
    /// What events have cost beyond what their blocks had for them, in visits of a voice.
    debt: usize,
    /// The frame behind the last one that was made.
    next: SampleTime,
    /// Regions that the notes of an event were looked for in.
    searched: usize,
    stats: Stats,
}

impl Synth {
    /// Allocates everything a synth needs; values out of range are moved into it. PASSIVE level.
    pub fn try_new(config: &Config) -> Result<Self, OutOfMemory> {
        let config = Config {
            sample_rate: config.sample_rate.clamp(8_000, 96_000),
            channels: config.channels.clamp(1, 2),
            voices: config.voices.clamp(1, pool::MOST_VOICES),
            channel_groups: config.channel_groups.max(1),
            ..*config
        };
        let capacity = usize::try_from(config.event_capacity).map_err(|_| OutOfMemory)?;
        Ok(Self {
            config,
            output: Output {
                rate: config.sample_rate,
                tuning: filter::Tuning::new(config.sample_rate),
                interpolation: config.interpolation,
            },
            bank: Bank::new(
                BankTable::try_new(config.download_places.into())?,
                config.download_quota,
            )
            .with_handles_from(config.handle_seed),
            storage: Storage::try_new(config.voices, config.channel_groups)?,
            queue: Queue::try_new(capacity)?,
            broadcast: None,
            starting: None,
            pass: None,
            stale: false,
            bus: Bus::try_new()?,
            rack: Rack::try_new(config.effects, config.sample_rate)?,
            reverb: ReverbParameters::default(),
            blocks: Buffer::try_filled(3, [0; BLOCK_FRAMES])?,
            volume: 0,
            boost: DEFAULT_BOOST,
            fader: Fader::new(0, DEFAULT_BOOST),
            pace: Pace::Slow,
            bend: usize::MAX,
            curves: 0,
            notes: 0,
            silent: silent::Table::try_new()?,
            lookup: Lookup::default(),
            debt: 0,
            next: SampleTime(0),
            searched: 0,
            stats: Stats::default(),
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
        at: SampleTime,
        group: u16,
        message: &[u8],
    ) -> Result<(), ScheduleError> {
        let message = match Message::decode(message) {
            Ok(message) => message,
            Err(DecodeError::Ignored) => return Ok(()),
            Err(DecodeError::Malformed) => return Err(ScheduleError::Malformed),
        };
        if usize::from(group) > self.storage.groups.len() {
            return Ok(());
        }
        self.queue.push(at, group, message).map_err(|queue::Full| {
            self.stats.events_lost = self.stats.events_lost.saturating_add(1);
            ScheduleError::QueueFull
        })
    }

    /// How many messages the queue has room for.
    #[must_use]
    pub fn queue_room(&self) -> usize {
        self.queue.room()
    }

    /// Changes the number of voices and channel groups. Groups that stay keep their state;
    /// sounding notes end (contract section 12.2). The old memory is handed back, to be dropped
    /// outside the lock.
    pub fn resize(&mut self, mut storage: Storage) -> Storage {
        self.drop_voices();
        storage.groups.succeed(&mut self.storage.groups);
        core::mem::swap(&mut self.storage, &mut storage);
        if self.storage.pool.limit() == 0 {
            core::mem::swap(&mut self.storage.pool, &mut storage.pool);
        }
        self.config.voices = u16::try_from(self.storage.pool.limit()).unwrap_or(u16::MAX);
        let groups = u16::try_from(self.storage.groups.len());
        self.config.channel_groups = groups.unwrap_or(u16::MAX);
        storage
    }

    /// Begins to close the channel groups above so many, which may be tens of thousands: before a
    /// [`resize`](Self::resize) to fewer, so that it has little to do.
    pub fn close_groups(&mut self, channel_groups: u16) {
        self.storage.groups.close(channel_groups);
    }

    /// Goes on with that for some 20 us. `cursor` is what the last call returned, and 0 at first; none
    /// at the end.
    pub fn tidy_groups(&mut self, cursor: usize) -> Option<usize> {
        self.storage.groups.tidy(cursor)
    }

    /// Takes over what outlives a change of format: downloads, volume, boost, effect parameters,
    /// and the channel groups with their controllers and voice priorities. What sounds in `old`
    /// ends, and its events are lost; `old` is to be dropped outside the lock.
    pub fn succeed(&mut self, old: &mut Self) {
        old.drop_voices();
        core::mem::swap(&mut self.bank, &mut old.bank);
        core::mem::swap(&mut self.storage.groups, &mut old.storage.groups);
        self.config.channel_groups = old.config.channel_groups;
        self.volume = old.volume;
        self.boost = old.boost;
        self.fader = Fader::new(self.volume, self.boost);
        self.set_reverb(&old.reverb);
        self.notes = old.notes;
        self.lookup = old.lookup;
    }

    /// Gives a channel group a state of its own, before the first event for it is queued; the
    /// others share one. When there is no room, [`NeedsMemory`]: allocate [`GroupMemory`] outside
    /// the lock, and call again with it. 0, all groups, and groups that are not open need nothing.
    pub fn use_group(
        &mut self,
        group: u16,
        spare: &mut Option<GroupMemory>,
    ) -> Result<(), NeedsMemory> {
        self.storage.groups.enlist(group, spare)
    }

    /// Bytes that the channel groups take.
    #[must_use]
    pub fn group_bytes(&self) -> usize {
        self.storage.groups.bytes()
    }

    /// Fades every voice out quickly.
    pub fn all_sound_off(&mut self) {
        let fade = play::fade_frames(&self.output);
        self.storage.pool.cut(Cut::Fade(fade), |_| true);
    }

    /// A new run of the clock begins: no notes, no events, no echo, statistics zero. What clients have set
    /// stays, controllers too: a wave pin that stops, or is opened again with another format, is
    /// not the song's end.
    pub fn reset_for_run(&mut self) {
        self.drop_voices();
        self.queue.clear();
        self.broadcast = None;
        self.rack.fall_silent();
        self.fader = Fader::new(self.volume, self.boost);
        self.next = SampleTime(0);
        self.debt = 0;
        self.reset_stats();
    }

    /// Counts anew what happens from now on.
    pub fn reset_stats(&mut self) {
        self.stats = Stats::default();
        self.silent.clear();
    }

    fn drop_voices(&mut self) {
        self.give_up_block();
        if let Some(starting) = self.starting.take() {
            self.bank.release(starting.instrument());
        }
        while let Some(last) = self.storage.pool.sounding().checked_sub(1) {
            match self.storage.pool.remove(last) {
                Some(identity) => play::forget(&mut self.bank, &identity),
                None => break,
            }
        }
    }

    /// What happened since the run began.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            voices: count(self.storage.pool.active()),
            fading: count(self.storage.pool.fading()),
            free_memory: self.bank.free_bytes(),
            silent_notes: self.silent.total(),
            ..self.stats
        }
    }

    /// The kinds of notes since the run began that nothing played, in the order in which they came;
    /// at most [`MOST_SILENT`].
    pub fn silent_notes(&self) -> impl Iterator<Item = SilentNotes> {
        self.silent.iter()
    }

    /// How many silent notes were of kinds beyond those.
    #[must_use]
    pub const fn other_silent_notes(&self) -> u32 {
        self.silent.others()
    }

    /// A kind of silent notes that this function has not given since the run began: for the trace.
    pub fn next_silent(&mut self) -> Option<SilentNotes> {
        self.silent.next()
    }

    /// Where instruments are looked for.
    #[must_use]
    pub const fn lookup(&self) -> Lookup {
        self.lookup
    }

    /// Sets where instruments are looked for, from the next note on.
    pub const fn set_lookup(&mut self, lookup: Lookup) {
        self.lookup = lookup;
    }

    /// `KSPROPERTY_SYNTH_VOLUME`, in 1/100 dB.
    #[must_use]
    pub const fn volume(&self) -> i32 {
        self.volume
    }

    /// Sets the volume, moved into -9,600..=2,000.
    pub fn set_volume(&mut self, volume: i32) {
        self.volume = volume.clamp(QUIETEST, LOUDEST);
        self.move_fader();
    }

    /// `KSPROPERTY_SYNTH_VOLUMEBOOST`, in 1/100 dB.
    #[must_use]
    pub const fn boost(&self) -> i32 {
        self.boost
    }

    /// Sets the boost, moved into -9,600..=2,000.
    pub fn set_boost(&mut self, boost: i32) {
        self.boost = boost.clamp(QUIETEST, LOUDEST);
        self.move_fader();
    }

    /// Lets the level follow volume and boost, at once where nothing is heard of the way.
    fn move_fader(&mut self) {
        if self.storage.pool.sounding() == 0 && !self.rack.is_on() {
            self.fader = Fader::new(self.volume, self.boost);
        } else {
            self.fader.move_to(self.volume, self.boost);
        }
    }

    /// What the reverb is set to, whether there is one or not.
    #[must_use]
    pub const fn reverb(&self) -> ReverbParameters {
        self.reverb
    }

    /// Sets the reverb, if there is one.
    pub fn set_reverb(&mut self, parameters: &ReverbParameters) {
        self.reverb = *parameters;
        self.rack.set_reverb(parameters);
    }

    /// The priority of a channel's notes. `group` counts from 1.
    pub fn priority(&self, group: u32, channel: Channel) -> Result<u32, OutOfRange> {
        let number = u16::try_from(group).map_err(|_| OutOfRange)?;
        let group = self.storage.groups.state_of(number).ok_or(OutOfRange)?;
        let part = group.part(channel.index());
        part.map(|part| part.priority).ok_or(OutOfRange)
    }

    /// Sets the priority of a channel's notes. The group must be in use, see
    /// [`Synth::use_group`].
    pub fn set_priority(
        &mut self,
        group: u32,
        channel: Channel,
        priority: u32,
    ) -> Result<(), OutOfRange> {
        let number = u16::try_from(group).map_err(|_| OutOfRange)?;
        if number == groups::ALL {
            return Err(OutOfRange);
        }
        let group = self.storage.groups.get_mut(number).ok_or(OutOfRange)?;
        let part = group.part_mut(channel.index()).ok_or(OutOfRange)?;
        part.priority = priority;
        Ok(())
    }
}

fn count(voices: usize) -> u32 {
    u32::try_from(voices).unwrap_or(u32::MAX)
}

/// Downloads that fit before the bank is grown.
const DEFAULT_DOWNLOADS: u16 = 4096;
/// 6 dB, as DirectMusic has it.
const DEFAULT_BOOST: i32 = 600;
const QUIETEST: i32 = -9600;
const LOUDEST: i32 = 2000;
