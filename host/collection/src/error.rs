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

/// What is wrong with a file, or with an item of it that is left out.
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
    /// A RIFF MIDI file that holds a song and nothing else.
    #[error("a RIFF MIDI file without a DLS collection inside")]
    NoEmbeddedDls,
    /// The end of the file is missing.
    #[error("the file is cut short: its RIFF form claims {size} bytes, but only {left} are left")]
    CutShort {
        /// What the RIFF header claims.
        size: u64,
        /// What there is.
        left: u64,
    },
    /// A collection without a wave that can be played.
    #[error("the collection has no waves: {why}")]
    NoWaves {
        /// Which part is missing, or why the first wave was left out.
        why: String,
    },
    /// A collection without an instrument that can be played.
    #[error("the collection has no instruments: {why}")]
    NoInstruments {
        /// Which part is missing, or why the first instrument was left out.
        why: String,
    },
    /// The collection's own conditional chunk says no.
    #[error(
        "the collection's own conditional chunk \"cdl \" is false: it is not meant for this device"
    )]
    ConditionFalse,
    /// A conditional chunk that cannot be evaluated.
    #[error("conditional chunk: {0}")]
    Condition(&'static str),
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
        list: String,
        /// The chunk's name.
        id: &'static str,
    },
    /// The wave has a form that DLS does not know.
    #[error(
        "the wave is not mono PCM of 8 or 16 bits, but {} (tag {tag:#x}), {channels} channel(s), {bits} bits",
        format_name(*tag)
    )]
    WaveFormat {
        /// `wFormatTag`; of an extensible format the tag that its sub-format stands for.
        tag: u16,
        /// `nChannels`.
        channels: u16,
        /// `wBitsPerSample`.
        bits: u16,
    },
    /// An extensible wave format whose sub-format is none of those that stand for a tag.
    #[error("the wave has an extensible format whose sub-format is not PCM")]
    SubFormat,
    /// The wave has no frames.
    #[error("the wave has no frames")]
    EmptyWave,
    /// The wave's sample rate is 0.
    #[error("the wave has a sample rate of 0")]
    NoRate,
    /// A program number that MIDI does not have.
    #[error("program {0} is above 127")]
    Program(u32),
    /// The instrument has no region that can be played.
    #[error("the instrument has no region that can be played: {why}")]
    NoRegions {
        /// Why the first was left out.
        why: String,
    },
    /// A key or velocity range is empty.
    #[error("the {what} range {low} to {high} is empty")]
    Range {
        /// `key` or `velocity`.
        what: &'static str,
        /// Its low end.
        low: u16,
        /// Its high end.
        high: u16,
    },
    /// The region's wave is not to be had.
    #[error("wave link {index}: {why}")]
    Link {
        /// `ulTableIndex`.
        index: u32,
        /// Why it leads to no wave.
        why: String,
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

/// What `wFormatTag` values mean that occur in collections.
fn format_name(tag: u16) -> &'static str {
    match tag {
        1 => "PCM",
        2 => "Microsoft ADPCM",
        3 => "floating point",
        6 => "A-law",
        7 => "mu-law",
        0x11 => "IMA ADPCM",
        0x31 => "GSM 6.10",
        0x50 | 0x55 => "MPEG audio",
        0xFFFE => "an incomplete extensible format",
        _ => "an unknown format",
    }
}
