//! Times one peer on one Standard MIDI File: `peers ENGINE MODE SOUNDFONT SONG SECONDS` prints the
//! processor time of rendering in nanoseconds.

use std::fs::File;
use std::sync::Arc;

use anyhow::{Result, bail};
use oxisynth::{InterpolationMethod, MidiEvent};
use rustix::time::{ClockId, clock_gettime};

const RATE: f64 = 44_100.0;
const BLOCK: usize = 64;

trait Engine {
    fn message(&mut self, bytes: &[u8]);
    fn block(&mut self);
}

struct Rusty {
    synth: rustysynth::Synthesizer,
    out: [[f32; BLOCK]; 2],
}

impl Rusty {
    fn new(font: &str) -> Result<Self> {
        let font = Arc::new(rustysynth::SoundFont::new(&mut File::open(font)?)?);
        let mut settings = rustysynth::SynthesizerSettings::new(RATE as i32);
        settings.maximum_polyphony = 64;
        settings.enable_reverb_and_chorus = false;
        let synth = rustysynth::Synthesizer::new(&font, &settings)?;
        Ok(Self {
            synth,
            out: [[0.0; BLOCK]; 2],
        })
    }
}

impl Engine for Rusty {
    fn message(&mut self, bytes: &[u8]) {
        if let [status @ 0x80..=0xEF, first, ref rest @ ..] = *bytes {
            let second = rest.first().copied().unwrap_or(0);
            self.synth.process_midi_message(
                (status & 15).into(),
                (status & 0xF0).into(),
                first.into(),
                second.into(),
            );
        }
    }

    fn block(&mut self) {
        let [left, right] = &mut self.out;
        self.synth.render(left, right);
    }
}

struct Oxi {
    synth: oxisynth::Synth,
    out: [f32; 2 * BLOCK],
}

impl Oxi {
    fn new(font: &str, mode: &str) -> Result<Self> {
        let mut synth = oxisynth::Synth::new(oxisynth::SynthDescriptor {
            reverb_active: false,
            chorus_active: false,
            polyphony: 64,
            interpolation: match mode {
                "linear" => InterpolationMethod::Linear,
                _ => InterpolationMethod::FourthOrder,
            },
            ..Default::default()
        })
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let font = oxisynth::SoundFont::load(&mut File::open(font)?)
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        synth.add_font(font, true);
        Ok(Self {
            synth,
            out: [0.0; 2 * BLOCK],
        })
    }
}

impl Engine for Oxi {
    fn message(&mut self, bytes: &[u8]) {
        let [status, first, ref rest @ ..] = *bytes else {
            return;
        };
        let second = rest.first().copied().unwrap_or(0);
        let channel = status & 15;
        let event = match status & 0xF0 {
            0x90 if second > 0 => MidiEvent::NoteOn {
                channel,
                key: first,
                vel: second,
            },
            0x80 | 0x90 => MidiEvent::NoteOff {
                channel,
                key: first,
            },
            0xB0 => MidiEvent::ControlChange {
                channel,
                ctrl: first,
                value: second,
            },
            0xC0 => MidiEvent::ProgramChange {
                channel,
                program_id: first,
            },
            0xE0 => MidiEvent::PitchBend {
                channel,
                value: u16::from(second) << 7 | u16::from(first),
            },
            _ => return,
        };
        // A note that has no preset is an error here and silence elsewhere.
        let _ = self.synth.send_event(event);
    }

    fn block(&mut self) {
        self.synth.write(&mut self.out[..]);
    }
}

/// Nanoseconds that this thread has run: the clock that the driver's synth is timed with.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, mode, font, song, seconds] = &arguments[..] else {
        bail!("peers ENGINE MODE SOUNDFONT SONG SECONDS");
    };
    let mut engine: Box<dyn Engine> = match engine.as_str() {
        "rustysynth" => Box::new(Rusty::new(font)?),
        "oxisynth" => Box::new(Oxi::new(font, mode)?),
        other => bail!("no engine {other}"),
    };
    let song = dmusmini_song::Song::open(song)?;
    let end = (seconds.parse::<f64>()? * RATE) as usize;
    let mut events = song.events.iter().peekable();
    let start = processor_time();
    let mut position = 0;
    while position < end {
        let due = |at: i64| at as f64 * RATE / dmusmini_song::SECOND as f64;
        while let Some(event) = events.next_if(|event| due(event.at) <= position as f64) {
            engine.message(&event.message);
        }
        engine.block();
        position += BLOCK;
    }
    println!("{}", processor_time() - start);
    Ok(())
}
