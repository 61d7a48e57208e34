//! Connections that bend: a moving source through a curve, EG1, or two that multiply.
#![forbid(unsafe_code)]

use super::modulation::{Inputs, Values, times};
use super::transform::{MovingSource, Reading};
use crate::dls::{Connection, Curve, Destination, Input};

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
        for connection in connections.iter().filter(|c| is_shaped(c)) {
            let sum = match connection.destination {
                Destination::Pitch => &mut shapes.pitch,
                Destination::Gain => &mut shapes.gain,
                Destination::FilterCutoff => &mut shapes.cutoff,
                _ => continue,
            };
            let source = Reading::of(connection.source, inputs, values);
            let control = Reading::of(connection.control, inputs, values);
            let part = times(
                times(
                    i64::from(connection.scale),
                    source.through(connection.source_input),
                ),
                control.through(connection.control_input),
            );
            *sum = sum.saturating_add(part);
        }
        shapes
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
