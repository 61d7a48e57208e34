//! Filtering two voices and adding them to the mix bus, one voice in each half of a register.
//!
//! SSE2 multiplies unsigned numbers only, so 2^31 is added to all inputs x and outputs y; what
//! that adds to the state is known from the coefficients ([`Bias`]) and kept in it. With the
//! equations of [`State::step`] and u = y + 2^31, where b, c and a are the coefficients:
//!
//! ```text
//! input' = b (x + 2^31)              = input + 2^31 b
//! next'  = next + 2^61 + 2^29 - 2^31 b,   so that  u = (input' + next') >> 30
//! after' = after + 2^31 (b - a)
//! next'  = c u + after' + 2 input' + constant,
//!     constant = 2^61 + 2^29 - 2^31 (4 b + c - a)
//! ```
//!
//! All sums wrap at 64 bits as those of the portable code do, and so every bit is the same. The
//! mix takes u as it is: its bias is what [`Bus`](crate::synth::bus::Bus) expects.

use core::arch::x86_64::{
    __m128i, _mm_add_epi64, _mm_cvtsi128_si64, _mm_mul_epu32, _mm_set_epi64x, _mm_set1_epi32,
    _mm_set1_epi64x, _mm_setzero_si128, _mm_shuffle_epi32, _mm_slli_epi64, _mm_srli_epi64,
    _mm_sub_epi64, _mm_unpackhi_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi32, _mm_xor_si128,
};

use super::mix;
use crate::synth::bus::{Frame, Line};
use crate::synth::filter::{Coefficients, HALF_STEP, OUTPUT_SHIFT, Run, State};

/// Filters two runs of the bus's length and adds them to the bus. Their frames are used up. False
/// if it cannot, because a coefficient is negative; then nothing was done.
#[inline]
pub(in crate::synth) fn add_filtered(
    bus: &mut [Frame],
    runs: &mut [Run<'_>; 2],
    lines: [Line; 2],
) -> bool {
    // What moves between two coefficients that are not negative is not negative.
    let fits = |c: &Coefficients| c.b0 | c.last | c.before >= 0;
    let fit = runs
        .iter()
        .all(|run| fits(&run.filter.now) && fits(&run.target));
    if fit {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { add_filtered_sse2(bus, runs, lines) };
    }
    fit
}

#[target_feature(enable = "sse2")]
fn add_filtered_sse2(bus: &mut [Frame], [a, b]: &mut [Run<'_>; 2], [line_a, line_b]: [Line; 2]) {
    let (slope_a, slope_b) = (a.slope(), b.slope());
    let mut c = Vector::of(&a.filter.now, &b.filter.now);
    let slope = Vector::of(&slope_a, &slope_b);
    let start = _mm_set1_epi64x(START);
    let (bias, slope_bias) = (Bias::of(c), Bias::of(slope));
    let mut constant = _mm_add_epi64(bias.constant, start);
    // The next output's part that must wait for the last output, and the rest of it.
    let states = [a.filter.state, b.filter.state];
    let mut late = _mm_add_epi64(both(states.map(|state| state.next)), start);
    let mut early = bias.next;
    let mut after = _mm_add_epi64(both(states.map(|state| state.after)), bias.after);
    let (mut gain_a, mut gain_b) = (mix::gains(line_a), mix::gains(line_b));
    let (step_a, step_b) = (mix::steps(line_a), mix::steps(line_b));
    let sign = _mm_set1_epi32(i32::MIN);

    let (fours_a, _) = a.frames.as_chunks::<4>();
    let (fours_b, _) = b.frames.as_chunks::<4>();
    let (bus_fours, bus_rest) = bus.as_chunks_mut::<4>();
    for ((slots, four_a), four_b) in bus_fours.iter_mut().zip(fours_a).zip(fours_b) {
        let values_a = _mm_xor_si128(mix::load(four_a), sign);
        let values_b = _mm_xor_si128(mix::load(four_b), sign);
        let first = _mm_unpacklo_epi32(values_a, values_b);
        let second = _mm_unpackhi_epi32(values_a, values_b);
        let mut step = |slot: &mut Frame, frame: __m128i| {
            let input = _mm_mul_epu32(frame, c.b0);
            let sum = _mm_add_epi64(late, _mm_add_epi64(early, input));
            let output = _mm_srli_epi64::<OUTPUT_SHIFT>(sum);
            late = _mm_mul_epu32(output, c.last);
            early = _mm_add_epi64(_mm_add_epi64(after, constant), _mm_add_epi64(input, input));
            after = _mm_sub_epi64(input, _mm_mul_epu32(output, c.before));

            let from_a = _mm_mul_epu32(_mm_shuffle_epi32::<0x44>(output), gain_a);
            let from_b = _mm_mul_epu32(_mm_shuffle_epi32::<0xEE>(output), gain_b);
            mix::accumulate(slot, _mm_add_epi64(from_a, from_b));
            gain_a = _mm_add_epi64(gain_a, step_a);
            gain_b = _mm_add_epi64(gain_b, step_b);
        };
        // Not a loop: the compiler would keep its four frames in memory.
        let [slot_0, slot_1, slot_2, slot_3] = slots;
        step(slot_0, _mm_shuffle_epi32::<0x50>(first));
        step(slot_1, _mm_shuffle_epi32::<0xFA>(first));
        step(slot_2, _mm_shuffle_epi32::<0x50>(second));
        step(slot_3, _mm_shuffle_epi32::<0xFA>(second));
        c.b0 = _mm_add_epi64(c.b0, slope.b0);
        c.last = _mm_add_epi64(c.last, slope.last);
        c.before = _mm_add_epi64(c.before, slope.before);
        constant = _mm_add_epi64(constant, slope_bias.constant);
        early = _mm_add_epi64(early, slope_bias.next);
        after = _mm_add_epi64(after, slope_bias.after);
    }
    let bias = Bias::of(c);
    let next = _mm_sub_epi64(_mm_add_epi64(late, early), _mm_add_epi64(bias.next, start));
    let (next, after) = (apart(next), apart(_mm_sub_epi64(after, bias.after)));
    let state = |n: usize| State {
        next: next[n],
        after: after[n],
    };
    (a.filter.state, b.filter.state) = (state(0), state(1));
    finish(a, slope_a, bus_rest, line_a);
    finish(b, slope_b, bus_rest, line_b);
}

/// The at most three frames that are left.
#[inline]
fn finish(run: &mut Run<'_>, slope: Coefficients, bus: &mut [Frame], line: Line) {
    let fours = run.frames.len() / 4;
    if let Some(rest) = run.frames.get_mut(4 * fours..)
        && !rest.is_empty()
    {
        let mut c = run.filter.now;
        for _ in 0..fours {
            c.advance(&slope);
        }
        for frame in &mut *rest {
            *frame = run.filter.state.step(&c, *frame);
        }
        mix::add(bus, rest, line.after(4 * fours));
    }
    run.filter.now = run.target;
}

/// The coefficients of both voices, one in each half.
#[derive(Clone, Copy, Debug)]
struct Vector {
    b0: __m128i,
    last: __m128i,
    before: __m128i,
}

impl Vector {
    #[inline]
    #[target_feature(enable = "sse2")]
    fn of(a: &Coefficients, b: &Coefficients) -> Self {
        Self {
            b0: both([a.b0.into(), b.b0.into()]),
            last: both([a.last.into(), b.last.into()]),
            before: both([a.before.into(), b.before.into()]),
        }
    }
}

/// What the state has that the portable code's has not; but for [`START`], a sum of coefficients.
#[derive(Clone, Copy, Debug)]
struct Bias {
    next: __m128i,
    after: __m128i,
    constant: __m128i,
}

/// 2^61 + 2^29.
const START: i64 = HALF_STEP + (1 << (OUTPUT_SHIFT + 31));

impl Bias {
    #[inline]
    #[target_feature(enable = "sse2")]
    fn of(c: Vector) -> Self {
        let zero = _mm_setzero_si128();
        let sum = _mm_sub_epi64(c.before, _mm_add_epi64(_mm_slli_epi64::<2>(c.b0), c.last));
        Self {
            next: _mm_slli_epi64::<31>(_mm_sub_epi64(zero, c.b0)),
            after: _mm_slli_epi64::<31>(_mm_sub_epi64(c.b0, c.before)),
            constant: _mm_slli_epi64::<31>(sum),
        }
    }
}

#[inline]
#[target_feature(enable = "sse2")]
fn both([a, b]: [i64; 2]) -> __m128i {
    _mm_set_epi64x(b, a)
}

#[inline]
#[target_feature(enable = "sse2")]
fn apart(both: __m128i) -> [i64; 2] {
    [
        _mm_cvtsi128_si64(both),
        _mm_cvtsi128_si64(_mm_unpackhi_epi64(both, both)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::tests::noise;
    use super::*;
    use crate::synth::bus;
    use crate::synth::filter::{self, Filter, Resonance, Tuning};
    use std::vec::Vec;

    /// Cutoffs and resonances at random, and in their corners.
    fn coefficients(random: &mut impl FnMut() -> u32, rate: u32) -> Coefficients {
        let cents = match random() % 4 {
            0 => 0,
            1 => 20_000,
            _ => i64::from(5000 + random() % 7500),
        };
        let resonance = Resonance::new(i64::from(random() % 226) << 16);
        Tuning::new(rate).coefficients(cents << 16, resonance)
    }

    #[test]
    fn filters_as_the_portable_code_does() {
        let mut random = noise();
        let mut done = 0;
        for round in 0..3000 {
            let rate = [8_000, 22_050, 44_100, 96_000][round % 4];
            let mut filters = [(); 2].map(|()| Filter::new(coefficients(&mut random, rate)));
            let mut others = filters;
            // Several runs, so that what one leaves behind is compared as well. Some are so loud
            // that everything overflows.
            for _ in 0..4 {
                let length = if round % 3 == 0 { random() % 65 } else { 64 };
                let quiet = random() % 12;
                let mut frames = [(); 2].map(|()| -> Vec<i32> {
                    (0..length)
                        .map(|_| random().cast_signed() >> quiet)
                        .collect()
                });
                let mut expected = frames.clone();
                let targets = [(); 2].map(|()| coefficients(&mut random, rate));
                let lines = [(); 2].map(|()| Line {
                    gains: [random() >> 3, random() >> 3],
                    steps: [random().cast_signed() >> 12, random().cast_signed() >> 12],
                });
                let length = length as usize;
                let (mut fast, mut slow) = ([Frame::default(); 64], [Frame::default(); 64]);
                let was = filters;
                let [a, b] = &mut filters;
                let [frames_a, frames_b] = &mut frames;
                let fitted = add_filtered(
                    &mut fast[..length],
                    &mut [
                        Run {
                            filter: a,
                            frames: frames_a,
                            target: targets[0],
                        },
                        Run {
                            filter: b,
                            frames: frames_b,
                            target: targets[1],
                        },
                    ],
                    lines,
                );
                if !fitted {
                    assert!(rate < 32_000 && was == others && filters == others);
                    filters = [(); 2].map(|()| Filter::new(coefficients(&mut random, rate)));
                    others = filters;
                    continue;
                }
                done += 1;
                for n in [0, 1] {
                    filter::run(Run {
                        filter: &mut others[n],
                        frames: &mut expected[n],
                        target: targets[n],
                    });
                    bus::add(&mut slow, &expected[n], lines[n]);
                }
                assert_eq!(fast, slow, "round {round}");
                assert_eq!(filters, others, "round {round}");
            }
        }
        assert!(done > 6000, "{done}");
    }
}
