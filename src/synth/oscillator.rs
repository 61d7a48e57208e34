//! A voice's way through its wave: loops, the wave's end, and what lies around both.
//!
//! The interpolator wants up to 7 frames before a position and 8 after it. Away from the loop's
//! end these are in the wave itself, which has silent guard frames around it. Around the loop's
//! end they come from `seam`: the last frames before the end, then the loop over again. A position
//! that leaves the seam goes back by whole loops; by then everything the interpolator reads lies
//! inside the loop. A loop too short for that is repeated inside the seam itself.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "positions are split into frames and phases, blocks are short"
)]

use super::Interpolation;
#[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
use super::fir;
use super::fir::Cursor;
use crate::dls::{GUARD, Loop, LoopKind};
use crate::tables::{CUBIC, LINEAR, Rows, SINC8, SINC16, SINC16_LOW};

/// Reads one wave for one voice.
#[derive(Clone, Debug)]
pub(super) struct Oscillator {
    pub(super) cursor: Cursor,
    seam: Seam,
    playing: Playing,
}

/// What the frames behind the current position are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Playing {
    /// The wave, up to its end.
    ToEnd,
    /// The wave and its loop.
    Looping,
    /// Nothing: the wave has ended.
    Ended,
}

/// The loop's end and how it goes on.
#[derive(Clone, Debug)]
struct Seam {
    kind: LoopKind,
    /// First frame behind the loop.
    end: u64,
    /// Frames of the loop.
    length: u64,
    /// Frames to go back by: the loop, or enough of it not to leave the seam.
    period: u64,
    /// Where to go back: this many frames behind the loop's end.
    leave: u64,
    /// Frames `end - BEFORE ..` of the endless wave.
    frames: [i16; SEAM],
}

impl Oscillator {
    /// Starts at the first frame of a wave that is given with its guard frames.
    pub(super) fn new(padded: &[i16], wave_loop: Option<Loop>) -> Self {
        let frames = padded.len().saturating_sub(2 * GUARD);
        let wave_loop = wave_loop.filter(|l| l.length > 0 && l.fits(frames));
        Self {
            cursor: Cursor::default(),
            seam: wave_loop.map_or(Seam::NONE, |l| Seam::new(padded, l)),
            playing: if wave_loop.is_some() {
                Playing::Looping
            } else {
                Playing::ToEnd
            },
        }
    }

    /// Whether the wave is over.
    pub(super) fn has_ended(&self) -> bool {
        self.playing == Playing::Ended
    }

    /// The key was released: a loop that lasts until then is left.
    pub(super) fn release(&mut self) {
        if self.playing == Playing::Looping && self.seam.kind == LoopKind::UntilRelease {
            self.playing = Playing::ToEnd;
            // Inside the seam the position may be behind the loop's end; the wave goes on where
            // the loop was.
            let beyond = self.cursor.position.checked_sub(self.seam.end << 32);
            if let Some(beyond) = beyond {
                let within = beyond.checked_rem(self.seam.length << 32).unwrap_or(0);
                let start = self.seam.end.wrapping_sub(self.seam.length) << 32;
                self.cursor.position = start.wrapping_add(within);
            }
        }
    }

    /// Fills `out` with negated Q15 frames (see [`super::fir`]), silent behind the wave's end.
    pub(super) fn run(&mut self, padded: &[i16], interpolation: Interpolation, out: &mut [i32]) {
        let mut rest = out;
        while !rest.is_empty() {
            let (frames, origin, limit) = match self.playing {
                Playing::Ended => {
                    rest.fill(0);
                    return;
                }
                Playing::ToEnd => {
                    let wave = padded.len().saturating_sub(2 * GUARD) as u64;
                    // A few frames of silence belong to it: the interpolator rings.
                    (padded, GUARD as u64, (wave + REACH) << 32)
                }
                Playing::Looping => {
                    let turn = self.seam.end.saturating_sub(REACH);
                    if self.cursor.position < turn << 32 {
                        (padded, GUARD as u64, turn << 32)
                    } else {
                        let limit = self.seam.end.saturating_add(self.seam.leave);
                        let frames = &self.seam.frames[..];
                        (frames, BEFORE.wrapping_sub(self.seam.end), limit << 32)
                    }
                }
            };
            let count = self.frames_until(limit).min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            let shift = origin << 32;
            self.cursor.position = self.cursor.position.wrapping_add(shift);
            read(interpolation, frames, &mut self.cursor, now);
            self.cursor.position = self.cursor.position.wrapping_sub(shift);
            self.turn();
            if self.playing == Playing::ToEnd && self.cursor.position >= limit {
                self.playing = Playing::Ended;
            }
            rest = later;
        }
    }

    /// Goes back by whole periods if the seam is behind the position.
    fn turn(&mut self) {
        if self.playing != Playing::Looping {
            return;
        }
        let leave = self.seam.end.saturating_add(self.seam.leave) << 32;
        let Some(beyond) = self.cursor.position.checked_sub(leave) else {
            return;
        };
        let period = self.seam.period << 32;
        let within = if beyond < period {
            beyond
        } else {
            beyond.checked_rem(period).unwrap_or(0)
        };
        self.cursor.position = leave.wrapping_sub(period).wrapping_add(within);
    }

    /// How many output frames, at least one, are made before the position reaches `limit`.
    fn frames_until(&self, limit: u64) -> usize {
        let distance = limit.saturating_sub(self.cursor.position);
        let Some(fastest) = self.cursor.fastest() else {
            return 1;
        };
        if distance > fastest.wrapping_mul(super::BLOCK_FRAMES as u64) {
            return super::BLOCK_FRAMES;
        }
        let last = distance.saturating_sub(1).checked_div(fastest).unwrap_or(0);
        (last as usize).saturating_add(1)
    }
}

/// Reads with `origin` frames in front of position 0.
fn read(interpolation: Interpolation, frames: &[i16], cursor: &mut Cursor, out: &mut [i32]) {
    match interpolation {
        Interpolation::Linear => interpolate(&LINEAR, frames, cursor, out),
        Interpolation::FourPoint => interpolate(&CUBIC, frames, cursor, out),
        Interpolation::Sinc8 => interpolate(&SINC8, frames, cursor, out),
        Interpolation::Sinc16 if cursor.change != 0 && crosses(cursor, out.len()) => {
            // As often as the step bends.
            for four in out.chunks_mut(4) {
                filtered(frames, cursor, four);
            }
        }
        Interpolation::Sinc16 => filtered(frames, cursor, out),
    }
}

/// By the table whose cut-off is that of the cursor's step.
fn filtered(frames: &[i16], cursor: &mut Cursor, out: &mut [i32]) {
    let [first, second, third] = &SINC16_LOW;
    match bands_above(cursor.step) {
        0 => interpolate(&SINC16, frames, cursor, out),
        1 => interpolate(first, frames, cursor, out),
        2 => interpolate(second, frames, cursor, out),
        _ => interpolate(third, frames, cursor, out),
    }
}

/// How many cut-offs a step is beyond.
fn bands_above(step: u64) -> u8 {
    u8::from(step > FULL_BAND) + u8::from(step > FIRST_LOW) + u8::from(step > SECOND_LOW)
}

/// Whether another table is due before `frames` frames are over: the difference between two is
/// heard in a click if one is kept too long.
fn crosses(cursor: &Cursor, frames: usize) -> bool {
    let way = cursor.change.wrapping_mul(frames as i64 / 4);
    bands_above(cursor.step) != bands_above(cursor.step.wrapping_add_signed(way))
}

fn interpolate<const TAPS: usize, const ROWS: usize>(
    rows: &Rows<TAPS, ROWS>,
    frames: &[i16],
    cursor: &mut Cursor,
    out: &mut [i32],
) {
    // The first tap stands TAPS/2 - 1 frames before the position.
    let before = ((TAPS / 2).saturating_sub(1) as u64) << 32;
    cursor.position = cursor.position.wrapping_sub(before);
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    super::simd::interpolate(rows, frames, cursor, out);
    #[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
    fir::interpolate(rows, frames, cursor, out);
    cursor.position = cursor.position.wrapping_add(before);
}

impl Seam {
    const NONE: Self = Self {
        kind: LoopKind::Forward,
        end: 0,
        length: 1,
        period: 1,
        leave: 0,
        frames: [0; SEAM],
    };

    fn new(padded: &[i16], wave_loop: Loop) -> Self {
        let (start, length) = (u64::from(wave_loop.start), u64::from(wave_loop.length));
        let end = start.saturating_add(length);
        // Long enough a loop is left behind the seam's first part, where what is read on both
        // sides lies inside the loop, both in the seam and one loop earlier in the wave.
        let (period, leave) = if length >= 3 * REACH {
            (length, REACH)
        } else {
            let times = (3 * REACH).div_ceil(length);
            let period = length.saturating_mul(times);
            (period, REACH.saturating_add(period))
        };
        let mut frames = [0; SEAM];
        let mut source = end.wrapping_sub(BEFORE).wrapping_add(GUARD as u64);
        let (first, last) = (start + GUARD as u64, end + GUARD as u64);
        for (n, slot) in frames.iter_mut().enumerate() {
            if n as u64 >= BEFORE && source >= last {
                source = first;
            }
            *slot = padded.get(source as usize).copied().unwrap_or(0);
            source = source.wrapping_add(1);
        }
        Self {
            kind: wave_loop.kind,
            end,
            length,
            period,
            leave,
            frames,
        }
    }
}

/// Frames that the widest interpolator reads on either side, and a half.
const REACH: u64 = 9;
/// Frames of the seam before the loop's end.
const BEFORE: u64 = 2 * REACH;
/// The longest repeated loop has less than six times `REACH` frames; one reach before its place
/// of return, one behind.
const SEAM: usize = (BEFORE + REACH + 6 * REACH + REACH) as usize;

/// Steps up to which each table is used. A cut-off is reached a little late, because the window
/// makes its slope.
const FULL_BAND: u64 = (126 << 32) / 100;
const FIRST_LOW: u64 = (168 << 32) / 100;
const SECOND_LOW: u64 = (240 << 32) / 100;

#[cfg(test)]
mod tests;
