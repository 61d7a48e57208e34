//! The properties of the UART filter's two nodes (contract section 10).
//!
//! `KSPROPSETID_Synth`: what the device is (of the filter), a pin's parameters, how many channel
//! groups it has, and its latency clock. [`PROPSETID_UART`], ours: how many dumps a pin has cut.
//! PASSIVE, several at a time.
#![expect(
    unsafe_code,
    reason = "promises which objects the port hands to the handlers"
)]

use super::clocked::IClocked;
use super::filter::{CAPTURE_NODE, RENDER_NODE};
use super::miniport::UartMiniport;
use super::render::RenderStream;
use crate::com::{Guid, IUnknown, Status};
use crate::irql::{Irql, Passive};
use crate::portcls::abi::{AutomationTable, PropertyItem, ValueType, verb};
use crate::portcls::guids::{
    CLSID_MINIPORT_DRIVER_DMUS_UART, CLSID_MINIPORT_DRIVER_DMUS_UART_CAPTURE, KSPROPSETID_SYNTH,
};
use crate::portcls::property::{self, Handler, Request, Targets, Verb};
use crate::portcls::synth_abi::{PortParams, SynthCaps, caps_flags, effects, synth_property};
use crate::time::RefTime;

/// Our own property set, of the nodes of a pin.
pub static PROPSETID_UART: Guid = Guid::parse("5e2f0c1a-8a3d-4d0e-9f57-2c60b9a4d711");
/// In [`PROPSETID_UART`], GET, a DWORD: SysEx messages of this pin that could not be sent to their ends
/// since it was opened. A player that finds another number after its song than before has failed.
pub const CUT_DUMPS: u32 = 0;

/// "As many as the instrument has": nobody knows what is at the other end of the cable.
const UNKNOWN: u32 = u32::MAX;
/// How often the port's sequencer looks for events that are due: every millisecond (contract section
/// 5.6).
const SEQUENCER_TURN: RefTime = RefTime(10_000);
/// What clients show people, with the base port behind it.
const DESCRIPTION: &str = "dmusmini MPU-401 ";

/// The miniport, and the pin's stream. That may be one for render or for capture, whatever node the
/// client names: it is asked for its interfaces, and never looked into.
type UartTargets<'a> = Targets<'a, UartMiniport, RenderStream>;

/// Checks that the request names one of the two nodes; says which.
fn node(request: &Request<'_>) -> Result<u32, Status> {
    match request.node() {
        Some(node @ (RENDER_NODE | CAPTURE_NODE)) => Ok(node),
        Some(_) | None => Err(Status::INVALID_DEVICE_REQUEST),
    }
}

/// Checks that the request names a node of a pin.
fn node_of_pin(targets: &UartTargets<'_>, request: &Request<'_>) -> Result<(), Status> {
    node(request)?;
    if targets.stream.is_some() {
        Ok(())
    } else {
        Err(Status::INVALID_DEVICE_REQUEST)
    }
}

macro_rules! handlers {
    ($($(#[$doc:meta])* $item:ident: $value:ident($irql:ident, $targets:ident, $request:ident) $body:block)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            enum $item {}

            impl Handler for $item {
                type Miniport = UartMiniport;
                type Stream = RenderStream;
                const VALUE: ValueType = ValueType::$value;

                fn serve(
                    $irql: &mut Irql<Passive>,
                    $targets: UartTargets<'_>,
                    $request: &mut Request<'_>,
                ) -> Result<Status, Status> $body
            }
        )+
    };
}

handlers! {
    /// `CAPS`: a hardware port to something unknown.
    Caps: Blob(_irql, targets, request) {
        let guid = if node(request)? == CAPTURE_NODE {
            CLSID_MINIPORT_DRIVER_DMUS_UART_CAPTURE
        } else {
            CLSID_MINIPORT_DRIVER_DMUS_UART
        };
        let base = targets.miniport.uart().map_or(0, |uart| uart.base);
        request.reply(SynthCaps {
            guid,
            flags: caps_flags::EXTERNAL,
            memory_size: 0,
            max_channel_groups: 1,
            max_voices: UNKNOWN,
            max_audio_channels: UNKNOWN,
            effect_flags: effects::NONE,
            description: description(base),
        })
    }

    /// `PORTPARAMETERS`, which every node of this type must have (contract section 10): one voice and
    /// one channel group, no effects. The rest is echoed: what the instrument at the other end makes
    /// of its sound cannot be known here.
    Parameters: Blob(_irql, targets, request) {
        node_of_pin(&targets, request)?;
        request.expect_room_for::<PortParams>()?;
        let asked: PortParams = request.instance()?;
        let got = PortParams {
            voices: 1,
            channel_groups: 1,
            effects_flags: effects::NONE,
            ..asked
        };
        let status = if got.grants(&asked) {
            Status::SUCCESS
        } else {
            Status::NOT_ALL_ASSIGNED
        };
        request.reply(got)?;
        Ok(status)
    }

    /// `CHANNELGROUPS`: one cable is one group.
    ChannelGroups: Ui4(_irql, targets, request) {
        node_of_pin(&targets, request)?;
        if request.verb() == Verb::Get {
            return request.reply(1_u32);
        }
        match request.value::<u32>()? {
            1 => Ok(Status::SUCCESS),
            _ => Err(Status::INVALID_PARAMETER),
        }
    }

    /// `LATENCYCLOCK`: the next turn of the port's sequencer. It must be greater than the master clock
    /// (contract section 10), and an event for the present moment waits for that turn.
    LatencyClock: Ui8(irql, targets, request) {
        node_of_pin(&targets, request)?;
        let stream = targets.stream.ok_or(Status::INVALID_DEVICE_REQUEST)?;
        let clocked = stream.interface::<IUnknown>().query::<IClocked>(irql)?;
        let next = clocked.master_time(irql).saturating_add(SEQUENCER_TURN.0);
        request.reply(next.cast_unsigned())
    }

    /// `CUT_DUMPS`: what the wire did not get whole.
    CutDumps: Ui4(irql, targets, request) {
        node_of_pin(&targets, request)?;
        let stream = targets.stream.ok_or(Status::INVALID_DEVICE_REQUEST)?;
        let clocked = stream.interface::<IUnknown>().query::<IClocked>(irql)?;
        request.reply(clocked.cut_dumps(irql))
    }
}

/// `dmusmini MPU-401 [330]`.
fn description(base: u16) -> [u16; 128] {
    let digits =
        [8, 4, 0].map(|shift| char::from_digit(u32::from(base >> shift) & 0xF, 16).unwrap_or('?'));
    let text = DESCRIPTION.chars().chain(['[']).chain(digits).chain([']']);
    let mut wide = [0; 128];
    for (place, letter) in wide.iter_mut().zip(text) {
        *place = u16::try_from(u32::from(letter)).unwrap_or(0);
    }
    wide
}

const READ: u32 = verb::GET | verb::BASIC_SUPPORT;
const READ_WRITE: u32 = verb::GET | verb::SET | verb::BASIC_SUPPORT;

/// An item of this filter.
const fn item<H>(id: u32, verbs: u32) -> PropertyItem
where
    H: Handler<Miniport = UartMiniport, Stream = RenderStream>,
{
    static SET: Guid = KSPROPSETID_SYNTH;
    item_of::<H>(&SET, id, verbs)
}

/// An item of this filter, in a set.
const fn item_of<H>(set: &'static Guid, id: u32, verbs: u32) -> PropertyItem
where
    H: Handler<Miniport = UartMiniport, Stream = RenderStream>,
{
    // SAFETY: the items are used in this filter's descriptor only, whose miniport is a
    // `UartMiniport`. Its streams are of two classes, and no handler looks into one: both have an
    // IUnknown where `RenderStream` has it, in slot 0.
    unsafe { property::item::<H>(set, id, verbs) }
}

static ITEMS: [PropertyItem; 5] = [
    item::<Caps>(synth_property::CAPS, READ),
    item::<Parameters>(synth_property::PORT_PARAMETERS, READ),
    item::<ChannelGroups>(synth_property::CHANNEL_GROUPS, READ_WRITE),
    item::<LatencyClock>(synth_property::LATENCY_CLOCK, READ),
    item_of::<CutDumps>(&PROPSETID_UART, CUT_DUMPS, READ),
];

/// The nodes' properties.
pub static NODE_AUTOMATION: AutomationTable = AutomationTable::of_properties(&ITEMS);
