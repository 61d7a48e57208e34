//! Connections that bend: a moving source through a curve, EG1, or two that multiply.
#![forbid(unsafe_code)]

use super::modulation::{Inputs, Values, times};
use super::transform::{MovingSource, Reading};
use crate::dls::{Connection, Curve, Destination, Input, Source};

/// What the shaped connections add, in 16.16 of their units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shapes {
    /// Cents.
    pub pitch: i64,
    /// Tenths of a decibel.
    pub gain: i64,
    /// Cents.
    pub cutoff: i64,
}

impl Shapes {
    /// What they add while the moving sources have these values.
    #[must_use]
    pub fn of(connections: &[Connection], inputs: &Inputs, values: &Values) -> Self {
        let mut shapes = Self::default();
        let mut moved = Moved::default();
        for connection in connections.iter().filter(|c| is_shaped(c)) {
            let sum = match connection.destination {
                Destination::Pitch => &mut shapes.pitch,
                Destination::Gain => &mut shapes.gain,
                Destination::FilterCutoff => &mut shapes.cutoff,
                _ => continue,
            };
            let mut read = |source, input| {
                moved.through(source, input, || Reading::of(source, inputs, values))
            };
            let source = read(connection.source, connection.source_input);
            let control = read(connection.control, connection.control_input);
            let part = times(times(i64::from(connection.scale), source), control);
            *sum = sum.saturating_add(part);
        }
        shapes
    }
}

/// What the moving sources come to through each transform: a curve is dear, and connections share it.
#[derive(Debug)]
struct Moved {
    /// Which of the values are known, one bit each.
    known: u64,
    values: [i64; 64],
}

impl Default for Moved {
    fn default() -> Self {
        Self {
            known: 0,
            values: [0; 64],
        }
    }
}

impl Moved {
    /// A source's reading after a transform.
    fn through(&mut self, source: Source, input: Input, read: impl Fn() -> Reading) -> i64 {
        let Some(moving) = MovingSource::of(source) else {
            return read().through(input);
        };
        let index = (moving as usize) << 4
            | (input.curve as usize) << 2
            | usize::from(input.bipolar) << 1
            | usize::from(input.inverted);
        let Some(value) = self.values.get_mut(index) else {
            return 0;
        };
        if self.known >> index & 1 == 0 {
            self.known |= 1 << index;
            *value = read().through(input);
        }
        *value
    }
}

/// Whether a connection cannot be had as a depth: a moving source through a curve, EG1, which
/// moves with the level and not with the pitch, or two moving sources that multiply.
pub(super) fn is_shaped(connection: &Connection) -> bool {
    let bends = |source, input: Input| {
        MovingSource::of(source)
            .is_some_and(|moving| moving == MovingSource::Eg1 || input.curve != Curve::Linear)
    };
    let both = MovingSource::of(connection.source).is_some()
        && MovingSource::of(connection.control).is_some();
    let reachable = matches!(
        connection.destination,
        Destination::Pitch | Destination::Gain | Destination::FilterCutoff
    );
    reachable
        && (both
            || bends(connection.source, connection.source_input)
            || bends(connection.control, connection.control_input))
}
