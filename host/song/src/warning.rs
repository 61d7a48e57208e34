//! What a reader put right, and says.

use std::fmt;

/// A fault of a file that was repaired: where it is and what was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where in the file; the first place, if there are several.
    pub offset: u64,
    /// What was wrong and what became of it.
    pub repair: Repair,
    /// How many more of the same kind the same track has.
    pub more: usize,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {:#x}: {}", self.offset, self.repair)?;
        if self.more > 0 {
            write!(f, " ({} more like it)", self.more)?;
        }
        Ok(())
    }
}

/// A repair. Tracks are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Repair {
    /// Something stands before the header, as a MacBinary header does.
    #[error("{0} bytes before \"MThd\" are skipped")]
    Leading(usize),
    /// A chunk of a RIFF file claims more than the file has.
    #[error("chunk \"{id}\" claims {size} bytes, but only {left} are left; these are taken")]
    ChunkTooLong {
        /// The chunk's name.
        id: String,
        /// What it claims.
        size: usize,
        /// What there is.
        left: usize,
    },
    /// A chunk of odd size without the byte that makes it even.
    #[error("chunk \"{0}\" lacks its pad byte")]
    PadMissing(String),
    /// The header's own length does not lead to a chunk.
    #[error("the header claims {0} bytes, but the first track follows after six")]
    HeaderLength(usize),
    /// Fewer tracks than the header says.
    #[error("the header promises {promised} tracks, the file has {found}; these are played")]
    TracksMissing {
        /// What the header says.
        promised: usize,
        /// What there is.
        found: usize,
    },
    /// More tracks than the header says.
    #[error("the header promises {promised} tracks, the file has {found}; all are played")]
    TracksMore {
        /// What the header says.
        promised: usize,
        /// What there is.
        found: usize,
    },
    /// Format 0 is one track by definition.
    #[error("a file of format 0 has {0} tracks; all are played")]
    ManyInFormat0(usize),
    /// Bytes that are no chunk, between two tracks.
    #[error("{0} bytes that are no chunk are skipped")]
    Junk(usize),
    /// Bytes that are no chunk, after the last track.
    #[error("{0} bytes after the last track are ignored")]
    Trailing(usize),
    /// The track's events end before the track does.
    #[error("track {track} claims {size} bytes, but its End-of-Track stands after {used}")]
    TrackTooLong {
        /// Which.
        track: usize,
        /// What it claims.
        size: usize,
        /// What its events take.
        used: usize,
    },
    /// The track's events go on after its end.
    #[error("track {track} claims {size} bytes, but its events go on to {used}")]
    TrackTooShort {
        /// Which.
        track: usize,
        /// What it claims.
        size: usize,
        /// What its events take.
        used: usize,
    },
    /// The last event is missing.
    #[error("track {0} has no End-of-Track; it ends here")]
    NoEnd(usize),
    /// The track ends in the middle of an event.
    #[error("track {0}: an event is cut off by the end of the track, and is left out")]
    CutEvent(usize),
    /// The End-of-Track lacks its length byte.
    #[error("track {0}: the last byte of the End-of-Track is missing")]
    CutEnd(usize),
    /// An overlong number.
    #[error("track {0}: a number takes more than four bytes")]
    LongNumber(usize),
    /// The standard ends running status there.
    #[error("track {0}: running status goes on after a meta or system exclusive event")]
    RunningStatus(usize),
    /// A data byte with its top bit set.
    #[error(
        "track {0}: a data byte above 127 (a key, program or controller number loses its top bit, an amount becomes 127)"
    )]
    DataByte(usize),
    /// A tempo event without a tempo.
    #[error("track {0}: a tempo of 0 is no tempo, and is ignored")]
    NoTempo(usize),
    /// A meta event whose length is not what its kind has.
    #[error("track {track}: the {kind} event has {length} bytes of data")]
    MetaLength {
        /// Which.
        track: usize,
        /// Its kind, in words.
        kind: &'static str,
        /// What it has.
        length: usize,
    },
    /// A system exclusive message that nothing ends.
    #[error("track {0}: a system exclusive message that no F7 ends; it ends with its event")]
    OpenSysEx(usize),
    /// Its packets cannot keep their times.
    #[error(
        "track {0}: other messages stand between the packets of a system exclusive message; it is sent whole, with its last packet"
    )]
    Interleaved(usize),
    /// A system exclusive message that no wire can carry.
    #[error("track {0}: a system exclusive message with a status byte inside is left out")]
    BrokenSysEx(usize),
    /// Data bytes that belong to no message.
    #[error("track {0}: data bytes that belong to no message are left out")]
    Stray(usize),
}

impl Repair {
    /// Repairs of one kind in one track are said once.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::MetaLength { track, kind, .. },
                Self::MetaLength {
                    track: t, kind: k, ..
                },
            ) => track == t && kind == k,
            _ => self == other,
        }
    }
}

/// Not fewer than the repairs that one track can need.
const KINDS: usize = 32;

/// Repairs as they are made.
#[derive(Debug, Default)]
pub(crate) struct Repairs {
    list: Vec<Warning>,
}

impl Repairs {
    /// Notes a repair.
    pub(crate) fn add(&mut self, offset: usize, repair: Repair) {
        // Tracks are read one after another, and the kinds of a track are few.
        let like = |known: &&mut Warning| known.repair.is_like(&repair);
        match self.list.iter_mut().rev().take(KINDS).find(like) {
            Some(known) => known.more += 1,
            None => self.list.push(Warning {
                offset: offset as u64,
                repair,
                more: 0,
            }),
        }
    }

    /// Takes over what another reader noted.
    pub(crate) fn append(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// All of them, in the order of the file.
    pub(crate) fn finish(mut self) -> Vec<Warning> {
        self.list.sort_by_key(|warning| warning.offset);
        self.list
    }
}
