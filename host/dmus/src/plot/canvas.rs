//! The drawing surface: pixels, boxes, lines and text.

use super::color;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};
use std::sync::Once;

/// What drawing gives; the backend's errors differ by type, their text is what matters.
pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A rectangle of the picture, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
}

impl Panel {
    pub(super) fn width(&self) -> i32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> i32 {
        self.bottom - self.top
    }
}

/// How text stands to its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

pub(super) struct Canvas<'a> {
    area: DrawingArea<BitMapBackend<'a>, Shift>,
}

impl<'a> Canvas<'a> {
    /// A dark canvas on `pixels`, three bytes each.
    pub(super) fn new(
        pixels: &'a mut [u8],
        (width, height): (u32, u32),
    ) -> Result<Self, Box<dyn std::error::Error>> {
        load_fonts();
        let area = BitMapBackend::with_buffer(pixels, (width, height)).into_drawing_area();
        area.fill(&color::GROUND)?;
        Ok(Self { area })
    }

    pub(super) fn heading(&self, x: i32, y: i32, text: &str) -> Drawn {
        let style = TextStyle::from(("sans-serif", 30.0, FontStyle::Bold)).color(&color::BRIGHT);
        Ok(self.area.draw_text(text, &style, (x, y))?)
    }

    pub(super) fn text(&self, x: i32, y: i32, text: &str) -> Drawn {
        let style = TextStyle::from(("sans-serif", 17.0)).color(&color::TEXT);
        Ok(self.area.draw_text(text, &style, (x, y))?)
    }

    /// A small label around a point, centred vertically.
    pub(super) fn label(
        &self,
        (x, y): (i32, i32),
        align: Align,
        text: &str,
        color: RGBColor,
    ) -> Drawn {
        let side = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = TextStyle::from(("sans-serif", 14.0))
            .color(&color)
            .pos(Pos::new(side, VPos::Center));
        Ok(self.area.draw_text(text, &style, (x, y))?)
    }

    pub(super) fn fill(&self, panel: Panel, color: impl Color) -> Drawn {
        let corners = [(panel.left, panel.top), (panel.right, panel.bottom)];
        Ok(self.area.draw(&Rectangle::new(corners, color.filled()))?)
    }

    pub(super) fn line(&self, from: (i32, i32), to: (i32, i32), color: impl Color) -> Drawn {
        Ok(self
            .area
            .draw(&PathElement::new([from, to], color.stroke_width(1)))?)
    }

    pub(super) fn path(&self, points: Vec<(i32, i32)>, color: impl Color) -> Drawn {
        Ok(self
            .area
            .draw(&PathElement::new(points, color.stroke_width(2)))?)
    }

    pub(super) fn pixel(&self, at: (i32, i32), color: RGBColor) -> Drawn {
        Ok(self.area.draw_pixel(at, &color)?)
    }

    /// A panel's ground, with its name at the left.
    pub(super) fn panel(&self, panel: Panel) -> Drawn {
        self.fill(panel, color::PANEL)
    }
}

fn load_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (style, font) in [
            (FontStyle::Normal, dejavu::sans::regular()),
            (FontStyle::Bold, dejavu::sans::bold()),
        ] {
            assert!(
                register_font("sans-serif", style, font).is_ok(),
                "the embedded font is sound"
            );
        }
    });
}
