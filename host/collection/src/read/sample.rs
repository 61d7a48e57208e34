//! Tuning, level and loop: `wsmp`, of a wave or of a region.

use crate::bank::{Loop, Sample};
use crate::report::Report;
use crate::riff::Chunk;

/// `WSMPL` without its loops.
const HEADER: usize = 20;
/// `WLOOP`.
const RECORD: usize = 16;

/// Reads a `wsmp` chunk for a wave of `frames` frames. What is cut off has its default.
pub(super) fn sample(chunk: &Chunk<'_>, frames: usize, report: &mut Report) -> Option<Sample> {
    let at = chunk.data.offset;
    let (Ok(unity), Ok(fine_tune), Ok(gain)) = (chunk.u16(4), chunk.i16(6), chunk.i32(8)) else {
        report.warn(at, "chunk \"wsmp\" is too short: left out");
        return None;
    };
    if unity > 127 {
        report.warn(
            at,
            format_args!("unity key {unity} is above 127: read as 127"),
        );
    }
    Some(Sample {
        unity_key: u8::try_from(unity.min(127)).unwrap_or(127),
        fine_tune,
        gain,
        wave_loop: wave_loop(chunk, frames, report),
    })
}

fn wave_loop(chunk: &Chunk<'_>, frames: usize, report: &mut Report) -> Option<Loop> {
    let at = chunk.data.offset;
    let (header, loops) = header(chunk, report)?;
    let records = usize::try_from(loops).unwrap_or(usize::MAX);
    let known = header.saturating_add(records.saturating_mul(RECORD));
    chunk.warn_beyond(known, report);
    if loops == 0 {
        return None;
    }
    if loops > 1 {
        report.warn(at, format_args!("{loops} loops: the first is played"));
    }
    let record = Chunk {
        data: chunk.data.from(header),
        ..*chunk
    };
    let at = record.data.offset;
    let (Ok(size), Ok(kind), Ok(start), Ok(length)) =
        (record.u32(0), record.u32(4), record.u32(8), record.u32(12))
    else {
        report.warn(
            at,
            "chunk \"wsmp\" is too short for its loop: loop left out",
        );
        return None;
    };
    if size < u32::try_from(RECORD).unwrap_or(0) {
        report.warn(
            at,
            format_args!("the loop claims to be {size} bytes long: read as {RECORD}"),
        );
    }
    if kind > 2 {
        report.warn(
            at,
            format_args!("loop of unknown type {kind}: played as a forward loop"),
        );
    }
    let room = u32::try_from(frames)
        .unwrap_or(u32::MAX)
        .saturating_sub(start);
    if length.min(room) == 0 {
        report.warn(
            at,
            format_args!("loop has no frames inside its wave (start {start}, length {length}, wave of {frames}): left out"),
        );
        return None;
    }
    if length > room {
        report.warn(
            at,
            format_args!("loop reaches past the end of its wave (start {start}, length {length}, wave of {frames}): cut"),
        );
    }
    Some(Loop {
        // Files from before Windows XP have 2 (abi section 6).
        until_release: kind == 1 || kind == 2,
        start,
        length: length.min(room),
    })
}

/// Where the loop stands, and how many there are. `cbSize` is wrong in many files: it is believed
/// where a loop stands at its end.
fn header(chunk: &Chunk<'_>, report: &mut Report) -> Option<(usize, u32)> {
    let at = chunk.data.offset;
    let claimed = chunk.u32(0).unwrap_or(0);
    let size = usize::try_from(claimed).unwrap_or(usize::MAX);
    // A loop begins with its own size.
    let stands = |at: usize| chunk.u32(at).is_ok_and(|size| size as usize == RECORD);
    let Ok(loops) = chunk.u32(16) else {
        // Without the options, or with those of half the size: keep what is there.
        report.warn(at, "chunk \"wsmp\" is too short: no loop");
        return None;
    };
    if size == HEADER || (size > HEADER && (loops == 0 || stands(size))) {
        return Some((size, loops));
    }
    // Options of 16 bits, so that the structure really is as short as it says.
    if size == HEADER - 2 && !stands(HEADER) && stands(size) {
        let loops = chunk.u32(size - 4).unwrap_or(0);
        report.warn(at, "\"wsmp\" has options of 16 bits: read as such");
        return Some((size, loops));
    }
    report.warn(
        at,
        format_args!("\"wsmp\" claims a structure of {claimed} bytes: read as {HEADER}"),
    );
    Some((HEADER, loops))
}
