use std::vec::Vec;

use super::*;

const MODES: [Interpolation; 4] = [
    Interpolation::Linear,
    Interpolation::FourPoint,
    Interpolation::Sinc8,
    Interpolation::Sinc16,
];
/// One frame of the wave for each of the output, Q32.
const ONE: u64 = 1 << 32;

/// Frames that are all different, loud ones and both extremes among them.
fn wave(frames: usize) -> Vec<i16> {
    let mut state = 5_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as u16).cast_signed()
    };
    let mut wave: Vec<i16> = (0..frames).map(|_| next()).collect();
    wave[0] = i16::MIN;
    wave[frames - 1] = i16::MAX;
    wave
}

fn padded(wave: &[i16]) -> Vec<i16> {
    let guard = [0; GUARD];
    [&guard, wave, &guard].concat()
}

fn forward(start: u32, length: u32) -> Loop {
    Loop {
        kind: LoopKind::Forward,
        start,
        length,
    }
}

/// What the endless wave is at a frame.
fn endless(wave: &[i16], looped: Option<Loop>, frame: u64) -> i64 {
    let index = match looped {
        Some(Loop { start, length, .. }) if frame >= u64::from(start) => {
            u64::from(start) + (frame - u64::from(start)) % u64::from(length)
        }
        _ => frame,
    };
    let frame = usize::try_from(index).ok().and_then(|n| wave.get(n));
    frame.copied().unwrap_or(0).into()
}

/// Runs in pieces of uneven lengths.
fn run(
    oscillator: &mut Oscillator,
    padded: &[i16],
    mode: Interpolation,
    frames: usize,
) -> Vec<i64> {
    let mut out = Vec::new();
    for length in [1, 128, 7, 64, 3, 100].into_iter().cycle() {
        let mut piece = std::vec![0; length.min(frames - out.len())];
        oscillator.run(padded, mode, &mut piece);
        out.extend(piece.into_iter().map(i64::from));
        if out.len() == frames {
            return out;
        }
    }
    out
}

/// Loops from one frame on, at the wave's start, inside and at its end.
fn loops() -> impl Iterator<Item = (usize, Loop)> {
    [1, 2, 3, 8, 9, 26, 27, 28, 53, 54, 55, 100]
        .into_iter()
        .flat_map(|length| {
            [(0, 0), (0, 40), (5, 0), (70, 0), (33, 50)].map(|(before, behind)| {
                let frames = before + length + behind;
                (frames as usize, forward(before, length))
            })
        })
}

/// On its own rate a wave is itself, whatever the loop: nothing is lost or doubled at its end.
#[test]
fn every_loop_goes_round_without_a_seam() {
    for (frames, looped) in loops() {
        let wave = wave(frames);
        let padded = padded(&wave);
        for mode in MODES {
            let mut oscillator = Oscillator::new(&padded, Some(looped));
            oscillator.cursor.step = ONE;
            for (n, found) in (0..).zip(run(&mut oscillator, &padded, mode, 1000)) {
                let right = endless(&wave, Some(looped), n);
                assert_eq!(found, -right << 15, "{looped:?}, {mode:?}, frame {n}");
            }
            assert!(!oscillator.has_ended());
        }
    }
}

/// Whole and quarter steps of any size, far beyond the loop's length among them.
#[test]
fn steps_larger_than_the_loop_land_where_they_should() {
    for (frames, looped) in loops() {
        let wave = wave(frames);
        let padded = padded(&wave);
        for quarters in [1, 3, 4, 5, 13, 35, 36, 151, 1024, 40_001] {
            let mut oscillator = Oscillator::new(&padded, Some(looped));
            oscillator.cursor.step = quarters * (ONE / 4);
            let heard = run(&mut oscillator, &padded, Interpolation::Linear, 600);
            for (n, found) in (0..).zip(heard) {
                let (frame, part) = (n * quarters / 4, (n * quarters % 4).cast_signed());
                let a = endless(&wave, Some(looped), frame);
                let b = endless(&wave, Some(looped), frame + 1);
                let right = -((4 - part) * a + part * b) << 13;
                assert_eq!(found, right, "{looped:?}, {quarters}/4, frame {n}");
            }
        }
    }
}

#[test]
fn without_a_loop_the_wave_ends() {
    let wave = wave(200);
    let padded = padded(&wave);
    for looped in [None, Some(forward(0, 0)), Some(forward(150, 51))] {
        let mut oscillator = Oscillator::new(&padded, looped);
        oscillator.cursor.step = ONE;
        let heard = run(&mut oscillator, &padded, Interpolation::Sinc16, 300);
        for (n, found) in (0..).zip(heard) {
            assert_eq!(found, -endless(&wave, None, n) << 15, "{looped:?}");
        }
        assert!(oscillator.has_ended(), "a loop outside of its wave is none");
    }
}

/// Released at any frame, in the loop's first round or a later one, the wave plays on from where
/// the loop is then to its end.
#[test]
fn a_loop_until_release_is_left_where_it_is() {
    for (frames, looped) in loops() {
        let kind = LoopKind::UntilRelease;
        let looped = Loop { kind, ..looped };
        let wave = wave(frames);
        let padded = padded(&wave);
        for held in [0, 1, 5, 40, 99, 107, 333] {
            let mut oscillator = Oscillator::new(&padded, Some(looped));
            oscillator.cursor.step = ONE;
            run(&mut oscillator, &padded, Interpolation::Sinc16, held);
            oscillator.release();
            let start = u64::from(looped.start);
            let (length, held) = (u64::from(looped.length), held as u64);
            let from = if held < start + length {
                held
            } else {
                start + (held - start) % length
            };
            let rest = run(&mut oscillator, &padded, Interpolation::Sinc16, 400);
            for (n, found) in (from..).zip(rest) {
                let right = -endless(&wave, None, n) << 15;
                assert_eq!(found, right, "{looped:?}, held {held}, frame {n}");
            }
            assert!(oscillator.has_ended());
        }
    }
}

#[test]
fn a_forward_loop_stays_after_release() {
    let wave = wave(100);
    let padded = padded(&wave);
    let looped = forward(20, 60);
    let mut oscillator = Oscillator::new(&padded, Some(looped));
    oscillator.cursor.step = ONE;
    run(&mut oscillator, &padded, Interpolation::Sinc16, 50);
    oscillator.release();
    let rest = run(&mut oscillator, &padded, Interpolation::Sinc16, 500);
    for (n, found) in (50..).zip(rest) {
        assert_eq!(found, -endless(&wave, Some(looped), n) << 15);
    }
}

/// A step that grows past a cut-off is read by the next table from there on, however long the run
/// is that it happens in.
#[test]
fn tables_are_changed_where_the_step_crosses_their_cut_off() {
    let wave = wave(4000);
    let padded = padded(&wave);
    for (from, change) in [(120, 1), (130, -1), (160, 3), (250, -2), (100, 9)] {
        let runs = [128, 4].map(|length| {
            let mut oscillator = Oscillator::new(&padded, None);
            oscillator.cursor.step = (from * ONE) / 100;
            oscillator.cursor.change = change * (1 << 32) / 100;
            let mut out = [0; 128];
            for piece in out.chunks_mut(length) {
                oscillator.run(&padded, Interpolation::Sinc16, piece);
            }
            (out, oscillator.cursor)
        });
        assert!(runs[0] == runs[1], "{from} {change}");
    }
}
