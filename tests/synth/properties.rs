//! Every item of the property sets, with every size a client can get wrong (contract section 10).

use dmusmini::com::{Guid, Status};
use dmusmini::portcls::abi::verb;
use dmusmini::portcls::guids::*;
use dmusmini::portcls::synth_abi::{dls_property, own_property, synth_property};
use dmusmini_simulator::session::{Binary, Client, Hardware, Property};

use crate::rig::{DIRECT_MUSIC, NODE, Synth, ask, bytes, words};

crate::scenarios!(
    every_get_obeys_the_size_rules,
    every_set_obeys_the_size_rules,
    basic_support_names_the_verbs,
    basic_support_describes_the_value,
    verbs_that_are_not_there_are_refused,
    items_of_a_pin_need_a_pin,
    support_sets_answer_what_is_true,
);

const GET: u32 = verb::GET;
const SET: u32 = verb::SET;

/// An item: set, number, verbs, instance, bytes of its value.
type Row = (Guid, u32, u32, &'static [u8], usize);

const GROUP_1: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0];
const NO_PARAMS: &[u8] = &[0; 28];

fn items() -> Vec<Row> {
    let synth = KSPROPSETID_SYNTH;
    let dls = KSPROPSETID_SYNTH_DLS;
    let mut items: Vec<Row> = vec![
        (synth, synth_property::CAPS, GET, &[], 296),
        (synth, synth_property::PORT_PARAMETERS, GET, NO_PARAMS, 28),
        (synth, synth_property::CHANNEL_GROUPS, GET | SET, &[], 4),
        (synth, synth_property::VOICE_PRIORITY, GET | SET, GROUP_1, 4),
        (synth, synth_property::VOLUME, GET | SET, &[], 4),
        (synth, synth_property::VOLUME_BOOST, GET | SET, &[], 4),
        (synth, synth_property::RUNNING_STATS, GET, &[], 28),
        (synth, synth_property::LATENCY_CLOCK, GET, &[], 8),
        (dls, dls_property::UNLOAD, SET, &[], 8),
        (dls, dls_property::COMPACT, SET, &[], 0),
        (dls, dls_property::APPEND, GET, &[], 4),
        (dls, dls_property::WAVE_FORMAT, GET, &[], 18),
        (GUID_DMUS_PROP_EFFECTS, 0, GET | SET, &[], 4),
        (GUID_DMUS_PROP_WAVES_REVERB, 0, GET | SET, &[], 16),
        (
            DMUSMINI_PROPSETID_SYNTH,
            own_property::SILENT_NOTES,
            GET,
            &[],
            780,
        ),
        (
            DMUSMINI_PROPSETID_SYNTH,
            own_property::LOOKUP,
            GET | SET,
            &[],
            4,
        ),
    ];
    items.extend(support().iter().map(|&(set, _)| {
        let row: Row = (set, 0, GET, &[], 4);
        row
    }));
    items
}

/// The support sets and what they answer.
fn support() -> Vec<(Guid, u32)> {
    vec![
        (GUID_DMUS_PROP_GM_HARDWARE, 0),
        (GUID_DMUS_PROP_GS_HARDWARE, 0),
        (GUID_DMUS_PROP_XG_HARDWARE, 0),
        (GUID_DMUS_PROP_XG_CAPABLE, 1),
        (GUID_DMUS_PROP_GS_CAPABLE, 1),
        (GUID_DMUS_PROP_DLS1, 1),
        (GUID_DMUS_PROP_DLS2, 1),
        (GUID_DMUS_PROP_INSTRUMENT2, 1),
        (GUID_DMUS_PROP_SAMPLE_MEMORY_SIZE, 0x7FFF_FFFF),
    ]
}

fn every_get_obeys_the_size_rules(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, _wave) = synth.open_pair();
    for (set, id, verbs, instance, size) in items() {
        if verbs & GET == 0 {
            continue;
        }
        let row = format!("{set} {id}");
        let needed = u32::try_from(size).unwrap();
        let get = |size| Property::get(set, id, size).with_instance(instance);

        let query = ask(&midi, get(0));
        assert_eq!(
            (query.status, query.size),
            (Status::BUFFER_OVERFLOW, needed),
            "{row}"
        );
        for short in [1, size / 2, size - 1] {
            let reply = ask(&midi, get(short));
            assert_eq!(
                (reply.status, reply.size),
                (Status::BUFFER_TOO_SMALL, 0),
                "{row}"
            );
        }
        for enough in [size, size + 1, size + 100] {
            let reply = ask(&midi, get(enough));
            assert_eq!(
                (reply.status, reply.size),
                (Status::SUCCESS, needed),
                "{row}"
            );
        }
        if !instance.is_empty() {
            for short in [0, 1, instance.len() - 1] {
                let request = Property::get(set, id, size).with_instance(&instance[..short]);
                let reply = ask(&midi, request);
                assert_eq!(
                    (reply.status, reply.size),
                    (Status::BUFFER_TOO_SMALL, 0),
                    "{row}"
                );
            }
        }
    }
}

fn every_set_obeys_the_size_rules(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, _wave) = synth.open_pair();
    for (set, id, verbs, instance, size) in items() {
        if verbs & SET == 0 || size == 0 {
            continue;
        }
        let row = format!("{set} {id}");
        let needed = u32::try_from(size).unwrap();
        let set = |size| Property::set(set, id, &vec![0; size]).with_instance(instance);
        let query = ask(&midi, set(0));
        assert_eq!(
            (query.status, query.size),
            (Status::BUFFER_OVERFLOW, needed),
            "{row}"
        );
        for short in [1, size - 1] {
            let reply = ask(&midi, set(short));
            assert_eq!(
                (reply.status, reply.size),
                (Status::BUFFER_TOO_SMALL, 0),
                "{row}"
            );
        }
        if !instance.is_empty() {
            let reply = ask(&midi, set(size).with_instance(&instance[1..]));
            assert_eq!(
                (reply.status, reply.size),
                (Status::BUFFER_TOO_SMALL, 0),
                "{row}"
            );
        }
    }
}

fn basic_support_names_the_verbs(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, _wave) = synth.open_pair();
    for (set, id, verbs, ..) in items() {
        let query = ask(&midi, Property::basic_support(set, id, 0));
        assert_eq!(
            (query.status, query.size),
            (Status::BUFFER_OVERFLOW, 4),
            "{set} {id}"
        );
        let reply = ask(&midi, Property::basic_support(set, id, 4));
        assert_eq!(reply.status, Status::SUCCESS, "{set} {id}");
        assert_eq!(
            reply.as_u32(),
            Some(verbs | verb::BASIC_SUPPORT),
            "{set} {id}"
        );
    }
}

/// `VARENUM`'s number (wtypes.h) for what a property's page says that its value is: LONG is `VT_I4`,
/// BOOL `VT_BOOL`, ULONG and DWORD `VT_UI4`, ULONGLONG `VT_UI8`, HANDLE `VT_UINT_PTR`, a structure
/// `VT_BLOB`, and no value `VT_EMPTY`.
fn value_type(set: Guid, id: u32) -> u32 {
    const EMPTY: u32 = 0;
    const LONG: u32 = 3;
    const BOOL: u32 = 11;
    const ULONG: u32 = 19;
    const ULONGLONG: u32 = 21;
    const HANDLE: u32 = 38;
    const STRUCTURE: u32 = 65;
    let by_item: &[u32] = if set == KSPROPSETID_SYNTH {
        // VOLUME to RUNNINGSTATS.
        const SYNTH: [u32; 8] = [
            LONG, LONG, STRUCTURE, STRUCTURE, ULONG, ULONG, ULONGLONG, STRUCTURE,
        ];
        &SYNTH
    } else if set == KSPROPSETID_SYNTH_DLS {
        // DOWNLOAD to WAVEFORMAT.
        &[STRUCTURE, HANDLE, EMPTY, ULONG, STRUCTURE]
    } else if set == GUID_DMUS_PROP_WAVES_REVERB {
        &[STRUCTURE]
    } else if [GUID_DMUS_PROP_EFFECTS, GUID_DMUS_PROP_SAMPLE_MEMORY_SIZE].contains(&set) {
        &[ULONG]
    } else if set == DMUSMINI_PROPSETID_SYNTH {
        &[STRUCTURE, ULONG]
    } else {
        &[BOOL]
    };
    by_item[usize::try_from(id).unwrap()]
}

/// `KSPROPERTY_DESCRIPTION` in its 40 bytes, for who has room for it, and nothing for who has room for
/// some of it (contract section 10).
fn basic_support_describes_the_value(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    let download = (KSPROPSETID_SYNTH_DLS, dls_property::DOWNLOAD, GET);
    let items = items()
        .into_iter()
        .map(|(set, id, verbs, ..)| (set, id, verbs));
    for (set, id, verbs) in items.chain([download]) {
        for size in [40, 41, 64, 1000] {
            let reply = ask(&midi, Property::basic_support(set, id, size));
            assert_eq!(
                (reply.status, reply.size),
                (Status::SUCCESS, 40),
                "{set} {id}"
            );
            // KSPROPTYPESETID_General, 97E99BA0-BDEA-11CF-A5D6-28DB04C10000, as a GUID lies in memory.
            let general = [0x97E9_9BA0, 0x11CF_BDEA, 0xDB28_D6A5, 0x0000_C104];
            let expected = [
                &[verbs | verb::BASIC_SUPPORT, 40][..],
                &general,
                &[value_type(set, id), 0, 0, 0],
            ];
            assert_eq!(words(&reply.value), expected.concat(), "{set} {id}");
        }
        for size in [1, 2, 3, 5, 8, 24, 39] {
            let reply = ask(&midi, Property::basic_support(set, id, size));
            let expected = (Status::BUFFER_TOO_SMALL, 0);
            assert_eq!((reply.status, reply.size), expected, "{set} {id}: {size}");
        }
    }
    // The volume of a pin itself.
    for pin in [&midi, &wave] {
        let volume = Property::basic_support(KSPROPSETID_SYNTH, synth_property::VOLUME, 40);
        let reply = pin.property(&volume, Client::USER);
        assert_eq!((reply.status, reply.size), (Status::SUCCESS, 40));
        assert_eq!(words(&reply.value)[6], 3);
    }
}

fn verbs_that_are_not_there_are_refused(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, _wave) = synth.open_pair();
    for (set, id, verbs, instance, size) in items() {
        for verb in [GET, SET] {
            if verbs & verb == 0 {
                let request = Property {
                    verb,
                    ..Property::get(set, id, size)
                };
                let reply = ask(&midi, request.with_instance(instance));
                assert_eq!(reply.status, Status::INVALID_DEVICE_REQUEST, "{set} {id}");
            }
        }
    }
}

fn items_of_a_pin_need_a_pin(binary: &Binary) {
    let synth = Synth::boot(binary);
    let filter_items = [KSPROPSETID_SYNTH, KSPROPSETID_SYNTH_DLS];
    for (set, id, verbs, instance, size) in items() {
        if !filter_items.contains(&set) || id == synth_property::CAPS && set == KSPROPSETID_SYNTH {
            continue;
        }
        let request = if verbs & GET != 0 {
            Property::get(set, id, size)
        } else {
            Property::set(set, id, &vec![0; size])
        };
        let request = request.with_instance(instance).on_node(NODE);
        let reply = synth.filter.property(&request, Client::USER);
        assert_eq!(
            (reply.status, reply.size),
            (Status::INVALID_PARAMETER, 0),
            "{set} {id}"
        );
    }
    // What the filter is can be asked of the filter.
    let caps = Property::get(KSPROPSETID_SYNTH, synth_property::CAPS, 296).on_node(NODE);
    assert_eq!(
        synth.filter.property(&caps, Client::USER).status,
        Status::SUCCESS
    );
}

fn support_sets_answer_what_is_true(binary: &Binary) {
    let synth = Synth::boot_with(binary, &Hardware::synth().with_dword("Effects", 3));
    let midi = synth.open(DIRECT_MUSIC);
    for (set, answer) in support() {
        let reply = ask(&midi, Property::get(set, 0, 4));
        assert_eq!(reply.as_u32(), Some(answer), "{set}");
    }
    let effects = ask(&midi, Property::get(GUID_DMUS_PROP_EFFECTS, 0, 4));
    assert_eq!(effects.as_u32(), Some(3));
    let change = Property::set(GUID_DMUS_PROP_EFFECTS, 0, &bytes(&[0]));
    assert_eq!(ask(&midi, change).status, Status::INVALID_PARAMETER);
}
