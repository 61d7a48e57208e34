//! The driver's synth: its bare paths, held notes of the real bank, a song, and its limits.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use dmusmini::synth::Config;
use dmusmini_bench::driver::{Driver, processor_time};
use dmusmini_bench::song::Song;
use dmusmini_bench::{Mode, bank, held};
use dmusmini_collection::Bank;

use super::{Row, best};

/// Looped tones with gains moving, and all that a voice can have: every interpolation.
pub(crate) fn paths() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for mode in Mode::ALL {
        for (filter, suffix) in [(false, ""), (true, "-filter")] {
            let value = tones(mode, filter, held::VOICES, 3000)?;
            rows.push(Row::new(
                "dmusmini",
                mode.name(),
                suffix,
                held::VOICES,
                value,
            ));
        }
    }
    Ok(rows)
}

/// How often looped tones are timed: a round takes a fiftieth of a second, less than a neighbour on the same
/// processor may disturb.
const TONE_ROUNDS: usize = 20;

/// Nanoseconds a voice and frame of looped tones.
pub(crate) fn tones(mode: Mode, filter: bool, voices: u16, blocks: u32) -> Result<f64> {
    let bank = bank::tones(filter);
    best(TONE_ROUNDS, || beginning(&bank, mode, voices, blocks))
}

/// Nanoseconds a voice and frame from the beginning of the tones: their gain moves for 36 s, then less is to do.
fn beginning(bank: &Bank, mode: Mode, voices: u16, blocks: u32) -> Result<f64> {
    let mut synth = Driver::new(bank, mode, voices)?;
    synth.hold(voices)?;
    let frames = f64::from(blocks) * 64.0 * f64::from(voices);
    Ok(synth.time_blocks(blocks)? / frames)
}

/// The same from another build of this program.
pub(crate) fn tones_of(program: &PathBuf, filter: bool) -> Result<f64> {
    best(TONE_ROUNDS, || {
        let mut command = Command::new(program);
        command.args(["voices", "--blocks", "3000"]);
        let output = command.args(filter.then_some("--filter")).output()?;
        ensure!(output.status.success(), "{}", program.display());
        let text = String::from_utf8(output.stdout)?;
        let number = text.split(' ').next().context("no number")?;
        Ok(number.parse()?)
    })
}

/// Nanoseconds a voice and frame of held notes of the real bank.
pub(crate) fn notes(
    bank: &Bank,
    program: u8,
    mode: Mode,
    blocks: u32,
    rounds: usize,
) -> Result<f64> {
    let mut synth = Driver::new(bank, mode, held::VOICES)?;
    for event in held::notes(program).iter().filter(|event| event.at == 0) {
        synth.schedule(0, &event.message);
    }
    synth.blocks(100);
    // One voice a note, or the comparison is off.
    synth.expect_voices(held::VOICES)?;
    let frames = f64::from(blocks) * 64.0 * f64::from(held::VOICES);
    let value = best(rounds, || Ok(synth.time_blocks(blocks)? / frames))?;
    synth.expect_voices(held::VOICES)?;
    Ok(value)
}

/// Milliseconds of processor time for each second of a song.
pub(crate) fn song(bank: &Bank, song: &Song, mode: Mode, rounds: usize) -> Result<f64> {
    best(rounds, || {
        let mut synth = Driver::new(bank, mode, 64)?;
        Ok(song.play(&mut synth)? / 1e6 / song.seconds())
    })
}

/// How much more a voice costs among 1,024 than among 64, or less, in per cent.
///
/// The median of rounds that time one beside the other: the processor's clock changes more from moment to moment
/// than the two differ.
pub(crate) fn unevenness() -> Result<f64> {
    let bank = bank::tones(false);
    let mut ratios = Vec::new();
    for _ in 0..TONE_ROUNDS {
        let few = beginning(&bank, Mode::Sinc16, 64, 1000)?;
        let many = beginning(&bank, Mode::Sinc16, 1024, 1000)?;
        ratios.push(many / few);
    }
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.len() / 2;
    let median = f64::midpoint(ratios[middle - 1], ratios[middle]);
    Ok((median - 1.0).abs() * 100.0)
}

/// Per cent of a core that 1,024 unfiltered voices take at 48 kHz.
pub(crate) fn thousand_voices() -> Result<f64> {
    let config = Config {
        sample_rate: 48_000,
        voices: 1024,
        ..Config::default()
    };
    let bank = bank::tones(false);
    let blocks = 250;
    let second = 48_000.0 / 64.0;
    let time = best(TONE_ROUNDS, || {
        let mut synth = Driver::with(&bank, &config)?;
        synth.hold(1024)?;
        Ok(synth.time_blocks(blocks)? / f64::from(blocks))
    })?;
    Ok(time * second / 1e9 * 100.0)
}

/// Per cent of a core that a synth takes which has nothing to play.
pub(crate) fn idle() -> Result<f64> {
    let mut synth = Driver::new(&bank::tones(false), Mode::Sinc16, 256)?;
    let blocks = 100_000;
    let time = best(3, || Ok(synth.time_blocks(blocks)? / f64::from(blocks)))?;
    Ok(time * (44_100.0 / 64.0) / 1e9 * 100.0)
}

/// Nanoseconds to queue an event that comes in order, and to take it out again when it is due;
/// and how many of a million were lost for want of room.
pub(crate) fn queue() -> Result<(f64, u32)> {
    const EVENTS: u32 = 1_000_000;
    let mut lost = 0;
    let value = best(3, || {
        let config = Config {
            event_capacity: EVENTS,
            ..Config::default()
        };
        let mut synth = Driver::with(&bank::tones(false), &config)?;
        let start = processor_time();
        for n in 0..EVENTS {
            // A message that is decoded, queued and obeyed, and moves nothing.
            synth.schedule(i64::from(n / 16), &[0xB0 | (n % 16) as u8, 3, 1]);
        }
        // Sixteen a frame: each block obeys all of its events.
        synth.blocks(EVENTS / 16 / 64 + 2);
        let time = processor_time() - start;
        lost = synth.stats().events_lost;
        Ok(time / f64::from(EVENTS))
    })?;
    Ok((value, lost))
}

/// Runs something and says how long it took.
pub(crate) fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let result = work()?;
    complain!("{what}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(result)
}
