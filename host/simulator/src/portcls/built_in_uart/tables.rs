//! The description of the built-in miniport's filter: two ways in, one way out, no nodes.
//!
//! PortCls' tables, not the driver's: alike as they are, they are written apart, so that a fault in
//! one is not in both.

use dmusmini::com::Guid;
use dmusmini::portcls::abi::{
    Communication, ConnectionDescriptor, DataFlow, FILTER_NODE, FilterDescriptor, KsDataRange,
    KsDataRangeMusic, KsPinDescriptor, PinDescriptor, Table,
};
use dmusmini::portcls::guids::{
    KSAUDFNAME_DMUSIC_MPU_IN, KSAUDFNAME_DMUSIC_MPU_OUT, KSAUDFNAME_MIDI, KSCATEGORY_AUDIO,
    KSCATEGORY_CAPTURE, KSCATEGORY_RENDER, KSDATAFORMAT_SPECIFIER_NONE,
    KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI, KSDATAFORMAT_SUBTYPE_MIDI_BUS,
    KSDATAFORMAT_TYPE_MUSIC, KSMUSIC_TECHNOLOGY_PORT,
};

const fn range(format_size: u32, sub_format: Guid) -> KsDataRange {
    KsDataRange {
        format_size,
        flags: 0,
        sample_size: 0,
        reserved: 0,
        major_format: KSDATAFORMAT_TYPE_MUSIC,
        sub_format,
        specifier: KSDATAFORMAT_SPECIFIER_NONE,
    }
}

const fn music(sub_format: Guid) -> KsDataRangeMusic {
    KsDataRangeMusic {
        data_range: range(96, sub_format),
        technology: KSMUSIC_TECHNOLOGY_PORT,
        channels: 0,
        notes: 0,
        channel_mask: 0xFFFF,
    }
}

static MIDI: KsDataRangeMusic = music(KSDATAFORMAT_SUBTYPE_MIDI);
static DIRECT_MUSIC: KsDataRangeMusic = music(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
static BUS: KsDataRange = range(64, KSDATAFORMAT_SUBTYPE_MIDI_BUS);
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
    #[expect(clippy::cast_possible_truncation, reason = "one or two")]
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
    pin(
        1,
        &CAPTURE_RANGES,
        DataFlow::Out,
        Communication::Sink,
        Table::of(&KSAUDFNAME_DMUSIC_MPU_IN),
    ),
];

const fn connect(from_pin: u32, to_pin: u32) -> ConnectionDescriptor {
    ConnectionDescriptor {
        from_node: FILTER_NODE,
        from_pin,
        to_node: FILTER_NODE,
        to_pin,
    }
}

static CONNECTIONS: [ConnectionDescriptor; 3] = [connect(0, 2), connect(1, 2), connect(3, 4)];
static CATEGORIES: [Guid; 3] = [KSCATEGORY_AUDIO, KSCATEGORY_RENDER, KSCATEGORY_CAPTURE];

#[expect(clippy::cast_possible_truncation, reason = "sizes of small structures")]
pub(super) static DESCRIPTOR: FilterDescriptor = FilterDescriptor {
    version: 0,
    automation_table: Table::NULL,
    pin_size: size_of::<PinDescriptor>() as u32,
    pin_count: PINS.len() as u32,
    pins: Table::first_of(&PINS),
    node_size: 0,
    node_count: 0,
    nodes: Table::NULL,
    connection_count: CONNECTIONS.len() as u32,
    connections: Table::first_of(&CONNECTIONS),
    category_count: CATEGORIES.len() as u32,
    categories: Table::first_of(&CATEGORIES),
};
