//! Requests of every shape: sizes, lists, support, nonsense, and what opens a pin or does not.

use dmusmini::com::Status;
use dmusmini_ks::Guid;
use dmusmini_ks::format::{DataFormat, WaveDataFormat};
use dmusmini_ks::guids::*;
use dmusmini_ks::pin::{Connect, State};
use dmusmini_ks::property::{Property, connection_item, pin_item, topology_item, verb};
use dmusmini_ks::zerocopy::IntoBytes;
use dmusmini_simulator::portcls::ks::{INVALID_BUFFER_SIZE, verbs};
use dmusmini_simulator::portcls::property::PROPSET_NOT_FOUND;
use dmusmini_simulator::session::{Binary, Client};

use crate::client::Machine;

crate::scenarios!(
    every_reply_obeys_the_size_rules,
    requests_that_mean_nothing,
    connect_requests_that_are_refused,
    pins_have_states_and_formats,
    streams_are_no_part_of_another_object,
);

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
