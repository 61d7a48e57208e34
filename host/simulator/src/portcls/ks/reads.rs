//! `IOCTL_KS_READ_STREAM` on capture pins: requests that wait for messages.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use dmusmini::com::Status;

use super::layout::StreamHeader;
use super::{CANCELLED, ClientMemory, INVALID_BUFFER_SIZE, IoReply};
use crate::portcls::packer::Packer;
use crate::portcls::property::Client;

/// Names a read that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadId(u64);

/// What became of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadStream {
    /// It is done.
    Done(IoReply),
    /// `STATUS_PENDING`: it waits for data, and will be among the completed ones.
    Pending(ReadId),
}

/// One read that waits.
struct Waiting {
    id: ReadId,
    headers: Vec<StreamHeader>,
    memory: Rc<dyn ClientMemory>,
}

/// The reads of one pin.
#[derive(Default)]
pub(crate) struct Reads {
    next: Cell<u64>,
    waiting: RefCell<VecDeque<Waiting>>,
    done: RefCell<Vec<(ReadId, IoReply)>>,
}

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reads")
            .field("waiting", &self.waiting.borrow().len())
            .finish_non_exhaustive()
    }
}

/// The frames that a client offers: whole headers, empty, and memory that can be written.
pub(super) fn frames(
    headers: &[u8],
    memory: &dyn ClientMemory,
    client: Client,
) -> Result<Vec<StreamHeader>, Status> {
    let headers = StreamHeader::read_all(headers, client.bits32).ok_or(INVALID_BUFFER_SIZE)?;
    for header in &headers {
        if header.used() != 0 || header.extent() == 0 {
            return Err(INVALID_BUFFER_SIZE);
        }
        memory.probe(header.data(), header.extent())?;
    }
    Ok(headers)
}

impl Reads {
    /// Queues a read, and serves what can be served.
    pub(crate) fn add(
        &self,
        headers: &[u8],
        memory: Rc<dyn ClientMemory>,
        client: Client,
        packer: &mut Packer,
    ) -> ReadStream {
        let headers = match frames(headers, &*memory, client) {
            Ok(headers) => headers,
            Err(status) => return ReadStream::Done(IoReply::refused(status)),
        };
        let id = ReadId(self.next.get());
        self.next.set(id.0 + 1);
        self.waiting.borrow_mut().push_back(Waiting {
            id,
            headers,
            memory,
        });
        self.serve(packer);
        let mut done = self.done.borrow_mut();
        match done.iter().position(|(done, _)| *done == id) {
            Some(place) => ReadStream::Done(done.remove(place).1),
            None => ReadStream::Pending(id),
        }
    }

    /// Completes reads as long as there are both reads and messages.
    pub(crate) fn serve(&self, packer: &mut Packer) {
        while !packer.is_empty() {
            let Some(read) = self.waiting.borrow_mut().pop_front() else {
                return;
            };
            let reply = read.complete(packer);
            self.done.borrow_mut().push((read.id, reply));
        }
    }

    pub(crate) fn take_completed(&self) -> Vec<(ReadId, IoReply)> {
        self.done.take()
    }

    /// Takes a read back.
    pub(crate) fn cancel(&self, id: ReadId) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let Some(place) = waiting.iter().position(|read| read.id == id) else {
            return false;
        };
        let _ = waiting.remove(place);
        self.done
            .borrow_mut()
            .push((id, IoReply::refused(CANCELLED)));
        true
    }

    /// The pin stops: nothing will come any more.
    pub(crate) fn cancel_all(&self) {
        let waiting = self.waiting.take();
        let cancelled = waiting
            .into_iter()
            .map(|read| (read.id, IoReply::refused(CANCELLED)));
        self.done.borrow_mut().extend(cancelled);
    }
}

impl Waiting {
    /// Fills frames, and returns the headers of those that were filled.
    fn complete(&self, packer: &mut Packer) -> IoReply {
        let mut output = Vec::new();
        for frame in &self.headers {
            let Some((time, bytes)) = packer.pack(frame.extent()) else {
                break;
            };
            if let Err(status) = self.memory.write(frame.data(), &bytes) {
                // The client took its memory away; what was meant for it is gone.
                return IoReply::refused(status);
            }
            let mut frame = frame.clone();
            frame.fill(time, bytes.len());
            output.extend(frame.bytes());
        }
        if output.is_empty() {
            return IoReply::refused(Status::BUFFER_TOO_SMALL);
        }
        IoReply::with(output)
    }
}
