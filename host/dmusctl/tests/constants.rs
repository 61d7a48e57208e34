//! This program knows dmusmini's own property sets from a copy: it is built without the driver.

use dmusctl::player;
use dmusmini::{
    com::Guid,
    driver::uart::properties,
    portcls::{
        guids::DMUSMINI_PROPSETID_SYNTH,
        synth_abi::{lookup, own_property},
    },
};
use dmusmini_ks::{guids, synth, zerocopy::IntoBytes as _};

/// A GUID as it stands in memory.
fn bytes(guid: Guid) -> Vec<u8> {
    let mut bytes = guid.data1.to_le_bytes().to_vec();
    bytes.extend(guid.data2.to_le_bytes());
    bytes.extend(guid.data3.to_le_bytes());
    bytes.extend(guid.data4);
    bytes
}

#[test]
fn copies_are_the_drivers_own_property_sets() {
    assert_eq!(
        player::PROPSETID_UART.as_bytes(),
        bytes(properties::PROPSETID_UART)
    );
    assert_eq!(player::CUT_DUMPS, properties::CUT_DUMPS);
    assert_eq!(
        guids::DMUSMINI_PROPSETID_SYNTH.as_bytes(),
        bytes(DMUSMINI_PROPSETID_SYNTH)
    );
    assert_eq!(synth::own_item::SILENT_NOTES, own_property::SILENT_NOTES);
    assert_eq!(synth::own_item::LOOKUP, own_property::LOOKUP);
    assert_eq!(synth::lookup::EXACT, lookup::EXACT);
    assert_eq!(synth::lookup::FALLBACKS, lookup::FALLBACKS);
}
