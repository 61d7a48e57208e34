//! Filtering two voices and adding them to the mix bus, one voice in each half of a register.
//!
//! SSE2 multiplies unsigned numbers only, so 2^31 is added to all inputs x and outputs y, which
//! is taken off the sums again. With the equations of [`State::step`], the coefficients b, c and
//! a (each as it was at its frame), and
//!
//! ```text
//! I[n] = b (x[n] + 2^31)    P[n] = c (y[n] + 2^31)    Q[n] = a (y[n] + 2^31)
//! ```
//!
//! an output is the upper part of
//!
//! ```text
//! P[n-1] + (I[n] + I[n-1]) + (I[n-1] + I[n-2]) - Q[n-2] + constant
//! constant = 2^61 + 2^29 - 2^31 (c[n-1] + b[n] + 2 b[n-1] + b[n-2] - a[n-2])
//! ```
//!
//! in which every sum of two inputs serves two frames. Before the first frame there are no inputs:
//! P and the rest come from the state then, and go back to it. All sums wrap at 64 bits as those of
//! the portable code do, and so every bit is the same. The mix takes y + 2^31 as it is: that is
//! what [`Bus`](crate::synth::bus::Bus) expects.

use core::arch::x86_64::{
    __m128i, _mm_add_epi64, _mm_cvtsi128_si64, _mm_mul_epu32, _mm_set_epi64x, _mm_set1_epi64x,
    _mm_setzero_si128, _mm_slli_epi64, _mm_srli_epi64, _mm_sub_epi64, _mm_unpackhi_epi64,
};

use super::mix;
use crate::synth::bus::{Line, Twin};
use crate::synth::filter::{Coefficients, HALF_STEP, OUTPUT_SHIFT, Run, State};

/// Filters two runs of the bus's length and adds them to the bus. Their frames are used up. False
/// if it cannot, because a coefficient is negative; then nothing was done.
#[inline]
pub(in crate::synth) fn add_filtered(
    bus: &mut [Twin],
    runs: &mut [Run<'_>; 2],
    lines: [Line; 2],
) -> bool {
    let fit = fit(runs);
    if fit {
        let buses = [bus, &mut []];
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { add_filtered_sse2::<0>(buses, runs, [lines, [Line::default(); 2]]) };
    }
    fit
}

/// As [`add_filtered`], with a second bus of the same length, to whose first `SIDES` sides other lines lead.
#[inline]
pub(in crate::synth) fn add_filtered_and_send<const SIDES: usize>(
    buses: [&mut [Twin]; 2],
    runs: &mut [Run<'_>; 2],
    lines: [[Line; 2]; 2],
) -> bool {
    let fit = fit(runs);
    if fit {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { add_filtered_sse2::<SIDES>(buses, runs, lines) };
    }
    fit
}

/// Whether no coefficient is negative.
fn fit(runs: &[Run<'_>; 2]) -> bool {
    // What moves between two coefficients that are not negative is not negative.
    let fits = |c: &Coefficients| c.b0 | c.last | c.before >= 0;
    runs.iter()
        .all(|run| fits(&run.filter.now) && fits(&run.target))
}

#[target_feature(enable = "sse2")]
fn add_filtered_sse2<const SENDS: usize>(
    [bus, sends]: [&mut [Twin]; 2],
    [a, b]: &mut [Run<'_>; 2],
    [lines, sent]: [[Line; 2]; 2],
) {
    let slopes = [a.slope(), b.slope()];
    let mut c = Vector::of(&a.filter.now, &b.filter.now);
    let slope = Vector::of(&slopes[0], &slopes[1]);
    let start = _mm_set1_epi64x(START);
    let mut constant = _mm_sub_epi64(start, biases(c.sum()));
    let constant_slope = biases(slope.sum());
    // What the constant is off by in the first two frames after the coefficients have moved: what
    // the state of the first two frames of all is not, it is told beforehand.
    let late_first = biases(slope.b0);
    let late_second = biases(_mm_sub_epi64(slope.b0, slope.before));

    let states = [a.filter.state, b.filter.state];
    let (next, after) = (states.map(|s| s.next), states.map(|s| s.after));
    // P[n-1], I[n-1], Q[n-1], and the rest of the next sum.
    let mut one_back = _mm_add_epi64(both(next), start);
    let mut last = _mm_setzero_si128();
    let mut two_back = _mm_sub_epi64(late_second, _mm_add_epi64(both(after), c.bias_of_after()));
    let mut rest = _mm_sub_epi64(last, biases(c.b0));
    let mut gains = mix::Twins::of(lines);
    let mut send_gains = mix::Twins::of(sent);

    let (fours_a, _) = a.frames.as_chunks::<4>();
    let (fours_b, _) = b.frames.as_chunks::<4>();
    let (bus_fours, bus_rest) = bus.as_chunks_mut::<4>();
    let (send_fours, send_rest) = sends.as_chunks_mut::<4>();
    let mut send_fours = send_fours.iter_mut();
    let mut nowhere = [Twin::default(); 4];
    for ((slots, four_a), four_b) in bus_fours.iter_mut().zip(fours_a).zip(fours_b) {
        let send_slots = if SENDS > 0 { send_fours.next() } else { None };
        let [send_0, send_1, send_2, send_3] = send_slots.unwrap_or(&mut nowhere);
        let mut step = |slot: &mut Twin, send: &mut Twin, frame: __m128i, constant: __m128i| {
            let input = _mm_mul_epu32(frame, c.b0);
            let inputs = _mm_add_epi64(input, last);
            let sum = _mm_add_epi64(one_back, _mm_add_epi64(rest, inputs));
            let output = _mm_srli_epi64::<OUTPUT_SHIFT>(sum);
            one_back = _mm_mul_epu32(output, c.last);
            rest = _mm_sub_epi64(_mm_add_epi64(inputs, constant), two_back);
            two_back = _mm_mul_epu32(output, c.before);
            last = input;
            gains.add::<2>(slot, output);
            send_gains.add::<SENDS>(send, output);
        };
        // Not a loop: the compiler would keep its four frames in memory.
        let [slot_0, slot_1, slot_2, slot_3] = slots;
        let [frame_0, frame_1, frame_2, frame_3] = mix::spread(four_a, four_b);
        step(
            slot_0,
            send_0,
            frame_0,
            _mm_add_epi64(constant, late_second),
        );
        step(slot_1, send_1, frame_1, constant);
        step(slot_2, send_2, frame_2, constant);
        step(slot_3, send_3, frame_3, _mm_sub_epi64(constant, late_first));
        c.b0 = _mm_add_epi64(c.b0, slope.b0);
        c.last = _mm_add_epi64(c.last, slope.last);
        c.before = _mm_add_epi64(c.before, slope.before);
        constant = _mm_sub_epi64(constant, constant_slope);
    }
    let next = _mm_add_epi64(
        _mm_add_epi64(one_back, rest),
        _mm_add_epi64(last, biases(c.b0)),
    );
    let next = apart(_mm_sub_epi64(next, start));
    // The last frame's coefficients were the ones before.
    let bias = _mm_sub_epi64(c.bias_of_after(), late_second);
    let after = apart(_mm_sub_epi64(_mm_sub_epi64(last, two_back), bias));
    for (half, run) in [a, b].into_iter().enumerate() {
        run.filter.state = State {
            next: next[half],
            after: after[half],
        };
        let mut rests = [(&mut *bus_rest, lines[half]), (&mut *send_rest, sent[half])];
        finish(run, half, slopes[half], &mut rests);
    }
}

/// The at most three frames that are left.
#[inline]
fn finish(
    run: &mut Run<'_>,
    half: usize,
    slope: Coefficients,
    buses: &mut [(&mut [Twin], Line); 2],
) {
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
        for (bus, line) in buses {
            mix::add_half(bus, half, rest, line.after(4 * fours));
        }
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

    /// Of the weights of all that goes into an output.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn sum(self) -> __m128i {
        let inputs = _mm_slli_epi64::<2>(self.b0);
        _mm_add_epi64(inputs, _mm_sub_epi64(self.last, self.before))
    }

    /// What 2^31 adds to the state's second part.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn bias_of_after(self) -> __m128i {
        biases(_mm_sub_epi64(self.b0, self.before))
    }
}

/// 2^61 + 2^29.
const START: i64 = HALF_STEP + (1 << (OUTPUT_SHIFT + 31));

/// What 2^31 adds to a product with each coefficient.
#[inline]
#[target_feature(enable = "sse2")]
fn biases(coefficients: __m128i) -> __m128i {
    _mm_slli_epi64::<31>(coefficients)
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
    use crate::synth::bus::{self, Frame};
    use crate::synth::filter::{self, Filter, Resonance, Tuning};
    use std::vec::Vec;

    impl Line {
        fn of_left(self) -> Self {
            Self {
                gains: [self.gains[0], 0],
                steps: [self.steps[0], 0],
            }
        }
    }

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
                let mut line = || Line {
                    gains: [random() >> 3, random() >> 3],
                    steps: [random().cast_signed() >> 12, random().cast_signed() >> 12],
                };
                let lines = [[line(), line()], [line(), line()]];
                let sent = round % 2 == 0;
                let both = round % 4 == 0;
                let mut lines = lines;
                if !both {
                    lines[1] = lines[1].map(Line::of_left);
                }
                let length = length as usize;
                let mut fast = [[Twin::default(); 64]; 2];
                let mut slow = [[[Frame::default(); 64]; 2]; 2];
                let was = filters;
                let [a, b] = &mut filters;
                let [frames_a, frames_b] = &mut frames;
                let mut runs = [
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
                ];
                let [mix, sends] = fast.each_mut().map(|bus| &mut bus[..length]);
                let fitted = if sent && both {
                    add_filtered_and_send::<2>([mix, sends], &mut runs, lines)
                } else if sent {
                    add_filtered_and_send::<1>([mix, sends], &mut runs, lines)
                } else {
                    add_filtered(mix, &mut runs, lines[0])
                };
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
                    for (slow, lines) in slow.iter_mut().zip(lines).take(1 + usize::from(sent)) {
                        bus::add(&mut slow[n], &expected[n], lines[n]);
                    }
                }
                for (fast, slow) in fast.iter().zip(slow) {
                    for (half, slow) in slow.into_iter().enumerate() {
                        let fast = fast.map(|Twin(sides)| Frame(sides.map(|parts| parts[half])));
                        assert_eq!(fast, slow, "round {round}");
                    }
                }
                assert_eq!(filters, others, "round {round}");
            }
        }
        assert!(done > 6000, "{done}");
    }
}
