//! The driver's synth alone, played message by message.

use dmusmini::dls::Download;
use dmusmini::midi::Channel;
use dmusmini::synth::{BLOCK_FRAMES, Config, Synth};
use dmusmini::time::SampleTime;
use dmusmini_collection::{Bank, Options, Selection};
use dmusmini_reference::measure::frequency;
use dmusmini_reference::test_bank::{LEVEL, RATE, constant, sine, single};

/// The driver's synth alone, hard left: a voice of the constant wave is heard as its gain.
pub(crate) struct Rig {
    pub(crate) synth: Synth,
    pub(crate) position: i64,
}

impl Rig {
    pub(crate) fn new(bank: &Bank, config: &Config) -> Self {
        let mut synth = Synth::try_new(config).expect("there is memory");
        synth.set_boost(0);
        for item in bank.download_set(&Selection::All, Options::default()) {
            let download = Download::parse(&item.bytes).expect("we made it");
            let installed = synth.install(download);
            installed.map_err(|(error, _)| error).expect("it fits");
        }
        let mut rig = Self { synth, position: 0 };
        rig.rest();
        rig
    }

    /// All channels at full volume, hard left.
    pub(crate) fn rest(&mut self) {
        for channel in 0..16 {
            for (controller, value) in [(7, 127), (11, 127), (10, 0)] {
                self.send(&[0xB0 | channel, controller, value]);
            }
        }
    }

    /// Now.
    pub(crate) fn send(&mut self, message: &[u8]) {
        let at = SampleTime(self.position);
        self.synth.schedule(at, 1, message).expect("it is queued");
    }

    pub(crate) fn left(&mut self, frames: usize) -> Vec<f64> {
        self.side(0, frames)
    }

    pub(crate) fn right(&mut self, frames: usize) -> Vec<f64> {
        self.side(1, frames)
    }

    fn side(&mut self, side: usize, frames: usize) -> Vec<f64> {
        let mut out = Vec::new();
        while out.len() < frames {
            let mut block = [0_i16; 2 * BLOCK_FRAMES];
            let count = BLOCK_FRAMES.min(frames - out.len());
            self.synth
                .render(SampleTime(self.position), &mut block[..2 * count]);
            self.position += count as i64;
            let heard = block[side..2 * count].iter().step_by(2);
            out.extend(heard.map(|x| f64::from(*x)));
        }
        out
    }

    /// The level after everything has settled, 1 for a voice at full velocity.
    pub(crate) fn level(&mut self) -> f64 {
        self.left(1500).last().copied().unwrap_or(0.0) / LEVEL
    }

    /// The frequency of what sounds.
    pub(crate) fn hertz(&mut self, about: f64) -> f64 {
        self.left(2000);
        frequency(&self.left(40_000), about, RATE.into())
    }
}

pub(crate) fn near(what: &str, found: f64, expected: f64) {
    println!("{what}: {found:.4} (expected {expected:.4})");
    assert!(
        (found - expected).abs() < 0.002 * expected.abs().max(1.0),
        "{what}"
    );
}

pub(crate) fn dc() -> Rig {
    Rig::new(&single(constant(), &[]), &Config::default())
}

pub(crate) fn tone() -> Rig {
    Rig::new(&single(sine(1000.0), &[]), &Config::default())
}

pub(crate) fn cents(hertz: f64) -> f64 {
    1200.0 * (hertz / 1000.0).log2()
}

/// (v/127)^2.
pub(crate) fn law(v: u8) -> f64 {
    (f64::from(v) / 127.0).powi(2)
}

pub(crate) fn channel(index: u8) -> Channel {
    Channel::new(index).expect("0..=15")
}
