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
use crate::portcls::format::WaveFormat;
use crate::synth::{Config, Effects, GroupMemory, Interpolation, NeedsMemory, Storage, Synth};
use crate::time::{ClockMap, RefTime, SampleTime};

use super::budget::Budget;
use super::meter::Meter;
use super::work::SECOND;

/// A virtual synthesizer.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    budget: ObjectRef<Budget>,
    state: SpinLock<State>,
}

class!(Engine);

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
        settings: &Settings,
        budget: &ObjectRef<Budget>,
        format: WaveFormat,
        now: RefTime,
    ) -> Result<ObjectRef<Self>, Status> {
        let config = config_of(settings, format, settings.voices, 1);
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
            budget: budget.clone(),
            state: SpinLock::new(state),
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
        &self.budget
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
        let mut other = None;
        if !same {
            let config = config_of(&self.settings, format, voices, groups);
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
        let more = u64::try_from(Storage::group_bytes(channel_groups)).unwrap_or(u64::MAX);
        if !self.budget.try_reserve(more) {
            return Err(Status::INSUFFICIENT_RESOURCES);
        }
        let storage = match Storage::try_new(voices, channel_groups) {
            Ok(storage) => storage,
            Err(error) => {
                self.budget.release(more);
                return Err(error.into());
            }
        };
        // In steps, because no hold of the lock may be long; there are some two thousand at most.
        self.with(irql, |state, _| state.synth.close_groups(channel_groups));
        let mut cursor = Some(0);
        for _ in 0..MOST_TIDY {
            let Some(next) = cursor else { break };
            cursor = self.with(irql, |state, _| state.synth.tidy_groups(next));
        }
        // The old memory goes at the end of this function, outside the lock.
        let (_old, unused) = self.with(irql, |state, _| {
            state.voices = voices;
            state.channel_groups = channel_groups;
            let old = state.synth.resize(storage);
            let reserved = state.group_bytes.saturating_add(more);
            let taken = u64::try_from(state.synth.group_bytes()).unwrap_or(u64::MAX);
            state.group_bytes = taken.min(reserved);
            (old, reserved.saturating_sub(state.group_bytes))
        });
        self.budget.release(unused);
        Ok(())
    }

    /// Memory for more channel groups, within the device's budget. Up to DISPATCH, no lock held.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn bring(&self) -> Result<GroupMemory, Status> {
        if !self.budget.try_reserve(MEMORY_BYTES) {
            return Err(Status::INSUFFICIENT_RESOURCES);
        }
        GroupMemory::try_new().map_err(|error| {
            self.budget.release(MEMORY_BYTES);
            error.into()
        })
    }

    /// Takes back what [`bring`](Self::bring) brought and no group has used. No lock is held.
    pub fn take_back(&self, spare: Option<GroupMemory>) {
        if let Some(memory) = spare {
            drop(memory);
            self.budget.release(MEMORY_BYTES);
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
            drop(garbage);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.budget.release(self.state.get_mut().group_bytes);
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
        download_quota: settings.download_quota,
    }
}

/// Events that fall into one block of the synthesizer; more than that spill into the next.
pub const EVENTS_PER_BLOCK: u32 = 4096;
