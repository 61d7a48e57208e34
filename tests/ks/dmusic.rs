//! dmusic.dll: it asks what a port can do, downloads a bank, opens channel groups, plays
//! time-stamped buffers ahead of the latency clock, reads statistics and unloads (contract
//! sections 5.8 and 10 to 12).

use dmusmini::com::Status;
use dmusmini_collection::{Bank, Instrument, Options, Region, Sample, Selection, Wave};
use dmusmini_ks::Guid;
use dmusmini_ks::buffer::{EventBuffer, events};
use dmusmini_ks::format::WaveDataFormat;
use dmusmini_ks::guids::{
    CLSID_MINIPORT_DRIVER_DMUS_UART, DMUSMINI_SYNTH, GUID_DMUS_PROP_DLS2,
    KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_PCM, KSNODETYPE_SYNTHESIZER,
    KSPROPSETID_SYNTH, KSPROPSETID_SYNTH_CLOCK, KSPROPSETID_SYNTH_DLS,
};
use dmusmini_ks::pin::{State, flow};
use dmusmini_ks::property::{Property, topology_item};
use dmusmini_ks::synth::{
    PortParams, SynthBuffer, SynthCaps, SynthDownload, SynthStats, caps, dls_item, port_params,
    synth_item,
};
use dmusmini_ks::zerocopy::{FromBytes, IntoBytes};
use dmusmini_simulator::portcls::property::PROPSET_NOT_FOUND;
use dmusmini_simulator::session::{Binary, ReadStream};

use crate::client::{KsFilter, Machine, header_of};

crate::scenarios!(the_synthesizer_plays_a_bank, the_mpu_401_plays_on_time);

const MILLISECOND: i64 = 10_000;

/// The first synthesizer node and its capabilities.
fn port(filter: &KsFilter) -> (u32, SynthCaps) {
    let nodes = filter.topology::<Guid>(topology_item::NODES);
    let node = nodes
        .iter()
        .position(|kind| *kind == KSNODETYPE_SYNTHESIZER);
    let node = u32::try_from(node.unwrap()).unwrap();
    let request = Property::get(KSPROPSETID_SYNTH, synth_item::CAPS).of_node(node);
    let caps = filter.get(request.as_bytes()).unwrap();
    (node, SynthCaps::read_from_bytes(&caps).unwrap())
}

fn master_time(filter: &KsFilter) -> i64 {
    let request = Property::get(KSPROPSETID_SYNTH_CLOCK, 0);
    i64::read_from_bytes(&filter.get(request.as_bytes()).unwrap()).unwrap()
}

/// A bank of one looped square wave, as the loader would download it.
fn bank() -> Vec<Vec<u8>> {
    let frames = (0..1000).map(|i| if i % 100 < 50 { 8000 } else { -8000 });
    let region = Region {
        sample: Some(Sample::new(60).with_loop(0, 1000)),
        ..Region::new(0)
    };
    let bank = Bank {
        name: "square".to_owned(),
        instruments: vec![Instrument {
            regions: vec![region],
            ..Instrument::default()
        }],
        waves: vec![Wave::new("square", 44_100, frames.collect())],
    };
    let items = bank.download_set(&Selection::All, Options::default());
    items.into_iter().map(|item| item.bytes).collect()
}

fn the_synthesizer_plays_a_bank(binary: &Binary) {
    let machine = Machine::synth(binary);
    let filter = &machine.filter;
    let (node, caps) = port(filter);
    assert_eq!(caps.guid, DMUSMINI_SYNTH);
    assert_eq!(
        caps.flags & (caps::DLS | caps::DLS2),
        caps::DLS | caps::DLS2
    );
    let dls2 = Property::get(GUID_DMUS_PROP_DLS2, 0).of_node(node);
    assert_eq!(filter.get(dls2.as_bytes()), Ok(vec![1, 0, 0, 0]));

    // Create the port: pins, parameters, channel groups.
    let midi = filter.find(flow::IN, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let wave = filter.find(flow::OUT, KSDATAFORMAT_SUBTYPE_PCM);
    let midi = filter.open_music(midi, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let format = WaveDataFormat::pcm16(44_100, 2);
    let wave = filter.create(wave, format.as_bytes()).unwrap();
    let wanted = PortParams {
        valid: port_params::VOICES | port_params::CHANNEL_GROUPS,
        voices: 32,
        channel_groups: 2,
        ..PortParams::default()
    };
    let item = (KSPROPSETID_SYNTH, synth_item::PORT_PARAMETERS);
    let got = midi.of_node(item, node, wanted.as_bytes()).unwrap();
    let got = PortParams::read_from_bytes(&got).unwrap();
    assert_eq!((got.voices, got.channel_groups), (32, 2));
    assert_eq!((got.audio_channels, got.sample_rate), (2, 44_100));

    // Download the bank, each item padded by what the port asks for.
    let append = (KSPROPSETID_SYNTH_DLS, dls_item::APPEND);
    assert_eq!(midi.of_node(append, node, &[]), Ok(vec![0; 4]));
    let download = (KSPROPSETID_SYNTH_DLS, dls_item::DOWNLOAD);
    let mut handles = Vec::new();
    for item in bank() {
        let buffer = SynthBuffer {
            size: u32::try_from(item.len()).unwrap(),
            padding: 0,
            address: machine.user(&item),
        };
        let reply = midi.of_node(download, node, buffer.as_bytes()).unwrap();
        let reply = SynthDownload::read_from_bytes(&reply).unwrap();
        assert_eq!(reply.free, 1, "the program may free its memory");
        machine.free(buffer.address);
        handles.push(reply.handle);
    }

    // Activate, and play ahead of the latency clock while the wave pin is read.
    midi.go(State::Run);
    wave.go(State::Run);
    let frame = machine.user(&vec![0; 44_100]);
    let mut heard = 0;
    let mut due = machine.session.master_time();
    for beat in 0..8_u8 {
        let latency = midi.time_of(synth_item::LATENCY_CLOCK, node);
        assert!(latency > master_time(filter));
        let group = u32::from(beat % 2) + 1;
        let mut buffer = EventBuffer::new();
        buffer.message(0, group, &[0x90, 60 + beat, 100]);
        buffer.message(50 * MILLISECOND, group, &[0x80, 60 + beat, 0]);
        let reply = midi.write(&machine, Some(latency + 20 * MILLISECOND), buffer.bytes());
        assert_eq!(reply.status, Status::SUCCESS);
        let ReadStream::Done(reply) = wave.read(frame, 44_100) else {
            panic!("a wave pin does not wait");
        };
        let header = header_of(&reply);
        assert_eq!(header.data_used, 44_100);
        // The frames follow each other on the master clock, to the 100 us that the synthesizer's
        // loop may be off.
        let time = header.reference_time().unwrap();
        assert!((time - due).abs() <= 1000, "{time} for {due}");
        due += 2_500_000;
        heard += usize::from(machine.peek(frame, 44_100).iter().any(|&byte| byte != 0));
    }
    assert_eq!(heard, 8, "every beat was heard");
    let stats = (KSPROPSETID_SYNTH, synth_item::RUNNING_STATS);
    let stats = midi.of_node(stats, node, &[]).unwrap();
    let stats = SynthStats::read_from_bytes(&stats).unwrap();
    assert_eq!(stats.lost_notes, 0);

    // Release it all; a handle is good for one unload.
    let unload = (KSPROPSETID_SYNTH_DLS, dls_item::UNLOAD);
    for &handle in handles.iter().rev() {
        assert_eq!(midi.set_node(unload, node, &handle), Status::SUCCESS);
        assert_eq!(
            midi.set_node(unload, node, &handle),
            Status::INVALID_PARAMETER
        );
    }
    wave.go(State::Stop);
    midi.go(State::Stop);
    assert_eq!((midi.0.close(), wave.0.close()), (0, 0));
}

fn the_mpu_401_plays_on_time(binary: &Binary) {
    let machine = Machine::uart(binary);
    let filter = &machine.filter;
    let (node, caps) = port(filter);
    assert_eq!(caps.guid, CLSID_MINIPORT_DRIVER_DMUS_UART);
    assert_eq!(caps.flags, caps::EXTERNAL);
    assert_eq!(caps.description(), "dmusmini MPU-401 [330]");
    let output = filter.find(flow::IN, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let output = filter.open_music(output, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let input = filter.find(flow::OUT, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let input = filter.open_music(input, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);

    // There is nothing to download to, nor to set up.
    let download = (KSPROPSETID_SYNTH_DLS, dls_item::DOWNLOAD);
    assert_eq!(
        output.of_node(download, node, &[0; 16]),
        Err(PROPSET_NOT_FOUND)
    );
    let params = (KSPROPSETID_SYNTH, synth_item::PORT_PARAMETERS);
    // One voice and one channel group.
    let one = [[0; 4], [1, 0, 0, 0], [1, 0, 0, 0]].concat();
    let granted = [one, vec![0; 16]].concat();
    assert_eq!(output.of_node(params, node, &[0; 28]), Ok(granted));
    let groups = (KSPROPSETID_SYNTH, synth_item::CHANNEL_GROUPS);
    assert_eq!(output.of_node(groups, node, &[]), Ok(vec![1, 0, 0, 0]));

    // Time-stamped notes leave when they are due.
    output.go(State::Run);
    input.go(State::Run);
    let latency = output.time_of(synth_item::LATENCY_CLOCK, node);
    assert!(latency > master_time(filter));
    let base = latency + 20 * MILLISECOND;
    let mut buffer = EventBuffer::new();
    for (delta, note) in [(0, 60), (100, 61), (200, 62)] {
        buffer.message(delta * MILLISECOND, 1, &[0x90, note, 100]);
    }
    let start = machine.session.machine().now();
    let reply = output.write(&machine, Some(base), buffer.bytes());
    assert_eq!(reply.status, Status::SUCCESS);
    machine.session.machine().advance(5_000_000);
    let sent = machine.device.take_sent();
    let bytes: Vec<u8> = sent.iter().map(|flown| flown.byte).collect();
    assert_eq!(bytes, [0x90, 60, 100, 0x90, 61, 100, 0x90, 62, 100]);
    for (flown, due) in sent.iter().step_by(3).zip([20, 120, 220]) {
        let due = start + due * 10_000;
        // The sequencer wakes every millisecond, and a byte takes 320 us.
        assert!(
            flown.start.abs_diff(due) < 20_000,
            "{} for {due}",
            flown.start
        );
    }

    // What comes in has its times too: both notes are in one buffer.
    let now = machine.session.machine().now();
    let chip = machine.device.chip().unwrap();
    chip.borrow_mut().play(now, [0x90, 70, 1, 0xF0, 1, 2, 0xF7]);
    machine.session.machine().advance(1_000_000);
    let frame = machine.user(&[0; 256]);
    let ReadStream::Done(reply) = input.read(frame, 256) else {
        panic!("there is something to read");
    };
    let header = header_of(&reply);
    let bytes = machine.peek(frame, header.data_used);
    let events: Vec<_> = events(&bytes).collect::<Result<_, _>>().unwrap();
    let messages: Vec<_> = events.iter().map(|event| event.message.to_vec()).collect();
    assert_eq!(messages, [vec![0x90, 70, 1], vec![0xF0, 1, 2, 0xF7]]);
    assert_eq!(
        events
            .iter()
            .map(|e| (e.group, e.flags))
            .collect::<Vec<_>>(),
        [(1, 1), (1, 0)]
    );
    // Three bytes of 320 us lie between the two.
    let apart = events[1].delta - events[0].delta;
    assert!((apart - 9_600).abs() < 10_000, "{apart}");
    output.go(State::Stop);
    input.go(State::Stop);
    assert_eq!((output.0.close(), input.0.close()), (0, 0));
}
