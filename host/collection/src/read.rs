//! A DLS file as a bank.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::bank::{Bank, Block, Frames, Instrument, Loop, Region, Sample, Wave};
use crate::condition;
use crate::error::{Cause, CollectionError};
use crate::riff::{Chunk, Fault, Id, Span};

/// A DLS file that was read.
#[derive(Clone, Debug)]
pub struct Collection {
    path: PathBuf,
    bank: Bank,
    warnings: Vec<String>,
}

impl Collection {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// [`CollectionError`]: the file cannot be read or is malformed beyond repair.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CollectionError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|error| CollectionError {
            path: path.to_owned(),
            offset: 0,
            cause: error.into(),
        })?;
        Self::from_bytes(path, &bytes)
    }

    /// Reads a collection from memory; `path` only names it.
    ///
    /// # Errors
    ///
    /// [`CollectionError`]: the bytes are malformed beyond repair.
    pub fn from_bytes(path: impl AsRef<Path>, bytes: &[u8]) -> Result<Self, CollectionError> {
        let path = path.as_ref().to_owned();
        let mut reader = Reader::default();
        match reader.collection(Span::new(bytes, 0)) {
            Ok(bank) => Ok(Self {
                path,
                bank,
                warnings: reader.warnings,
            }),
            Err(Fault { offset, cause }) => Err(CollectionError {
                path,
                offset,
                cause,
            }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds.
    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    /// What it holds, to keep.
    pub fn into_bank(self) -> Bank {
        self.bank
    }

    /// The instruments, in the file's order.
    pub fn instruments(&self) -> &[Instrument] {
        &self.bank.instruments
    }

    /// What was wrong but could be repaired, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Reading, with the complaints that are no errors.
#[derive(Default)]
struct Reader {
    warnings: Vec<String>,
    /// Wave index by table index; none where the cue leads nowhere.
    table: Vec<Option<usize>>,
}

impl Reader {
    fn collection(&mut self, file: Span<'_>) -> Result<Bank, Fault> {
        let not_dls = || file.fault(Cause::NotDls);
        let outer = file.chunks().next().ok_or_else(not_dls)?;
        let (form, body) = match outer {
            Ok(chunk) if chunk.id == *b"RIFF" => chunk.list().ok_or_else(not_dls)?,
            Err(fault) if file.bytes.starts_with(b"RIFF") => return Err(fault),
            _ => return Err(not_dls()),
        };
        match &form {
            b"DLS " => {}
            b"sfbk" => return Err(file.fault(Cause::SoundFont)),
            _ => return Err(not_dls()),
        }
        let mut bank = Bank::default();
        let mut instruments = None;
        let mut pool = HashMap::new();
        let mut table = None;
        for chunk in body.chunks() {
            let chunk = chunk?;
            match (chunk.id, chunk.list()) {
                (_, Some((form, body))) if form == *b"lins" => instruments = Some(body),
                (_, Some((form, body))) if form == *b"wvpl" => {
                    pool = self.waves(body, &mut bank.waves)?;
                }
                (_, Some((form, body))) if form == *b"INFO" => bank.name = name(body)?,
                (id, _) if id == *b"ptbl" => table = Some(chunk),
                _ => {}
            }
        }
        let missing = |id| body.fault(Cause::Missing { list: "DLS ", id });
        // A collection without waves has no use for a table.
        if let Some(table) = table {
            self.pool_table(&table, &pool)?;
        } else if !bank.waves.is_empty() {
            return Err(missing("ptbl"));
        }
        let instruments = instruments.ok_or_else(|| missing("lins"))?;
        for (form, body) in lists(instruments)? {
            if form == *b"ins " && enabled(body)? {
                bank.instruments.push(self.instrument(body, &bank.waves)?);
            }
        }
        Ok(bank)
    }

    /// Reads the wave pool; returns each wave's index by its offset in the pool.
    fn waves(
        &mut self,
        pool: Span<'_>,
        into: &mut Vec<Wave>,
    ) -> Result<HashMap<u64, usize>, Fault> {
        let mut by_offset = HashMap::new();
        for chunk in pool.chunks() {
            let chunk = chunk?;
            if let Some((form, body)) = chunk.list()
                && form == *b"wave"
            {
                by_offset.insert(chunk.data.offset - 8 - pool.offset, into.len());
                into.push(self.wave(body)?);
            }
        }
        Ok(by_offset)
    }

    fn wave(&mut self, body: Span<'_>) -> Result<Wave, Fault> {
        let missing = |id| body.fault(Cause::Missing { list: "wave", id });
        let mut format = None;
        let mut data = None;
        let mut sample = None;
        let mut title = String::new();
        for chunk in body.chunks() {
            let chunk = chunk?;
            match &chunk.id {
                b"fmt " => format = Some(chunk),
                b"data" => data = Some(chunk),
                b"wsmp" => sample = Some(chunk),
                b"LIST" => {
                    if let Some((form, body)) = chunk.list()
                        && form == *b"INFO"
                    {
                        title = name(body)?;
                    }
                }
                _ => {}
            }
        }
        let format = format.ok_or_else(|| missing("fmt "))?;
        let data = data.ok_or_else(|| missing("data"))?.data.bytes;
        let (tag, channels, bits) = (format.u16(0)?, format.u16(2)?, format.u16(14)?);
        let frames = match (tag, channels, bits) {
            (1, 1, 8) => Frames::Eight(data.to_vec()),
            (1, 1, 16) => Frames::Sixteen(
                data.chunks_exact(2)
                    .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                    .collect(),
            ),
            _ => {
                return Err(format.data.fault(Cause::WaveFormat {
                    tag,
                    channels,
                    bits,
                }));
            }
        };
        let sample = match sample {
            Some(chunk) => Some(self.sample(&chunk, frames.len())?),
            None => None,
        };
        Ok(Wave {
            name: title,
            rate: format.u32(4)?,
            frames,
            sample,
        })
    }

    fn pool_table(&mut self, table: &Chunk<'_>, pool: &HashMap<u64, usize>) -> Result<(), Fault> {
        let header = usize::try_from(table.u32(0)?).unwrap_or(usize::MAX);
        let cues = table.records(header, table.u32(4)?, 4)?;
        for cue in cues.chunks_exact(4) {
            let cue = u32::from_le_bytes([cue[0], cue[1], cue[2], cue[3]]);
            self.table.push(pool.get(&cue.into()).copied());
        }
        Ok(())
    }

    fn instrument(&mut self, body: Span<'_>, waves: &[Wave]) -> Result<Instrument, Fault> {
        let mut instrument = Instrument::default();
        let mut head = None;
        let mut regions = Vec::new();
        for chunk in body.chunks() {
            let chunk = chunk?;
            match (chunk.id, chunk.list()) {
                (id, _) if id == *b"insh" => head = Some(chunk),
                (_, Some((form, body))) if form == *b"lrgn" => regions = lists(body)?,
                (_, Some((form, body))) if is_articulation(form) => {
                    articulation(body, &mut instrument.articulation)?;
                }
                (_, Some((form, body))) if form == *b"INFO" => instrument.name = name(body)?,
                _ => {}
            }
        }
        let head = head.ok_or_else(|| {
            body.fault(Cause::Missing {
                list: "ins ",
                id: "insh",
            })
        })?;
        instrument.patch = (head.u32(4)? & 0x807F_7F00) | (head.u32(8)? & 0x7F);
        for (form, body) in regions {
            if (form == *b"rgn " || form == *b"rgn2")
                && enabled(body)?
                && let Some(region) = self.region(body, waves)?
            {
                instrument.regions.push(region);
            }
        }
        Ok(instrument)
    }

    fn region(&mut self, body: Span<'_>, waves: &[Wave]) -> Result<Option<Region>, Fault> {
        let missing = |id| body.fault(Cause::Missing { list: "rgn ", id });
        let mut head = None;
        let mut link = None;
        let mut sample = None;
        let mut blocks = Vec::new();
        for chunk in body.chunks() {
            let chunk = chunk?;
            match (chunk.id, chunk.list()) {
                (id, _) if id == *b"rgnh" => head = Some(chunk),
                (id, _) if id == *b"wlnk" => link = Some(chunk),
                (id, _) if id == *b"wsmp" => sample = Some(chunk),
                (_, Some((form, body))) if is_articulation(form) => {
                    articulation(body, &mut blocks)?;
                }
                _ => {}
            }
        }
        let head = head.ok_or_else(|| missing("rgnh"))?;
        let link = link.ok_or_else(|| missing("wlnk"))?;
        let index = link.u32(8)?;
        let wave = usize::try_from(index)
            .ok()
            .and_then(|n| self.table.get(n).copied().flatten());
        let Some((wave, data)) = wave.and_then(|n| Some((n, waves.get(n)?))) else {
            self.warn(
                body,
                &format!("region names wave {index}, which does not exist: left out"),
            );
            return Ok(None);
        };
        let velocities = match (head.u16(4)?, head.u16(6)?) {
            // Level 1 leaves the velocities 0, which would never sound.
            (_, 0) => (0, 127),
            (low, high) => (low, high),
        };
        let keys = (head.u16(0)?, head.u16(2)?);
        let (Some(keys), Some(velocities)) = (range(keys), range(velocities)) else {
            self.warn(body, "region has an empty key or velocity range: left out");
            return Ok(None);
        };
        Ok(Some(Region {
            keys,
            velocities,
            self_non_exclusive: head.u16(8)? & 1 != 0,
            key_group: head.u16(10)?,
            wave,
            sample: match sample {
                Some(chunk) => Some(self.sample(&chunk, data.frames.len())?),
                None => None,
            },
            articulation: blocks,
        }))
    }

    /// Reads a `wsmp` chunk for a wave of `frames` frames.
    fn sample(&mut self, chunk: &Chunk<'_>, frames: usize) -> Result<Sample, Fault> {
        let header = usize::try_from(chunk.u32(0)?).unwrap_or(usize::MAX);
        let mut sample = Sample {
            unity_key: u8::try_from(chunk.u16(4)?.min(127)).unwrap_or(127),
            fine_tune: chunk.i16(6)?,
            gain: chunk.i32(8)?,
            wave_loop: None,
        };
        if chunk.u32(16)? > 0 {
            let record = chunk.data.from(header);
            let wave_loop = Chunk {
                id: chunk.id,
                data: record,
            };
            let (kind, start) = (wave_loop.u32(4)?, wave_loop.u32(8)?);
            let length = wave_loop.u32(12)?;
            let room = u32::try_from(frames)
                .unwrap_or(u32::MAX)
                .saturating_sub(start);
            if length.min(room) == 0 {
                self.warn(record, "loop has no frames inside its wave: left out");
            } else {
                if length > room {
                    self.warn(record, "loop reaches past the end of its wave: cut");
                }
                sample.wave_loop = Some(Loop {
                    until_release: kind == 1,
                    start,
                    length: length.min(room),
                });
            }
        }
        Ok(sample)
    }

    fn warn(&mut self, at: Span<'_>, what: &str) {
        self.warnings.push(format!("byte {:#x}: {what}", at.offset));
    }
}

/// The lists inside a list.
fn lists(body: Span<'_>) -> Result<Vec<(Id, Span<'_>)>, Fault> {
    let mut found = Vec::new();
    for chunk in body.chunks() {
        found.extend(chunk?.list());
    }
    Ok(found)
}

/// Whether no conditional chunk of this list says otherwise.
fn enabled(body: Span<'_>) -> Result<bool, Fault> {
    for chunk in body.chunks() {
        let chunk = chunk?;
        if chunk.id == *b"cdl " && !condition::holds(&chunk)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_articulation(form: Id) -> bool {
    form == *b"lart" || form == *b"lar2"
}

/// Reads an articulation list. Either level's block chunks may stand in either level's list: a
/// vendor's own example collection mixes them.
fn articulation(body: Span<'_>, into: &mut Vec<Block>) -> Result<(), Fault> {
    if !enabled(body)? {
        return Ok(());
    }
    for chunk in body.chunks() {
        let chunk = chunk?;
        if chunk.id != *b"art1" && chunk.id != *b"art2" {
            continue;
        }
        let header = usize::try_from(chunk.u32(0)?).unwrap_or(usize::MAX);
        let records = chunk.records(header, chunk.u32(4)?, 12)?;
        for record in records.chunks_exact(12) {
            let word = |at: usize| u16::from_le_bytes([record[at], record[at + 1]]);
            into.push(Block {
                source: word(0),
                control: word(2),
                destination: word(4),
                transform: word(6),
                scale: i32::from_le_bytes([record[8], record[9], record[10], record[11]]),
            });
        }
    }
    Ok(())
}

/// The `INAM` of an `INFO` list.
fn name(info: Span<'_>) -> Result<String, Fault> {
    for chunk in info.chunks() {
        let chunk = chunk?;
        if chunk.id == *b"INAM" {
            let text = chunk.data.bytes.split(|&byte| byte == 0).next();
            return Ok(String::from_utf8_lossy(text.unwrap_or(&[])).into_owned());
        }
    }
    Ok(String::new())
}

fn range((low, high): (u16, u16)) -> Option<(u8, u8)> {
    let high = u8::try_from(high.min(127)).ok()?;
    let low = u8::try_from(low).ok()?;
    (low <= high).then_some((low, high))
}
