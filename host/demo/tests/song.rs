//! The song has what it promises, and is a Standard MIDI File that a strict reader accepts.

use midly::{MetaMessage, MidiMessage, Smf, TrackEventKind};
use std::collections::BTreeSet;

#[test]
fn it_uses_what_a_synthesizer_must_get_right() {
    let bytes = dmusmini_demo::song();
    let song = Smf::parse(&bytes).unwrap();
    let (mut channels, mut controllers) = (BTreeSet::new(), BTreeSet::new());
    let (mut notes, mut bends, mut tempos, mut sysex) = (0, 0, 0, 0);
    for event in song.tracks.iter().flatten() {
        match event.kind {
            TrackEventKind::Midi { channel, message } => {
                channels.insert(channel.as_int());
                match message {
                    MidiMessage::NoteOn { .. } => notes += 1,
                    MidiMessage::PitchBend { .. } => bends += 1,
                    MidiMessage::Controller { controller, .. } => {
                        _ = controllers.insert(controller.as_int());
                    }
                    _ => {}
                }
            }
            TrackEventKind::SysEx(_) => sysex += 1,
            TrackEventKind::Meta(MetaMessage::Tempo(_)) => tempos += 1,
            _ => {}
        }
    }
    println!(
        "{notes} notes on {} channels, {bends} bends, {tempos} tempos",
        channels.len()
    );
    assert!(channels.len() >= 12 && notes > 1500 && bends > 50 && tempos > 20 && sysex == 2);
    for controller in [1, 6, 7, 10, 11, 64, 91, 93, 100, 101] {
        assert!(controllers.contains(&controller), "CC{controller}");
    }
}

#[test]
fn every_note_that_starts_ends() {
    let bytes = dmusmini_demo::song();
    for track in &Smf::parse(&bytes).unwrap().tracks {
        let mut sounding = [0_i32; 128];
        for event in track {
            match event.kind {
                TrackEventKind::Midi {
                    message: MidiMessage::NoteOn { key, .. },
                    ..
                } => sounding[usize::from(key.as_int())] += 1,
                TrackEventKind::Midi {
                    message: MidiMessage::NoteOff { key, .. },
                    ..
                } => {
                    let count = &mut sounding[usize::from(key.as_int())];
                    *count -= 1;
                    assert!(*count >= 0, "key {key} ends before it starts");
                }
                _ => {}
            }
        }
        assert_eq!(sounding, [0; 128]);
    }
}
