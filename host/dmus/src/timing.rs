//! How exactly notes start: measured on the sound itself.
//!
//! A bank with one short step of a wave, notes at times that fall on no frame in particular: the first frame that is not
//! silent must be the one that the synthesizer's own `RefTimeToSample` names for the note's presentation time.

use crate::session::{Driver, SynthSession, SynthSettings};
use anyhow::{Result, ensure};
use dmusmini_collection::{Bank, Instrument, Options, Region, Sample, Selection, Wave};
use dmusmini_song::{Event, SECOND, Song};
use serde::Serialize;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimingReport {
    /// Notes played.
    pub notes: usize,
    /// The largest distance between the frame where a note starts and the frame where it should.
    pub worst_frames: u64,
}

const NOTES: u32 = 250;
/// 100-ns units between two notes: 37 ms and a bit.
const SPACING: i64 = 371_717;
/// When the notes begin, and how long before its time a note is handed over, with room to spare.
const FIRST: i64 = SECOND;
const AHEAD: i64 = 2 * SECOND;
/// Frames of the step; shorter than the silence before the next note.
const STEP: usize = 300;

/// Plays the probe and measures every note.
pub fn measure(driver: &Driver, settings: SynthSettings) -> Result<TimingReport> {
    let mut session = SynthSession::open(driver, settings)?;
    for item in bank(settings.rate).download_set(&Selection::All, Options::default()) {
        session.download(&item.bytes)?;
    }
    let song = song();
    session.play(&song)?;
    let mut due: Vec<Due> = song
        .events
        .iter()
        .filter(|event| event.message[0] == NOTE_ON)
        .map(|event| Due {
            at: event.at,
            earliest: i64::MAX,
            latest: i64::MIN,
        })
        .collect();
    let rate = i64::from(settings.rate);
    let period = settings.rate / 100;
    let mut sound = Vec::new();
    while i64::try_from(sound.len())? * SECOND < song.length * rate {
        let now = i64::try_from(sound.len())? * SECOND / rate;
        for due in due
            .iter_mut()
            .filter(|due| (0..=AHEAD).contains(&(due.at - now)))
        {
            let frame = session.frame_of(due.at)?;
            due.earliest = due.earliest.min(frame);
            due.latest = due.latest.max(frame);
        }
        let block = session.render(period as usize)?;
        sound.extend(
            block
                .chunks(usize::from(settings.channels))
                .map(|frame| frame.iter().any(|sample| *sample != 0)),
        );
    }
    session.close();
    let starts = starts(&sound);
    ensure!(
        starts.len() == due.len(),
        "{} of {} notes of the timing probe were heard",
        starts.len(),
        due.len()
    );
    let worst = starts
        .iter()
        .zip(&due)
        .map(|(start, due)| start.abs_diff(*start.clamp(&due.earliest, &due.latest)))
        .max();
    Ok(TimingReport {
        notes: due.len(),
        worst_frames: worst.unwrap_or(0),
    })
}

/// A note and the frames that the synthesizer names for it between its hand-over and its sound: the map is corrected all
/// the time, and a presentation time close to a frame's edge may pass it.
struct Due {
    at: i64,
    earliest: i64,
    latest: i64,
}

/// The frames where sound follows silence.
fn starts(sound: &[bool]) -> Vec<i64> {
    let mut silent = STEP;
    let mut starts = Vec::new();
    for (frame, sounding) in (0..).zip(sound) {
        if *sounding && silent >= STEP {
            starts.push(frame);
        }
        silent = if *sounding { 0 } else { silent + 1 };
    }
    starts
}

fn bank(rate: u32) -> Bank {
    let region = Region {
        sample: Some(Sample::new(KEY)),
        ..Region::new(0)
    };
    let instrument = Instrument {
        regions: vec![region],
        ..Instrument::default()
    };
    Bank {
        name: "Step".to_owned(),
        instruments: vec![instrument],
        waves: vec![Wave::new("Step", rate, vec![16_000; STEP])],
    }
}

fn song() -> Song {
    let events = (1..=NOTES)
        .flat_map(|note| {
            let at = FIRST + i64::from(note) * SPACING;
            [(at, NOTE_ON, 127), (at + SPACING / 2, NOTE_OFF, 64)]
        })
        .map(|(at, status, value)| Event {
            at,
            message: vec![status, KEY, value],
        })
        .collect();
    Song {
        events,
        length: FIRST + i64::from(NOTES + 2) * SPACING,
        ..Song::default()
    }
}

const KEY: u8 = 60;
const NOTE_ON: u8 = 0x90;
const NOTE_OFF: u8 = 0x80;

impl std::fmt::Display for TimingReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} probe notes start {} frame(s) off at most",
            self.notes, self.worst_frames
        )
    }
}
