//! One picture of a rendered song: notes, waveform and spectrogram over a common time.

mod canvas;
mod color;
mod notes;
mod roll;
mod spectrogram;
mod spectrum;
mod time_axis;
mod waveform;

pub use crate::wav::Sound;

use crate::output::Output;
use anyhow::{Context, Result, anyhow};
use canvas::{Canvas, Panel};
use dmusmini_song::Song;
use std::io::BufWriter;

/// What to draw.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// First line.
    pub title: &'a str,
    /// Second line.
    pub subtitle: &'a str,
    /// The sound.
    pub sound: &'a Sound,
    /// What was played.
    pub song: Option<&'a Song>,
}

const WIDTH: u32 = 1920;
const LEFT: i32 = 92;
const RIGHT: i32 = 1920 - 84;

/// Panels from top to bottom.
struct Stack {
    y: i32,
}

impl Stack {
    /// The next panel, `gap` below the last one.
    fn take(&mut self, gap: i32, height: i32) -> Panel {
        let top = self.y + gap;
        self.y = top + height;
        Panel {
            left: LEFT,
            right: RIGHT,
            top,
            bottom: self.y,
        }
    }
}

/// Draws `picture` as a PNG file.
pub(crate) fn draw(picture: &Picture<'_>, output: Output) -> Result<()> {
    let notes = picture.song.map(notes::Notes::of);
    let mut stack = Stack { y: 96 };
    let score = notes.as_ref().map(|notes| {
        (
            notes,
            stack.take(0, roll::legend_height(notes)),
            stack.take(14, 420),
        )
    });
    let wave = stack.take(26, 200);
    let spectrum = stack.take(26, 410);
    let height = stack.y + 52;
    let seconds = picture.sound.seconds().max(0.001);
    let time = time_axis::TimeAxis::new(seconds, LEFT, RIGHT);
    let size = (WIDTH, u32::try_from(height)?);
    let mut pixels = vec![0; 3 * size.0 as usize * size.1 as usize];
    let mut draw = || -> canvas::Drawn {
        let canvas = Canvas::new(&mut pixels, size)?;
        canvas.heading(LEFT, 22, picture.title)?;
        canvas.text(LEFT, 62, picture.subtitle)?;
        if let Some((notes, legend, roll)) = score {
            roll::draw_legend(&canvas, legend, notes)?;
            roll::draw(&canvas, roll, &time, notes)?;
        }
        waveform::draw(&canvas, wave, &time, picture.sound)?;
        spectrogram::draw(&canvas, spectrum, &time, picture.sound)?;
        time.draw_labels(&canvas, spectrum.bottom)
    };
    draw().map_err(|error| anyhow!("{}: cannot draw: {error}", output.path().display()))?;
    encode(&output, size, &pixels)
        .with_context(|| format!("{}: cannot write", output.path().display()))?;
    output.commit()
}

fn encode(output: &Output, (width, height): (u32, u32), pixels: &[u8]) -> Result<()> {
    let mut encoder = png::Encoder::new(BufWriter::new(output.file()), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    Ok(writer.finish()?)
}
