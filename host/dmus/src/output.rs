//! Output files that are whole or not there.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file under construction, beside the place where it will be.
///
/// It takes its name with [`commit`](Self::commit); dropped before, it disappears.
pub(crate) struct Output {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl Output {
    /// Starts a file that will be `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        if path.is_dir() {
            bail!("{}: is a directory", path.display());
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".dmus-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder
            .tempfile_in(directory)
            .with_context(|| format!("{}: cannot create it", path.display()))?;
        Ok(Self {
            temporary,
            path: path.to_owned(),
        })
    }

    /// The file to write to.
    pub(crate) fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Makes it the file of its name, in place of any older one.
    pub(crate) fn commit(self) -> Result<()> {
        let Self { temporary, path } = self;
        temporary
            .persist(&path)
            .map_err(|error| error.error)
            .with_context(|| format!("{}: cannot put it in place", path.display()))?;
        Ok(())
    }
}

/// Refuses to write over a file that is being read.
pub(crate) fn distinct(output: &Path, inputs: &[&Path]) -> Result<()> {
    let Ok(canonical) = output.canonicalize() else {
        return Ok(());
    };
    for input in inputs {
        if input.canonicalize().is_ok_and(|input| input == canonical) {
            bail!("{}: is also an input", output.display());
        }
    }
    Ok(())
}
