//! RIFF MIDI files (`RMID`): a Standard MIDI File in a `data` chunk, with or without a DLS collection beside it.

use crate::read::Fault;
use crate::warning::{Repair, Repairs};
use crate::{Cause, EmbeddedBank};

/// What a RIFF MIDI file holds.
#[derive(Debug)]
pub(crate) struct Wrapped<'a> {
    /// The file up to the end of the song: offsets into it are those of the file.
    pub(crate) bytes: &'a [u8],
    /// Where the song begins.
    pub(crate) start: usize,
    pub(crate) bank: Option<EmbeddedBank>,
}

/// Whether the file is one.
pub(crate) fn is_riff_midi(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"RMID")
}

/// Opens the wrapper. Its own length is not relied on: too small and too large are both seen, and the chunks say it all.
pub(crate) fn unwrap<'a>(bytes: &'a [u8], repairs: &mut Repairs) -> Result<Wrapped<'a>, Fault> {
    let claimed = little_endian(bytes, 4);
    let left = bytes.len() - 8;
    if claimed > left {
        let id = "RIFF".to_owned();
        let size = claimed;
        repairs.add(0, Repair::ChunkTooLong { id, size, left });
    }
    let (mut song, mut bank) = (None, None);
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8) {
        let (id, body) = (&head[..4], at + 8);
        let (size, left) = (little_endian(bytes, at + 4), bytes.len() - body);
        let is_known = matches!(id, b"data" | b"RIFF" | b"LIST");
        let is_chunk = is_known || size <= left && is_name(id) && !matches!(id, b"MThd" | b"MTrk");
        if !is_chunk {
            if let Some((_, end)) = &mut song
                && *end + 1 >= at
            {
                // The length of "data" leads to no chunk: the song's own chunks tell where it ends.
                *end = bytes.len();
            }
            break;
        }
        if size > left {
            let id = String::from_utf8_lossy(id).into_owned();
            repairs.add(at, Repair::ChunkTooLong { id, size, left });
        }
        let end = body + size.min(left);
        match id {
            b"data" if song.is_none() => song = Some((body, end)),
            b"RIFF" if bytes.get(body..body + 4) == Some(b"DLS ") && bank.is_none() => {
                bank = Some(EmbeddedBank {
                    offset: at as u64,
                    bytes: bytes[at..end].to_vec(),
                });
            }
            _ => {}
        }
        at = after(bytes, end, size, repairs, id);
    }
    let (start, end) = song.ok_or(Fault(0, Cause::NoData))?;
    // A wrong length of "data" hides the collection; it is easily found.
    let bank = bank.or_else(|| find_bank(bytes, start));
    Ok(Wrapped {
        bytes: &bytes[..end],
        start,
        bank,
    })
}

fn is_name(id: &[u8]) -> bool {
    id.iter().all(|byte| (0x20..0x7F).contains(byte))
}

fn find_bank(bytes: &[u8], from: usize) -> Option<EmbeddedBank> {
    let rest = bytes.get(from..)?;
    let is_bank = |bytes: &[u8]| bytes.starts_with(b"RIFF") && bytes.ends_with(b"DLS ");
    let at = from + rest.windows(12).position(is_bank)?;
    let end = (at + 8).saturating_add(little_endian(bytes, at + 4));
    Some(EmbeddedBank {
        offset: at as u64,
        bytes: bytes[at..end.min(bytes.len())].to_vec(),
    })
}

/// Where the chunk behind one that ends at `end` begins: chunks of odd size have a pad byte, which some writers forget.
fn after(bytes: &[u8], end: usize, size: usize, repairs: &mut Repairs, id: &[u8]) -> usize {
    if size.is_multiple_of(2) {
        return end;
    }
    let known = |at: usize| {
        let id = bytes.get(at..at + 4);
        id.is_some_and(|id| matches!(id, b"RIFF" | b"LIST" | b"data" | b"DISP"))
    };
    if known(end) && !known(end + 1) {
        let id = String::from_utf8_lossy(id).into_owned();
        repairs.add(end, Repair::PadMissing(id));
        return end;
    }
    end + 1
}

fn little_endian(bytes: &[u8], at: usize) -> usize {
    let bytes = bytes.get(at..).unwrap_or_default().iter().take(4).rev();
    bytes.fold(0, |value, byte| value << 8 | usize::from(*byte))
}
