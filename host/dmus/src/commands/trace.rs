//! `dmus trace`

use super::playing::Playing;
use super::{instruments, uart};
use crate::arguments::Trace;
use crate::output;
use crate::report;
use crate::session::{Machine, SynthSession, UartSession};
use crate::warnings::Warnings;
use anyhow::Result;
use dmusmini_collection::{Collection, Level};
use dmusmini_song::Song;

pub(super) fn run(arguments: &Trace, quiet: bool, mut warnings: Warnings) -> Result<()> {
    let song = Song::open(&arguments.song)?;
    warnings.of_song(&song)?;
    let bank = instruments(&song, arguments.bank.as_deref(), &mut warnings)?;
    let machine = play(arguments, &song, bank.as_ref(), &mut warnings, quiet)?;
    if arguments.json {
        for line in &machine.trace {
            output::print(&format!("{}\n", serde_json::to_string(line)?))?;
        }
    } else {
        output::print(&machine.to_string())?;
    }
    report::verdict(&machine.violations)
}

fn play(
    arguments: &Trace,
    song: &Song,
    bank: Option<&Collection>,
    warnings: &mut Warnings,
    quiet: bool,
) -> Result<Machine> {
    let driver = arguments.driver.load()?;
    let Some(bank) = bank else {
        uart::ensure_playable(song)?;
        let mut uart = UartSession::open(&driver, false)?;
        uart.play(&song.packets)?;
        return Ok(uart.close());
    };
    let settings = arguments.synth.settings();
    let level = if arguments.synth.level1 {
        Level::One
    } else {
        Level::Two
    };
    let playing = Playing {
        song,
        bank,
        settings,
        level,
        tail: arguments.synth.tail,
        quiet,
    };
    let synth = SynthSession::open(&driver, settings)?;
    let played = playing.play(synth, warnings, |_| Ok(()))?;
    Ok(played.machine)
}
