//! Interpolator rows: for each phase between two frames the weights of the frames around it.
//!
//! A row of `TAPS` weights at phase `f` in 0..1 belongs to the frames from `TAPS/2 - 1` before the
//! integer position to `TAPS/2` after it. Weights are **negated** Q15: -32,768 is a whole, which
//! +32,768 could not be in 16 bits, and so the row of phase 0 is an exact copy. Every row adds up
//! to exactly -32,768 (a constant wave stays exactly constant), and the magnitudes of a row add up
//! to less than two wholes, so a sum of products with any 16-bit frames fits 32 bits.
#![forbid(unsafe_code)]

use super::series;

/// The rows of one interpolator; aligned for whole-register loads.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct Rows<const TAPS: usize, const ROWS: usize>(pub [[i16; TAPS]; ROWS]);

/// Two points: a straight line.
pub static LINEAR: Rows<2, FINE> = linear();
/// Four points: the cubic through all of them (Lagrange).
pub static CUBIC: Rows<4, FINE> = cubic();
/// Eight points of a sinc under a Kaiser window with beta 7.
pub static SINC8: Rows<8, FINE> = sinc(1.0, 7.0);
/// Sixteen points of a sinc under a Kaiser window with beta 8.
pub static SINC16: Rows<16, FINE> = sinc(1.0, 8.0);
/// As [`SINC16`] with the cut-offs of [`LOW_CUTOFFS`], for waves that are played faster than the
/// output rate and would alias.
pub static SINC16_LOW: [Rows<16, COARSE>; 3] = [
    sinc(LOW_CUTOFFS[0], 8.0),
    sinc(LOW_CUTOFFS[1], 8.0),
    sinc(LOW_CUTOFFS[2], 8.0),
];
/// Cut-offs as parts of the wave's own half rate.
pub const LOW_CUTOFFS: [f64; 3] = [0.75, 0.55, 0.38];

/// Phases of the main tables: a phase error of 1/8,192 frame keeps 10 kHz 79 dB clean.
const FINE: usize = 4096;
/// Phases of the low cut-offs, which carry less treble.
const COARSE: usize = 1024;

const fn linear() -> Rows<2, FINE> {
    let mut rows = [[0; 2]; FINE];
    let mut r = 0;
    while r < FINE {
        let weight = (r * (32_768 / FINE)) as i32;
        rows[r] = [(weight - 32_768) as i16, -weight as i16];
        r += 1;
    }
    Rows(rows)
}

const fn cubic() -> Rows<4, FINE> {
    let mut rows = [[0; 4]; FINE];
    let mut r = 0;
    while r <= FINE / 2 {
        let x = r as f64 / FINE as f64;
        let weights = [
            -x * (x - 1.0) * (x - 2.0) / 6.0,
            (x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0,
            -(x + 1.0) * x * (x - 2.0) / 2.0,
            (x + 1.0) * x * (x - 1.0) / 6.0,
        ];
        with_mirror(&mut rows, r, negated_q15(weights));
        r += 1;
    }
    Rows(rows)
}

const fn sinc<const TAPS: usize, const ROWS: usize>(cutoff: f64, beta: f64) -> Rows<TAPS, ROWS> {
    let half = TAPS / 2;
    let prototype = prototype::<ROWS>(half, cutoff, beta);
    let mut rows = [[0; TAPS]; ROWS];
    let mut r = 0;
    while r <= ROWS / 2 {
        // Tap k stands at frame k - (half - 1), so its distance from the phase is
        // k - (half - 1) - r/ROWS.
        let mut weights = [0.0; TAPS];
        let (mut sum, mut k) = (0.0, 0);
        while k < TAPS {
            weights[k] = if k < half {
                prototype[half - 1 - k][r]
            } else if r > 0 {
                prototype[k - half][ROWS - r]
            } else if k + 1 < TAPS {
                prototype[k + 1 - half][0]
            } else {
                0.0
            };
            sum += weights[k];
            k += 1;
        }
        let scale = 1.0 / sum;
        k = 0;
        while k < TAPS {
            weights[k] *= scale;
            k += 1;
        }
        with_mirror(&mut rows, r, negated_q15(weights));
        r += 1;
    }
    Rows(rows)
}

/// Writes row `r`, and backwards the one that is as far from the next frame.
const fn with_mirror<const TAPS: usize, const ROWS: usize>(
    rows: &mut [[i16; TAPS]; ROWS],
    r: usize,
    row: [i16; TAPS],
) {
    rows[r] = row;
    let mut k = 0;
    while r > 0 && r < ROWS - r && k < TAPS {
        rows[ROWS - r][TAPS - 1 - k] = row[k];
        k += 1;
    }
}

/// The right half of a windowed sinc, `ROWS` points a frame; it reaches 0 behind the last.
const fn prototype<const ROWS: usize>(half: usize, cutoff: f64, beta: f64) -> [[f64; ROWS]; 8] {
    let window = Window::new(half, beta);
    let mut points = [[0.0; ROWS]; 8];
    // sin and cos of pi * cutoff * x go on by one rotation a point: thousands of power series
    // would make every build wait.
    let angle = series::PI * cutoff / ROWS as f64;
    let (step_sin, step_cos) = (series::sin(angle), series::sin(series::PI / 2.0 - angle));
    let (mut sin, mut cos) = (0.0, 1.0);
    let mut whole = 0;
    while whole < half {
        let mut r = 0;
        while r < ROWS {
            let x = whole as f64 + r as f64 / ROWS as f64;
            points[whole][r] = if whole == 0 && r == 0 {
                cutoff * window.at(0.0)
            } else if r == 0 && cutoff >= 1.0 {
                0.0
            } else {
                sin / (series::PI * x) * window.at(x)
            };
            (sin, cos) = (
                sin * step_cos + cos * step_sin,
                cos * step_cos - sin * step_sin,
            );
            r += 1;
        }
        whole += 1;
    }
    points
}

/// A Kaiser window (not normalised), exact at `KNOTS` points a frame and cubic between them.
struct Window {
    knots: [f64; 8 * KNOTS + 4],
}

impl Window {
    const fn new(half: usize, beta: f64) -> Self {
        let mut knots = [0.0; 8 * KNOTS + 4];
        let mut i = 0;
        while i < knots.len() {
            // Knot 0 lies one before the middle, the last two behind the end.
            let u = (i as f64 - 1.0) / (KNOTS * half) as f64;
            knots[i] = series::bessel_i0_of_double_root(beta * beta / 4.0 * (1.0 - u * u));
            i += 1;
        }
        Self { knots }
    }

    const fn at(&self, x: f64) -> f64 {
        let position = x * KNOTS as f64;
        let i = position as usize;
        let f = position - i as f64;
        self.knots[i] * (f * (f - 1.0) * (f - 2.0) / -6.0)
            + self.knots[i + 1] * ((f + 1.0) * (f - 1.0) * (f - 2.0) / 2.0)
            + self.knots[i + 2] * ((f + 1.0) * f * (f - 2.0) / -2.0)
            + self.knots[i + 3] * ((f + 1.0) * f * (f - 1.0) / 6.0)
    }
}

const KNOTS: usize = 32;

/// Rounds so that the weights add up to exactly -32,768: the heaviest takes the rest.
const fn negated_q15<const TAPS: usize>(weights: [f64; TAPS]) -> [i16; TAPS] {
    let mut row = [0; TAPS];
    let (mut sum, mut heaviest, mut k) = (0, 0, 0);
    while k < TAPS {
        let scaled = -weights[k] * 32_768.0;
        let rounded = (if scaled < 0.0 {
            scaled - 0.5
        } else {
            scaled + 0.5
        }) as i32;
        row[k] = rounded as i16;
        sum += rounded;
        if row[k] < row[heaviest] {
            heaviest = k;
        }
        k += 1;
    }
    // Next to phase 0 it is full already; then its neighbour does.
    let rest = -32_768 - sum;
    if row[heaviest] as i32 + rest < -32_768 {
        heaviest += 1;
    }
    row[heaviest] = (row[heaviest] as i32 + rest) as i16;
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const TAPS: usize, const ROWS: usize>(rows: &Rows<TAPS, ROWS>) {
        for (r, row) in rows.0.iter().enumerate() {
            let sum: i32 = row.iter().map(|&w| i32::from(w)).sum();
            assert_eq!(sum, -32_768, "row {r} of {TAPS} taps");
            let weight: i32 = row.iter().map(|&w| i32::from(w).abs()).sum();
            assert!(weight < 65_536, "row {r} of {TAPS} taps weighs {weight}");
        }
    }

    #[test]
    fn rows_are_whole_and_cannot_overflow() {
        check(&LINEAR);
        check(&CUBIC);
        check(&SINC8);
        check(&SINC16);
        for rows in &SINC16_LOW {
            check(rows);
        }
    }

    #[test]
    fn phase_zero_copies() {
        assert_eq!(LINEAR.0[0], [-32_768, 0]);
        assert_eq!(CUBIC.0[0], [0, -32_768, 0, 0]);
        assert!(
            SINC8.0[0]
                .iter()
                .enumerate()
                .all(|(k, &w)| (w != 0) == (k == 3))
        );
        assert!(
            SINC16.0[0]
                .iter()
                .enumerate()
                .all(|(k, &w)| (w != 0) == (k == 7))
        );
    }

    #[test]
    fn rows_are_symmetric() {
        for r in 1..FINE {
            for k in 0..16 {
                let (a, b) = (SINC16.0[r][k], SINC16.0[FINE - r][15 - k]);
                assert!(
                    a == b || r == FINE / 2 && a.abs_diff(b) <= 1,
                    "row {r}, tap {k}"
                );
            }
        }
    }

    #[test]
    fn weights_are_the_windowed_sinc() {
        let kaiser = |u: f64| {
            let bessel = |x: f64| {
                (0..40)
                    .fold((0.0, 1.0), |(sum, term), k| {
                        (
                            sum + term,
                            term * x * x / 4.0 / f64::from((k + 1) * (k + 1)),
                        )
                    })
                    .0
            };
            bessel(8.0 * (1.0 - u * u).max(0.0).sqrt()) / bessel(8.0)
        };
        let mut worst: f64 = 0.0;
        for (r, row) in SINC16.0.iter().enumerate().skip(1) {
            let ideal: std::vec::Vec<f64> = (0..16)
                .map(|k| {
                    let x = f64::from(k) - 7.0 - r as f64 / FINE as f64;
                    let angle = core::f64::consts::PI * x;
                    angle.sin() / angle * kaiser(x / 8.0)
                })
                .collect();
            let sum: f64 = ideal.iter().sum();
            for (k, &weight) in row.iter().enumerate() {
                let error = f64::from(-i32::from(weight)) / 32_768.0 - ideal[k] / sum;
                worst = worst.max(error.abs() * 32_768.0);
            }
        }
        std::println!("sinc16: worst weight error {worst:.2} of the last place");
        assert!(worst < 8.0);
    }
}
