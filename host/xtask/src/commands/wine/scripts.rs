//! The scripts of the package under Wine's cmd: their preconditions, and those that work there in earnest.

use std::fs;

use anyhow::{Context, Result, bail};

use super::Checks;
use crate::{
    wine::{Done, Prefix, Step},
    workspace,
};

/// What is to be run, and how it has to end.
struct Expected {
    name: &'static str,
    command: &'static str,
    code: i32,
    output: &'static str,
}

const fn expect(
    name: &'static str,
    command: &'static str,
    code: i32,
    output: &'static str,
) -> Expected {
    Expected {
        name,
        command,
        code,
        output,
    }
}

/// In this order, in one session: the key that says "elevated" lasts no longer in Wine.
const STEPS: &[Expected] = &[
    expect("plain-install", "install.cmd", 2, "elevated"),
    expect("plain-uninstall", "uninstall.cmd", 2, "elevated"),
    expect("plain-upgrade", "upgrade.cmd", 2, "elevated"),
    expect("plain-stress", "stress.cmd", 2, "elevated"),
    expect("plain-sleep", "sleep.cmd", 2, "elevated"),
    expect("plain-verifier-on", "verifier-on.cmd", 2, "elevated"),
    expect("plain-verifier-off", "verifier-off.cmd", 2, "elevated"),
    expect("elevate", r"reg add HKU\S-1-5-19 /f", 0, ""),
    expect("unsigned", "install.cmd /check", 2, "test signing is off"),
    expect(
        "sign",
        r"reg add HKLM\SYSTEM\CurrentControlSet\Control /v SystemStartOptions /d TESTSIGNING /f",
        0,
        "",
    ),
    expect("can-install", "install.cmd /check", 0, "everything"),
    expect("nothing-to-upgrade", "upgrade.cmd", 2, "no version"),
    expect("nothing-to-stress", "stress.cmd 1", 2, "no device"),
    expect("no-pwrtest", "sleep.cmd 1", 2, "pwrtest is not here"),
    expect("no-verifier", "verifier-on.cmd", 2, "verifier is not"),
    expect("install", "install.cmd", 0, "installed and started"),
    expect("can-upgrade", "upgrade.cmd /check", 0, "everything"),
    expect("can-stress", "stress.cmd /check", 0, "everything"),
    expect("uninstall", "uninstall.cmd", 0, "nothing is left"),
    expect("uninstall-again", "uninstall.cmd", 0, "nothing is left"),
];

/// Runs them all. The prefix has the package in `C:\dmusmini\package`.
pub(super) fn run(prefix: &Prefix, checks: &mut Checks) -> Result<()> {
    let package = workspace::target().join("package/amd64");
    prefix.put(&package.join("dmusctl.exe"), "dmusmini/package/dmusctl.exe")?;
    let scripts = package.join("scripts");
    for entry in fs::read_dir(&scripts).with_context(|| workspace::shown(&scripts))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // A checkout by another Git may have other line ends than a package for Windows.
        let text = fs::read_to_string(&path)?
            .replace("\r\n", "\n")
            .replace('\n', "\r\n");
        let to = prefix.file(&format!("dmusmini/package/scripts/{name}"));
        fs::create_dir_all(prefix.file("dmusmini/package/scripts"))?;
        fs::write(&to, text).with_context(|| to.display().to_string())?;
    }
    let steps: Vec<Step> = STEPS.iter().map(step).collect();
    let done = prefix.session("scripts", &steps)?;
    for (expected, done) in STEPS.iter().zip(&done) {
        checks.that(
            as_expected(expected, done),
            &format!(
                "{} ends with {}{}",
                expected.command,
                expected.code,
                told(expected, done)
            ),
        )?;
    }
    checks.that(done.len() == STEPS.len(), "every script came to its end")?;
    for (name, words) in LOGS {
        let text = log(prefix, name)?;
        checks.that(
            text.contains(words),
            &format!("dmusmini-{name}.log says \"{words}\""),
        )?;
    }
    Ok(())
}

/// What the logs of the last runs must say.
const LOGS: &[(&str, &str)] = &[
    ("install", r"created ROOT\"),
    ("uninstall", "nothing was installed"),
    ("sleep", "pwrtest is not here"),
];

/// A script's log, wherever this Wine has its user's temporary files.
fn log(prefix: &Prefix, name: &str) -> Result<String> {
    let users = prefix.file("users");
    for user in fs::read_dir(&users).with_context(|| users.display().to_string())? {
        let user = user?.path();
        for folder in ["Temp", "AppData/Local/Temp"] {
            let path = user.join(folder);
            if let Ok(bytes) = fs::read(path.join(format!("dmusmini-{name}.log"))) {
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
    bail!("dmusmini-{name}.log was not written")
}

fn step(expected: &Expected) -> Step {
    let command = if expected.command.contains(".cmd") {
        format!(r"C:\dmusmini\package\scripts\{}", expected.command)
    } else {
        expected.command.to_owned()
    };
    let words: Vec<&str> = ["cmd", "/c"]
        .into_iter()
        .chain(command.split(' '))
        .collect();
    Step::new(expected.name, 60, &words).may_fail()
}

fn as_expected(expected: &Expected, done: &Done) -> bool {
    done.code == Some(expected.code) && done.output.contains(expected.output)
}

/// What a script said that did not end as expected.
fn told(expected: &Expected, done: &Done) -> String {
    if as_expected(expected, done) {
        return String::new();
    }
    format!(
        " and \"{}\"; it ended with {:?}:\n{}",
        expected.output, done.code, done.output
    )
}
