//! The driver's synth, ready to be timed.

use anyhow::{Context, Result, anyhow};
use dmusmini::dls::Download;
use dmusmini::synth::{BLOCK_FRAMES, Config, Interpolation, Synth};
use dmusmini::time::SampleTime;
use dmusmini_collection::{Bank, Options, Selection};

/// A synth and how far it has played.
pub(crate) struct Driver {
    synth: Synth,
    position: i64,
}

impl Driver {
    /// Effects off, 44.1 kHz stereo.
    pub(crate) fn new(bank: &Bank, interpolation: Interpolation, voices: u16) -> Result<Self> {
        let config = Config {
            voices,
            interpolation,
            ..Config::default()
        };
        let mut synth = Synth::try_new(&config).map_err(|_| anyhow!("no memory"))?;
        for item in bank.download_set(&Selection::All, Options::default()) {
            let download =
                Download::parse(&item.bytes).map_err(|error| anyhow!("{}: {error}", item.name))?;
            synth
                .install(download)
                .map_err(|(error, _)| anyhow!("{}: {error:?}", item.name))?;
        }
        Ok(Self { synth, position: 0 })
    }

    /// Starts notes on all channels, half a tone around the wave's own key.
    pub(crate) fn hold(&mut self, voices: u16) {
        for n in 0..voices {
            let channel = (n % 15 + u16::from(n % 15 >= 9)) as u8;
            let key = 55 + (n / 15 % 12) as u8;
            self.schedule(0, &[0x90 | channel, key, 100]);
        }
    }

    pub(crate) fn schedule(&mut self, frame: i64, message: &[u8]) {
        // A full queue shows in the statistics.
        let _ = self.synth.schedule(SampleTime(frame), 1, message);
    }

    /// Renders blocks and says how many nanoseconds of processor time they took.
    pub(crate) fn time_blocks(&mut self, blocks: u32) -> Result<f64> {
        let mut out = [0; 2 * BLOCK_FRAMES];
        let start = processor_time()?;
        for _ in 0..blocks {
            self.synth.render(SampleTime(self.position), &mut out);
            #[expect(clippy::cast_possible_wrap, reason = "a block is 64 frames")]
            let frames = BLOCK_FRAMES as i64;
            self.position += frames;
        }
        std::hint::black_box(out);
        Ok(processor_time()? - start)
    }

    /// Voices that sound.
    pub(crate) fn voices(&self) -> u32 {
        self.synth.stats().voices
    }

    pub(crate) fn position(&self) -> i64 {
        self.position
    }
}

/// Nanoseconds that this thread has run; what else the machine does is not in it.
fn processor_time() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text
        .split(' ')
        .next()
        .context("no processor time")?
        .parse()?)
}
