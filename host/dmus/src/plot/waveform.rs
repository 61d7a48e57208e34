//! The waveform: for each column the extremes and, brighter, the root mean square; left above right.

use super::canvas::{Align, Canvas, Drawn, Panel};
use super::color;
use super::time_axis::TimeAxis;
use crate::wav::Sound;

pub(super) fn draw(canvas: &Canvas<'_>, panel: Panel, time: &TimeAxis, sound: &Sound) -> Drawn {
    canvas.panel(panel)?;
    time.draw_grid(canvas, panel)?;
    let channels = i32::from(sound.channels.max(1));
    for channel in 0..channels {
        let height = panel.height() / channels;
        let top = panel.top + channel * height;
        let lane = Panel {
            top: top + 3,
            bottom: top + height - 3,
            ..panel
        };
        let name = match (channels, channel) {
            (1, _) => "mono",
            (_, 0) => "left",
            _ => "right",
        };
        let middle = i32::midpoint(lane.top, lane.bottom);
        canvas.label((panel.left - 10, middle), Align::Right, name, color::TEXT)?;
        canvas.line((lane.left, middle), (lane.right, middle), color::GRID)?;
        draw_lane(
            canvas,
            lane,
            time,
            sound,
            usize::try_from(channel).unwrap_or(0),
        )?;
    }
    let peak = sound
        .samples
        .iter()
        .map(|sample| sample.unsigned_abs())
        .max()
        .unwrap_or(0);
    let text = if peak == 0 {
        "silent".to_owned()
    } else {
        format!("{:.1} dB", 20.0 * (f64::from(peak) / 32768.0).log10())
    };
    canvas.label(
        (panel.right + 8, panel.top + 10),
        Align::Left,
        "peak",
        color::TEXT,
    )?;
    canvas.label(
        (panel.right + 8, panel.top + 28),
        Align::Left,
        &text,
        color::WAVE_CORE,
    )
}

fn draw_lane(
    canvas: &Canvas<'_>,
    lane: Panel,
    time: &TimeAxis,
    sound: &Sound,
    channel: usize,
) -> Drawn {
    let middle = i32::midpoint(lane.top, lane.bottom);
    let half = f64::from(lane.height()) / 2.0;
    #[expect(clippy::cast_possible_truncation, reason = "samples are within ±1")]
    let y = |level: f64| middle - (level * half).round() as i32;
    for column in 0..lane.width() {
        let Some(shape) = Shape::of(sound, channel, time.at(column), time.at(column + 1)) else {
            continue;
        };
        let x = lane.left + column;
        canvas.line((x, y(shape.high)), (x, y(shape.low)), color::WAVE)?;
        canvas.line((x, y(shape.rms)), (x, y(-shape.rms)), color::WAVE_CORE)?;
        if shape.clips {
            canvas.line((x, lane.top), (x, lane.top + 4), color::CLIP)?;
        }
    }
    Ok(())
}

/// One column.
struct Shape {
    low: f64,
    high: f64,
    rms: f64,
    clips: bool,
}

impl Shape {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "frame numbers of a sound in memory"
    )]
    fn of(sound: &Sound, channel: usize, from: f64, to: f64) -> Option<Self> {
        let rate = f64::from(sound.rate);
        let first = (from * rate) as usize;
        let end = ((to * rate) as usize).max(first + 1).min(sound.frames());
        let stride = usize::from(sound.channels);
        let frames = sound.samples.get(first * stride..end * stride)?;
        let column = || frames.iter().skip(channel).step_by(stride);
        let level = |sample: i16| f64::from(sample) / 32768.0;
        let power = column()
            .map(|sample| level(*sample) * level(*sample))
            .sum::<f64>();
        Some(Self {
            low: level(*column().min()?),
            high: level(*column().max()?),
            rms: (power / column().count() as f64).sqrt(),
            clips: column().any(|sample| *sample == i16::MAX || *sample == i16::MIN),
        })
    }
}
