//! What the filter says of itself (contract section 5.7).

use dmusmini::com::Status;
use dmusmini::portcls::abi::{Communication, DataFlow};
use dmusmini::portcls::guids::*;
use dmusmini_simulator::session::{Binary, Format};

use crate::rig::{CD, MIDI, Synth, WAVE};

crate::scenarios!(
    pins_nodes_and_connections,
    modern_midi_clients_find_the_legacy_pin_first,
    data_intersections,
);

fn pins_nodes_and_connections(binary: &Binary) {
    let synth = Synth::boot(binary);
    let description = synth.filter.description();
    let pins: Vec<_> = description
        .pins
        .iter()
        .map(|pin| {
            let ranges: Vec<_> = pin
                .ranges
                .iter()
                .map(|range| range.head.sub_format)
                .collect();
            (
                pin.data_flow,
                pin.communication,
                ranges,
                pin.max_filter_instances,
            )
        })
        .collect();
    let (flow_in, flow_out) = (DataFlow::In, DataFlow::Out);
    assert_eq!(
        pins,
        [
            (
                flow_in,
                Communication::Sink,
                vec![KSDATAFORMAT_SUBTYPE_MIDI],
                4
            ),
            (
                flow_in,
                Communication::Sink,
                vec![KSDATAFORMAT_SUBTYPE_DIRECTMUSIC],
                4
            ),
            (
                flow_out,
                Communication::Both,
                vec![KSDATAFORMAT_SUBTYPE_PCM],
                4
            ),
        ]
    );
    assert_eq!(description.nodes.len(), 1);
}

fn modern_midi_clients_find_the_legacy_pin_first(binary: &Binary) {
    let synth = Synth::boot(binary);
    assert_eq!(
        synth
            .filter
            .pin_of(&KSDATAFORMAT_SUBTYPE_MIDI, DataFlow::In),
        Some(MIDI)
    );
    assert_eq!(*synth.filter.name(), "DMusic");
}

fn data_intersections(binary: &Binary) {
    let synth = Synth::boot(binary);
    let mut range = Format::Wave(CD).bytes()[..64].to_vec();
    range[..4].copy_from_slice(&88_u32.to_le_bytes());
    let audio = |channels: u32, bits: [u32; 2], rates: [u32; 2]| {
        let mut range = range.clone();
        for word in [channels, bits[0], bits[1], rates[0], rates[1]] {
            range.extend(word.to_le_bytes());
        }
        range.extend([0; 4]);
        range
    };
    let ask = |range: &[u8]| synth.filter.data_intersection(WAVE, range);
    // Anything: the synthesizer's own rate.
    let format = ask(&audio(2, [8, 32], [1, 200_000])).unwrap();
    assert_eq!(format, Format::Wave(CD).bytes());
    // What was agreed upon can be opened.
    let format = ask(&audio(1, [16, 16], [22_050, 22_050])).unwrap();
    drop(synth.filter.open(WAVE, &Format::Raw(format)).unwrap());
    for none in [
        audio(2, [24, 24], [44_100, 44_100]),
        audio(2, [16, 16], [96_000, 96_000]),
        audio(0, [16, 16], [44_100, 44_100]),
    ] {
        assert_eq!(ask(&none), Err(Status::NO_MATCH));
    }
    // MIDI pins leave it to the port.
    let midi = Format::Midi.bytes();
    assert_eq!(
        synth.filter.data_intersection(MIDI, &midi),
        Err(Status::NOT_IMPLEMENTED)
    );
}
