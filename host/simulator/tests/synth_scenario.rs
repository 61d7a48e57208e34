//! The synthesizer subdevice from boot to unload: the native build, and the image where it was
//! built.

mod binaries;

use std::time::Instant;

use dmusmini_collection::{Bank, Collection, Instrument, Options, Region, Sample, Selection, Wave};
use dmusmini_simulator::session::{
    Binary, Hardware, Session, SynthPlayer, TimedMessage, WaveFormat,
};
use dmusmini_simulator::tracking_allocator::TrackingAllocator;

#[global_allocator]
static ALLOCATOR: TrackingAllocator = TrackingAllocator;

const RATE: u32 = 44_100;

/// A square wave of 441 Hz on key 69, at full level from its first frame.
fn square_bank() -> Bank {
    let frames = (0..100)
        .map(|n| if n < 50 { 20_000 } else { -20_000 })
        .collect();
    let mut region = Region::new(0);
    region.sample = Some(Sample::new(69).with_loop(0, 100));
    let instrument = Instrument {
        name: "square".into(),
        regions: vec![region],
        ..Instrument::default()
    };
    Bank {
        name: "test".into(),
        instruments: vec![instrument],
        waves: vec![Wave::new("square", RATE, frames)],
    }
}

fn message(at: i64, bytes: &[u8]) -> TimedMessage {
    TimedMessage {
        at,
        group: 1,
        bytes: bytes.to_vec(),
    }
}

fn open(session: &Session, bank: &Bank, options: Options) -> SynthPlayer {
    let device = session.install(&Hardware::synth()).expect("install");
    let player = SynthPlayer::open(&device, WaveFormat::pcm16(RATE, 2)).expect("open");
    for item in bank.download_set(&Selection::All, options) {
        player
            .download(session, &item.bytes)
            .unwrap_or_else(|status| {
                panic!("download of {} {:?}: {status:?}", item.name, item.kind)
            });
    }
    player
}

fn first_note(binary: &Binary) -> Vec<i16> {
    let session = Session::boot(binary).expect("boot");
    let mut player = open(&session, &square_bank(), Options::default());
    let at = 1_234_567;
    player.play([
        message(at, &[0x90, 69, 127]),
        message(at + 5_000_000, &[0x80, 69, 0]),
    ]);
    let frame = player
        .wave()
        .ref_time_to_sample(player.origin() + at)
        .expect("a frame");
    let mut samples = Vec::new();
    player.pull(RATE as usize, &mut samples);
    let first = samples
        .iter()
        .position(|sample| *sample != 0)
        .expect("sound")
        / 2;
    // The attack rises from silence: the first frame of a note may still be zero.
    let first = i64::try_from(first).expect("small");
    assert!(
        (frame..=frame + 1).contains(&first),
        "the note's first frame: {first}, due {frame}"
    );
    assert_eq!(player.close(), 0, "references to the stream");
    let report = session.shut_down();
    assert!(report.is_clean(), "{report}");
    samples
}

#[test]
fn a_note_begins_at_its_frame_in_every_build() {
    let native = first_note(&Binary::Native);
    if let Some(image) = binaries::image() {
        assert!(first_note(&image) == native, "the image sounds different");
    }
}

/// The messages of a song with their times.
fn song(bytes: &[u8]) -> Vec<TimedMessage> {
    let smf = midly::Smf::parse(bytes).expect("a MIDI file");
    let midly::Timing::Metrical(division) = smf.header.timing else {
        panic!("a metrical song")
    };
    let mut events = Vec::new();
    for (number, track) in smf.tracks.iter().enumerate() {
        let mut tick = 0_u64;
        for event in track {
            tick += u64::from(event.delta.as_int());
            events.push((tick, number, event.kind));
        }
    }
    events.sort_by_key(|(tick, ..)| *tick);
    let (mut messages, mut tempo, mut at, mut last) = (Vec::new(), 500_000_u64, 0_u64, 0_u64);
    for (tick, _, kind) in events {
        at += (tick - last) * tempo * 10 / u64::from(division.as_int());
        last = tick;
        match kind {
            midly::TrackEventKind::Meta(midly::MetaMessage::Tempo(t)) => tempo = t.as_int().into(),
            midly::TrackEventKind::Midi { .. } => {
                let live = kind.as_live_event().expect("a live event");
                let mut bytes = Vec::new();
                live.write(&mut bytes).expect("memory");
                messages.push(message(at.cast_signed(), &bytes));
            }
            _ => {}
        }
    }
    messages
}

fn play(binary: &Binary, bank: &Bank, messages: &[TimedMessage]) -> Vec<i16> {
    let begun = Instant::now();
    let session = Session::boot(binary).expect("boot");
    let options = Options {
        is_gm: true,
        ..Options::default()
    };
    let mut player = open(&session, bank, options);
    let ready = begun.elapsed();
    let length = messages.last().map_or(0, |message| message.at) + 20_000_000;
    player.play(messages.iter().cloned());
    let mut samples = Vec::new();
    player.pull(
        usize::try_from(length * i64::from(RATE) / 10_000_000).expect("a song's length"),
        &mut samples,
    );
    let stats = player.stats().expect("statistics");
    println!(
        "{binary}: {} s of music in {:.2} s (bank {:.2} s), {} messages, stats {stats:?}",
        length / 10_000_000,
        begun.elapsed().as_secs_f64(),
        ready.as_secs_f64(),
        messages.len(),
    );
    assert_eq!(player.midi().render_stats().refused, 0);
    assert_eq!(player.close(), 0, "references to the stream");
    let report = session.shut_down();
    assert!(report.is_clean(), "{report}");
    samples
}

/// One real song with the real bank; all of them are for the `dmus` tests.
#[test]
fn a_real_song_plays_alike_in_every_build() {
    let Some(data) = binaries::data() else { return };
    let bank = Collection::open(data.join("TimGM6mb.dls"))
        .expect("the bank")
        .into_bank();
    let messages = song(&std::fs::read(data.join("freedoom1_D_INTROA.mid")).expect("the song"));
    let image = binaries::image();
    if cfg!(debug_assertions)
        && let Some(image) = &image
    {
        // Unoptimised rendering takes minutes; the image is optimised whatever this program is.
        let samples = play(image, &bank, &messages);
        assert!(samples.iter().any(|sample| sample.unsigned_abs() > 1_000));
        return;
    }
    let native = play(&Binary::Native, &bank, &messages);
    assert!(native.iter().any(|sample| sample.unsigned_abs() > 1_000));
    if let Some(image) = image {
        assert!(
            play(&image, &bank, &messages) == native,
            "the image sounds different"
        );
    }
}
