//! What the two nodes answer (contract section 10), and which streams may be open at once.

use dmusmini::com::Status;
use dmusmini::portcls::abi::StreamType;
use dmusmini::portcls::guids::{
    CLSID_MINIPORT_DRIVER_DMUS_UART, CLSID_MINIPORT_DRIVER_DMUS_UART_CAPTURE, KSPROPSETID_SYNTH,
};
use dmusmini::portcls::synth_abi::synth_property;
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{BareStream, Client, Format, Hardware, Pin, Property};

use super::rig::{Rig, SECOND, with_each_binary};

#[test]
fn nodes_say_what_the_device_is() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let classes = [
            CLSID_MINIPORT_DRIVER_DMUS_UART,
            CLSID_MINIPORT_DRIVER_DMUS_UART_CAPTURE,
        ];
        for (node, class) in (0..).zip(classes) {
            let caps = Property::get(KSPROPSETID_SYNTH, synth_property::CAPS, 296).on_node(node);
            let bytes = rig.filter.property(&caps, Client::USER).ok().unwrap();
            assert_eq!(bytes[..4], class.data1.to_le_bytes());
            let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!(
                [16, 20, 24, 28, 32, 36].map(word),
                [2, 0, 1, u32::MAX, u32::MAX, 0]
            );
            let text: Vec<u16> = bytes[40..]
                .chunks(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .take_while(|&unit| unit != 0)
                .collect();
            assert_eq!(String::from_utf16(&text).unwrap(), "dmusmini MPU-401 [330]");
        }
        let groups = Property::get(KSPROPSETID_SYNTH, synth_property::CHANNEL_GROUPS, 4).on_node(0);
        assert_eq!(
            rig.direct_music.property(&groups, Client::USER).as_u32(),
            Some(1)
        );
        let set = |count: u32| {
            let id = synth_property::CHANNEL_GROUPS;
            let property = Property::set(KSPROPSETID_SYNTH, id, &count.to_le_bytes()).on_node(0);
            rig.direct_music.property(&property, Client::USER).status
        };
        assert_eq!(
            (set(1), set(2)),
            (Status::SUCCESS, Status::INVALID_PARAMETER)
        );
        let latency = Property::get(KSPROPSETID_SYNTH, synth_property::LATENCY_CLOCK, 8);
        // Whatever node a client names on whatever pin.
        for (pin, node) in [(&rig.direct_music, 0), (&rig.capture, 1), (&rig.capture, 0)] {
            let reply = pin.property(&latency.clone().on_node(node), Client::USER);
            // Greater than the master clock (contract section 10), by the sequencer's millisecond.
            let next = rig.session.master_time() + 10_000;
            assert_eq!(reply.as_u64(), u64::try_from(next).ok());
        }
        let reply = rig.filter.property(&latency.on_node(0), Client::USER);
        assert_eq!(
            reply.status,
            Status::INVALID_DEVICE_REQUEST,
            "no pin, no clock"
        );
        rig.end();
    });
}

/// A node of type KSNODETYPE_SYNTHESIZER must have PORTPARAMETERS (contract section 10).
#[test]
fn parameters_are_those_of_one_cable() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let ask = |pin: &Pin, node: u32, asked: [u32; 7], size: usize| {
            let id = synth_property::PORT_PARAMETERS;
            let property = Property::get(KSPROPSETID_SYNTH, id, size)
                .with_instance(&asked.map(u32::to_le_bytes).concat());
            let reply = pin.property(&property.on_node(node), Client::USER);
            let words = reply.value.as_chunks().0.iter();
            let words: Vec<u32> = words.map(|word| u32::from_le_bytes(*word)).collect();
            (reply.status, reply.size, words)
        };
        for (pin, node) in [(&rig.legacy, 0), (&rig.direct_music, 0), (&rig.capture, 1)] {
            // Voices, groups, audio channels, rate, effects, share: all as it is, or not asked for.
            let fine = [0x6F, 1, 1, 2, 22_050, 0, 0];
            assert_eq!(
                ask(pin, node, fine, 28),
                (Status::SUCCESS, 28, fine.to_vec())
            );
            let nothing = [0, 32, 16, 2, 44_100, 3, 0];
            let got = vec![0, 1, 1, 2, 44_100, 0, 0];
            assert_eq!(ask(pin, node, nothing, 28), (Status::SUCCESS, 28, got));
            // More than there is: what there is, and a success that says so.
            for (valid, index) in [(1, 1), (2, 2), (0x20, 5)] {
                let mut more = fine;
                more[0] = valid;
                more[index] = 2;
                let mut got = fine;
                got[0] = valid;
                let expected = (Status::NOT_ALL_ASSIGNED, 28, got.to_vec());
                assert_eq!(ask(pin, node, more, 28), expected);
            }
            let (status, size, _) = ask(pin, node, fine, 0);
            assert_eq!((status, size), (Status::BUFFER_OVERFLOW, 28));
            let (status, size, _) = ask(pin, node, fine, 27);
            assert_eq!((status, size), (Status::BUFFER_TOO_SMALL, 0));
        }
        rig.end();
    });
}

#[test]
fn basic_support_describes_the_value() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        // VT_BLOB for structures, VT_UI4 for ULONG, VT_UI8 for ULONGLONG; GET, SET, BASICSUPPORT.
        for (id, verbs, value) in [
            (synth_property::CAPS, 0x201, 65),
            (synth_property::PORT_PARAMETERS, 0x201, 65),
            (synth_property::CHANNEL_GROUPS, 0x203, 19),
            (synth_property::LATENCY_CLOCK, 0x201, 21_u32),
        ] {
            for node in [0, 1] {
                let ask = |size: usize| {
                    let property = Property::basic_support(KSPROPSETID_SYNTH, id, size);
                    rig.capture.property(&property.on_node(node), Client::USER)
                };
                let general = [0x97E9_9BA0, 0x11CF_BDEA, 0xDB28_D6A5, 0x0000_C104];
                let expected = [&[verbs, 40][..], &general, &[value, 0, 0, 0]].concat();
                let bytes: Vec<u8> = expected
                    .iter()
                    .flat_map(|word| word.to_le_bytes())
                    .collect();
                assert_eq!(ask(40).ok(), Ok(bytes), "item {id}");
                assert_eq!(ask(4).as_u32(), Some(verbs), "item {id}");
                assert_eq!(ask(39).status, Status::BUFFER_TOO_SMALL, "item {id}");
            }
        }
        rig.end();
    });
}

#[test]
fn one_stream_a_pin_and_the_pin_is_free_again_after_it() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let factories = [&rig.legacy, &rig.direct_music, &rig.capture].map(Pin::factory);
        for factory in factories {
            assert!(rig.filter.open(factory, &Format::DirectMusic).is_err());
        }
        for pin in [&rig.legacy, &rig.direct_music, &rig.capture] {
            let _ = pin.stop();
        }
        let (filter, device, session) = rig.close_pins();
        for _ in 0..3 {
            let pin = filter.open(factories[1], &Format::DirectMusic).unwrap();
            pin.run().unwrap();
            drop(pin);
        }
        drop(filter);
        Rig::on(session, device).end();
    });
}

/// What the port never does is refused as contract sections 5.2, 5.4 and 5.6 say, and changes nothing.
#[test]
fn calls_with_things_missing_are_refused() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let [invalid, no_such] = [Status::INVALID_PARAMETER, Status::INVALID_DEVICE_REQUEST];
        assert_eq!(rig.filter.bare_get_description(), invalid);
        let no_list = Status::DEVICE_CONFIGURATION_ERROR;
        assert_eq!(rig.filter.bare_init(false, true), no_list);
        assert_eq!(rig.filter.bare_init(true, true), invalid);
        assert_eq!(rig.filter.bare_init(true, false), invalid);

        let [render, capture] = [StreamType::MIDI_RENDER, StreamType::MIDI_CAPTURE];
        let [legacy, direct_music, in_pin] =
            [&rig.legacy, &rig.direct_music, &rig.capture].map(Pin::factory);
        // There is one already.
        for (pin, stream_type) in [(legacy, render), (direct_music, render), (in_pin, capture)] {
            let call = BareStream::of(pin, stream_type);
            assert_eq!(rig.filter.bare_new_stream(call), no_such, "{call:?}");
        }
        let Rig {
            legacy: first,
            direct_music: second,
            capture: third,
            filter,
            device,
            session,
        } = rig;
        for pin in [first, second, third] {
            assert_eq!(pin.close(), 0);
        }
        let references = filter.miniport_references();
        for (pin, stream_type) in [
            (legacy, capture),
            (direct_music, capture),
            (in_pin, render),
            (legacy, StreamType::WAVE_SINK),
            (direct_music, StreamType(-1)),
            (in_pin, StreamType(99)),
            (2, render),
            (3, capture),
            (5, render),
            (u32::MAX, capture),
        ] {
            let call = BareStream::of(pin, stream_type);
            assert_eq!(filter.bare_new_stream(call), no_such, "{call:?}");
        }
        for whole in [(legacy, render), (direct_music, render), (in_pin, capture)] {
            let whole = BareStream::of(whole.0, whole.1);
            let incomplete = [
                BareStream {
                    allocator: false,
                    ..whole
                },
                BareStream {
                    clock: false,
                    ..whole
                },
                BareStream {
                    results: false,
                    ..whole
                },
            ];
            for call in incomplete {
                assert_eq!(filter.bare_new_stream(call), invalid, "{call:?}");
            }
            assert_eq!(filter.bare_new_stream(whole), Status::SUCCESS);
            assert_eq!(filter.miniport_references(), references);
        }
        drop(filter);
        Rig::on(session, device).end();
    });
}

/// The registry may ask for PortCls' own miniport in the place of ours.
#[test]
fn the_built_in_miniport_is_a_registry_value_away() {
    with_each_binary(|binary| {
        let hardware = Hardware::uart(Config::default()).with_dword("UseBuiltInUart", 1);
        let rig = Rig::open(binary, &hardware);
        rig.send(&rig.direct_music, &[0x90, 1, 2]);
        rig.play([0x81, 3, 4]);
        rig.advance(SECOND / 10);
        assert_eq!(rig.sent(), [0x90, 1, 2]);
        assert_eq!(rig.capture.captured()[0].bytes, [0x81, 3, 4]);
        assert_eq!(rig.traced("UartOpened"), 0, "ours is not in play");
        rig.end();
    });
}
