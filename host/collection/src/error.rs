//! What can be wrong with a collection file.

use std::io;
use std::path::PathBuf;

/// A file that could not be read, with the place and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}{cause}", path.display(), cause.place(*offset))]
pub struct CollectionError {
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
    /// It starts with something else than `RIFF` and `DLS `.
    #[error("not a DLS collection (no RIFF form of type \"DLS \")")]
    NotDls,
    /// A SoundFont, which is a RIFF form of type `sfbk`.
    #[error("a SoundFont; only DLS collections are supported")]
    SoundFont,
    /// A chunk claims more bytes than its parent has.
    #[error("chunk \"{id}\" claims {size} bytes, but only {left} are left")]
    ChunkTooLong {
        /// The chunk's name.
        id: String,
        /// What it claims.
        size: u64,
        /// What there is.
        left: u64,
    },
    /// A structure is cut short.
    #[error("chunk \"{id}\" is too short")]
    ChunkTooShort {
        /// The chunk's name.
        id: String,
    },
    /// A list lacks a chunk it must have.
    #[error("\"{list}\" has no \"{id}\" chunk")]
    Missing {
        /// The list's name.
        list: &'static str,
        /// The chunk's name.
        id: &'static str,
    },
    /// The wave has a form that DLS does not know.
    #[error("wave is not mono PCM of 8 or 16 bits (tag {tag}, {channels} channels, {bits} bits)")]
    WaveFormat {
        /// `wFormatTag`.
        tag: u16,
        /// `nChannels`.
        channels: u16,
        /// `wBitsPerSample`.
        bits: u16,
    },
    /// A conditional chunk that cannot be evaluated.
    #[error("conditional chunk: {0}")]
    Condition(&'static str),
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
