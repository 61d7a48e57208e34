//! What was wrong with a file but did not stop the reader.

use std::fmt;

use crate::bank::patch_text;
use crate::riff::Fault;

/// A repair, or an item that was left out. The caller knows which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where in the file.
    pub offset: u64,
    /// Which wave, instrument or region, by number and name; else the collection.
    pub item: String,
    /// What is wrong there, and what the reader made of it.
    pub cause: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {:#x}: {}: {}", self.offset, self.item, self.cause)
    }
}

/// The warnings so far, and what is being read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    warnings: Vec<Warning>,
    /// Warnings beyond [`MOST_WARNINGS`].
    more: u64,
    muted: bool,
    subject: Option<String>,
    region: Option<usize>,
}

/// A hostile file must not make its warnings larger than itself.
const MOST_WARNINGS: usize = 1000;

/// Names are told up to this many characters.
const LONGEST_NAME: usize = 60;

impl Report {
    /// For looking ahead: what is wrong there is told when it is read.
    pub(crate) fn muted() -> Self {
        Self {
            muted: true,
            ..Self::default()
        }
    }

    pub(crate) fn warn(&mut self, offset: u64, cause: impl fmt::Display) {
        if self.muted {
            return;
        }
        if self.warnings.len() == MOST_WARNINGS {
            self.more += 1;
            return;
        }
        let item = self.item();
        self.warnings.push(Warning {
            offset,
            item,
            cause: cause.to_string(),
        });
    }

    /// Tells that the current item is left out; returns it and the cause in words.
    pub(crate) fn leave_out(&mut self, fault: &Fault) -> String {
        self.warn(fault.offset, format_args!("left out: {}", fault.cause));
        format!("byte {:#x}: {}: {}", fault.offset, self.item(), fault.cause)
    }

    /// The warnings; the last tells how many more there were.
    pub(crate) fn finish(self) -> Vec<Warning> {
        let mut warnings = self.warnings;
        if let (1.., Some(last)) = (self.more, warnings.last()) {
            warnings.push(Warning {
                offset: last.offset,
                item: COLLECTION.to_owned(),
                cause: format!("{} more warnings of these kinds", self.more),
            });
        }
        warnings
    }

    pub(crate) fn enter_wave(&mut self, number: usize, name: &str) {
        self.region = None;
        self.subject = Some(format!("wave {number}{}", quoted(name)));
    }

    /// `patch` is none while the instrument's header is not known.
    pub(crate) fn enter_instrument(&mut self, number: usize, name: &str, patch: Option<u32>) {
        self.region = None;
        let place = patch.map_or_else(String::new, |patch| format!(" ({})", patch_text(patch)));
        self.subject = Some(format!("instrument {number}{}{place}", quoted(name)));
    }

    pub(crate) fn enter_region(&mut self, number: usize) {
        self.region = Some(number);
    }

    pub(crate) fn leave_region(&mut self) {
        self.region = None;
    }

    pub(crate) fn leave_item(&mut self) {
        self.region = None;
        self.subject = None;
    }

    fn item(&self) -> String {
        let subject = self.subject.as_deref().unwrap_or(COLLECTION);
        match self.region {
            Some(region) => format!("region {region} of {subject}"),
            None => subject.to_owned(),
        }
    }
}

const COLLECTION: &str = "collection";

/// A name in quotes, nothing for none. What is not printable is escaped: a warning is for people.
pub(crate) fn quoted(name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    let short: String = name.chars().take(LONGEST_NAME).collect();
    format!(" {short:?}")
}
