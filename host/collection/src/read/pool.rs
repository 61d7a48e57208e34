//! The wave pool, and the table that regions name waves by.

use std::collections::HashMap;

use super::sample::sample;
use super::{Reader, enabled, name, once, peek_name};
use crate::bank::{Frames, Wave};
use crate::error::Cause;
use crate::riff::{Chunk, Fault, Span};

/// What became of a wave of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// The index of it in the bank.
    Read(usize),
    LeftOut,
    /// Its own condition is false.
    Disabled,
}

/// Where a wave link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// To the wave of the pool with this number.
    Wave(usize),
    /// A null cue.
    Null,
    /// Nowhere: the cue itself.
    Nowhere(u32),
}

/// The pool table, resolved.
#[derive(Debug)]
pub(super) struct Links {
    links: Vec<Link>,
    slots: Vec<Slot>,
}

impl Links {
    /// The index in the bank of the wave that `index` of the table names.
    pub(super) fn wave(&self, index: u32) -> Result<usize, Cause> {
        let broken = |why| Err(Cause::Link { index, why });
        let link = usize::try_from(index)
            .ok()
            .and_then(|index| self.links.get(index));
        match link {
            None => broken(format!(
                "the pool table has {} entries only",
                self.links.len()
            )),
            Some(Link::Null) => broken("a null cue".to_owned()),
            Some(Link::Nowhere(cue)) => {
                broken(format!("no wave begins at byte {cue} of the wave pool"))
            }
            Some(Link::Wave(number)) => match self.slots.get(*number) {
                Some(Slot::Read(wave)) => Ok(*wave),
                Some(Slot::Disabled) => broken(format!("the condition of wave {number} is false")),
                _ => broken(format!("wave {number} was left out")),
            },
        }
    }
}

/// The waves of the pool as they were found.
#[derive(Default)]
struct Pool {
    slots: Vec<Slot>,
    /// Where each stands, from the start of the pool.
    offsets: Vec<u64>,
    /// Why the first that was left out was.
    first_lost: Option<String>,
}

impl Reader {
    /// Reads the wave pool and the table.
    pub(super) fn waves(
        &mut self,
        body: Span<'_>,
        table: Option<&Chunk<'_>>,
        into: &mut Vec<Wave>,
    ) -> Result<Links, Fault> {
        if !enabled(body)? {
            let why = "the condition of \"wvpl\" is false".to_owned();
            return Err(body.fault(Cause::NoWaves { why }));
        }
        let mut pool = Pool::default();
        let mut walk = body.walk();
        while let Some(chunk) = walk.next(&mut self.report) {
            if let Some((form, wave)) = chunk.list()
                && form == *b"wave"
            {
                self.report.enter_wave(pool.slots.len(), &peek_name(wave));
                pool.offsets.push(chunk.offset() - body.offset);
                let slot = self.pool_wave(wave, &mut pool.first_lost, into);
                pool.slots.push(slot);
                self.report.leave_item();
            } else {
                chunk.warn_astray(*b"wvpl", &mut self.report);
            }
        }
        if into.is_empty() {
            let why = match pool.first_lost {
                Some(first) => format!("none of its {} can be played; {first}", pool.slots.len()),
                None => "the list \"wvpl\" holds none".to_owned(),
            };
            return Err(body.fault(Cause::NoWaves { why }));
        }
        let links = self.links(body, table, &pool);
        Ok(Links {
            links,
            slots: pool.slots,
        })
    }

    fn pool_wave(
        &mut self,
        body: Span<'_>,
        first_lost: &mut Option<String>,
        into: &mut Vec<Wave>,
    ) -> Slot {
        match enabled(body).and_then(|on| on.then(|| self.wave(body)).transpose()) {
            Ok(Some(wave)) => {
                into.push(wave);
                Slot::Read(into.len() - 1)
            }
            Ok(None) => Slot::Disabled,
            Err(fault) => {
                let words = self.report.leave_out(&fault);
                first_lost.get_or_insert(words);
                Slot::LeftOut
            }
        }
    }

    fn wave(&mut self, body: Span<'_>) -> Result<Wave, Fault> {
        let missing = |id| {
            body.fault(Cause::Missing {
                list: "wave".to_owned(),
                id,
            })
        };
        let (mut format, mut data, mut sampled, mut info) = (None, None, None, None);
        let mut walk = body.walk();
        while let Some(chunk) = walk.next(&mut self.report) {
            let slot = match &chunk.id {
                b"fmt " => &mut format,
                b"data" => &mut data,
                b"wsmp" => &mut sampled,
                b"LIST" if chunk.list().is_some_and(|(form, _)| form == *b"INFO") => &mut info,
                _ => {
                    chunk.warn_astray(*b"wave", &mut self.report);
                    continue;
                }
            };
            once(slot, chunk, &mut self.report);
        }
        let format = format.ok_or_else(|| missing("fmt "))?;
        let data = data.ok_or_else(|| missing("data"))?;
        let (rate, bits) = self.format(&format)?;
        let bytes = data.data.bytes;
        let frames = if bits == 8 {
            Frames::Eight(bytes.to_vec())
        } else {
            if bytes.len() % 2 == 1 {
                self.report.warn(
                    data.data.offset,
                    "16-bit wave data has an odd number of bytes: the last is left out",
                );
            }
            let pairs = bytes.as_chunks().0.iter();
            Frames::Sixteen(pairs.map(|pair| i16::from_le_bytes(*pair)).collect())
        };
        if frames.is_empty() {
            return Err(data.data.fault(Cause::EmptyWave));
        }
        Ok(Wave {
            name: info
                .and_then(|chunk| chunk.list())
                .map_or_else(String::new, |(_, info)| name(info, &mut self.report)),
            rate,
            sample: sampled.and_then(|chunk| sample(&chunk, frames.len(), &mut self.report)),
            frames,
        })
    }

    /// Reads a `fmt ` chunk: frames a second, and 8 or 16 bits.
    fn format(&mut self, format: &Chunk<'_>) -> Result<(u32, u16), Fault> {
        let (mut tag, channels, rate) = (format.u16(0)?, format.u16(2)?, format.u32(4)?);
        let bits = match format.u16(14) {
            Ok(bits) => bits,
            // A `WAVEFORMAT`, which has no bits; its frame size says as much.
            Err(fault) => {
                let frame = format.u16(12).map_err(|_| fault)?;
                self.report.warn(
                    format.data.offset,
                    format_args!("\"fmt \" says no bits: taken from its frame of {frame} bytes"),
                );
                frame.saturating_mul(8) / channels.max(1)
            }
        };
        let more = format.u16(16).unwrap_or(0);
        format.warn_beyond(18 + usize::from(more), &mut self.report);
        if tag == EXTENSIBLE
            && let Ok(form) = format.array::<16>(24)
        {
            let [low, high, rest @ ..] = form;
            if rest != SUB_FORMAT_TAIL {
                return Err(format.data.fault(Cause::SubFormat));
            }
            tag = u16::from_le_bytes([low, high]);
        }
        if tag != PCM || channels != 1 || (bits != 8 && bits != 16) {
            return Err(format.data.fault(Cause::WaveFormat {
                tag,
                channels,
                bits,
            }));
        }
        if rate == 0 {
            return Err(format.data.fault(Cause::NoRate));
        }
        Ok((rate, bits))
    }

    /// Resolves the pool table.
    fn links(&mut self, body: Span<'_>, table: Option<&Chunk<'_>>, pool: &Pool) -> Vec<Link> {
        let in_order = || (0..pool.slots.len()).map(Link::Wave).collect();
        let Some(table) = table else {
            self.report.warn(
                body.offset,
                "\"DLS \" has no \"ptbl\" chunk: waves are counted in their own order",
            );
            return in_order();
        };
        let cues = self.cues(table);
        let numbers: HashMap<u64, usize> = pool.offsets.iter().copied().zip(0..).collect();
        let real = || cues.iter().filter(|cue| **cue != NULL_CUE);
        let leads = |cue: u32, slip: u64| {
            let at = u64::from(cue).checked_sub(slip)?;
            numbers.get(&at).copied()
        };
        // From the list's type, from its header, or to the wave's own type or data.
        let slips = [0, 4, 8, 12];
        let slip = if real().any(|cue| leads(*cue, 0).is_some()) {
            Some(0)
        } else {
            let all = |slip: &u64| real().all(|cue| leads(*cue, *slip).is_some());
            slips.into_iter().find(all).filter(|_| real().count() > 0)
        };
        match slip {
            Some(0) => {}
            Some(slip) => self.report.warn(
                table.data.offset,
                format_args!("each cue of \"ptbl\" is {slip} bytes too far: read as meant"),
            ),
            None => {
                self.report.warn(
                    table.data.offset,
                    "no cue of \"ptbl\" leads to a wave: waves are counted in their own order",
                );
                return in_order();
            }
        }
        let slip = slip.unwrap_or(0);
        let link = |cue: &u32| match leads(*cue, slip) {
            Some(number) => Link::Wave(number),
            None if *cue == NULL_CUE => Link::Null,
            None => Link::Nowhere(*cue),
        };
        cues.iter().map(link).collect()
    }

    /// The cues of a pool table. One that counts fewer than it holds has all the same those that
    /// regions name.
    fn cues(&mut self, table: &Chunk<'_>) -> Vec<u32> {
        let (Ok(header), Ok(count)) = (table.u32(0), table.u32(4)) else {
            self.report
                .warn(table.data.offset, "chunk \"ptbl\" is too short: ignored");
            return Vec::new();
        };
        let claimed = usize::try_from(header).unwrap_or(usize::MAX);
        let header_size = if (TABLE_HEADER..=table.data.bytes.len()).contains(&claimed) {
            claimed
        } else {
            TABLE_HEADER
        };
        let room = (table.data.bytes.len().saturating_sub(header_size)) / 4;
        let held = u32::try_from(room).unwrap_or(u32::MAX);
        if count < held {
            self.report.warn(
                table.data.offset,
                format_args!("\"ptbl\" counts {count} cues, but holds {held}: all are read"),
            );
        }
        table
            .records((header, TABLE_HEADER), count.max(held), 4, &mut self.report)
            .filter_map(|cue| cue.first_chunk().copied().map(u32::from_le_bytes))
            .collect()
    }
}

/// `POOLTABLE` without its cues.
const TABLE_HEADER: usize = 8;
const NULL_CUE: u32 = u32::MAX;
const PCM: u16 = 1;
/// `WAVE_FORMAT_EXTENSIBLE`: the sub-format says what it is.
const EXTENSIBLE: u16 = 0xFFFE;
/// {0000xxxx-0000-0010-8000-00AA00389B71} without its first two bytes.
const SUB_FORMAT_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];
