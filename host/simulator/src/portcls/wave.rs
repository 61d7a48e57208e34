//! The wave sink's client: what pulls frames out of a synthesizer (contract section 9).
//!
//! It has a clock of its own, which may drift and jitter against the master clock, and it renders as
//! a sound card would: a lead ahead of what is being heard, in pieces of about 10 to 20 ms, telling
//! the synthesizer its time every 20 ms.

use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::portcls::abi::KsState;
use dmusmini::portcls::interfaces::ISynthSinkDMus;

use super::block::Block;
use super::foreign::Foreign;
use super::format::{Format, WaveFormat};
use super::host;
use super::pin::PinState;

/// How the sink behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveOptions {
    /// The shortest and the longest piece, in frames; 0 and 0 are 10 to 20 ms.
    pub piece: (u32, u32),
    /// How much faster than the master clock the sink's clock runs, in parts per million.
    pub drift_ppm: i64,
    /// The greatest error of a time the sink tells, in 100 ns, either way.
    pub jitter: u64,
    /// How far ahead of its clock the sink renders, in 100 ns.
    pub lead: u64,
    /// The distance between two calls of SyncToMaster, in 100 ns.
    pub sync_period: u64,
    /// Give the driver buffers at odd addresses.
    pub unaligned: bool,
}

impl Default for WaveOptions {
    fn default() -> Self {
        Self {
            piece: (0, 0),
            drift_ppm: 0,
            jitter: 0,
            lead: 400_000,
            sync_period: 200_000,
            unaligned: true,
        }
    }
}

/// One running wave sink.
#[derive(Debug)]
pub struct WaveClient {
    pin: Rc<PinState>,
    sink: Foreign<ISynthSinkDMus>,
    format: WaveFormat,
    options: WaveOptions,
    /// Machine time of the start.
    start: u64,
    /// The sink's own time at the start.
    slave_start: i64,
    position: i64,
    next_sync: u64,
    /// What was rendered beyond what the last pull asked for.
    spare: Vec<i16>,
    /// The greatest difference between the synthesizer's idea of a frame's time and the sink's.
    syncs: u64,
}

impl std::fmt::Debug for PinState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PinState")
            .field("factory", &self.factory)
            .field("state", &self.state.get())
            .finish_non_exhaustive()
    }
}

impl WaveClient {
    /// Runs a wave pin and starts its sample clock.
    pub(crate) fn start(pin: &Rc<PinState>, options: WaveOptions) -> Result<Self, Status> {
        let (Format::Wave(format), Some(sink)) = (&pin.format, pin.wave()) else {
            return Err(Status::INVALID_DEVICE_REQUEST);
        };
        pin.walk(KsState::RUN).ok()?;
        let now = host::now();
        let client = Self {
            pin: Rc::clone(pin),
            sink,
            format: *format,
            options,
            start: now,
            slave_start: SLAVE_START,
            position: 0,
            next_sync: now + options.sync_period.max(1),
            spare: Vec::new(),
            syncs: 0,
        };
        client.sync(client.slave_start, true).ok()?;
        Ok(client)
    }

    /// The frames rendered so far.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.position
    }

    /// How often the sink has told its time.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> WaveFormat {
        self.format
    }

    /// Appends `frames` frames (interleaved) to `out`, letting the machine's time pass as they are
    /// played.
    pub fn pull(&mut self, frames: usize, out: &mut Vec<i16>) {
        let channels = usize::from(self.format.channels);
        let mut wanted = frames * channels;
        let spare = self.spare.len().min(wanted);
        out.extend(self.spare.drain(..spare));
        wanted -= spare;
        while wanted > 0 {
            let piece = self.next_piece();
            let kept = piece.len().min(wanted);
            out.extend(&piece[..kept]);
            self.spare.extend(&piece[kept..]);
            wanted -= kept;
        }
    }

    /// Lets time pass until the next piece is wanted, and renders it.
    fn next_piece(&mut self) -> Vec<i16> {
        let frames = self.piece_length();
        let end = self.position + i64::from(frames);
        let due = self
            .machine_time_of(end)
            .saturating_sub(self.options.lead)
            .max(self.start);
        self.advance_to(due);
        self.render(frames)
    }

    fn piece_length(&self) -> u32 {
        let (least, most) = match self.options.piece {
            (0, 0) => (self.format.rate / 100, self.format.rate / 50),
            piece => piece,
        };
        let spread = u64::from(most.saturating_sub(least)) + 1;
        least + u32::try_from(host::kernel().random().below(spread)).unwrap_or(0)
    }

    /// The machine time at which the sink plays a frame.
    fn machine_time_of(&self, frame: i64) -> u64 {
        let slave = i128::from(frame) * 10_000_000 / i128::from(self.format.rate.max(1));
        let master = slave * 1_000_000 / (1_000_000 + i128::from(self.options.drift_ppm));
        self.start + u64::try_from(master).unwrap_or(0)
    }

    /// The sink's own time, as exact as it knows it.
    fn slave_now(&self) -> i64 {
        let passed = i128::from(host::now() - self.start);
        let slave = passed * (1_000_000 + i128::from(self.options.drift_ppm)) / 1_000_000;
        let spread = self.options.jitter * 2 + 1;
        let error =
            host::kernel().random().below(spread).cast_signed() - self.options.jitter.cast_signed();
        self.slave_start + i64::try_from(slave).unwrap_or(0) + error
    }

    /// Lets time pass, with the calls of SyncToMaster that fall into it.
    fn advance_to(&mut self, due: u64) {
        while self.next_sync <= due {
            host::kernel().advance_to(self.next_sync);
            let status = self.sync(self.slave_now(), false);
            if !status.is_success() {
                host::breach(SYNC, format!("{status:?}"));
            }
            self.syncs += 1;
            self.next_sync += self.options.sync_period.max(1);
        }
        host::kernel().advance_to(due);
    }

    fn sync(&self, time: i64, start: bool) -> Status {
        self.sink.call(SYNC, |sink| {
            sink.sync_to_master(&host::passive(), time, i32::from(start))
        })
    }

    /// One Render call at the current position.
    pub fn render(&mut self, frames: u32) -> Vec<i16> {
        let samples = usize::try_from(frames).unwrap_or(0) * usize::from(self.format.channels);
        let shift = usize::from(self.options.unaligned);
        let size = samples * 2;
        let block = Block::new(shift + size + GUARD);
        // The driver must overwrite every sample (contract 9.2) and nothing else.
        block.write(0, &vec![JUNK; shift + size + GUARD]);
        let buffer = std::ptr::NonNull::new(block.pointer::<u8>().wrapping_add(shift));
        let position = self.position;
        self.sink.call(RENDER, |sink| {
            // SAFETY: the buffer has room for that many frames.
            unsafe { sink.render(&host::passive(), buffer, frames, position) };
        });
        self.position += i64::from(frames);
        let around = [block.read(0, shift), block.read(shift + size, GUARD)].concat();
        if around.iter().any(|byte| *byte != JUNK) {
            host::breach(RENDER, "wrote outside the buffer");
        }
        let bytes = block.read(shift, size);
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|pair| i16::from_le_bytes(*pair))
            .collect()
    }

    /// The synthesizer's answer: master time of a frame.
    ///
    /// # Errors
    ///
    /// The synthesizer's status.
    pub fn sample_to_ref_time(&self, sample: i64) -> Result<i64, Status> {
        let mut time = 0;
        self.sink
            .call("ISynthSinkDMus::SampleToRefTime", |sink| {
                let time = Some(dmusmini::com::Out::from_mut(&mut time));
                sink.sample_to_ref_time(&host::passive(), sample, time)
            })
            .ok()?;
        Ok(time)
    }

    /// The synthesizer's answer: frame of a master time.
    ///
    /// # Errors
    ///
    /// The synthesizer's status.
    pub fn ref_time_to_sample(&self, time: i64) -> Result<i64, Status> {
        let mut sample = 0;
        self.sink
            .call("ISynthSinkDMus::RefTimeToSample", |sink| {
                let sample = Some(dmusmini::com::Out::from_mut(&mut sample));
                sink.ref_time_to_sample(&host::passive(), time, sample)
            })
            .ok()?;
        Ok(sample)
    }

    /// Master time at which the sink really plays a frame.
    #[must_use]
    pub fn true_time_of(&self, frame: i64) -> i64 {
        self.pin.clock.at(self.machine_time_of(frame))
    }

    /// Stops the pin's stream; the pin stays open.
    pub fn stop(self) -> Status {
        self.pin.walk(KsState::STOP)
    }
}

const SYNC: &str = "ISynthSinkDMus::SyncToMaster";
const RENDER: &str = "ISynthSinkDMus::Render";
/// A sink's clock has its own zero.
const SLAVE_START: i64 = 123_456_789;
const GUARD: usize = 64;
const JUNK: u8 = 0x5D;
