//! The bank of the voice measurements: one looped tone.

use dmusmini_collection::units::{cents, decibels, frequency, percent, time};
use dmusmini_collection::{Bank, Block, Instrument, Region, Sample, Wave, destination, source};

/// A sine of 10 cycles in a loop of 1,000 frames; with its filter, LFOs and envelopes at work if
/// `filter` is set.
pub fn tones(filter: bool) -> Bank {
    let cycle = |n: u32| (f64::from(n) * 10.0 / 1000.0 * std::f64::consts::TAU).sin() * 8000.0;
    let frames = (0..2000).map(|n| cycle(n) as i16).collect();
    let mut wave = Wave::new("tone", 44_100, frames);
    wave.sample = Some(Sample::new(60).with_loop(1000, 1000));
    let fixed = |destination, scale| Block {
        source: source::NONE,
        control: source::NONE,
        destination,
        transform: 0,
        scale,
    };
    let moved = |source, destination, scale| Block {
        source,
        ..fixed(destination, scale)
    };
    let mut articulation = vec![
        fixed(destination::EG1_DECAY, time(40.0)),
        fixed(destination::EG1_SUSTAIN, percent(10.0)),
    ];
    if filter {
        articulation.extend([
            fixed(destination::CUTOFF, frequency(2000.0)),
            fixed(destination::Q, decibels(6.0)),
            fixed(destination::EG2_DECAY, time(40.0)),
            fixed(destination::EG2_SUSTAIN, percent(10.0)),
            moved(source::EG2, destination::CUTOFF, cents(1200.0)),
            moved(source::LFO, destination::GAIN, decibels(3.0)),
            moved(source::VIBRATO, destination::PITCH, cents(20.0)),
        ]);
    }
    Bank {
        name: "tones".to_owned(),
        instruments: vec![Instrument {
            patch: 0,
            name: "tone".to_owned(),
            regions: vec![Region {
                self_non_exclusive: true,
                ..Region::new(0)
            }],
            articulation,
        }],
        waves: vec![wave],
    }
}
