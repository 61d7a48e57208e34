//! What collections say in more than one way: old loop types, sources with two names (corrections
//! section 1).

use dmusmini_collection::{Bank, Block, Loop, destination, source, units};
use dmusmini_simulator::session::{Binary, WaveOptions};

use crate::rig::{Synth, items_of, square_bank, words};

crate::scenarios!(
    both_numbers_of_the_release_loop_are_left_at_note_off,
    mono_pressure_is_the_channels_pressure,
);

const NOTE: &[u8] = &[0x90, 60, 127];
const OFF: &[u8] = &[0x80, 60, 0];

/// The loudest frame, half a second of a note long and another half after `message`.
fn peaks(binary: &Binary, bank: &Bank, loop_type: u32, message: &[u8]) -> [u16; 2] {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    for (number, item) in items_of(bank).into_iter().enumerate() {
        let mut bytes = item.bytes;
        if number == 1 {
            // DMUS_INSTRUMENT.ulFirstRegionIdx, and the DMUS_REGION's loop type at its byte 60.
            let all = words(&bytes);
            let entry = |index: u32| all[4 + index as usize] as usize;
            let region = entry(all[entry(0) / 4 + 1]);
            assert_eq!(all[(region + 56) / 4], 16, "the size of a WLOOP");
            bytes[region + 60..region + 64].copy_from_slice(&loop_type.to_le_bytes());
        }
        synth.download(&midi, &bytes).unwrap();
    }
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    midi.send(0, 1, NOTE);
    let mut half = |skipped: usize| {
        let mut sound = Vec::new();
        sink.pull(22_050, &mut sound);
        let heard = sound.iter().skip(2 * skipped);
        heard.map(|frame| frame.unsigned_abs()).max().unwrap()
    };
    let before = half(0);
    midi.send(0, 1, message);
    // Time for the rest of the wave, and for a level to move.
    [before, half(8000)]
}

/// The loop is the first 1,000 of 2,000 frames; the release is far longer than what is heard.
fn both_numbers_of_the_release_loop_are_left_at_note_off(binary: &Binary) {
    let mut bank = square_bank();
    let frames = (0..2000).map(|i| if i % 100 < 50 { 8000 } else { -8000 });
    bank.waves[0] = dmusmini_collection::Wave::new("long", 44_100, frames.collect());
    bank.instruments[0].articulation = vec![
        Block::fixed(destination::EG1_RELEASE, units::time(20.0)),
        Block::fixed(destination::EG1_SUSTAIN, units::percent(100.0)),
    ];
    let sample = bank.instruments[0].regions[0].sample.as_mut().unwrap();
    sample.wave_loop = Some(Loop {
        until_release: false,
        start: 0,
        length: 1000,
    });
    for (loop_type, goes_on) in [(0, true), (1, false), (2, false)] {
        let [held, released] = peaks(binary, &bank, loop_type, OFF);
        assert!(held > 500, "type {loop_type}: {held}");
        assert_eq!(released > 100, goes_on, "type {loop_type}: {released}");
    }
}

/// 96 dB less at full pressure.
fn mono_pressure_is_the_channels_pressure(binary: &Binary) {
    for code in [source::CHANNEL_PRESSURE, source::MONO_PRESSURE] {
        let mut bank = square_bank();
        let quieter = units::decibels(-96.0);
        bank.instruments[0].articulation = vec![Block::new(
            code,
            source::NONE,
            destination::GAIN,
            0,
            quieter,
        )];
        let [before, pressed] = peaks(binary, &bank, 0, &[0xD0, 127]);
        assert!(
            before > 500 && pressed < 10,
            "{code:#x}: {before}, {pressed}"
        );
        let [before, other] = peaks(binary, &bank, 0, &[0xD1, 127]);
        assert_eq!(before, other, "{code:#x}");
    }
}
