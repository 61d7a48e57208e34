//! The bank keeps what a listener would notice: in tune, no clicks, nothing clipped, nothing missing.

use dmusmini_collection::{Bank, Collection, Frames, Instrument, Wave};
use std::sync::LazyLock;

static BANK: LazyLock<Bank> = LazyLock::new(dmusmini_demo::bank);

#[test]
fn all_programs_answer_on_every_key_and_velocity() {
    assert_eq!(BANK.instruments.len(), 129);
    for (program, instrument) in (0..128).zip(&BANK.instruments) {
        assert_eq!(instrument.patch, program);
        for key in 0..128 {
            for velocity in [1, 64, 127] {
                assert!(
                    sounding(instrument, key, velocity) > 0,
                    "{} is silent on key {key}",
                    instrument.name
                );
            }
        }
    }
}

#[test]
fn the_kit_covers_the_general_midi_keys_once() {
    let kit = BANK.instruments.last().unwrap();
    assert_eq!(kit.patch, 0x8000_0000);
    for key in 35..=81 {
        for velocity in [1, 71, 72, 127] {
            assert_eq!(
                sounding(kit, key, velocity),
                1,
                "key {key}, velocity {velocity}"
            );
        }
    }
    let group = |key: u8| {
        kit.regions
            .iter()
            .find(|region| region.keys.0 == key)
            .unwrap()
            .key_group
    };
    assert!(
        group(42) != 0 && group(42) == group(44) && group(42) == group(46),
        "the hats cut each other"
    );
}

#[test]
fn the_file_reads_back_as_written() {
    let read = Collection::from_bytes("bank", &BANK.to_dls()).unwrap();
    assert!(read.warnings().is_empty(), "{:?}", read.warnings());
    assert_eq!(read.bank().instruments.len(), BANK.instruments.len());
    assert_eq!(read.bank().waves, BANK.waves);
}

#[test]
fn waves_neither_clip_nor_lean() {
    for wave in &BANK.waves {
        let frames = frames(wave);
        let peak = frames
            .iter()
            .map(|frame| frame.unsigned_abs())
            .max()
            .unwrap();
        // What is repeated must not lean at all; a short attack may.
        let looped = wave.sample.and_then(|sample| sample.wave_loop);
        let lasting = &frames[looped.map_or(0, |seam| seam.start as usize)..];
        let mean = lasting.iter().map(|frame| f64::from(*frame)).sum::<f64>() / length(lasting);
        assert!((3000..32_000).contains(&peak), "{}: peak {peak}", wave.name);
        assert!(
            mean.abs() < if looped.is_some() { 1.0 } else { 20.0 },
            "{}: mean {mean}",
            wave.name
        );
    }
}

/// The step across the loop's seam, predicted by the line through the two samples before it, must be no rougher than the
/// same prediction is elsewhere in the loop.
#[test]
fn loops_have_no_seam() {
    let mut looped = 0;
    for wave in &BANK.waves {
        let Some(seam) = wave.sample.and_then(|sample| sample.wave_loop) else {
            continue;
        };
        looped += 1;
        let (start, size) = (seam.start as usize, seam.length as usize);
        let cycle: Vec<f64> = frames(wave)[start..start + size]
            .iter()
            .map(|&frame| f64::from(frame))
            .collect();
        let rough = |at: usize| {
            (cycle[(at + 2) % size] - 2.0 * cycle[(at + 1) % size] + cycle[at % size]).abs()
        };
        let worst = (0..size - 2).map(rough).fold(0.0, f64::max);
        let across = rough(size - 2).max(rough(size - 1));
        assert!(
            across <= worst + 2.0,
            "{}: {across} across the seam, {worst} elsewhere",
            wave.name
        );
    }
    assert!(looped >= 45, "{looped} looped waves");
}

/// The loop's fundamental, measured by the phase of a Goertzel filter over the unrolled loop, against the wave's tuning.
#[test]
fn loops_are_in_tune_within_a_cent() {
    let mut worst: f64 = 0.0;
    for wave in &BANK.waves {
        let sample = wave.sample.unwrap();
        let Some(seam) = sample.wave_loop.filter(|_| wave.name != "Wind") else {
            continue;
        };
        let (start, size) = (seam.start as usize, seam.length as usize);
        let cycle = &frames(wave)[start..start + size];
        let written = 440.0
            * 2_f64.powf(
                (f64::from(sample.unity_key) - f64::from(sample.fine_tune) / 100.0 - 69.0) / 12.0,
            );
        // A periodic loop has energy on whole cycles only: the strongest near the written pitch is its pitch.
        let grid = f64::from(wave.rate) / length(cycle);
        let centre = (written / grid).round();
        let bin = (-2..=2)
            .map(|offset| centre + f64::from(offset))
            .max_by(|a, b| energy(cycle, *a).total_cmp(&energy(cycle, *b)))
            .unwrap();
        let error = 1200.0 * (bin * grid / written).log2();
        worst = worst.max(error.abs());
        assert!(
            error.abs() < 1.0 || is_ensemble(&wave.name),
            "{}: {error:.2} cents",
            wave.name
        );
    }
    println!("worst tuning error of a loop: {worst:.3} cents");
}

/// A section's strongest line wanders around its pitch; the cluster as a whole is centred by construction.
fn is_ensemble(name: &str) -> bool {
    ["Strings", "Choir", "Flute", "Brass", "Reed"]
        .iter()
        .any(|section| name.starts_with(section))
}

fn sounding(instrument: &Instrument, key: u8, velocity: u8) -> usize {
    let hears = |range: (u8, u8), value: u8| (range.0..=range.1).contains(&value);
    instrument
        .regions
        .iter()
        .filter(|region| hears(region.keys, key) && hears(region.velocities, velocity))
        .count()
}

fn frames(wave: &Wave) -> &[i16] {
    match &wave.frames {
        Frames::Sixteen(frames) => frames,
        Frames::Eight(_) => panic!("the bank is 16-bit"),
    }
}

/// The energy of `frames` at `bin` cycles over their whole length.
fn energy(frames: &[i16], bin: f64) -> f64 {
    let turn = std::f64::consts::TAU * bin / length(frames);
    let (sin, cos) = (0..)
        .zip(frames)
        .fold((0.0, 0.0), |(sin, cos), (index, &frame)| {
            let angle = turn * f64::from(index);
            (
                sin + f64::from(frame) * angle.sin(),
                cos + f64::from(frame) * angle.cos(),
            )
        });
    sin * sin + cos * cos
}

fn length<T>(items: &[T]) -> f64 {
    f64::from(u32::try_from(items.len()).unwrap())
}
