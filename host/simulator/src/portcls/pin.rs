//! One open pin: its stream, its state, and what flows through it (contract section 5.8).

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;

use dmusmini::com::{ComRef, ObjectRef, Status};
use dmusmini::portcls::abi::{KsState, StreamType};
use dmusmini::portcls::interfaces::{IMxf, IServiceGroup, IServiceSink, ISynthSinkDMus};

use super::allocator::{Allocator, Famine};
use super::capture::{Capture, CaptureSink, Captured, CapturedEvent, ServiceSink};
use super::client_buffer::{Malformed, TimedPiece, Unpacker};
use super::event_pool::EventPool;
use super::filter::FilterState;
use super::foreign::Foreign;
use super::format::Format;
use super::host;
use super::master_clock::{ClockControl, MasterClock};
use super::packer::Packing;
use super::render::{Render, RenderStats};

/// What flows through a pin.
pub(crate) enum Flow {
    Render {
        render: Rc<Render>,
        unpacker: RefCell<Unpacker>,
    },
    Capture {
        capture: Rc<Capture>,
        sink: ObjectRef<CaptureSink>,
        member: Option<ObjectRef<ServiceSink>>,
    },
    Wave(Foreign<ISynthSinkDMus>),
}

/// One open pin.
pub(crate) struct PinState {
    pub(crate) filter: Rc<FilterState>,
    pub(crate) factory: u32,
    pub(crate) format: Format,
    pub(crate) stream_type: StreamType,
    pub(crate) pool: Rc<EventPool>,
    pub(crate) famine: Rc<Famine>,
    pub(crate) clock: Rc<ClockControl>,
    /// The port's own references, dropped at close.
    pub(crate) stream: RefCell<Option<Foreign<IMxf>>>,
    pub(crate) allocator: RefCell<Option<ObjectRef<Allocator>>>,
    pub(crate) master_clock: RefCell<Option<ObjectRef<MasterClock>>>,
    pub(crate) group: RefCell<Option<ComRef<IServiceGroup>>>,
    pub(crate) flow: RefCell<Option<Flow>>,
    pub(crate) state: Cell<KsState>,
    /// The state to go back to after a power change.
    pub(crate) resume: Cell<Option<KsState>>,
    /// How often the pin went to RUN.
    pub(crate) runs: Cell<u64>,
}

impl PinState {
    pub(crate) fn is_open(&self) -> bool {
        self.stream.borrow().is_some()
    }

    fn stream(&self) -> Option<Foreign<IMxf>> {
        self.stream.borrow().clone()
    }

    /// The stream's identity, as property requests name it.
    pub(crate) fn minor_target(&self) -> *mut c_void {
        let stream = self.stream.borrow();
        stream
            .as_ref()
            .map_or(std::ptr::null_mut(), |stream| stream.address().as_ptr())
    }

    /// Walks to a state one step at a time, as KS does.
    pub(crate) fn walk(&self, target: KsState) -> Status {
        while self.state.get() != target {
            let now = self.state.get();
            let next = KsState(now.0 + (target.0 - now.0).signum());
            let status = self.jump(next);
            if !status.is_success() {
                return status;
            }
        }
        Status::SUCCESS
    }

    /// One SetState call, to whatever state.
    pub(crate) fn jump(&self, state: KsState) -> Status {
        let Some(stream) = self.stream() else {
            return Status::INVALID_DEVICE_STATE;
        };
        let running = state == KsState::RUN;
        if !running {
            self.let_render_run(false);
        }
        let status = stream.call("IMXF::SetState", |stream| {
            stream.set_state(&host::passive(), state)
        });
        if status.is_success() {
            let before = self.state.replace(state);
            if running && before != state {
                self.runs.set(self.runs.get() + 1);
            }
            if state == KsState::STOP {
                self.abandon();
            }
        }
        self.let_render_run(self.state.get() == KsState::RUN);
        status
    }

    /// Gives up what waits on the port's side of the pin.
    pub(crate) fn abandon(&self) {
        if let Some(render) = self.render() {
            render.flush();
        }
        if let Some(capture) = self.capture() {
            capture.reads.cancel_all();
        }
    }

    fn let_render_run(&self, running: bool) {
        if let Some(render) = self.render() {
            render.run(running);
        }
    }

    pub(crate) fn render(&self) -> Option<Rc<Render>> {
        match &*self.flow.borrow() {
            Some(Flow::Render { render, .. }) => Some(Rc::clone(render)),
            _ => None,
        }
    }

    pub(crate) fn capture(&self) -> Option<Rc<Capture>> {
        match &*self.flow.borrow() {
            Some(Flow::Capture { capture, .. }) => Some(Rc::clone(capture)),
            _ => None,
        }
    }

    pub(crate) fn wave(&self) -> Option<Foreign<ISynthSinkDMus>> {
        match &*self.flow.borrow() {
            Some(Flow::Wave(sink)) => Some(sink.clone()),
            _ => None,
        }
    }

    /// What a client wrote: unpacked in the pin's own format, then sequenced.
    pub(crate) fn write(&self, base: i64, bytes: &[u8]) -> Result<(), Malformed> {
        let pieces = match &*self.flow.borrow() {
            Some(Flow::Render { unpacker, .. }) => match self.format.packing() {
                Packing::DirectMusic => unpacker.borrow().direct_music(base, bytes)?,
                Packing::Music => unpacker.borrow_mut().music(base, bytes)?,
            },
            _ => return Err(Malformed { offset: 0 }),
        };
        self.write_pieces(pieces);
        Ok(())
    }

    pub(crate) fn write_pieces(&self, pieces: Vec<TimedPiece>) {
        if let Some(render) = self.render() {
            render.write(pieces);
        }
    }

    pub(crate) fn render_stats(&self) -> RenderStats {
        self.render()
            .map(|render| render.stats())
            .unwrap_or_default()
    }

    pub(crate) fn captured(&self) -> Vec<Captured> {
        self.capture()
            .map(|capture| capture.take_messages())
            .unwrap_or_default()
    }

    pub(crate) fn captured_events(&self) -> Vec<CapturedEvent> {
        self.capture()
            .map(|capture| capture.take_events())
            .unwrap_or_default()
    }

    /// `PutMessage(NULL)`: the service group's DPC asks a capture stream for what it has.
    pub(crate) fn service(&self) {
        if self.capture().is_none() || host::is_dead() {
            return;
        }
        let _ = self.put_null();
    }

    /// `PutMessage(NULL)` at DISPATCH_LEVEL.
    pub(crate) fn put_null(&self) -> Status {
        // Not cloned: AddRef and Release are for PASSIVE.
        let stream = self.stream.borrow();
        let Some(stream) = stream.as_ref() else {
            return Status::INVALID_DEVICE_STATE;
        };
        stream.call_at_dispatch("IMXF::PutMessage", |stream| {
            // SAFETY: there is no event.
            unsafe { stream.put_message(&host::dispatch(), None) }
        })
    }

    /// Connects the capture stream to the port's sink, and the sink's DPC to the stream.
    pub(crate) fn connect(&self) -> Status {
        let flow = self.flow.borrow();
        let (Some(Flow::Capture { sink, .. }), Some(stream)) = (&*flow, self.stream()) else {
            return Status::SUCCESS;
        };
        let sink = sink.interface::<IMxf>();
        stream.call("IMXF::ConnectOutput", |stream| {
            stream.connect_output(&host::passive(), Some(sink))
        })
    }

    /// Disconnects the capture stream from the port's sink.
    pub(crate) fn disconnect(&self) -> Status {
        let flow = self.flow.borrow();
        let (Some(Flow::Capture { sink, .. }), Some(stream)) = (&*flow, self.stream()) else {
            return Status::SUCCESS;
        };
        let sink = sink.interface::<IMxf>();
        stream.call("IMXF::DisconnectOutput", |stream| {
            stream.disconnect_output(&host::passive(), Some(sink))
        })
    }

    /// `ConnectOutput` or `DisconnectOutput` with null, or with the allocator, which is no sink of the
    /// stream's.
    pub(crate) fn bare_output(&self, connect: bool, stranger: bool) -> Status {
        let Some(stream) = self.stream() else {
            return Status::INVALID_DEVICE_STATE;
        };
        let allocator = self.allocator.borrow();
        let output = allocator
            .as_ref()
            .filter(|_| stranger)
            .map(|allocator| allocator.interface::<IMxf>());
        stream.call("IMXF::ConnectOutput", |stream| {
            if connect {
                stream.connect_output(&host::passive(), output)
            } else {
                stream.disconnect_output(&host::passive(), output)
            }
        })
    }

    /// Closes the pin: stop, disconnect, release. What the stream's last Release returned.
    pub(crate) fn close(&self) -> u32 {
        if !self.is_open() {
            return 0;
        }
        let stopped = self.walk(KsState::STOP);
        if !stopped.is_success() && !host::is_dead() {
            host::breach(
                "IMXF::SetState",
                format!("going down to STOP failed: {stopped:?}"),
            );
        }
        let _ = self.disconnect();
        self.abandon();
        let flow = self.flow.take();
        let group = self.group.take();
        if let (
            Some(Flow::Capture {
                member: Some(member),
                ..
            }),
            Some(group),
        ) = (&flow, &group)
        {
            group.remove_member(&host::passive(), Some(member.interface::<IServiceSink>()));
        }
        drop(flow);
        drop(group);
        let left = self.stream.take().map_or(0, Foreign::release);
        // The stream has gone, or shares its object with another pin; the last reference to the
        // allocator checks that every event came back.
        drop(self.allocator.take());
        // Where the port keeps the clock is nowhere written. If it is a part of the pin, whoever
        // keeps the clock keeps the pin, which keeps the filter: nothing would ever go.
        let kept = self
            .master_clock
            .take()
            .map_or(0, |clock| clock.references() - 1);
        if left == 0 && kept > 0 {
            host::miscount(
                "IMasterClock",
                format!(
                    "the stream of pin {} has gone, but {kept} reference(s) to its clock have not",
                    self.factory
                ),
            );
        }
        let mut instances = self.filter.instances.borrow_mut();
        if let Some(count) = instances.get_mut(&self.factory) {
            *count = count.saturating_sub(1);
        }
        left
    }
}
