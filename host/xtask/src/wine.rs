//! Wine: a prefix of our own under `target/`, and sessions in it.

pub(crate) mod registry;
pub(crate) mod snapshot;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    install::{self, Need},
    process, workspace,
};

/// Nothing that shows windows, downloads or looks for hardware.
const OVERRIDES: &str = "mscoree,mshtml=;winemenubuilder.exe=;winebus.sys=;winex11.drv=";

/// A prefix, made for one test. Dropping it ends everything that runs in it.
#[derive(Debug)]
pub(crate) struct Prefix {
    path: PathBuf,
    wine: PathBuf,
}

/// One program of a session: see `wine-session`.
#[derive(Debug)]
pub(crate) struct Step {
    /// Names its output.
    pub(crate) name: &'static str,
    /// How long it may take.
    pub(crate) seconds: u32,
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    /// The session goes on if it fails.
    pub(crate) may_fail: bool,
    /// Nobody wants to read what it says.
    pub(crate) unsaid: bool,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// What it said.
    pub(crate) output: String,
    /// Its exit code; `None` where it did not come to one.
    pub(crate) code: Option<i32>,
}

impl Prefix {
    /// Installs Wine where it is missing.
    pub(crate) fn install() -> Result<()> {
        install::packages(&[
            Need {
                package: "wine64",
                reason: "runs the driver and its tools on a second kernel",
                present: Path::new(WINE64).exists(),
            },
            Need {
                package: "wine",
                reason: "ends Wine's processes",
                present: process::ask("wineserver", &["--version"]).is_some()
                    || Path::new("/usr/bin/wineserver").exists(),
            },
        ])
    }

    /// Makes a fresh prefix.
    pub(crate) fn fresh() -> Result<Self> {
        let prefix = Self {
            path: workspace::target().join("wine/prefix"),
            wine: WINE64.into(),
        };
        prefix.end();
        let _ = fs::remove_dir_all(&prefix.path);
        fs::create_dir_all(&prefix.path).with_context(|| prefix.path.display().to_string())?;
        process::run(
            "wine prefix",
            prefix
                .limited(120)
                .arg(&prefix.wine)
                .args(["wineboot", "-i"]),
        )?;
        // What is installed in the same session as the prefix fails without a word.
        prefix.end();
        Ok(prefix)
    }

    /// A file on drive C.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.path.join("drive_c").join(path)
    }

    /// Copies a file to drive C.
    pub(crate) fn put(&self, from: &Path, to: &str) -> Result<()> {
        let to = self.file(to);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from, &to).with_context(|| from.display().to_string())?;
        Ok(())
    }

    /// Runs steps in one session; how each ended, up to the one that ended the session.
    pub(crate) fn session(&self, name: &str, steps: &[Step]) -> Result<Vec<Done>> {
        let lines: Vec<String> = steps.iter().map(Step::line).collect();
        let list = self.file(&format!(r"dmusmini/{name}.steps"));
        fs::write(&list, lines.join("\n")).with_context(|| list.display().to_string())?;
        let limit = steps.iter().map(|step| step.seconds).sum::<u32>() + 30;
        let mut wine = self.limited(limit);
        wine.arg(&self.wine).args([
            r"C:\dmusmini\bin\wine-session.exe".to_owned(),
            format!(r"C:\dmusmini\{name}.steps"),
            format!(r"C:\dmusmini\{name}"),
        ]);
        let ended = process::capture(&format!("wine session {name}"), &mut wine)?;
        self.end();
        // Wine says at which address; what then fails says nothing of it.
        for line in ended.log.lines().filter(|line| line.contains("Unhandled")) {
            say!("  session {name}: {line}");
        }
        let mut done = Vec::new();
        for step in steps {
            let base = self.file(&format!("dmusmini/{name}/{}", step.name));
            let Ok(output) = fs::read(base.with_extension("txt")) else {
                break;
            };
            let code = fs::read_to_string(base.with_extension("code")).ok();
            let step_done = Done {
                output: String::from_utf8_lossy(&output).replace("\r\n", "\n"),
                code: code.and_then(|code| code.parse().ok()),
            };
            if step_done.code != Some(0) && !step.may_fail {
                bail!(
                    "{} ({}) ended with {:?}:\n{}",
                    step.name,
                    step.command.join(" "),
                    step_done.code,
                    step_done.output
                );
            }
            done.push(step_done);
        }
        ended.expect_success(&format!("wine session {name}"))?;
        Ok(done)
    }

    /// A command that is ended after `seconds`, in this prefix.
    fn limited(&self, seconds: u32) -> Command {
        let mut command = Command::new("timeout");
        // In our process group, so that Ctrl-C ends Wine too; what the program leaves running when its
        // time is over, `end` ends.
        command.args(["--foreground", "-k", "5", &seconds.to_string()]);
        self.environment(&mut command);
        command
    }

    fn environment(&self, command: &mut Command) {
        command
            .env("WINEPREFIX", &self.path)
            .env("WINEDLLOVERRIDES", OVERRIDES)
            .env("WINEDEBUG", "-all")
            .env("WINEARCH", "win64")
            .env_remove("DISPLAY");
    }

    /// Ends all processes of this prefix and waits until they are gone.
    fn end(&self) {
        for option in ["-k", "-w"] {
            let mut server = Command::new("timeout");
            server.args(["-k", "5", "20", "wineserver", option]);
            self.environment(&mut server);
            let _ = process::capture("wineserver", &mut server);
        }
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        self.end();
    }
}

impl Step {
    /// A step that must succeed.
    pub(crate) fn new(name: &'static str, seconds: u32, command: &[&str]) -> Self {
        Self {
            name,
            seconds,
            command: command.iter().map(|&word| word.to_owned()).collect(),
            may_fail: false,
            unsaid: false,
        }
    }

    /// The same, and it may fail.
    pub(crate) fn may_fail(mut self) -> Self {
        self.may_fail = true;
        self
    }

    /// The same, left out of transcripts.
    pub(crate) fn unsaid(mut self) -> Self {
        self.unsaid = true;
        self
    }

    fn line(&self) -> String {
        let mark = if self.may_fail { "-" } else { "" };
        let command = self.command.join("|");
        format!("{mark}{}|{}|{command}", self.name, self.seconds)
    }
}

/// Debian's loader of 64-bit programs; the wrapper `wine` asks for a 32-bit one too.
const WINE64: &str = "/usr/lib/wine/wine64";
