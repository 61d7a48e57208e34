//! The bank: waves, the 128 programs and the drum kit as one DLS collection.

use crate::kit::{Hit, KIT};
use crate::patch::Patch;
use crate::programs::{Layer, PROGRAMS, Program};
use crate::tones::{Drum, Tone, Zone};
use crate::wave;
use dmusmini_collection::{Bank, Instrument, Region, Sample, Wave};
use std::collections::BTreeMap;

/// Bit 31 of a patch: a drum kit.
const DRUMS: u32 = 0x8000_0000;
/// Decibels below what the tables say: the driver boosts by 6 dB, and fourteen parts together must still fit.
const HEADROOM: f64 = 2.5;
/// Strokes below this velocity play the soft wave, where there is one.
const HARD: u8 = 72;

/// The bundled bank.
#[must_use]
pub fn bank() -> Bank {
    let pool = Pool::new();
    let melodic = (0..)
        .zip(&PROGRAMS)
        .map(|(number, program)| pool.instrument(number, program))
        .collect();
    let mut instruments: Vec<Instrument> = melodic;
    instruments.push(pool.kit());
    Bank {
        name: "dmusmini General MIDI".to_owned(),
        instruments,
        waves: pool.waves,
    }
}

/// Every wave, and where each sound's waves lie in the pool.
struct Pool {
    waves: Vec<Wave>,
    tones: BTreeMap<Tone, Vec<(usize, Zone)>>,
    drums: BTreeMap<Drum, (usize, wave::Wave)>,
}

impl Pool {
    fn new() -> Self {
        let mut waves = Vec::new();
        let mut keep = |zone: Zone| (store(&mut waves, &zone.wave), zone);
        let tones = Tone::ALL
            .map(|tone| (tone, tone.zones().into_iter().map(&mut keep).collect()))
            .into();
        let drums = Drum::ALL
            .map(|drum| {
                let wave = drum.wave();
                (drum, (store(&mut waves, &wave), wave))
            })
            .into();
        Self {
            waves,
            tones,
            drums,
        }
    }

    fn instrument(&self, number: u32, program: &Program) -> Instrument {
        Instrument {
            patch: number,
            name: program.name.to_owned(),
            regions: program
                .layers
                .iter()
                .flatten()
                .flat_map(|layer| self.layer(layer))
                .collect(),
            articulation: program.patch.connections(),
        }
    }

    /// A region for each zone of the layer's tone that still lies on the keyboard after transposition.
    fn layer(&self, layer: &Layer) -> Vec<Region> {
        let shift = i16::from(layer.transpose);
        self.tones[&layer.tone]
            .iter()
            .filter_map(|(index, zone)| {
                let low = if zone.low == 0 {
                    0
                } else {
                    i16::from(zone.low) - shift
                };
                let high = if zone.high == 127 {
                    127
                } else {
                    i16::from(zone.high) - shift
                };
                let keys = (
                    u8::try_from(low.max(0)).ok()?,
                    u8::try_from(high.min(127)).ok()?,
                );
                let unity = i16::from(zone.wave.unity) - shift;
                let sample = Sample {
                    fine_tune: zone.wave.fine + layer.detune,
                    gain: gain(layer.gain),
                    ..sample(&zone.wave, u8::try_from(unity).ok()?)
                };
                (keys.0 <= keys.1).then(|| Region {
                    sample: Some(sample),
                    ..Region::new(*index).with_keys(keys.0, keys.1)
                })
            })
            .collect()
    }

    fn kit(&self) -> Instrument {
        Instrument {
            patch: DRUMS,
            name: "Standard Kit".to_owned(),
            regions: KIT.iter().flat_map(|hit| self.hit(hit)).collect(),
            articulation: Patch::held(0.0, 6.0).connections(),
        }
    }

    fn hit(&self, hit: &Hit) -> Vec<Region> {
        let hard = self.stroke(hit, hit.drum);
        match hit.soft() {
            None => vec![hard],
            Some(drum) => vec![
                self.stroke(hit, drum).with_velocities(0, HARD - 1),
                hard.with_velocities(HARD, 127),
            ],
        }
    }

    fn stroke(&self, hit: &Hit, drum: Drum) -> Region {
        let (index, wave) = &self.drums[&drum];
        let unity = i16::from(hit.key) - i16::from(hit.shift);
        let unity = u8::try_from(unity).expect("a kit key is never shifted off the keyboard");
        let sample = Sample {
            gain: gain(hit.gain),
            fine_tune: 0,
            ..sample(wave, unity)
        };
        Region {
            key_group: u16::from(hit.group),
            sample: Some(sample),
            articulation: hit.ring.patch().panned(hit.pan).connections(),
            ..Region::new(*index).with_keys(hit.key, hit.key)
        }
    }
}

fn store(waves: &mut Vec<Wave>, wave: &wave::Wave) -> usize {
    waves.push(Wave {
        sample: Some(Sample {
            fine_tune: wave.fine,
            ..sample(wave, wave.unity)
        }),
        ..Wave::new(&wave.name, wave.rate, wave.samples.clone())
    });
    waves.len() - 1
}

fn sample(wave: &wave::Wave, unity: u8) -> Sample {
    let plain = Sample::new(unity);
    wave.looped
        .map_or(plain, |looped| plain.with_loop(looped.start, looped.length))
}

/// A level of the tables as 16.16 of 0.1 dB.
fn gain(decibels: f64) -> i32 {
    ((decibels - HEADROOM) * 655_360.0).round() as i32
}
