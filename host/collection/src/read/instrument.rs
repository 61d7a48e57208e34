//! Instruments, their regions and articulations.

use std::collections::HashMap;

use super::pool::Links;
use super::sample::sample;
use super::{Reader, enabled, name, once, peek_name};
use crate::bank::{Bank, Block, Instrument, Region, Wave};
use crate::error::Cause;
use crate::report::Report;
use crate::riff::{Chunk, Fault, Id, Span};

/// What the regions of an instrument are read with.
struct Waves<'a> {
    links: &'a Links,
    waves: &'a [Wave],
}

impl Reader {
    pub(super) fn instruments(
        &mut self,
        body: Span<'_>,
        count: Option<&Chunk<'_>>,
        links: &Links,
        bank: &mut Bank,
    ) -> Result<(), Fault> {
        let none = |why| body.fault(Cause::NoInstruments { why });
        if !enabled(body)? {
            return Err(none("the condition of \"lins\" is false".to_owned()));
        }
        let waves = Waves {
            links,
            waves: &bank.waves,
        };
        let (mut found, mut first_lost) = (0, None);
        let mut patches = HashMap::new();
        let mut walk = body.walk();
        while let Some(chunk) = walk.next(&mut self.report) {
            let Some((_, instrument_list)) = chunk.list().filter(|(form, _)| form == b"ins ")
            else {
                chunk.warn_astray(*b"lins", &mut self.report);
                continue;
            };
            let patch = peek_patch(instrument_list);
            self.report
                .enter_instrument(found, &peek_name(instrument_list), patch);
            found += 1;
            match enabled(instrument_list).and_then(|on| {
                on.then(|| self.instrument(instrument_list, &waves))
                    .transpose()
            }) {
                Ok(Some(instrument)) => {
                    // A port plays what it was sent last.
                    if let Some(same) = patches.insert(instrument.patch, found - 1) {
                        self.report.warn(
                            instrument_list.offset,
                            format_args!(
                                "it has the patch of instrument {same}, which is not heard"
                            ),
                        );
                    }
                    bank.instruments.push(instrument);
                }
                Ok(None) => {}
                Err(fault) => {
                    self.report.leave_region();
                    let words = self.report.leave_out(&fault);
                    first_lost.get_or_insert(words);
                }
            }
            self.report.leave_item();
        }
        if bank.instruments.is_empty() {
            return Err(none(match (first_lost, found) {
                (Some(first), _) => format!("none of its {found} can be played; {first}"),
                (None, 0) => "the list \"lins\" holds none".to_owned(),
                (None, _) => format!("the conditions of all its {found} are false"),
            }));
        }
        self.check_count(body, count, found);
        Ok(())
    }

    fn check_count(&mut self, body: Span<'_>, count: Option<&Chunk<'_>>, found: usize) {
        if let Some(count) = count {
            count.warn_beyond(4, &mut self.report);
        }
        match count.map(|chunk| (chunk.data.offset, chunk.u32(0))) {
            Some((_, Ok(count))) if count as usize == found => {}
            Some((at, Ok(count))) => self.report.warn(
                at,
                format_args!("\"colh\" counts {count} instruments, but there are {found}"),
            ),
            Some((at, Err(_))) => self
                .report
                .warn(at, "chunk \"colh\" is too short: not needed"),
            None => self
                .report
                .warn(body.offset, "\"DLS \" has no \"colh\" chunk: not needed"),
        }
    }

    fn instrument(&mut self, body: Span<'_>, waves: &Waves<'_>) -> Result<Instrument, Fault> {
        let mut instrument = Instrument::default();
        let (mut head, mut regions, mut info) = (None, None, None);
        let mut walk = body.walk();
        while let Some(chunk) = walk.next(&mut self.report) {
            let form = chunk.list().map(|(form, _)| form);
            match (&chunk.id, form.as_ref()) {
                (b"insh", _) => once(&mut head, chunk, &mut self.report),
                (b"LIST", Some(b"lrgn")) => once(&mut regions, chunk, &mut self.report),
                (b"LIST", Some(b"INFO")) => once(&mut info, chunk, &mut self.report),
                (b"LIST", Some(b"lart" | b"lar2")) => {
                    self.articulation(&chunk, &mut instrument.articulation);
                }
                _ => chunk.warn_astray(*b"ins ", &mut self.report),
            }
        }
        if let Some((_, info)) = info.and_then(|chunk| chunk.list()) {
            instrument.name = name(info, &mut self.report);
        }
        let head = head.ok_or_else(|| missing(body, *b"ins ", "insh"))?;
        let (count, bank, program) = (head.u32(0)?, head.u32(4)?, head.u32(8)?);
        head.warn_beyond(12, &mut self.report);
        if program > 127 {
            return Err(head.data.from(8).fault(Cause::Program(program)));
        }
        if bank & !BANK_BITS != 0 {
            self.report.warn(
                head.data.offset + 4,
                format_args!("bank {bank:#x} has bits that mean nothing: ignored"),
            );
        }
        // `MIDILOCALE` has CC32 in bits 0-6 and CC0 in bits 8-14, a patch has them above the program
        // (dls.md section 2).
        instrument.patch = (bank & DRUMS) | (bank & 0x7F7F) << 8 | program;
        let Some((_, regions)) = regions.and_then(|chunk| chunk.list()) else {
            return Err(missing(body, *b"ins ", "lrgn"));
        };
        let (mut found, mut why) = (0, "the condition of \"lrgn\" is false".to_owned());
        if enabled(regions)? {
            (found, why) = self.regions(regions, waves, &mut instrument.regions);
        }
        if count as usize != found {
            self.report.warn(
                head.data.offset,
                format_args!("\"insh\" counts {count} regions, but there are {found}"),
            );
        }
        if instrument.regions.is_empty() {
            return Err(regions.fault(Cause::NoRegions { why }));
        }
        Ok(instrument)
    }

    /// Reads a list of regions; returns how many there are in it, and why there is none if so.
    fn regions(
        &mut self,
        body: Span<'_>,
        waves: &Waves<'_>,
        into: &mut Vec<Region>,
    ) -> (usize, String) {
        let (mut found, mut first_lost) = (0, None);
        let mut walk = body.walk();
        while let Some(chunk) = walk.next(&mut self.report) {
            let is_region = |(form, _): &(Id, Span<'_>)| matches!(form, b"rgn " | b"rgn2");
            let Some((form, region)) = chunk.list().filter(is_region) else {
                chunk.warn_astray(*b"lrgn", &mut self.report);
                continue;
            };
            self.report.enter_region(found);
            found += 1;
            match enabled(region)
                .and_then(|on| on.then(|| self.region(form, region, waves)).transpose())
            {
                Ok(region) => into.extend(region),
                Err(fault) => {
                    let words = self.report.leave_out(&fault);
                    first_lost.get_or_insert(words);
                }
            }
            self.report.leave_region();
        }
        let why = match (first_lost, found) {
            (Some(first), _) => format!("none of its {found} can be; {first}"),
            (None, 0) => "the list \"lrgn\" holds none".to_owned(),
            (None, _) => format!("the conditions of all its {found} are false"),
        };
        (found, why)
    }

    fn region(&mut self, form: Id, body: Span<'_>, waves: &Waves<'_>) -> Result<Region, Fault> {
        let (mut head, mut link, mut sampled) = (None, None, None);
        let mut articulation = Vec::new();
        // A region is of level 1 if nothing in it is of level 2. Files mix the two, but the lists'
        // own names say what their writer had in mind.
        let (mut has_own, mut level_1) = (false, form == *b"rgn ");
        let mut walk = body.walk();
        while let Some(chunk) = walk.next(&mut self.report) {
            let list = chunk.list().map(|(form, _)| form);
            match (&chunk.id, list.as_ref()) {
                (b"rgnh", _) => once(&mut head, chunk, &mut self.report),
                (b"wlnk", _) => once(&mut link, chunk, &mut self.report),
                (b"wsmp", _) => once(&mut sampled, chunk, &mut self.report),
                (b"LIST", Some(list @ (b"lart" | b"lar2"))) => {
                    level_1 &= list == b"lart";
                    has_own |= self.articulation(&chunk, &mut articulation);
                }
                _ => chunk.warn_astray(form, &mut self.report),
            }
        }
        let head = head.ok_or_else(|| missing(body, form, "rgnh"))?;
        let link = link.ok_or_else(|| missing(body, form, "wlnk"))?;
        let index = link.u32(8)?;
        link.warn_beyond(12, &mut self.report);
        // Level 2 has a layer number behind what level 1 has.
        head.warn_beyond(14, &mut self.report);
        let wave = waves
            .links
            .wave(index)
            .map_err(|cause| link.data.fault(cause))?;
        let frames = waves.waves.get(wave).map_or(0, |wave| wave.frames.len());
        let keys = self.range(&head, 0, "key")?;
        let velocities = match (head.u16(4), head.u16(6)) {
            (Ok(_), Ok(1..)) => self.range(&head, 4, "velocity")?,
            // Level 1 leaves the velocities 0, which would never sound.
            (Ok(_), Ok(0)) => (0, 127),
            _ => {
                self.report.warn(
                    head.data.offset,
                    "chunk \"rgnh\" is too short: all velocities",
                );
                (0, 127)
            }
        };
        let (options, key_group) = (head.u16(8), head.u16(10));
        if options.is_err() || key_group.is_err() {
            self.report.warn(
                head.data.offset,
                "chunk \"rgnh\" is too short: no options, no key group",
            );
        }
        Ok(Region {
            keys,
            velocities,
            self_non_exclusive: options.is_ok_and(|options| options & 1 != 0),
            key_group: key_group.unwrap_or(0),
            wave,
            sample: sampled.and_then(|chunk| sample(&chunk, frames, &mut self.report)),
            articulation,
            articulation_alone: level_1 && has_own,
        })
    }

    /// A range of keys or velocities; what is above 127 counts as 127.
    fn range(
        &mut self,
        head: &Chunk<'_>,
        at: usize,
        what: &'static str,
    ) -> Result<(u8, u8), Fault> {
        let (low, high) = (head.u16(at)?, head.u16(at + 2)?);
        let empty = || head.data.from(at).fault(Cause::Range { what, low, high });
        if high > 127 {
            self.report.warn(
                head.data.offset,
                format_args!("the {what} range ends at {high}: read as 127"),
            );
        }
        let to = u8::try_from(high.min(127)).map_err(|_| empty())?;
        let from = u8::try_from(low).map_err(|_| empty())?;
        if from > to {
            return Err(empty());
        }
        Ok((from, to))
    }

    /// Reads an articulation list. Either level's block chunks may stand in either level's list: a
    /// vendor's own example collection mixes them. Returns whether there was any.
    fn articulation(&mut self, list: &Chunk<'_>, into: &mut Vec<Block>) -> bool {
        let Some((form, body)) = list.list() else {
            return false;
        };
        match enabled(body) {
            Ok(true) => {}
            Ok(false) => return false,
            Err(fault) => {
                self.report.warn(
                    fault.offset,
                    format_args!("articulation left out: {}", fault.cause),
                );
                return false;
            }
        }
        let mut any = false;
        let mut walk = body.walk();
        while let Some(chunk) = walk.next(&mut self.report) {
            if chunk.id == *b"art1" || chunk.id == *b"art2" {
                any |= blocks(&chunk, into, &mut self.report);
            } else {
                chunk.warn_astray(form, &mut self.report);
            }
        }
        any
    }
}

/// Reads a `CONNECTIONLIST`; returns whether it is one.
fn blocks(chunk: &Chunk<'_>, into: &mut Vec<Block>, report: &mut Report) -> bool {
    let (Ok(header), Ok(count)) = (chunk.u32(0), chunk.u32(4)) else {
        report.warn(
            chunk.data.offset,
            "an articulation chunk is too short: left out",
        );
        return false;
    };
    let records = chunk.records((header, LIST_HEADER), count, 12, report);
    for record in records {
        let word = |at: usize| u16::from_le_bytes([record[at], record[at + 1]]);
        into.push(Block {
            source: word(0),
            control: word(2),
            destination: word(4),
            transform: word(6),
            scale: i32::from_le_bytes([record[8], record[9], record[10], record[11]]),
        });
    }
    true
}

fn missing(body: Span<'_>, list: Id, id: &'static str) -> Fault {
    body.fault(Cause::Missing {
        list: crate::riff::name(list),
        id,
    })
}

/// The patch of an instrument, for its name in warnings.
fn peek_patch(body: Span<'_>) -> Option<u32> {
    let mut quiet = Report::muted();
    let mut walk = body.walk();
    while let Some(chunk) = walk.next(&mut quiet) {
        if chunk.id == *b"insh" {
            let (bank, program) = (chunk.u32(4).ok()?, chunk.u32(8).ok()?);
            return (program <= 127).then_some((bank & DRUMS) | (bank & 0x7F7F) << 8 | program);
        }
    }
    None
}

/// `CONNECTIONLIST` without its blocks.
const LIST_HEADER: usize = 8;
/// `F_INSTRUMENT_DRUMS`.
const DRUMS: u32 = 0x8000_0000;
/// The bits of `ulBank` that mean something.
const BANK_BITS: u32 = DRUMS | 0x7F7F;
