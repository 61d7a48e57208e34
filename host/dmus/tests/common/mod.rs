//! What the tests of the command have in common.
#![allow(dead_code, reason = "each test file uses its part")]

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The command.
pub fn dmus() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("dmus"))
}

/// Runs a command that must fail with exit code 1, one line of explanation and no other output.
pub fn fails(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.starts_with("dmus: ") && message.trim_end().lines().count() == 1,
        "{message}"
    );
    let mut said: Vec<&str> = message.trim_end().split(": ").collect();
    said.sort_unstable();
    said.dedup();
    assert_eq!(
        said.len(),
        message.split(": ").count(),
        "said twice: {message}"
    );
    assert!(output.stdout.is_empty());
    message
}

/// Runs a command that must succeed, and gives its standard output.
pub fn succeeds(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A directory of its own.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The bundled song.
    pub fn song(&self) -> PathBuf {
        self.file("song.mid", &dmusmini_demo::song())
    }

    /// The bundled bank.
    pub fn bank(&self) -> PathBuf {
        static BANK: OnceLock<Vec<u8>> = OnceLock::new();
        self.file(
            "bank.dls",
            BANK.get_or_init(|| dmusmini_demo::bank().to_dls()),
        )
    }

    /// No file but these, of whatever name.
    pub fn holds_nothing_else(&self, names: &[&str]) {
        for entry in fs::read_dir(self.0.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(names.contains(&name.as_str()), "{name} was left behind");
        }
    }
}

/// The real songs and bank; a visible line and none where they are not at hand.
pub fn data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = std::env::var_os("DMUSMINI_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    if path.join("TimGM6mb.dls").exists() {
        return Some(path);
    }
    println!(
        "SKIPPED: no real data at {} (set DMUSMINI_DATA)",
        path.display()
    );
    None
}

/// The driver image; a visible line and none where it has not been built.
pub fn image() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = std::env::var_os("DMUSMINI_SYS")
        .map_or_else(|| root.join("target/sys/amd64/dmusmini.sys"), PathBuf::from);
    if path.exists() {
        return Some(path);
    }
    println!(
        "SKIPPED: no driver image at {} (cargo xtask sys builds it)",
        path.display()
    );
    None
}
