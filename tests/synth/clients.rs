//! Clients as they are: Windows MIDI Services and dmusic.dll, in their order of calls
//! (contract section 1 and section 5.8).

use dmusmini::com::Status;
use dmusmini::portcls::abi::{Communication, DataFlow};
use dmusmini::portcls::guids::*;
use dmusmini::portcls::synth_abi::{dls_property, port_params, synth_property};
use dmusmini_simulator::session::{
    Binary, Client, DirectMusicBuffer, Filter, Format, Property, WaveOptions,
};

use crate::rig::{NODE, Synth, ask, bytes, get, items_of, square_bank, unload, words};

crate::scenarios!(windows_midi_services, dmusic_dll);

/// Pins that Windows MIDI Services would open: legacy MIDI, not a bridge.
fn midi_pins(filter: &Filter) -> Vec<(u32, DataFlow)> {
    let description = filter.description();
    let has_midi = |pin: &dmusmini_simulator::portcls::descriptor::PinInfo| {
        pin.ranges.iter().any(|range| {
            range.head.major_format == KSDATAFORMAT_TYPE_MUSIC
                && range.head.sub_format == KSDATAFORMAT_SUBTYPE_MIDI
        })
    };
    (0..)
        .zip(&description.pins)
        .filter(|(_, pin)| pin.communication != Communication::None && has_midi(pin))
        .map(|(number, pin)| (number, pin.data_flow))
        .collect()
}

fn windows_midi_services(binary: &Binary) {
    let synth = Synth::boot(binary);
    let description = synth.filter.description();
    assert!(description.categories.contains(&KSCATEGORY_AUDIO));
    let pins = midi_pins(&synth.filter);
    assert_eq!(pins, [(0, DataFlow::In)]);
    // It opens the pin, runs it, plays, and never opens a wave pin.
    let pin = synth.filter.open(pins[0].0, &Format::Midi).unwrap();
    pin.run().unwrap();
    for _ in 0..10 {
        pin.send(synth.session.master_time(), 1, &[0x90, 60, 100]);
        synth.session.machine().advance(100_000);
    }
    pin.stop().unwrap();
    assert_eq!(pin.close(), 0);
}

fn dmusic_dll(binary: &Binary) {
    let synth = Synth::boot(binary);
    let filter = &synth.filter;
    // Which ports are there, and what can they do?
    let midi = filter
        .pin_of(&KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, DataFlow::In)
        .unwrap();
    let wave = filter
        .pin_of(&KSDATAFORMAT_SUBTYPE_PCM, DataFlow::Out)
        .unwrap();
    assert_eq!(filter.node_of(&KSPROPSETID_SYNTH), Some(NODE));
    let caps = Property::get(KSPROPSETID_SYNTH, synth_property::CAPS, 296).on_node(NODE);
    let caps = filter.property(&caps, Client::USER).ok().unwrap();
    assert_eq!(words(&caps[16..20])[0] & 0x201, 0x201, "DLS and DLS2");
    // Create the port: pins, parameters, channel groups.
    let midi = filter.open(midi, &Format::DirectMusic).unwrap();
    let wave = filter.open(wave, &Format::Wave(crate::rig::CD)).unwrap();
    let valid = port_params::VOICES | port_params::CHANNEL_GROUPS;
    let wanted = bytes(&[valid, 32, 2, 0, 0, 0, 0]);
    let params = Property::get(KSPROPSETID_SYNTH, synth_property::PORT_PARAMETERS, 28);
    let reply = ask(&midi, params.with_instance(&wanted));
    assert_eq!(reply.status, Status::SUCCESS);
    // Download a bank: waves, then instruments, padded by what the port asks for.
    let append = Property::get(KSPROPSETID_SYNTH_DLS, dls_property::APPEND, 4);
    assert_eq!(ask(&midi, append).as_u32(), Some(0));
    let handles: Vec<u64> = items_of(&square_bank())
        .iter()
        .map(|item| synth.download(&midi, &item.bytes).unwrap())
        .collect();
    // Activate, and play time-stamped buffers ahead of the latency clock.
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut sound = Vec::new();
    let mut heard = 0;
    for beat in 0..8_u8 {
        let latency = get(&midi, synth_property::LATENCY_CLOCK, 8)
            .as_u64()
            .unwrap();
        let base = i64::try_from(latency).unwrap() + 200_000;
        let group = u16::from(beat % 2) + 1;
        let buffer = DirectMusicBuffer::new()
            .event(0, group, &[0x90, 60 + beat, 100])
            .event(500_000, group, &[0x80, 60 + beat, 0]);
        midi.write(base, buffer.bytes()).unwrap();
        sound.clear();
        sink.pull(11_025, &mut sound);
        heard += usize::from(sound.iter().any(|&sample| sample != 0));
    }
    assert_eq!(heard, 8, "every beat was heard");
    let stats = words(&get(&midi, synth_property::RUNNING_STATS, 28).ok().unwrap());
    assert_eq!(stats[4], 0, "no note lost");
    // Release it all.
    for &handle in handles.iter().rev() {
        assert_eq!(unload(&midi, handle), Status::SUCCESS);
    }
    assert!(sink.stop().is_success());
    midi.stop().unwrap();
    assert_eq!(midi.close(), 0);
    assert_eq!(wave.close(), 0);
}
