//! What can go wrong while a build script is being configured.

use std::{env, error, fmt, io, path::PathBuf};

/// A build that cannot be configured, and why.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file could not be read or written.
    IoError(IoError),
    /// A variable that `cargo xtask sys` sets is not there.
    Variable {
        /// Its name.
        name: &'static str,
        /// Why it cannot be used.
        source: env::VarError,
    },
    /// The target is neither x86-64 nor ARM64.
    UnsupportedArchitecture(String),
    /// A directory that should hold headers does not exist.
    DirectoryNotFound(PathBuf),
    /// The C runtime would be linked dynamically, which no driver can be.
    StaticCrtNotEnabled,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IoError(error) => error.fmt(f),
            Self::Variable { name, .. } => {
                write!(f, "{name} is not set: cross-build with `cargo xtask sys`")
            }
            Self::UnsupportedArchitecture(name) => write!(f, "no driver can be built for {name}"),
            Self::DirectoryNotFound(path) => write!(f, "no directory {}", path.display()),
            Self::StaticCrtNotEnabled => f.write_str("the target lacks the feature crt-static"),
        }
    }
}

impl error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::IoError(error) => Some(error),
            Self::Variable { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<IoError> for ConfigError {
    fn from(error: IoError) -> Self {
        Self::IoError(error)
    }
}

/// An I/O error that names its file.
#[derive(Debug)]
pub struct IoError {
    path: PathBuf,
    source: io::Error,
}

impl IoError {
    /// Ties `source` to the file it happened on.
    pub fn with_path(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self {
            path: path.into(),
            source,
        }
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

impl error::Error for IoError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}
