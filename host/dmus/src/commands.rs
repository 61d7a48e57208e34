//! One file a command.

mod demo;
mod info;
mod playing;
mod plot;
mod render;
mod trace;
mod uart;

use crate::arguments::{self, Arguments, Command, Interpolation};
use crate::session::{Driver, SynthSettings};
use crate::warnings::Warnings;
use anyhow::{Context, Result};
use dmusmini_collection::{Collection, CollectionError};
use dmusmini_song::{EmbeddedBank, Song};
use std::path::{Path, PathBuf};

/// Runs one command line.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let quiet = arguments.quiet;
    let warnings = Warnings::new(arguments.strict);
    match arguments.command {
        Command::Render(render) => render::run(&render, quiet, warnings),
        Command::Uart(uart) => uart::run(&uart, quiet, warnings),
        Command::Info(info) => info::run(&info, arguments.strict),
        Command::Trace(trace) => trace::run(&trace, quiet, warnings),
        Command::Plot(plot) => plot::run(&plot, warnings),
        Command::Demo(demo) => demo::run(&demo, quiet, warnings),
    }
}

/// The instruments of a song: its own, else those of `bank`; none, if there are neither.
fn instruments(
    song: &Song,
    bank: Option<&Path>,
    warnings: &mut Warnings,
) -> Result<Option<Collection>> {
    let collection = match (
        song.bank.as_ref().map(|own| own_instruments(song, own)),
        bank,
    ) {
        (Some(Ok(own)), bank) => {
            if let Some(bank) = bank {
                warnings.say(&format!(
                    "{}: its own instruments are used, not those of {}",
                    song.path.display(),
                    bank.display()
                ));
            }
            own
        }
        (Some(Err(refused)), Some(bank)) => {
            let collection = Collection::open(bank)?;
            warnings.repair(&format!(
                "{refused}; the instruments of {} are used",
                bank.display()
            ))?;
            collection
        }
        (Some(Err(refused)), None) => return Err(refused.into()),
        (None, Some(bank)) => Collection::open(bank)?,
        (None, None) => return Ok(None),
    };
    warnings.of_bank(&collection)?;
    Ok(Some(collection))
}

/// The collection inside a song's file. Its offsets count from its own beginning, which its name tells.
fn own_instruments(song: &Song, own: &EmbeddedBank) -> Result<Collection, CollectionError> {
    let mut name = song.path.clone().into_os_string();
    name.push(format!(" (its DLS at byte {:#x})", own.offset));
    Collection::from_bytes(PathBuf::from(name), &own.bytes)
}

/// The instruments that a synthesizer needs.
fn needed_instruments(
    song: &Song,
    bank: Option<&Path>,
    warnings: &mut Warnings,
) -> Result<Collection> {
    instruments(song, bank, warnings)?.with_context(|| {
        format!(
            "{}: it has no instruments of its own, and --bank names none",
            song.path.display()
        )
    })
}

impl arguments::Driver {
    /// The build to play with.
    fn load(&self) -> Result<Driver> {
        if self.native {
            Ok(Driver::Native)
        } else {
            Driver::image(self.sys.as_deref())
        }
    }
}

impl arguments::Synth {
    fn settings(&self) -> SynthSettings {
        let effect = |effect| u32::from(self.effects.contains(&effect));
        #[expect(clippy::cast_possible_truncation, reason = "-9600 to 2000")]
        let volume = (100.0 * self.volume).round() as i32;
        SynthSettings {
            rate: self.rate,
            channels: self.channels,
            voices: self.voices,
            interpolation: match self.interpolation {
                Interpolation::Linear => 0,
                Interpolation::FourPoint => 1,
                Interpolation::Sinc8 => 2,
                Interpolation::Sinc16 => 3,
            },
            effects: effect(arguments::Effect::Reverb) | effect(arguments::Effect::Chorus) << 1,
            quota: self.quota,
            event_queue: self.event_queue,
            volume,
            exact_banks: self.exact_banks,
        }
    }
}
