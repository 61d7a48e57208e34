//! A DLS file as a bank.
//!
//! One bad item costs one item: a wave, region, articulation list or instrument that cannot be read
//! is left out, and what can be read otherwise is repaired; both with a [`Warning`]. Only what is no
//! collection for this device at all, or has nothing left to play, is refused.
//!
//! | what | when it is wrong |
//! |---|---|
//! | size of `RIFF` | repaired, unless a part that matters is missing at the end of the file |
//! | `cdl ` of the collection | false or malformed: refused; of an item: left out (false: without a word) |
//! | `colh`, `cRegions` | they count what can be counted: a word |
//! | `vers`, `dlid`, `pgal` (Mobile DLS), chunks of others | not read |
//! | `ptbl` | missing or useless: the waves' own order; counts are cut to what is there |
//! | a second chunk of a kind that there is one of | the first counts |

mod instrument;
mod pool;
mod sample;

use std::fs;
use std::path::{Path, PathBuf};

use crate::bank::{Bank, Instrument};
use crate::condition;
use crate::error::{Cause, CollectionError};
use crate::report::{Report, Warning};
use crate::riff::{Chunk, Fault, Id, SLACK, Span, name as id_name};

/// A DLS file that was read.
#[derive(Clone, Debug)]
pub struct Collection {
    path: PathBuf,
    bank: Bank,
    warnings: Vec<Warning>,
}

impl Collection {
    /// Reads the file at `path`: a DLS collection, or the one inside a RIFF MIDI file.
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
        match reader.file(Span::new(bytes, 0)) {
            Ok(bank) => Ok(Self {
                path,
                bank,
                warnings: reader.report.finish(),
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

    /// What was left out or repaired. They do not name the file: [`path`](Self::path) does.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// Reading, with the complaints that are no errors.
#[derive(Debug, Default)]
struct Reader {
    report: Report,
}

/// The chunks of a collection.
#[derive(Default)]
struct Parts<'a> {
    conditions: Vec<Chunk<'a>>,
    count: Option<Chunk<'a>>,
    instruments: Option<Chunk<'a>>,
    pool: Option<Chunk<'a>>,
    table: Option<Chunk<'a>>,
    info: Option<Chunk<'a>>,
}

impl Reader {
    fn file(&mut self, file: Span<'_>) -> Result<Bank, Fault> {
        let (form, size, body) = outer(file)?;
        match &form {
            b"DLS " => self.collection(size, body),
            b"sfbk" => Err(file.fault(Cause::SoundFont)),
            b"RMID" => self.inside_song(body),
            _ => Err(file.fault(Cause::NotDls)),
        }
    }

    /// The collection in a RIFF MIDI file.
    fn inside_song(&mut self, body: Span<'_>) -> Result<Bank, Fault> {
        // What is wrong with the song's own chunks is for the reader of songs to say.
        let mut quiet = Report::muted();
        let mut walk = body.walk();
        while let Some(chunk) = walk.next(&mut quiet) {
            let at = chunk.offset() - body.offset;
            let inner = body.from(usize::try_from(at).unwrap_or(usize::MAX));
            if let Ok((form, size, _)) = outer(inner)
                && form == *b"DLS "
            {
                // What follows the collection in the song's file is not its own.
                return self.collection(size, chunk.data.from(4));
            }
        }
        Err(body.fault(Cause::NoEmbeddedDls))
    }

    /// Reads a form of `size` bytes, as it claims; `body` is what follows its type.
    fn collection(&mut self, size: u64, body: Span<'_>) -> Result<Bank, Fault> {
        let left = body.bytes.len() as u64 + 4;
        let parts = self.parts(size, body);
        let whole = |part: &Option<Chunk<'_>>| part.is_some_and(|chunk| !chunk.cut);
        if size > left + SLACK as u64 && !(whole(&parts.instruments) && whole(&parts.pool)) {
            let end = body.from(usize::MAX);
            return Err(end.fault(Cause::CutShort { size, left }));
        }
        for chunk in &parts.conditions {
            if !condition::holds(chunk)? {
                return Err(chunk.data.fault(Cause::ConditionFalse));
            }
        }
        let mut bank = Bank::default();
        let missing = |id: &str| format!("\"DLS \" has no \"{id}\" chunk");
        let Some((_, instruments)) = parts.instruments.and_then(|chunk| chunk.list()) else {
            let why = missing("lins");
            return Err(body.fault(Cause::NoInstruments { why }));
        };
        let Some((_, pool)) = parts.pool.and_then(|chunk| chunk.list()) else {
            let why = missing("wvpl");
            return Err(body.fault(Cause::NoWaves { why }));
        };
        if let Some((_, info)) = parts.info.and_then(|chunk| chunk.list()) {
            bank.name = name(info, &mut self.report);
        }
        let links = self.waves(pool, parts.table.as_ref(), &mut bank.waves)?;
        self.instruments(instruments, parts.count.as_ref(), &links, &mut bank)?;
        Ok(bank)
    }

    /// Finds the parts of a collection, wherever its form claims to end.
    fn parts<'a>(&mut self, size: u64, body: Span<'a>) -> Parts<'a> {
        let start = body.offset - 4;
        let left = body.bytes.len() as u64 + 4;
        if size > left {
            self.report.warn(
                start - 4,
                format_args!("the RIFF form claims {size} bytes, but {left} are left: read to the end of the file"),
            );
        }
        let end = start.saturating_add(size);
        let mut parts = Parts::default();
        let mut told = false;
        let mut walk = body.walk();
        while let Some(peeked) = walk.clone().next(&mut Report::muted()) {
            if peeked.offset() >= end + size % 2 && !parts.lacks(&peeked) {
                self.report.warn(
                    peeked.offset(),
                    format_args!(
                        "{} byte(s) behind the end of the RIFF form: ignored",
                        walk.rest().bytes.len()
                    ),
                );
                return parts;
            }
            if !told && peeked.data.offset + peeked.data.bytes.len() as u64 > end {
                told = true;
                self.report.warn(
                    start - 4,
                    format_args!(
                        "the RIFF form claims {size} bytes, but \"{}\" at byte {:#x} ends behind them: read all the same",
                        id_name(peeked.id),
                        peeked.offset()
                    ),
                );
            }
            if let Some(chunk) = walk.next(&mut self.report) {
                parts.add(chunk, &mut self.report);
            }
        }
        let rest = walk.rest();
        let is_pad = size % 2 == 1 && rest.offset == end && rest.bytes.len() == 1;
        if !is_pad {
            // Says what is left over.
            walk.next(&mut self.report);
        }
        parts
    }
}

impl<'a> Parts<'a> {
    fn add(&mut self, chunk: Chunk<'a>, report: &mut Report) {
        if chunk.id == *b"cdl " {
            self.conditions.push(chunk);
        } else if let Some(slot) = self.slot(&chunk) {
            once(slot, chunk, report);
        } else {
            chunk.warn_astray(*b"DLS ", report);
        }
    }

    /// Whether this is a part that was not found yet.
    fn lacks(&mut self, chunk: &Chunk<'_>) -> bool {
        self.slot(chunk).is_some_and(|slot| slot.is_none())
    }

    fn slot(&mut self, chunk: &Chunk<'_>) -> Option<&mut Option<Chunk<'a>>> {
        Some(match (&chunk.id, chunk.list().map(|(form, _)| form)) {
            (b"colh", _) => &mut self.count,
            (b"ptbl", _) => &mut self.table,
            (b"LIST", Some(form)) => match &form {
                b"lins" => &mut self.instruments,
                b"wvpl" => &mut self.pool,
                b"INFO" => &mut self.info,
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// The type of a RIFF form, the size it claims, and everything behind the type.
fn outer(file: Span<'_>) -> Result<(Id, u64, Span<'_>), Fault> {
    let not_dls = || file.fault(Cause::NotDls);
    let (head, _) = file.bytes.split_first_chunk::<12>().ok_or_else(not_dls)?;
    let [b'R', b'I', b'F', b'F', a, b, c, d, form @ ..] = *head else {
        return Err(not_dls());
    };
    Ok((form, u32::from_le_bytes([a, b, c, d]).into(), file.from(12)))
}

/// Keeps the first of what there is one of.
fn once<'a>(slot: &mut Option<Chunk<'a>>, chunk: Chunk<'a>, report: &mut Report) {
    if slot.is_none() {
        *slot = Some(chunk);
    } else {
        let form = chunk.list().map_or(chunk.id, |(form, _)| form);
        report.warn(
            chunk.offset(),
            format_args!("a second \"{}\" chunk: ignored", id_name(form)),
        );
    }
}

/// Whether no conditional chunk of this list says otherwise. Looks ahead: what else is wrong with
/// the list is told when it is read.
fn enabled(body: Span<'_>) -> Result<bool, Fault> {
    let mut quiet = Report::muted();
    let mut walk = body.walk();
    while let Some(chunk) = walk.next(&mut quiet) {
        if chunk.id == *b"cdl " && !condition::holds(&chunk)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The name of an item, from the `INFO` list inside its own.
fn peek_name(body: Span<'_>) -> String {
    let mut quiet = Report::muted();
    let mut walk = body.walk();
    while let Some(chunk) = walk.next(&mut quiet) {
        if let Some((form, info)) = chunk.list()
            && form == *b"INFO"
        {
            return name(info, &mut quiet);
        }
    }
    String::new()
}

/// The `INAM` of an `INFO` list. Names are in whatever code page the writer had; what is not UTF-8 is
/// taken for Latin-1, so that nothing is lost.
fn name(info: Span<'_>, report: &mut Report) -> String {
    let mut found = None;
    let mut walk = info.walk();
    while let Some(chunk) = walk.next(report) {
        if chunk.id == *b"INAM" {
            found.get_or_insert(chunk.data.bytes);
        } else {
            chunk.warn_astray(*b"INFO", report);
        }
    }
    let text = found.unwrap_or(&[]).split(|&byte| byte == 0).next();
    let text = text.unwrap_or(&[]);
    str::from_utf8(text).map_or_else(
        |_| text.iter().copied().map(char::from).collect(),
        ToOwned::to_owned,
    )
}
