//! `wine-session STEPS OUTPUT`: runs the steps of a test inside one Wine session.
//!
//! `STEPS` is a text file. A line is `NAME|SECONDS|PROGRAM|ARGUMENT|…`; the step's output goes to
//! `OUTPUT\NAME.txt`, its exit code to `OUTPUT\NAME.code`. A step that fails or takes longer than its
//! seconds ends the session, unless its name begins with `-`.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [steps, output] = arguments.as_slice() else {
        eprintln!("usage: wine-session STEPS OUTPUT");
        return ExitCode::from(2);
    };
    match run(Path::new(steps), Path::new(output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wine-session: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(steps: &Path, output: &Path) -> Result<()> {
    let text = fs::read_to_string(steps).with_context(|| steps.display().to_string())?;
    fs::create_dir_all(output).with_context(|| output.display().to_string())?;
    for (index, line) in text.lines().enumerate() {
        if !line.is_empty() {
            step(line, output)
                .with_context(|| format!("{}, line {}", steps.display(), index + 1))?;
        }
    }
    Ok(())
}

fn step(line: &str, output: &Path) -> Result<()> {
    let mut fields = line.split('|');
    let (Some(name), Some(seconds), Some(program)) = (fields.next(), fields.next(), fields.next())
    else {
        bail!("a step is NAME|SECONDS|PROGRAM|ARGUMENT|…");
    };
    let (name, may_fail) = name.strip_prefix('-').map_or((name, false), |n| (n, true));
    let limit = Duration::from_secs(seconds.parse().context("seconds")?);
    let log = File::create(output.join(format!("{name}.txt")))?;
    let mut child = Command::new(program)
        .args(fields)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| program.to_owned())?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            fs::write(output.join(format!("{name}.code")), "timeout")?;
            bail!("{name} took longer than {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(20));
    };
    let code = status.code().unwrap_or(-1);
    fs::write(output.join(format!("{name}.code")), code.to_string())?;
    if code != 0 && !may_fail {
        bail!("{name} returned {code}");
    }
    Ok(())
}
