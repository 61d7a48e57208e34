//! Both synths behind one face.

use std::sync::{Arc, OnceLock};

use dmusmini::dls::Download;
use dmusmini::synth::{BLOCK_FRAMES, Config, Interpolation, Synth};
use dmusmini::tables::{CUBIC, LINEAR, Rows, SINC8, SINC16, SINC16_LOW};
use dmusmini::time::SampleTime;
use dmusmini_collection::{Bank, Options, Selection};
use dmusmini_reference::lfo::Shape;
use dmusmini_reference::oscillator::{Kernel, Sinc};
use dmusmini_reference::{Settings, Synth as Reference};

/// Something that plays MIDI messages at exact frames.
pub(crate) trait Player {
    fn schedule(&mut self, frame: u64, message: &[u8]);
    /// The next frames, left and right, before rounding to 16 bits; full scale is 32,768.
    fn render(&mut self, frames: usize) -> Vec<[f64; 2]>;
    /// The next frames as the driver puts them out, in 16 bits.
    fn pcm(&mut self, frames: usize) -> Vec<[f64; 2]>;

    fn note_on(&mut self, frame: u64, key: u8, velocity: u8) {
        self.schedule(frame, &[0x90, key, velocity]);
    }

    fn note_off(&mut self, frame: u64, key: u8) {
        self.schedule(frame, &[0x80, key, 64]);
    }

    fn control(&mut self, frame: u64, controller: u8, value: u8) {
        self.schedule(frame, &[0xB0, controller, value]);
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

/// Which synth is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// `f64`, with a nearly ideal interpolator: shows that the measurement itself is good enough.
    Reference,
    /// The driver's, with its default interpolation.
    Driver,
}

/// The driver's synth comes last: what is asserted about it is printed last.
pub(crate) const SUBJECTS: &[Subject] = &[Subject::Reference, Subject::Driver];

impl Subject {
    /// A fresh player of `bank`.
    pub(crate) fn player(self, bank: &Bank, rate: u32) -> Box<dyn Player> {
        match self {
            Self::Reference => Box::new(reference(bank, rate, Box::new(ideal()), 0)),
            Self::Driver => Box::new(Driver::new(bank, rate, Interpolation::default())),
        }
    }
}

/// Frames in which the driver's levels follow their controllers (`voice::SMOOTHING`).
const GLIDE: u32 = 64;
/// Binary places of the driver's mix below a 16-bit sample's step.
const MIX_BITS: f64 = 37.0;

/// The reference that does what the driver's synth means to do, from the same coefficients.
pub(crate) fn twin(bank: &Bank, rate: u32, interpolation: Interpolation) -> Box<dyn Player> {
    Box::new(reference(
        bank,
        rate,
        Box::new(Tables(interpolation)),
        GLIDE,
    ))
}

fn reference(bank: &Bank, rate: u32, kernel: Box<dyn Kernel>, glide: u32) -> Reference {
    let settings = Settings {
        rate: rate.into(),
        lfo_shape: Shape::Sine,
        kernel,
        glide,
    };
    Reference::new(settings, bank)
}

/// The nearly ideal interpolator, made once.
fn ideal() -> Arc<Sinc> {
    static IDEAL: OnceLock<Arc<Sinc>> = OnceLock::new();
    IDEAL.get_or_init(|| Arc::new(Sinc::new(48, 9.0))).clone()
}

impl Player for Reference {
    fn schedule(&mut self, frame: u64, message: &[u8]) {
        Self::schedule(self, frame, message);
    }

    fn render(&mut self, frames: usize) -> Vec<[f64; 2]> {
        Self::render(self, frames)
    }

    fn pcm(&mut self, frames: usize) -> Vec<[f64; 2]> {
        let rounded = |x: f64| x.round().clamp(-32_768.0, 32_767.0);
        self.render(frames)
            .into_iter()
            .map(|pair| pair.map(rounded))
            .collect()
    }
}

/// The driver's synth, volume and boost at 0 dB, effects off, with more voices than any song needs.
#[derive(Debug)]
pub(crate) struct Driver {
    synth: Synth,
    position: i64,
}

impl Driver {
    pub(crate) fn new(bank: &Bank, rate: u32, interpolation: Interpolation) -> Self {
        let config = Config {
            sample_rate: rate,
            voices: 1024,
            interpolation,
            ..Config::default()
        };
        let mut synth = Synth::try_new(&config).expect("there is memory");
        synth.set_boost(0);
        for item in bank.download_set(&Selection::All, Options::default()) {
            let download = Download::parse(&item.bytes).expect("we made it");
            synth
                .install(download)
                .map_err(|(error, _)| error)
                .expect("it fits");
        }
        Self { synth, position: 0 }
    }
}

impl Player for Driver {
    fn schedule(&mut self, frame: u64, message: &[u8]) {
        let at = SampleTime(frame.cast_signed());
        self.synth
            .schedule(at, 1, message)
            .expect("the queue is long enough");
    }

    fn render(&mut self, frames: usize) -> Vec<[f64; 2]> {
        let mut out = Vec::with_capacity(frames);
        while out.len() < frames {
            let mut block = [[0_i64; 2]; BLOCK_FRAMES];
            let count = BLOCK_FRAMES.min(frames - out.len());
            self.synth
                .render_mix(SampleTime(self.position), &mut block[..count]);
            let scale = MIX_BITS.exp2();
            out.extend(
                block[..count]
                    .iter()
                    .map(|pair| pair.map(|x| x as f64 / scale)),
            );
            self.position += count.cast_signed() as i64;
        }
        out
    }

    fn pcm(&mut self, frames: usize) -> Vec<[f64; 2]> {
        let mut out = Vec::with_capacity(frames);
        while out.len() < frames {
            let mut block = [0_i16; 2 * BLOCK_FRAMES];
            let count = BLOCK_FRAMES.min(frames - out.len());
            self.synth
                .render(SampleTime(self.position), &mut block[..2 * count]);
            let pairs = block[..2 * count].chunks_exact(2);
            out.extend(pairs.map(|pair| [pair[0].into(), pair[1].into()]));
            self.position += count.cast_signed() as i64;
        }
        out
    }
}

/// The driver's interpolation tables: the same rows, chosen in the same way.
#[derive(Clone, Copy, Debug)]
struct Tables(Interpolation);

impl Kernel for Tables {
    fn taps(&self) -> usize {
        match self.0 {
            Interpolation::Linear => 2,
            Interpolation::FourPoint => 4,
            Interpolation::Sinc8 => 8,
            Interpolation::Sinc16 => 16,
        }
    }

    fn coefficients(&self, fraction: f64, step: f64, out: &mut [f64]) {
        match self.0 {
            Interpolation::Linear => row(&LINEAR, fraction, out),
            Interpolation::FourPoint => row(&CUBIC, fraction, out),
            Interpolation::Sinc8 => row(&SINC8, fraction, out),
            Interpolation::Sinc16 if step <= 1.26 => row(&SINC16, fraction, out),
            Interpolation::Sinc16 if step <= 1.68 => row(&SINC16_LOW[0], fraction, out),
            Interpolation::Sinc16 if step <= 2.40 => row(&SINC16_LOW[1], fraction, out),
            Interpolation::Sinc16 => row(&SINC16_LOW[2], fraction, out),
        }
    }
}

/// The nearest row; weights are negated Q15. Nearest to the next frame is its first row, one tap
/// later (the last tap of a first row is 0).
fn row<const TAPS: usize, const ROWS: usize>(
    rows: &Rows<TAPS, ROWS>,
    fraction: f64,
    out: &mut [f64],
) {
    let nearest = (fraction * ROWS as f64 + 0.5).floor() as usize;
    let weight = |w: &i16| -f64::from(*w) / 32_768.0;
    if nearest < ROWS {
        for (slot, w) in out.iter_mut().zip(&rows.0[nearest]) {
            *slot = weight(w);
        }
    } else {
        out[0] = 0.0;
        for (slot, w) in out[1..].iter_mut().zip(&rows.0[0]) {
            *slot = weight(w);
        }
    }
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
