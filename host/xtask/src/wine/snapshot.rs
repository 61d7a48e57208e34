//! All files and all of the registry of a prefix at one moment, and what a second moment has more.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};

use super::{Prefix, registry};

/// What a prefix holds, as lines that can be compared.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    files: BTreeSet<(String, Option<(u64, SystemTime)>)>,
    registry: BTreeSet<String>,
}

impl Snapshot {
    /// Takes one. No process may run in the prefix: Wine writes the registry when the last has ended.
    ///
    /// `own` is the folder on drive C where the test keeps its own things.
    pub(crate) fn of(prefix: &Prefix, own: &str) -> Result<Self> {
        let mut snapshot = Self::default();
        let drive = prefix.file("");
        let own = prefix.file(own);
        snapshot.walk(&drive, &drive, &own)?;
        for (hive, root) in HIVES {
            for line in registry::hive(&prefix.path.join(hive))? {
                snapshot.registry.insert(format!("{root}\\{line}"));
            }
        }
        Ok(snapshot)
    }

    /// A file changes with its length or its time, a folder does not.
    fn walk(&mut self, folder: &Path, drive: &Path, own: &Path) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path == own {
                continue;
            }
            let meta = fs::symlink_metadata(&path).with_context(|| path.display().to_string())?;
            let state = meta
                .is_file()
                .then(|| meta.modified().map(|time| (meta.len(), time)))
                .transpose()?;
            self.files.insert((shown(&path, drive), state));
            if meta.is_dir() {
                self.walk(&path, drive, own)?;
            }
        }
        Ok(())
    }

    /// Files and registry values that `self` has, and `before` has not or has otherwise; a line each.
    pub(crate) fn since(&self, before: &Self) -> Vec<String> {
        let files = self.files.difference(&before.files);
        let values = self.registry.difference(&before.registry);
        files
            .map(|(path, _)| path.clone())
            .chain(values.cloned())
            .collect()
    }

    /// How much it holds: files and folders, values and keys.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.files.len(), self.registry.len())
    }
}

/// A path as Windows spells it.
fn shown(path: &Path, drive: &Path) -> String {
    let inside: PathBuf = path.strip_prefix(drive).unwrap_or(path).into();
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    format!("C:\\{}", parts.join("\\"))
}

/// The files that Wine keeps its registry in.
const HIVES: [(&str, &str); 3] = [
    ("system.reg", "HKLM"),
    ("user.reg", "HKCU"),
    ("userdef.reg", r"HKU\.Default"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_and_what_has_changed() {
        let at = |length| Some((length, SystemTime::UNIX_EPOCH));
        let snapshot = |files: &[(&str, u64)], values: &[&str]| Snapshot {
            files: files
                .iter()
                .map(|&(name, length)| (name.to_owned(), at(length)))
                .collect(),
            registry: values.iter().map(|&value| value.to_owned()).collect(),
        };
        let before = snapshot(&[("a", 1), ("b", 1), ("gone", 1)], &["x = 1", "y = 1"]);
        let after = snapshot(&[("a", 1), ("b", 2), ("c", 1)], &["x = 1", "y = 2"]);
        assert_eq!(after.since(&before), ["b", "c", "y = 2"]);
        assert_eq!(before.since(&before), [""; 0]);
        assert_eq!(before.size(), (3, 2));
    }
}
