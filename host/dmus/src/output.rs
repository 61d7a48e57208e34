//! Output: files that are whole or not there, and what a command says.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Puts `what` on standard output. A reader that has seen enough, as at the end of a pipe, is no
/// error: what the command was to do is done.
pub(crate) fn print(what: impl AsRef<[u8]>) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(what.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output")
        }
        _ => Ok(()),
    }
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

/// Prints warnings on standard error, a line each.
pub(crate) fn warn(warnings: &[String]) {
    for warning in warnings {
        // Where nobody listens any more there is nobody to warn.
        let _ = writeln!(std::io::stderr(), "warning: {warning}");
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
