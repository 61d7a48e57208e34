//! One virtual synthesizer: what a MIDI pin and a wave pin share (contract section 5.6).
//!
//! Its lock guards the synthesizer, the map from master time to frames, and the position. It is the
//! innermost lock of this filter and is held for one block at a time. Whatever allocates is
//! prepared before it is taken; whatever is no longer needed is dropped after it is released.

use crate::class;
use crate::com::{Object, ObjectRef, Status};
use crate::driver::settings::Settings;
use crate::irql::{AtMost, Dispatch, Irql, Locked, Passive};
use crate::kernel::spinlock::SpinLock;
use crate::mem::pool_bytes;
use crate::portcls::format::WaveFormat;
use crate::synth::{
    BankTable, Config, Effects, GroupMemory, Interpolation, NeedsMemory, Storage, Synth,
};
use crate::time::{ClockMap, RefTime, SampleTime};

use super::budget::{Budget, Debt, Reservation};
use super::filter::MAX_RATE;
use super::meter::Meter;
use super::miniport::SynthMiniport;
use super::work::SECOND;

/// A virtual synthesizer.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    state: SpinLock<State>,
    /// After the state, whose memory is freed before its bytes are released.
    owed: Debt,
}

class!(Engine; place);

/// A virtual synthesizer, under its lock.
#[derive(Debug)]
pub struct State {
    /// The synthesizer.
    pub synth: Synth,
    /// From master time to frames.
    pub clock: ClockMap,
    /// What has been played, and how much work it was.
    pub meter: Meter,
    /// The next frame to render.
    pub position: SampleTime,
    /// Whether the wave pin is in RUN.
    pub running: bool,
    /// What the wave pin puts out.
    pub format: WaveFormat,
    /// Notes that sound at once.
    pub voices: u16,
    /// Channel groups.
    pub channel_groups: u16,
    /// Bytes of the device's budget that the channel groups have.
    group_bytes: u64,
    /// What events have cost beyond what their blocks had for them.
    owed: u32,
}

impl State {
    /// Gives a channel group a state of its own, in memory that [`Engine::bring`] brought where it
    /// takes more.
    ///
    /// # Errors
    ///
    /// [`NeedsMemory`]; where some was brought, more of it does not help.
    pub fn use_group(
        &mut self,
        group: u16,
        spare: &mut Option<GroupMemory>,
    ) -> Result<(), NeedsMemory> {
        let brought = spare.is_some();
        let used = self.synth.use_group(group, spare);
        if brought && spare.is_none() {
            self.group_bytes = self.group_bytes.saturating_add(MEMORY_BYTES);
        }
        used
    }

    /// The frame that an event of this time is due at; a late one at the next frame.
    #[must_use]
    pub fn frame_of(&self, time: RefTime) -> SampleTime {
        self.clock.to_sample(time).max(self.position)
    }

    /// The time of the next frame, which is that of an event which has none (contract 9.4).
    #[must_use]
    pub fn now(&self) -> RefTime {
        self.clock.to_ref(self.position)
    }

    /// What the events of a block of so many frames may cost.
    pub fn allow(&mut self, frames: usize) -> u32 {
        let frames = u64::try_from(frames).unwrap_or(0);
        let rate = u64::from(self.format.sample_rate);
        let more = frames.saturating_mul(u64::from(SECOND)).checked_div(rate);
        let more = u32::try_from(more.unwrap_or(0)).unwrap_or(u32::MAX);
        // What earlier blocks have spent beyond their own is paid first.
        let paid = more.min(self.owed);
        self.owed = self.owed.saturating_sub(paid);
        more.saturating_sub(paid)
    }

    /// The events of a block have cost so much more than they were [allowed](Self::allow): a step is
    /// done as a whole.
    pub fn owe(&mut self, beyond: u32) {
        self.owed = self.owed.saturating_add(beyond);
    }

    /// Renders the next frames into `out` and says how many; nothing where one hold of the lock is
    /// not long enough for all that sounds: call it again then.
    pub fn render(&mut self, out: &mut [i16]) -> Option<usize> {
        let frames = self.synth.render_some(self.position, out)?;
        let step = i64::try_from(frames).unwrap_or(0);
        self.position = SampleTime(self.position.0.saturating_add(step));
        self.meter.count_block(frames, self.synth.stats().voices);
        Some(frames)
    }
}

impl Engine {
    fn place(&self) {
        self.state.initialise();
    }

    /// Makes a synthesizer whose clock has not started.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    // Not into its caller's frame, which would then hold the synthesizer on its way to its object
    // for as long as the stream is being opened.
    #[inline(never)]
    pub fn create(
        _: &Irql<Passive>,
        miniport: &SynthMiniport,
        format: WaveFormat,
        now: RefTime,
    ) -> Result<ObjectRef<Self>, Status> {
        let settings = miniport.settings();
        let mut config = config_of(settings, format, settings.voices, 1);
        config.handle_seed = miniport.next_handle_seed();
        let state = State {
            synth: Synth::try_new(&config)?,
            clock: ClockMap::new(format.sample_rate, now),
            meter: Meter::default(),
            position: SampleTime(0),
            running: false,
            format,
            voices: config.voices,
            channel_groups: config.channel_groups,
            group_bytes: 0,
            owed: 0,
        };
        Object::try_new(Self {
            settings: *settings,
            state: SpinLock::new(state),
            owed: Debt::new(miniport.budget().clone()),
        })
        .map_err(|_| Status::INSUFFICIENT_RESOURCES)
    }

    /// The settings of the device.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What all pins of the device may hold together.
    #[must_use]
    pub const fn budget(&self) -> &ObjectRef<Budget> {
        self.owed.budget()
    }

    /// Works on the state; never allocate or free in there.
    pub fn with<L: AtMost<Dispatch>, R>(
        &self,
        irql: &mut Irql<L>,
        work: impl FnOnce(&mut State, &mut Irql<Locked>) -> R,
    ) -> R {
        self.state.with(irql, work)
    }

    /// As [`with`](Self::with), while an inlet's lock or that of the streams is held.
    pub fn with_inner<R>(&self, irql: &mut Irql<Locked>, work: impl FnOnce(&mut State) -> R) -> R {
        self.state.with_inner(irql, |state, _| work(state))
    }

    /// A wave pin was opened with this format. Where it is another than before, what sounds is
    /// lost; downloads, volumes, port parameters, controllers and priorities stay (contract 5.6).
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`]; nothing has changed then.
    pub fn set_format(
        &self,
        irql: &mut Irql<Passive>,
        format: WaveFormat,
        now: RefTime,
    ) -> Result<(), Status> {
        let (same, voices, groups) = self.with(irql, |state, _| {
            (state.format == format, state.voices, state.channel_groups)
        });
        let (mut other, mut held) = (None, None);
        if !same {
            let config = config_of(&self.settings, format, voices, groups);
            // As long as both are there.
            held = Some(self.reserve(Synth::pool_bytes_for(&config))?);
            other = Some(Synth::try_new(&config)?);
        }
        // At once: nobody may find the synthesizer of one format and the name of another.
        self.with(irql, |state, _| {
            if let Some(other) = &mut other {
                other.succeed(&mut state.synth);
                core::mem::swap(&mut state.synth, other);
            }
            state.format = format;
            state.clock = ClockMap::new(format.sample_rate, now);
            state.position = SampleTime(0);
        });
        drop(other);
        drop(held);
        Ok(())
    }

    /// Changes the number of voices and channel groups; what sounds may be lost.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`]; nothing has changed then.
    pub fn resize(
        &self,
        irql: &mut Irql<Passive>,
        voices: u16,
        channel_groups: u16,
    ) -> Result<(), Status> {
        let (before, open) = self.with(irql, |state, _| (state.voices, state.channel_groups));
        // Fewer groups take no more than there is, and can always be had.
        let more = if channel_groups > open {
            group_bytes(Storage::group_bytes(channel_groups))
        } else {
            0
        };
        // Other voices are there twice, until what was before them is freed.
        let (both, counted) = if voices == before {
            (0, 0)
        } else {
            (Storage::pool_bytes_for(voices, 1), self.voice_bytes(voices))
        };
        let held = self.reserve(more.saturating_add(both))?;
        let storage = if voices == before {
            Storage::for_groups(channel_groups)?
        } else {
            Storage::try_new(voices, channel_groups)?
        };
        // In steps, because no hold of the lock may be long; there are some two thousand at most.
        self.with(irql, |state, _| state.synth.close_groups(channel_groups));
        let mut cursor = Some(0);
        for _ in 0..MOST_TIDY {
            let Some(next) = cursor else { break };
            cursor = self.with(irql, |state, _| state.synth.tidy_groups(next));
        }
        let (old, unused) = self.with(irql, |state, _| {
            let mut unused = both.saturating_sub(counted);
            if voices != before {
                unused = unused.saturating_add(self.voice_bytes(state.voices));
                state.voices = voices;
            }
            state.channel_groups = channel_groups;
            let old = state.synth.resize(storage);
            let reserved = state.group_bytes.saturating_add(more);
            let taken = group_bytes(state.synth.group_bytes());
            state.group_bytes = taken.min(reserved);
            (
                old,
                unused.saturating_add(reserved.saturating_sub(state.group_bytes)),
            )
        });
        drop(old);
        held.keep();
        self.budget().release(unused);
        Ok(())
    }

    /// What voices count for: those that a client asked for beyond what every engine is made with.
    fn voice_bytes(&self, voices: u16) -> u64 {
        let made_with = Storage::pool_bytes_for(self.settings.voices, 1);
        Storage::pool_bytes_for(voices, 1).saturating_sub(made_with)
    }

    fn reserve(&self, bytes: u64) -> Result<Reservation<'_>, Status> {
        Reservation::of(self.budget(), bytes).ok_or(Status::INSUFFICIENT_RESOURCES)
    }

    /// Memory for more channel groups, within the device's budget. Up to DISPATCH, no lock held.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn bring(&self) -> Result<GroupMemory, Status> {
        if !self.budget().try_reserve(MEMORY_BYTES) {
            return Err(Status::INSUFFICIENT_RESOURCES);
        }
        GroupMemory::try_new().map_err(|error| {
            self.budget().release(MEMORY_BYTES);
            error.into()
        })
    }

    /// Takes back what [`bring`](Self::bring) brought and no group has used. No lock is held.
    pub fn take_back(&self, spare: Option<GroupMemory>) {
        if let Some(memory) = spare {
            drop(memory);
            self.budget().release(MEMORY_BYTES);
        }
    }

    /// Gives a channel group a state of its own, which to set something of it takes.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn use_group(&self, irql: &mut Irql<Passive>, group: u16) -> Result<(), Status> {
        let mut spare = None;
        let mut used = self.with(irql, |state, _| state.use_group(group, &mut spare));
        if used == Err(NeedsMemory) {
            spare = Some(self.bring()?);
            // Memory that did not help is not brought again and again.
            used = self.with(irql, |state, _| state.use_group(group, &mut spare));
        }
        self.take_back(spare);
        used.map_err(|NeedsMemory| Status::INSUFFICIENT_RESOURCES)
    }

    /// Frees what the synthesizer no longer needs.
    pub fn reap(&self, irql: &mut Irql<Passive>) {
        // There is no more of it than downloads.
        self.reap_some(irql, usize::MAX);
    }

    /// As [`reap`](Self::reap), but no more than `most` downloads. Never in rendering: it frees memory.
    pub fn reap_some<L: AtMost<Dispatch>>(&self, irql: &mut Irql<L>, most: usize) {
        for _ in 0..most {
            let Some(garbage) = self.with(irql, |state, _| state.synth.reap()) else {
                return;
            };
            let bytes = garbage.pool_bytes();
            drop(garbage);
            self.budget().release(bytes);
        }
    }

    /// Makes room for `downloads` of them.
    ///
    /// # Errors
    ///
    /// [`Status::NO_MEMORY`].
    pub fn grow_bank(&self, irql: &mut Irql<Passive>, downloads: usize) -> Result<(), Status> {
        let held = Reservation::of(self.budget(), table_bytes(downloads));
        let held = held.ok_or(Status::NO_MEMORY)?;
        let table = BankTable::try_new(downloads).map_err(|_| Status::NO_MEMORY)?;
        // The smaller of the two, whichever that is by now.
        let old = self.with(irql, |state, _| state.synth.grow_bank(table));
        let bytes = table_bytes(old.downloads());
        drop(old);
        held.keep();
        self.budget().release(bytes);
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let table = table_bytes(state.synth.bank_capacity());
        let downloads = state.synth.download_bytes().saturating_add(table);
        let (voices, groups) = (state.voices, state.group_bytes);
        let parameters = groups.saturating_add(self.voice_bytes(voices));
        self.owed.settle(downloads.saturating_add(parameters));
    }
}

/// What an engine takes of the pool in any case.
#[must_use]
pub fn pool_bytes_for(settings: &Settings) -> u64 {
    let format = WaveFormat {
        sample_rate: MAX_RATE,
        channels: 2,
    };
    let config = config_of(settings, format, settings.voices, 1);
    Synth::pool_bytes_for(&config).saturating_add(pool_bytes(size_of::<Engine>()))
}

/// What channel groups count for: those beyond the one that every engine is made with.
fn group_bytes(bytes: usize) -> u64 {
    let beyond = bytes.saturating_sub(Storage::group_bytes(1));
    u64::try_from(beyond).unwrap_or(u64::MAX)
}

/// What a table for downloads counts for. Every engine has one of the first size, which is part of
/// what a pin costs; what a client makes it grow to is the client's.
fn table_bytes(downloads: usize) -> u64 {
    if downloads > usize::from(FIRST_DOWNLOADS) {
        BankTable::pool_bytes_for(downloads)
    } else {
        0
    }
}

/// Steps in which groups are closed: each but the last does away with a chunk, or looks at many.
const MOST_TIDY: usize = 1 << 15;

/// What [`GroupMemory`] takes of the budget.
const MEMORY_BYTES: u64 = GroupMemory::BYTES as u64;

/// What the synthesizer is made for. Its own queue holds the events of one block only: they wait
/// in the pins' inlets, by the master clock.
fn config_of(settings: &Settings, format: WaveFormat, voices: u16, channel_groups: u16) -> Config {
    Config {
        sample_rate: format.sample_rate,
        channels: format.channels,
        voices,
        channel_groups,
        event_capacity: EVENTS_PER_BLOCK,
        interpolation: match settings.interpolation {
            0 => Interpolation::Linear,
            1 => Interpolation::FourPoint,
            2 => Interpolation::Sinc8,
            _ => Interpolation::Sinc16,
        },
        effects: Effects {
            reverb: settings.reverb,
            chorus: settings.chorus,
        },
        // The device's budget decides.
        download_quota: u64::MAX,
        download_places: FIRST_DOWNLOADS,
        handle_seed: 0,
    }
}

/// Downloads that an engine has room for at first.
const FIRST_DOWNLOADS: u16 = 512;

/// Events that fall into one block of the synthesizer; more than that spill into the next.
pub const EVENTS_PER_BLOCK: u32 = 4096;
