//! What each command does.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use dmusmini_collection::{Collection, Item, Options, Selection};
use dmusmini_song::{SECOND, Song};
use serde_json::json;

use crate::{
    Failure, Filter, System,
    arguments::{self, Command, Select, units},
    capture,
    describe::Description,
    devices::{Change, Devices, Node, find_inf, installed_ids},
    error::{OsError, message, to_json, win32},
    output::{Output, Report},
    player,
    render::{self, Plan},
    selftest::Runner,
    stop::Stop,
    synth::Node as SynthNode,
    table::table,
};

/// Runs a command.
///
/// # Errors
///
/// Why it could not do its work; [`crate::error::exit_code`] gives the exit code.
pub fn run(command: &Command, system: &dyn System, output: Output, stop: &Stop) -> Result<Report> {
    match command {
        Command::Install(arguments) => install(arguments, system),
        Command::Uninstall => uninstall(system),
        Command::Status => status(system),
        Command::Disable => change(system, Change::Disable),
        Command::Enable => change(system, Change::Enable),
        Command::Restart => change(system, Change::Restart),
        Command::Sleep => sleep(system),
        Command::List(select) => list(select, system),
        Command::Play(arguments) => play(arguments, system, output, stop),
        Command::Capture(arguments) => capture_to(arguments, system, output, stop),
        Command::Download(arguments) => download(arguments, system, output),
        Command::Render(arguments) => render_to(arguments, system, output, stop),
        Command::Selftest(arguments) => selftest(arguments, system, output),
    }
}

fn devices(system: &dyn System) -> Result<&dyn Devices> {
    let absent = || OsError::win32("the device nodes", win32::CALL_NOT_IMPLEMENTED);
    Ok(system.devices().ok_or_else(absent)?)
}

fn install(arguments: &arguments::Install, system: &dyn System) -> Result<Report> {
    let inf = match &arguments.inf {
        Some(inf) => inf.clone(),
        None => std::env::current_exe()
            .ok()
            .and_then(|program| find_inf(&program))
            .context(Failure::Precondition(
                "there is no dmusmini.inf beside this program or one folder up: name one with --inf"
                    .into(),
            ))?,
    };
    if !inf.is_file() {
        return Err(Failure::Precondition(format!("there is no file {}", inf.display())).into());
    }
    let devices = devices(system)?;
    let (mut lines, mut restart, mut json) = (Vec::new(), false, Vec::new());
    let ids = match arguments.hardware_id.as_slice() {
        [] => installed_ids(&devices.nodes()?),
        ids => ids.to_vec(),
    };
    for id in &ids {
        let done = devices.install(&inf, id)?;
        restart |= done.restart_required;
        for (verb, nodes) in [("created", &done.created), ("updated", &done.found)] {
            for node in nodes {
                lines.push(format!("{verb} {node} ({id})"));
            }
        }
        json.push(json!({ "hardware_id": id, "created": done.created, "found": done.found }));
    }
    if restart {
        lines.push("restart the machine to finish".to_owned());
    }
    let filters = appeared(system)?;
    lines.extend(filters.iter().map(|path| format!("filter {path}")));
    if filters.is_empty() {
        lines.push(format!(
            "no filter appeared within {} s: dmusctl status says more",
            APPEARANCE.as_secs()
        ));
    }
    let mut report = Report::new(
        lines.join("\n"),
        json!({ "installed": json, "inf": inf, "restart_required": restart, "filters": filters }),
    );
    report.exit_code = u8::from(filters.is_empty());
    Ok(report)
}

/// How long a device may take from its installation to its first filter.
const APPEARANCE: Duration = Duration::from_secs(10);

/// The filters, as soon as there are any: that a driver is installed does not say that it started.
fn appeared(system: &dyn System) -> Result<Vec<String>> {
    let started = Instant::now();
    loop {
        let filters = system.filters()?;
        if !filters.is_empty() || started.elapsed() > APPEARANCE {
            return Ok(filters);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn uninstall(system: &dyn System) -> Result<Report> {
    let done = devices(system)?.uninstall()?;
    let mut lines = Vec::new();
    lines.extend(done.nodes.iter().map(|node| format!("removed {node}")));
    lines.extend(
        done.packages
            .iter()
            .map(|inf| format!("removed the package {inf}")),
    );
    if done.service {
        lines.push("removed the service".to_owned());
    }
    lines.extend(done.files.iter().map(|file| format!("removed {file}")));
    if lines.is_empty() {
        lines.push("nothing was installed".to_owned());
    }
    if done.restart_required {
        lines.push("restart the machine to finish".to_owned());
    }
    Ok(Report::new(lines.join("\n"), json!({ "removed": done })))
}

fn status(system: &dyn System) -> Result<Report> {
    let devices = devices(system)?;
    let nodes = devices.nodes()?;
    let service = devices.service()?;
    let head = ["node", "condition", "version", "inf", "description"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for node in &nodes {
        rows.push(vec![
            node.instance_id.clone(),
            node.condition(),
            node.version.clone().unwrap_or_default(),
            node.inf.clone().unwrap_or_default(),
            node.description.clone().unwrap_or_default(),
        ]);
    }
    let service_text = service.as_deref().unwrap_or("not installed");
    let text = if nodes.is_empty() {
        format!("no device node\nservice: {service_text}")
    } else {
        format!("{}service: {service_text}", table(&rows))
    };
    let mut present = nodes.iter().filter(|node| node.is_present);
    let is_running = present.clone().any(|node| node.problem == 0) && present.all(Node::is_well);
    let mut report = Report::new(text, json!({ "nodes": nodes, "service": service }));
    report.exit_code = u8::from(!is_running);
    Ok(report)
}

fn change(system: &dyn System, change: Change) -> Result<Report> {
    let devices = devices(system)?;
    let nodes = devices.nodes()?;
    let present: Vec<_> = nodes.iter().filter(|node| node.is_present).collect();
    if present.is_empty() {
        return Err(no_device().into());
    }
    let verb = match change {
        Change::Disable => "disabled",
        Change::Enable => "enabled",
        Change::Restart => "restarted",
    };
    let (mut lines, mut restart) = (Vec::new(), false);
    for node in &present {
        restart |= devices.change(node, change)?;
        lines.push(format!("{verb} {}", node.instance_id));
    }
    if restart {
        lines.push("restart the machine to finish".to_owned());
    }
    let ids: Vec<_> = present.iter().map(|node| &node.instance_id).collect();
    Ok(Report::new(
        lines.join("\n"),
        json!({ verb: ids, "restart_required": restart }),
    ))
}

/// What `sleep.cmd` asks: `powercfg` says it in words that every Windows has in its own language.
fn sleep(system: &dyn System) -> Result<Report> {
    let states = devices(system)?.sleep_states()?;
    let names = states.names();
    let mut report = Report::new(names.join(", "), json!({ "sleep": states }));
    if names.is_empty() {
        "no sleep state".clone_into(&mut report.text);
        report.exit_code = 1;
    }
    Ok(report)
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
    let has_midi = |it: &Description| player::choose(it, arguments.pin).is_ok();
    let (description, filter) =
        open_fitting(&arguments.select, system, "a MIDI pin to play to", has_midi)?;
    let (id, kind) = player::choose(&description, arguments.pin)?;
    let _companion = player::companion(&description, &*filter, kind)?;
    let pin = player::open(&*filter, id, kind)?;
    let bar = output.progress("playing", u64::try_from(song.length).unwrap_or(0));
    let tail = units(arguments.tail);
    let target = player::Target {
        system,
        filter: &*filter,
        pin: &*pin,
        kind,
    };
    let done = player::play(target, &song.events, tail, stop, |buffer| {
        bar.set_position(u64::try_from(buffer.at).unwrap_or(0));
    })?;
    bar.finish_and_clear();
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
        "filter": description.path, "pin": id, "stopped": done.is_cut,
    });
    Ok(Report::new(text, json))
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
    let pin = capture::open(&description, &*filter)?;
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

/// The downloads of a bank, the bundled one if none is named, and what was wrong with it.
fn downloads(bank: Option<&Path>) -> Result<(Vec<Item>, Vec<String>)> {
    let (bank, warnings) = match bank {
        Some(path) => {
            let collection = Collection::open(path)?;
            let warnings = collection.warnings().to_vec();
            (collection.into_bank(), warnings)
        }
        None => (dmusmini_demo::bank(), Vec::new()),
    };
    Ok((
        bank.download_set(&Selection::All, Options::default()),
        warnings,
    ))
}

fn download(
    arguments: &arguments::Download,
    system: &dyn System,
    output: Output,
) -> Result<Report> {
    let (items, warnings) = downloads(Some(&arguments.bank))?;
    let (description, filter) = open_fitting(
        &arguments.select,
        system,
        "a synthesizer",
        Description::is_synth,
    )?;
    let (id, kind) = player::choose(&description, None)?;
    let pin = player::open(&*filter, id, kind)?;
    let node = SynthNode::of(&*pin, 0);
    let bar = output.progress("downloading", items.len() as u64);
    let handles = node.download_all(&items, |_| bar.inc(1))?;
    bar.finish_and_clear();
    for handle in handles.iter().rev() {
        node.unload(*handle)?;
    }
    let bytes: usize = items.iter().map(|item| item.bytes.len()).sum();
    let text = format!(
        "{} downloads, {bytes} bytes, taken and given back by {}",
        items.len(),
        description.path
    );
    let json = json!({
        "downloads": items.len(), "bytes": bytes, "filter": description.path, "warnings": warnings,
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
    let (items, warnings) = downloads(arguments.bank.as_deref())?;
    let (description, filter) = open_fitting(
        &arguments.select,
        system,
        "a synthesizer",
        Description::is_synth,
    )?;
    let plan = Plan {
        rate: arguments.rate,
        items: &items,
        events: &song.events,
        tail: units(arguments.tail) + song.length - song.events.last().map_or(0, |event| event.at),
    };
    let bar = output.progress("rendering", 0);
    let file = create(&arguments.out)?;
    let done = render::render(
        &description,
        &*filter,
        &plan,
        stop,
        file,
        |frames, total| {
            bar.set_length(total);
            bar.set_position(frames);
        },
    )?;
    bar.finish_and_clear();
    let lost = done.stats.map(|stats| stats.lost_notes);
    let text = format!(
        "{}: {:.1} s, peak {}, {} messages, {} notes lost{}",
        arguments.out.display(),
        player::seconds(done.frames.cast_signed() * SECOND / i64::from(arguments.rate)),
        done.peak,
        done.messages,
        lost.map_or("unknown".to_owned(), |lost| lost.to_string()),
        if done.is_cut { ", stopped" } else { "" }
    );
    let json = json!({
        "file": arguments.out, "frames": done.frames, "rate": arguments.rate, "peak": done.peak,
        "messages": done.messages, "lost_notes": lost, "stopped": done.is_cut,
        "filter": description.path, "warnings": warnings,
    });
    Ok(Report::new(text, json))
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
