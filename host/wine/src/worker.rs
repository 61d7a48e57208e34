//! The one thread that the simulated machine lives on.
//!
//! Wine enters a driver on several threads. The machine belongs to one, so everything is carried
//! there and waited for. The thread is started by the first call (`DllMain` holds the loader's
//! lock, which a new thread needs) and ended by DriverUnload, before the code goes away.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::log::log;
use crate::system::System;

type Job = Box<dyn FnOnce(&mut System) + Send>;

struct Worker {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

static WORKER: Mutex<Option<Worker>> = Mutex::new(None);

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the machine's thread.
pub(crate) fn is_here() -> bool {
    HERE.try_with(Cell::get).unwrap_or(false)
}

/// Carries something to another thread that waits for it, pointers and all.
struct Carry<T>(T);

// SAFETY: the sender waits until the receiver is done; nothing is used by two threads at once.
unsafe impl<T> Send for Carry<T> {}

impl<T> Carry<T> {
    fn take(self) -> T {
        self.0
    }
}

/// Runs `work` on the machine's thread; `None` when it panicked, which is in the log then.
pub(crate) fn call<R>(what: &str, work: impl FnOnce(&mut System) -> R) -> Option<R> {
    let (answer, answered) = mpsc::channel::<Carry<thread::Result<R>>>();
    let carried = Carry((work, answer));
    let job: Box<dyn FnOnce(&mut System) + Send + '_> = Box::new(move |system| {
        let (work, answer) = carried.take();
        let result = panic::catch_unwind(AssertUnwindSafe(|| work(system)));
        let _ = answer.send(Carry(result));
    });
    // SAFETY: the job is gone before this function returns: `recv` waits for its answer, or for its
    // being dropped.
    let job = unsafe {
        std::mem::transmute::<
            Box<dyn FnOnce(&mut System) + Send + '_>,
            Box<dyn FnOnce(&mut System) + Send + 'static>,
        >(job)
    };
    jobs()?.send(job).ok()?;
    match answered.recv().ok()?.take() {
        Ok(result) => Some(result),
        Err(panic) => {
            log!("PANIC in {what}: {}", message(&*panic));
            None
        }
    }
}

fn jobs() -> Option<Sender<Job>> {
    let mut worker = WORKER.lock().unwrap_or_else(PoisonError::into_inner);
    if worker.is_none() {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let thread = thread::Builder::new()
            .name("simulated machine".into())
            .stack_size(STACK)
            .spawn(move || {
                HERE.set(true);
                let mut system = System::default();
                while let Ok(job) = waiting.recv() {
                    job(&mut system);
                }
            })
            .ok()?;
        *worker = Some(Worker { jobs, thread });
    }
    worker.as_ref().map(|worker| worker.jobs.clone())
}

/// Ends the thread.
pub(crate) fn stop() {
    let worker = WORKER.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(Worker { jobs, thread }) = worker {
        drop(jobs);
        let _ = thread.join();
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no message".into())
}

const STACK: usize = 8 << 20;
