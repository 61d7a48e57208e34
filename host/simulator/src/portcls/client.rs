//! What a KS client holds: filters and pins.

use std::cell::Ref;
use std::ptr::NonNull;
use std::rc::Rc;

use dmusmini::com::{Guid, Out, Status};
use dmusmini::portcls::abi::{DmusKernelEvent, KsDataRange, KsState, StreamType};

use super::block::Block;
use super::capture::{Captured, CapturedEvent};
use super::client_buffer::{Malformed, TimedPiece};
use super::descriptor::Description;
use super::device::{DeviceState, PnpState};
use super::filter::FilterState;
use super::format::Format;
use super::host;
use super::midi_bytes::Piece;
use super::open_pin;
use super::pin::PinState;
use super::property::{self, Client, Property, Reply};
use super::render::RenderStats;
use super::wave::{WaveClient, WaveOptions};

/// A filter that a client has opened.
#[derive(Clone, Debug)]
pub struct Filter {
    state: Rc<FilterState>,
    device: Rc<DeviceState>,
}

impl std::fmt::Debug for FilterState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilterState")
            .field("name", &self.name.borrow())
            .finish_non_exhaustive()
    }
}

impl Filter {
    pub(crate) fn new(state: Rc<FilterState>, device: Rc<DeviceState>) -> Self {
        Self { state, device }
    }

    /// The name of the subdevice.
    #[must_use]
    pub fn name(&self) -> Ref<'_, String> {
        self.state.name.borrow()
    }

    /// What the filter says of itself.
    ///
    /// # Panics
    ///
    /// When the device has been removed.
    #[must_use]
    pub fn description(&self) -> Rc<Description> {
        self.state
            .description()
            .expect("a filter of a started device")
    }

    /// The first pin that streams this subtype (`KSDATAFORMAT_SUBTYPE_*`) in a direction.
    #[must_use]
    pub fn pin_of(&self, subtype: &Guid, flow: dmusmini::portcls::abi::DataFlow) -> Option<u32> {
        let description = self.state.description()?;
        let place = description.pins.iter().position(|pin| {
            pin.data_flow == flow
                && pin.max_filter_instances > 0
                && pin
                    .ranges
                    .iter()
                    .any(|range| range.head.sub_format == *subtype)
        })?;
        u32::try_from(place).ok()
    }

    /// The first node that has a property of this set.
    #[must_use]
    pub fn node_of(&self, set: &Guid) -> Option<u32> {
        let description = self.state.description()?;
        let has = |items: &[super::descriptor::Item]| items.iter().any(|item| item.set == *set);
        let place = description
            .nodes
            .iter()
            .position(|node| has(&node.properties))?;
        u32::try_from(place).ok()
    }

    /// Opens a pin.
    ///
    /// # Errors
    ///
    /// KS' own refusals (limits, format) and the miniport's.
    pub fn open(&self, factory: u32, format: &Format) -> Result<Pin, Status> {
        if self.device.state.get() != PnpState::Started {
            return Err(Status::INVALID_DEVICE_STATE);
        }
        // The device is brought to D0 before NewStream (contract section 15).
        self.device
            .change_power(dmusmini::portcls::abi::PowerState::D0)
            .ok()?;
        open_pin::open(&self.state, factory, format).map(|state| Pin { state })
    }

    /// How many instances of a pin are open.
    #[must_use]
    pub fn instances(&self, factory: u32) -> u32 {
        self.state
            .instances
            .borrow()
            .get(&factory)
            .copied()
            .unwrap_or(0)
    }

    /// Sends a property request to the filter.
    pub fn property(&self, property: &Property, client: Client) -> Reply {
        property::request(&self.state, None, property, client)
    }

    /// `KSPROPERTY_PIN_DATAINTERSECTION`: the miniport's answer in the port's two steps, or
    /// [`Status::NOT_IMPLEMENTED`] where the port's own default applies.
    ///
    /// # Errors
    ///
    /// The miniport's status.
    pub fn data_intersection(&self, factory: u32, client: &[u8]) -> Result<Vec<u8>, Status> {
        let description = self
            .state
            .description()
            .ok_or(Status::INVALID_DEVICE_STATE)?;
        let index = usize::try_from(factory).map_err(|_| Status::INVALID_PARAMETER)?;
        let pin = description
            .pins
            .get(index)
            .ok_or(Status::INVALID_PARAMETER)?;
        let range = Block::new(client.len().max(size_of::<KsDataRange>()));
        range.write(0, client);
        let mut status = Status::NO_MATCH;
        for ours in &pin.ranges {
            match self.intersect(factory, &range, ours.table, 0) {
                (Status::BUFFER_OVERFLOW, size, _) => {
                    let (status, _, format) = self.intersect(factory, &range, ours.table, size);
                    return status.ok().map(|()| format);
                }
                (other, ..) => status = other,
            }
        }
        Err(status)
    }

    fn intersect(
        &self,
        factory: u32,
        client: &Block,
        ours: *const KsDataRange,
        length: u32,
    ) -> (Status, u32, Vec<u8>) {
        let Some(miniport) = self.state.miniport() else {
            return (Status::INVALID_DEVICE_STATE, 0, Vec::new());
        };
        let room = usize::try_from(length).unwrap_or(0);
        let format = Block::new(room);
        let mut size = 0;
        let status = miniport.call("IMiniport::DataRangeIntersection", |miniport| {
            let out = if length == 0 {
                std::ptr::null_mut()
            } else {
                format.pointer::<u8>()
            };
            let size = Some(Out::from_mut(&mut size));
            let client = client.pointer::<KsDataRange>();
            miniport.data_range_intersection(
                &host::passive(),
                factory,
                client,
                ours,
                length,
                out.cast(),
                size,
            )
        });
        (status, size, format.read(0, room))
    }

    /// How many references the miniport has.
    #[must_use]
    pub fn miniport_references(&self) -> u32 {
        self.state.miniport_references()
    }
}

/// A pin that a client has opened. Dropping it closes it.
#[derive(Debug)]
pub struct Pin {
    state: Rc<PinState>,
}

impl Pin {
    /// The pin factory's number.
    #[must_use]
    pub fn factory(&self) -> u32 {
        self.state.factory
    }

    /// The type that NewStream was asked for.
    #[must_use]
    pub fn stream_type(&self) -> StreamType {
        self.state.stream_type
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> KsState {
        self.state.state.get()
    }

    /// Walks to a state, one step at a time.
    ///
    /// # Errors
    ///
    /// The stream's status at the step that failed.
    pub fn set_state(&self, state: KsState) -> Result<(), Status> {
        self.state.walk(state).ok()
    }

    /// Walks to RUN.
    ///
    /// # Errors
    ///
    /// The stream's status at the step that failed.
    pub fn run(&self) -> Result<(), Status> {
        self.set_state(KsState::RUN)
    }

    /// Walks to STOP.
    ///
    /// # Errors
    ///
    /// The stream's status at the step that failed.
    pub fn stop(&self) -> Result<(), Status> {
        self.set_state(KsState::STOP)
    }

    /// One SetState call to whatever state, as KS would not make it.
    pub fn jump(&self, state: KsState) -> Status {
        self.state.jump(state)
    }

    /// Writes a client's buffer: DMUS_EVENTHEADER events on a DirectMusic pin, KSMUSICFORMAT runs on
    /// a legacy one. Times count from `base` on the master clock.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when a header promises more than there is.
    pub fn write(&self, base: i64, bytes: &[u8]) -> Result<(), Malformed> {
        self.state.write(base, bytes)
    }

    /// Sends one message, due at `time` on the master clock.
    pub fn send(&self, time: i64, group: u16, message: &[u8]) {
        let most = usize::from(self.state.pool.buffer_size());
        let parts = message.len().div_ceil(most);
        let pieces = message
            .chunks(most)
            .enumerate()
            .map(|(index, part)| TimedPiece {
                time,
                group,
                piece: Piece {
                    bytes: part.to_vec(),
                    complete: index + 1 == parts,
                },
            });
        self.state.write_pieces(pieces.collect());
    }

    /// Sends several messages as one package event, to be handled as one (contract section 6.6).
    pub fn send_package(&self, time: i64, group: u16, messages: &[&[u8]]) {
        let piece = |message: &&[u8]| TimedPiece {
            time,
            group,
            piece: Piece {
                bytes: message.to_vec(),
                complete: true,
            },
        };
        let pieces: Vec<_> = messages.iter().map(piece).collect();
        if let Some(render) = self.state.render() {
            render.write_package(time, group, &pieces);
        }
    }

    /// A bare `PutMessage` call: null asks a capture stream for service, and does nothing elsewhere.
    pub fn put_null(&self) -> Status {
        self.state.put(None::<NonNull<DmusKernelEvent>>)
    }

    /// What the sequencer did.
    #[must_use]
    pub fn render_stats(&self) -> RenderStats {
        self.state.render_stats()
    }

    /// The messages captured since the last call.
    #[must_use]
    pub fn captured(&self) -> Vec<Captured> {
        self.state.captured()
    }

    /// The events captured since the last call, as the driver sent them.
    #[must_use]
    pub fn captured_events(&self) -> Vec<CapturedEvent> {
        self.state.captured_events()
    }

    /// Connects the capture stream to its sink again, or disconnects it.
    pub fn connect_output(&self, connected: bool) -> Status {
        if connected {
            self.state.connect()
        } else {
            self.state.disconnect()
        }
    }

    /// Starts pulling frames out of a wave pin.
    ///
    /// # Errors
    ///
    /// The stream's status.
    pub fn start_wave(&self, options: WaveOptions) -> Result<WaveClient, Status> {
        WaveClient::start(&self.state, options)
    }

    /// Sends a property request to the pin.
    pub fn property(&self, property: &Property, client: Client) -> Reply {
        property::request(&self.state.filter, Some(&self.state), property, client)
    }

    /// The allocator serves this many more requests of the driver's, and then fails.
    pub fn starve_after(&self, requests: Option<u64>) {
        self.state.famine.after.set(requests);
    }

    /// The pool holds at most this many events, and buffers.
    pub fn limit_events(&self, limit: usize) {
        self.state.pool.limit.set(limit);
    }

    /// Events and buffers that the driver has.
    #[must_use]
    pub fn events_with_driver(&self) -> (usize, usize) {
        self.state.pool.with_driver()
    }

    /// Events that wait in the port's sequencer.
    #[must_use]
    pub fn events_with_port(&self) -> usize {
        self.state.pool.with_port()
    }

    /// Closes the pin; what the stream's Release returned (0: it is gone).
    #[must_use = "0 says that the stream is gone"]
    pub fn close(self) -> u32 {
        self.state.close()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.state.close();
    }
}
