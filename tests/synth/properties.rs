//! Every item of the property sets, with every size a client can get wrong (contract section 10).

use dmusmini::com::{Guid, Status};
use dmusmini::portcls::abi::verb;
use dmusmini::portcls::guids::*;
use dmusmini::portcls::synth_abi::{dls_property, port_params, synth_property};
use dmusmini_simulator::session::{Binary, Client, Hardware, Property, WaveOptions};

use crate::rig::{DIRECT_MUSIC, NODE, Synth, WAVE, ask, bytes, get, set, square_bank, words};

crate::scenarios!(
    every_get_obeys_the_size_rules,
    every_set_obeys_the_size_rules,
    basic_support_names_the_verbs,
    verbs_that_are_not_there_are_refused,
    items_of_a_pin_need_a_pin,
    capabilities,
    parameters_are_negotiated,
    channel_groups_can_be_changed,
    priorities_belong_to_channels,
    volumes_are_kept_in_range,
    wave_format_is_the_pins,
    support_sets_answer_what_is_true,
    the_reverb_is_set_in_floats,
    the_reverb_obeys_its_parameters,
    statistics_of_a_silent_stream,
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

fn capabilities(binary: &Binary) {
    let hardware = Hardware::synth().with_dword("Effects", 1);
    let synth = Synth::boot_with(binary, &hardware);
    let midi = synth.open(DIRECT_MUSIC);
    let caps = get(&midi, synth_property::CAPS, 296).ok().unwrap();
    let fields = words(&caps[16..40]);
    // DLS, software synthesizer, DLS2; system memory; groups, voices, audio channels; reverb.
    assert_eq!(fields, [0x205, 0x7FFF_FFFF, 65_535, 1024, 2, 1]);
    let text: Vec<u16> = caps[40..]
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|&letter| letter != 0)
        .collect();
    assert_eq!(
        String::from_utf16(&text).unwrap(),
        "dmusmini DLS Synthesizer"
    );
}

fn parameters_are_negotiated(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, _wave) = synth.open_pair();
    let negotiate = |asked: [u32; 7]| {
        let request = Property::get(KSPROPSETID_SYNTH, synth_property::PORT_PARAMETERS, 28)
            .with_instance(&bytes(&asked));
        let reply = ask(&midi, request);
        (reply.status, words(&reply.value))
    };
    // Nothing asked for: what there is.
    let defaults = vec![0, 256, 1, 2, 44_100, 0, 0];
    assert_eq!(
        negotiate([0, 99, 99, 99, 99, 99, 99]),
        (Status::SUCCESS, defaults)
    );
    // What can be had is had, and stays.
    let all = 0x6F;
    let fine = [all, 64, 4, 2, 44_100, 0, 0];
    assert_eq!(negotiate(fine), (Status::SUCCESS, fine.to_vec()));
    assert_eq!(
        get(&midi, synth_property::CHANNEL_GROUPS, 4).as_u32(),
        Some(4)
    );
    // What cannot is corrected, each alone.
    let corrections = [
        (port_params::VOICES, 1, 0, 1),
        (port_params::VOICES, 1, 5000, 1024),
        (port_params::CHANNEL_GROUPS, 2, 0, 1),
        (port_params::CHANNEL_GROUPS, 2, 70_000, 65_535),
        (port_params::AUDIO_CHANNELS, 3, 1, 2),
        (port_params::SAMPLE_RATE, 4, 48_000, 44_100),
        (port_params::EFFECTS, 5, 1, 0),
        (port_params::SHARE, 6, 1, 0),
    ];
    for (bit, place, asked, got) in corrections {
        let mut request = [0; 7];
        request[0] = bit;
        request[place] = asked;
        let (status, values) = negotiate(request);
        assert_eq!(
            (status, values[0]),
            (Status::NOT_ALL_ASSIGNED, bit),
            "bit {bit:#x}"
        );
        assert_eq!(values[place], got, "bit {bit:#x}");
    }
}

fn channel_groups_can_be_changed(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    let groups = synth_property::CHANNEL_GROUPS;
    assert_eq!(get(&midi, groups, 4).as_u32(), Some(1));
    assert_eq!(set(&midi, groups, &bytes(&[0])), Status::INVALID_PARAMETER);
    for (asked, got) in [(8, 8), (70_000, 65_535), (2, 2)] {
        assert_eq!(set(&midi, groups, &bytes(&[asked])), Status::SUCCESS);
        assert_eq!(get(&midi, groups, 4).as_u32(), Some(got));
        // The wave pin is of the same synthesizer.
        assert_eq!(get(&wave, groups, 4).as_u32(), Some(got));
    }
    // Another pair is another synthesizer.
    let (other, _other_wave) = synth.open_pair();
    assert_eq!(get(&other, groups, 4).as_u32(), Some(1));
}

fn priorities_belong_to_channels(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, _wave) = synth.open_pair();
    let id = synth_property::VOICE_PRIORITY;
    let of = |group: u32, channel: u32| bytes(&[group, channel]);
    let read = |instance: &[u8]| {
        ask(
            &midi,
            Property::get(KSPROPSETID_SYNTH, id, 4).with_instance(instance),
        )
    };
    let write = |instance: &[u8], priority: u32| {
        let request = Property::set(KSPROPSETID_SYNTH, id, &bytes(&[priority]));
        ask(&midi, request.with_instance(instance)).status
    };
    assert_eq!(
        set(&midi, synth_property::CHANNEL_GROUPS, &bytes(&[2])),
        Status::SUCCESS
    );
    // abi section 6: channel 10 first, then 1 to 9, then 11 to 16.
    let offsets = [14, 13, 12, 11, 10, 9, 8, 7, 6, 15, 5, 4, 3, 2, 1, 0];
    for (channel, offset) in (0..).zip(offsets) {
        let priority = read(&of(1, channel)).as_u32();
        assert_eq!(priority, Some(0x8000_0000 | offset), "channel {channel}");
    }
    assert_eq!(write(&of(2, 3), 0xC000_0001), Status::SUCCESS);
    assert_eq!(read(&of(2, 3)).as_u32(), Some(0xC000_0001));
    assert_eq!(read(&of(1, 3)).as_u32(), Some(0x8000_000B));
    for bad in [of(0, 0), of(3, 0), of(1, 16), of(u32::MAX, u32::MAX)] {
        assert_eq!(read(&bad).status, Status::INVALID_PARAMETER);
        assert_eq!(write(&bad, 1), Status::INVALID_PARAMETER);
    }
}

fn volumes_are_kept_in_range(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, _wave) = synth.open_pair();
    let read = |id| get(&midi, id, 4).as_u32().unwrap().cast_signed();
    for (id, default) in [
        (synth_property::VOLUME, 0),
        (synth_property::VOLUME_BOOST, 600),
    ] {
        assert_eq!(read(id), default);
        for (asked, got) in [(-600, -600), (i32::MIN, -9600), (i32::MAX, 2000), (0, 0)] {
            assert_eq!(set(&midi, id, &asked.to_le_bytes()), Status::SUCCESS);
            assert_eq!(read(id), got);
        }
    }
    // The volume is an item of the pin too.
    let volume = Property::set(KSPROPSETID_SYNTH, synth_property::VOLUME, &bytes(&[100]));
    assert_eq!(midi.property(&volume, Client::USER).status, Status::SUCCESS);
    assert_eq!(read(synth_property::VOLUME), 100);
}

fn wave_format_is_the_pins(binary: &Binary) {
    let synth = Synth::boot_with(binary, &Hardware::synth().with_dword("SampleRate", 48_000));
    let midi = synth.open(DIRECT_MUSIC);
    let format = |pin| {
        let request = Property::get(KSPROPSETID_SYNTH_DLS, dls_property::WAVE_FORMAT, 18);
        ask(pin, request).ok().unwrap()
    };
    let expected = |channels: u16, rate: u32| {
        let block = channels * 2;
        let mut bytes = [1_u16.to_le_bytes(), channels.to_le_bytes()].concat();
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * u32::from(block)).to_le_bytes());
        for word in [block, 16, 0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    };
    // Without a wave pin it is what the registry prefers.
    assert_eq!(format(&midi), expected(2, 48_000));
    let mono = dmusmini_simulator::session::WaveFormat::pcm16(22_050, 1);
    let wave = dmusmini_simulator::session::Format::Wave(mono);
    let wave = synth.filter.open(WAVE, &wave).unwrap();
    assert_eq!(format(&midi), expected(1, 22_050));
    assert_eq!(format(&wave), expected(1, 22_050));
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

fn statistics_of_a_silent_stream(binary: &Binary) {
    let synth = Synth::boot_with(binary, &Hardware::synth().with_dword("DownloadQuotaMiB", 2));
    let (midi, wave) = synth.open_pair();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut sound = Vec::new();
    sink.pull(4410, &mut sound);
    let stats = words(&get(&midi, synth_property::RUNNING_STATS, 28).ok().unwrap());
    // All fields valid; no voices, no lost notes; 2 MiB free; silence.
    assert_eq!((stats[0], stats[1], stats[4]), (0x3F, 0, 0));
    assert_eq!((stats[5], stats[6].cast_signed()), (2 << 20, -9600));
    assert!(sound.iter().all(|&sample| sample == 0));
}

/// `SYNTH_REVERB_PARAMS`.
fn floats(values: [f32; 4]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn the_reverb_is_set_in_floats(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    let read = |pin| {
        let reply = ask(pin, Property::get(GUID_DMUS_PROP_WAVES_REVERB, 0, 16));
        assert_eq!(reply.status, Status::SUCCESS);
        reply.value
    };
    let write = |values| {
        let set = Property::set(GUID_DMUS_PROP_WAVES_REVERB, 0, &floats(values));
        ask(&midi, set).status
    };
    assert_eq!(read(&midi), floats([0.0, -10.0, 1500.0, 0.5]));
    // What can be had comes back to the bit, from either pin of the synthesizer.
    let fine = [-3.25, -12.34, 2999.0, 0.001];
    assert_eq!(write(fine), Status::SUCCESS);
    assert_eq!((read(&midi), read(&wave)), (floats(fine), floats(fine)));
    // What cannot is moved into its range.
    for (asked, got) in [
        ([1.0, 20.0, 1e9, 2.0], [0.0, 0.0, 3000.0, 0.999]),
        ([-100.0, -1e30, 0.0, -1.0], [-96.0, -96.0, 1.0, 0.001]),
        (
            [f32::NEG_INFINITY, f32::INFINITY, f32::INFINITY, -0.0],
            [-96.0, 0.0, 3000.0, 0.001],
        ),
    ] {
        assert_eq!(write(asked), Status::SUCCESS);
        assert_eq!(read(&midi), floats(got));
    }
    // What is no number changes nothing.
    assert_eq!(write(fine), Status::SUCCESS);
    for place in 0..4 {
        let mut bad = fine;
        bad[place] = f32::NAN;
        assert_eq!(write(bad), Status::INVALID_PARAMETER);
    }
    assert_eq!(read(&midi), floats(fine));
    // Another synthesizer has its own.
    let other = synth.open(DIRECT_MUSIC);
    assert_eq!(read(&other), floats([0.0, -10.0, 1500.0, 0.5]));
    let request = Property::get(GUID_DMUS_PROP_WAVES_REVERB, 0, 16).on_node(NODE);
    assert_eq!(
        synth.filter.property(&request, Client::USER).status,
        Status::INVALID_PARAMETER,
        "a reverb belongs to a pin"
    );
}

/// What is left of a note half a second after its end, by the reverb's parameters.
fn the_reverb_obeys_its_parameters(binary: &Binary) {
    let tail = |effects: u32, values: [f32; 4]| {
        let synth = Synth::boot_with(binary, &Hardware::synth().with_dword("Effects", effects));
        let (midi, wave) = synth.open_pair();
        synth.download_bank(&midi, &square_bank());
        let set = Property::set(GUID_DMUS_PROP_WAVES_REVERB, 0, &floats(values));
        assert_eq!(ask(&midi, set).status, Status::SUCCESS);
        midi.run().unwrap();
        let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
        for message in [&[0xB0, 91, 127], &[0x90, 60, 127]] {
            midi.send(synth.session.master_time(), 1, message);
        }
        let mut sound = Vec::new();
        sink.pull(22_050, &mut sound);
        midi.send(synth.session.master_time(), 1, &[0xB0, 120, 0]);
        sink.pull(22_050, &mut sound);
        sound.clear();
        sink.pull(4410, &mut sound);
        let peak = sound.iter().map(|sample| sample.unsigned_abs()).max();
        i32::from(peak.unwrap())
    };
    let long = tail(1, [0.0, -3.0, 3000.0, 0.9]);
    let short = tail(1, [0.0, -3.0, 100.0, 0.9]);
    let faint = tail(1, [0.0, -43.0, 3000.0, 0.9]);
    let off = tail(0, [0.0, -3.0, 3000.0, 0.9]);
    println!("peaks: {long} long, {short} short, {faint} faint, {off} without a reverb");
    assert!(long > 500, "{long}");
    assert!(short <= 1, "100 ms is over after 500: {short}");
    assert_eq!(off, 0);
    // 40 dB less is a hundredth.
    assert!((faint - long / 100).abs() <= 2, "{faint} for {long}");
}
