//! What is written to pins and read from them: headers, frames, packing, waiting, and lies.

use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini_ks::buffer::{EventBuffer, Run, RunBuffer, events, runs};
use dmusmini_ks::format::WaveDataFormat;
use dmusmini_ks::guids::{
    KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI, KSDATAFORMAT_SUBTYPE_PCM,
};
use dmusmini_ks::pin::{State, flow};
use dmusmini_ks::stream::StreamHeader;
use dmusmini_ks::zerocopy::{FromBytes, IntoBytes};
use dmusmini_simulator::portcls::ks::{CANCELLED, INVALID_BUFFER_SIZE};
use dmusmini_simulator::session::{Binary, Client, ReadStream, UserMemory};

use crate::client::{KsPin, Machine, header_of};

crate::scenarios!(
    a_song_comes_back_as_it_was_written,
    long_messages_come_in_pieces,
    reads_wait_and_are_taken_back,
    headers_that_lie_are_refused,
    programs_of_32_bits_have_their_own_header,
    a_wave_pin_is_read,
);

/// A UART with its DirectMusic or legacy pins open and running: output and input.
fn pins(machine: &Machine, sub_format: dmusmini_ks::Guid) -> (KsPin, KsPin) {
    let [output, input] = [flow::IN, flow::OUT].map(|flow| {
        let pin = machine.filter.find(flow, sub_format);
        let pin = machine.filter.open_music(pin, sub_format);
        pin.go(State::Run);
        pin
    });
    (output, input)
}

/// All messages that a DirectMusic pin has, with their times.
fn read_events(machine: &Machine, input: &KsPin, room: u32) -> Vec<(i64, Vec<u8>)> {
    let frame = machine.user(&vec![0; usize::try_from(room).unwrap()]);
    let mut all = Vec::new();
    while let ReadStream::Done(reply) = input.read(frame, room) {
        let header = header_of(&reply);
        let base = header.reference_time().unwrap();
        let bytes = machine.peek(frame, header.data_used);
        for event in events(&bytes) {
            let event = event.unwrap();
            assert_eq!(event.group, 1);
            all.push((base + event.delta, event.message.to_vec()));
        }
    }
    input.0.reset();
    all
}

/// The cable leads back to the device.
fn a_song_comes_back_as_it_was_written(binary: &Binary) {
    let machine = Machine::uart(binary);
    let (output, input) = pins(&machine, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let start = machine.session.master_time() + 200_000;
    let mut written = Vec::new();
    for bar in 0..20_i64 {
        let mut buffer = EventBuffer::new();
        for beat in 0..4_u8 {
            let message = match beat {
                0 => vec![0xC0 | beat, 7],
                1 => vec![0xE1, beat, 64],
                2 => vec![0xF0, 0x7E, 0x7F, 9, 1, 0xF7],
                _ => vec![0x93, 40 + u8::try_from(bar).unwrap(), 100],
            };
            let delta = i64::from(beat) * 100_000;
            buffer.message(delta, 1, &message);
            written.push((start + bar * 500_000 + delta, message));
        }
        let time = start + bar * 500_000;
        let reply = output.write(&machine, Some(time), buffer.bytes());
        assert_eq!(reply.status, Status::SUCCESS);
        assert_eq!(reply.information, buffer.bytes().len());
    }
    machine.session.machine().advance(20_000_000);
    // What left the device comes in at its other end.
    let sent = machine.device.take_sent();
    let chip = machine.device.chip().unwrap();
    let bytes: Vec<u8> = sent.iter().map(|flown| flown.byte).collect();
    let expected: Vec<u8> = written.iter().flat_map(|(_, m)| m.clone()).collect();
    assert_eq!(bytes, expected);
    chip.borrow_mut()
        .play(machine.session.machine().now(), bytes);
    machine.session.machine().advance(20_000_000);
    let read = read_events(&machine, &input, 200);
    let messages: Vec<_> = read.iter().map(|(_, message)| message.clone()).collect();
    let expected: Vec<_> = written.iter().map(|(_, message)| message.clone()).collect();
    assert_eq!(messages, expected);
    assert!(read.is_sorted_by_key(|(time, _)| *time));
}

fn long_messages_come_in_pieces(binary: &Binary) {
    let machine = Machine::uart(binary);
    let (output, input) = pins(&machine, KSDATAFORMAT_SUBTYPE_MIDI);
    let mut long = vec![0xF0];
    long.extend((0..3000).map(|i| u8::try_from(i % 128).unwrap()));
    long.push(0xF7);
    // A program may cut a message where it likes: a run is a piece of the wire.
    for midi in long.chunks(700) {
        let mut buffer = RunBuffer::new();
        buffer.push(Run { delta: 0, midi });
        let reply = output.write(&machine, None, buffer.bytes());
        assert_eq!(reply.status, Status::SUCCESS);
    }
    machine.session.machine().advance(15_000_000);
    let sent: Vec<u8> = machine.device.take_sent().iter().map(|f| f.byte).collect();
    assert_eq!(sent, long);
    let chip = machine.device.chip().unwrap();
    chip.borrow_mut()
        .play(machine.session.machine().now(), sent);
    machine.session.machine().advance(15_000_000);
    let frame = machine.user(&[0; 512]);
    let mut back: Vec<u8> = Vec::new();
    let mut frames = 0;
    while let ReadStream::Done(reply) = input.read(frame, 512) {
        let bytes = machine.peek(frame, header_of(&reply).data_used);
        for run in runs(&bytes) {
            back.extend(run.unwrap().midi);
        }
        frames += 1;
    }
    assert_eq!(back, long);
    assert_eq!(frames, long.len().div_ceil(512 - 8));
    input.0.reset();
}

fn reads_wait_and_are_taken_back(binary: &Binary) {
    let machine = Machine::uart(binary);
    let (output, input) = pins(&machine, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let frame = machine.user(&[0; 64]);
    let [first, second, third, fourth] = [(); 4].map(|()| input.wait(frame, 64));
    assert!(input.0.cancel_read(second));
    assert!(!input.0.cancel_read(second));
    let chip = machine.device.chip().unwrap();
    let now = machine.session.machine().now();
    chip.borrow_mut().play(now, [0x90, 1, 2]);
    machine.session.machine().advance(100_000);
    let outcome = |input: &KsPin| -> Vec<_> {
        let completed = input.0.take_completed_reads();
        completed.iter().map(|(id, r)| (*id, r.status)).collect()
    };
    let done = outcome(&input);
    assert_eq!(done, [(second, CANCELLED), (first, Status::SUCCESS)]);
    // A pin that stops has nothing to wait for, and takes no reads.
    input.go(State::Stop);
    let done = outcome(&input);
    assert_eq!(done, [(third, CANCELLED), (fourth, CANCELLED)]);
    let ReadStream::Done(refused) = input.read(frame, 64) else {
        panic!("a stopped pin makes nobody wait");
    };
    assert_eq!(refused.status, Status::INVALID_DEVICE_STATE);
    output.go(State::Stop);
    let refused = output.write(&machine, None, EventBuffer::new().bytes());
    assert_eq!(refused.status, Status::INVALID_DEVICE_STATE);
    // Memory that went away while its read waited fails that read and nothing else.
    input.go(State::Run);
    let doomed = input.wait(frame, 64);
    machine.free(frame);
    chip.borrow_mut()
        .play(machine.session.machine().now(), [0xC0, 9]);
    machine.session.machine().advance(100_000);
    assert_eq!(outcome(&input), [(doomed, Status::ACCESS_VIOLATION)]);
}

fn headers_that_lie_are_refused(binary: &Binary) {
    let machine = Machine::uart(binary);
    let (output, input) = pins(&machine, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let mut buffer = EventBuffer::new();
    buffer.message(0, 1, &[0x90, 1, 2]);
    let data = machine.user(buffer.bytes());
    let good = StreamHeader::write(data, 24, None);
    let write = |bytes: &[u8]| {
        let reply = output.0.write_stream(bytes, &UserMemory, Client::USER);
        reply.status
    };
    assert_eq!(write(&[]), INVALID_BUFFER_SIZE);
    assert_eq!(write(&good.as_bytes()[..55]), INVALID_BUFFER_SIZE);
    for size in [0, 8, 48, 60, 64, u32::MAX] {
        let header = StreamHeader { size, ..good };
        assert_eq!(write(header.as_bytes()), INVALID_BUFFER_SIZE, "{size}");
    }
    let over = StreamHeader {
        data_used: 25,
        ..good
    };
    assert_eq!(write(over.as_bytes()), INVALID_BUFFER_SIZE);
    for data in [0, 8, 0x7FFF_FFFF_0000, u64::MAX - 3, 0xFFFF_8000_0000_0000] {
        let header = StreamHeader { data, ..good };
        assert_eq!(
            write(header.as_bytes()),
            Status::ACCESS_VIOLATION,
            "{data:#x}"
        );
    }
    // Nothing of a list plays when one of its frames is bad.
    let bad = StreamHeader { data: 8, ..good };
    let list = [good.as_bytes(), bad.as_bytes()].concat();
    assert_eq!(write(&list), Status::ACCESS_VIOLATION);
    machine.session.machine().advance(1_000_000);
    assert!(machine.device.take_sent().is_empty());
    // An event that promises more than its frame holds.
    let cut = StreamHeader {
        data_used: 22,
        ..good
    };
    assert_eq!(write(cut.as_bytes()), Status::INVALID_PARAMETER);
    // A list of two plays in order.
    let list = [good.as_bytes(), good.as_bytes()].concat();
    assert_eq!(write(&list), Status::SUCCESS);
    machine.session.machine().advance(1_000_000);
    assert_eq!(machine.device.take_sent().len(), 6);
    // Reads are looked at as closely.
    let read = |header: StreamHeader| {
        let memory = Rc::new(UserMemory);
        match input.0.read_stream(header.as_bytes(), memory, Client::USER) {
            ReadStream::Done(reply) => reply.status,
            ReadStream::Pending(_) => Status::PENDING,
        }
    };
    let frame = StreamHeader::read(data, 24);
    for (header, status) in [
        (StreamHeader { size: 40, ..frame }, INVALID_BUFFER_SIZE),
        (
            StreamHeader {
                data_used: 1,
                ..frame
            },
            INVALID_BUFFER_SIZE,
        ),
        (StreamHeader::read(data, 0), INVALID_BUFFER_SIZE),
        (StreamHeader::read(8, 24), Status::ACCESS_VIOLATION),
        (
            StreamHeader::read(u64::MAX - 3, 24),
            Status::ACCESS_VIOLATION,
        ),
    ] {
        assert_eq!(read(header), status, "{header:?}");
    }
    // Read-only memory is no place for what is read.
    let address = usize::try_from(data).unwrap();
    machine.session.machine().memory().protect_user(address);
    assert_eq!(read(frame), Status::ACCESS_VIOLATION);
    machine.free(data);
    // A pin goes one way only.
    assert_eq!(
        input.write(&machine, None, buffer.bytes()).status,
        Status::INVALID_DEVICE_REQUEST
    );
    let ReadStream::Done(wrong) = output.read(0, 24) else {
        panic!("an output is not read");
    };
    assert_eq!(wrong.status, Status::INVALID_DEVICE_REQUEST);
}

fn programs_of_32_bits_have_their_own_header(binary: &Binary) {
    let machine = Machine::uart(binary);
    let (output, input) = pins(&machine, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let mut buffer = EventBuffer::new();
    buffer.message(0, 1, &[0x90, 1, 2]);
    let data = machine
        .session
        .machine()
        .memory()
        .map_user_32(buffer.bytes());
    let whole = StreamHeader::write(u64::from(data), 24, None);
    let narrow = |header: &StreamHeader| {
        let mut bytes = header.as_bytes()[..48].to_vec();
        bytes[0] = 48;
        bytes[44..].copy_from_slice(&header.options.to_le_bytes());
        bytes
    };
    let client = Client::USER_32;
    let reply = output.0.write_stream(&narrow(&whole), &UserMemory, client);
    assert_eq!((reply.status, reply.information), (Status::SUCCESS, 24));
    // To a 64-bit program it is no header.
    let wide = output
        .0
        .write_stream(&narrow(&whole), &UserMemory, Client::USER);
    assert_eq!(wide.status, INVALID_BUFFER_SIZE);
    machine.session.machine().advance(1_000_000);
    assert_eq!(machine.device.take_sent().len(), 3);

    let chip = machine.device.chip().unwrap();
    chip.borrow_mut()
        .play(machine.session.machine().now(), [0xC0, 9]);
    machine.session.machine().advance(1_000_000);
    let frame = narrow(&StreamHeader::read(u64::from(data), 24));
    let ReadStream::Done(reply) = input.0.read_stream(&frame, Rc::new(UserMemory), client) else {
        panic!("there is something to read");
    };
    assert_eq!((reply.status, reply.information), (Status::SUCCESS, 48));
    assert_eq!(u32::read_from_bytes(&reply.output[36..40]), Ok(24));
    let bytes = machine.peek(u64::from(data), 24);
    assert_eq!(events(&bytes).next().unwrap().unwrap().message, [0xC0, 9]);
}

fn a_wave_pin_is_read(binary: &Binary) {
    let machine = Machine::synth(binary);
    let pin = machine.filter.find(flow::OUT, KSDATAFORMAT_SUBTYPE_PCM);
    let format = WaveDataFormat::pcm16(22_050, 1);
    let pin = machine.filter.create(pin, format.as_bytes()).unwrap();
    let frame = machine.user(&[0x55; 4410]);
    let read = |length| match pin.read(frame, length) {
        ReadStream::Done(reply) => reply,
        ReadStream::Pending(_) => panic!("a wave pin does not wait"),
    };
    assert_eq!(read(4410).status, Status::INVALID_DEVICE_STATE);
    pin.go(State::Run);
    let begun = machine.session.machine().now();
    // Times are those of the master clock, from the first read on.
    let start = machine.session.master_time();
    for place in 0..10 {
        let header = header_of(&read(4410));
        assert_eq!(header.data_used, 4410);
        let late = header.reference_time().unwrap() - start - place * 1_000_000;
        assert!(late.abs() <= 1000, "the loop is off by {late}");
        assert_eq!(machine.peek(frame, 4410), [0; 4410], "silence");
    }
    // Frames are read as fast as they are played, less what is ahead.
    let passed = machine.session.machine().now() - begun;
    assert!((9_500_000..=10_000_000).contains(&passed), "{passed}");
    // Half a frame is not read.
    assert_eq!(header_of(&read(101)).data_used, 100);
    // A new run is a new clock.
    pin.go(State::Stop);
    pin.go(State::Run);
    let again = machine.session.master_time();
    assert!(again > start);
    assert_eq!(header_of(&read(100)).reference_time(), Some(again));
    assert_eq!(pin.0.close(), 0);
}
