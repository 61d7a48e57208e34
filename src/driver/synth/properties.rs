//! The property sets of the synthesizer filter (contract sections 10 to 12).
//!
//! | module | set |
//! |---|---|
//! | [`synth`] | `KSPROPSETID_Synth`: capabilities, parameters, volumes, statistics |
//! | [`dls`] | `KSPROPSETID_Synth_Dls`: downloads |
//! | [`support`] | the `GUID_DMUS_PROP_*` sets |
//! | [`own`] | `DMUSMINI_PROPSETID_SYNTH`: silent notes, the look-up of instruments |
//!
//! All are items of the synth node; the volume can also be asked of a pin itself, as the
//! documentation has it (abi section 3.4). PASSIVE, several at a time.
#![expect(
    unsafe_code,
    reason = "promises which objects the port hands to the handlers"
)]

pub mod dls;
pub mod own;
pub mod support;
pub mod synth;

use super::filter::SYNTH_NODE;
use super::miniport::SynthMiniport;
use super::stream::SynthStream;
use crate::com::{Guid, ObjectRef, Status};
use crate::portcls::abi::{AutomationTable, PropertyItem, verb};
use crate::portcls::guids::{
    DMUSMINI_PROPSETID_SYNTH, GUID_DMUS_PROP_DLS1, GUID_DMUS_PROP_DLS2, GUID_DMUS_PROP_EFFECTS,
    GUID_DMUS_PROP_GM_HARDWARE, GUID_DMUS_PROP_GS_CAPABLE, GUID_DMUS_PROP_GS_HARDWARE,
    GUID_DMUS_PROP_INSTRUMENT2, GUID_DMUS_PROP_SAMPLE_MEMORY_SIZE, GUID_DMUS_PROP_WAVES_REVERB,
    GUID_DMUS_PROP_XG_CAPABLE, GUID_DMUS_PROP_XG_HARDWARE, KSPROPSETID_SYNTH,
    KSPROPSETID_SYNTH_DLS,
};
use crate::portcls::property::{self, Handler, Request, Targets};
use crate::portcls::synth_abi::{dls_property, own_property, synth_property};

/// What a property request of this filter is for.
pub type SynthTargets<'a> = Targets<'a, SynthMiniport, SynthStream>;

/// The stream, for an item of a pin's synth node.
fn node_stream<'a>(
    targets: &SynthTargets<'a>,
    request: &Request<'_>,
) -> Result<&'a ObjectRef<SynthStream>, Status> {
    at_node(request)?;
    targets.stream.ok_or(Status::INVALID_PARAMETER)
}

/// Checks that the request names the synth node.
fn at_node(request: &Request<'_>) -> Result<(), Status> {
    if request.node() == Some(SYNTH_NODE) {
        Ok(())
    } else {
        Err(Status::INVALID_DEVICE_REQUEST)
    }
}

const READ: u32 = verb::GET | verb::BASIC_SUPPORT;
const WRITE: u32 = verb::SET | verb::BASIC_SUPPORT;
const READ_WRITE: u32 = verb::GET | verb::SET | verb::BASIC_SUPPORT;

/// An item of this filter.
const fn item<H>(set: &'static Guid, id: u32, verbs: u32) -> PropertyItem
where
    H: Handler<Miniport = SynthMiniport, Stream = SynthStream>,
{
    // SAFETY: the items are used in this filter's descriptor only, whose miniport is a
    // `SynthMiniport` and whose streams are all `SynthStream`.
    unsafe { property::item::<H>(set, id, verbs) }
}

static NODE_ITEMS: [PropertyItem; 26] = [
    item::<synth::Caps>(&KSPROPSETID_SYNTH, synth_property::CAPS, READ),
    item::<synth::Parameters>(&KSPROPSETID_SYNTH, synth_property::PORT_PARAMETERS, READ),
    item::<synth::ChannelGroups>(
        &KSPROPSETID_SYNTH,
        synth_property::CHANNEL_GROUPS,
        READ_WRITE,
    ),
    item::<synth::VoicePriority>(
        &KSPROPSETID_SYNTH,
        synth_property::VOICE_PRIORITY,
        READ_WRITE,
    ),
    item::<synth::Volume>(&KSPROPSETID_SYNTH, synth_property::VOLUME, READ_WRITE),
    item::<synth::VolumeBoost>(&KSPROPSETID_SYNTH, synth_property::VOLUME_BOOST, READ_WRITE),
    item::<synth::RunningStats>(&KSPROPSETID_SYNTH, synth_property::RUNNING_STATS, READ),
    item::<synth::LatencyClock>(&KSPROPSETID_SYNTH, synth_property::LATENCY_CLOCK, READ),
    item::<dls::Download>(&KSPROPSETID_SYNTH_DLS, dls_property::DOWNLOAD, READ),
    item::<dls::Unload>(&KSPROPSETID_SYNTH_DLS, dls_property::UNLOAD, WRITE),
    item::<dls::Compact>(&KSPROPSETID_SYNTH_DLS, dls_property::COMPACT, WRITE),
    item::<dls::Append>(&KSPROPSETID_SYNTH_DLS, dls_property::APPEND, READ),
    item::<dls::WaveFormat>(&KSPROPSETID_SYNTH_DLS, dls_property::WAVE_FORMAT, READ),
    item::<support::No>(&GUID_DMUS_PROP_GM_HARDWARE, 0, READ),
    item::<support::No>(&GUID_DMUS_PROP_GS_HARDWARE, 0, READ),
    item::<support::No>(&GUID_DMUS_PROP_XG_HARDWARE, 0, READ),
    item::<support::Yes>(&GUID_DMUS_PROP_XG_CAPABLE, 0, READ),
    item::<support::Yes>(&GUID_DMUS_PROP_GS_CAPABLE, 0, READ),
    item::<support::Yes>(&GUID_DMUS_PROP_DLS1, 0, READ),
    item::<support::Yes>(&GUID_DMUS_PROP_DLS2, 0, READ),
    item::<support::Yes>(&GUID_DMUS_PROP_INSTRUMENT2, 0, READ),
    item::<support::SampleMemorySize>(&GUID_DMUS_PROP_SAMPLE_MEMORY_SIZE, 0, READ),
    item::<support::Effects>(&GUID_DMUS_PROP_EFFECTS, 0, READ_WRITE),
    item::<support::WavesReverb>(&GUID_DMUS_PROP_WAVES_REVERB, 0, READ_WRITE),
    item::<own::SilentNotes>(&DMUSMINI_PROPSETID_SYNTH, own_property::SILENT_NOTES, READ),
    item::<own::Lookup>(&DMUSMINI_PROPSETID_SYNTH, own_property::LOOKUP, READ_WRITE),
];

static PIN_ITEMS: [PropertyItem; 1] = [item::<synth::Volume>(
    &KSPROPSETID_SYNTH,
    synth_property::VOLUME,
    READ_WRITE,
)];

/// The node's properties.
pub static NODE_AUTOMATION: AutomationTable = AutomationTable::of_properties(&NODE_ITEMS);
/// The pins' properties.
pub static PIN_AUTOMATION: AutomationTable = AutomationTable::of_properties(&PIN_ITEMS);
