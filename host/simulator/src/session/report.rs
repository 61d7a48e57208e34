//! What a session left behind and which rules were broken.

use std::fmt;

use crate::pool::Counters;
use crate::violation::Violation;

/// The end of a session.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every rule that was broken, leaks and leftovers included.
    pub violations: Vec<Violation>,
    /// The machine's time at the end, in 100 ns since power-on.
    pub time: u64,
    /// What the driver took from the pool.
    pub pool: Counters,
    /// What else is wrong.
    pub notes: Vec<String>,
}

impl Report {
    pub(crate) fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    /// No leak, no lock, PASSIVE, no rule broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.notes.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("no leak, no lock, PASSIVE");
        }
        let broken = self.violations.len() + self.notes.len();
        write!(f, "the driver broke {broken} rule(s):")?;
        for violation in &self.violations {
            write!(f, "\n  {violation}")?;
        }
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        Ok(())
    }
}
