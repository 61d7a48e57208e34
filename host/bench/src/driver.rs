//! The driver's synth, ready to be timed.

use anyhow::{Result, anyhow, ensure};
use dmusmini::dls::Download;
use dmusmini::synth::{BLOCK_FRAMES, Config, Stats, Synth};
use dmusmini::time::SampleTime;
use dmusmini_collection::{Bank, Options, Selection};
use rustix::time::{ClockId, clock_gettime};

use crate::Mode;

/// A synth and how far it has played.
pub struct Driver {
    synth: Synth,
    position: i64,
}

impl Driver {
    /// Effects off, 44.1 kHz stereo.
    pub fn new(bank: &Bank, mode: Mode, voices: u16) -> Result<Self> {
        Self::with(
            bank,
            &Config {
                voices,
                interpolation: mode.into(),
                ..Config::default()
            },
        )
    }

    /// As configured.
    pub fn with(bank: &Bank, config: &Config) -> Result<Self> {
        let mut synth = Synth::try_new(config).map_err(|_| anyhow!("no memory"))?;
        for item in bank.download_set(&Selection::All, Options::default()) {
            let download =
                Download::parse(&item.bytes).map_err(|error| anyhow!("{}: {error}", item.name))?;
            synth
                .install(download)
                .map_err(|(error, _)| anyhow!("{}: {error:?}", item.name))?;
        }
        Ok(Self { synth, position: 0 })
    }

    /// Starts notes on all channels, around the wave's own key, and lets them begin.
    pub fn hold(&mut self, voices: u16) -> Result<()> {
        for n in 0..voices {
            let channel = (n % 15 + u16::from(n % 15 >= 9)) as u8;
            let key = 55 + (n / 15 % 12) as u8;
            self.schedule(0, &[0x90 | channel, key, 100]);
        }
        // A block obeys a bounded number of events.
        for _ in 0..400 {
            self.blocks(1);
        }
        self.expect_voices(voices)
    }

    /// Fails unless exactly so many voices sound.
    pub fn expect_voices(&self, voices: u16) -> Result<()> {
        let sounding = self.stats().voices;
        ensure!(
            sounding == u32::from(voices),
            "{sounding} voices sound instead of {voices}"
        );
        Ok(())
    }

    /// Queues a message for channel group 1.
    pub fn schedule(&mut self, frame: i64, message: &[u8]) {
        // A full queue shows in the statistics.
        let _ = self.synth.schedule(SampleTime(frame), 1, message);
    }

    /// Renders blocks.
    pub fn blocks(&mut self, blocks: u32) {
        let mut out = [0; 2 * BLOCK_FRAMES];
        // A block here is 64 frames, whatever the synth takes at once.
        let end = self.position + 64 * i64::from(blocks);
        while self.position < end {
            let frames = usize::try_from(end - self.position)
                .unwrap_or(BLOCK_FRAMES)
                .min(BLOCK_FRAMES);
            let samples = frames * usize::from(self.synth.config().channels);
            // In steps, as the driver does it.
            while self.step(&mut out[..samples]).is_none() {}
        }
        std::hint::black_box(out);
    }

    /// Renders what the driver does under one hold of its lock; says whether a block is done.
    pub fn call(&mut self) -> bool {
        let mut out = [0; 2 * BLOCK_FRAMES];
        let done = self.step(&mut out).is_some();
        std::hint::black_box(out);
        done
    }

    fn step(&mut self, out: &mut [i16]) -> Option<usize> {
        let made = self.synth.render_some(SampleTime(self.position), out)?;
        self.position += made as i64;
        Some(made)
    }

    /// Renders blocks and says how many nanoseconds of processor time they took.
    pub fn time_blocks(&mut self, blocks: u32) -> Result<f64> {
        let start = processor_time();
        self.blocks(blocks);
        Ok(processor_time() - start)
    }

    /// What the synth counts.
    pub fn stats(&self) -> Stats {
        self.synth.stats()
    }

    /// The next frame.
    pub fn position(&self) -> i64 {
        self.position
    }
}

/// Nanoseconds that this thread has run; what else the machine does is not in it.
///
/// From the clock, which is exact; the scheduler's own account in `/proc` moves by ticks.
pub fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
