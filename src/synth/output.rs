//! From the mix bus to 16-bit samples: volume, boost, rounding, clipping.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "samples are clamped before they are cut down"
)]

use crate::fixed;

/// The finished mix's level on its way to where volume and boost put it, in a straight line: a level
/// that jumps is heard as a click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fader {
    now: Level,
    target: Level,
    /// Frames to go.
    left: u8,
}

impl Fader {
    /// At rest.
    pub(super) fn new(volume: i32, boost: i32) -> Self {
        let level = Level::new(volume, boost);
        Self {
            now: level,
            target: level,
            left: 0,
        }
    }

    /// Sets off.
    pub(super) fn move_to(&mut self, volume: i32, boost: i32) {
        self.target = Level::new(volume, boost);
        self.left = WAY;
    }

    /// Where it is, if it does not move.
    pub(super) fn rest(&self) -> Option<Level> {
        (self.left == 0).then_some(self.now)
    }

    /// The level of the next frame.
    pub(super) fn next(&mut self) -> Level {
        if self.left > 0 {
            let way = self.target.gain.wrapping_sub(self.now.gain);
            let step = way.checked_div(self.left.into()).unwrap_or(way);
            self.now.gain = self.now.gain.wrapping_add(step);
            self.left = self.left.saturating_sub(1);
        }
        self.now
    }
}

/// Frames that a level takes, as a voice's (`voice::gain::SMOOTHING`).
const WAY: u8 = 64;

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Q20.
    gain: i64,
}

impl Level {
    /// Of a volume and a boost in 1/100 dB.
    pub(super) fn new(volume: i32, boost: i32) -> Self {
        let hundredths = i64::from(volume).saturating_add(boost.into());
        let gain = fixed::amplitude((hundredths << 16) / 10);
        Self {
            gain: (gain >> 10).min(1 << 26) as i64,
        }
    }

    /// One sample of a sum in Q37.
    pub(super) fn sample(self, sum: i64) -> i16 {
        // Cut down to Q16 and to 30 dB above full scale, so that the product has room.
        let sum = (sum >> 21).clamp(-(1 << 36), 1 << 36);
        let rounded = sum.wrapping_mul(self.gain).wrapping_add(1 << 35) >> 36;
        rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }

    /// One sample for a single loudspeaker: a centred voice keeps its level.
    pub(super) fn mono_sample(self, [left, right]: [i64; 2]) -> i16 {
        // 1/sqrt(2) in Q16.
        let sum = (left >> 1).saturating_add(right >> 1);
        self.sample((sum >> 15).saturating_mul(46_341))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unity_is_exact_and_the_ends_clip() {
        let level = Level::new(0, 0);
        for sample in [i16::MIN, -1, 0, 1, 12_345, i16::MAX] {
            assert_eq!(level.sample(i64::from(sample) << 37), sample);
        }
        assert_eq!(level.sample(i64::MAX), i16::MAX);
        assert_eq!(level.sample(i64::MIN), i16::MIN);
        assert_eq!(Level::new(0, 600).sample(1000 << 37), 1995);
        assert_eq!(Level::new(-9600, -9600).sample(1000 << 37), 0);
    }

    #[test]
    fn a_fader_gets_there_and_stays() {
        let mut fader = Fader::new(0, 0);
        for (volume, gain) in [(-9600, 17), (2000, 10_485_760), (0, 1 << 20)] {
            let mut last = fader.next();
            fader.move_to(volume, 0);
            let way = (Level::new(volume, 0).gain - last.gain).abs();
            for _ in 0..WAY {
                let next = fader.next();
                assert!((next.gain - last.gain).abs() <= way / i64::from(WAY) + 1);
                last = next;
            }
            assert_eq!(last, Level::new(volume, 0));
            assert!((last.gain - gain).abs() <= 10, "{last:?}");
            assert_eq!(fader.next(), last);
        }
    }

    #[test]
    fn a_centred_voice_keeps_its_level_in_mono() {
        let side = (20_000_i64 << 37) / 1000 * 707;
        let sample = Level::new(0, 0).mono_sample([side, side]);
        assert!((19_990..=20_010).contains(&sample), "{sample}");
    }
}
