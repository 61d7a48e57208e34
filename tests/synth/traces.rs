//! The ETW provider as a trace session sees it, and that its events decode to what was emitted.

use dmusmini::com::Status;
use dmusmini::trace::event::MAX_FIELDS;
use dmusmini::trace::{Event, PROVIDER, PROVIDER_NAME, recorder};
use dmusmini_simulator::portcls::format::guid_bytes;
use dmusmini_simulator::session::Binary;

use crate::rig::{DIRECT_MUSIC, Synth, items_of, square_bank};

crate::scenarios!(events_tell_what_happened);

/// What TraceLogging consumers do: the fields behind the two metadata blocks.
pub(crate) fn decode(written: &dmusmini_simulator::etw::Written) -> Option<Event> {
    assert_eq!(written.provider, guid_bytes(&PROVIDER));
    assert_eq!(written.descriptor[3], 11, "the channel of TraceLogging");
    let traits = &written.data[0];
    assert_eq!(
        usize::from(u16::from_le_bytes([traits[0], traits[1]])),
        traits.len()
    );
    assert_eq!(&traits[2..traits.len() - 1], PROVIDER_NAME.as_bytes());
    let schema = &written.data[1];
    assert_eq!(
        usize::from(u16::from_le_bytes([schema[0], schema[1]])),
        schema.len()
    );
    let mut bits = [0; MAX_FIELDS];
    for (bits, field) in bits.iter_mut().zip(&written.data[2..]) {
        *bits = u32::from_le_bytes(field.as_slice().try_into().unwrap());
    }
    let code = u16::from_le_bytes([written.descriptor[0], written.descriptor[1]]);
    let event = Event::decode(code, bits)?;
    assert_eq!(schema, event.schema());
    Some(event)
}

/// A short session: what its driver wrote.
fn session(binary: &Binary) -> Vec<Event> {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let bytes = &items_of(&square_bank())[0].bytes;
    synth.download(&midi, bytes).unwrap();
    assert_eq!(
        synth.download(&midi, &bytes[..20]),
        Err(Status::INVALID_PARAMETER)
    );
    drop(midi);
    let written = synth.session.machine().etw().written();
    written.iter().filter_map(decode).collect()
}

fn is_expected(events: &[Event]) {
    let kinds: Vec<&str> = events.iter().map(|event| event.name()).collect();
    assert_eq!(
        kinds,
        [
            "DriverStarted",
            "StreamOpened",
            "DownloadInstalled",
            "DownloadRejected",
            "DownloadFailed",
            "StreamClosed",
        ]
    );
    assert_eq!(events[1], Event::StreamOpened { pin: 1 });
    let status = Status::INVALID_PARAMETER;
    assert_eq!(events[4], Event::DownloadFailed { status, size: 20 });
}

/// The image's events are read from ETW. Natively other tests of this process share the provider's
/// handle, so the recorder of this thread stands for it.
fn events_tell_what_happened(binary: &Binary) {
    if *binary == Binary::Native {
        let (_, events) = recorder::record(|| session(binary));
        assert_eq!(events.last(), Some(&Event::DriverStopped));
        is_expected(&events[..events.len() - 1]);
    } else {
        is_expected(&session(binary));
    }
}
