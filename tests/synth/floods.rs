//! What a client can send is much, and some of it is nonsense: no call takes long for it, and within
//! the limits nothing is lost.
//!
//! Times are told by what can be counted in both builds: events that a call gives back, locks that it
//! takes, memory that it asks for. `dmusmini-bench instructions` has the instructions.

use dmusmini::portcls::abi::KsState;
use dmusmini::portcls::synth_abi::synth_property;
use dmusmini_simulator::session::{Binary, Hardware, Pin, WaveClient, WaveOptions};

use crate::rig::{MIDI, Synth, bytes, get, set, square_bank, words};

crate::scenarios!(
    events_that_make_no_message_hold_nothing_up,
    junk_on_one_pin_does_not_delay_another,
    long_events_are_played_in_portions,
    a_long_chain_to_new_groups_is_taken_in_portions,
    a_long_chain_is_sorted_and_loses_nothing,
    a_stop_gives_a_large_backlog_back_in_batches,
    what_waits_is_within_the_budget,
);

const NOTE: &[u8] = &[0x90, 60, 127];
const QUIET: &[u8] = &[0xB0, 120, 0];
/// Events that a pin holds by default.
const MOST: usize = 65_536;
/// Frames of 10 ms.
const TEN_MS: u32 = 441;
/// Events that 10 ms of rendering play at most: 0.5 ms at 100 ns each.
const A_RENDER: usize = 5000;

struct Playing {
    sink: WaveClient,
    midi: Pin,
    // Declared last, dropped last.
    _wave: Pin,
    synth: Synth,
}

impl Playing {
    fn start(synth: Synth) -> Self {
        let (midi, wave) = synth.open_pair();
        synth.download_bank(&midi, &square_bank());
        midi.run().unwrap();
        let sink = wave.start_wave(WaveOptions::default()).unwrap();
        Self {
            sink,
            midi,
            _wave: wave,
            synth,
        }
    }

    /// One Render call of 10 ms: the loudest sample, and the events given back.
    fn render(&mut self) -> (u16, usize) {
        let before = self.midi.events_with_driver().0;
        let sound = self.sink.render(TEN_MS);
        let peak = sound.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        (peak, before - self.midi.events_with_driver().0)
    }

    fn lost_notes(&self) -> u32 {
        let size = 28;
        let stats = get(&self.midi, synth_property::RUNNING_STATS, size);
        words(&stats.ok().unwrap())[4]
    }

    /// The time of a frame that will be rendered in so many calls.
    fn due(&self, calls: i64) -> i64 {
        let frame = self.sink.position() + calls * i64::from(TEN_MS);
        self.sink.sample_to_ref_time(frame).unwrap()
    }
}

/// The junk that was found to be the worst, and some of each other kind.
fn junk() -> Vec<Vec<u8>> {
    let mut cut = vec![0xF4; 1024];
    cut[0] = 0x90;
    let mut half = vec![0xFE; 1024];
    half[0] = 0x90;
    half[1] = 60;
    let mut mixed = vec![60; 1024];
    mixed.chunks_mut(3).for_each(|piece| piece[0] = 0xF4);
    vec![
        cut,
        half,
        mixed,
        vec![60; 1024],
        vec![0xFE; 1024],
        vec![0xFE; 1],
    ]
}

fn events_that_make_no_message_hold_nothing_up(binary: &Binary) {
    for bytes in junk() {
        let mut playing = Playing::start(Synth::boot(binary));
        let due = playing.due(2);
        let count = 20_000;
        for _ in 0..count {
            playing.midi.send(due, 1, &bytes);
        }
        playing.midi.send(due, 1, NOTE);
        assert_eq!(playing.midi.events_with_driver().0, count + 1);
        let mut calls = 0;
        loop {
            let (peak, back) = playing.render();
            assert!(
                back <= A_RENDER,
                "{back} events in one call: {:02X?}",
                &bytes[..1]
            );
            if peak > 0 {
                break;
            }
            calls += 1;
            assert!(calls < 400, "the note never comes: {:02X?}", &bytes[..1]);
        }
        println!(
            "{:02X?}...: the note comes in call {calls}",
            &bytes[..bytes.len().min(3)]
        );
        assert_eq!(playing.midi.events_with_driver(), (0, 0));
    }
}

fn junk_on_one_pin_does_not_delay_another(binary: &Binary) {
    let mut playing = Playing::start(Synth::boot(binary));
    let others: Vec<Pin> = (0..4).map(|_| playing.synth.open(MIDI)).collect();
    let due = playing.due(2);
    for pin in &others {
        pin.run().unwrap();
        for _ in 0..5000 {
            pin.send(due, 1, &junk()[2]);
        }
    }
    playing.midi.send(due, 1, NOTE);
    let peaks: Vec<u16> = (0..4).map(|_| playing.render().0).collect();
    assert_eq!(peaks[..2], [0, 0]);
    assert_ne!(peaks[2], 0, "in its own ten milliseconds: {peaks:?}");
    drop(others);
}

/// 64 KiB of messages in one event, and of nonsense around one.
fn long_events_are_played_in_portions(binary: &Binary) {
    let synth = Synth::boot(binary);
    synth.session.settings().buffer_size.set(65_535);
    let mut playing = Playing::start(synth);
    let due = playing.due(2);
    // Under running status; the last one is heard.
    let mut notes = vec![0xB0];
    while notes.len() < 65_000 {
        notes.extend([3, 1]);
    }
    notes.extend(NOTE);
    playing.midi.send(due, 1, &notes);
    let mut nonsense = vec![0xF4; 65_000];
    nonsense.extend(QUIET);
    let (mut calls, mut loud) = (0, 0);
    let before = playing.synth.session.machine().locks_taken();
    while loud == 0 {
        loud = playing.render().0;
        calls += 1;
        assert!(calls < 100);
    }
    let locks = playing.synth.session.machine().locks_taken() - before;
    println!("32,500 messages: heard in call {calls}, after {locks} locks");
    // 2 ns for each byte are 130 us: no call and no hold of a lock took them all.
    assert!(calls > 4, "{calls}");
    playing.midi.send(0, 1, &nonsense);
    for _ in 0..50 {
        playing.render();
    }
    assert_eq!(
        playing.render().0,
        0,
        "what stands at the end is played, too"
    );
    assert_eq!(playing.lost_notes(), 0);
}

fn a_long_chain_to_new_groups_is_taken_in_portions(binary: &Binary) {
    let mut playing = Playing::start(Synth::boot(binary));
    assert!(
        set(
            &playing.midi,
            synth_property::CHANNEL_GROUPS,
            &bytes(&[65_535])
        )
        .is_success()
    );
    // What is sent while the pin pauses comes as one chain.
    playing.midi.set_state(KsState::PAUSE).unwrap();
    for group in 1..=u16::MAX {
        playing.midi.send(0, group, QUIET);
    }
    playing.midi.send(0, u16::MAX, NOTE);
    let machine = playing.synth.session.machine();
    let before = machine.pool().counters().requests;
    playing.midi.run().unwrap();
    let asked = machine.pool().counters().requests - before;
    println!("{asked} allocations in PutMessage");
    // A millisecond, and some three microseconds each.
    assert!(asked <= 400, "{asked} allocations in one call");
    let mut loud = 0;
    let mut calls = 0;
    while loud == 0 {
        let mut sound = Vec::new();
        let before = machine.pool().counters().requests;
        playing.sink.pull(882, &mut sound);
        let asked = machine.pool().counters().requests - before;
        assert!(asked <= 800, "{asked} allocations in 20 ms");
        loud = sound.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        calls += 1;
        assert!(calls < 1000, "the last event never comes");
    }
    println!("the last of 65,536 events to as many groups is heard after {calls} times 20 ms");
    assert_eq!(playing.midi.events_with_driver(), (0, 0));
    assert_eq!(playing.lost_notes(), 0);
}

/// A whole song in one chain, the wrong way round; what is due before all is sorted in plays in time.
fn a_long_chain_is_sorted_and_loses_nothing(binary: &Binary) {
    let mut playing = Playing::start(Synth::boot(binary));
    let start = playing.due(10);
    playing.midi.send(start, 1, NOTE);
    playing.midi.set_state(KsState::PAUSE).unwrap();
    let end = playing.due(200);
    for n in 0..MOST - 3 {
        let step = i64::try_from(n).unwrap();
        playing.midi.send(end - step, 1, &[0xB0, 3, 1]);
    }
    playing.midi.send(end + 10, 1, QUIET);
    playing.midi.send(end + 10, 1, &[0x90, 72, 0]);
    playing.midi.run().unwrap();
    let mut sound = Vec::new();
    playing.sink.pull(882 * 4, &mut sound);
    assert!(sound.iter().all(|&sample| sample == 0));
    playing.sink.pull(882 * 4, &mut sound);
    assert!(
        sound.iter().any(|&sample| sample != 0),
        "a chain holds up what is due"
    );
    for _ in 0..300 {
        playing.sink.pull(441, &mut sound);
    }
    assert_eq!(playing.midi.events_with_driver(), (0, 0));
    let silent = |sample: &i16| *sample == 0;
    assert!(
        sound[sound.len() - 441..].iter().all(silent),
        "the last event was played last"
    );
    assert_eq!(playing.lost_notes(), 0);
}

fn a_stop_gives_a_large_backlog_back_in_batches(binary: &Binary) {
    let playing = Playing::start(Synth::boot(binary));
    let due = playing.due(1000);
    playing.midi.set_state(KsState::PAUSE).unwrap();
    for _ in 0..MOST {
        playing.midi.send(due, 1, NOTE);
    }
    // A part is sorted in, the rest is not.
    playing.midi.run().unwrap();
    assert_eq!(playing.midi.events_with_driver().0, MOST);
    let machine = playing.synth.session.machine();
    let before = machine.locks_taken();
    playing.midi.stop().unwrap();
    assert_eq!(playing.midi.events_with_driver(), (0, 0));
    println!("{} locks", machine.locks_taken() - before);
    // Once more, with all of them sorted.
    playing.midi.run().unwrap();
    for _ in 0..20_000 {
        playing.midi.send(due, 1, NOTE);
    }
    let before = machine.locks_taken();
    playing.midi.stop().unwrap();
    assert_eq!(playing.midi.events_with_driver(), (0, 0));
    let locks = machine.locks_taken() - before;
    println!("{locks} locks");
    assert!(
        locks >= 20_000 / 100,
        "more than a hundred events under one lock"
    );
}

/// Each event counts for itself and its buffer; those beyond the total are lost, and said to be.
fn what_waits_is_within_the_budget(binary: &Binary) {
    let hardware = Hardware::synth().with_dword("DownloadQuotaMiB", 1);
    let mut playing = Playing::start(Synth::boot_with(binary, &hardware));
    let due = playing.due(20);
    let long = [&[0xF0][..], &[1; 1000], &[0xF7]].concat();
    let mut sent = 0;
    for round in 0..2 {
        for _ in 0..3000 {
            playing.midi.send(due, 1, &long);
            sent += 1;
        }
        let (held, buffers) = playing.midi.events_with_driver();
        println!("of {sent} events {held} wait, {buffers} other buffers");
        assert!(held * (40 + 1024) <= 1 << 20);
        assert!(held >= 800, "most of the total can be used");
        for _ in 0..10 {
            playing.midi.send(due, 1, NOTE);
        }
        // A few of them are small enough for what is left.
        let lost = playing.lost_notes();
        println!("{lost} notes lost");
        if round == 0 {
            playing.midi.stop().unwrap();
            assert_eq!(playing.midi.events_with_driver(), (0, 0));
            playing.midi.run().unwrap();
        }
    }
    // What is played makes room.
    for _ in 0..100 {
        playing.render();
    }
    assert_eq!(playing.midi.events_with_driver(), (0, 0));
    playing.midi.send(0, 1, QUIET);
    for _ in 0..50 {
        playing.render();
    }
    playing.midi.send(0, 1, NOTE);
    assert_ne!(playing.render().0, 0);
}
