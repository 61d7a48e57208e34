//! What both filters answer to the queries of `KSPROPSETID_Pin`, `KSPROPSETID_Topology` and
//! `KSPROPSETID_SynthClock`.

use dmusmini::com::Status;
use dmusmini_ks::Guid;
use dmusmini_ks::format::{AudioRange, DataFormat, Range, WaveDataFormat, range_list};
use dmusmini_ks::guids::*;
use dmusmini_ks::pin::{communication, flow};
use dmusmini_ks::property::{
    Connection, FILTER_NODE, Instances, Property, items, pin_item, topology_item,
};
use dmusmini_ks::zerocopy::{FromBytes, IntoBytes};
use dmusmini_simulator::session::Binary;

use crate::client::{KsFilter, Machine};

crate::scenarios!(
    pins_of_the_synthesizer,
    pins_of_the_mpu_401,
    topologies,
    formats_are_agreed_upon,
    instances_are_counted_and_limited,
);

/// What a pin says of itself: direction, communication, subtypes, category, necessary instances.
fn pin(filter: &KsFilter, pin: u32) -> (u32, u32, Vec<Guid>, Option<Guid>, u32) {
    let ranges = filter.ranges(pin);
    let category = filter.of_pin(pin, pin_item::CATEGORY);
    assert!(category.is_ok() || category == Err(Status::NOT_FOUND));
    (
        filter.pin_word(pin, pin_item::DATA_FLOW),
        filter.pin_word(pin, pin_item::COMMUNICATION),
        ranges
            .iter()
            .map(|range| range.common().sub_format)
            .collect(),
        category
            .ok()
            .map(|bytes| Guid::read_from_bytes(&bytes).unwrap()),
        filter.pin_word(pin, pin_item::NECESSARY_INSTANCES),
    )
}

/// The one interface and the one medium that PortCls offers on every pin.
fn offers_the_standard(filter: &KsFilter, pin: u32) {
    for (item, set) in [
        (pin_item::INTERFACES, KSINTERFACESETID_STANDARD),
        (pin_item::MEDIUMS, KSMEDIUMSETID_STANDARD),
    ] {
        let list: Vec<Property> = items(&filter.of_pin(pin, item).unwrap()).unwrap();
        let only = Property {
            set,
            id: 0,
            flags: 0,
        };
        assert_eq!(list, [only]);
    }
}

fn pins_of_the_synthesizer(binary: &Binary) {
    let machine = Machine::synth(binary);
    let filter = &machine.filter;
    assert_eq!(filter.pin_count(), 3);
    let music = |sub_format| {
        let named = Some(KSCATEGORY_WDMAUD_USE_PIN_NAME);
        (flow::IN, communication::SINK, vec![sub_format], named, 0)
    };
    // Legacy MIDI first: programs that know only that take the first pin (contract section 1).
    assert_eq!(pin(filter, 0), music(KSDATAFORMAT_SUBTYPE_MIDI));
    assert_eq!(pin(filter, 1), music(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC));
    let wave = vec![KSDATAFORMAT_SUBTYPE_PCM];
    let category = Some(KSCATEGORY_AUDIO);
    assert_eq!(
        pin(filter, 2),
        (flow::OUT, communication::BOTH, wave, category, 0)
    );
    for number in 0..3 {
        offers_the_standard(filter, number);
    }
    for number in 0..2 {
        let [Range::Music(music)] = filter.ranges(number)[..] else {
            panic!("one music range");
        };
        assert_eq!(music.range.format_size, 96);
        assert_eq!(music.technology, KSMUSIC_TECHNOLOGY_WAVETABLE);
        assert_eq!(
            (music.channels, music.notes, music.channel_mask),
            (0, 0, 0xFFFF)
        );
    }
    let [Range::Audio(wave)] = filter.ranges(2)[..] else {
        panic!("one audio range");
    };
    assert_eq!((wave.range.format_size, wave.maximum_channels), (88, 2));
    assert_eq!((wave.minimum_bits, wave.maximum_bits), (16, 16));
    assert_eq!(
        (wave.minimum_frequency, wave.maximum_frequency),
        (8_000, 48_000)
    );
}

fn pins_of_the_mpu_401(binary: &Binary) {
    let machine = Machine::uart(binary);
    let filter = &machine.filter;
    assert_eq!(filter.pin_count(), 5);
    let (midi, direct_music, bus) = (
        KSDATAFORMAT_SUBTYPE_MIDI,
        KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
        KSDATAFORMAT_SUBTYPE_MIDI_BUS,
    );
    let expected = [
        (flow::IN, communication::SINK, vec![midi]),
        (flow::IN, communication::SINK, vec![direct_music]),
        (flow::OUT, communication::NONE, vec![bus]),
        (flow::IN, communication::NONE, vec![bus]),
        (flow::OUT, communication::SINK, vec![midi, direct_music]),
    ];
    for (number, expected) in (0..).zip(expected) {
        let (flow, communication, ranges, category, necessary) = pin(filter, number);
        assert_eq!((flow, communication, ranges), expected, "pin {number}");
        assert_eq!((category.is_some(), necessary), (true, 0), "pin {number}");
        offers_the_standard(filter, number);
        for range in filter.ranges(number) {
            let size = range.common().format_size;
            let Range::Music(music) = range else {
                assert_eq!(range.common().sub_format, bus);
                assert_eq!(size, 64, "pin {number}");
                continue;
            };
            assert_eq!(
                (size, music.technology, music.channel_mask),
                (96, KSMUSIC_TECHNOLOGY_PORT, 0xFFFF),
                "pin {number}"
            );
        }
    }
}

fn topologies(binary: &Binary) {
    let connect = |from: (u32, u32), to: (u32, u32)| Connection {
        from_node: from.0,
        from_pin: from.1,
        to_node: to.0,
        to_pin: to.1,
    };
    let synth = Machine::synth(binary);
    let filter = &synth.filter;
    assert_eq!(
        filter.topology::<Guid>(topology_item::CATEGORIES),
        [
            KSCATEGORY_AUDIO,
            KSCATEGORY_RENDER,
            KSCATEGORY_SYNTHESIZER,
            KSCATEGORY_DATATRANSFORM
        ]
    );
    assert_eq!(
        filter.topology::<Guid>(topology_item::NODES),
        [KSNODETYPE_SYNTHESIZER]
    );
    assert_eq!(
        filter.topology::<Connection>(topology_item::CONNECTIONS),
        [
            connect((FILTER_NODE, 0), (0, 1)),
            connect((FILTER_NODE, 1), (0, 1)),
            connect((0, 0), (FILTER_NODE, 2)),
        ]
    );
    drop(synth);

    let uart = Machine::uart(binary);
    let filter = &uart.filter;
    assert_eq!(
        filter.topology::<Guid>(topology_item::CATEGORIES),
        [KSCATEGORY_AUDIO, KSCATEGORY_RENDER, KSCATEGORY_CAPTURE]
    );
    assert_eq!(
        filter.topology::<Guid>(topology_item::NODES),
        [KSNODETYPE_SYNTHESIZER; 2]
    );
    assert_eq!(
        filter.topology::<Connection>(topology_item::CONNECTIONS),
        [
            connect((FILTER_NODE, 0), (FILTER_NODE, 2)),
            connect((FILTER_NODE, 1), (0, 1)),
            connect((0, 0), (FILTER_NODE, 2)),
            connect((FILTER_NODE, 3), (1, 1)),
            connect((1, 0), (FILTER_NODE, 4)),
        ]
    );
    // A node is called what the registry calls its own name, for two of one type differ by it.
    let name = |node: u32| {
        let request = Property::get(KSPROPSETID_TOPOLOGY, topology_item::NAME);
        filter.get(request.of_node(node).as_bytes())
    };
    assert_eq!(name(0), Err(Status::OBJECT_NAME_NOT_FOUND));
    let registry = &uart.session.settings().media_categories;
    let out = dmusmini::portcls::guids::KSAUDFNAME_DMUSIC_MPU_OUT;
    registry.borrow_mut().insert(out, "Out".to_owned());
    assert_eq!(name(0), Ok(b"O\0u\0t\0\0\0".to_vec()));
    assert_eq!(name(1), Err(Status::OBJECT_NAME_NOT_FOUND));
    assert_eq!(name(2), Err(Status::INVALID_PARAMETER));
}

fn formats_are_agreed_upon(binary: &Binary) {
    let synth = Machine::synth(binary);
    let agree = |filter: &KsFilter, pin: u32, ranges: &[Range]| {
        let request = Property::get(KSPROPSETID_PIN, pin_item::DATA_INTERSECTION).of_pin(pin);
        let mut input = request.as_bytes().to_vec();
        input.extend(range_list(ranges));
        filter.get(&input)
    };
    let audio = |channels: u32, rates: (u32, u32)| {
        Range::Audio(AudioRange {
            range: DataFormat {
                format_size: 88,
                major_format: KSDATAFORMAT_TYPE_AUDIO,
                sub_format: KSDATAFORMAT_SUBTYPE_PCM,
                specifier: KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
                ..DataFormat::default()
            },
            maximum_channels: channels,
            minimum_bits: 16,
            maximum_bits: 16,
            minimum_frequency: rates.0,
            maximum_frequency: rates.1,
            padding: 0,
        })
    };
    // The first of the client's ranges that there is a format in, and that format opens the pin.
    let ranges = [
        audio(2, (96_000, 192_000)),
        audio(2, (22_050, 22_050)),
        audio(2, (44_100, 44_100)),
    ];
    let format = agree(&synth.filter, 2, &ranges).unwrap();
    assert_eq!(format, WaveDataFormat::pcm16(22_050, 2).as_bytes());
    assert_eq!(synth.filter.create(2, &format).unwrap().0.close(), 0);
    assert_eq!(agree(&synth.filter, 2, &ranges[..1]), Err(Status::NO_MATCH));
    // MIDI needs no more than a head, which the port makes itself. A wildcard is any subtype.
    let midi = DataFormat::music(KSDATAFORMAT_SUBTYPE_MIDI);
    let any = DataFormat {
        sub_format: Guid::NULL,
        ..midi
    };
    for wanted in [midi, any] {
        let format = agree(&synth.filter, 0, &[Range::Other(wanted)]);
        assert_eq!(format, Ok(midi.as_bytes().to_vec()));
    }
    assert_eq!(
        agree(&synth.filter, 1, &[Range::Other(midi)]),
        Err(Status::NO_MATCH)
    );
    drop(synth);
    let uart = Machine::uart(binary);
    let direct_music = DataFormat::music(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let format = agree(&uart.filter, 4, &[Range::Other(direct_music)]);
    assert_eq!(format, Ok(direct_music.as_bytes().to_vec()));
}

fn instances_are_counted_and_limited(binary: &Binary) {
    for (machine, pin, limit) in [
        (Machine::synth as fn(&Binary) -> Machine, 0, 4),
        (Machine::synth, 1, 4),
        (Machine::synth, 2, 4),
        (Machine::uart, 0, 1),
        (Machine::uart, 1, 1),
        (Machine::uart, 4, 1),
    ] {
        let machine = machine(binary);
        let filter = &machine.filter;
        let counts = || {
            [pin_item::INSTANCES, pin_item::GLOBAL_INSTANCES].map(|item| {
                let bytes = filter.of_pin(pin, item).unwrap();
                let Instances { possible, current } = Instances::read_from_bytes(&bytes).unwrap();
                (possible, current)
            })
        };
        let format = match filter.ranges(pin)[0] {
            Range::Audio(_) => WaveDataFormat::pcm16(48_000, 1).as_bytes().to_vec(),
            other => DataFormat::music(other.common().sub_format)
                .as_bytes()
                .to_vec(),
        };
        let mut pins = Vec::new();
        for open in 0..limit {
            assert_eq!(counts(), [(limit, open); 2]);
            pins.push(filter.create(pin, &format).unwrap());
        }
        assert_eq!(counts(), [(limit, limit); 2]);
        let refused = filter.create(pin, &format).err();
        assert_eq!(refused, Some(Status::INSUFFICIENT_RESOURCES));
        drop(pins.pop());
        assert_eq!(counts(), [(limit, limit - 1); 2]);
        pins.push(filter.create(pin, &format).unwrap());
    }
    // Bridges are connected by wires, not by programs.
    let uart = Machine::uart(binary);
    let bus = DataFormat::music(KSDATAFORMAT_SUBTYPE_MIDI_BUS);
    for bridge in [2, 3] {
        let refused = uart.filter.create(bridge, bus.as_bytes()).err();
        assert_eq!(refused, Some(Status::INVALID_DEVICE_REQUEST));
    }
}
