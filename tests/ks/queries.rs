//! What both filters answer to the queries of `KSPROPSETID_Pin`, `KSPROPSETID_Topology` and
//! `KSPROPSETID_SynthClock`, and the size rules of every one of them.

use dmusmini::com::Status;
use dmusmini_ks::Guid;
use dmusmini_ks::format::{AudioRange, DataFormat, Range, WaveDataFormat, range_list};
use dmusmini_ks::guids::*;
use dmusmini_ks::pin::{Connect, State, communication, flow};
use dmusmini_ks::property::{
    Connection, FILTER_NODE, Instances, Property, connection_item, items, pin_item, topology_item,
    verb,
};
use dmusmini_ks::zerocopy::{FromBytes, IntoBytes};
use dmusmini_simulator::portcls::ks::{INVALID_BUFFER_SIZE, verbs};
use dmusmini_simulator::portcls::property::PROPSET_NOT_FOUND;
use dmusmini_simulator::session::{Binary, Client};

use crate::client::{KsFilter, Machine};

crate::scenarios!(
    pins_of_the_synthesizer,
    pins_of_the_mpu_401,
    topologies,
    formats_are_agreed_upon,
    instances_are_counted_and_limited,
    every_reply_obeys_the_size_rules,
    requests_that_mean_nothing,
    connect_requests_that_are_refused,
    pins_have_states_and_formats,
    streams_are_no_part_of_another_object,
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

fn every_reply_obeys_the_size_rules(binary: &Binary) {
    let machine = Machine::synth(binary);
    let filter = &machine.filter;
    let pin = |item| {
        let request = Property::get(KSPROPSETID_PIN, item).of_pin(2);
        request.as_bytes().to_vec()
    };
    let whole = |set, item| Property::get(set, item).as_bytes().to_vec();
    let lists = [
        pin(pin_item::DATA_RANGES),
        pin(pin_item::INTERFACES),
        pin(pin_item::MEDIUMS),
        whole(KSPROPSETID_TOPOLOGY, topology_item::CATEGORIES),
        whole(KSPROPSETID_TOPOLOGY, topology_item::NODES),
        whole(KSPROPSETID_TOPOLOGY, topology_item::CONNECTIONS),
    ];
    let values = [
        (whole(KSPROPSETID_PIN, pin_item::TYPES), 4),
        (pin(pin_item::DATA_FLOW), 4),
        (pin(pin_item::COMMUNICATION), 4),
        (pin(pin_item::NECESSARY_INSTANCES), 4),
        (pin(pin_item::INSTANCES), 8),
        (pin(pin_item::GLOBAL_INSTANCES), 8),
        (pin(pin_item::CATEGORY), 16),
        (whole(KSPROPSETID_SYNTH_CLOCK, 0), 8),
    ];
    let sized = lists.map(|request| {
        let needed = filter.ioctl(&request, &[]).information;
        (request, needed)
    });
    for (request, needed) in sized.iter().chain(&values) {
        let ask = |room: usize| {
            let reply = filter.ioctl(request, &vec![0; room]);
            assert_eq!(reply.output.is_empty(), !reply.status.is_success());
            (reply.status, reply.information)
        };
        assert_eq!(ask(0), (Status::BUFFER_OVERFLOW, *needed));
        for short in [1, needed - 1] {
            assert_eq!(ask(short), (Status::BUFFER_TOO_SMALL, 0));
        }
        for room in [*needed, needed + 100] {
            assert_eq!(ask(room), (Status::SUCCESS, *needed));
        }
    }
    // The head of a list says how much there is, to a client with room for no more.
    for (request, needed) in &sized {
        let head = filter.ioctl(request, &[0; 8]).ok().unwrap();
        assert_eq!(head[..4], u32::try_from(*needed).unwrap().to_le_bytes());
    }
    // Every item says what can be done with it.
    for (request, _) in sized.iter().chain(&values) {
        let mut request = request.clone();
        request[20..24].copy_from_slice(&verb::BASIC_SUPPORT.to_le_bytes());
        let flags = filter.get(&request).unwrap();
        assert_eq!(flags, (verb::GET | verb::BASIC_SUPPORT).to_le_bytes());
        request[20..24].copy_from_slice(&verb::SET.to_le_bytes());
        let set = filter.ioctl(&request, &[0; 16]);
        assert_eq!(set.status, Status::INVALID_DEVICE_REQUEST);
    }
}

fn requests_that_mean_nothing(binary: &Binary) {
    let machine = Machine::synth(binary);
    let filter = &machine.filter;
    let request = Property::get(KSPROPSETID_PIN, pin_item::DATA_FLOW);
    let ask = |input: &[u8]| filter.ioctl(input, &[0; 64]).status;
    for short in [0, 1, 23] {
        assert_eq!(ask(&request.as_bytes()[..short]), INVALID_BUFFER_SIZE);
    }
    assert_eq!(ask(request.as_bytes()), Status::BUFFER_TOO_SMALL, "no pin");
    for pin in [3, 99, u32::MAX] {
        assert_eq!(
            ask(request.of_pin(pin).as_bytes()),
            Status::INVALID_PARAMETER
        );
    }
    let item = Property::get(KSPROPSETID_PIN, 99);
    assert_eq!(ask(item.as_bytes()), Status::NOT_FOUND);
    let set = Property::get(KSPROPSETID_GENERAL, 0);
    assert_eq!(ask(set.as_bytes()), PROPSET_NOT_FOUND);
    let node = Property::get(KSPROPSETID_SYNTH, 0).of_node(7);
    assert_eq!(ask(node.as_bytes()), Status::INVALID_PARAMETER, "no node 7");
    let list = Property::get(KSPROPSETID_PIN, pin_item::DATA_INTERSECTION).of_pin(2);
    assert_eq!(ask(list.as_bytes()), INVALID_BUFFER_SIZE, "no list");
    let mut lies = list.as_bytes().to_vec();
    lies.extend([255, 0, 0, 0, 9, 0, 0, 0]);
    assert_eq!(ask(&lies), INVALID_BUFFER_SIZE, "a list that lies");
    // Whole sets can be asked for.
    let supported = |set: Guid, on_node: bool| {
        let request = Property {
            set,
            id: 0,
            flags: verbs::SET_SUPPORT,
        };
        if on_node {
            ask(request.of_node(0).as_bytes())
        } else {
            ask(request.as_bytes())
        }
    };
    for set in [
        KSPROPSETID_PIN,
        KSPROPSETID_TOPOLOGY,
        KSPROPSETID_SYNTH_CLOCK,
    ] {
        assert_eq!(supported(set, false), Status::SUCCESS);
    }
    for set in [KSPROPSETID_SYNTH, KSPROPSETID_SYNTH_DLS] {
        assert_eq!(supported(set, true), Status::SUCCESS);
        assert_eq!(supported(set, false), PROPSET_NOT_FOUND);
    }
}

fn connect_requests_that_are_refused(binary: &Binary) {
    let machine = Machine::synth(binary);
    let midi = DataFormat::music(KSDATAFORMAT_SUBTYPE_MIDI);
    let create = |connect: Connect, format: &[u8]| {
        let request = connect.with_format(format);
        let created = machine.filter.0.create_pin(&request, Client::USER);
        created.err()
    };
    let good = Connect::standard(0);
    assert_eq!(create(good, midi.as_bytes()), None);
    let request = good.with_format(midi.as_bytes());
    for length in [0, 71, 72, 135] {
        let cut = &request[..length];
        let refused = machine.filter.0.create_pin(cut, Client::USER).err();
        assert_eq!(refused, Some(INVALID_BUFFER_SIZE), "{length} bytes");
    }
    let pin = Connect { pin: 3, ..good };
    assert_eq!(
        create(pin, midi.as_bytes()),
        Some(Status::INVALID_PARAMETER)
    );
    let to = Connect {
        pin_to_handle: 0x44,
        ..good
    };
    assert_eq!(create(to, midi.as_bytes()), Some(Status::INVALID_PARAMETER));
    let looped = Property {
        id: 1,
        ..good.interface
    };
    let looped = Connect {
        interface: looped,
        ..good
    };
    assert_eq!(create(looped, midi.as_bytes()), Some(Status::NO_MATCH));
    let medium = Connect {
        medium: good.interface,
        ..good
    };
    assert_eq!(create(medium, midi.as_bytes()), Some(Status::NO_MATCH));
    for format in [
        DataFormat::music(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC),
        DataFormat {
            major_format: KSDATAFORMAT_TYPE_AUDIO,
            ..midi
        },
        DataFormat {
            specifier: KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
            ..midi
        },
    ] {
        assert_eq!(create(good, format.as_bytes()), Some(Status::NO_MATCH));
    }
    for wave in [
        WaveDataFormat::pcm16(96_000, 2),
        WaveDataFormat::pcm16(4_000, 2),
        WaveDataFormat::pcm16(44_100, 6),
    ] {
        let refused = create(Connect::standard(2), wave.as_bytes());
        assert_eq!(refused, Some(Status::NO_MATCH));
    }
    // A 32-bit program's structure is its own.
    let mut request = good.with_format(&[]);
    request.drain(52..56);
    request.truncate(64);
    request.extend(midi.as_bytes());
    let created = machine.filter.0.create_pin(&request, Client::USER_32);
    assert!(created.is_ok());
}

fn pins_have_states_and_formats(binary: &Binary) {
    for (machine, pin) in [
        (Machine::synth as fn(&Binary) -> Machine, 0),
        (Machine::uart, 0),
        (Machine::uart, 4),
    ] {
        let machine = machine(binary);
        let pin = machine.filter.open_music(pin, KSDATAFORMAT_SUBTYPE_MIDI);
        for state in [State::Run, State::Pause, State::Run, State::Stop] {
            pin.go(state);
        }
        let set = Property::set(KSPROPSETID_CONNECTION, connection_item::STATE);
        for state in [4, u32::MAX] {
            let reply = pin.ioctl(set.as_bytes(), &state.to_le_bytes());
            assert_eq!(reply.status, Status::INVALID_PARAMETER);
        }
        assert_eq!(
            pin.ioctl(set.as_bytes(), &[3, 0]).status,
            Status::BUFFER_TOO_SMALL
        );
        let format = DataFormat::music(KSDATAFORMAT_SUBTYPE_MIDI);
        let get = Property::get(KSPROPSETID_CONNECTION, connection_item::DATA_FORMAT);
        assert_eq!(pin.get(get.as_bytes()), Ok(format.as_bytes().to_vec()));
        let set = Property::set(KSPROPSETID_CONNECTION, connection_item::DATA_FORMAT);
        let same = pin.ioctl(set.as_bytes(), format.as_bytes());
        assert_eq!(same.status, Status::SUCCESS);
        let other = DataFormat::music(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
        let other = pin.ioctl(set.as_bytes(), other.as_bytes());
        assert_eq!(other.status, Status::NO_MATCH);
        // What is the filter's is not the pin's.
        let types = Property::get(KSPROPSETID_PIN, pin_item::TYPES);
        assert_eq!(pin.get(types.as_bytes()), Err(PROPSET_NOT_FOUND));
        assert_eq!(pin.0.close(), 0);
    }
}

/// Aggregation is refused (contract section 5.6): `OuterUnknown` must be null.
fn streams_are_no_part_of_another_object(binary: &Binary) {
    let midi = DataFormat::music(KSDATAFORMAT_SUBTYPE_MIDI)
        .as_bytes()
        .to_vec();
    let direct_music = DataFormat::music(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC)
        .as_bytes()
        .to_vec();
    let wave = WaveDataFormat::pcm16(44_100, 2).as_bytes().to_vec();
    let cases = [
        (
            Machine::synth as fn(&Binary) -> Machine,
            vec![(0, &midi), (1, &direct_music), (2, &wave)],
        ),
        (
            Machine::uart,
            vec![(0, &midi), (1, &direct_music), (4, &midi)],
        ),
    ];
    for (machine, pins) in cases {
        let machine = machine(binary);
        let aggregated = &machine.session.settings().aggregated;
        for (pin, format) in pins {
            aggregated.set(true);
            let refused = machine.filter.create(pin, format).err();
            assert_eq!(refused, Some(Status::INVALID_PARAMETER), "pin {pin}");
            aggregated.set(false);
            assert_eq!(machine.filter.create(pin, format).unwrap().0.close(), 0);
        }
    }
}
