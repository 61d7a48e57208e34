//! What each command does.

mod nodes;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::{Context, Result};
use dmusmini_collection::{Bank, Collection};
use dmusmini_song::{SECOND, Song};
use serde_json::json;

use crate::{
    Failure, Filter, System,
    arguments::{self, Command, Select, units},
    capture,
    describe::Description,
    devices::Change,
    error::{message, to_json},
    output::{Output, Report},
    patience::Patient,
    player,
    render::{self, Plan},
    selftest::Runner,
    stop::Stop,
    synth::{Node as SynthNode, Source},
};

/// Runs a command.
///
/// # Errors
///
/// Why it could not do its work; [`crate::error::exit_code`] gives the exit code.
pub fn run(command: &Command, system: &dyn System, output: Output, stop: &Stop) -> Result<Report> {
    match command {
        Command::Install(arguments) => nodes::install(arguments, system),
        Command::Uninstall => nodes::uninstall(system),
        Command::Status => nodes::status(system),
        Command::Disable => nodes::change(system, Change::Disable),
        Command::Enable => nodes::change(system, Change::Enable),
        Command::Restart => nodes::change(system, Change::Restart),
        Command::Sleep => nodes::sleep(system),
        Command::List(select) => list(select, system),
        Command::Play(arguments) => play(arguments, system, output, stop),
        Command::Capture(arguments) => capture_to(arguments, system, output, stop),
        Command::Download(arguments) => download(arguments, system, output),
        Command::Render(arguments) => render_to(arguments, system, output, stop),
        Command::Selftest(arguments) => selftest(arguments, system, output),
    }
}

fn no_device() -> Failure {
    Failure::Precondition("no device of dmusmini is there: dmusctl install".into())
}

type Opened = (Description, Box<dyn Filter>);

/// The paths that are selected; at least one.
fn paths(select: &Select, system: &dyn System) -> Result<Vec<String>> {
    let all = system.filters()?;
    if all.is_empty() {
        return Err(no_device().into());
    }
    let fits = |path: &&String| {
        select.filter.as_ref().is_none_or(|name| {
            let last = path.rsplit(['\\', '/']).next().unwrap_or_default();
            path.eq_ignore_ascii_case(name) || last.eq_ignore_ascii_case(name)
        })
    };
    let chosen: Vec<_> = all.iter().filter(fits).cloned().collect();
    if chosen.is_empty() {
        let text = format!(
            "no filter is called {}; there are: {}",
            select.filter.as_deref().unwrap_or_default(),
            all.join(", ")
        );
        return Err(Failure::Precondition(text).into());
    }
    Ok(chosen)
}

fn open(path: &str, system: &dyn System) -> Result<Opened> {
    let filter = system.open(path)?;
    let description = Description::ask(path, &*filter).with_context(|| path.to_owned())?;
    Ok((description, filter))
}

/// The first selected filter that does what is needed; why one could not be asked, if none of the others does.
fn open_fitting(
    select: &Select,
    system: &dyn System,
    what: &str,
    fits: impl Fn(&Description) -> bool,
) -> Result<Opened> {
    let mut failure = None;
    for path in paths(select, system)? {
        match open(&path, system) {
            Ok(opened) if fits(&opened.0) => return Ok(opened),
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    Err(Failure::Precondition(format!("there is no filter with {what}")).into())
}

/// What each selected filter is; one that cannot be asked does not hide the others.
fn list(select: &Select, system: &dyn System) -> Result<Report> {
    let (mut descriptions, mut failures) = (Vec::new(), Vec::new());
    for path in paths(select, system)? {
        match open(&path, system) {
            Ok((description, _)) => descriptions.push(description),
            Err(error) => failures.push((path, error)),
        }
    }
    if descriptions.is_empty()
        && let Some((_, error)) = failures.pop()
    {
        return Err(error);
    }
    let mut text: Vec<_> = descriptions.iter().map(Description::text).collect();
    let mut json = Vec::new();
    for (path, error) in &failures {
        text.push(format!("{path}: {}", message(error)));
        json.push(json!({ "path": path, "error": to_json(error)["error"] }));
    }
    let mut report = Report::new(
        text.join("\n"),
        json!({ "filters": descriptions, "failed": json }),
    );
    report.exit_code = u8::from(!failures.is_empty());
    Ok(report)
}

fn play(
    arguments: &arguments::Play,
    system: &dyn System,
    output: Output,
    stop: &Stop,
) -> Result<Report> {
    let song = Song::open(&arguments.song)?;
    let mut warnings = repairs(&song);
    output.warn(&warnings);
    let has_midi = |it: &Description| player::choose(it, arguments.pin).is_ok();
    let (description, filter) =
        open_fitting(&arguments.select, system, "a MIDI pin to play to", has_midi)?;
    let (id, kind) = player::choose(&description, arguments.pin)?;
    let patient = Patient {
        system,
        filter: &*filter,
    };
    let _companion = player::companion(&description, &patient, kind)?;
    let pin = player::open(&patient, id, kind)?;
    let bar = output.progress("playing", u64::try_from(song.length).unwrap_or(0));
    let tail = units(arguments.tail);
    let target = player::Target {
        system,
        filter: &*filter,
        pin: &*pin,
        kind,
        has_wire: !description.is_synth(),
    };
    let done = player::play(target, &song.events, tail, stop, |buffer| {
        bar.set_position(u64::try_from(buffer.at).unwrap_or(0));
    })?;
    bar.finish_and_clear();
    let silences = SynthNode::of(&*pin, 0).silences();
    output.warn(&silences);
    warnings.extend(silences);
    if let Some(bytes) = done.cut_dump {
        let text =
            format!("stopped within a dump of {bytes} bytes: the instrument has a part of it");
        return Err(Failure::Failed(text).into());
    }
    if done.cut_dumps > 0 {
        let text = format!(
            "{} dumps did not reach the instrument whole",
            done.cut_dumps
        );
        return Err(Failure::Failed(text).into());
    }
    let text = format!(
        "{} of {} messages to pin {id} of {} ({kind:?}), {:.1} s{}",
        done.messages,
        song.events.len(),
        description.path,
        player::seconds(song.length),
        if done.is_cut { ", stopped" } else { "" }
    );
    let json = json!({
        "played": done.messages, "of": song.events.len(), "buffers": done.buffers,
        "filter": description.path, "pin": id, "stopped": done.is_cut, "warnings": warnings,
    });
    Ok(Report::new(text, json))
}

/// What was wrong with a song's file, a line each.
fn repairs(song: &Song) -> Vec<String> {
    let path = song.path.display();
    let warnings = song.warnings.iter();
    warnings
        .map(|warning| format!("{path}: {warning}"))
        .collect()
}

fn capture_to(
    arguments: &arguments::Capture,
    system: &dyn System,
    output: Output,
    stop: &Stop,
) -> Result<Report> {
    let captures = |it: &Description| {
        it.pin_of(dmusmini_ks::guids::KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, "out")
            .is_some()
    };
    let (description, filter) = open_fitting(&arguments.select, system, "a capture pin", captures)?;
    let patient = Patient {
        system,
        filter: &*filter,
    };
    let pin = capture::open(&description, &patient)?;
    // What cannot be written is known before somebody plays, not after.
    let mut file = create(&arguments.out)?;
    let until = arguments
        .seconds
        .map(|seconds| system.now() + units(seconds));
    let bar = output.progress("capturing", 0);
    let events = capture::capture(system, &*pin, until, stop, |count| {
        bar.set_position(count as u64);
    })?;
    bar.finish_and_clear();
    dmusmini_song::write(&events, Some("dmusctl capture"), &mut file)
        .and_then(|()| file.flush())
        .with_context(|| arguments.out.display().to_string())?;
    let text = format!("{} messages in {}", events.len(), arguments.out.display());
    let json =
        json!({ "captured": events.len(), "file": arguments.out, "filter": description.path });
    Ok(Report::new(text, json))
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    Ok(BufWriter::new(file))
}

/// A bank, the bundled one if none is named.
struct Loaded {
    name: String,
    bank: Bank,
    /// What was wrong with its file, a line each.
    warnings: Vec<String>,
}

impl Loaded {
    fn of(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self {
                name: "the bundled bank".to_owned(),
                bank: dmusmini_demo::bank(),
                warnings: Vec::new(),
            });
        };
        let collection = Collection::open(path)?;
        let name = path.display().to_string();
        let warnings = collection.warnings().iter();
        let warnings = warnings.map(|warning| format!("{name}: {warning}"));
        Ok(Self {
            warnings: warnings.collect(),
            bank: collection.into_bank(),
            name,
        })
    }

    fn source(&self) -> Source<'_> {
        Source {
            name: &self.name,
            bank: &self.bank,
        }
    }
}

fn download(
    arguments: &arguments::Download,
    system: &dyn System,
    output: Output,
) -> Result<Report> {
    let mut loaded = Loaded::of(Some(&arguments.bank))?;
    output.warn(&loaded.warnings);
    let (description, filter) = open_fitting(
        &arguments.select,
        system,
        "a synthesizer",
        Description::is_synth,
    )?;
    let (id, kind) = player::choose(&description, None)?;
    let patient = Patient {
        system,
        filter: &*filter,
    };
    let pin = player::open(&patient, id, kind)?;
    let node = SynthNode::of(&*pin, 0);
    let most = loaded.bank.waves.len() + loaded.bank.instruments.len();
    let bar = output.progress("downloading", most as u64);
    let done = node.download_all(loaded.source(), |_| bar.inc(1))?;
    bar.finish_and_clear();
    output.warn(&done.refused);
    loaded.warnings.extend(done.refused);
    for handle in done.handles.iter().rev() {
        node.unload(*handle)?;
    }
    let text = format!(
        "{} downloads, {} bytes, taken and given back by {}",
        done.handles.len(),
        done.bytes,
        description.path
    );
    let json = json!({
        "downloads": done.handles.len(), "bytes": done.bytes, "filter": description.path,
        "warnings": loaded.warnings,
    });
    Ok(Report::new(text, json))
}

fn render_to(
    arguments: &arguments::Render,
    system: &dyn System,
    output: Output,
    stop: &Stop,
) -> Result<Report> {
    let song = Song::open(&arguments.song)?;
    let mut warnings = repairs(&song);
    let tail = units(arguments.tail);
    let length = song.length.saturating_add(tail);
    render::ensure_countable(&arguments.song, &arguments.out, length, arguments.rate)?;
    let mut loaded = Loaded::of(arguments.bank.as_deref())?;
    warnings.append(&mut loaded.warnings);
    output.warn(&warnings);
    let (description, filter) = open_fitting(
        &arguments.select,
        system,
        "a synthesizer",
        Description::is_synth,
    )?;
    let plan = Plan {
        rate: arguments.rate,
        source: loaded.source(),
        events: &song.events,
        tail: tail + song.length - song.events.last().map_or(0, |event| event.at),
    };
    let bar = output.progress("rendering", 0);
    let file = create(&arguments.out)?;
    let patient = Patient {
        system,
        filter: &*filter,
    };
    let done = render::render(
        &description,
        &patient,
        &plan,
        stop,
        file,
        |frames, total| {
            bar.set_length(total);
            bar.set_position(frames);
        },
    )?;
    bar.finish_and_clear();
    output.warn(&done.warnings);
    warnings.extend(done.warnings);
    let lost = done.stats.map(|stats| stats.lost_notes);
    let cpu = done.stats.map(|stats| percent(stats.total_cpu));
    let text = format!(
        "{}: {:.1} s, peak {}, {} messages, {} notes lost{}{}",
        arguments.out.display(),
        player::seconds(done.frames.cast_signed() * SECOND / i64::from(arguments.rate)),
        done.peak,
        done.messages,
        lost.map_or("unknown".to_owned(), |lost| lost.to_string()),
        cpu.map_or(String::new(), |cpu| format!(", {cpu:.2} % of a processor")),
        if done.is_cut { ", stopped" } else { "" }
    );
    let json = json!({
        "file": arguments.out, "frames": done.frames, "rate": arguments.rate, "peak": done.peak,
        "messages": done.messages, "lost_notes": lost, "cpu_percent": cpu, "stopped": done.is_cut,
        "filter": description.path, "warnings": warnings,
    });
    Ok(Report::new(text, json))
}

/// Percent, of the hundredths that the statistics count in.
fn percent(hundredths: u32) -> f64 {
    f64::from(hundredths) / 100.0
}

fn selftest(
    arguments: &arguments::Selftest,
    system: &dyn System,
    output: Output,
) -> Result<Report> {
    let paths = paths(&arguments.select, system)?;
    let bar = output.progress("testing", 0);
    let mut progress = |check: &crate::selftest::Check| bar.set_message(check.name);
    let mut runner = Runner::new(system, &mut progress);
    runner.devices();
    for path in &paths {
        match open(path, system) {
            Ok((description, filter)) => {
                runner.filter(&description, &*filter, arguments.loopback);
            }
            Err(error) => runner.unopened(path, error),
        }
    }
    let results = runner.finish();
    bar.finish_and_clear();
    let (_, failed, _) = results.counts();
    let mut report = Report::new(results.text(), results.json());
    report.exit_code = u8::from(failed > 0);
    Ok(report)
}
