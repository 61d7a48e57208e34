//! Levels and edges.

/// Subtracts the mean.
pub(crate) fn remove_dc(samples: &mut [f64]) {
    let mean = samples.iter().sum::<f64>() / samples.len().max(1) as f64;
    for sample in samples {
        *sample -= mean;
    }
}

/// Scales to a peak.
pub(crate) fn normalise_peak(samples: &mut [f64], peak: f64) {
    let scale = peak / largest(samples);
    for sample in samples {
        *sample *= scale;
    }
}

/// Scales so that the part from `from` on has the root-mean-square level `rms`, but no peak above `peak`.
pub(crate) fn normalise_rms(samples: &mut [f64], from: usize, rms: f64, peak: f64) {
    let part = &samples[from..];
    let level =
        (part.iter().map(|sample| sample * sample).sum::<f64>() / part.len().max(1) as f64).sqrt();
    let scale = (rms / level.max(1e-12)).min(peak / largest(samples));
    for sample in samples {
        *sample *= scale;
    }
}

/// Fades the last `count` samples to silence along a half cosine.
pub(crate) fn fade_out(samples: &mut [f64], count: usize) {
    let count = count.min(samples.len());
    let start = samples.len() - count;
    for (index, sample) in samples[start..].iter_mut().enumerate() {
        let along = (index + 1) as f64 / count as f64;
        *sample *= 0.5 + 0.5 * libm::cos(std::f64::consts::PI * along);
    }
}

fn largest(samples: &[f64]) -> f64 {
    samples
        .iter()
        .fold(1e-12, |peak, sample| sample.abs().max(peak))
}
