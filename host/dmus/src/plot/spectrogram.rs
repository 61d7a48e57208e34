//! The spectrogram: frequency on a musical (logarithmic) scale, level as colour.

use super::canvas::{Align, Canvas, Drawn, Panel};
use super::color;
use super::spectrum::Analyser;
use super::time_axis::TimeAxis;
use crate::wav::Sound;

/// What is black, in dB.
const FLOOR: f64 = -96.0;
const CEILING: f64 = -12.0;
const LOWEST: f64 = 27.5;

pub(super) fn draw(canvas: &Canvas<'_>, panel: Panel, time: &TimeAxis, sound: &Sound) -> Drawn {
    let scale = Scale {
        panel,
        high: (f64::from(sound.rate) / 2.0).min(20_000.0),
    };
    let mut analyser = Analyser::new(sound);
    let step = analyser.step();
    for column in 0..panel.width() {
        let levels = analyser.at(0.5 * (time.at(column) + time.at(column + 1)));
        for row in 0..panel.height() {
            let level = strongest(&levels, scale.hz(row + 1) / step, scale.hz(row) / step);
            let heat = color::heat((level - FLOOR) / (CEILING - FLOOR));
            canvas.pixel((panel.left + column, panel.top + row), heat)?;
        }
    }
    for (hz, name) in [
        (50.0, "50 Hz"),
        (100.0, "100"),
        (200.0, "200"),
        (500.0, "500"),
        (1e3, "1 kHz"),
        (2e3, "2"),
        (5e3, "5"),
        (1e4, "10"),
        (2e4, "20"),
    ] {
        if let Some(y) = scale.y(hz) {
            canvas.line((panel.left - 6, y), (panel.left, y), color::GRID)?;
            canvas.label((panel.left - 10, y), Align::Right, name, color::TEXT)?;
        }
    }
    debug_assert!(time.seconds() > 0.0);
    draw_key(
        canvas,
        Panel {
            left: panel.right + 10,
            right: panel.right + 24,
            ..panel
        },
    )
}

/// What the colours mean.
fn draw_key(canvas: &Canvas<'_>, panel: Panel) -> Drawn {
    let height = f64::from(panel.height());
    for row in 0..panel.height() {
        let heat = color::heat(1.0 - f64::from(row) / height);
        for x in panel.left..panel.right {
            canvas.pixel((x, panel.top + row), heat)?;
        }
    }
    let mut level = CEILING;
    while level >= FLOOR {
        #[expect(clippy::cast_possible_truncation, reason = "inside the panel")]
        let y = panel.top + ((CEILING - level) / (CEILING - FLOOR) * height) as i32;
        canvas.label(
            (panel.right + 6, y.clamp(panel.top + 6, panel.bottom - 6)),
            Align::Left,
            &format!("{level:.0}"),
            color::TEXT,
        )?;
        level -= 12.0;
    }
    canvas.label(
        (panel.right + 6, panel.top - 10),
        Align::Left,
        "dB",
        color::TEXT,
    )
}

/// The strongest line between two places in the spectrum; between two lines, what lies there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "indices of a spectrum"
)]
fn strongest(levels: &[f64], from: f64, to: f64) -> f64 {
    let (first, last) = (from.ceil() as usize, to.floor() as usize);
    if first <= last {
        let last = last.min(levels.len().saturating_sub(1));
        return levels
            .get(first..=last)
            .unwrap_or_default()
            .iter()
            .copied()
            .fold(FLOOR, f64::max);
    }
    let place = 0.5 * (from + to);
    let index = place as usize;
    match (levels.get(index), levels.get(index + 1)) {
        (Some(low), Some(high)) => low + (place - index as f64) * (high - low),
        _ => FLOOR,
    }
}

struct Scale {
    panel: Panel,
    high: f64,
}

impl Scale {
    /// The frequency at the upper edge of a row.
    fn hz(&self, row: i32) -> f64 {
        let share = 1.0 - f64::from(row) / f64::from(self.panel.height());
        LOWEST * (self.high / LOWEST).powf(share)
    }

    #[expect(clippy::cast_possible_truncation, reason = "inside the panel")]
    fn y(&self, hz: f64) -> Option<i32> {
        let share = (hz / LOWEST).ln() / (self.high / LOWEST).ln();
        (0.0..=1.0)
            .contains(&share)
            .then(|| self.panel.bottom - (share * f64::from(self.panel.height())) as i32)
    }
}
