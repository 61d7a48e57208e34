//! Elementary functions as power series, for the compiler to evaluate.
#![forbid(unsafe_code)]

pub(super) const PI: f64 = core::f64::consts::PI;
pub(super) const LN_2: f64 = core::f64::consts::LN_2;
pub(super) const LN_10: f64 = core::f64::consts::LN_10;

/// e^x for |x| up to about 2.
pub(super) const fn exp(x: f64) -> f64 {
    let mut sum = 1.0;
    let mut term = 1.0;
    let mut n = 1.0;
    while n < 30.0 {
        term = term * x / n;
        sum += term;
        n += 1.0;
    }
    sum
}

/// The natural logarithm, x > 0.
pub(super) const fn ln(x: f64) -> f64 {
    // Bring x near 1, where the series of atanh converges quickly.
    let (mut x, mut halvings) = (x, 0.0);
    while x > 1.4 {
        x /= 2.0;
        halvings += 1.0;
    }
    while x < 0.7 {
        x *= 2.0;
        halvings -= 1.0;
    }
    let y = (x - 1.0) / (x + 1.0);
    let (mut sum, mut power, mut n) = (0.0, y, 1.0);
    while n < 40.0 {
        sum += power / n;
        power *= y * y;
        n += 2.0;
    }
    2.0 * sum + halvings * LN_2
}

/// The sine, |x| up to about pi.
pub(super) const fn sin(x: f64) -> f64 {
    let (mut sum, mut term, mut n) = (x, x, 2.0);
    while n < 30.0 {
        term = -term * x * x / (n * (n + 1.0));
        sum += term;
        n += 2.0;
    }
    sum
}

/// The modified Bessel function I0(2 sqrt(x)), which is the sum of x^k / k!^2; x up to about 16.
pub(super) const fn bessel_i0_of_double_root(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while k < 26.0 {
        term = term * x / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}
