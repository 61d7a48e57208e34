//! Both synths behind one face.

use dmusmini_collection::Bank;
use dmusmini_reference::lfo::Shape;
use dmusmini_reference::oscillator::Sinc;
use dmusmini_reference::{Settings, Synth as Reference};

/// Something that plays MIDI messages at exact frames.
pub(crate) trait Player {
    fn schedule(&mut self, frame: u64, message: &[u8]);
    /// The next frames, left and right, before rounding to 16 bits; full scale is 32,768.
    fn render(&mut self, frames: usize) -> Vec<[f64; 2]>;

    fn note_on(&mut self, frame: u64, key: u8, velocity: u8) {
        self.schedule(frame, &[0x90, key, velocity]);
    }

    fn note_off(&mut self, frame: u64, key: u8) {
        self.schedule(frame, &[0x80, key, 64]);
    }

    fn control(&mut self, frame: u64, controller: u8, value: u8) {
        self.schedule(frame, &[0xB0, controller, value]);
    }

    /// As [`render`](Self::render), rounded to 16 bits as the driver puts it out.
    fn pcm(&mut self, frames: usize) -> Vec<[f64; 2]> {
        let rounded = |x: f64| x.round().clamp(-32_768.0, 32_767.0);
        self.render(frames)
            .into_iter()
            .map(|pair| pair.map(rounded))
            .collect()
    }

    /// Full volume and expression, hard left: one channel carries the wave itself.
    fn full_left(&mut self) {
        self.control(0, 7, 127);
        self.control(0, 11, 127);
        self.control(0, 10, 0);
    }

    /// The next frames, left only.
    fn left(&mut self, frames: usize) -> Vec<f64> {
        self.render(frames)
            .into_iter()
            .map(|[left, _]| left)
            .collect()
    }
}

impl Player for Reference {
    fn schedule(&mut self, frame: u64, message: &[u8]) {
        Self::schedule(self, frame, message);
    }

    fn render(&mut self, frames: usize) -> Vec<[f64; 2]> {
        Self::render(self, frames)
    }
}

/// Which synth is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// `f64`, with a nearly ideal interpolator: shows that the measurement itself is good enough.
    Reference,
}

/// The driver's synth comes last: what is asserted about it is printed last.
pub(crate) const SUBJECTS: &[Subject] = &[Subject::Reference];

impl Subject {
    /// A fresh player of `bank`.
    pub(crate) fn player(self, bank: &Bank, rate: u32) -> Box<dyn Player> {
        match self {
            Self::Reference => Box::new(reference(bank, rate)),
        }
    }
}

fn reference(bank: &Bank, rate: u32) -> Reference {
    let settings = Settings {
        rate: rate.into(),
        lfo_shape: Shape::Triangle,
        kernel: Box::new(Sinc::new(48, 9.0)),
        glide: 0,
    };
    Reference::new(settings, bank)
}

/// Prints a number next to its bar and asserts that it is not above.
pub(crate) fn at_most(subject: Subject, what: &str, number: f64, bar: f64) {
    println!("{subject:?}: {what}: {number:.6} (at most {bar})");
    assert!(
        number <= bar,
        "{subject:?}: {what}: {number} is above {bar}"
    );
}

/// Prints a number next to its bar and asserts that it is not below.
pub(crate) fn at_least(subject: Subject, what: &str, number: f64, bar: f64) {
    println!("{subject:?}: {what}: {number:.3} (at least {bar})");
    assert!(
        number >= bar,
        "{subject:?}: {what}: {number} is below {bar}"
    );
}
