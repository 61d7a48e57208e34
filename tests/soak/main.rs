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
