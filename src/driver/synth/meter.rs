//! What `KSPROPERTY_SYNTH_RUNNINGSTATS` answers (contract section 10). Pure, any IRQL.
#![forbid(unsafe_code)]

use crate::portcls::synth_abi::{SynthStats, stats};
use crate::synth::Stats;
use crate::time::{RefTime, SECOND};

/// Sums since the stream went to RUN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// Time spent rendering.
    busy: u64,
    frames: u64,
    /// Voices, summed over frames.
    voices: u64,
}

impl Meter {
    /// One block was rendered with so many voices.
    pub fn count_block(&mut self, frames: usize, voices: u32) {
        let frames = u64::try_from(frames).unwrap_or(0);
        self.frames = self.frames.saturating_add(frames);
        let voices = frames.saturating_mul(u64::from(voices));
        self.voices = self.voices.saturating_add(voices);
    }

    /// Rendering took so long.
    pub fn count_time(&mut self, time: RefTime) {
        self.busy = self.busy.saturating_add(u64::try_from(time.0).unwrap_or(0));
    }

    /// The statistics as the client reads them.
    #[must_use]
    pub fn report(&self, synth: &Stats, lost_notes: u32, rate: u32) -> SynthStats {
        // Busy over played time, of one processor.
        let played = u128::from(self.frames)
            .saturating_mul(u128::from(SECOND.unsigned_abs()))
            .checked_div(u128::from(rate))
            .unwrap_or(0);
        let total = hundredths_of_percent(u128::from(self.busy), played);
        let average = rounded(u128::from(self.voices), u128::from(self.frames));
        SynthStats {
            valid: stats::VOICES
                | stats::TOTAL_CPU
                | stats::CPU_PER_VOICE
                | stats::LOST_NOTES
                | stats::PEAK_VOLUME
                | stats::FREE_MEMORY,
            voices: average,
            total_cpu: total,
            cpu_per_voice: total.checked_div(average).unwrap_or(0),
            lost_notes,
            free_memory: u32::try_from(synth.free_memory).unwrap_or(u32::MAX),
            peak_volume: centibels(synth.peak),
        }
    }
}

/// What the headers mean by "percent * 100": 11 % is 1100.
fn hundredths_of_percent(part: u128, whole: u128) -> u32 {
    rounded(part.saturating_mul(100 * 100), whole)
}

fn rounded(part: u128, whole: u128) -> u32 {
    let sum = part.saturating_add(whole >> 1);
    u32::try_from(sum.checked_div(whole).unwrap_or(0)).unwrap_or(u32::MAX)
}

/// An amplitude of 0..=32,768 in 1/100 dB below full scale; silence is -96 dB.
#[must_use]
pub fn centibels(amplitude: u16) -> i32 {
    let Some(whole) = amplitude.checked_ilog2() else {
        return SILENCE;
    };
    // The fraction of the binary logarithm, bit by bit: squaring doubles the logarithm.
    let mut mantissa = u64::from(amplitude) << (31_u32.saturating_sub(whole));
    let mut fraction = 0_i64;
    for bit in (0..16).rev() {
        mantissa = mantissa.wrapping_mul(mantissa) >> 31;
        if mantissa >> 32 != 0 {
            mantissa >>= 1;
            fraction |= 1 << bit;
        }
    }
    let log2 = (i64::from(whole).wrapping_sub(15) << 16) | fraction;
    // 2000 * log10(2) = 602.06, in 16.16.
    let scaled = log2.wrapping_mul(39_456_604).wrapping_add(1 << 31) >> 32;
    i32::try_from(scaled).unwrap_or(SILENCE).max(SILENCE)
}

const SILENCE: i32 = -9600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "the oracle")]
    fn centibels_are_logarithms() {
        assert_eq!(centibels(0), SILENCE);
        assert_eq!(centibels(32_768), 0);
        for amplitude in 1..=u16::MAX {
            let exact = (2000.0 * (f64::from(amplitude) / 32_768.0).log10()).round() as i32;
            let ours = centibels(amplitude);
            assert!(
                (ours - exact).abs() <= 1,
                "{amplitude}: {ours}, exactly {exact}"
            );
        }
    }

    #[test]
    fn averages_and_percentages() {
        let mut meter = Meter::default();
        let idle = meter.report(&Stats::default(), 0, 44_100);
        assert_eq!((idle.voices, idle.total_cpu, idle.cpu_per_voice), (0, 0, 0));
        // One second with 4 voices for a quarter and 6 for the rest, of which 110 ms were work.
        for _ in 0..11_025 {
            meter.count_block(1, 4);
        }
        meter.count_block(33_075, 6);
        meter.count_time(RefTime(1_100_000));
        let synth = Stats {
            peak: 16_384,
            free_memory: 1 << 40,
            ..Stats::default()
        };
        let report = meter.report(&synth, 3, 44_100);
        assert_eq!(report.valid, 0x3F);
        assert_eq!(
            (report.voices, report.total_cpu, report.cpu_per_voice),
            (6, 1100, 183)
        );
        assert_eq!((report.lost_notes, report.free_memory), (3, u32::MAX));
        assert_eq!(report.peak_volume, -602);
    }
}
