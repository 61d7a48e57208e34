//! What a KS client holds: filters and pins.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use dmusmini::com::{Guid, Status};
use dmusmini::portcls::abi::{KsState, StreamType};

use super::bare::{self, BareStream};
use super::capture::{Captured, CapturedEvent};
use super::client_buffer::{Malformed, TimedPiece};
use super::descriptor::Description;
use super::device::{DeviceState, PnpState};
use super::filter::FilterState;
use super::format::Format;
use super::intersection;
use super::ks::stream::WaveReader;
use super::ks::{self, ClientMemory, IoReply, ReadId, ReadStream};
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
        self.make_ready()?;
        open_pin::open(&self.state, factory, format).map(Pin::new)
    }

    /// A bare `NewStream` call, which the port would not make.
    pub fn bare_new_stream(&self, call: BareStream) -> Status {
        bare::new_stream(&self.state, call)
    }

    /// A bare `GetDescription` call without room for the answer.
    pub fn bare_get_description(&self) -> Status {
        bare::get_description(&self.state)
    }

    /// A bare `Init` call without a port; with an empty resource list or none, and with room for a
    /// service group or none.
    pub fn bare_init(&self, list: bool, group: bool) -> Status {
        bare::init(&self.state, list, group)
    }

    /// Creates a pin from the bytes that follow the pin's name in a create request: KSPIN_CONNECT
    /// and KSDATAFORMAT.
    ///
    /// # Errors
    ///
    /// KS' own refusals (sizes, interface, medium, limits, format) and the miniport's.
    pub fn create_pin(&self, request: &[u8], client: Client) -> Result<Pin, Status> {
        self.make_ready()?;
        ks::create::create(&self.state, request, client).map(Pin::new)
    }

    /// The device is brought to D0 before NewStream (contract section 15).
    fn make_ready(&self) -> Result<(), Status> {
        if self.device.state.get() != PnpState::Started {
            return Err(Status::INVALID_DEVICE_STATE);
        }
        self.device
            .change_power(dmusmini::portcls::abi::PowerState::D0, true)
            .ok()
    }

    /// `IOCTL_KS_PROPERTY`: the KSPROPERTY and what follows it, and the client's value buffer as it
    /// is.
    pub fn property_bytes(&self, input: &[u8], value: &[u8], client: Client) -> IoReply {
        ks::property::request(&self.state, None, input, value, client)
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
        intersection::of_miniport(&self.state, factory, client)
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
    /// Let go of first: it has a reference to the stream.
    reader: RefCell<WaveReader>,
    state: Rc<PinState>,
}

impl Pin {
    fn new(state: Rc<PinState>) -> Self {
        Self {
            reader: RefCell::default(),
            state,
        }
    }

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

    /// Hands one message to the stream at once, in whatever state: a client that raced with a stop.
    pub fn put_now(&self, group: u16, message: &[u8]) {
        let piece = TimedPiece {
            time: 0,
            group,
            piece: Piece {
                bytes: message.to_vec(),
                complete: true,
            },
        };
        if let Some(render) = self.state.render() {
            render.put_now(&[piece]);
        }
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
        self.state.put_null()
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

    /// A bare `ConnectOutput` or `DisconnectOutput` call on whatever stream: with null, or with an
    /// object that is not the stream's sink.
    pub fn bare_output(&self, connect: bool, stranger: bool) -> Status {
        self.state.bare_output(connect, stranger)
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

    /// `IOCTL_KS_PROPERTY` on the pin.
    pub fn property_bytes(&self, input: &[u8], value: &[u8], client: Client) -> IoReply {
        ks::property::request(&self.state.filter, Some(&self.state), input, value, client)
    }

    /// `IOCTL_KS_WRITE_STREAM`: the list of KSSTREAM_HEADERs, whose data is in the client's memory.
    pub fn write_stream(
        &self,
        headers: &[u8],
        memory: &dyn ClientMemory,
        client: Client,
    ) -> IoReply {
        ks::stream::write(&self.state, headers, memory, client)
    }

    /// `IOCTL_KS_READ_STREAM`: the list of KSSTREAM_HEADERs, whose frames are in the client's memory.
    /// On a capture pin it waits for a message; on a wave pin time passes until the frames have been
    /// played.
    pub fn read_stream(
        &self,
        headers: &[u8],
        memory: Rc<dyn ClientMemory>,
        client: Client,
    ) -> ReadStream {
        if let Some(capture) = self.state.capture() {
            if self.state.state.get() == KsState::STOP {
                return ReadStream::Done(IoReply::refused(Status::INVALID_DEVICE_STATE));
            }
            return capture.read_stream(headers, memory, client);
        }
        if self.state.wave().is_none() {
            return ReadStream::Done(IoReply::refused(Status::INVALID_DEVICE_REQUEST));
        }
        let reader = &mut self.reader.borrow_mut();
        ReadStream::Done(reader.read(&self.state, headers, &*memory, client))
    }

    /// Reads that waited and are done, in their order.
    #[must_use]
    pub fn take_completed_reads(&self) -> Vec<(ReadId, IoReply)> {
        self.state
            .capture()
            .map(|capture| capture.reads.take_completed())
            .unwrap_or_default()
    }

    /// Takes a read back that waits; it is completed with `STATUS_CANCELLED`.
    pub fn cancel_read(&self, id: ReadId) -> bool {
        self.state
            .capture()
            .is_some_and(|capture| capture.reads.cancel(id))
    }

    /// `IOCTL_KS_RESET_STATE`: what waits on the port's side is given up.
    pub fn reset(&self) {
        self.state.abandon();
    }

    /// The allocator serves this many more requests of the driver's, and then fails.
    pub fn starve_after(&self, requests: Option<u64>) {
        self.state.famine.after.set(requests);
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

    /// Closes the pin in whatever state it is, without a stop; else as [`close`](Self::close).
    #[must_use = "0 says that the stream is gone"]
    pub fn close_without_stop(self) -> u32 {
        self.state.state.set(KsState::STOP);
        self.close()
    }

    /// Closes the pin; what the stream's Release returned (0: it is gone).
    #[must_use = "0 says that the stream is gone"]
    pub fn close(self) -> u32 {
        self.reader.borrow_mut().release();
        self.state.close()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.reader.borrow_mut().release();
        self.state.close();
    }
}
