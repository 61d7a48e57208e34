//! What can be wrong with a song file.

use std::io;
use std::path::PathBuf;

/// A file that could not be read, with the place and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}{cause}", path.display(), cause.place(*offset))]
pub struct SongError {
    /// The file.
    pub path: PathBuf,
    /// Where in the file.
    pub offset: u64,
    /// What is wrong there. The message says it already, so it is no `source`.
    pub cause: Cause,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The file cannot be read at all.
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    /// It does not start with `MThd`.
    #[error("not a Standard MIDI File (no \"MThd\" chunk)")]
    NotMidi,
    /// A RIFF wrapper around nothing.
    #[error("a RIFF MIDI file without a \"data\" chunk")]
    NoData,
    /// The header is cut short or says something impossible.
    #[error("the header is {0}")]
    Header(&'static str),
    /// Independent patterns, which have no common time.
    #[error("format 2 holds independent patterns; only formats 0 and 1 are supported")]
    Format2,
    /// A chunk claims more bytes than the file has.
    #[error("chunk \"{id}\" claims {size} bytes, but only {left} are left")]
    ChunkTooLong {
        /// The chunk's name.
        id: String,
        /// What it claims.
        size: usize,
        /// What there is.
        left: usize,
    },
    /// There is no track at all, whatever the header promises.
    #[error("the header promises {promised} tracks, the file has {found}")]
    TracksMissing {
        /// What the header says.
        promised: usize,
        /// `MTrk` chunks in the file.
        found: usize,
    },
    /// An event of a track is malformed.
    #[error("track {track}: {fault}")]
    Event {
        /// Counted from 1.
        track: usize,
        /// In words.
        fault: &'static str,
    },
}

impl Cause {
    /// The place as a message names it; a file that cannot be read has none.
    fn place(&self, offset: u64) -> String {
        match self {
            Self::Io(_) => String::new(),
            _ => format!("byte {offset:#x}: "),
        }
    }
}
