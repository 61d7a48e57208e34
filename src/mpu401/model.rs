//! The locks' protocol under loom: service routine, delivery, `PutMessage` and `SetState` at once.
//!
//! The pure state machines are the real ones; the two locks are loom's, taken in the documented
//! order (sender, then device), as `driver::uart` takes the kernel's. Run with
//! `RUSTFLAGS="--cfg loom" cargo test --lib --no-default-features -- model`.

use std::collections::VecDeque;
use std::vec::Vec;

use loom::sync::{Arc, Mutex};
use loom::thread;

use super::capture::{Capture, Format};
use super::duplex::Duplex;
use super::handshake::{Handshake, Progress};
use super::receive::Storage;
use super::spec::Register;
use super::transmit::{Chunk, Hold, Lane, Next, Outbox, Transmitter};
use super::{Mode, PortIo};
use crate::ring::ring;
use crate::time::RefTime;

const LANE: Lane = Lane::Legacy;

/// A chip that takes a few bytes and has some to give.
#[derive(Debug, Default)]
struct Chip {
    input: VecDeque<u8>,
    wire: Vec<u8>,
    room: usize,
    touched_after_removal: bool,
    removed: bool,
}

impl PortIo for Chip {
    fn read(&mut self, register: Register) -> u8 {
        self.touched_after_removal |= self.removed;
        match register {
            Register::Data => self.input.pop_front().unwrap_or(0),
            Register::Control => {
                let data = if self.input.is_empty() { 0x80 } else { 0 };
                data | if self.room == 0 { 0x40 } else { 0 }
            }
        }
    }

    fn write(&mut self, register: Register, value: u8) {
        self.touched_after_removal |= self.removed;
        match register {
            Register::Control => self.input.push_back(0xFE),
            Register::Data => {
                self.room -= 1;
                self.wire.push(value);
            }
        }
    }
}

/// What the sender lock guards.
struct Sender {
    transmitter: Transmitter,
    running: bool,
    waiting: VecDeque<Vec<u8>>,
    done: Vec<Vec<u8>>,
}

struct Queue<'a>(&'a mut VecDeque<Vec<u8>>, &'a mut Vec<Vec<u8>>);

impl Outbox for Queue<'_> {
    fn front(&self, lane: Lane) -> Option<Chunk<'_>> {
        let bytes = self.0.front().filter(|_| lane == LANE)?;
        Some(Chunk {
            bytes,
            incomplete: false,
            linked: false,
        })
    }

    fn advance(&mut self, _: Lane) {
        self.1.extend(self.0.pop_front());
    }
}

#[derive(Clone)]
struct Uart {
    sender: Arc<Mutex<Sender>>,
    device: Arc<Mutex<Duplex<Chip>>>,
}

impl Uart {
    fn new(room: usize) -> Self {
        let mut duplex = Duplex::new(Chip {
            room: usize::MAX,
            ..Chip::default()
        });
        let mut handshake = Handshake::new(false);
        while handshake_goes_on(duplex.handshake(&mut handshake, RefTime(0))) {}
        assert_eq!(duplex.mode(), Mode::Uart);
        duplex.port_mut().room = room;
        let mut transmitter = Transmitter::new();
        transmitter.hold(LANE, Hold::Running);
        Self {
            sender: Arc::new(Mutex::new(Sender {
                transmitter,
                running: true,
                waiting: VecDeque::new(),
                done: Vec::new(),
            })),
            device: Arc::new(Mutex::new(duplex)),
        }
    }

    fn pump(&self) {
        let mut sender = self.sender.lock().unwrap();
        let Sender {
            transmitter,
            waiting,
            done,
            ..
        } = &mut *sender;
        let mut device = self.device.lock().unwrap();
        let mut queue = Queue(waiting, done);
        let exchange = device.exchange(transmitter, &mut queue, RefTime(0), || RefTime(0));
        drop(device);
        if matches!(exchange.outcome.next, Next::GaveUp(_)) {
            let dropped = std::mem::take(&mut sender.waiting);
            sender.done.extend(dropped);
            sender.transmitter.drop_all();
        }
    }

    /// Somebody was woken by a received byte.
    fn nudge(&self) {
        let waits = !self.sender.lock().unwrap().waiting.is_empty();
        if waits {
            self.pump();
        }
    }

    fn put(&self, bytes: &[u8]) {
        let mut sender = self.sender.lock().unwrap();
        if sender.running {
            sender.waiting.push_back(bytes.to_vec());
        } else {
            sender.done.push(bytes.to_vec());
        }
        drop(sender);
        self.pump();
    }

    fn stop(&self) {
        let mut sender = self.sender.lock().unwrap();
        sender.running = false;
        sender.transmitter.hold(LANE, Hold::Held);
        sender.transmitter.drop_lane(LANE);
        let dropped = std::mem::take(&mut sender.waiting);
        sender.done.extend(dropped);
    }

    fn remove(&self) {
        let mut device = self.device.lock().unwrap();
        device.remove();
        device.port_mut().removed = true;
    }
}

fn handshake_goes_on(progress: Progress) -> bool {
    match progress {
        Progress::Wait(_) => true,
        Progress::Ready(_) => false,
        Progress::Failed(error) => panic!("{error:?}"),
    }
}

/// Every event comes back exactly once, whole messages are on the wire, whoever stops when.
#[test]
fn put_message_against_set_state_and_the_timer() {
    loom::model(|| {
        let uart = Uart::new(4);
        let threads = [
            {
                let uart = uart.clone();
                thread::spawn(move || {
                    uart.put(&[0x90, 1, 2]);
                    uart.put(&[0x90, 3, 4]);
                })
            },
            {
                let uart = uart.clone();
                thread::spawn(move || uart.stop())
            },
        ];
        uart.pump();
        for thread in threads {
            thread.join().unwrap();
        }
        uart.pump();
        let sender = uart.sender.lock().unwrap();
        assert!(sender.waiting.is_empty(), "STOP returns what is queued");
        let mut done = sender.done.clone();
        done.sort();
        assert_eq!(done, [[0x90, 1, 2], [0x90, 3, 4]], "each event once");
        let wire = uart.device.lock().unwrap().port_mut().wire.clone();
        assert!([0x90, 1, 2, 0x90].starts_with(&wire), "{wire:?}");
    });
}

/// Bytes that the service routine and a transmission take in turn reach the sink in order, once.
#[test]
fn service_routine_against_transmission_and_delivery() {
    loom::model(|| {
        let uart = Uart::new(usize::MAX);
        let (producer, consumer) = ring(4).unwrap();
        {
            let mut device = uart.device.lock().unwrap();
            drop(device.receiver_mut().attach(Some(producer)));
            device.receiver_mut().store(Storage::Keep);
            device.port_mut().input.extend([0x90, 1, 2, 0xF8]);
        }
        let mut capture = Capture::try_new(consumer, Format::Cooked, 8).unwrap();
        let service = {
            let uart = uart.clone();
            thread::spawn(move || {
                uart.device.lock().unwrap().service(|| RefTime(0));
            })
        };
        let put = {
            let uart = uart.clone();
            thread::spawn(move || uart.put(&[0xFE]))
        };
        let mut seen = Vec::new();
        let mut deliver = |capture: &mut Capture| {
            while let Some(message) = capture.front() {
                seen.push(message.bytes.to_vec());
                capture.consume();
            }
        };
        deliver(&mut capture);
        service.join().unwrap();
        put.join().unwrap();
        deliver(&mut capture);
        assert_eq!(seen, [&[0x90, 1, 2][..], &[0xF8]]);
    });
}

/// Once removal was announced, nobody who was on the way touches the chip, and no event stays.
#[test]
fn removal_against_everything() {
    loom::model(|| {
        let uart = Uart::new(1);
        let put = {
            let uart = uart.clone();
            thread::spawn(move || uart.put(&[0x90, 1, 2]))
        };
        let service = {
            let uart = uart.clone();
            thread::spawn(move || {
                uart.device.lock().unwrap().service(|| RefTime(0));
            })
        };
        uart.remove();
        put.join().unwrap();
        service.join().unwrap();
        uart.pump();
        let sender = uart.sender.lock().unwrap();
        assert!(sender.waiting.is_empty() && sender.done.len() == 1);
        assert!(!uart.device.lock().unwrap().port_mut().touched_after_removal);
    });
}

/// All at once: the service routine with its DPC, which delivers and wakes the sender; `PutMessage`;
/// and `SetState` of both streams. Both ways every message is whole, in order and there once.
#[test]
fn service_routine_and_dpc_against_put_message_and_set_state() {
    loom::model(|| {
        let uart = Uart::new(4);
        let (producer, consumer) = ring(8).unwrap();
        {
            let mut device = uart.device.lock().unwrap();
            drop(device.receiver_mut().attach(Some(producer)));
            device.receiver_mut().store(Storage::Keep);
            device.port_mut().input.extend([0x90, 1, 2, 0xF8]);
        }
        // The capture stream's lock, a leaf.
        let capture = Capture::try_new(consumer, Format::Cooked, 8).unwrap();
        let stream = Arc::new(Mutex::new((capture, Vec::new())));
        let processor = {
            let (uart, stream) = (uart.clone(), Arc::clone(&stream));
            thread::spawn(move || {
                let serviced = uart.device.lock().unwrap().interrupt(|| RefTime(0));
                if serviced.notify {
                    deliver(&stream);
                }
                if serviced.taken > 0 {
                    uart.nudge();
                }
            })
        };
        let put = {
            let uart = uart.clone();
            thread::spawn(move || uart.put(&[0x90, 3, 4]))
        };
        uart.device
            .lock()
            .unwrap()
            .receiver_mut()
            .store(Storage::Discard);
        uart.stop();
        processor.join().unwrap();
        put.join().unwrap();
        deliver(&stream);
        uart.pump();

        let sender = uart.sender.lock().unwrap();
        assert!(sender.waiting.is_empty(), "STOP returns what is queued");
        assert_eq!(sender.done, [[0x90, 3, 4]], "the event once");
        drop(sender);
        let mut device = uart.device.lock().unwrap();
        assert!(device.port_mut().input.is_empty(), "the line falls");
        let wire = device.port_mut().wire.clone();
        assert!([0x90, 3, 4].starts_with(&wire), "{wire:?}");
        drop(device);
        // Whatever came before the stream stopped, and nothing else; the stop is seen as a whole.
        let seen = stream.lock().unwrap().1.clone();
        let whole = std::vec![std::vec![0x90, 1, 2], std::vec![0xF8]];
        assert!(seen == whole || seen.is_empty(), "{seen:?}");
    });
}

fn deliver(stream: &Mutex<(Capture, Vec<Vec<u8>>)>) {
    let mut stream = stream.lock().unwrap();
    let (capture, seen) = &mut *stream;
    while let Some(message) = capture.front() {
        seen.push(message.bytes.to_vec());
        capture.consume();
    }
}
