//! Notes at their frames: what is heard, and when (contract sections 9.4, 6 and 13).

use dmusmini::portcls::synth_abi::synth_property;
use dmusmini_simulator::session::{
    Binary, DirectMusicBuffer, Hardware, MusicBuffer, Pin, WaveClient, WaveOptions,
};

use crate::rig::{DIRECT_MUSIC, MIDI, Synth, WAVE, get, square_bank, unload, words};

crate::scenarios!(
    a_note_begins_at_its_frame,
    notes_begin_at_their_frames_under_drift,
    events_are_played_in_the_order_of_their_times,
    an_event_without_a_time_plays_now,
    long_messages_are_put_together,
    packages_are_played_whole,
    legacy_notes_play_on_the_directmusic_synthesizer,
    legacy_notes_play_on_their_own_synthesizer,
    notes_nobody_renders_are_lost,
    groups_that_are_not_open_are_silent,
    an_unloaded_wave_sounds_to_its_end,
    a_pause_keeps_notes_and_a_stop_ends_them,
    pieces_of_any_size_keep_the_notes_in_place,
    nothing_is_allocated_while_music_plays,
    buffers_of_clients_play,
    an_event_may_hold_several_messages,
    an_event_of_several_messages_waits_for_room,
    an_undefined_status_ends_running_status,
);

/// A running pair with the square bank.
struct Playing {
    /// Frames taken so far.
    pulled: i64,
    sink: WaveClient,
    midi: Pin,
    // Declared last, dropped last.
    _wave: Pin,
    synth: Synth,
}

impl Playing {
    fn start(binary: &Binary, options: WaveOptions) -> Self {
        let synth = Synth::boot(binary);
        let (midi, wave) = synth.open_pair();
        synth.download_bank(&midi, &square_bank());
        midi.run().unwrap();
        let sink = wave.start_wave(options).unwrap();
        Self {
            pulled: 0,
            sink,
            midi,
            _wave: wave,
            synth,
        }
    }

    fn pull(&mut self, frames: usize) -> Vec<i16> {
        let mut sound = Vec::new();
        self.sink.pull(frames, &mut sound);
        self.pulled += i64::try_from(frames).unwrap();
        sound
    }

    /// The master time of a frame.
    fn time_of(&self, frame: i64) -> i64 {
        self.sink.sample_to_ref_time(frame).unwrap()
    }
}

/// The first frame that is not silent.
fn onset(sound: &[i16]) -> Option<usize> {
    sound.chunks_exact(2).position(|frame| frame != [0, 0])
}

fn is_silent(sound: &[i16]) -> bool {
    onset(sound).is_none()
}

const NOTE: &[u8] = &[0x90, 60, 127];
const OFF: &[u8] = &[0x80, 60, 0];
const QUIET: &[u8] = &[0xB0, 120, 0];

fn a_note_begins_at_its_frame(binary: &Binary) {
    // Frames inside a block, at its edges, one after the other.
    for frame in [0, 1, 63, 64, 65, 441, 1000, 4409, 12_345] {
        let mut playing = Playing::start(binary, WaveOptions::default());
        let time = playing.time_of(frame);
        playing.midi.send(time, 1, NOTE);
        assert_eq!(playing.sink.ref_time_to_sample(time).unwrap(), frame);
        let sound = playing.pull(20_000);
        assert_eq!(onset(&sound), usize::try_from(frame).ok(), "frame {frame}");
    }
}

fn notes_begin_at_their_frames_under_drift(binary: &Binary) {
    let options = WaveOptions {
        drift_ppm: 200,
        jitter: 20_000,
        ..WaveOptions::default()
    };
    let mut playing = Playing::start(binary, options);
    let mut worst = 0;
    for second in 0..8 {
        let start = playing.pulled;
        // Sent a second ahead: the clock's map moves on before the note is due.
        let due = playing.time_of(start + 44_100);
        playing.midi.send(due, 1, NOTE);
        let sound = playing.pull(50_000);
        let heard = start + i64::try_from(onset(&sound).unwrap()).unwrap();
        let late = playing.sink.true_time_of(heard) - due;
        if second >= 5 {
            worst = worst.max(late.abs());
        }
        playing.midi.send(0, 1, QUIET);
        // Until it is silent.
        playing.pull(22_050);
    }
    println!(
        "worst error of a note's beginning after 5 s: {} us",
        worst / 10
    );
    assert!(worst < 10_000, "{worst} units");
}

fn events_are_played_in_the_order_of_their_times(binary: &Binary) {
    let mut playing = Playing::start(binary, WaveOptions::default());
    let (on, off) = (playing.time_of(1000), playing.time_of(5000));
    // Sent the wrong way round; the second note has no end before its beginning.
    playing.midi.send(off, 1, QUIET);
    playing.midi.send(on, 1, NOTE);
    let sound = playing.pull(30_000);
    assert_eq!(onset(&sound), Some(1000));
    assert!(
        is_silent(&sound[2 * 15_000..]),
        "the end was played after the beginning"
    );
}

fn an_event_without_a_time_plays_now(binary: &Binary) {
    let mut playing = Playing::start(binary, WaveOptions::default());
    assert!(is_silent(&playing.pull(5000)));
    // What is left of the last piece was rendered before.
    let rendered = playing.sink.position();
    playing.midi.send(0, 1, NOTE);
    let sound = playing.pull(5000);
    let expected = usize::try_from(rendered - 5000).unwrap();
    assert_eq!(onset(&sound), Some(expected));
    // And one that comes late plays at once, too.
    playing.midi.send(0, 1, QUIET);
    playing.pull(22_050);
    let rendered = playing.sink.position();
    playing.midi.send(playing.time_of(100), 1, NOTE);
    let begun = playing.sink.position();
    let sound = playing.pull(5000);
    let _ = begun;
    assert!(onset(&sound).unwrap() < 1000, "{rendered}");
}

fn long_messages_are_put_together(binary: &Binary) {
    // Universal master volume 0 silences; it comes in parts of a 4-byte allocator buffer.
    let synth = Synth::boot(binary);
    synth.session.settings().buffer_size.set(16);
    let (midi, wave) = synth.open_pair();
    synth.download_bank(&midi, &square_bank());
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut sound = Vec::new();
    // A GM reset between padding that makes it long, then a note: all is well afterwards.
    let long: Vec<u8> = [vec![0xF0, 0x7D], vec![1; 1000], vec![0xF7]].concat();
    midi.send(0, 1, &long);
    midi.send(0, 1, NOTE);
    sink.pull(4410, &mut sound);
    assert!(!is_silent(&sound));
    midi.send(0, 1, &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7]);
    sink.pull(22_050, &mut sound);
    sound.clear();
    sink.pull(4410, &mut sound);
    assert!(is_silent(&sound), "GM on ends every note");
}

fn packages_are_played_whole(binary: &Binary) {
    let mut playing = Playing::start(binary, WaveOptions::default());
    let time = playing.time_of(700);
    playing.midi.send_package(time, 1, &[&[0xB0, 7, 127], NOTE]);
    let sound = playing.pull(4410);
    assert_eq!(onset(&sound), Some(700));
    assert_eq!(playing.midi.events_with_driver(), (0, 0));
}

fn legacy_notes_play_on_the_directmusic_synthesizer(binary: &Binary) {
    let mut playing = Playing::start(binary, WaveOptions::default());
    let legacy = playing.synth.open(MIDI);
    legacy.run().unwrap();
    legacy.send(0, 1, NOTE);
    assert!(!is_silent(&playing.pull(8820)));
    assert_eq!(legacy.events_with_driver(), (0, 0));
    // It stops: the notes of the other pin cannot be told apart, and go on.
    legacy.stop().unwrap();
    assert!(!is_silent(&playing.pull(4410)[4000..]));
    drop(legacy);
}

fn legacy_notes_play_on_their_own_synthesizer(binary: &Binary) {
    let synth = Synth::boot(binary);
    let legacy = synth.open(MIDI);
    let wave = synth.open(WAVE);
    synth.download_bank(&legacy, &square_bank());
    legacy.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    legacy.send(0, 1, NOTE);
    let mut sound = Vec::new();
    sink.pull(8820, &mut sound);
    assert!(!is_silent(&sound));
}

fn notes_nobody_renders_are_lost(binary: &Binary) {
    let synth = Synth::boot(binary);
    let legacy = synth.open(MIDI);
    legacy.run().unwrap();
    for _ in 0..5 {
        legacy.send(synth.session.master_time(), 1, NOTE);
        legacy.send(synth.session.master_time(), 1, OFF);
    }
    synth.session.machine().advance(1_000_000);
    assert_eq!(legacy.events_with_driver(), (0, 0));
    let stats = words(
        &get(&legacy, synth_property::RUNNING_STATS, 28)
            .ok()
            .unwrap(),
    );
    assert_eq!(stats[4], 5, "notes lost");
}

fn groups_that_are_not_open_are_silent(binary: &Binary) {
    let mut playing = Playing::start(binary, WaveOptions::default());
    playing.midi.send(0, 2, NOTE);
    playing.midi.send(0, u16::MAX, NOTE);
    assert!(is_silent(&playing.pull(8820)));
    assert_eq!(playing.midi.events_with_driver(), (0, 0));
    // Group 0 is every group.
    playing.midi.send(0, 0, NOTE);
    assert!(!is_silent(&playing.pull(8820)));
}

fn an_unloaded_wave_sounds_to_its_end(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    let pool = synth.session.machine().pool();
    let before = pool.outstanding();
    let handles = synth.download_bank(&midi, &square_bank());
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut sound = Vec::new();
    midi.send(0, 1, NOTE);
    sink.pull(8820, &mut sound);
    for &handle in handles.iter().rev() {
        assert!(unload(&midi, handle).is_success());
    }
    sound.clear();
    sink.pull(8820, &mut sound);
    assert!(!is_silent(&sound), "the note goes on");
    assert_ne!(pool.outstanding(), before, "its wave is still there");
    midi.send(0, 1, QUIET);
    sink.pull(22_050, &mut sound);
    sound.clear();
    midi.send(0, 1, NOTE);
    sink.pull(8820, &mut sound);
    assert!(is_silent(&sound), "a new note does not find it");
    assert_eq!(
        pool.outstanding(),
        before,
        "its memory went with the last note"
    );
}

fn a_pause_keeps_notes_and_a_stop_ends_them(binary: &Binary) {
    use dmusmini::portcls::abi::KsState;
    let mut playing = Playing::start(binary, WaveOptions::default());
    playing.midi.send(0, 1, NOTE);
    assert!(!is_silent(&playing.pull(8820)));
    playing.midi.set_state(KsState::PAUSE).unwrap();
    playing.midi.send(0, 1, QUIET);
    assert!(
        !is_silent(&playing.pull(8820)[8000..]),
        "a paused pin's events wait"
    );
    playing.midi.set_state(KsState::RUN).unwrap();
    playing.pull(22_050);
    assert!(is_silent(&playing.pull(4410)));
    playing.midi.send(0, 1, NOTE);
    assert!(!is_silent(&playing.pull(8820)));
    playing.midi.stop().unwrap();
    playing.pull(22_050);
    assert!(is_silent(&playing.pull(4410)));
}

fn pieces_of_any_size_keep_the_notes_in_place(binary: &Binary) {
    // Where control points fall differs with the pieces; where notes begin does not.
    let starts = |piece| {
        let options = WaveOptions {
            piece,
            ..WaveOptions::default()
        };
        let mut playing = Playing::start(binary, options);
        for step in 0..4 {
            let time = playing.time_of(500 + step * 5777);
            playing.midi.send(time, 1, NOTE);
            let time = playing.time_of(600 + step * 5777);
            playing.midi.send(time, 1, QUIET);
        }
        let sound = playing.pull(22_050);
        let mut silent = 1000;
        let mut starts = Vec::new();
        for (place, frame) in sound.chunks_exact(2).enumerate() {
            if frame == [0, 0] {
                silent += 1;
            } else {
                if silent >= 1000 {
                    starts.push(place);
                }
                silent = 0;
            }
        }
        starts
    };
    for piece in [
        (1, 1),
        (7, 7),
        (64, 64),
        (1, 1000),
        (441, 882),
        (4410, 4410),
    ] {
        assert_eq!(
            starts(piece),
            [500, 6277, 12_054, 17_831],
            "pieces of {piece:?} frames"
        );
    }
}

fn nothing_is_allocated_while_music_plays(binary: &Binary) {
    let mut playing = Playing::start(binary, WaveOptions::default());
    let before = playing.synth.session.machine().pool().counters().requests;
    for step in 0..200 {
        let time = playing.time_of(step * 400);
        playing
            .midi
            .send(time, 1, &[0x90, u8::try_from(step % 100).unwrap(), 100]);
        playing.pull(400);
    }
    let after = playing.synth.session.machine().pool().counters().requests;
    assert_eq!(after, before);
}

fn buffers_of_clients_play(binary: &Binary) {
    let mut playing = Playing::start(binary, WaveOptions::default());
    let base = playing.time_of(2000);
    let buffer = DirectMusicBuffer::new()
        .event(0, 1, NOTE)
        .event(300_000, 1, QUIET);
    playing.midi.write(base, buffer.bytes()).unwrap();
    let sound = playing.pull(30_000);
    assert_eq!(onset(&sound), Some(2000));
    assert!(is_silent(&sound[2 * 20_000..]));
    // Raw MIDI with running status, as winmm writes it.
    let legacy = playing.synth.open(MIDI);
    legacy.run().unwrap();
    let base = playing.synth.session.master_time() + 1_000_000;
    let buffer = MusicBuffer::new().run(0, &[0x90, 60, 127, 64, 127]);
    legacy.write(base, buffer.bytes()).unwrap();
    assert!(!is_silent(&playing.pull(22_050)));
    let stats = words(
        &get(&playing.midi, synth_property::RUNNING_STATS, 28)
            .ok()
            .unwrap(),
    );
    assert_eq!(stats[4], 0, "no note lost");
    drop(legacy);
}

/// Whoever fills events need not know where messages end: all of an event is played.
fn an_event_may_hold_several_messages(binary: &Binary) {
    for bytes in [
        &[0x90, 60, 127, 0x80, 60, 0][..],
        &[0x90, 60, 127, 60, 0],
        &[0xB0, 7, 127, 0x90, 60, 127, 60, 0],
        &[0xC0, 0, 0x90, 60, 127, 60, 0],
    ] {
        let mut playing = Playing::start(binary, WaveOptions::default());
        let time = playing.time_of(2000);
        playing.midi.send(time, 1, bytes);
        let end = playing.time_of(4000);
        playing.midi.send(end, 1, &[0x90, 72, 127]);
        let sound = playing.pull(6000);
        assert!(
            is_silent(&sound[2 * 3500..2 * 4000]),
            "{bytes:02X?}: a note hangs"
        );
        assert!(!is_silent(&sound[2 * 4000..]));
    }
}

/// The synthesizer takes some thousand messages for a block: what an event holds beyond them waits, and
/// is not lost.
fn an_event_of_several_messages_waits_for_room(binary: &Binary) {
    for flood in [4000, 4094, 4095, 4096, 5000] {
        let mut playing = Playing::start(binary, WaveOptions::default());
        let time = playing.time_of(2000);
        for _ in 0..flood {
            // A controller that nobody obeys.
            playing.midi.send(time, 1, &[0xB0, 3, 1]);
        }
        let notes = [0x90, 60, 127, 0x80, 60, 0, 0x90, 72, 127];
        playing.midi.send(time, 1, &notes);
        let end = playing.time_of(4000);
        playing.midi.send(end, 1, &[0x80, 72, 0]);
        let sound = playing.pull(6000);
        assert!(!is_silent(&sound[2 * 2000..2 * 4000]), "{flood}: lost");
        assert!(is_silent(&sound[2 * 5000..]), "{flood}: a note hangs");
    }
}

/// A queue that is too small loses notes, and says so.
#[test]
fn overflow_is_counted() {
    let hardware = Hardware::synth().with_dword("EventQueue", 1024);
    let synth = Synth::boot_with(&Binary::Native, &hardware);
    let midi = synth.open(DIRECT_MUSIC);
    let wave = synth.open(WAVE);
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let far = sink.sample_to_ref_time(30_000).unwrap();
    for _ in 0..1500 {
        midi.send(far, 1, NOTE);
    }
    sink.pull(4410, &mut Vec::new());
    let stats = words(&get(&midi, synth_property::RUNNING_STATS, 28).ok().unwrap());
    assert_eq!(stats[4], 1500 - 1024, "notes lost");
}

/// F4 and F5 mean nothing to a synthesizer, but the data bytes behind them are theirs, and no note.
fn an_undefined_status_ends_running_status(binary: &Binary) {
    for (between, sounds) in [
        (&[0xF4][..], false),
        (&[0xF5, 2], false),
        (&[0xF5, 2, 60, 127], false),
        (&[0x90, 72, 0, 0xF5, 2, 60, 127], false),
        (&[0x90, 72, 0, 0xFD, 72, 0], true),
        // Real time ends nothing, the undefined neither.
        (&[0xF8], true),
        (&[0xF9], true),
        (&[0xFD], true),
    ] {
        let mut playing = Playing::start(binary, WaveOptions::default());
        let before = playing.time_of(1000);
        playing.midi.send(before, 1, &[0x90, 72, 0]);
        playing.midi.send(before, 1, between);
        let time = playing.time_of(2000);
        playing.midi.send(time, 1, &[60, 127]);
        let sound = playing.pull(4000);
        assert_eq!(!is_silent(&sound), sounds, "{between:02X?}");
    }
}
