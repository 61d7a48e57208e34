//! Any bytes on a MIDI wire, through the parser and through capture, whole and in parts: nothing
//! panics, nothing is invented, and a buffer's size changes no message.
#![no_main]

use dmusmini::midi::parser::{Meaning, Parser};
use dmusmini::mpu401::capture::{Capture, Format};
use dmusmini::mpu401::receive::{Missing, Received};
use dmusmini::ring::ring;
use dmusmini::time::RefTime;
use libfuzzer_sys::fuzz_target;

/// What a capture stream delivers, parts joined.
fn deliver(bytes: &[u8], format: Format, part: usize) -> Vec<Vec<u8>> {
    let (mut producer, consumer) = ring(bytes.len()).unwrap();
    for (at, &byte) in (0..).map(|at| at * 3_200).zip(bytes) {
        let received = Received {
            byte,
            missing: Missing::Nothing,
            at: RefTime(at),
        };
        producer.push(received).unwrap();
    }
    let mut capture = Capture::try_new(consumer, format, part).unwrap();
    let mut messages = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    while let Some(message) = capture.front() {
        assert!(!message.bytes.is_empty() && message.bytes.len() <= part.max(8));
        if format == Format::Cooked && message.bytes[0] >= 0xF8 {
            messages.push(message.bytes.to_vec());
        } else {
            let mut whole = open.take().unwrap_or_default();
            whole.extend_from_slice(message.bytes);
            if message.incomplete {
                open = Some(whole);
            } else {
                messages.push(whole);
            }
        }
        capture.consume();
    }
    // What is left open is a SysEx without an end, or the raw stream.
    messages.extend(open);
    messages
}

fuzz_target!(|bytes: &[u8]| {
    let mut parser = Parser::new();
    for &byte in bytes {
        if let Meaning::Short(short) = parser.feed(byte, RefTime(0)).meaning {
            let (status, data) = short.as_bytes().split_first().unwrap();
            assert!(*status >= 0x80 && !matches!(status, 0xF0 | 0xF7));
            assert!(data.iter().all(|&data| data < 0x80));
        }
    }
    let raw: Vec<u8> = deliver(bytes, Format::Raw, 8).concat();
    assert_eq!(raw, bytes);
    // Parts differ in what a SysEx, F4 or F5 without an end has delivered, and in how much of an F4 or
    // F5 fits, and in nothing else.
    let complete = |part| -> Vec<Vec<u8>> {
        let mut messages = deliver(bytes, Format::Cooked, part);
        for message in &mut messages {
            if matches!(message[0], 0xF4 | 0xF5) {
                message.truncate(8);
            }
        }
        if parser.clone().interrupt() {
            messages.retain(|message| !matches!(message[0], 0xF0 | 0xF4 | 0xF5));
        }
        messages
    };
    let (small, large) = (complete(8), complete(240));
    if bytes.iter().any(|byte| matches!(byte, 0xF4 | 0xF5)) {
        // An F4 or F5 that fills its part is delivered at once, before the real-time bytes in it; one that
        // does not fill it waits for the next status byte, after them.
        let apart = |messages: Vec<Vec<u8>>| -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
            messages.into_iter().partition(|message| message[0] >= 0xF8)
        };
        assert_eq!(apart(small), apart(large));
    } else {
        assert_eq!(small, large);
    }
});
