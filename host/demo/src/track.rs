//! One part of the song: notes and gestures on one channel, as a track of a Standard MIDI File.

use crate::dsp::Noise;
use crate::score::{self, BAR, Note, QUARTER};
use midly::num::{u4, u7, u28};
use midly::{MetaMessage, MidiMessage, PitchBend, Track, TrackEvent, TrackEventKind};

/// Ticks before bar 1: a bar of one beat in which every part sets itself up. A MIDI cable needs a tenth of a second for
/// that, and many an instrument a moment of its own after a reset.
pub(crate) const SET_UP: u32 = QUARTER;

/// A moment, from bar 1 and beat 1 (a quarter) as musicians count.
pub(crate) fn at(bar: u32, beat: f64) -> u32 {
    SET_UP + (bar - 1) * BAR + ((beat - 1.0) * f64::from(QUARTER)).round() as u32
}

pub(crate) struct Part {
    name: &'static str,
    channel: u4,
    /// Where a note's end comes before a note's start at the same tick: ends are 0, gestures 1, starts 2.
    events: Vec<(u32, u8, MidiMessage)>,
    /// A player's unevenness.
    hand: Noise,
}

impl Part {
    /// A part on `channel` (counted from 1) with its program, volume and place.
    pub(crate) fn new(name: &'static str, channel: u8, program: u8, volume: u8, pan: u8) -> Self {
        let mut part = Self {
            name,
            channel: u4::new(channel - 1),
            events: Vec::new(),
            hand: Noise::new(u64::from(channel)),
        };
        for (controller, value) in [
            (0, 0),
            (32, 0),
            (7, volume),
            (10, pan),
            (11, 127),
            (91, 42),
            (93, 12),
        ] {
            part.control(SET_UP / 4, controller, value);
        }
        part.push(
            SET_UP / 4,
            1,
            MidiMessage::ProgramChange {
                program: u7::new(program),
            },
        );
        part
    }

    /// Plays a line of [`score`] notation from the start of a bar.
    pub(crate) fn play(&mut self, bar: u32, velocity: u8, line: &str) {
        let notes = score::parse(line).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        for note in notes {
            let strength = velocity + if note.accent { 14 } else { 0 };
            self.note(
                Note {
                    start: at(bar, 1.0) + note.start,
                    ..note
                },
                strength,
            );
        }
    }

    /// Plays one note, a hair before or after its time.
    pub(crate) fn note(&mut self, note: Note, velocity: u8) {
        let start = note.start - 3 + (6.0 * self.hand.phase()).round() as u32;
        let strength = f64::from(velocity) + 6.0 * self.hand.sample();
        let (key, vel) = (
            u7::new(note.key),
            u7::new(strength.round().clamp(1.0, 127.0) as u8),
        );
        let end = (note.start + note.length).saturating_sub(8).max(start + 10);
        self.push(start, 2, MidiMessage::NoteOn { key, vel });
        self.push(
            end,
            0,
            MidiMessage::NoteOff {
                key,
                vel: u7::new(64),
            },
        );
    }

    pub(crate) fn control(&mut self, tick: u32, controller: u8, value: u8) {
        let (controller, value) = (u7::new(controller), u7::new(value));
        self.push(tick, 1, MidiMessage::Controller { controller, value });
    }

    /// Moves a controller from one value to another, a step at a time.
    pub(crate) fn ramp(&mut self, controller: u8, (from, low): (u32, u8), (to, high): (u32, u8)) {
        let steps = u32::from(low.abs_diff(high)).min((to - from) / 20).max(1);
        for step in 0..=steps {
            let along = f64::from(step) / f64::from(steps);
            let value = f64::from(low) + along * (f64::from(high) - f64::from(low));
            self.control(
                from + (along * f64::from(to - from)) as u32,
                controller,
                value.round() as u8,
            );
        }
    }

    /// Bends from one interval in semitones to another along a half cosine, within the wheel's ±2.
    pub(crate) fn bend(&mut self, (from, low): (u32, f64), (to, high): (u32, f64)) {
        const SEMITONE: f64 = 8192.0 / 2.0;
        let steps = ((to - from) / 12).max(1);
        for step in 0..=steps {
            let along = f64::from(step) / f64::from(steps);
            let eased = 0.5 - 0.5 * libm::cos(std::f64::consts::PI * along);
            let wheel = ((low + eased * (high - low)) * SEMITONE)
                .round()
                .clamp(-8192.0, 8191.0) as i16;
            let bend = PitchBend::from_int(wheel);
            self.push(
                from + (along * f64::from(to - from)) as u32,
                1,
                MidiMessage::PitchBend { bend },
            );
        }
    }

    /// Slides up into a note.
    pub(crate) fn scoop(&mut self, tick: u32, semitones: f64) {
        self.bend(
            (tick.saturating_sub(4), -semitones),
            (tick + QUARTER / 3, 0.0),
        );
    }

    /// Lets the wheel add vibrato over a long note.
    pub(crate) fn swell_vibrato(&mut self, from: u32, to: u32, depth: u8) {
        self.ramp(1, (from, 0), (u32::midpoint(from, to), depth));
        self.control(to, 1, 0);
    }

    /// Presses the pedal just after `from` and lets it go just before `to`.
    pub(crate) fn pedal(&mut self, from: u32, to: u32) {
        self.control(from + 30, 64, 127);
        self.control(to - 20, 64, 0);
    }

    /// The part as a track.
    pub(crate) fn into_track(mut self) -> Track<'static> {
        self.events.sort_by_key(|&(tick, order, _)| (tick, order));
        let mut track = vec![meta(0, MetaMessage::TrackName(self.name.as_bytes()))];
        let mut now = 0;
        for (tick, _, message) in self.events {
            let kind = TrackEventKind::Midi {
                channel: self.channel,
                message,
            };
            track.push(TrackEvent {
                delta: u28::new(tick - now),
                kind,
            });
            now = tick;
        }
        track.push(meta(0, MetaMessage::EndOfTrack));
        track
    }

    fn push(&mut self, tick: u32, order: u8, message: MidiMessage) {
        self.events.push((tick, order, message));
    }
}

pub(crate) fn meta(delta: u32, message: MetaMessage<'static>) -> TrackEvent<'static> {
    TrackEvent {
        delta: u28::new(delta),
        kind: TrackEventKind::Meta(message),
    }
}
