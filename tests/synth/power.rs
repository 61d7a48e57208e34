//! Power (contract section 15): a song survives the device's sleep.

use dmusmini::com::Status;
use dmusmini::portcls::abi::PowerState;
use dmusmini::portcls::synth_abi::synth_property;
use dmusmini_simulator::session::{Binary, WaveOptions};

use crate::rig::{Synth, bytes, get, set, square_bank, unload};

crate::scenarios!(
    downloads_and_parameters_survive_sleep,
    notes_that_play_after_sleep_have_their_controllers,
    capabilities_stay_the_bus,
);

fn downloads_and_parameters_survive_sleep(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    let handles = synth.download_bank(&midi, &square_bank());
    assert_eq!(
        set(&midi, synth_property::CHANNEL_GROUPS, &bytes(&[3])),
        Status::SUCCESS
    );
    assert_eq!(
        set(&midi, synth_property::VOLUME, &bytes(&[300])),
        Status::SUCCESS
    );
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut sound = Vec::new();
    for _ in 0..3 {
        sink.pull(4410, &mut sound);
        assert!(synth.device.set_power(PowerState::D3).is_success());
        synth.session.machine().advance(5_000_000);
        assert!(synth.device.set_power(PowerState::D0).is_success());
    }
    sink.pull(4410, &mut sound);
    assert_eq!(
        get(&midi, synth_property::CHANNEL_GROUPS, 4).as_u32(),
        Some(3)
    );
    assert_eq!(get(&midi, synth_property::VOLUME, 4).as_u32(), Some(300));
    for handle in handles {
        assert_eq!(unload(&midi, handle), Status::SUCCESS);
    }
}

fn notes_that_play_after_sleep_have_their_controllers(binary: &Binary) {
    // The same song twice, once with a sleep between its controllers and its note.
    let loudness = |sleep: bool| {
        let synth = Synth::boot(binary);
        let (midi, wave) = synth.open_pair();
        synth.download_bank(&midi, &square_bank());
        midi.run().unwrap();
        let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
        let mut sound = Vec::new();
        let now = synth.session.master_time();
        midi.send(now + 100_000, 1, &[0xB0, 7, 30]);
        midi.send(now + 100_000, 1, &[0xB0, 10, 0]);
        sink.pull(8820, &mut sound);
        if sleep {
            assert!(synth.device.set_power(PowerState::D3).is_success());
            assert!(synth.device.set_power(PowerState::D0).is_success());
        }
        sound.clear();
        midi.send(synth.session.master_time() + 600_000, 1, &[0x90, 60, 127]);
        sink.pull(22_050, &mut sound);
        let peak = |side: usize| {
            sound
                .iter()
                .skip(side)
                .step_by(2)
                .map(|s| s.unsigned_abs())
                .max()
        };
        (peak(0).unwrap(), peak(1).unwrap())
    };
    let awake = loudness(false);
    assert!(
        awake.0 > 100 && awake.0 > awake.1 * 2,
        "quiet, and on the left: {awake:?}"
    );
    assert_eq!(loudness(true), awake);
}

/// `DEVICE_CAPABILITIES` is what the bus filled in.
fn capabilities_stay_the_bus(binary: &Binary) {
    let synth = Synth::boot(binary);
    let by_bus: Vec<u8> = (0..64).collect();
    let answer = synth.device.query_capabilities(&by_bus);
    assert_eq!(answer, Ok(by_bus));
}
