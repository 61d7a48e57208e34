//! What can be wrong with a chip (mpu401.md section 6, and some more).

use std::collections::BTreeSet;
use std::ops::Range;

/// The faults of one chip; none by default. Times are virtual, in 100 ns.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// "Ready to write" never shows during this time.
    pub never_ready: Option<Range<u64>>,
    /// Nothing is taken while received bytes wait to be read (mpu401.md section 3).
    pub unread_blocks: bool,
    /// "Data ready" shows all through this time; the data is junk.
    pub data_stuck: Option<Range<u64>>,
    /// The interrupt line is held all through this time, whether there is data or not.
    pub interrupt_storm: Option<Range<u64>>,
    /// Moments at which the line pulses without a reason.
    pub spurious_interrupts: BTreeSet<u64>,
    /// The line stays quiet for the first byte that arrives in an empty FIFO from each of these
    /// moments on, until the FIFO is empty again: what an edge-triggered line does when an edge
    /// is lost.
    pub lost_interrupts: BTreeSet<u64>,
    /// The interrupt line is wired to nothing during this time.
    pub dead_line: Option<Range<u64>>,
    /// Commands, counted from 0, whose answer is lost.
    pub lost_answers: BTreeSet<u32>,
    /// The command to enter UART mode is never answered.
    pub no_uart_answer: bool,
    /// No command is ever answered.
    pub no_answer: bool,
    /// The device is pulled out just before this register access, counted from 0.
    pub removed_at_access: Option<u64>,
}

impl Faults {
    pub(super) fn is_never_ready(&self, now: u64) -> bool {
        contains(self.never_ready.as_ref(), now)
    }

    pub(super) fn is_data_stuck(&self, now: u64) -> bool {
        contains(self.data_stuck.as_ref(), now)
    }

    pub(super) fn storms(&self, now: u64) -> bool {
        contains(self.interrupt_storm.as_ref(), now) || self.spurious_interrupts.contains(&now)
    }

    pub(super) fn is_line_dead(&self, now: u64) -> bool {
        contains(self.dead_line.as_ref(), now)
    }

    /// Uses up a lost interrupt that was due by `now`.
    pub(super) fn loses_interrupt(&mut self, now: u64) -> bool {
        let due = self.lost_interrupts.first().is_some_and(|&at| at <= now);
        if due {
            self.lost_interrupts.pop_first();
        }
        due
    }

    /// The next moment after `now` at which a fault begins or ends.
    pub(super) fn next_change(&self, now: u64) -> Option<u64> {
        let spans = [
            &self.never_ready,
            &self.data_stuck,
            &self.interrupt_storm,
            &self.dead_line,
        ];
        let edges = spans
            .into_iter()
            .flatten()
            .flat_map(|span| [span.start, span.end]);
        let spurious = self.spurious_interrupts.range(now + 1..).next().copied();
        edges.chain(spurious).filter(|&at| at > now).min()
    }
}

fn contains(span: Option<&Range<u64>>, now: u64) -> bool {
    span.is_some_and(|span| span.contains(&now))
}
