//! Columns of air. The harmonics speak one after another, and breath lies around them.

use crate::dsp::{Canvas, Noise, bell, decibels, exp, key_hz, pow};
use crate::wave::Wave;

/// How the harmonics of a wind instrument come and stay.
struct Wind<'a> {
    name: &'static str,
    rate: u32,
    /// Seconds before the loop, and of the loop.
    attack: f64,
    looped: f64,
    /// Time constant of the first harmonic, and what each further one adds.
    speak: (f64, f64),
    /// Half width of each harmonic in hertz, per harmonic: a wavering player.
    waver: f64,
    /// Breath: level in dB against the tone, centre and width in hertz.
    breath: (f64, f64, f64),
    gain: &'a dyn Fn(f64, f64) -> f64,
    rms: f64,
}

pub(super) fn brass(key: u8) -> Wave {
    blow(
        key,
        &Wind {
            name: "Brass",
            rate: 22_050,
            attack: 0.16,
            looped: 0.35,
            speak: (0.012, 0.004),
            waver: 0.25,
            breath: (-46.0, 1800.0, 900.0),
            gain: &|k, hz| {
                let horn = 0.45 + bell(hz - 750.0, 420.0) + 0.5 * bell(hz - 1500.0, 700.0);
                horn * pow(k, -0.35) * exp(-hz / 1900.0)
            },
            rms: 0.17,
        },
    )
}

pub(super) fn flute(key: u8) -> Wave {
    blow(
        key,
        &Wind {
            name: "Flute",
            rate: 22_050,
            attack: 0.14,
            looped: 0.42,
            speak: (0.03, 0.008),
            waver: 0.9,
            breath: (-30.0, 2400.0, 1300.0),
            gain: &|k, _| {
                [1.0, 0.52, 0.24, 0.09, 0.045, 0.02, 0.01]
                    .get(k as usize - 1)
                    .copied()
                    .unwrap_or(0.0)
            },
            rms: 0.22,
        },
    )
}

/// Half a clarinet, half an oboe: odd harmonics lead, a nasal formant stands over them.
pub(super) fn reed(key: u8) -> Wave {
    blow(
        key,
        &Wind {
            name: "Reed",
            rate: 22_050,
            attack: 0.1,
            looped: 0.35,
            speak: (0.015, 0.002),
            waver: 0.3,
            breath: (-44.0, 2500.0, 900.0),
            gain: &|k, hz| {
                let odd = if (k as u32) % 2 == 1 { 1.0 } else { 0.38 };
                odd * (0.5 + 1.1 * bell(hz - 1150.0, 380.0) + 0.35 * bell(hz - 2900.0, 600.0))
                    * pow(k, -0.8)
                    * exp(-hz / 3800.0)
            },
            rms: 0.17,
        },
    )
}

fn blow(key: u8, wind: &Wind<'_>) -> Wave {
    let mut canvas = Canvas::new(wind.rate, key_hz(key), wind.attack, wind.looped);
    let hz = canvas.hz();
    let mut noise = Noise::new(u64::from(key) ^ 0xB10);
    let mut power = 0.0;
    let mut k = 1.0;
    while k * hz < canvas.top() && k < 60.0 {
        let level = (wind.gain)(k, k * hz);
        let delay = wind.speak.0 + wind.speak.1 * (k - 1.0);
        canvas.band(k * hz, wind.waver * k, &mut noise, |at| {
            level * (1.0 - exp(-at / delay))
        });
        power += level * level;
        k += 1.0;
    }
    breathe(&mut canvas, wind, power.sqrt(), &mut noise);
    canvas.finish(format!("{} {key}", wind.name), wind.rms, 0.9)
}

/// Noise made of lines, so that it loops; a puff at the start is louder than what stays.
fn breathe(canvas: &mut Canvas, wind: &Wind<'_>, tone: f64, noise: &mut Noise) {
    let (level, centre, width) = wind.breath;
    let step = 1.0 / wind.looped;
    let count = (5.0 * width / step) as i64;
    let scale = tone * decibels(level) / (width * 1.77 / step).sqrt();
    for index in 0..count {
        let hz = centre + (index - count / 2) as f64 * step;
        let share = scale * bell(hz - centre, width);
        canvas.line(hz, noise.phase(), |at| {
            share * (1.0 + 3.0 * exp(-at / 0.035)) * (1.0 - exp(-at / 0.01))
        });
    }
}
