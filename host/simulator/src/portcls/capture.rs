//! The capture side of a pin: the sink that the stream sends to, and the messages for the client.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::rc::{Rc, Weak};

use dmusmini::class;
use dmusmini::com::{ObjectRef, Status};
use dmusmini::irql::{Device, Dispatch, Irql, Passive};
use dmusmini::portcls::abi::{DmusKernelEvent, KsState, event_flags};
use dmusmini::portcls::interfaces::{IMxf, IMxfClass, IServiceSink, IServiceSinkClass, In};

use super::event_pool::{EventPool, Owner, bytes_of};
use super::host::{self, Level};
use super::ks::reads::Reads;
use super::ks::{ClientMemory, ReadStream};
use super::ledger::{Ledger, Receipt};
use super::midi_bytes::{Piece, Splitter};
use super::one_thread::OneThread;
use super::packer::{Packer, Packing};
use super::property::Client;

/// One message as the client gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// When its first byte arrived, on the master clock, 100 ns.
    pub time: i64,
    /// The channel group.
    pub group: u16,
    /// The whole message.
    pub bytes: Vec<u8>,
}

/// One event as the driver sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedEvent {
    /// Its time.
    pub time: i64,
    /// Its flags.
    pub flags: u16,
    /// Its channel group.
    pub group: u16,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What came out of a capture stream.
#[derive(Debug)]
pub(crate) struct Capture {
    pool: Rc<EventPool>,
    splitter: RefCell<Splitter>,
    /// Time and group of the message whose first bytes have come.
    begun: Cell<Option<(i64, u16)>>,
    messages: RefCell<Packer>,
    /// What clients wait with.
    pub(crate) reads: Reads,
    events: RefCell<Vec<CapturedEvent>>,
    /// The sink gives events back but keeps nothing: as when no client reads.
    pub(crate) deaf: Cell<bool>,
}

impl Capture {
    pub(crate) fn new(pool: &Rc<EventPool>, packing: Packing) -> Rc<Self> {
        Rc::new(Self {
            pool: Rc::clone(pool),
            splitter: RefCell::new(Splitter::new(usize::MAX)),
            begun: Cell::new(None),
            messages: RefCell::new(Packer::new(packing)),
            reads: Reads::default(),
            events: RefCell::default(),
            deaf: Cell::new(false),
        })
    }

    pub(crate) fn take_messages(&self) -> Vec<Captured> {
        self.messages.borrow_mut().take()
    }

    pub(crate) fn take_events(&self) -> Vec<CapturedEvent> {
        self.events.take()
    }

    fn put(&self, head: NonNull<DmusKernelEvent>) {
        const AT: &str = "IMXF::PutMessage (capture sink)";
        let events = self
            .pool
            .hand_over(head.as_ptr(), Owner::Driver, Owner::Port, AT);
        if events.len() > 1 {
            // Some readers look at the first of a chain and at no other (contract section 7.3).
            host::breach(AT, "a capture stream sent a chain of events");
        }
        for event in events {
            // SAFETY: the pool found the event to be one of its own.
            let content = unsafe { event.as_ref() };
            if content.flags & event_flags::PACKAGE != 0 {
                host::breach(AT, "a capture stream sent a package");
            } else if !self.deaf.get() {
                let event = CapturedEvent {
                    time: content.presentation_time,
                    flags: content.flags,
                    group: content.channel_group,
                    bytes: bytes_of(content),
                };
                if content.flags & event_flags::INCOMPLETE == 0 && !is_one_message(&event.bytes) {
                    host::breach(
                        AT,
                        format!("flagged as complete, but no single message: {event:X?}"),
                    );
                }
                self.read(&event);
                self.events.borrow_mut().push(event);
            }
            self.pool.give_back(event, Owner::Port, AT);
        }
        self.reads.serve(&mut self.messages.borrow_mut());
    }

    /// Takes a client's read (`IOCTL_KS_READ_STREAM`).
    pub(crate) fn read_stream(
        &self,
        headers: &[u8],
        memory: Rc<dyn ClientMemory>,
        client: Client,
    ) -> ReadStream {
        let packer = &mut self.messages.borrow_mut();
        self.reads.add(headers, memory, client, packer)
    }

    /// Reads an event: a whole message is passed on, anything else is bytes for the parser.
    fn read(&self, event: &CapturedEvent) {
        let here = (event.time, event.group);
        if event.flags & event_flags::INCOMPLETE == 0 {
            self.messages.borrow_mut().push(Captured {
                time: event.time,
                group: event.group,
                bytes: event.bytes.clone(),
            });
            return;
        }
        let mut pieces = Vec::new();
        for &byte in &event.bytes {
            let before = self.begun.get();
            match byte {
                // Real-time bytes may come inside any message, and F7 ends one.
                0xF7.. => {}
                0x80.. => self.begun.set(Some(here)),
                _ => self.begun.set(Some(before.unwrap_or(here))),
            }
            self.splitter.borrow_mut().feed(byte, &mut pieces);
            for Piece { bytes, .. } in pieces.drain(..) {
                let begun = match bytes.first() {
                    Some(0xF8..) => None,
                    // A status byte that ends the message before it.
                    Some(_) if byte >= 0x80 && bytes != [0xF6] => before,
                    _ => self.begun.take(),
                };
                let (time, group) = begun.unwrap_or(here);
                self.messages
                    .borrow_mut()
                    .push(Captured { time, group, bytes });
            }
            if byte == 0xF7 {
                self.begun.set(None);
            }
        }
    }
}

/// What a captured event that is not flagged as incomplete has to be, by the page of
/// `DMUS_KERNEL_EVENT`: the port passes it on as it is, past the parser that has the rest of a message.
fn is_one_message(bytes: &[u8]) -> bool {
    let mut splitter = Splitter::new(usize::MAX);
    let mut pieces = Vec::new();
    for &byte in bytes {
        splitter.feed(byte, &mut pieces);
    }
    // A SysEx that was cut off ends without F7, an F4 or F5 always with the next status byte.
    splitter.flush(&mut pieces);
    match pieces.as_slice() {
        [piece] => piece.bytes == bytes && bytes.first() != Some(&0xF7),
        _ => false,
    }
}

/// The `IMXF` that `ConnectOutput` gets.
pub(crate) struct CaptureSink {
    capture: OneThread<Rc<Capture>>,
    _receipt: OneThread<Receipt>,
}

class!(CaptureSink: 0 => IMxf);

impl CaptureSink {
    pub(crate) fn make(ledger: &Rc<Ledger>, capture: &Rc<Capture>) -> Option<ObjectRef<Self>> {
        ledger.make("IMXF (capture sink)", |receipt| Self {
            capture: OneThread::new(Rc::clone(capture)),
            _receipt: OneThread::new(receipt),
        })
    }
}

impl IMxfClass for CaptureSink {
    fn set_state(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: KsState) -> Status {
        host::called("IMXF::SetState (capture sink)", Level::PASSIVE, || {
            Status::SUCCESS
        })
    }

    unsafe fn put_message(
        this: &ObjectRef<Self>,
        _: &mut Irql<Dispatch>,
        event: Option<NonNull<DmusKernelEvent>>,
    ) -> Status {
        host::called("IMXF::PutMessage (capture sink)", Level::DISPATCH, || {
            if let Some(head) = event {
                this.capture.put(head);
            }
            Status::SUCCESS
        })
    }

    fn connect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        host::called("IMXF::ConnectOutput (capture sink)", Level::PASSIVE, || {
            Status::UNSUCCESSFUL
        })
    }

    fn disconnect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        host::called(
            "IMXF::DisconnectOutput (capture sink)",
            Level::PASSIVE,
            || Status::UNSUCCESSFUL,
        )
    }
}

/// What a service group's DPC calls: a filter's or a pin's own sink.
pub(crate) struct ServiceSink {
    serve: OneThread<Box<dyn Fn()>>,
    _receipt: OneThread<Receipt>,
}

class!(ServiceSink: 0 => IServiceSink);

impl ServiceSink {
    /// A sink that calls `serve` on `owner` as long as that is there.
    pub(crate) fn make<T: 'static>(
        ledger: &Rc<Ledger>,
        owner: Weak<T>,
        serve: fn(&T),
    ) -> Option<ObjectRef<Self>> {
        ledger.make("IServiceSink", |receipt| Self {
            serve: OneThread::new(Box::new(move || {
                if let Some(owner) = owner.upgrade() {
                    serve(&owner);
                }
            })),
            _receipt: OneThread::new(receipt),
        })
    }
}

impl IServiceSinkClass for ServiceSink {
    fn request_service(this: &ObjectRef<Self>, _: &mut Irql<Device>) {
        host::called("IServiceSink::RequestService", Level::DISPATCH, || {
            (this.serve)();
        });
    }
}
