//! RIFF chunks over a byte slice; nothing is copied and nothing is believed.

use crate::error::Cause;

/// A chunk name.
pub(crate) type Id = [u8; 4];

/// An error with its place in the file, before the file's name is known.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) offset: u64,
    pub(crate) cause: Cause,
}

/// Bytes of the file and where they stand in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) offset: u64,
}

/// A chunk: its name and its data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) id: Id,
    pub(crate) data: Span<'a>,
}

impl<'a> Span<'a> {
    pub(crate) const fn new(bytes: &'a [u8], offset: u64) -> Self {
        Self { bytes, offset }
    }

    /// Everything from `distance` on; empty past the end.
    pub(crate) fn from(self, distance: usize) -> Self {
        let distance = distance.min(self.bytes.len());
        Self::new(&self.bytes[distance..], self.offset + distance as u64)
    }

    /// The chunks that lie here one after the other. After an error there are no more.
    pub(crate) fn chunks(self) -> Chunks<'a> {
        Chunks { rest: self }
    }

    pub(crate) fn fault(self, cause: Cause) -> Fault {
        Fault {
            offset: self.offset,
            cause,
        }
    }
}

impl<'a> Chunk<'a> {
    /// The type of a `LIST` or `RIFF` chunk, and what is inside.
    pub(crate) fn list(&self) -> Option<(Id, Span<'a>)> {
        if self.id != *b"LIST" && self.id != *b"RIFF" {
            return None;
        }
        let form = self.data.bytes.first_chunk::<4>()?;
        Some((*form, self.data.from(4)))
    }

    pub(crate) fn u16(&self, at: usize) -> Result<u16, Fault> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn i16(&self, at: usize) -> Result<i16, Fault> {
        self.array(at).map(i16::from_le_bytes)
    }

    pub(crate) fn u32(&self, at: usize) -> Result<u32, Fault> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&self, at: usize) -> Result<i32, Fault> {
        self.array(at).map(i32::from_le_bytes)
    }

    pub(crate) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Fault> {
        let rest = self.data.from(at);
        rest.bytes
            .first_chunk::<N>()
            .copied()
            .ok_or_else(|| rest.fault(Cause::ChunkTooShort { id: name(self.id) }))
    }

    /// `count` records of `size` bytes from `at` on.
    pub(crate) fn records(&self, at: usize, count: u32, size: usize) -> Result<&'a [u8], Fault> {
        let rest = self.data.from(at);
        usize::try_from(count)
            .ok()
            .and_then(|n| n.checked_mul(size))
            .and_then(|n| rest.bytes.get(..n))
            .ok_or_else(|| rest.fault(Cause::ChunkTooShort { id: name(self.id) }))
    }
}

/// The chunks of a span.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<'a> {
    rest: Span<'a>,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let here = self.rest;
        if here.bytes.is_empty() {
            return None;
        }
        self.rest = here.from(usize::MAX);
        let Some((head, body)) = here.bytes.split_first_chunk::<8>() else {
            // Up to seven stray bytes at the end of a list: some writers pad their files.
            return None;
        };
        let [a, b, c, d, size @ ..] = *head;
        let id = [a, b, c, d];
        let size = u32::from_le_bytes(size);
        let Some(data) = usize::try_from(size).ok().and_then(|n| body.get(..n)) else {
            return Some(Err(here.fault(Cause::ChunkTooLong {
                id: name(id),
                size: size.into(),
                left: body.len() as u64,
            })));
        };
        self.rest = here.from(8 + data.len() + data.len() % 2);
        Some(Ok(Chunk {
            id,
            data: Span::new(data, here.offset + 8),
        }))
    }
}

/// A chunk name for people.
pub(crate) fn name(id: Id) -> String {
    id.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_padded_to_even_and_bounded() {
        let bytes = b"abcd\x01\0\0\0X\0efgh\x05\0\0\0YY";
        let mut chunks = Span::new(bytes, 100).chunks();
        let first = chunks.next().unwrap().unwrap();
        assert_eq!((first.id, first.data.bytes), (*b"abcd", &b"X"[..]));
        assert_eq!(first.data.offset, 108);
        let fault = chunks.next().unwrap().unwrap_err();
        assert_eq!(fault.offset, 110);
        assert!(matches!(
            fault.cause,
            Cause::ChunkTooLong {
                size: 5,
                left: 2,
                ..
            }
        ));
        assert!(chunks.next().is_none());
    }
}
