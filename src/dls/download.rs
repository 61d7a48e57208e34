//! The outer form of every download: `DMUS_DOWNLOADINFO` and the offset table behind it.
#![forbid(unsafe_code)]

use core::fmt;

use super::instrument::{Instrument, Level};
use super::reader::View;
use super::size::Allowance;
use super::wave::Wave;

/// A download that was understood.
#[derive(Debug)]
pub enum Download {
    /// `DMUS_DOWNLOADINFO_WAVE`.
    Wave(Wave),
    /// `DMUS_DOWNLOADINFO_INSTRUMENT` or `DMUS_DOWNLOADINFO_INSTRUMENT2`.
    Instrument(Instrument),
}

impl Download {
    /// Understands a download buffer. The bytes must not change meanwhile: copy them first.
    ///
    /// # Errors
    ///
    /// A [`DownloadError`] that says what is wrong and at which byte, or that the pool has no
    /// room for the result.
    pub fn parse(bytes: &[u8]) -> Result<Self, DownloadError> {
        Self::parse_within(bytes, Allowance::UNLIMITED)
    }

    /// As [`parse`](Self::parse), with no more memory than is allowed.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn parse_within(bytes: &[u8], allowance: Allowance<'_>) -> Result<Self, DownloadError> {
        let (kind, table) = Table::parse(bytes, allowance)?;
        match kind {
            1 => Instrument::parse(&table, Level::One).map(Self::Instrument),
            2 => Wave::parse(&table).map(Self::Wave),
            3 => Instrument::parse(&table, Level::Two).map(Self::Instrument),
            _ => Err(DownloadError {
                fault: Fault::UnknownType,
                offset: 0,
            }),
        }
    }
}

/// Why a download was refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadError {
    /// What is wrong.
    pub fault: Fault,
    /// The byte it was found at, from the start of the download.
    pub offset: u32,
}

/// What can be wrong with a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A structure reaches past the end.
    Truncated,
    /// The header's size is smaller than the header or larger than the buffer.
    BadSize,
    /// `dwDLType` is none of instrument, wave and instrument 2.
    UnknownType,
    /// The offset table is empty or longer than the download.
    BadOffsetTable,
    /// An offset is odd, or points into the header or past the end.
    BadOffset,
    /// A reference names an entry that the offset table does not have.
    BadIndex,
    /// A list of regions, articulations or extension chunks comes back to itself.
    Cycle,
    /// A key or velocity range is empty.
    BadRange,
    /// The wave-sample structure has the wrong size.
    BadSampleHeader,
    /// A region has more than one loop, or its loop has no frames or an unknown kind.
    BadLoop,
    /// A region plays another channel than the left (mono) one.
    NotMono,
    /// Neither the region nor its instrument has an articulation.
    NoArticulation,
    /// An articulation has more different connections than any collection could mean.
    TooManyConnections,
    /// The same lists are named over and over to make reading them expensive.
    TooMuchWork,
    /// The wave is not PCM, or not mono, or not 8 or 16 bits.
    NotMonoPcm,
    /// The wave's rate is zero or above 192 kHz.
    BadSampleRate,
    /// 16-bit data with an odd number of bytes.
    OddDataSize,
    /// The wave has no frames.
    EmptyWave,
    /// The pool has no room.
    OutOfMemory,
    /// The instrument has more regions than a note may search.
    TooManyRegions,
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.text())?;
        f.write_str(" at byte ")?;
        fmt::Display::fmt(&self.offset, f)
    }
}

impl core::error::Error for DownloadError {}

impl Fault {
    /// All of them, in the order of their numbers.
    const ALL: [Self; 20] = [
        Self::Truncated,
        Self::BadSize,
        Self::UnknownType,
        Self::BadOffsetTable,
        Self::BadOffset,
        Self::BadIndex,
        Self::Cycle,
        Self::BadRange,
        Self::BadSampleHeader,
        Self::BadLoop,
        Self::NotMono,
        Self::NoArticulation,
        Self::TooManyConnections,
        Self::TooMuchWork,
        Self::NotMonoPcm,
        Self::BadSampleRate,
        Self::OddDataSize,
        Self::EmptyWave,
        Self::OutOfMemory,
        Self::TooManyRegions,
    ];

    /// The fault that has this number in the trace (`DownloadRejected`); readers of the trace ask.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| *fault as u32 == number)
    }

    /// The fault in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Truncated => "a structure reaches past the end of the download",
            Self::BadSize => "the size in the header does not fit the buffer",
            Self::UnknownType => "the download type is not supported",
            Self::BadOffsetTable => "the offset table is empty or does not fit",
            Self::BadOffset => "an offset is unaligned or out of bounds",
            Self::BadIndex => "a reference names no entry of the offset table",
            Self::Cycle => "a list comes back to itself",
            Self::BadRange => "a key or velocity range is empty",
            Self::BadSampleHeader => "the wave-sample structure has the wrong size",
            Self::BadLoop => "the loop is malformed",
            Self::NotMono => "the region plays another channel than the left one",
            Self::NoArticulation => "neither region nor instrument has an articulation",
            Self::TooManyConnections => "an articulation has too many connections",
            Self::TooMuchWork => "the same lists are named too often",
            Self::NotMonoPcm => "the wave is not 8- or 16-bit mono PCM",
            Self::BadSampleRate => "the sample rate is out of range",
            Self::OddDataSize => "16-bit wave data has an odd number of bytes",
            Self::EmptyWave => "the wave has no frames",
            Self::OutOfMemory => "there is not enough memory",
            Self::TooManyRegions => "the instrument has too many regions",
        }
    }
}

/// The offset table, every entry of it checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    /// The download, cut to the size in its header.
    all: View<'a>,
    entries: u32,
    size: u32,
    id: u32,
    allowance: Allowance<'a>,
}

impl<'a> Table<'a> {
    fn parse(bytes: &'a [u8], allowance: Allowance<'a>) -> Result<(u32, Self), DownloadError> {
        let head = View::new(bytes, 0);
        let (kind, id) = (head.u32(0)?, head.u32(4)?);
        let (entries, size) = (head.u32(8)?, head.u32(12)?);
        let cut = usize::try_from(size).ok().and_then(|n| bytes.get(..n));
        let cut = cut.ok_or(head.at(12).fault(Fault::BadSize))?;
        if size < HEADER_SIZE {
            return Err(head.at(12).fault(Fault::BadSize));
        }
        let first = entries
            .checked_mul(4)
            .and_then(|n| n.checked_add(HEADER_SIZE))
            .filter(|&end| entries > 0 && end <= size)
            .ok_or(head.at(8).fault(Fault::BadOffsetTable))?;
        let table = Self {
            all: View::new(cut, 0),
            entries,
            size,
            id,
            allowance,
        };
        for index in 0..entries {
            let offset = table.offset(index)?;
            if offset < first || offset > size.saturating_sub(4) || !offset.is_multiple_of(4) {
                return Err(table.slot(index).fault(Fault::BadOffset));
            }
        }
        Ok((kind, table))
    }

    /// The client's name for this download.
    pub(super) const fn id(&self) -> u32 {
        self.id
    }

    /// The leave to allocate.
    pub(super) const fn allowance(&self) -> &Allowance<'a> {
        &self.allowance
    }

    /// How many entries there are; no list that visits each once can be longer.
    pub(super) const fn entries(&self) -> u32 {
        self.entries
    }

    /// Bytes in the download.
    pub(super) const fn size(&self) -> u32 {
        self.size
    }

    /// What entry `index` points to, known to be at least `length` bytes long.
    pub(super) fn entry(&self, index: u32, length: u32) -> Result<View<'a>, DownloadError> {
        if index >= self.entries {
            return Err(self.all.fault(Fault::BadIndex));
        }
        let view = self.all.at(self.offset(index)?);
        view.bytes(0, length)?;
        Ok(view)
    }

    /// Checks a list of extension chunks that nobody reads; returns its length.
    pub(super) fn check_extensions(&self, first: u32) -> Result<usize, DownloadError> {
        let mut index = first;
        let mut left = MOST_EXTENSIONS;
        let mut length = 0_usize;
        while index != 0 {
            let chunk = self.entry(index, 12)?;
            left = left.checked_sub(1).ok_or(chunk.fault(Fault::Cycle))?;
            length = length.saturating_add(1);
            // `cbSize` counts from the chunk's name on.
            chunk.bytes(8, chunk.u32(0)?)?;
            index = chunk.u32(4)?;
        }
        Ok(length)
    }

    /// Checks a copyright entry that nobody reads.
    pub(super) fn check_copyright(&self, index: u32) -> Result<(), DownloadError> {
        if index != 0 {
            let text = self.entry(index, 4)?;
            text.bytes(4, text.u32(0)?)?;
        }
        Ok(())
    }

    fn slot(&self, index: u32) -> View<'a> {
        self.all
            .at(index.saturating_mul(4).saturating_add(HEADER_SIZE))
    }

    fn offset(&self, index: u32) -> Result<u32, DownloadError> {
        self.slot(index).u32(0)
    }
}

/// No client hangs more extension chunks than this on one structure.
const MOST_EXTENSIONS: u32 = 256;
/// Size of `DMUS_DOWNLOADINFO`.
const HEADER_SIZE: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_the_trace_names_its_fault() {
        for (number, fault) in (0..).zip(Fault::ALL) {
            assert_eq!(fault as u32, number);
            assert_eq!(Fault::from_number(number), Some(fault));
        }
        assert_eq!(Fault::from_number(20), None);
    }
}
