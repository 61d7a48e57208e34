//! The driver's synth under criterion: `cargo bench -p dmusmini-bench`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dmusmini::synth::Config;
use dmusmini_bench::driver::Driver;
use dmusmini_bench::{Mode, bank};

/// Blocks in an iteration.
const BLOCKS: u32 = 20;

/// Every interpolation, without and with all that a voice can have.
fn paths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("64 voices");
    // Criterion then prints the time of a voice and frame as elements a second.
    group.throughput(Throughput::Elements(u64::from(BLOCKS) * 64 * 64));
    for mode in Mode::ALL {
        for (filter, suffix) in [(false, ""), (true, "-filter")] {
            let mut synth = Driver::new(&bank::tones(filter), mode, 64).expect("a synth");
            synth.hold(64).expect("64 voices");
            group.bench_function(format!("{}{suffix}", mode.name()), |bencher| {
                bencher.iter(|| synth.blocks(black_box(BLOCKS)));
            });
        }
    }
    group.finish();
}

/// The cost of a voice must not depend on how many there are.
fn polyphony(criterion: &mut Criterion) {
    for voices in [0_u16, 64, 256, 1024] {
        let mut group = criterion.benchmark_group("polyphony");
        group.throughput(Throughput::Elements(
            u64::from(BLOCKS) * 64 * u64::from(voices.max(1)),
        ));
        let config = Config {
            sample_rate: 48_000,
            voices: voices.max(1),
            ..Config::default()
        };
        let mut synth = Driver::with(&bank::tones(false), &config).expect("a synth");
        if voices > 0 {
            synth.hold(voices).expect("voices");
        }
        group.bench_function(format!("{voices} voices at 48 kHz"), |bencher| {
            bencher.iter(|| synth.blocks(black_box(BLOCKS)));
        });
        group.finish();
    }
}

/// A million events, in order and not.
fn events(criterion: &mut Criterion) {
    const EVENTS: u32 = 1_000_000;
    let mut group = criterion.benchmark_group("queue");
    group.throughput(Throughput::Elements(EVENTS.into()));
    group.sample_size(10);
    let config = Config {
        event_capacity: EVENTS,
        ..Config::default()
    };
    let frame = |n: u32, shuffled: bool| {
        let n = if shuffled {
            n.wrapping_mul(7919) % EVENTS
        } else {
            n
        };
        i64::from(n / 16)
    };
    for (name, shuffled) in [("in order", false), ("out of order", true)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || Driver::with(&bank::tones(false), &config).expect("a synth"),
                |mut synth| {
                    for n in 0..EVENTS {
                        synth.schedule(frame(n, shuffled), &[0xB0 | (n % 16) as u8, 3, 1]);
                    }
                    synth.blocks(EVENTS / 16 / 64 + 2);
                    assert_eq!(synth.stats().events_lost, 0);
                    synth
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, paths, polyphony, events);
criterion_main!(benches);
