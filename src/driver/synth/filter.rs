//! The descriptor tables of the synthesizer filter (contract section 5.7).

use super::properties::{NODE_AUTOMATION, PIN_AUTOMATION};
use crate::com::Guid;
use crate::portcls::abi::{
    Communication, ConnectionDescriptor, DataFlow, FILTER_NODE, FilterDescriptor, KsDataRange,
    KsDataRangeAudio, KsDataRangeMusic, KsPinDescriptor, NodeDescriptor, PinDescriptor, StreamType,
    Table,
};
use crate::portcls::guids::{
    DMUSMINI_PIN_DIRECTMUSIC, DMUSMINI_PIN_MIDI, DMUSMINI_PIN_WAVE, KSCATEGORY_AUDIO,
    KSCATEGORY_DATATRANSFORM, KSCATEGORY_RENDER, KSCATEGORY_SYNTHESIZER,
    KSCATEGORY_WDMAUD_USE_PIN_NAME, KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
    KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI, KSDATAFORMAT_SUBTYPE_PCM,
    KSDATAFORMAT_TYPE_AUDIO, KSMUSIC_TECHNOLOGY_WAVETABLE, KSNODETYPE_DMSYNTH,
    KSNODETYPE_SYNTHESIZER,
};

/// A pin of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Legacy MIDI; first, so that clients which know only legacy pins find it.
    Midi,
    /// DirectMusic.
    DirectMusic,
    /// Wave out.
    Wave,
}

impl Pin {
    /// The pin with this number, if the stream type fits it.
    #[must_use]
    pub const fn of_stream(id: u32, stream_type: StreamType) -> Option<Self> {
        match (id, stream_type) {
            (0, StreamType::MIDI_RENDER) => Some(Self::Midi),
            (1, StreamType::MIDI_RENDER) => Some(Self::DirectMusic),
            (WAVE_PIN, StreamType::WAVE_SINK) => Some(Self::Wave),
            _ => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn id(self) -> u32 {
        match self {
            Self::Midi => 0,
            Self::DirectMusic => 1,
            Self::Wave => WAVE_PIN,
        }
    }
}

/// The wave pin's number.
pub const WAVE_PIN: u32 = 2;

/// How often each pin can be open. The count is a constant, so there is no `IPinCount` to change it:
/// what the port reports of a pin is what is in its descriptor.
pub const INSTANCES: u32 = 4;

/// The lowest rate of the wave pin.
pub const MIN_RATE: u32 = 8_000;
/// The highest rate of the wave pin.
pub const MAX_RATE: u32 = 48_000;
/// The most channels of the wave pin.
pub const MAX_CHANNELS: u32 = 2;

/// The one node: the synthesizer.
pub const SYNTH_NODE: u32 = 0;

static MIDI: KsDataRangeMusic =
    KsDataRangeMusic::midi(KSDATAFORMAT_SUBTYPE_MIDI, KSMUSIC_TECHNOLOGY_WAVETABLE);
static DIRECT_MUSIC: KsDataRangeMusic = KsDataRangeMusic::midi(
    KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
    KSMUSIC_TECHNOLOGY_WAVETABLE,
);
static WAVE: KsDataRangeAudio = KsDataRangeAudio {
    data_range: KsDataRange {
        format_size: 88,
        flags: 0,
        sample_size: 0,
        reserved: 0,
        major_format: KSDATAFORMAT_TYPE_AUDIO,
        sub_format: KSDATAFORMAT_SUBTYPE_PCM,
        specifier: KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
    },
    maximum_channels: MAX_CHANNELS,
    minimum_bits: 16,
    maximum_bits: 16,
    minimum_frequency: MIN_RATE,
    maximum_frequency: MAX_RATE,
};

static MIDI_RANGES: [Table<KsDataRange>; 1] = [Table::of(&MIDI.data_range)];
static DIRECT_MUSIC_RANGES: [Table<KsDataRange>; 1] = [Table::of(&DIRECT_MUSIC.data_range)];
static WAVE_RANGES: [Table<KsDataRange>; 1] = [Table::of(&WAVE.data_range)];

const fn pin<const N: usize>(
    ranges: &'static [Table<KsDataRange>; N],
    data_flow: DataFlow,
    communication: Communication,
    category: &'static Guid,
    name: &'static Guid,
) -> PinDescriptor {
    PinDescriptor {
        max_global_instances: INSTANCES,
        max_filter_instances: INSTANCES,
        min_filter_instances: 0,
        automation_table: Table::of(&PIN_AUTOMATION),
        ks: KsPinDescriptor {
            interfaces_count: 0,
            interfaces: Table::NULL,
            mediums_count: 0,
            mediums: Table::NULL,
            #[expect(clippy::cast_possible_truncation, reason = "one")]
            data_ranges_count: N as u32,
            data_ranges: Table::first_of(ranges),
            data_flow,
            communication,
            category: Table::of(category),
            name: Table::of(name),
            constrained_data_ranges_count: 0,
            constrained_data_ranges: Table::NULL,
        },
    }
}

static PINS: [PinDescriptor; 3] = [
    pin(
        &MIDI_RANGES,
        DataFlow::In,
        Communication::Sink,
        &KSCATEGORY_WDMAUD_USE_PIN_NAME,
        &DMUSMINI_PIN_MIDI,
    ),
    pin(
        &DIRECT_MUSIC_RANGES,
        DataFlow::In,
        Communication::Sink,
        &KSCATEGORY_WDMAUD_USE_PIN_NAME,
        &DMUSMINI_PIN_DIRECTMUSIC,
    ),
    // BOTH, so that a client can read here and not only another filter (contract section 5.7).
    pin(
        &WAVE_RANGES,
        DataFlow::Out,
        Communication::Both,
        &KSCATEGORY_AUDIO,
        &DMUSMINI_PIN_WAVE,
    ),
];

static NODES: [NodeDescriptor; 1] = [NodeDescriptor {
    flags: 0,
    automation_table: Table::of(&NODE_AUTOMATION),
    kind: Table::of(&KSNODETYPE_SYNTHESIZER),
    name: Table::of(&KSNODETYPE_DMSYNTH),
}];

/// A node's output.
const OUTPUT: u32 = 0;
/// A node's input.
const INPUT: u32 = 1;

const fn connect(from: (u32, u32), to: (u32, u32)) -> ConnectionDescriptor {
    ConnectionDescriptor {
        from_node: from.0,
        from_pin: from.1,
        to_node: to.0,
        to_pin: to.1,
    }
}

static CONNECTIONS: [ConnectionDescriptor; 3] = [
    connect((FILTER_NODE, Pin::Midi.id()), (SYNTH_NODE, INPUT)),
    connect((FILTER_NODE, Pin::DirectMusic.id()), (SYNTH_NODE, INPUT)),
    connect((SYNTH_NODE, OUTPUT), (FILTER_NODE, Pin::Wave.id())),
];

static CATEGORIES: [Guid; 4] = [
    KSCATEGORY_AUDIO,
    KSCATEGORY_RENDER,
    KSCATEGORY_SYNTHESIZER,
    KSCATEGORY_DATATRANSFORM,
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_where_their_numbers_say() {
        let numbered = [
            (Pin::Midi, StreamType::MIDI_RENDER, DataFlow::In),
            (Pin::DirectMusic, StreamType::MIDI_RENDER, DataFlow::In),
            (Pin::Wave, StreamType::WAVE_SINK, DataFlow::Out),
        ];
        for (pin, stream_type, flow) in numbered {
            assert_eq!(Pin::of_stream(pin.id(), stream_type), Some(pin));
            let place = usize::try_from(pin.id()).unwrap();
            assert_eq!(PINS[place].ks.data_flow, flow);
        }
        assert_eq!(Pin::of_stream(0, StreamType::WAVE_SINK), None);
        assert_eq!(Pin::of_stream(2, StreamType::MIDI_RENDER), None);
        assert_eq!(Pin::of_stream(1, StreamType::MIDI_CAPTURE), None);
        assert_eq!(Pin::of_stream(3, StreamType::WAVE_SINK), None);
    }
}
