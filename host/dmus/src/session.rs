//! A device of ours that is being played, on a simulated machine.
//!
//! Thin over the simulator's session: the settings become registry values, the song becomes messages with times, and
//! what the machine saw becomes text. A session ends in an orderly way even when the command fails in the middle.

mod driver;
mod synth;
mod trace;
mod uart;

pub use driver::{Driver, DriverReport};
pub use synth::{SynthSession, SynthSettings};
pub use trace::TraceLine;
pub use uart::{UartSession, WireByte};

use dmusmini_simulator::session::{Report, TimedMessage};
use dmusmini_song::Event;

/// What the simulated machine saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Everything the driver left behind and every rule it broke.
    pub violations: Vec<String>,
    /// The driver's trace.
    pub trace: Vec<TraceLine>,
    /// The most bytes the driver had from the pool at once.
    pub pool_peak: u64,
}

impl Machine {
    fn new(report: &Report, trace: Vec<TraceLine>) -> Self {
        let violations = report
            .violations
            .iter()
            .map(ToString::to_string)
            .chain(report.notes.iter().cloned())
            .collect();
        Self {
            violations,
            trace,
            pool_peak: 0,
        }
    }
}

/// A message for a channel group.
fn message((group, event): (u16, &Event)) -> TimedMessage {
    TimedMessage {
        at: event.at,
        group,
        bytes: event.message.clone(),
    }
}
