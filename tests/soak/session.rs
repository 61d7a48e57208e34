//! A quarter of an hour with one synth.

use std::fmt;

use dmusmini::dls::Download;
use dmusmini::synth::{
    BLOCK_FRAMES, Config, Effects, GroupMemory, Interpolation, ScheduleError, Synth,
};
use dmusmini::time::SampleTime;
use dmusmini_collection::{Bank, Options, Selection};

use crate::allocations;
use crate::hostile::{self, Random};

/// Virtual minutes of a session.
pub(crate) const MINUTES: u64 = 15;

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    pub(crate) sessions: u64,
    pub(crate) frames: u64,
    /// Virtual time in milliseconds.
    pub(crate) milliseconds: u64,
    pub(crate) messages: u64,
    pub(crate) notes: u64,
    pub(crate) malformed: u64,
    pub(crate) lost_events: u64,
    pub(crate) lost_notes: u64,
    pub(crate) peak_voices: u32,
    /// The longest that a note lived after everything had been released.
    pub(crate) longest_release: u64,
}

impl Report {
    pub(crate) fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.frames += other.frames;
        self.milliseconds += other.milliseconds;
        self.messages += other.messages;
        self.notes += other.notes;
        self.malformed += other.malformed;
        self.lost_events += other.lost_events;
        self.lost_notes += other.lost_notes;
        self.peak_voices = self.peak_voices.max(other.peak_voices);
        self.longest_release = self.longest_release.max(other.longest_release);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} min {} s virtual, {} frames, {} messages ({} notes, {} malformed), {} events and \
             {} notes lost, up to {} voices; the last note ended {} ms after its release",
            self.milliseconds / 60_000,
            self.milliseconds / 1000 % 60,
            self.frames,
            self.messages,
            self.notes,
            self.malformed,
            self.lost_events,
            self.lost_notes,
            self.peak_voices,
            self.longest_release,
        )
    }
}

/// A synth and the player that torments it.
struct Session {
    synth: Synth,
    rate: u32,
    channels: u8,
    groups: u16,
    random: Random,
    position: i64,
    report: Report,
}

/// Plays session `number`. Panics where something is wrong, with the session's number.
pub(crate) fn play(bank: &Bank, number: u64) -> Report {
    let before = allocations::bytes();
    let report = Session::open(bank, number).run(bank, number);
    assert_eq!(allocations::bytes(), before, "session {number} leaks");
    report
}

fn config(random: &mut Random, number: u64) -> Config {
    Config {
        sample_rate: random.of(&[8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000]),
        channels: random.of(&[1, 2, 2]),
        voices: if number % 48 == 47 {
            1024
        } else {
            random.of(&[8, 16, 24, 32, 48, 64, 96, 256])
        },
        channel_groups: random.of(&[1, 3, 40]),
        // Every other session has a queue that runs over.
        event_capacity: if number.is_multiple_of(2) {
            256
        } else {
            65_536
        },
        interpolation: random.of(&[
            Interpolation::Linear,
            Interpolation::FourPoint,
            Interpolation::Sinc8,
            Interpolation::Sinc16,
            Interpolation::Sinc16,
        ]),
        effects: Effects {
            reverb: random.below(3) == 0,
            chorus: random.below(3) == 0,
        },
        ..Config::default()
    }
}

/// A synth with a bank.
pub(crate) fn synth(bank: &Bank, config: &Config) -> Synth {
    let mut synth = Synth::try_new(config).unwrap();
    for item in bank.download_set(&Selection::All, Options::default()) {
        let download = Download::parse(&item.bytes).unwrap();
        synth.install(download).map_err(|(error, _)| error).unwrap();
    }
    synth
}

impl Session {
    fn open(bank: &Bank, number: u64) -> Self {
        let mut random = Random::new(number);
        let config = config(&mut random, number);
        let start = number * MINUTES * 60 * u64::from(config.sample_rate);
        Self {
            synth: synth(bank, &config),
            rate: config.sample_rate,
            channels: config.channels,
            groups: config.channel_groups,
            random,
            position: i64::try_from(start).unwrap(),
            report: Report {
                sessions: 1,
                ..Report::default()
            },
        }
    }

    fn run(mut self, bank: &Bank, number: u64) -> Report {
        let rewires = number % 4 == 3;
        for part in 1..=MINUTES / 5 {
            // What is sent in the last five seconds of each five minutes is played by then.
            for _ in 0..29 {
                self.torment(rewires);
            }
            self.render_seconds(5);
            self.let_everything_go(number, rewires);
            let left = (part * 300_000).saturating_sub(self.report.milliseconds);
            self.render(left * u64::from(self.rate) / 1000 + 64);
        }
        self.probe(bank, number);
        let stats = self.synth.stats();
        self.report.lost_events = stats.events_lost.into();
        self.report.lost_notes = stats.notes_lost.into();
        self.report.peak_voices = stats.peak_voices;
        self.report
    }

    /// Ten seconds of hostile messages, few or many.
    fn torment(&mut self, rewires: bool) {
        let a_second = self.random.of(&[1, 5, 20, 100, 1000]);
        for _ in 0..100 {
            // A tenth of a second, and now and then a flood for a single frame.
            let mut count = a_second / 10 + u64::from(self.random.below(10) < a_second % 10);
            let flood = self.random.below(700) == 0;
            if flood {
                count += 5000;
            }
            for _ in 0..count {
                let message = hostile::message(&mut self.random, rewires);
                let rate = u64::from(self.rate);
                let offset = match self.random.below(20) {
                    _ if flood => 0,
                    0 => -i64::try_from(self.random.below(rate)).unwrap(),
                    1 => i64::try_from(self.random.below(5 * rate)).unwrap(),
                    _ => i64::try_from(self.random.below(rate / 10)).unwrap(),
                };
                // 0 is all groups; one above the last is not open.
                let group = match self.random.below(50) {
                    0 => 0,
                    1 => self.groups + 1,
                    _ => 1 + u16::try_from(self.random.below(self.groups.into())).unwrap(),
                };
                self.send(self.position + offset, group, &message);
            }
            self.render(u64::from(self.rate) / 10);
        }
    }

    fn send(&mut self, at: i64, group: u16, message: &[u8]) {
        let mut spare = None;
        while self.synth.use_group(group, &mut spare).is_err() {
            spare = Some(GroupMemory::try_new().unwrap());
        }
        self.report.messages += 1;
        let calls = allocations::calls();
        let sent = self.synth.schedule(SampleTime(at), group, message);
        assert_eq!(allocations::calls(), calls, "memory in schedule");
        match sent {
            Ok(()) if matches!(message, [0x90..=0x9F, _, 1..=127]) => self.report.notes += 1,
            Err(ScheduleError::Malformed) => self.report.malformed += 1,
            _ => {}
        }
    }

    /// Voices, what fades included.
    fn sounding(&self) -> u32 {
        let stats = self.synth.stats();
        stats.voices + stats.fading
    }

    fn render_seconds(&mut self, seconds: u64) {
        self.render(seconds * u64::from(self.rate));
    }

    fn render(&mut self, frames: u64) {
        let mut block = [0_i16; 2 * BLOCK_FRAMES];
        let mut left = usize::try_from(frames).unwrap();
        let calls = allocations::calls();
        while left > 0 {
            let count = left.min(BLOCK_FRAMES);
            let samples = count * usize::from(self.channels);
            let at = SampleTime(self.position);
            // In steps, as the driver does.
            let made = loop {
                if let Some(made) = self.synth.render_some(at, &mut block[..samples]) {
                    break made;
                }
            };
            self.position += i64::try_from(made).unwrap();
            left -= made;
        }
        assert_eq!(allocations::calls(), calls, "memory in render");
        let stats = self.synth.stats();
        let most = u32::from(self.synth.config().voices);
        assert!(stats.voices <= most && stats.peak_voices <= most);
        assert!(stats.voices + stats.fading <= most + (most / 4).max(4));
        self.report.frames += frames;
        self.report.milliseconds += frames * 1000 / u64::from(self.rate);
    }

    /// Pedals up and all notes off, or a reset where parts hear no channel: everything ends by
    /// itself, the longest release that there is being 40 s.
    fn let_everything_go(&mut self, number: u64, rewires: bool) {
        if rewires {
            self.send(self.position, 0, GM_ON);
        }
        for channel in 0..16 {
            for controller in [64, 66, 123] {
                self.send(self.position, 0, &[0xB0 | channel, controller, 0]);
            }
        }
        let start = self.report.milliseconds;
        while self.sounding() > 0 {
            self.render(u64::from(self.rate) / 20);
            let since = self.report.milliseconds - start;
            assert!(
                since < 41_000,
                "session {number}: {} voices hang",
                self.sounding()
            );
        }
        let since = self.report.milliseconds - start;
        self.report.longest_release = self.report.longest_release.max(since);
    }

    /// After all that, and a reset, a phrase sounds exactly as it does on a synth that was made
    /// just now: nothing has drifted, at whatever frame the clock is.
    fn probe(&mut self, bank: &Bank, number: u64) {
        let config = Config {
            // An effect's own movements go on; what the voices are given is compared.
            effects: Effects::default(),
            ..*self.synth.config()
        };
        let mut fresh = synth(bank, &config);
        let effects = self.synth.config().effects;
        let mut worst = 0;
        self.send(self.position, 0, GM_ON);
        self.render_seconds(1);
        assert_eq!(self.sounding(), 0, "session {number}");
        let phrase: [(i64, &[u8]); 9] = [
            (0, GM_ON),
            (1, &[0xC0, 48]),
            (1, &[0xB0, 91, 0]),
            (1, &[0xB0, 93, 0]),
            (70, &[0x90, 60, 100]),
            (130, &[0x90, 67, 80]),
            (131, &[0xE0, 0, 70]),
            (3000, &[0x99, 38, 127]),
            (5000, &[0xB0, 123, 0]),
        ];
        for (at, message) in phrase {
            self.send(self.position + at, 1, message);
            fresh.schedule(SampleTime(at), 1, message).unwrap();
        }
        for block in 0..200 {
            let mut ours = [0_i16; 2 * BLOCK_FRAMES];
            let mut theirs = [0_i16; 2 * BLOCK_FRAMES];
            let samples = BLOCK_FRAMES * usize::from(self.channels);
            self.synth
                .render(SampleTime(self.position), &mut ours[..samples]);
            fresh.render(SampleTime(block * FRAMES), &mut theirs[..samples]);
            self.position += FRAMES;
            for (a, b) in ours.iter().zip(&theirs) {
                worst = worst.max(a.abs_diff(*b));
            }
        }
        // What rings on in an effect after more than a second is another matter.
        if effects == Effects::default() {
            assert_eq!(worst, 0, "session {number}: it has drifted");
        }
    }
}

const FRAMES: i64 = 128;
const GM_ON: &[u8] = &[0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7];
const _: () = assert!(BLOCK_FRAMES == 128);
