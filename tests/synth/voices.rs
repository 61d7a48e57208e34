//! As many voices as were asked for: what is counted, and how long a block is (contract section
//! 12.2).

use dmusmini::com::Status;
use dmusmini::portcls::guids::KSPROPSETID_SYNTH;
use dmusmini::portcls::synth_abi::{port_params, synth_property};
use dmusmini_simulator::session::{Binary, Pin, Property, WaveOptions};

use crate::rig::{Synth, ask, bytes, get, square_bank, words};

crate::scenarios!(
    no_more_voices_are_counted_than_were_asked_for,
    a_block_follows_what_sounds_and_not_what_may,
);

fn ask_for(pin: &Pin, voices: u32) {
    let request = Property::get(KSPROPSETID_SYNTH, synth_property::PORT_PARAMETERS, 28)
        .with_instance(&bytes(&[port_params::VOICES, voices, 0, 0, 0, 0, 0]));
    assert_eq!(ask(pin, request).status, Status::SUCCESS);
}

/// Notes that steal from each other all the time: what fades meanwhile is not counted.
fn no_more_voices_are_counted_than_were_asked_for(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    synth.download_bank(&midi, &square_bank());
    ask_for(&midi, 4);
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut sound = Vec::new();
    for note in 0..400_u32 {
        let key = u8::try_from(note % 128).unwrap();
        let time = sink
            .sample_to_ref_time(5000 + i64::from(note) * 200)
            .unwrap();
        midi.send(time, 1, &[0x90, key, 100]);
        sink.pull(200, &mut sound);
    }
    let stats = words(&get(&midi, synth_property::RUNNING_STATS, 28).ok().unwrap());
    println!(
        "{} voices on the average, {} notes lost",
        stats[1], stats[4]
    );
    assert_eq!((stats[1], stats[4]), (4, 0));
}

/// A block is made in as many holds of the lock as what sounds needs: a port with 1,024 voices that
/// plays one of them does not pay for all.
fn a_block_follows_what_sounds_and_not_what_may(binary: &Binary) {
    const FRAMES: usize = 12_800;
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    synth.download_bank(&midi, &square_bank());
    ask_for(&midi, 1024);
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut holds = |notes: u32| {
        let mut sound = Vec::new();
        for note in 0..notes {
            let [channel, key] = [note / 128, note % 128].map(|n| u8::try_from(n).unwrap());
            midi.send(0, 1, &[0x90 | channel, key, 1]);
        }
        // Until all of them have begun.
        sink.pull(20_000, &mut sound);
        let before = synth.session.machine().locks_taken();
        sink.pull(FRAMES, &mut sound);
        synth.session.machine().locks_taken() - before
    };
    let [one, all] = [holds(1), holds(1024)];
    println!("{FRAMES} frames: {one} holds of a lock with one voice, {all} with 1,024");
    // 100 blocks of 128 frames, up to five locks each, and a few for each call; with 1,024 voices each
    // block is made in 16 steps.
    assert!(one <= 700);
    assert!(all >= one + 1400 && all <= one + 1700);
}
