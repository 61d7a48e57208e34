//! Which partials a sound has.

use realfft::RealFftPlanner;

/// A partial may be this far from where it should be, in Hz.
const EXACT: f64 = 1.0;
/// What else is heard must be below this, in dB against the expected partials.
const QUIET: f64 = -40.0;
/// The main lobe of the window on each side, in bins of the unpadded transform.
const LOBE: f64 = 4.5;
/// The transform is this much longer than the sound: bins close enough to find a peak between.
const PADDING: usize = 16;

/// Checks that a sound has these partials and no other; what is wrong, if not.
pub fn check(samples: &[f64], rate: f64, expected: &[f64]) -> Result<(), String> {
    let length = (samples.len() * PADDING).next_power_of_two();
    let levels = spectrum(samples, length);
    let hz = rate / length as f64;
    let lobe = LOBE * rate / samples.len() as f64;
    let near = |bin: usize, partial: f64| (bin as f64 * hz - partial).abs() <= lobe;
    let mut weakest = f64::INFINITY;
    for partial in expected {
        let own = (1..levels.len() - 1).filter(|bin| near(*bin, *partial));
        let peak = own
            .max_by(|a, b| levels[*a].total_cmp(&levels[*b]))
            .ok_or_else(|| format!("{partial} Hz is not within the spectrum"))?;
        let found = (peak as f64 + between(&levels[peak - 1..=peak + 1])) * hz;
        if (found - partial).abs() > EXACT {
            return Err(format!("{found:.2} Hz instead of {partial} Hz"));
        }
        weakest = weakest.min(levels[peak]);
    }
    let loudest = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // A sixteenth of a bit of full scale is no sound.
    if weakest < -90.0 {
        return Err(format!("a partial is missing (loudest {loudest:.0} dB)"));
    }
    for (bin, level) in levels.iter().enumerate().skip(1) {
        let is_expected = expected.iter().any(|partial| near(bin, *partial));
        if !is_expected && level - weakest > QUIET {
            return Err(format!(
                "{:.1} Hz is there, {:.0} dB against what is expected",
                bin as f64 * hz,
                level - weakest
            ));
        }
    }
    Ok(())
}

/// Levels in dB against a full-scale sine.
fn spectrum(samples: &[f64], length: usize) -> Vec<f64> {
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(length);
    let (mut input, mut output) = (fft.make_input_vec(), fft.make_output_vec());
    let mut sum = 0.0;
    for (index, (slot, sample)) in input.iter_mut().zip(samples).enumerate() {
        let weight = window(index as f64 / samples.len() as f64);
        *slot = sample * weight;
        sum += weight;
    }
    fft.process(&mut input, &mut output).unwrap();
    let level = |value: &realfft::num_complex::Complex<f64>| {
        20.0 * (2.0 * value.norm() / sum).max(1e-12).log10()
    };
    output.iter().map(level).collect()
}

/// Blackman and Harris, four terms: side lobes at -92 dB.
fn window(at: f64) -> f64 {
    let cosine = |n: f64| (std::f64::consts::TAU * n * at).cos();
    0.35875 - 0.48829 * cosine(1.0) + 0.14128 * cosine(2.0) - 0.01168 * cosine(3.0)
}

/// Where the top of a parabola through three levels lies, from the middle one.
fn between(levels: &[f64]) -> f64 {
    let (left, middle, right) = (levels[0], levels[1], levels[2]);
    0.5 * (left - right) / (left - 2.0 * middle + right)
}

#[test]
fn partials_are_told_apart() {
    const RATE: f64 = 44_100.0;
    let sound = |partials: &[(f64, f64)]| -> Vec<f64> {
        let at = |n: usize, hz: f64| (std::f64::consts::TAU * hz * n as f64 / RATE).sin();
        (0..12_348)
            .map(|n| partials.iter().map(|(hz, level)| level * at(n, *hz)).sum())
            .collect()
    };
    let one = [(441.0, 0.1)];
    assert_eq!(check(&sound(&one), RATE, &[441.0]), Ok(()));
    assert_eq!(check(&sound(&[(441.9, 0.1)]), RATE, &[441.0]), Ok(()));
    for (wrong, expected) in [
        (vec![(442.2, 0.1)], vec![441.0]),
        (vec![(882.0, 0.1)], vec![441.0]),
        (vec![(441.0, 0.1)], vec![441.0, 1323.0]),
        (vec![(441.0, 0.1), (1323.0, 0.1)], vec![441.0]),
        (vec![(441.0, 0.1), (460.0, 0.1)], vec![441.0]),
        (vec![(441.0, 0.1), (9000.0, 0.0012)], vec![441.0]),
        (vec![], vec![441.0]),
    ] {
        let found = check(&sound(&wrong), RATE, &expected);
        assert!(found.is_err(), "{wrong:?} for {expected:?}");
    }
    // Below -40 dB.
    let quiet = [(441.0, 0.1), (1323.0, 0.1), (9000.0, 0.0008)];
    assert_eq!(check(&sound(&quiet), RATE, &[441.0, 1323.0]), Ok(()));
}
