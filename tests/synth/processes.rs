//! Clients of different processes: whose pins pair, and what the handle of another is worth
//! (contract section 5.6).

use std::collections::BTreeSet;

use dmusmini::com::Status;
use dmusmini_simulator::process::Process;
use dmusmini_simulator::session::{Binary, Pin, WaveOptions};

use crate::rig::{DIRECT_MUSIC, MIDI, Synth, WAVE, get, items_of, square_bank, unload, words};

crate::scenarios!(
    wave_pins_pair_with_their_own_process,
    a_waiting_wave_pin_waits_for_its_own_process,
    a_process_with_an_id_of_old_is_another,
    clients_of_the_kernel_pair_among_themselves,
    a_foreign_handle_unloads_nothing,
    legacy_notes_are_heard_by_another_process,
);

const A: Process = Process::new(0x1234);
const B: Process = Process::new(0x5678);
const NOTE: &[u8] = &[0x90, 60, 127];

impl Synth {
    fn open_as(&self, process: Process, pin: u32) -> Pin {
        let machine = self.session.machine();
        machine.within(process, || self.open(pin))
    }
}

/// Whether a note on the MIDI pin sounds on the wave pin.
fn is_heard(midi: &Pin, wave: &Pin) -> bool {
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    midi.send(0, 1, NOTE);
    let mut sound = Vec::new();
    sink.pull(8820, &mut sound);
    midi.send(0, 1, &[0xB0, 120, 0]);
    sink.pull(22_050, &mut Vec::new());
    sink.stop();
    sound.iter().any(|&sample| sample != 0)
}

fn free_memory(pin: &Pin) -> u32 {
    let id = dmusmini::portcls::synth_abi::synth_property::RUNNING_STATS;
    words(&get(pin, id, 28).ok().unwrap())[5]
}

fn wave_pins_pair_with_their_own_process(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi_a = synth.open_as(A, DIRECT_MUSIC);
    let midi_b = synth.open_as(B, DIRECT_MUSIC);
    let handles_a = synth.download_bank(&midi_a, &square_bank());
    // The oldest DirectMusic pin is A's, and the first wave pin B's.
    let wave_b = synth.open_as(B, WAVE);
    assert_eq!(
        midi_a.run(),
        Err(Status::UNSUCCESSFUL),
        "nothing renders it"
    );
    midi_b.run().unwrap();
    assert!(!is_heard(&midi_b, &wave_b), "B has no instrument");
    synth.download_bank(&midi_b, &square_bank());
    assert!(is_heard(&midi_b, &wave_b));
    // B's wave pin reaches nothing of A's.
    for &handle in &handles_a {
        assert_eq!(unload(&wave_b, handle), Status::INVALID_PARAMETER);
    }
    let wave_a = synth.open_as(A, WAVE);
    midi_a.run().unwrap();
    assert!(is_heard(&midi_a, &wave_a));
    for handle in handles_a {
        assert_eq!(unload(&wave_a, handle), Status::SUCCESS);
    }
}

fn a_waiting_wave_pin_waits_for_its_own_process(binary: &Binary) {
    let synth = Synth::boot(binary);
    let wave_b = synth.open_as(B, WAVE);
    let handles = synth.download_bank(&wave_b, &square_bank());
    let midi_a = synth.open_as(A, DIRECT_MUSIC);
    assert_eq!(midi_a.run(), Err(Status::UNSUCCESSFUL));
    let midi_b = synth.open_as(B, DIRECT_MUSIC);
    midi_b.run().unwrap();
    assert!(is_heard(&midi_b, &wave_b));
    assert_eq!(unload(&midi_a, handles[0]), Status::INVALID_PARAMETER);
    assert_eq!(unload(&midi_b, handles[0]), Status::SUCCESS);
    // The pair is complete: a second wave pin of B has a synthesizer of its own.
    let other = synth.open_as(B, WAVE);
    assert_eq!(unload(&other, handles[1]), Status::INVALID_PARAMETER);
    assert_eq!(unload(&wave_b, handles[1]), Status::SUCCESS);
}

fn a_process_with_an_id_of_old_is_another(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open_as(A, DIRECT_MUSIC);
    let later = Process { created: 77, ..A };
    let _wave = synth.open_as(later, WAVE);
    assert_eq!(midi.run(), Err(Status::UNSUCCESSFUL));
}

fn clients_of_the_kernel_pair_among_themselves(binary: &Binary) {
    let synth = Synth::boot(binary);
    let program = synth.open_as(A, DIRECT_MUSIC);
    let midi = synth.open_as(Process::SYSTEM, DIRECT_MUSIC);
    let _wave = synth.open_as(Process::SYSTEM, WAVE);
    midi.run().unwrap();
    assert_eq!(program.run(), Err(Status::UNSUCCESSFUL));
}

fn a_foreign_handle_unloads_nothing(binary: &Binary) {
    let synth = Synth::boot(binary);
    let pins = [(A, DIRECT_MUSIC), (B, DIRECT_MUSIC), (A, MIDI), (B, WAVE)];
    // The last joins B's DirectMusic pin.
    let pins = pins.map(|(process, pin)| synth.open_as(process, pin));
    let handles: Vec<Vec<u64>> = pins[..3]
        .iter()
        .map(|pin| synth.download_bank(pin, &square_bank()))
        .collect();
    let all: BTreeSet<u64> = handles.iter().flatten().copied().collect();
    assert_eq!(all.len(), 6, "no two clients have a handle in common");
    let free = free_memory(&pins[0]);
    for (number, pin) in pins.iter().enumerate() {
        let own = if number == 3 { 1 } else { number };
        for (owner, handles) in handles.iter().enumerate() {
            for &handle in handles.iter().filter(|_| owner != own) {
                assert_eq!(unload(pin, handle), Status::INVALID_PARAMETER);
            }
        }
    }
    assert_eq!(free_memory(&pins[0]), free);
    // However often places were used before.
    let bytes = &items_of(&square_bank())[0].bytes;
    let mut mine = BTreeSet::new();
    for _ in 0..1000 {
        let handle = synth.download(&pins[0], bytes).unwrap();
        mine.insert(handle);
        assert_eq!(unload(&pins[0], handle), Status::SUCCESS);
    }
    for &handle in mine.iter().chain(&handles[0]) {
        assert_eq!(unload(&pins[1], handle), Status::INVALID_PARAMETER);
    }
    for handle in &handles[1] {
        assert_eq!(unload(&pins[3], *handle), Status::SUCCESS);
    }
}

/// A service opens legacy pins for all programs; who wants to hear them opens the wave pin.
fn legacy_notes_are_heard_by_another_process(binary: &Binary) {
    let synth = Synth::boot(binary);
    let legacy = synth.open_as(A, MIDI);
    legacy.run().unwrap();
    let wave = synth.open_as(B, WAVE);
    let handles = synth.download_bank(&wave, &square_bank());
    assert!(is_heard(&legacy, &wave));
    assert_eq!(unload(&legacy, handles[0]), Status::INVALID_PARAMETER);
    // It plays on, and does not take the place of B's own pin.
    let midi = synth.open_as(B, DIRECT_MUSIC);
    midi.run().unwrap();
    assert!(is_heard(&midi, &wave));
    assert!(is_heard(&legacy, &wave));
    for handle in handles {
        assert_eq!(unload(&midi, handle), Status::SUCCESS);
    }
}
