//! The sample clock through the wave sink's interface, and the latency clock (contract sections 8
//! and 9).

use dmusmini::portcls::synth_abi::synth_property;
use dmusmini_simulator::session::{Binary, Format, WaveFormat, WaveOptions};

use crate::rig::{DIRECT_MUSIC, Synth, WAVE, get};

crate::scenarios!(
    frames_and_times_are_inverse_for_a_month,
    a_drifting_jittering_sink_is_followed,
    the_latency_clock_is_ahead_by_a_block,
    a_broken_master_clock_breaks_nothing,
    a_second_start_begins_anew,
);

const DAY: i64 = 24 * 3600;

fn frames_and_times_are_inverse_for_a_month(binary: &Binary) {
    for rate in [8_000, 11_025, 22_050, 44_100, 48_000] {
        let synth = Synth::boot(binary);
        // A master clock that counts from 1601 has large numbers.
        synth.session.set_master_offset(130_000_000_000_000_000);
        let wave = Format::Wave(WaveFormat::pcm16(rate, 2));
        let wave = synth.filter.open(WAVE, &wave).unwrap();
        let sink = wave.start_wave(WaveOptions::default()).unwrap();
        let start = sink.sample_to_ref_time(0).unwrap();
        for day in -30..=30 {
            for odd in [0, 1, 77, 4409] {
                let frame = day * DAY * i64::from(rate) + odd;
                let time = sink.sample_to_ref_time(frame).unwrap();
                assert_eq!(sink.ref_time_to_sample(time).unwrap(), frame);
                let back = sink.sample_to_ref_time(sink.ref_time_to_sample(time - 1).unwrap());
                let lost = time - 1 - back.unwrap();
                assert!((0..=10_000_000 / i64::from(rate)).contains(&lost), "{lost}");
            }
        }
        // One second is `rate` frames.
        assert_eq!(
            sink.sample_to_ref_time(i64::from(rate)).unwrap(),
            start + 10_000_000
        );
    }
}

fn a_drifting_jittering_sink_is_followed(binary: &Binary) {
    let mut worst = 0;
    for drift_ppm in [-200, 0, 200] {
        let synth = Synth::boot(binary);
        let wave = synth.open(WAVE);
        let options = WaveOptions {
            drift_ppm,
            jitter: 20_000,
            ..WaveOptions::default()
        };
        let mut sink = wave.start_wave(options).unwrap();
        let mut sound = Vec::new();
        sink.pull(5 * 44_100, &mut sound);
        for _ in 0..500 {
            sound.clear();
            sink.pull(882, &mut sound);
            let frame = sink.position();
            let error = sink.sample_to_ref_time(frame).unwrap() - sink.true_time_of(frame);
            worst = worst.max(error.abs());
        }
    }
    println!("worst error 5 s to 15 s after the start: {} us", worst / 10);
    assert!(worst < 10_000, "{worst} units");
}

/// Always greater than the master clock (contract section 8): by a block of 128 frames, which are
/// 2.9025 ms, or by what the sink has rendered ahead.
fn the_latency_clock_is_ahead_by_a_block(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    let latency = || {
        let value = get(&midi, synth_property::LATENCY_CLOCK, 8)
            .as_u64()
            .unwrap();
        i64::try_from(value).unwrap()
    };
    let block = 29_025;
    let is_a_block_ahead =
        |latency: i64| (block..block + 10).contains(&(latency - synth.session.master_time()));
    assert!(is_a_block_ahead(latency()));
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut sound = Vec::new();
    for _ in 0..50 {
        sink.pull(441, &mut sound);
        let (latency, now) = (latency(), synth.session.master_time());
        // 40 ms ahead at most, as the sink renders.
        let ahead = latency - now;
        assert!((block..600_000).contains(&ahead), "{ahead}");
    }
    // A sink that stops pulling falls behind; the clock does not.
    synth.session.machine().advance(10_000_000);
    assert!(is_a_block_ahead(latency()));
}

fn a_broken_master_clock_breaks_nothing(binary: &Binary) {
    let synth = Synth::boot(binary);
    synth.session.break_master_clock(true);
    let midi = synth.open(DIRECT_MUSIC);
    let wave = synth.open(WAVE);
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut sound = Vec::new();
    midi.send(0, 1, &[0x90, 60, 100]);
    sink.pull(44_100, &mut sound);
    synth.session.break_master_clock(false);
    sink.pull(44_100, &mut sound);
    assert_eq!(
        get(&midi, synth_property::LATENCY_CLOCK, 8).status,
        dmusmini::com::Status::SUCCESS
    );
}

fn a_second_start_begins_anew(binary: &Binary) {
    let synth = Synth::boot(binary);
    let wave = synth.open(WAVE);
    for _ in 0..3 {
        let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
        let now = synth.session.master_time();
        assert_eq!(sink.sample_to_ref_time(0).unwrap(), now);
        sink.pull(10_000, &mut Vec::new());
        assert!(sink.stop().is_success());
    }
}
