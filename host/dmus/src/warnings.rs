//! What a run warns of: printed when it is known, and listed in its report.

use crate::output;
use anyhow::{Result, bail};
use dmusmini_collection::Collection;
use dmusmini_song::Song;
use std::fmt::Display;
use std::path::Path;

/// The warnings of a run.
#[derive(Debug)]
pub(crate) struct Warnings {
    list: Vec<String>,
    /// Repairs are refused.
    is_strict: bool,
}

impl Warnings {
    /// None yet.
    pub(crate) fn new(is_strict: bool) -> Self {
        Self {
            list: Vec::new(),
            is_strict,
        }
    }

    /// Tells what was repaired in a song; refuses it, if that is the rule.
    pub(crate) fn of_song(&mut self, song: &Song) -> Result<()> {
        self.repairs(&song.path, &song.warnings)
    }

    /// Tells what was repaired in a collection; refuses it, if that is the rule.
    pub(crate) fn of_bank(&mut self, bank: &Collection) -> Result<()> {
        self.repairs(bank.path(), bank.warnings())
    }

    fn repairs(&mut self, path: &Path, repairs: &[impl Display]) -> Result<()> {
        if let (true, [first, rest @ ..]) = (self.is_strict, repairs) {
            let more = match rest.len() {
                0 => String::new(),
                count => format!(" (and {count} more)"),
            };
            bail!(
                "{}: --strict takes nothing that needs repair: {first}{more}",
                path.display()
            );
        }
        for repair in repairs {
            self.say(&format!("{}: {repair}", path.display()));
        }
        Ok(())
    }

    /// A repair that is neither the song reader's nor the collection reader's.
    pub(crate) fn repair(&mut self, repair: &str) -> Result<()> {
        if self.is_strict {
            bail!("{repair}: --strict takes nothing that needs repair");
        }
        self.say(repair);
        Ok(())
    }

    /// A warning, which begins with the name of a file.
    pub(crate) fn say(&mut self, warning: &str) {
        output::complain(&format!("warning: {warning}"));
        self.list.push(warning.to_owned());
    }

    /// All of them.
    pub(crate) fn into_list(self) -> Vec<String> {
        self.list
    }
}
