//! Output: files that are whole or not there, and what a command says.

use anyhow::{Context, Result, bail};
use dmusmini_terminal as terminal;
use serde::Serialize;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Puts text on standard output; no control character of a file gets there.
pub(crate) fn print(text: &str) -> Result<()> {
    print_bytes(terminal::text(text).as_bytes())
}

/// Puts a value on standard output as JSON; control characters that JSON leaves alone are escaped, too.
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    print(&format!("{}\n", json(value)?))
}

/// A value as JSON that may go to a terminal.
pub(crate) fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(terminal::json(&text).into_owned())
}

/// Puts bytes on standard output as they are. A reader that has seen enough, as at the end of a pipe, is no
/// error: what the command was to do is done.
pub(crate) fn print_bytes(what: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(what).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output")
        }
        _ => Ok(()),
    }
}

/// A line on standard error: whatever a file's name contains, it stays one line.
pub(crate) fn complain(text: &str) {
    terminal::complain!("{}", terminal::line(text));
}

/// A file under construction, beside the place where it will be.
///
/// It takes its name with [`commit`](Self::commit); dropped before, it disappears.
pub(crate) struct Output {
    path: PathBuf,
    state: State,
}

/// Where the bytes go until then.
enum State {
    /// A file of another name.
    Temporary(NamedTempFile),
    /// What is there already and no file: a device or a pipe is written to. A file that took its
    /// name would be in everybody's `/dev/null`.
    There(File),
}

impl Output {
    /// Starts a file that will be `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        if path.is_dir() {
            bail!("{}: is a directory", path.display());
        }
        let failed = || format!("{}: cannot create it", path.display());
        // Through links: they go on leading to the file.
        let resolved = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if resolved.exists() && !resolved.is_file() {
            let there = File::options().write(true).open(&resolved);
            return Ok(Self {
                state: State::There(there.with_context(failed)?),
                path: resolved,
            });
        }
        let directory = match resolved.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // Opened here: an error of the builder's own names a file that nobody asked for.
        let open = |path: &Path| File::options().write(true).create_new(true).open(path);
        let temporary = tempfile::Builder::new()
            .prefix(".dmus-")
            .suffix(".part")
            .make_in(directory, open)
            .with_context(failed)?;
        Ok(Self {
            state: State::Temporary(temporary),
            path: resolved,
        })
    }

    /// Refuses what will not fit: `bytes` on the file system where the file is made. What a device or a pipe takes is
    /// not known.
    pub(crate) fn ensure_room(&self, bytes: u64) -> Result<()> {
        self.ensure_room_by(bytes, |path| {
            let system = rustix::fs::statvfs(path).ok()?;
            Some(system.f_bavail.saturating_mul(system.f_frsize))
        })
    }

    /// The same, with another way to ask for the free bytes; where none is known, there is room.
    fn ensure_room_by(&self, bytes: u64, free: impl Fn(&Path) -> Option<u64>) -> Result<()> {
        let State::Temporary(temporary) = &self.state else {
            return Ok(());
        };
        match free(temporary.path()) {
            Some(free) if free < bytes => bail!(
                "{}: it needs up to {}, but only {} are free on its file system",
                self.path.display(),
                size(bytes),
                size(free)
            ),
            _ => Ok(()),
        }
    }

    /// What it will be called.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file to write to.
    pub(crate) fn file(&self) -> &File {
        match &self.state {
            State::Temporary(temporary) => temporary.as_file(),
            State::There(file) => file,
        }
    }

    /// Makes it the file of its name, in place of any older one.
    pub(crate) fn commit(self) -> Result<()> {
        let Self { path, state } = self;
        if let State::Temporary(temporary) = state {
            temporary
                .persist(&path)
                .map_err(|error| error.error)
                .with_context(|| format!("{}: cannot put it in place", path.display()))?;
        }
        Ok(())
    }
}

/// Refuses to write over a file that is being read, and to write two files to one place.
pub(crate) fn distinct(output: &Path, others: &[&Path]) -> Result<()> {
    if others.contains(&output) {
        bail!("{}: is named twice", output.display());
    }
    let Ok(canonical) = output.canonicalize() else {
        return Ok(());
    };
    for other in others {
        if other.canonicalize().is_ok_and(|other| other == canonical) {
            bail!(
                "{}: is the same file as {}",
                output.display(),
                other.display()
            );
        }
    }
    Ok(())
}

/// `1.5 GiB`
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut value, mut unit) = (bytes as f64 / 1024.0, units[0]);
    for larger in &units[1..] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_known_beforehand() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out.wav");
        let output = Output::create(&path).unwrap();
        output.ensure_room_by(1 << 30, |_| Some(1 << 30)).unwrap();
        // A file system that does not say has room.
        output.ensure_room_by(1 << 30, |_| None).unwrap();
        let asked = std::cell::Cell::new(None);
        let refused = output.ensure_room_by(3 << 29, |path| {
            asked.set(Some(path.parent().unwrap().to_owned()));
            Some((1 << 20) + 1)
        });
        assert_eq!(
            asked.take().as_deref(),
            Some(place.path()),
            "the file's own place"
        );
        let message = refused.unwrap_err().to_string();
        let expected = format!(
            "{}: it needs up to 1.5 GiB, but only 1.0 MiB are free on its file system",
            path.display()
        );
        assert_eq!(message, expected);
        drop(output);
        assert_eq!(place.path().read_dir().unwrap().count(), 0);
        // A device takes what it takes.
        let null = Output::create(Path::new("/dev/null")).unwrap();
        null.ensure_room_by(u64::MAX, |_| Some(0)).unwrap();
    }
}
