//! The commands for device nodes.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::json;

use super::no_device;
use crate::{
    Code, Failure, System, arguments,
    devices::{Change, Devices, Node, find_inf, installed_ids},
    error::{OsError, win32},
    output::Report,
    table::table,
};

fn devices(system: &dyn System) -> Result<&dyn Devices> {
    let absent = || OsError::win32("the device nodes", win32::CALL_NOT_IMPLEMENTED);
    Ok(system.devices().ok_or_else(absent)?)
}

pub(super) fn install(arguments: &arguments::Install, system: &dyn System) -> Result<Report> {
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
        let done = privileged(devices.install(&inf, id))?;
        restart |= done.restart_required;
        for (verb, nodes) in [("created", &done.created), ("updated", &done.found)] {
            for node in nodes {
                lines.push(format!("{verb} {node} ({id})"));
            }
        }
        json.push(json!({ "hardware_id": id, "created": done.created, "found": done.found }));
    }
    if restart {
        lines.push(RESTART.to_owned());
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

/// How long a device may take to start: a machine that is busy installing takes some 10 s.
const APPEARANCE: Duration = Duration::from_secs(30);

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

pub(super) fn uninstall(system: &dyn System) -> Result<Report> {
    let done = privileged(devices(system)?.uninstall())?;
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
        lines.push(RESTART.to_owned());
    }
    Ok(Report::new(lines.join("\n"), json!({ "removed": done })))
}

pub(super) fn status(system: &dyn System) -> Result<Report> {
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

pub(super) fn change(system: &dyn System, change: Change) -> Result<Report> {
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
    let mut restart = false;
    for node in &present {
        restart |= privileged(devices.change(node, change))?;
    }
    let (mut lines, mut done, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for node in settled(devices, &present, change, restart)? {
        if change.is_done(&node) {
            lines.push(format!("{verb} {}", node.instance_id));
            done.push(node.instance_id);
        } else {
            let (id, condition) = (&node.instance_id, node.condition());
            lines.push(format!("{id} is not {verb}: {condition}"));
            failed.push(node.instance_id);
        }
    }
    if restart {
        lines.push(RESTART.to_owned());
    }
    let mut report = Report::new(
        lines.join("\n"),
        json!({ verb: done, "failed": failed, "restart_required": restart }),
    );
    report.exit_code = u8::from(!failed.is_empty());
    Ok(report)
}

/// The nodes after a change, as soon as it shows: to the class installer it is a success too if a device
/// that somebody has open goes on, or if a driver fails to start.
fn settled(
    devices: &dyn Devices,
    changed: &[&Node],
    change: Change,
    restart: bool,
) -> Result<Vec<Node>> {
    let started = Instant::now();
    loop {
        let mut nodes = devices.nodes()?;
        nodes.retain(|node| changed.iter().any(|it| it.instance_id == node.instance_id));
        let has_settled = nodes.iter().all(|node| change.has_settled(node));
        if has_settled || restart || started.elapsed() > APPEARANCE {
            return Ok(nodes);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// A refusal that other rights would have spared says so.
fn privileged<T>(result: Result<T, OsError>) -> Result<T> {
    result.map_err(|error| {
        if matches!(
            error.code,
            Code::Win32(win32::ACCESS_DENIED | win32::ELEVATION_REQUIRED)
        ) {
            anyhow::Error::from(error).context(Failure::Precondition(
                "run this in an elevated command prompt".into(),
            ))
        } else {
            error.into()
        }
    })
}

const RESTART: &str = "restart the machine to finish";

/// What `sleep.cmd` asks: `powercfg` says it in words that every Windows has in its own language.
pub(super) fn sleep(system: &dyn System) -> Result<Report> {
    let states = devices(system)?.sleep_states()?;
    let names = states.names();
    let mut report = Report::new(names.join(", "), json!({ "sleep": states }));
    if names.is_empty() {
        "no sleep state".clone_into(&mut report.text);
        report.exit_code = 1;
    }
    Ok(report)
}
