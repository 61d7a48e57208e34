//! Running other programs: quiet while all is well, everything they said when it is not.

use std::{
    fs::{self, File},
    io::{IsTerminal, Read, Seek, SeekFrom},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::workspace;

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Standard output and standard error, as they came.
    pub(crate) log: String,
    /// How long it took.
    pub(crate) time: Duration,
}

impl Finished {
    /// Fails, with all that the program said, unless it ended well.
    pub(crate) fn expect_success(self, title: &str) -> Result<Self> {
        if self.status.success() {
            return Ok(self);
        }
        complain!("{}", self.log.trim_end());
        bail!("{title}: {}", self.status)
    }
}

/// Runs `command`, shows progress while it takes its time, and fails with its output if it fails.
pub(crate) fn run(title: &str, command: &mut Command) -> Result<Finished> {
    capture(title, command)?.expect_success(title)
}

/// Runs `command` and returns what it said, however it ended.
pub(crate) fn capture(title: &str, command: &mut Command) -> Result<Finished> {
    let path = log_path(title)?;
    let log = File::create(&path).with_context(|| path.display().to_string())?;
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let status = wait(title, &mut child, &path, started)?;
    let log = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
    Ok(Finished {
        status,
        log,
        time: started.elapsed(),
    })
}

/// The trimmed standard output of a short command; `None` if it cannot run or fails.
pub(crate) fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The Cargo that runs us, without what Cargo told this process about the xtask package.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// Polls until `child` ends; after two seconds the reader is told what is going on.
fn wait(title: &str, child: &mut Child, log: &PathBuf, started: Instant) -> Result<ExitStatus> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const REMINDER: Duration = Duration::from_mins(1);
    let terminal = std::io::stderr().is_terminal();
    let mut bar: Option<ProgressBar> = None;
    let mut next_line = PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            return Ok(status);
        }
        let elapsed = started.elapsed();
        if terminal && elapsed > PATIENCE {
            let bar = bar.get_or_insert_with(|| {
                let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}");
                ProgressBar::new_spinner()
                    .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
                    .with_prefix(title.to_owned())
                    .with_elapsed(elapsed)
            });
            let line = last_line(log).unwrap_or_default();
            bar.set_message(dmusmini_terminal::line(&line).into_owned());
            bar.tick();
        } else if elapsed > next_line {
            complain!("  {title}: {} s …", elapsed.as_secs());
            next_line = elapsed + REMINDER;
        }
        thread::sleep(Duration::from_millis(if elapsed < PATIENCE {
            10
        } else {
            100
        }));
    }
}

fn last_line(path: &PathBuf) -> Option<String> {
    const TAIL: u64 = 512;
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines()
        .rfind(|line| !line.trim().is_empty())
        .map(|line| line.trim().to_owned())
}

fn log_path(title: &str) -> Result<PathBuf> {
    let directory = workspace::target().join("xtask-logs");
    fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    let name: String = title
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    Ok(directory.join(name).with_extension("log"))
}
