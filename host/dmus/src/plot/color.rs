//! The colours: a dark ground on which sixteen channels stay apart.

use plotters::style::RGBColor;

pub(super) const GROUND: RGBColor = RGBColor(13, 17, 26);
pub(super) const PANEL: RGBColor = RGBColor(19, 25, 38);
pub(super) const GRID: RGBColor = RGBColor(42, 51, 70);
pub(super) const FAINT: RGBColor = RGBColor(30, 38, 54);
pub(super) const TEXT: RGBColor = RGBColor(196, 204, 218);
pub(super) const BRIGHT: RGBColor = RGBColor(240, 244, 250);
pub(super) const WAVE: RGBColor = RGBColor(58, 130, 196);
pub(super) const WAVE_CORE: RGBColor = RGBColor(140, 205, 255);
pub(super) const CLIP: RGBColor = RGBColor(255, 92, 92);
pub(super) const TEMPO: RGBColor = RGBColor(255, 208, 110);

/// One colour a channel: hues around the circle, neighbours far apart, two lightnesses.
pub(super) fn channel(channel: u8) -> RGBColor {
    const COLORS: [RGBColor; 16] = [
        RGBColor(99, 179, 255),
        RGBColor(178, 132, 255),
        RGBColor(255, 138, 101),
        RGBColor(118, 215, 146),
        RGBColor(255, 214, 92),
        RGBColor(255, 105, 150),
        RGBColor(87, 217, 217),
        RGBColor(233, 157, 62),
        RGBColor(228, 141, 226),
        RGBColor(158, 168, 186),
        RGBColor(166, 226, 96),
        RGBColor(255, 239, 168),
        RGBColor(124, 148, 255),
        RGBColor(214, 112, 88),
        RGBColor(70, 170, 150),
        RGBColor(205, 180, 255),
    ];
    COLORS[usize::from(channel & 15)]
}

/// Level 0 to 1 as a colour: dark blue, violet, red, amber, white; its lightness grows evenly.
pub(super) fn heat(level: f64) -> RGBColor {
    const STOPS: [(f64, f64, f64); 8] = [
        (9.0, 11.0, 22.0),
        (27.0, 20.0, 62.0),
        (72.0, 22.0, 105.0),
        (128.0, 35.0, 118.0),
        (190.0, 54.0, 100.0),
        (236.0, 97.0, 72.0),
        (252.0, 168.0, 92.0),
        (255.0, 250.0, 214.0),
    ];
    let place = level.clamp(0.0, 1.0) * 7.0;
    let index = (place.floor()).min(6.0);
    let part = place - index;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 6, and 0 to 255"
    )]
    let mix = {
        let (from, to) = (STOPS[index as usize], STOPS[index as usize + 1]);
        let one = |from: f64, to: f64| (from + part * (to - from)).round() as u8;
        RGBColor(one(from.0, to.0), one(from.1, to.1), one(from.2, to.2))
    };
    mix
}
