//! The notes: pitch against time, drums in a lane of their own, the tempo above.

use super::canvas::{Align, Canvas, Drawn, Panel};
use super::color;
use super::notes::{DRUMS, Note, Notes};
use super::time_axis::TimeAxis;
use plotters::style::Color;

/// Height of the tempo's and of the drums' lane.
const TEMPO: i32 = 46;
const KIT: i32 = 84;
/// Size of a legend entry.
const ENTRY: i32 = 248;
const LINE: i32 = 24;

pub(super) fn legend_height(notes: &Notes) -> i32 {
    let entries = i32::try_from(notes.names.len()).unwrap_or(16);
    LINE * ((entries + per_line() - 1) / per_line())
}

fn per_line() -> i32 {
    (super::RIGHT - super::LEFT) / ENTRY
}

pub(super) fn draw_legend(canvas: &Canvas<'_>, panel: Panel, notes: &Notes) -> Drawn {
    for (index, (channel, name)) in (0..).zip(&notes.names) {
        let x = panel.left + index % per_line() * ENTRY;
        let y = panel.top + index / per_line() * LINE + LINE / 2;
        let chip = Panel {
            left: x,
            right: x + 14,
            top: y - 6,
            bottom: y + 6,
        };
        canvas.fill(chip, color::channel(*channel))?;
        canvas.label((x + 22, y + 1), Align::Left, name, color::TEXT)?;
    }
    Ok(())
}

pub(super) fn draw(canvas: &Canvas<'_>, panel: Panel, time: &TimeAxis, notes: &Notes) -> Drawn {
    let tempo = Panel {
        bottom: panel.top + TEMPO,
        ..panel
    };
    let has_drums = notes.names.contains_key(&DRUMS);
    let kit = Panel {
        top: panel.bottom - if has_drums { KIT } else { 0 },
        ..panel
    };
    let keys = Panel {
        top: tempo.bottom + 8,
        bottom: kit.top - if has_drums { 8 } else { 0 },
        ..panel
    };
    draw_tempo(canvas, tempo, time, notes)?;
    let (drums, melodic): (Vec<&Note>, Vec<&Note>) =
        notes.all.iter().partition(|note| note.channel == DRUMS);
    draw_keys(canvas, keys, time, &melodic)?;
    if has_drums {
        draw_kit(canvas, kit, time, &drums)
    } else {
        Ok(())
    }
}

fn draw_tempo(canvas: &Canvas<'_>, panel: Panel, time: &TimeAxis, notes: &Notes) -> Drawn {
    canvas.panel(panel)?;
    time.draw_grid(canvas, panel)?;
    canvas.label(
        (panel.left - 10, i32::midpoint(panel.top, panel.bottom)),
        Align::Right,
        "tempo",
        color::TEXT,
    )?;
    let all = || notes.tempos.iter().map(|tempo| tempo.1);
    let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
    if notes.tempos.is_empty() {
        return Ok(());
    }
    let y = |tempo: f64| {
        at(
            panel,
            10,
            if high > low {
                (tempo - low) / (high - low)
            } else {
                0.5
            },
        )
    };
    let mut points = vec![(panel.left, y(notes.tempos[0].1))];
    for &(seconds, tempo) in &notes.tempos {
        let last = points[points.len() - 1].1;
        points.extend([(time.x(seconds), last), (time.x(seconds), y(tempo))]);
    }
    points.push((panel.right, points[points.len() - 1].1));
    canvas.path(points, color::TEMPO)?;
    canvas.label(
        (panel.right + 8, y(high)),
        Align::Left,
        &format!("{high:.0} bpm"),
        color::TEMPO,
    )?;
    if high > low {
        canvas.label(
            (panel.right + 8, y(low)),
            Align::Left,
            &format!("{low:.0} bpm"),
            color::TEMPO,
        )?;
    }
    Ok(())
}

fn draw_keys(canvas: &Canvas<'_>, panel: Panel, time: &TimeAxis, notes: &[&Note]) -> Drawn {
    canvas.panel(panel)?;
    time.draw_grid(canvas, panel)?;
    let low = notes
        .iter()
        .map(|note| note.key)
        .min()
        .unwrap_or(48)
        .saturating_sub(2);
    let high = notes.iter().map(|note| note.key).max().unwrap_or(72) + 2;
    let span = f64::from(high - low);
    let y = |key: f64| at(panel, 0, (key - f64::from(low)) / span);
    for key in (low..=high).filter(|key| key % 12 == 0) {
        let line = y(f64::from(key));
        canvas.line((panel.left, line), (panel.right, line), color::GRID)?;
        canvas.label(
            (panel.left - 10, line),
            Align::Right,
            &format!("C{}", i32::from(key) / 12 - 1),
            color::TEXT,
        )?;
    }
    for note in notes {
        let (top, bottom) = (y(f64::from(note.key) + 0.5), y(f64::from(note.key) - 0.5));
        let left = time.x(note.start);
        let body = Panel {
            left,
            right: time.x(note.end).max(left + 2),
            top,
            bottom: bottom.max(top + 2),
        };
        let strength = 0.30 + 0.70 * f64::from(note.velocity) / 127.0;
        canvas.fill(body, color::channel(note.channel).mix(0.75 * strength))?;
        canvas.line(
            (left, top),
            (left, body.bottom),
            color::channel(note.channel).mix(strength),
        )?;
    }
    Ok(())
}

fn draw_kit(canvas: &Canvas<'_>, panel: Panel, time: &TimeAxis, notes: &[&Note]) -> Drawn {
    canvas.panel(panel)?;
    time.draw_grid(canvas, panel)?;
    canvas.label(
        (panel.left - 10, i32::midpoint(panel.top, panel.bottom)),
        Align::Right,
        "drums",
        color::TEXT,
    )?;
    let mut keys: Vec<u8> = notes.iter().map(|note| note.key).collect();
    keys.sort_unstable();
    keys.dedup();
    for note in notes {
        let row = keys.iter().position(|key| *key == note.key).unwrap_or(0);
        let share = f64::from(u32::try_from(row).unwrap_or(0))
            / f64::from(u32::try_from(keys.len()).unwrap_or(1)).max(2.0);
        let (x, y) = (time.x(note.start), at(panel, 8, share));
        let strength = 0.25 + 0.75 * f64::from(note.velocity) / 127.0;
        let body = Panel {
            left: x,
            right: x + 2,
            top: y - 3,
            bottom: y + 2,
        };
        canvas.fill(body, color::channel(DRUMS).mix(strength))?;
    }
    Ok(())
}

/// The row at a share of the panel's height, from below, inside a margin.
#[expect(clippy::cast_possible_truncation, reason = "clamped to the panel")]
fn at(panel: Panel, margin: i32, share: f64) -> i32 {
    let height = f64::from(panel.height() - 2 * margin);
    panel.bottom - margin - (share * height).round().clamp(0.0, height) as i32
}
