//! Getting what a command needs and the machine lacks; says what and why, and never does it twice.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use crate::process;

/// Something from the distribution.
#[derive(Debug)]
pub(crate) struct Need {
    /// The Debian package.
    pub(crate) package: &'static str,
    /// What it is needed for.
    pub(crate) reason: &'static str,
    /// Whether it is there already.
    pub(crate) present: bool,
}

/// Installs the packages that are not present.
pub(crate) fn packages(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !need.present).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    for need in &missing {
        say!("installing {} ({})", need.package, need.reason);
    }
    let prefix = privilege(&names)?;
    apt(prefix, "apt-get update", &["update", "-q"])?;
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(&names);
    apt(prefix, "apt-get install", &arguments)
}

/// Makes sure that `rustup` has the standard library for `target`; `false` if it cannot be had.
pub(crate) fn rust_target(target: &str) -> bool {
    if rust_target_present("rustc", target) {
        return true;
    }
    if process::ask("rustup", &["--version"]).is_none() {
        say!("rustup is not installed, so it cannot provide the target {target}");
        return false;
    }
    say!("installing the Rust target {target} (core and alloc for the driver)");
    let mut command = Command::new("rustup");
    command.args(["target", "add", target]);
    match process::capture(&format!("rustup target add {target}"), &mut command) {
        Ok(done) if done.status.success() => true,
        Ok(done) => {
            say!("{}", done.log.trim_end());
            false
        }
        Err(error) => {
            say!("{error:#}");
            false
        }
    }
}

/// Whether `rustc` has `core` compiled for `target`.
fn rust_target_present(rustc: &str, target: &str) -> bool {
    process::ask(rustc, &["--print", "target-libdir", "--target", target])
        .and_then(|directory| Path::new(&directory).read_dir().ok())
        .is_some_and(|mut files| {
            files.any(|file| {
                file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
            })
        })
}

/// The command that makes us root: none for root itself, `sudo` for others.
fn privilege(packages: &[&str]) -> Result<Option<&'static str>> {
    let by_hand = format!(
        "apt-get install --no-install-recommends {}",
        packages.join(" ")
    );
    if process::ask("apt-get", &["--version"]).is_none() {
        bail!(
            "this machine has no apt-get. Install what these Debian packages hold: {}",
            packages.join(" ")
        );
    }
    if process::ask("id", &["-u"]).as_deref() == Some("0") {
        return Ok(None);
    }
    if process::ask("sudo", &["--version"]).is_none() {
        bail!(
            "packages are missing, we are not root and there is no sudo. As root, run: {by_hand}"
        );
    }
    // Asks for the password now, on the terminal: the real command's output is captured. Only where
    // one is wanted: `sudo -v` asks members of a group that needs one, those too whom another rule
    // spares it, as on cloud images.
    let free = process::ask("sudo", &["-n", "true"]).is_some();
    if !free && !Command::new("sudo").arg("-v").status()?.success() {
        bail!("packages are missing and sudo was refused. As root, run: {by_hand}");
    }
    Ok(Some("sudo"))
}

fn apt(prefix: Option<&str>, title: &str, arguments: &[&str]) -> Result<()> {
    let mut command = match prefix {
        Some(sudo) => {
            let mut command = Command::new(sudo);
            command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            command
        }
        None => Command::new("apt-get"),
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .args(arguments);
    process::run(title, &mut command).map(drop)
}
