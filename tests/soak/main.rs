//! Random hostile MIDI on a real bank for a day: no panic, no stuck note, no drift, no memory.
//!
//! A day of virtual time is 96 sessions of a quarter of an hour, each a synth of its own: another
//! rate, number of voices, interpolation, effects. `DMUSMINI_SOAK=full` plays them all; otherwise
//! the first two are played, a forty-eighth, with the same seeds. Each session goes on where the
//! one before it stopped counting frames, so that the last ones count billions.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod allocations;
mod hostile;
mod session;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dmusmini::synth::{Config, Effects, Synth};
use dmusmini_collection::{Bank, Collection};

use session::{MINUTES, Report};

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// Sessions in a day.
const DAY: u64 = 24 * 60 / MINUTES;

fn real_bank() -> Option<Bank> {
    let directory = std::env::var_os("DMUSMINI_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = directory.join("TimGM6mb.dls");
    if !path.exists() {
        println!("SKIPPED: no {} (set DMUSMINI_DATA)", path.display());
        return None;
    }
    Some(Collection::open(path).unwrap().into_bank())
}

/// What a synth holds beside its bank and its queue, with all voices that there can be, and both
/// effects: at most 2 MiB. That it stays so is what the sessions show.
#[test]
fn memory_is_the_bank_the_queue_and_two_mebibytes() {
    let make = |event_capacity, voices, all| {
        let before = allocations::bytes();
        let config = Config {
            sample_rate: 48_000,
            voices,
            event_capacity,
            effects: Effects {
                reverb: all,
                chorus: all,
            },
            ..Config::default()
        };
        let synth = Synth::try_new(&config).unwrap();
        let bytes = allocations::bytes() - before;
        drop(synth);
        assert_eq!(allocations::bytes(), before);
        bytes
    };
    let (some, none) = (make(65_536, 64, false), make(0, 64, false));
    println!(
        "64 voices: {none} bytes; a queue of 65,536 events: {}",
        some - none
    );
    let all = make(0, 1024, true);
    println!("1,024 voices, reverb and chorus: {all} bytes (at most {MOST})");
    assert!(none < all && all <= MOST);
    // An event is a message, a time and a group, twice: in the ring and in the heap.
    assert!((some - none) / 65_536 <= 2 * 48);

    let Some(bank) = real_bank() else {
        return;
    };
    let frames: usize = bank.waves.iter().map(|wave| wave.frames.len()).sum();
    let before = allocations::bytes();
    let synth = session::synth(
        &bank,
        &Config {
            event_capacity: 0,
            ..Config::default()
        },
    );
    let bytes = allocations::bytes() - before - none;
    println!(
        "the real bank: {bytes} bytes, of which {} are frames",
        2 * frames
    );
    // Instruments take the rest: 128 programs with a thousand regions and their connections.
    assert!(bytes <= i64::try_from(2 * frames).unwrap() + MOST);
    drop(synth);
    assert_eq!(allocations::bytes(), before);
}

const MOST: i64 = 2 << 20;

#[test]
fn a_day_of_hostile_midi() {
    let Some(bank) = real_bank() else {
        return;
    };
    let sessions = match std::env::var("DMUSMINI_SOAK").as_deref() {
        Ok("full") => DAY,
        _ => 2,
    };
    let start = Instant::now();
    let next = AtomicU64::new(0);
    let total = Mutex::new(Report::default());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= sessions {
                        break;
                    }
                    let report = session::play(&bank, number);
                    println!("session {number}: {report}");
                    total.lock().unwrap().add(&report);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    println!(
        "{sessions} of {DAY} sessions in {:.0} s: {total}",
        start.elapsed().as_secs_f64()
    );
    assert_eq!(total.sessions, sessions);
    // It was hostile: notes were stolen and lost, queues ran over, nonsense came.
    assert!(total.notes > 10_000 && total.malformed > 1000);
    assert!(total.lost_events > 0 && total.lost_notes > 0);
}
