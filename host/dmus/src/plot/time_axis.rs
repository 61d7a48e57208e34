//! Seconds across the picture.

use super::canvas::{Align, Canvas, Drawn, Panel};
use super::color;

pub(super) struct TimeAxis {
    seconds: f64,
    left: i32,
    right: i32,
}

impl TimeAxis {
    pub(super) fn new(seconds: f64, left: i32, right: i32) -> Self {
        Self {
            seconds,
            left,
            right,
        }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The column at a time.
    #[expect(clippy::cast_possible_truncation, reason = "clamped to the picture")]
    pub(super) fn x(&self, seconds: f64) -> i32 {
        let width = f64::from(self.right - self.left);
        self.left + (seconds / self.seconds * width).round().clamp(0.0, width) as i32
    }

    /// The time at the left edge of a column, counted from the panel's left.
    pub(super) fn at(&self, column: i32) -> f64 {
        f64::from(column) / f64::from(self.right - self.left) * self.seconds
    }

    pub(super) fn draw_grid(&self, canvas: &Canvas<'_>, panel: Panel) -> Drawn {
        for (_, x) in self.marks() {
            canvas.line((x, panel.top), (x, panel.bottom), color::FAINT)?;
        }
        Ok(())
    }

    pub(super) fn draw_labels(&self, canvas: &Canvas<'_>, y: i32) -> Drawn {
        for (seconds, x) in self.marks() {
            canvas.line((x, y), (x, y + 6), color::GRID)?;
            let text = if self.seconds < 3.0 {
                format!("{seconds:.1} s")
            } else {
                format!("{}:{:02}", (seconds / 60.0).floor(), seconds % 60.0)
            };
            canvas.label((x, y + 19), Align::Centre, &text, color::TEXT)?;
        }
        Ok(())
    }

    /// Ten to twenty round times.
    fn marks(&self) -> impl Iterator<Item = (f64, i32)> + '_ {
        let step = [
            0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0,
        ]
        .into_iter()
        .find(|step| self.seconds / step <= 20.0)
        .unwrap_or(600.0);
        (0..)
            .map(move |index| f64::from(index) * step)
            .take_while(|at| *at <= self.seconds)
            .map(|at| (at, self.x(at)))
    }
}
