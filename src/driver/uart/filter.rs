//! The descriptor tables of the MPU-401 filter (contract section 5.7).

use super::properties::NODE_AUTOMATION;
use crate::com::Guid;
use crate::mpu401::transmit::Lane;
use crate::portcls::abi::{
    Communication, ConnectionDescriptor, DataFlow, FILTER_NODE, FilterDescriptor, KsDataRange,
    KsDataRangeMusic, KsPinDescriptor, NodeDescriptor, PinDescriptor, StreamType, Table,
};
use crate::portcls::guids::{
    KSAUDFNAME_DMUSIC_MPU_IN, KSAUDFNAME_DMUSIC_MPU_OUT, KSAUDFNAME_MIDI, KSCATEGORY_AUDIO,
    KSCATEGORY_CAPTURE, KSCATEGORY_RENDER, KSDATAFORMAT_SPECIFIER_NONE,
    KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI, KSDATAFORMAT_SUBTYPE_MIDI_BUS,
    KSDATAFORMAT_TYPE_MUSIC, KSMUSIC_TECHNOLOGY_PORT, KSNODETYPE_SYNTHESIZER,
};

/// A pin that streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Legacy MIDI out; first, so that clients which know only legacy pins find it.
    LegacyRender,
    /// DirectMusic out.
    DirectMusicRender,
    /// MIDI in.
    Capture,
}

impl Pin {
    /// The pin with this number, if the stream type fits its direction.
    #[must_use]
    pub const fn of_stream(id: u32, stream_type: StreamType) -> Option<Self> {
        match (id, stream_type) {
            (0, StreamType::MIDI_RENDER) => Some(Self::LegacyRender),
            (1, StreamType::MIDI_RENDER) => Some(Self::DirectMusicRender),
            (4, StreamType::MIDI_CAPTURE) => Some(Self::Capture),
            _ => None,
        }
    }

    /// The pin's bit in a set of pins.
    #[must_use]
    pub const fn bit(self) -> u8 {
        match self {
            Self::LegacyRender => 1,
            Self::DirectMusicRender => 2,
            Self::Capture => 4,
        }
    }

    /// The lane that a render pin feeds.
    #[must_use]
    pub const fn lane(self) -> Option<Lane> {
        match self {
            Self::LegacyRender => Some(Lane::Legacy),
            Self::DirectMusicRender => Some(Lane::DirectMusic),
            Self::Capture => None,
        }
    }

    /// The number of the render pin that feeds a lane.
    #[must_use]
    pub const fn number_of(lane: Lane) -> u32 {
        match lane {
            Lane::Legacy => 0,
            Lane::DirectMusic => 1,
        }
    }
}

static MIDI: KsDataRangeMusic =
    KsDataRangeMusic::midi(KSDATAFORMAT_SUBTYPE_MIDI, KSMUSIC_TECHNOLOGY_PORT);
static DIRECT_MUSIC: KsDataRangeMusic =
    KsDataRangeMusic::midi(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSMUSIC_TECHNOLOGY_PORT);
static BUS: KsDataRange = KsDataRange {
    format_size: 64,
    flags: 0,
    sample_size: 0,
    reserved: 0,
    major_format: KSDATAFORMAT_TYPE_MUSIC,
    sub_format: KSDATAFORMAT_SUBTYPE_MIDI_BUS,
    specifier: KSDATAFORMAT_SPECIFIER_NONE,
};

static MIDI_RANGES: [Table<KsDataRange>; 1] = [Table::of(&MIDI.data_range)];
static DIRECT_MUSIC_RANGES: [Table<KsDataRange>; 1] = [Table::of(&DIRECT_MUSIC.data_range)];
static BUS_RANGES: [Table<KsDataRange>; 1] = [Table::of(&BUS)];
static CAPTURE_RANGES: [Table<KsDataRange>; 2] = [
    Table::of(&MIDI.data_range),
    Table::of(&DIRECT_MUSIC.data_range),
];

const fn pin<const N: usize>(
    instances: u32,
    ranges: &'static [Table<KsDataRange>; N],
    data_flow: DataFlow,
    communication: Communication,
    name: Table<Guid>,
) -> PinDescriptor {
    PinDescriptor {
        max_global_instances: instances,
        max_filter_instances: instances,
        min_filter_instances: 0,
        automation_table: Table::NULL,
        ks: KsPinDescriptor {
            interfaces_count: 0,
            interfaces: Table::NULL,
            mediums_count: 0,
            mediums: Table::NULL,
            #[expect(clippy::cast_possible_truncation, reason = "one or two")]
            data_ranges_count: N as u32,
            data_ranges: Table::first_of(ranges),
            data_flow,
            communication,
            category: Table::of(&KSCATEGORY_AUDIO),
            name,
            constrained_data_ranges_count: 0,
            constrained_data_ranges: Table::NULL,
        },
    }
}

static PINS: [PinDescriptor; 5] = [
    pin(
        1,
        &MIDI_RANGES,
        DataFlow::In,
        Communication::Sink,
        Table::of(&KSAUDFNAME_MIDI),
    ),
    pin(
        1,
        &DIRECT_MUSIC_RANGES,
        DataFlow::In,
        Communication::Sink,
        Table::of(&KSAUDFNAME_DMUSIC_MPU_OUT),
    ),
    pin(
        0,
        &BUS_RANGES,
        DataFlow::Out,
        Communication::None,
        Table::NULL,
    ),
    pin(
        0,
        &BUS_RANGES,
        DataFlow::In,
        Communication::None,
        Table::NULL,
    ),
    // OUT and SINK: the client reads. The port's own UART miniport describes its capture pin so.
    pin(
        1,
        &CAPTURE_RANGES,
        DataFlow::Out,
        Communication::Sink,
        Table::of(&KSAUDFNAME_DMUSIC_MPU_IN),
    ),
];

/// The render node's number.
pub const RENDER_NODE: u32 = 0;
/// The capture node's number.
pub const CAPTURE_NODE: u32 = 1;

static NODES: [NodeDescriptor; 2] = [
    NodeDescriptor {
        flags: 0,
        automation_table: Table::of(&NODE_AUTOMATION),
        kind: Table::of(&KSNODETYPE_SYNTHESIZER),
        name: Table::of(&KSAUDFNAME_DMUSIC_MPU_OUT),
    },
    NodeDescriptor {
        flags: 0,
        automation_table: Table::of(&NODE_AUTOMATION),
        kind: Table::of(&KSNODETYPE_SYNTHESIZER),
        name: Table::of(&KSAUDFNAME_DMUSIC_MPU_IN),
    },
];

const fn connect(from: (u32, u32), to: (u32, u32)) -> ConnectionDescriptor {
    ConnectionDescriptor {
        from_node: from.0,
        from_pin: from.1,
        to_node: to.0,
        to_pin: to.1,
    }
}

static CONNECTIONS: [ConnectionDescriptor; 5] = [
    connect((FILTER_NODE, 0), (FILTER_NODE, 2)),
    connect((FILTER_NODE, 1), (RENDER_NODE, 1)),
    connect((RENDER_NODE, 0), (FILTER_NODE, 2)),
    connect((FILTER_NODE, 3), (CAPTURE_NODE, 1)),
    connect((CAPTURE_NODE, 0), (FILTER_NODE, 4)),
];

static CATEGORIES: [Guid; 3] = [KSCATEGORY_AUDIO, KSCATEGORY_RENDER, KSCATEGORY_CAPTURE];

/// The filter.
#[expect(clippy::cast_possible_truncation, reason = "sizes of small structures")]
pub static DESCRIPTOR: FilterDescriptor = FilterDescriptor {
    version: 0,
    automation_table: Table::NULL,
    pin_size: size_of::<PinDescriptor>() as u32,
    pin_count: PINS.len() as u32,
    pins: Table::first_of(&PINS),
    node_size: size_of::<NodeDescriptor>() as u32,
    node_count: NODES.len() as u32,
    nodes: Table::first_of(&NODES),
    connection_count: CONNECTIONS.len() as u32,
    connections: Table::first_of(&CONNECTIONS),
    category_count: CATEGORIES.len() as u32,
    categories: Table::first_of(&CATEGORIES),
};
