//! The registry values of inf section 7, as far as the synthesizer shows them.

use dmusmini::portcls::guids::KSPROPSETID_SYNTH;
use dmusmini::portcls::synth_abi::synth_property;
use dmusmini::trace::{Event, recorder};
use dmusmini_simulator::session::{Binary, Hardware, Property, Value};

use crate::rig::{DIRECT_MUSIC, Synth, ask, get, words};

crate::scenarios!(
    values_reach_the_synthesizer,
    values_out_of_range_are_moved_into_it,
    values_of_another_type_are_ignored,
);

/// Voices, rate and effects that a client without wishes gets, and its download memory.
fn seen(synth: &Synth) -> [u32; 4] {
    let midi = synth.open(DIRECT_MUSIC);
    let request = Property::get(KSPROPSETID_SYNTH, synth_property::PORT_PARAMETERS, 28);
    let params = words(&ask(&midi, request.with_instance(&[0; 28])).ok().unwrap());
    let stats = words(&get(&midi, synth_property::RUNNING_STATS, 28).ok().unwrap());
    [params[1], params[4], params[5], stats[5]]
}

fn values_reach_the_synthesizer(binary: &Binary) {
    assert_eq!(seen(&Synth::boot(binary)), [256, 44_100, 0, 64 << 20]);
    let hardware = Hardware::synth()
        .with_dword("Voices", 17)
        .with_dword("SampleRate", 32_000)
        .with_dword("Effects", 2)
        .with_dword("Interpolation", 0)
        .with_dword("DownloadQuotaMiB", 5);
    assert_eq!(
        seen(&Synth::boot_with(binary, &hardware)),
        [17, 32_000, 2, 5 << 20]
    );
}

fn values_out_of_range_are_moved_into_it(binary: &Binary) {
    let hardware = Hardware::synth()
        .with_dword("Voices", 0)
        .with_dword("SampleRate", 43_999)
        .with_dword("Effects", 4)
        .with_dword("DownloadQuotaMiB", 0)
        .with_dword("EventQueue", u32::MAX);
    let (found, events) = recorder::record(|| seen(&Synth::boot_with(binary, &hardware)));
    assert_eq!(found, [1, 44_100, 3, 1 << 20]);
    if *binary == Binary::Native {
        let clamped: Vec<_> = events
            .iter()
            .filter_map(|event| match *event {
                Event::SettingClamped {
                    setting,
                    found,
                    used,
                } => Some((setting, found, used)),
                _ => None,
            })
            .collect();
        assert_eq!(
            clamped,
            [
                (0, 43_999, 44_100),
                (1, 0, 1),
                (3, 4, 3),
                (4, 0, 1),
                (5, u32::MAX, 1_048_576)
            ]
        );
    }
}

fn values_of_another_type_are_ignored(binary: &Binary) {
    let hardware = Hardware::synth()
        .with_value("Voices", Value::string("17"))
        .with_value("SampleRate", Value::binary(&[0, 125, 0, 0]))
        .with_value("DownloadQuotaMiB", Value::binary(&[1]));
    assert_eq!(
        seen(&Synth::boot_with(binary, &hardware)),
        [256, 44_100, 0, 64 << 20]
    );
}
