//! The scripts of the package under Wine's cmd: their preconditions, those that work there in earnest,
//! and each branch of the others, with stand-ins for the programs that Wine has not.

mod expected;

use std::fs;

use anyhow::{Context, Result, bail};

use super::Checks;
use crate::{
    wine::{Done, Prefix, Step},
    workspace,
};
use expected::{CALLS, COUNTS, Expected, LOGS, STEPS, UNDO};

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
        for package in [
            "package",
            "stand-in/package",
            "stand-in/bare",
            "stand-in/inf",
            ODD,
        ] {
            write(prefix, &format!("dmusmini/{package}/scripts/{name}"), &text)?;
        }
    }
    furnish_stand_ins(prefix)?;
    let done = ended(prefix)?;
    for (expected, done) in STEPS.iter().zip(&done) {
        checks.that(
            as_expected(expected, done),
            &format!(
                "{} ends with {}{}",
                shown(expected),
                expected.code,
                told(expected, done)
            ),
        )?;
    }
    checks.that(done.len() == STEPS.len(), "every script came to its end")?;
    let calls = fs::read_to_string(prefix.file(CALLS_FILE)).context(CALLS_FILE)?;
    for call in CALLS {
        checks.that(
            calls.lines().any(|line| line.trim_end() == *call),
            &format!("the scripts call {call}"),
        )?;
    }
    for (call, times) in COUNTS {
        let found = calls.lines().filter(|line| line.trim_end() == *call);
        let found = found.count();
        let what = format!("the scripts call {call} {times} times");
        checks
            .that(found == *times, &what)
            .with_context(|| format!("they call it {found} times"))?;
    }
    for (name, words) in LOGS {
        let text = log(prefix, name)?;
        checks.that(
            text.contains(words),
            &format!("dmusmini-{name}.log says \"{words}\""),
        )?;
    }
    Ok(())
}

/// How each of [`STEPS`] ended. If few did not end as expected, it says so, and the whole list is run once more.
///
/// On a busy machine Wine was seen to fail to start a process, `reg` in a script, once in many hundred
/// starts. What is wrong with a script is wrong again.
fn ended(prefix: &Prefix) -> Result<Vec<Done>> {
    const FEW: usize = 2;
    let steps: Vec<Step> = STEPS.iter().map(step).collect();
    let done = prefix.session("scripts", &steps)?;
    let failed: Vec<_> = STEPS
        .iter()
        .zip(&done)
        .filter(|(expected, done)| !as_expected(expected, done))
        .collect();
    if failed.is_empty() || failed.len() > FEW || done.len() < STEPS.len() {
        return Ok(done);
    }
    for (expected, done) in failed {
        say!("  again {}{}", shown(expected), told(expected, done));
    }
    let undo: Vec<Step> = UNDO.iter().map(step).collect();
    prefix.session("scripts-undo", &undo)?;
    fs::remove_file(prefix.file(CALLS_FILE)).context(CALLS_FILE)?;
    prefix.session("scripts-again", &steps)
}

fn write(prefix: &Prefix, path: &str, text: &str) -> Result<()> {
    let path = prefix.file(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, text).with_context(|| path.display().to_string())
}

/// Programs that Wine has not, a package that they are called from, and the script that has them found.
fn furnish_stand_ins(prefix: &Prefix) -> Result<()> {
    let program = prefix.file("dmusmini/bin/wine-stand-in.exe");
    for name in ["pwrtest", "verifier", "pnputil"] {
        prefix.put(&program, &format!("dmusmini/stand-in/bin/{name}.exe"))?;
    }
    for package in ["stand-in/package", "stand-in/inf", ODD] {
        let inf = format!("dmusmini/{package}/dmusmini.inf");
        write(prefix, &inf, "; none\r\n")?;
    }
    for package in ["stand-in/package", ODD] {
        prefix.put(&program, &format!("dmusmini/{package}/dmusctl.exe"))?;
    }
    fs::create_dir_all(prefix.file(&format!("dmusmini/{ODD_TEMP}")))?;
    write(prefix, "dmusmini/stand-in/odd.cmd", IN_ODD)?;
    write(prefix, "dmusmini/stand-in/with.cmd", WITH)
}

/// `with.cmd WISH SCRIPT ARGUMENT`
const WITH: &str = "\
@echo off\r
set \"PATH=C:\\dmusmini\\stand-in\\bin;%PATH%\"\r
set \"STAND_IN=%~1\"\r
%2 %3\r
";

/// Where the stand-ins note how they were called.
const CALLS_FILE: &str = "dmusmini/calls.txt";
/// A package in a folder with an odd name.
const ODD: &str = "stand-in/odd (1) & b^c";
/// Temporary files, beside it.
const ODD_TEMP: &str = "stand-in/odd (1) & b";

/// `odd.cmd WISH SCRIPT ARGUMENT`. Not by `call`, after which Wine forgets the code.
const IN_ODD: &str = "\
@echo off\r
set \"PATH=C:\\dmusmini\\stand-in\\bin;%PATH%\"\r
set \"STAND_IN=%~1\"\r
set \"TEMP=C:\\dmusmini\\stand-in\\odd (1) & b\"\r
\"C:\\dmusmini\\stand-in\\odd (1) & b^c\\scripts\\%2\" %3\r
";

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
    let is_plain = expected.command.contains(".cmd") && !expected.command.starts_with("C:");
    let command = if is_plain {
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

/// The command without the folders that it is in.
fn shown(expected: &Expected) -> String {
    let words: Vec<&str> = expected.command.split(' ').collect();
    match words.as_slice() {
        [script, wish, rest @ ..] if script.ends_with("odd.cmd") => {
            format!("{} in an odd folder with {wish}", rest.join(" "))
        }
        [script, wish, rest @ ..] if script.ends_with("with.cmd") => {
            format!("{} with {wish}", file_name(&rest.join(" ")))
        }
        _ if expected.command.starts_with("C:") => file_name(expected.command),
        _ => expected.command.to_owned(),
    }
}

fn file_name(command: &str) -> String {
    command.rsplit('\\').next().unwrap_or(command).to_owned()
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
