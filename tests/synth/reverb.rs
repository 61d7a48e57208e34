//! `GUID_DMUS_PROP_WavesReverb`: what it takes, and what is heard of it.

use dmusmini::com::Status;
use dmusmini::portcls::guids::*;
use dmusmini_simulator::session::{Binary, Client, Hardware, Property, WaveOptions};

use crate::rig::{DIRECT_MUSIC, NODE, Synth, ask, square_bank};

crate::scenarios!(the_reverb_is_set_in_floats, the_reverb_obeys_its_parameters,);

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
