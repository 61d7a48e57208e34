//! The bars: a number, what it must not pass, and whether it does.

use std::fmt;

use super::instructions::Counts;

/// A number and its bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) number: f64,
    pub(crate) limit: f64,
    pub(crate) unit: &'static str,
    /// Whether more is better.
    pub(crate) at_least: bool,
}

impl Bar {
    pub(crate) fn at_most(what: &str, number: f64, limit: f64, unit: &'static str) -> Self {
        Self {
            what: what.to_owned(),
            number,
            limit,
            unit,
            at_least: false,
        }
    }

    pub(crate) fn at_least(what: &str, number: f64, limit: f64, unit: &'static str) -> Self {
        Self {
            at_least: true,
            ..Self::at_most(what, number, limit, unit)
        }
    }

    pub(crate) fn is_met(&self) -> bool {
        if self.at_least {
            self.number >= self.limit
        } else {
            self.number <= self.limit
        }
    }

    pub(crate) fn verdict(&self) -> &'static str {
        if self.is_met() { "met" } else { "missed" }
    }

    pub(crate) fn side(&self) -> &'static str {
        if self.at_least { "at least" } else { "at most" }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {:.2} {} ({} {}): {}",
            self.what,
            self.number,
            self.unit,
            self.side(),
            self.limit,
            self.verdict()
        )
    }
}

/// The bars that hold on any machine.
pub(crate) fn of_instructions(counts: &Counts) -> Vec<Bar> {
    vec![
        Bar::at_most(
            "instructions a voice and frame: sinc16, gains moving",
            counts.plain,
            36.0,
            "",
        ),
        Bar::at_most(
            "instructions a voice and frame: sinc16, filter, two LFOs, two envelopes",
            counts.filtered,
            54.0,
            "",
        ),
        // Ours: 1,024 voices of 54 instructions make 3.5 million; events may cost as much again.
        Bar::at_most(
            "instructions of the worst block: 1,024 filtered voices, 64 frames, 4,000 events",
            counts.worst_block,
            8.0,
            "million",
        ),
    ]
}
