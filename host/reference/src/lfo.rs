//! Low-frequency oscillators (dls.md section 4.3).

use std::f64::consts::TAU;

/// Both shapes are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Straight lines.
    #[default]
    Triangle,
    /// A sine.
    Sine,
}

/// An oscillator that starts at 0, going up, after its delay.
#[derive(Clone, Debug)]
pub struct Lfo {
    shape: Shape,
    /// Cycles.
    phase: f64,
}

impl Lfo {
    /// At its start.
    pub fn new(shape: Shape) -> Self {
        Self { shape, phase: 0.0 }
    }

    /// -1..=1 now.
    pub fn value(&self) -> f64 {
        self.value_after(0.0)
    }

    /// -1..=1 some `cycles` later.
    pub fn value_after(&self, cycles: f64) -> f64 {
        let phase = (self.phase + cycles).fract();
        match self.shape {
            Shape::Sine => (TAU * phase).sin(),
            Shape::Triangle if phase < 0.25 => 4.0 * phase,
            Shape::Triangle if phase < 0.75 => 2.0 - 4.0 * phase,
            Shape::Triangle => 4.0 * phase - 4.0,
        }
    }

    /// One frame on, `cycles` later (0 during the delay).
    pub fn advance(&mut self, cycles: f64) {
        self.phase += cycles;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_meet_at_the_quarters() {
        for shape in [Shape::Triangle, Shape::Sine] {
            let mut lfo = Lfo::new(shape);
            for expected in [0.0, 1.0, 0.0, -1.0, 0.0] {
                assert!((lfo.value() - expected).abs() < 1e-12);
                lfo.advance(0.25);
            }
        }
    }
}
