//! Instruments, channels and voices; events take effect on their exact frame.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;

use dmusmini_collection::{Bank, Instrument, Sample, destination, source};

use crate::articulation::Articulation;
use crate::channel::Channel;
use crate::curve::Value;
use crate::lfo::Shape;
use crate::oscillator::{Kernel, Source};
use crate::voice::{Note, Voice};

/// What may be chosen.
pub struct Settings {
    /// Frames a second.
    pub rate: f64,
    /// Both are allowed by the text.
    pub lfo_shape: Shape,
    /// How waves are read between their frames.
    pub kernel: Box<dyn Kernel>,
    /// Frames in which level and pan follow a controller, in a straight line.
    pub glide: u32,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("rate", &self.rate)
            .field("lfo_shape", &self.lfo_shape)
            .field("glide", &self.glide)
            .finish_non_exhaustive()
    }
}

/// The reference synthesizer: one channel group, no voice limit, no effects, no clipping.
#[derive(Debug)]
pub struct Synth {
    settings: Settings,
    instruments: Vec<Rc<Instrument>>,
    by_patch: HashMap<u32, usize>,
    waves: Vec<Rc<Source>>,
    wave_samples: Vec<Option<Sample>>,
    channels: Vec<Channel>,
    voices: Vec<Voice>,
    /// Waiting messages by frame, in order of arrival.
    events: BTreeMap<u64, Vec<Vec<u8>>>,
    /// The next frame.
    position: u64,
    serial: u64,
    /// Master volume in decibels.
    master: f64,
}

impl Synth {
    /// A synth that plays `bank`.
    pub fn new(settings: Settings, bank: &Bank) -> Self {
        let patches = bank.instruments.iter().enumerate();
        Self {
            settings,
            by_patch: patches
                .map(|(index, instrument)| (instrument.patch, index))
                .collect(),
            instruments: bank.instruments.iter().cloned().map(Rc::new).collect(),
            waves: bank
                .waves
                .iter()
                .map(|wave| Rc::new(Source::new(wave)))
                .collect(),
            wave_samples: bank.waves.iter().map(|wave| wave.sample).collect(),
            channels: (0..16).map(|channel| Channel::new(channel == 9)).collect(),
            voices: Vec::new(),
            events: BTreeMap::new(),
            position: 0,
            serial: 0,
            master: 0.0,
        }
    }

    /// Queues a MIDI message for a frame.
    pub fn schedule(&mut self, frame: u64, message: &[u8]) {
        self.events
            .entry(frame.max(self.position))
            .or_default()
            .push(message.to_vec());
    }

    /// How many voices sound.
    pub fn voices(&self) -> usize {
        self.voices.len()
    }

    /// Renders the next `count` frames, left and right; 32,768 is 16-bit full scale.
    pub fn render(&mut self, count: usize) -> Vec<[f64; 2]> {
        let mut out = Vec::with_capacity(count);
        for _ in 0..count {
            for message in self.events.remove(&self.position).unwrap_or_default() {
                self.message(&message);
            }
            let settings = &self.settings;
            self.voices.retain(|voice| !voice.is_over(settings));
            let mut sum = [0.0; 2];
            for voice in &mut self.voices {
                let [left, right] = voice.frame(settings);
                sum[0] += left;
                sum[1] += right;
            }
            out.push(sum);
            self.position += 1;
        }
        out
    }

    fn message(&mut self, message: &[u8]) {
        let [status, rest @ ..] = message else { return };
        let channel = usize::from(status & 15);
        let data = |at: usize| rest.get(at).copied().unwrap_or(0) & 127;
        match status & 0xF0 {
            0x90 if data(1) > 0 => self.note_on(channel, data(0), data(1)),
            0x80 | 0x90 => self.note_off(channel, data(0)),
            0xA0 => self.channels[channel].key_pressure[usize::from(data(0))] = data(1),
            0xB0 => self.control(channel, data(0), data(1)),
            0xC0 => self.channels[channel].program(data(0)),
            0xD0 => self.channels[channel].pressure = data(0),
            0xE0 => self.channels[channel].wheel = u16::from(data(1)) << 7 | u16::from(data(0)),
            0xF0 => self.system(rest),
            _ => {}
        }
        for voice in &mut self.voices {
            let channel = &self.channels[voice.note.channel];
            voice.control(channel, &self.settings, self.master);
        }
    }

    fn note_on(&mut self, number: usize, key: u8, velocity: u8) {
        let channel = &self.channels[number];
        let Some(instrument) = self.instrument(channel) else {
            return;
        };
        self.serial += 1;
        let mut started = Vec::new();
        for region in &instrument.regions {
            let common = if region.articulation_alone {
                &[]
            } else {
                instrument.articulation.as_slice()
            };
            let articulation = Articulation::new(common, &region.articulation);
            let sounding_key = sounding_key(&articulation, channel, key, velocity);
            let chosen = sounding_key.round().clamp(0.0, 127.0) as u8;
            let inside = |(low, high): (u8, u8), value| low <= value && value <= high;
            if !inside(region.keys, chosen) || !inside(region.velocities, velocity) {
                continue;
            }
            let own = self.wave_samples[region.wave];
            let note = Note {
                serial: self.serial,
                channel: number,
                key,
                velocity,
                patch: channel.patch,
                key_group: region.key_group,
            };
            for voice in &mut self.voices {
                let other = voice.note;
                let same_key = other.key == key && !region.self_non_exclusive;
                let same_group = region.key_group != 0
                    && other.key_group == region.key_group
                    && other.patch == note.patch;
                if other.channel == number && (same_key || same_group) {
                    voice.cut(&self.settings);
                }
            }
            started.push(Voice::new(
                note,
                sounding_key,
                region.sample.or(own).unwrap_or(Sample::new(60)),
                articulation,
                self.waves[region.wave].clone(),
                channel,
                &self.settings,
                self.master,
            ));
        }
        self.voices.extend(started);
    }

    /// The chosen instrument, or what stands in for it: bank 0's, or the standard kit.
    fn instrument(&self, channel: &Channel) -> Option<Rc<Instrument>> {
        let drums = channel.patch & 0x8000_0000;
        let stand_in = if drums == 0 {
            channel.patch & 0x7F
        } else {
            drums
        };
        let index = self
            .by_patch
            .get(&channel.patch)
            .or_else(|| self.by_patch.get(&stand_in))?;
        self.instruments.get(*index).cloned()
    }

    fn note_off(&mut self, channel: usize, key: u8) {
        let open = |voice: &&mut Voice| {
            let note = voice.note;
            note.channel == channel && note.key == key && !voice.is_released && !voice.is_held
        };
        let oldest = self
            .voices
            .iter_mut()
            .filter(open)
            .map(|voice| voice.note.serial)
            .min();
        let pedal = self.channels[channel].cc[64] >= 64;
        for voice in self.voices.iter_mut().filter(open) {
            if Some(voice.note.serial) == oldest {
                if pedal {
                    voice.is_held = true;
                } else {
                    voice.release(&self.settings);
                }
            }
        }
    }

    fn control(&mut self, number: usize, controller: u8, value: u8) {
        self.channels[number].control(controller, value);
        let lifted = self.channels[number].cc[64] < 64;
        let pedal = self.channels[number].cc[64] >= 64;
        for voice in self
            .voices
            .iter_mut()
            .filter(|voice| voice.note.channel == number)
        {
            match controller {
                120 => voice.cut(&self.settings),
                64 | 121 if lifted && voice.is_held => voice.release(&self.settings),
                123..=127 if !voice.is_released && pedal => voice.is_held = true,
                123..=127 if !voice.is_released => voice.release(&self.settings),
                _ => {}
            }
        }
    }

    fn system(&mut self, data: &[u8]) {
        match data {
            [0x7E, _, 0x09, 1..=3, ..]
            | [0x41, _, 0x42, 0x12, 0x40, 0, 0x7F, 0, ..]
            | [0x43, _, 0x4C, 0, 0, 0x7E, 0, ..] => {
                self.voices
                    .iter_mut()
                    .for_each(|voice| voice.cut(&self.settings));
                self.channels = (0..16).map(|channel| Channel::new(channel == 9)).collect();
                self.master = 0.0;
            }
            [0x7F, _, 0x04, 0x01, _, level, ..] => {
                let level = f64::from(level & 127) / 127.0;
                self.master = (40.0 * level.log10()).max(-96.0);
            }
            _ => {}
        }
    }
}

/// The key after its key-number connections, in keys; may lie between two.
fn sounding_key(articulation: &Articulation, channel: &Channel, key: u8, velocity: u8) -> f64 {
    let read = |input| match input {
        source::KEY => Value::Seven(key),
        source::VELOCITY => Value::Seven(velocity),
        other => channel.value(other, key).unwrap_or(Value::Unit(0.0)),
    };
    let connected = articulation.connections.iter();
    let connected = connected.filter(|c| c.destination == destination::KEY_NUMBER);
    let moved = connected.map(|c| {
        // Drum kits are not transposed: their keys are instruments.
        if c.source == source::RPN2 && channel.is_drums {
            return 0.0;
        }
        c.scale
            * c.source_transform.apply(read(c.source))
            * c.control_transform.apply(read(c.control))
    });
    (moved.sum::<f64>() + articulation.fixed(destination::KEY_NUMBER)) / 100.0
}
