//! MIDI out: a stream's events become bytes of a lane (contract sections 7.1, 7.2).
#![expect(unsafe_code, reason = "takes over the events of a message")]

use core::ptr::NonNull;

use super::Uart;
use super::clocked::{IClocked, IClockedClass};
use super::miniport::Claim;
use crate::class;
use crate::com::{Borrowed, ComRef, Object, ObjectRef, Status};
use crate::irql::{Dispatch, Irql, Passive};
use crate::kernel::clock::master_time;
use crate::kernel::rundown::Rundown;
use crate::mpu401::transmit::Lane;
use crate::portcls::abi::{DmusKernelEvent, KsState};
use crate::portcls::event::{Allocator, Event, EventChain};
use crate::portcls::interfaces::{IMasterClock, IMxf, IMxfClass, In};

/// A render stream.
#[derive(Debug)]
pub struct RenderStream {
    claim: Claim,
    lane: Lane,
    allocator: Allocator,
    /// For the pin's latency clock; nothing is timed by it, for the port's sequencer does that.
    clock: ComRef<IMasterClock>,
    rundown: Rundown,
}

class!(RenderStream: 0 => IMxf, 1 => IClocked; place);

impl RenderStream {
    fn place(&self) {
        self.rundown.initialise();
    }

    /// Opens a stream on its lane.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn open(
        irql: &mut Irql<Passive>,
        claim: Claim,
        lane: Lane,
        allocator: Allocator,
        clock: Borrowed<'_, IMasterClock>,
    ) -> Result<ComRef<IMxf>, Status> {
        let stream = Self {
            claim,
            lane,
            allocator,
            clock: clock.to_owned(),
            rundown: Rundown::new(),
        };
        let stream = Object::try_new(stream).map_err(|_| Status::INSUFFICIENT_RESOURCES)?;
        if let Some(uart) = stream.uart() {
            uart.attach(irql, lane, &stream.allocator, &stream.rundown);
        }
        Ok(stream.into_interface())
    }

    fn uart(&self) -> Option<&Uart> {
        self.claim.miniport().uart()
    }
}

impl IMxfClass for RenderStream {
    fn set_state(this: &ObjectRef<Self>, irql: &mut Irql<Passive>, state: KsState) -> Status {
        let Some(uart) = this.uart() else {
            return Status::INVALID_DEVICE_STATE;
        };
        if !(KsState::STOP.0..=KsState::RUN.0).contains(&state.0) {
            return Status::INVALID_PARAMETER;
        }
        if state == KsState::RUN {
            // A chip that is not ready yet, or has no power, is no reason to refuse: what is queued
            // waits. One that failed gets another chance.
            uart.revive_after_rest(irql);
        }
        let dropped = uart.set_state(irql, this.lane, state);
        this.allocator.give_back(irql, dropped);
        Status::SUCCESS
    }

    unsafe fn put_message(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Dispatch>,
        event: Option<NonNull<DmusKernelEvent>>,
    ) -> Status {
        // SAFETY: promised by the caller: the chain is given up (contract section 6.1).
        let events = unsafe { EventChain::from_message(event) };
        if events.is_empty() {
            return Status::SUCCESS;
        }
        let events = this.unpack(irql, events);
        let Some(uart) = this.uart() else {
            this.allocator.give_back(irql, events);
            return Status::SUCCESS;
        };
        // The events are the driver's, whatever becomes of them, so this always succeeds: of a chip that
        // takes none the trace tells.
        if let Ok(refused) = uart.send(irql, this.lane, events) {
            this.allocator.give_back(irql, refused);
        }
        Status::SUCCESS
    }

    fn connect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        Status::UNSUCCESSFUL
    }

    fn disconnect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        Status::UNSUCCESSFUL
    }
}

impl RenderStream {
    /// Puts the children of packages in the place of the packages, linked; the packages go back at
    /// once.
    fn unpack(&self, irql: &Irql<Dispatch>, mut events: EventChain) -> EventChain {
        let mut flat = EventChain::new();
        while let Some(mut event) = events.pop_front() {
            if event.is_package() {
                let children = event.take_package();
                self.allocator.give_back_one(irql, event);
                self.unpack_one(irql, children, &mut flat);
            } else {
                event.link(false);
                flat.push_back(event);
            }
        }
        flat
    }

    /// Adds what a package held; a package in it is a part of it.
    fn unpack_one(&self, irql: &Irql<Dispatch>, mut children: EventChain, flat: &mut EventChain) {
        let mut last: Option<Event> = None;
        while let Some(mut child) = children.pop_front() {
            if child.is_package() {
                let mut nested = child.take_package();
                children.prepend(&mut nested);
                self.allocator.give_back_one(irql, child);
                continue;
            }
            child.link(false);
            if let Some(mut before) = last.replace(child) {
                before.link(true);
                flat.push_back(before);
            }
        }
        if let Some(last) = last {
            flat.push_back(last);
        }
    }
}

impl IClockedClass for RenderStream {
    fn master_time(this: &ObjectRef<Self>, irql: &mut Irql<Passive>) -> i64 {
        master_time(irql, &this.clock).0
    }

    fn cut_dumps(this: &ObjectRef<Self>, irql: &mut Irql<Passive>) -> u32 {
        this.uart()
            .map_or(0, |uart| uart.cut_dumps(irql, this.lane))
    }
}

impl Drop for RenderStream {
    fn drop(&mut self) {
        // SAFETY: the port releases streams at PASSIVE (contract section 4).
        let mut irql = unsafe { Irql::<Passive>::assume() };
        if let Some(uart) = self.claim.miniport().uart() {
            let left = uart.detach(&mut irql, self.lane, &self.rundown);
            self.allocator.give_back(&irql, left);
        }
    }
}
