//! Windows MIDI Services: the queries that its KS transport makes, in its order (contract
//! section 1), and what it does with the pins that it finds.

use dmusmini::com::Status;
use dmusmini_ks::buffer::{Run, RunBuffer, runs};
use dmusmini_ks::format::DataFormat;
use dmusmini_ks::guids::{KSCATEGORY_AUDIO, KSDATAFORMAT_SUBTYPE_MIDI, KSDATAFORMAT_TYPE_MUSIC};
use dmusmini_ks::pin::{State, communication, flow};
use dmusmini_ks::property::{pin_item, topology_item};
use dmusmini_ks::zerocopy::IntoBytes;
use dmusmini_simulator::session::Binary;

use crate::client::{KsFilter, KsPin, Machine, header_of};

crate::scenarios!(
    the_mpu_401_plays_and_records,
    the_synthesizer_is_found_and_opened,
);

/// What the service keeps of a pin.
struct Endpoint {
    name: Option<String>,
    /// IN: the filter receives, so this is a MIDI output.
    is_output: bool,
    pin: KsPin,
}

/// Finds the MIDI pins of a filter and opens them all.
fn endpoints(filter: &KsFilter) -> Vec<Endpoint> {
    let categories = filter.topology::<dmusmini_ks::Guid>(topology_item::CATEGORIES);
    assert!(categories.contains(&KSCATEGORY_AUDIO));
    let mut endpoints = Vec::new();
    for pin in 0..filter.pin_count() {
        if filter.pin_word(pin, pin_item::COMMUNICATION) == communication::NONE {
            continue;
        }
        let is_midi = filter.ranges(pin).iter().any(|range| {
            range.common().major_format == KSDATAFORMAT_TYPE_MUSIC
                && range.common().sub_format == KSDATAFORMAT_SUBTYPE_MIDI
        });
        if !is_midi {
            continue;
        }
        let is_output = filter.pin_word(pin, pin_item::DATA_FLOW) == flow::IN;
        let name = filter.of_pin(pin, pin_item::NAME).ok().map(|bytes| {
            let (units, _) = bytes.as_chunks();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
            String::from_utf16(&units[..units.len() - 1]).unwrap()
        });
        let format = DataFormat::music(KSDATAFORMAT_SUBTYPE_MIDI);
        let pin = filter.create(pin, format.as_bytes()).unwrap();
        endpoints.push(Endpoint {
            name,
            is_output,
            pin,
        });
    }
    endpoints
}

fn the_mpu_401_plays_and_records(binary: &Binary) {
    let machine = Machine::uart(binary);
    let endpoints = endpoints(&machine.filter);
    let [output, input] = endpoints.as_slice() else {
        panic!("one MIDI output and one input");
    };
    assert!(output.is_output && !input.is_output);
    assert_eq!(output.name, None, "the registry has no name here");
    output.pin.go(State::Run);
    input.pin.go(State::Run);

    // Two frames wait for what comes in.
    let frames = [machine.user(&[0; 64]), machine.user(&[0; 64])];
    let waiting = frames.map(|frame| input.pin.wait(frame, 64));

    // Messages go out one by one, without a time.
    let messages: [&[u8]; 3] = [&[0x90, 60, 100], &[0xC1, 5], &[0x80, 60, 0]];
    for midi in messages {
        let mut buffer = RunBuffer::new();
        buffer.push(Run { delta: 0, midi });
        let reply = output.pin.write(&machine, None, buffer.bytes());
        assert_eq!(
            (reply.status, reply.information),
            (Status::SUCCESS, buffer.bytes().len())
        );
        machine.session.machine().advance(100_000);
    }
    let sent: Vec<u8> = machine.device.take_sent().iter().map(|f| f.byte).collect();
    assert_eq!(sent, messages.concat());

    // A keyboard plays two notes, a second apart.
    let chip = machine.device.chip().unwrap();
    for note in [60, 62] {
        let now = machine.session.machine().now();
        chip.borrow_mut().play(now, [0x90, note, 90]);
        machine.session.machine().advance(10_000_000);
    }
    let completed = input.pin.0.take_completed_reads();
    let ids: Vec<_> = completed.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, waiting);
    let headers: Vec<_> = completed
        .iter()
        .map(|(_, reply)| header_of(reply))
        .collect();
    for (header, note) in headers.iter().zip([60, 62]) {
        let bytes = machine.peek(header.data, header.data_used);
        let runs: Vec<_> = runs(&bytes).collect::<Result<_, _>>().unwrap();
        let midi = &[0x90, note, 90][..];
        assert_eq!(runs, [Run { delta: 0, midi }]);
    }
    let times: Vec<_> = headers
        .iter()
        .map(|h| h.reference_time().unwrap())
        .collect();
    let apart = times[1] - times[0];
    assert!((apart - 10_000_000).abs() < 20_000, "{apart}");
    for endpoint in &endpoints {
        endpoint.pin.go(State::Stop);
    }
}

fn the_synthesizer_is_found_and_opened(binary: &Binary) {
    let machine = Machine::synth(binary);
    machine
        .session
        .settings()
        .media_categories
        .borrow_mut()
        .insert(
            dmusmini::portcls::guids::DMUSMINI_PIN_MIDI,
            "dmusmini MIDI".to_owned(),
        );
    let endpoints = endpoints(&machine.filter);
    let [output] = endpoints.as_slice() else {
        panic!("one MIDI output");
    };
    assert!(output.is_output);
    assert_eq!(output.name.as_deref(), Some("dmusmini MIDI"));
    output.pin.go(State::Run);
    for note in 60..70 {
        let mut buffer = RunBuffer::new();
        let midi = &[0x90, note, 100];
        buffer.push(Run { delta: 0, midi });
        let reply = output.pin.write(&machine, None, buffer.bytes());
        assert_eq!(reply.status, Status::SUCCESS);
        machine.session.machine().advance(100_000);
    }
    // Nobody pulls the wave pin, so that nothing is heard; and nothing is lost on the way.
    assert_eq!(output.pin.0.render_stats().delivered, 10);
    assert_eq!(output.pin.0.render_stats().refused, 0);
    output.pin.go(State::Stop);
}
