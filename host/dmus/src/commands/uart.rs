//! `dmus uart`

use crate::arguments::Uart;
use crate::output::{self, Output};
use crate::progress::Progress;
use crate::report::{SongReport, UartReport};
use crate::session::{Driver, UartSession, WireByte};
use crate::warnings::Warnings;
use crate::{interrupt, wire};
use anyhow::{Context, Result, ensure};
use dmusmini_song::{Event, SECOND, Song};
use std::io::{BufWriter, Write};
use std::path::Path;

pub(super) fn run(arguments: &Uart, quiet: bool, mut warnings: Warnings) -> Result<()> {
    output::distinct(&arguments.output, &[&arguments.song])?;
    let to_stdout = arguments.output == Path::new("-");
    let song = Song::open(&arguments.song)?;
    warnings.of_song(&song)?;
    if !song.ports.is_empty() {
        warnings.say(&format!(
            "{}: it plays to {} ports, and all of it goes to the one cable",
            song.path.display(),
            song.ports.len()
        ));
    }
    let driver = arguments.driver.load()?;
    let file = if to_stdout {
        None
    } else {
        Some(Output::create(&arguments.output)?)
    };
    let way = Way {
        is_polled: arguments.polled,
        lists_packets: arguments.json,
    };
    let (bytes, mut report) = play(&song, &driver, way, quiet)?;
    report.warnings = warnings.into_list();
    if let Some(file) = file {
        write(&file, &arguments.output, &song, &bytes)
            .with_context(|| format!("{}: cannot write", arguments.output.display()))?;
        file.commit()?;
    }
    let text = if arguments.json {
        output::json(&report)?
    } else {
        report.to_string()
    };
    if to_stdout {
        let raw: Vec<u8> = bytes.iter().map(|byte| byte.byte).collect();
        output::print_bytes(&raw)?;
    }
    match (arguments.json, to_stdout, quiet) {
        (true, true, _) | (false, true, false) => dmusmini_terminal::complain!("{text}"),
        (true, false, _) | (false, false, false) => output::print(&format!("{text}\n"))?,
        (false, _, true) => {}
    }
    report.verdict()
}

/// The cable is played in the machine's own time, a tenth of a second at a time: what lasts for years has no end.
const LONGEST: i64 = 366 * 24 * 3600 * SECOND;

/// Refuses a song that would never end.
pub(super) fn ensure_playable(song: &Song) -> Result<()> {
    ensure!(
        song.length <= LONGEST,
        "{}: it lasts longer than a year, which is not played",
        song.path.display()
    );
    Ok(())
}

/// How to play.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// Without an interrupt.
    pub(super) is_polled: bool,
    /// The report tells of each packet.
    pub(super) lists_packets: bool,
}

/// Plays the song and compares the wire with it.
pub(super) fn play(
    song: &Song,
    driver: &Driver,
    way: Way,
    quiet: bool,
) -> Result<(Vec<WireByte>, UartReport)> {
    ensure_playable(song)?;
    let progress = Progress::spinner("playing", quiet);
    let mut uart = UartSession::open(driver, way.is_polled)?;
    let bytes = uart.play(&song.packets)?;
    let machine = uart.close();
    drop(progress);
    interrupt::check()?;
    let delays = wire::delays(song, &bytes);
    let report = UartReport {
        driver: driver.report(),
        song: SongReport::of(song),
        bytes: bytes.len(),
        exact: delays.is_some(),
        latest_ms: delays.as_ref().map_or(f64::NAN, |delays| delays.latest),
        average_ms: delays.as_ref().map_or(f64::NAN, |delays| delays.average),
        wire: way.lists_packets.then(|| wire::packets(song, &bytes)),
        violations: machine.violations,
        warnings: Vec::new(),
    };
    Ok((bytes, report))
}

/// A MIDI file with the messages at the time when they were wholly out, or the bare bytes.
pub(super) fn write(file: &Output, path: &Path, song: &Song, bytes: &[WireByte]) -> Result<()> {
    let mut out = BufWriter::new(file.file());
    if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("mid"))
    {
        let events: Vec<Event> = wire::messages(bytes);
        dmusmini_song::write(&events, song.title.as_deref(), &mut out)?;
    } else {
        let raw: Vec<u8> = bytes.iter().map(|byte| byte.byte).collect();
        out.write_all(&raw)?;
    }
    Ok(out.flush()?)
}
