//! The interrupt's coming and going under loom: service routine, callers of the device lock, the
//! deferred work and whoever closes the chip, all at once.
//!
//! [`Gate`], [`Latch`] and [`StormWatch`] are the real ones. Locks, run-down and the connection are loom's,
//! used as [`super::interrupt`], [`super::deferral`] and `driver::uart::power` use the kernel's: who
//! may not meet there, reaches a cell here whose exclusion loom checks. Run as `mpu401::model` is.
#![forbid(unsafe_code)]

use std::vec::Vec;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::gate::Gate;
use super::latch::Latch;
use crate::mpu401::storm::{Change, Notice, StormWatch};
use crate::time::RefTime;

/// A device lock with its interrupt.
struct Device {
    spin: Mutex<()>,
    /// The lock of the interrupt object: its service routine and synchronised routines.
    object: Mutex<bool>,
    admitted: AtomicBool,
    /// There from `Connect` until `Disconnect`; both write it, and who is in a synchronised routine
    /// reads it.
    connection: UnsafeCell<()>,
    /// Which interrupt object there is: each connection has its own. Written under the spin lock while
    /// nobody is admitted.
    sync: UnsafeCell<()>,
    /// What the lock guards.
    value: UnsafeCell<()>,
    storm: Mutex<StormWatch>,
}

impl Device {
    fn new() -> Self {
        Self {
            spin: Mutex::new(()),
            object: Mutex::new(true),
            admitted: AtomicBool::new(true),
            connection: UnsafeCell::new(()),
            sync: UnsafeCell::new(()),
            value: UnsafeCell::new(()),
            storm: Mutex::new(StormWatch::new()),
        }
    }

    fn reach<R>(&self, work: impl FnOnce(&mut StormWatch) -> R) -> R {
        self.value.with_mut(|_| ());
        let mut storm = self.storm.try_lock().expect("two at the value");
        work(&mut storm)
    }

    fn with<R>(&self, work: impl FnOnce(&mut StormWatch) -> R) -> R {
        let _spin = self.spin.lock().unwrap();
        if self.admitted.load(Ordering::Acquire) {
            self.sync.with(|_| ());
            self.connection.with(|_| ());
            let _object = self.object.lock().unwrap();
            return self.reach(work);
        }
        self.reach(work)
    }

    /// The service routine, if the line gets through to it.
    fn interrupt<R>(&self, work: impl FnOnce(&mut StormWatch) -> R) -> Option<R> {
        let connected = self.object.lock().unwrap();
        (*connected && self.admitted.load(Ordering::Acquire)).then(|| self.reach(work))
    }

    fn connect(&self) {
        if self.admitted.load(Ordering::Acquire) {
            return;
        }
        self.connection.with_mut(|_| ());
        *self.object.lock().unwrap() = true;
        let _spin = self.spin.lock().unwrap();
        self.sync.with_mut(|_| ());
        self.admitted.store(true, Ordering::Release);
    }

    fn disconnect(&self) {
        if !self.admitted.load(Ordering::Acquire) {
            return;
        }
        {
            let _spin = self.spin.lock().unwrap();
            let _object = self.object.lock().unwrap();
            self.admitted.store(false, Ordering::Release);
        }
        {
            let _spin = self.spin.lock().unwrap();
            self.sync.with_mut(|_| ());
        }
        self.connection.with_mut(|_| ());
        *self.object.lock().unwrap() = false;
    }

    fn settle(&self) {
        let wanted = self.with(|storm| {
            let wanted = storm.wanted();
            if wanted == Some(Change::Connect) {
                storm.connecting(RefTime(0));
            }
            wanted
        });
        match wanted {
            None => {}
            Some(Change::Connect) => self.connect(),
            Some(Change::Disconnect) => {
                self.disconnect();
                self.with(|storm| storm.disconnected(RefTime(0)));
            }
        }
    }
}

/// Run-down protection.
#[derive(Default)]
struct Rundown(Mutex<(bool, u32)>);

impl Rundown {
    fn enter(&self) -> bool {
        let mut state = self.0.lock().unwrap();
        state.1 += u32::from(!state.0);
        !state.0
    }

    fn leave(&self) {
        self.0.lock().unwrap().1 -= 1;
    }

    fn reopen(&self) {
        self.0.lock().unwrap().0 = false;
    }

    /// Waits until all uses have ended that there are now.
    fn flush(&self) {
        while self.0.lock().unwrap().1 != 0 {
            thread::yield_now();
        }
    }

    fn wait(&self) {
        loop {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            if state.1 == 0 {
                return;
            }
            drop(state);
            thread::yield_now();
        }
    }
}

/// The service routine and a caller of the lock exclude each other whatever becomes of the
/// connection, and nobody is in a synchronised routine while that is made or ended.
#[test]
fn a_connection_comes_and_goes_under_its_users() {
    loom::model(|| {
        let device = Arc::new(Device::new());
        let service = {
            let device = Arc::clone(&device);
            thread::spawn(move || {
                for _ in 0..2 {
                    device.interrupt(|_| ());
                }
            })
        };
        let caller = {
            let device = Arc::clone(&device);
            thread::spawn(move || {
                for _ in 0..2 {
                    device.with(|_| ());
                }
            })
        };
        device.disconnect();
        device.connect();
        service.join().unwrap();
        caller.join().unwrap();
        assert!(device.interrupt(|_| ()).is_some(), "connected at the end");
    });
}

/// A storm asks for its end while the chip is being closed: one of the two does it, never both, and
/// nothing of the deferral is left when the chip is closed.
#[test]
fn a_storm_against_closing() {
    loom::model(|| {
        let device = Arc::new(Device::new());
        let rundown = Arc::new(Rundown::default());
        let latch = Arc::new(Latch::new());
        let calls = Arc::new((Gate::new(), Rundown::default()));
        calls.0.open();
        // Interrupts on two processors, each with its DPC; the work item is whoever wins the latch.
        let stormers: Vec<_> = (0..2)
            .map(|_| {
                let shared = (
                    Arc::clone(&device),
                    Arc::clone(&rundown),
                    Arc::clone(&latch),
                    Arc::clone(&calls),
                );
                thread::spawn(move || {
                    let (device, rundown, latch, calls) = shared;
                    let storms = device.interrupt(|storm| storm.interrupted(64, true, RefTime(0)));
                    let queued =
                        storms == Some(Notice::Ask) && calls.0.pass(|| calls.1.enter()).is_some();
                    if !queued {
                        return;
                    }
                    if rundown.enter() {
                        if latch.begin() {
                            loop {
                                device.settle();
                                if latch.end() {
                                    break;
                                }
                            }
                        }
                        rundown.leave();
                    }
                    calls.1.leave();
                })
            })
            .collect();
        calls.0.shut(thread::yield_now);
        calls.1.flush();
        rundown.wait();
        device.disconnect();
        assert_eq!(device.interrupt(|_| ()), None, "closed");
        for stormer in stormers {
            stormer.join().unwrap();
        }
        assert!(latch.begin(), "nobody is at it");
    });
}

/// Streams try a chip again while its power goes: one of them at a time, nobody once the power has its
/// turn, and again when that is over. As [`super::turn`] does it.
#[test]
fn another_try_against_a_change_of_power() {
    loom::model(|| {
        let attempts = Arc::new(Rundown::default());
        let busy = Arc::new(AtomicBool::new(false));
        let chip = Arc::new(UnsafeCell::new(()));
        let attempt = {
            let (attempts, busy, chip) = (attempts.clone(), busy.clone(), chip.clone());
            move || {
                if !attempts.enter() {
                    return false;
                }
                let claim =
                    busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
                let mine = claim.is_ok();
                if mine {
                    chip.with_mut(|_| ());
                    busy.store(false, Ordering::Release);
                }
                attempts.leave();
                mine
            }
        };
        let streams: Vec<_> = (0..2).map(|_| thread::spawn(attempt.clone())).collect();
        attempts.wait();
        chip.with_mut(|_| ());
        assert!(!attempt(), "the power has its turn");
        for stream in streams {
            let _ = stream.join().unwrap();
        }
        attempts.reopen();
        assert!(attempt(), "nobody is at it");
    });
}

/// A storm is ended while the chip is being brought up: connections and handshakes have nothing to wait
/// for of each other.
#[test]
fn a_storm_against_a_handshake() {
    loom::model(|| {
        let device = Arc::new(Device::new());
        let storming = {
            let device = Arc::clone(&device);
            thread::spawn(move || {
                let notice = device.interrupt(|storm| storm.interrupted(64, true, RefTime(0)));
                if notice == Some(Notice::Ask) {
                    device.settle();
                }
            })
        };
        device.with(StormWatch::begin_anew);
        device.with(|_| ());
        storming.join().unwrap();
        assert_eq!(device.interrupt(|_| ()), None, "disconnected");
        assert!(device.with(|storm| storm.is_resting()));
    });
}

/// Whoever is let in has left before the gate is shut, and what it did there is seen.
#[test]
fn a_gate_shuts_behind_everybody() {
    loom::model(|| {
        let gate = Arc::new(Gate::new());
        let inside = Arc::new(UnsafeCell::new(0));
        inside.with_mut(|_| ());
        gate.open();
        let visitor = {
            let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
            thread::spawn(move || gate.pass(|| inside.with_mut(|_| ())))
        };
        gate.shut(thread::yield_now);
        inside.with_mut(|_| ());
        let _ = visitor.join().unwrap();
        assert_eq!(gate.pass(|| ()), None);
    });
}

/// What was asked for before the job's last run was seen by it, and there is one run at a time.
#[test]
fn a_latch_forgets_nobody() {
    loom::model(|| {
        let latch = Arc::new(Latch::new());
        let asked = Arc::new(AtomicU32::new(0));
        let seen = Arc::new(UnsafeCell::new(()));
        let last = Arc::new(AtomicU32::new(0));
        let ask = {
            let shared = (
                Arc::clone(&latch),
                Arc::clone(&asked),
                Arc::clone(&seen),
                Arc::clone(&last),
            );
            move || {
                let (latch, asked, seen, last) = &shared;
                asked.fetch_add(1, Ordering::Relaxed);
                if latch.begin() {
                    loop {
                        seen.with_mut(|_| ());
                        last.store(asked.load(Ordering::Relaxed), Ordering::Relaxed);
                        if latch.end() {
                            break;
                        }
                    }
                }
            }
        };
        let others: Vec<_> = (0..2).map(|_| thread::spawn(ask.clone())).collect();
        ask();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(last.load(Ordering::Relaxed), 3);
    });
}
