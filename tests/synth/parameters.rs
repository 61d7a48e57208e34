//! What the synthesizer says of itself and lets itself be told (contract sections 10 and 12).

use dmusmini::com::Status;
use dmusmini::portcls::guids::*;
use dmusmini::portcls::synth_abi::{dls_property, port_params, synth_property};
use dmusmini_simulator::session::{Binary, Client, Hardware, Property, WaveOptions};

use crate::rig::{DIRECT_MUSIC, Synth, WAVE, ask, bytes, get, set, words};

crate::scenarios!(
    capabilities,
    parameters_are_negotiated,
    channel_groups_can_be_changed,
    priorities_belong_to_channels,
    volumes_are_kept_in_range,
    wave_format_is_the_pins,
    statistics_of_a_silent_stream,
);

fn capabilities(binary: &Binary) {
    let hardware = Hardware::synth().with_dword("Effects", 1);
    let synth = Synth::boot_with(binary, &hardware);
    let midi = synth.open(DIRECT_MUSIC);
    let caps = get(&midi, synth_property::CAPS, 296).ok().unwrap();
    let fields = words(&caps[16..40]);
    // DLS, software synthesizer, DLS2, reverb; system memory; groups, voices, audio channels; reverb.
    assert_eq!(fields, [0x4000_0205, 0x7FFF_FFFF, 65_535, 1024, 2, 1]);
    drop(midi);
    drop(synth);
    // Without the reverb (chorus alone), the flag is not there.
    let dry = Synth::boot_with(binary, &Hardware::synth().with_dword("Effects", 2));
    let reply = get(&dry.open(DIRECT_MUSIC), synth_property::CAPS, 296);
    assert_eq!(words(&reply.ok().unwrap()[16..20]), [0x205]);
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
