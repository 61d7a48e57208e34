//! RIFF chunks over a byte slice; nothing is copied and nothing is believed.
//!
//! Sizes lie in files as they are found: a list counts its own header, a chunk of odd size lacks its
//! pad byte, bytes are left over at a list's end. [`Walk`] goes on behind all of that as far as the
//! next chunk can be told from noise, and says what it did.

use crate::error::Cause;
use crate::report::Report;

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
    /// Whether it claims more than there is; its data is what there is.
    pub(crate) cut: bool,
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

    /// The first `length` bytes, or all there are.
    pub(crate) fn first(self, length: usize) -> Self {
        Self::new(&self.bytes[..length.min(self.bytes.len())], self.offset)
    }

    /// The chunks that lie here one after the other.
    pub(crate) const fn walk(self) -> Walk<'a> {
        Walk {
            all: self,
            at: 0,
            earliest: 0,
        }
    }

    pub(crate) fn fault(self, cause: Cause) -> Fault {
        Fault {
            offset: self.offset,
            cause,
        }
    }
}

impl<'a> Chunk<'a> {
    /// Where its header stands.
    pub(crate) const fn offset(&self) -> u64 {
        self.data.offset.saturating_sub(8)
    }

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

    /// Tells that a chunk has more bytes than the `known` ones: they may have been another chunk.
    pub(crate) fn warn_beyond(&self, known: usize, report: &mut Report) {
        let length = self.data.bytes.len();
        if length > known {
            report.warn(
                self.data.offset,
                format_args!(
                    "chunk \"{}\" has {length} bytes, {known} are known: the rest is ignored",
                    name(self.id)
                ),
            );
        }
    }

    /// Tells that a chunk of a collection stands where it means nothing: the size of a list before it
    /// may lie. Chunks of others stand where they like.
    pub(crate) fn warn_astray(&self, list: Id, report: &mut Report) {
        let id = self.list().map_or(self.id, |(form, _)| form);
        // Texts harm nowhere.
        if id != *b"INFO" && !belongs(id, list) {
            report.warn(
                self.offset(),
                format_args!(
                    "chunk \"{}\" means nothing in \"{}\": ignored",
                    name(id),
                    name(list)
                ),
            );
        }
    }

    /// `count` records of `size` bytes behind a header that claims to be `header` bytes long and is
    /// `known` bytes long at least. A header that claims less is a writer's slip; a count that claims
    /// more than there is gives what there is.
    pub(crate) fn records(
        &self,
        (header, known): (u32, usize),
        count: u32,
        size: usize,
        report: &mut Report,
    ) -> std::slice::ChunksExact<'a, u8> {
        let claimed = usize::try_from(header).unwrap_or(usize::MAX);
        let header = if claimed < known || claimed > self.data.bytes.len() {
            report.warn(
                self.data.offset,
                format_args!(
                    "\"{}\" claims a header of {header} bytes: read as {known}",
                    name(self.id)
                ),
            );
            known
        } else {
            claimed
        };
        let rest = self.data.from(header);
        let room = rest.bytes.len() / size;
        let claimed = usize::try_from(count).unwrap_or(usize::MAX);
        if claimed > room {
            report.warn(
                self.data.offset,
                format_args!(
                    "\"{}\" counts {count} records, but has room for {room}: these are read",
                    name(self.id)
                ),
            );
        }
        let used = claimed.min(room) * size;
        if used < rest.bytes.len() {
            report.warn(
                rest.offset + used as u64,
                format_args!(
                    "{} byte(s) of \"{}\" behind its {count} records: ignored",
                    rest.bytes.len() - used,
                    name(self.id)
                ),
            );
        }
        rest.first(used).bytes.chunks_exact(size)
    }
}

/// Goes from chunk to chunk.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    all: Span<'a>,
    at: usize,
    /// Behind the last chunk's header: no chunk is found twice.
    earliest: usize,
}

/// A chunk's header.
#[derive(Clone, Copy)]
struct Header {
    id: Id,
    size: usize,
    /// Bytes behind it.
    left: usize,
}

impl<'a> Walk<'a> {
    /// Where the next chunk is expected.
    pub(crate) fn rest(&self) -> Span<'a> {
        self.all.from(self.at)
    }

    /// The next chunk.
    pub(crate) fn next(&mut self, report: &mut Report) -> Option<Chunk<'a>> {
        let here = self.rest();
        if here.bytes.is_empty() {
            return None;
        }
        let header = match self.header(self.at) {
            Some(header) if header.is_text() && header.fits(0) => header,
            other => {
                // A chunk whose size lies begins where it is expected, all the same.
                let cut = other
                    .filter(Header::is_known)
                    .map(|header| (self.at, header));
                let found = self.search_near().or(cut).or_else(|| self.search_far());
                if let Some((at, header)) = found {
                    if at != self.at {
                        report.warn(here.offset, self.slip(at));
                    }
                    self.at = at;
                    header
                } else {
                    report.warn(
                        here.offset,
                        format_args!(
                            "{} stray byte(s), no chunk begins here: ignored",
                            here.bytes.len()
                        ),
                    );
                    self.at = self.all.bytes.len();
                    return None;
                }
            }
        };
        let here = self.rest();
        let body = here.from(8);
        let cut = header.size > header.left;
        let mut data = body.first(header.size);
        if cut {
            report.warn(
                here.offset,
                format_args!(
                    "chunk \"{}\" claims {} bytes, but only {} are left: these are read",
                    name(header.id),
                    header.size,
                    header.left
                ),
            );
            data = data.first(until_a_stranger(header.id, data));
        }
        self.earliest = self.at + 8;
        self.at += 8 + data.bytes.len();
        if header.id == *b"LIST" && data.bytes.len() < 4 {
            report.warn(here.offset, "a list without a type: ignored");
        }
        // The pad byte is the chunk's even where the list is over without it.
        self.at += usize::from(!cut && data.bytes.len() % 2 == 1);
        Some(Chunk {
            id: header.id,
            data,
            cut,
        })
    }

    fn header(&self, at: usize) -> Option<Header> {
        let (head, body) = self.all.bytes.get(at..)?.split_first_chunk::<8>()?;
        let [a, b, c, d, size @ ..] = *head;
        Some(Header {
            id: [a, b, c, d],
            size: usize::try_from(u32::from_le_bytes(size)).unwrap_or(usize::MAX),
            left: body.len(),
        })
    }

    /// A chunk close to where one is expected and does not begin.
    fn search_near(&self) -> Option<(usize, Header)> {
        // One byte early: the pad byte is missing. Eight early: the size counts the header too.
        let early = [1, 8].into_iter().filter_map(|n| self.at.checked_sub(n));
        let early = early.filter(|at| *at >= self.earliest);
        let late = (1..8).map(|n| self.at + n);
        early.chain(late).find_map(|at| {
            let header = self.header(at)?;
            (header.is_known() && header.fits(SLACK)).then_some((at, header))
        })
    }

    /// The next chunk of a collection behind noise of any length. Not a text: four capitals are not
    /// rare enough.
    fn search_far(&self) -> Option<(usize, Header)> {
        let rest = self.rest().bytes;
        let places = rest.windows(4).enumerate().skip(8);
        let known = places.filter(|(_, four)| KNOWN.iter().any(|id| id[..] == **four));
        known
            .map(|(distance, _)| self.at + distance)
            .filter_map(|at| Some((at, self.header(at)?)))
            .find(|(_, header)| header.fits(0))
    }

    /// What is wrong where the next chunk begins at `at`.
    fn slip(&self, at: usize) -> String {
        match self.at.checked_sub(at) {
            Some(1) => "the pad byte of a chunk is missing".to_owned(),
            Some(early) => format!("the size of a chunk is {early} too large"),
            None => format!("{} stray byte(s) between chunks: skipped", at - self.at),
        }
    }
}

/// A size that is off by a header or by pad bytes is a slip, not a hole in the file.
pub(crate) const SLACK: usize = 8;

impl Header {
    fn fits(&self, slack: usize) -> bool {
        self.size <= self.left.saturating_add(slack)
    }

    /// Whether its name may be one: some writers have chunks of their own.
    fn is_text(&self) -> bool {
        self.id.iter().all(|byte| (0x20..0x7F).contains(byte)) && self.id[0] != b' '
    }

    /// Whether it is a name that collections have, so that noise is not taken for it.
    fn is_known(&self) -> bool {
        let info = |id: &Id| id[0] == b'I' && id.iter().all(u8::is_ascii_uppercase);
        KNOWN.contains(&&self.id) || info(&self.id)
    }
}

const KNOWN: [&Id; 17] = [
    b"RIFF", b"LIST", b"colh", b"vers", b"ptbl", b"dlid", b"fmt ", b"data", b"wsmp", b"insh",
    b"rgnh", b"wlnk", b"art1", b"art2", b"cdl ", b"pgal", b"fact",
];

/// The lists that a chunk or list of a collection may stand in; none for those of others, which
/// stand where they like.
fn parents(id: Id) -> Option<&'static [&'static Id]> {
    Some(match &id {
        b"colh" | b"ptbl" | b"lins" | b"wvpl" => &[b"DLS "],
        b"ins " => &[b"lins"],
        b"insh" | b"lrgn" => &[b"ins "],
        b"rgn " | b"rgn2" => &[b"lrgn"],
        b"rgnh" | b"wlnk" => &[b"rgn ", b"rgn2"],
        b"wave" => &[b"wvpl"],
        b"fmt " | b"data" => &[b"wave"],
        b"wsmp" => &[b"wave", b"rgn ", b"rgn2"],
        b"lart" | b"lar2" => &[b"ins ", b"rgn ", b"rgn2"],
        b"art1" | b"art2" => &[b"lart", b"lar2"],
        b"INFO" => &[b"DLS ", b"ins ", b"wave"],
        b"INAM" => &[b"INFO"],
        _ => return None,
    })
}

/// Whether a chunk or list of this name may stand in a list of this form.
fn belongs(id: Id, list: Id) -> bool {
    parents(id).is_none_or(|parents| parents.contains(&&list))
}

/// How much of a list that claims too much is its own: up to the first chunk that belongs to a list
/// around it. Lists inside that claim too much as well are looked into.
fn until_a_stranger(id: Id, data: Span<'_>) -> usize {
    let all = data.bytes.len();
    let (b"LIST", Some(form)) = (&id, data.bytes.first_chunk::<4>()) else {
        return all;
    };
    let mut inside = vec![*form];
    let mut walk = data.walk();
    walk.at = 4;
    while let Some(header) = walk.header(walk.at).filter(Header::is_text) {
        let body = data.from(walk.at + 8);
        let form = body.bytes.first_chunk::<4>();
        let form = form.filter(|_| header.id == *b"LIST").copied();
        let id = form.unwrap_or(header.id);
        while inside.last().is_some_and(|list| !belongs(id, *list)) {
            inside.pop();
        }
        if inside.is_empty() {
            return walk.at;
        }
        match form {
            _ if header.fits(0) => walk.at += 8 + header.size + header.size % 2,
            Some(form) => {
                inside.push(form);
                walk.at += 12;
            }
            None => break,
        }
    }
    all
}

/// A chunk name for people.
pub(crate) fn name(id: Id) -> String {
    id.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and sizes of the chunks of `bytes`, and what was said about them.
    fn walked(bytes: &[u8]) -> (Vec<(String, usize)>, Vec<String>) {
        let mut report = Report::default();
        let mut walk = Span::new(bytes, 100).walk();
        let mut found = Vec::new();
        while let Some(chunk) = walk.next(&mut report) {
            found.push((name(chunk.id), chunk.data.bytes.len()));
        }
        let said = report.finish().iter().map(ToString::to_string).collect();
        (found, said)
    }

    fn found(pairs: &[(&str, usize)]) -> Vec<(String, usize)> {
        pairs.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect()
    }

    #[test]
    fn chunks_are_padded_to_even() {
        let (chunks, said) = walked(b"abcd\x01\0\0\0X\0wsmp\x02\0\0\0YY");
        assert_eq!(chunks, found(&[("abcd", 1), ("wsmp", 2)]));
        assert_eq!(said, [""; 0]);
        let (chunks, said) = walked(b"abcd\x02\0\0\0YYwsmp\x01\0\0\0X");
        assert_eq!(chunks, found(&[("abcd", 2), ("wsmp", 1)]));
        assert_eq!(said, [""; 0]);
    }

    #[test]
    fn a_missing_pad_byte_is_noticed() {
        let (chunks, said) = walked(b"abcd\x01\0\0\0Xwsmp\x02\0\0\0YY");
        assert_eq!(chunks, found(&[("abcd", 1), ("wsmp", 2)]));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("pad byte"), "{said:?}");
    }

    #[test]
    fn a_size_that_counts_its_header_is_noticed() {
        let (chunks, said) = walked(b"abcd\x0A\0\0\0XXwsmp\x02\0\0\0YY");
        assert_eq!(chunks, found(&[("abcd", 10), ("wsmp", 2)]));
        assert!(said[0].contains("8 too large"), "{said:?}");
    }

    #[test]
    fn stray_bytes_are_named_and_no_chunk_is_made_of_them() {
        for stray in [
            &b"\0"[..],
            b"\0\0\0\0\0\0\0\0\0\0",
            b"\r\n",
            b"garbage at the end",
        ] {
            let bytes = [b"wsmp\x02\0\0\0YY", stray].concat();
            let (chunks, said) = walked(&bytes);
            assert_eq!(chunks, found(&[("wsmp", 2)]), "{stray:?}");
            let expected = format!("{} stray byte(s)", stray.len());
            assert!(said[0].starts_with("byte 0x6e: "), "{said:?}");
            assert!(said[0].contains(&expected), "{said:?}");
        }
    }

    #[test]
    fn a_chunk_that_claims_too_much_has_what_is_left() {
        let (chunks, said) = walked(b"wsmp\xFF\xFF\xFF\xFFYY");
        assert_eq!(chunks, found(&[("wsmp", 2)]));
        assert!(said[0].contains("only 2 are left"), "{said:?}");
    }

    #[test]
    fn a_list_that_claims_too_much_ends_before_its_sibling() {
        let item = |size: u8| [b"LIST", &[size, 0, 0, 0][..], b"ins insh\x02\0\0\0AA"].concat();
        let bytes = [item(0xFF), item(14)].concat();
        let (chunks, said) = walked(&bytes);
        assert_eq!(chunks, found(&[("LIST", 14), ("LIST", 14)]));
        assert_eq!(said.len(), 1, "{said:?}");
    }
}
