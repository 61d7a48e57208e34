//! `dmus info`

use crate::arguments::Info;
use crate::output;
use crate::plot::Sound;
use crate::report::{AudioReport, SongReport, clock, mebibytes};
use crate::warnings::Warnings;
use anyhow::{Context, Result, bail};
use dmusmini_collection::Collection;
use dmusmini_song::Song;
use dmusmini_terminal as terminal;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(super) fn run(arguments: &Info, is_strict: bool) -> Result<()> {
    let mut facts = Vec::new();
    for path in &arguments.files {
        let mut warnings = Warnings::new(is_strict);
        let mut about = Facts::of(path, &mut warnings)?;
        about.json["warnings"] = warnings.into_list().into();
        facts.push(about);
    }
    if arguments.json {
        let values: Vec<&Value> = facts.iter().map(|facts| &facts.json).collect();
        output::print_json(&values)
    } else {
        let texts: Vec<&str> = facts.iter().map(|facts| facts.text.as_str()).collect();
        output::print(&texts.join("\n"))
    }
}

/// What is told about one file.
struct Facts {
    text: String,
    json: Value,
}

impl Facts {
    fn of(path: &Path, warnings: &mut Warnings) -> Result<Self> {
        let mut head = [0; 12];
        let mut file = File::open(path)
            .with_context(|| format!("{}: cannot read the file", path.display()))?;
        let length = file
            .read(&mut head)
            .with_context(|| format!("{}: cannot read the file", path.display()))?;
        match (&head[..length.min(4)], &head[8..]) {
            (b"RIFF", b"DLS ") => Self::of_bank_of(&Collection::open(path)?, warnings),
            (b"RIFF" | b"RF64", b"WAVE") => Ok(Self::of_sound(path, &Sound::open(path)?)),
            (b"MThd", _) | (b"RIFF", b"RMID") => Self::of_song_of(&Song::open(path)?, warnings),
            // A song with something before it.
            _ => match Song::open(path) {
                Ok(song) => Self::of_song_of(&song, warnings),
                Err(_) => bail!(
                    "{}: byte 0x0: neither a MIDI file nor a DLS collection nor a WAV file",
                    path.display()
                ),
            },
        }
    }

    fn of_bank_of(collection: &Collection, warnings: &mut Warnings) -> Result<Self> {
        warnings.of_bank(collection)?;
        Ok(Self::of_bank(collection))
    }

    /// A song, and the instruments that it brings.
    fn of_song_of(song: &Song, warnings: &mut Warnings) -> Result<Self> {
        warnings.of_song(song)?;
        let mut facts = Self::of_song(song);
        if let Some(bank) = super::instruments(song, None, warnings)? {
            let bank = Self::of_bank(&bank);
            facts.text.push_str(&bank.text);
            facts.json["bank"] = bank.json;
        }
        Ok(facts)
    }

    fn of_song(song: &Song) -> Self {
        let report = SongReport::of(song);
        let tempo = |us: u32| format!("{:.1}", 60e6 / f64::from(us.max(1)));
        let tempos = match song.tempos[..] {
            [] => "120.0".to_owned(),
            [(_, only)] => tempo(only),
            _ => {
                let all = || song.tempos.iter().map(|tempo| tempo.1);
                format!(
                    "{} to {} ({} changes)",
                    tempo(all().max().unwrap_or(0)),
                    tempo(all().min().unwrap_or(0)),
                    song.tempos.len()
                )
            }
        };
        let mut text = format!(
            "{report}\n  format {}, {} tracks, tempo {tempos}\n",
            song.format, song.tracks
        );
        let mut channels = Vec::new();
        for (group, channel) in (1..=song.channel_groups())
            .flat_map(|group| (0..16).map(move |channel| (group, channel)))
        {
            let Some(own) = Part::of(song, group, channel) else {
                continue;
            };
            let number = song.ports.get(usize::from(group) - 1);
            let place = number.map_or_else(String::new, |port| format!("port {port}, "));
            let _ = writeln!(
                text,
                "  {place}channel {:>2}  {:>5} notes, keys {:>3}-{:<3}  {}",
                channel + 1,
                own.notes,
                own.low,
                own.high,
                own.names(channel)
            );
            channels.push(json!({ "port": number, "channel": channel + 1, "notes": own.notes, "low": own.low, "high": own.high, "programs": own.programs }));
        }
        let json = json!({ "kind": "song", "song": report, "format": song.format, "tracks": song.tracks, "channels": channels });
        Self { text, json }
    }

    fn of_bank(collection: &Collection) -> Self {
        let bank = collection.bank();
        let bytes: usize = bank
            .waves
            .iter()
            .map(|wave| wave.frames.to_bytes().len())
            .sum();
        let regions: usize = bank
            .instruments
            .iter()
            .map(|instrument| instrument.regions.len())
            .sum();
        let mut text = format!(
            "{}: \"{}\", {} instruments, {regions} regions, {} waves of {:.1} MiB\n",
            collection.path().display(),
            terminal::line(&bank.name),
            bank.instruments.len(),
            bank.waves.len(),
            mebibytes(bytes)
        );
        for instrument in &bank.instruments {
            let _ = writeln!(
                text,
                "  {}  {:>3} regions  {}",
                patch(instrument.patch),
                instrument.regions.len(),
                terminal::line(&instrument.name)
            );
        }
        let instruments: Vec<Value> = bank
            .instruments
            .iter()
            .map(|instrument| json!({ "patch": instrument.patch, "name": instrument.name, "regions": instrument.regions.len() }))
            .collect();
        let waves: Vec<Value> = bank
            .waves
            .iter()
            .map(|wave| json!({ "name": wave.name, "rate": wave.rate, "bits": wave.frames.bits(), "frames": wave.frames.len() }))
            .collect();
        let json = json!({ "kind": "bank", "path": collection.path(), "name": bank.name, "instruments": instruments, "waves": waves });
        Self { text, json }
    }

    fn of_sound(path: &Path, sound: &Sound) -> Self {
        let mut audio = AudioReport::new(sound.rate, sound.channels);
        audio.add(&sound.samples);
        let text = format!(
            "{}: {} at {} Hz, {} channels, peak {:.1} dBFS, rms {:.1} dBFS, {} clipped samples\n",
            path.display(),
            clock(audio.seconds()),
            audio.rate,
            audio.channels,
            audio.peak_db(),
            audio.rms_db,
            audio.clipped
        );
        Self {
            text,
            json: json!({ "kind": "sound", "path": path, "audio": audio }),
        }
    }
}

/// What one channel of a song does.
struct Part {
    notes: usize,
    low: u8,
    high: u8,
    programs: Vec<u8>,
}

impl Part {
    fn of(song: &Song, group: u16, channel: u8) -> Option<Self> {
        let own = || {
            song.grouped()
                .filter(move |(own, _)| *own == group)
                .map(|(_, event)| event)
                .filter(move |event| event.message[0] < 0xF0 && event.message[0] & 15 == channel)
        };
        let keys: Vec<u8> = own()
            .filter_map(|event| match event.message[..] {
                [0x90..=0x9F, key, 1..=127] => Some(key),
                _ => None,
            })
            .collect();
        let mut programs: Vec<u8> = own()
            .filter_map(|event| match event.message[..] {
                [0xC0..=0xCF, program] => Some(program),
                _ => None,
            })
            .collect();
        programs.dedup();
        Some(Self {
            notes: keys.len(),
            low: *keys.iter().min()?,
            high: *keys.iter().max()?,
            programs,
        })
    }

    fn names(&self, channel: u8) -> String {
        if channel == 9 {
            return "drums".to_owned();
        }
        let name =
            |program: &u8| format!("{} {}", program + 1, dmusmini_demo::program_name(*program));
        if self.programs.is_empty() {
            name(&0)
        } else {
            self.programs
                .iter()
                .map(name)
                .collect::<Vec<_>>()
                .join(", ")
        }
    }
}

/// `  0:  0:  0` or `drums    :  0`
fn patch(patch: u32) -> String {
    let program = patch & 0x7F;
    if patch & 0x8000_0000 != 0 {
        return format!("   drums {program:>3}");
    }
    format!(
        "{:>3} {:>3} {program:>4}",
        patch >> 16 & 0x7F,
        patch >> 8 & 0x7F
    )
}
