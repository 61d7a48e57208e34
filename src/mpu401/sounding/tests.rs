use super::*;
use crate::mpu401::spec::COMPACT_SILENCE_BYTES;
use std::vec::Vec;

const A: Lane = Lane::Legacy;
const B: Lane = Lane::DirectMusic;

/// A receiver after these bytes of one lane or the other.
fn after(parts: &[(Lane, &[u8])]) -> Sounding {
    let mut sounding = Sounding::new();
    for (lane, bytes) in parts {
        for &byte in *bytes {
            sounding.sent(byte, Some(*lane));
        }
    }
    assert_eq!(sounding.next_byte(), None);
    sounding
}

fn drain(sounding: &mut Sounding) -> Vec<u8> {
    core::iter::from_fn(|| {
        let byte = sounding.next_byte()?;
        sounding.sent(byte, None);
        sounding.byte_sent();
        Some(byte)
    })
    .collect()
}

/// What silences these lanes.
fn silence(sounding: &mut Sounding, lanes: &[Lane]) -> Vec<u8> {
    for &lane in lanes {
        sounding.silence(lane);
    }
    drain(sounding)
}

fn of_one(bytes: &[u8]) -> Vec<u8> {
    silence(&mut after(&[(A, bytes)]), &[A])
}

#[test]
fn what_is_silent_needs_no_silence() {
    assert_eq!(of_one(&[]), [0; 0]);
    assert_eq!(of_one(&[0x90, 60, 1, 0x80, 60, 0]), [0; 0]);
    assert_eq!(of_one(&[0x93, 60, 1, 61, 1, 60, 0, 61, 0]), [0; 0]);
    assert_eq!(of_one(&[0xB0, 64, 127, 64, 63, 66, 64, 66, 0]), [0; 0]);
    // No key, and no pedal that holds one.
    assert_eq!(of_one(&[0xC0, 5, 0xB0, 7, 127, 67, 127, 65, 127]), [0; 0]);
    // A note-on that was torn begins nothing.
    assert_eq!(of_one(&[0x90, 60]), [0; 0]);
}

#[test]
fn keys_go_up_then_pedals_then_each_channel_is_silenced_once() {
    assert_eq!(
        of_one(&[0x90, 60, 1, 62, 1, 60, 0]),
        [0x80, 62, 64, 0xB0, 120, 0, 0xB0, 123, 0]
    );
    let all = [
        0x82, 0, 64, 0x82, 127, 64, 0x85, 5, 64, // keys
        0xB2, 64, 0, 0xB3, 66, 0, 0xB3, 69, 0, // pedals
        0xB1, 120, 0, 0xB1, 123, 0, 0xB2, 120, 0, 0xB2, 123, 0, // channel 2 was used, too
        0xB3, 120, 0, 0xB3, 123, 0, 0xB5, 120, 0, 0xB5, 123, 0,
    ];
    let played = [
        0xB2, 64, 127, 0x92, 0, 1, 127, 9, 0x95, 5, 5, 0x91, 1, 1, 1, 0, 0xB3, 66, 64, 69, 127,
    ];
    let mut sounding = after(&[(A, &played)]);
    assert_eq!(silence(&mut sounding, &[A]), all);
    assert_eq!(silence(&mut sounding, &[A, B]), [0; 0], "once");
}

/// An instrument may ignore "all notes off" and "all sound off": a key is down until its note-off.
#[test]
fn only_a_note_off_ends_a_key() {
    for controller in 120..=127 {
        assert_eq!(
            of_one(&[0x91, 60, 1, 0xB1, controller, 0]),
            [0x81, 60, 64, 0xB1, 120, 0, 0xB1, 123, 0],
            "{controller}"
        );
    }
}

#[test]
fn a_lane_ends_its_own_keys_only() {
    let played: [(Lane, &[u8]); 5] = [
        (A, &[0x90, 60, 1, 61, 1]),
        (B, &[0x90, 61, 1, 62, 1]),
        (A, &[0x91, 1, 1, 0xB2, 64, 127, 0xB3, 66, 127]),
        (B, &[0xB2, 64, 127]),
        (B, &[0x94, 1, 1, 1, 0]),
    ];
    let mut sounding = after(&played);
    assert_eq!(
        silence(&mut sounding, &[A]),
        // Channels 1 and 3 are the other lane's too; on channel 4 it holds nothing.
        [
            0x80, 60, 64, 0x81, 1, 64, 0xB3, 66, 0, // its own
            0xB1, 120, 0, 0xB1, 123, 0, 0xB3, 120, 0, 0xB3, 123, 0
        ]
    );
    assert_eq!(
        silence(&mut sounding, &[B]),
        [
            0x80, 61, 64, 0x80, 62, 64, 0xB2, 64, 0, // what both held is the last one's
            0xB0, 120, 0, 0xB0, 123, 0, 0xB2, 120, 0, 0xB2, 123, 0, 0xB4, 120, 0, 0xB4, 123, 0
        ]
    );
    // What one lane releases is released for both.
    let mut sounding = after(&[
        (A, &[0x90, 60, 1, 0xB0, 64, 127]),
        (B, &[0x90, 60, 1, 60, 0, 0xB0, 64, 0]),
    ]);
    assert_eq!(silence(&mut sounding, &[A]), [0; 0]);
    // Both lanes at once need no regard for each other.
    let mut sounding = after(&played);
    let both = silence(&mut sounding, &[A, B]);
    assert_eq!(both.len(), 3 * (4 + 2 + 2 * 5));
}

/// The bar is 250 ms: 781 bytes, some of which the chip holds already.
#[test]
fn a_silence_has_a_bound_and_ends_everything_within_it() {
    const { assert!(SILENCE_BYTES * 320 + 65 * 320 < 220_000) };
    for keys in [1, 5, 7, 8, 64, 128] {
        let mut played = Vec::new();
        for channel in 0..16 {
            for controller in [64, 66, 69] {
                played.extend([0xB0 | channel, controller, 127]);
            }
            for key in 0..keys {
                played.extend([0x90 | channel, key, 1]);
            }
        }
        let sent = of_one(&played);
        let messages = whole(&sent);
        let plain = 3 * messages.len();
        assert!(plain <= SILENCE_BYTES as usize, "{keys}: {plain}");
        let most = if plain > PLAIN_SILENCE_BYTES as usize {
            COMPACT_SILENCE_BYTES as usize
        } else {
            plain
        };
        assert!(sent.len() <= most, "{keys}: {}", sent.len());
        let controllers = messages.iter().filter(|message| message[0] >= 0xB0);
        assert_eq!(controllers.count(), 16 * 5);
        let note_offs = messages.len() - 16 * 5;
        let all = 16 * usize::from(keys);
        let fits = (SILENCE_BYTES as usize - 240) / 3;
        assert_eq!(note_offs, all.min(fits), "{keys}");
        // What must not be left out goes first when something is.
        assert_eq!(messages[0][0] >= 0xB0, all > fits, "{keys}");
    }
}

/// The messages of a byte stream that may use running status.
fn whole(bytes: &[u8]) -> Vec<[u8; 3]> {
    let mut status = None;
    let mut data = Vec::new();
    let mut messages = Vec::new();
    for &byte in bytes {
        if byte >= 0x80 {
            assert_eq!(data, [0; 0], "torn");
            status = Some(byte);
        } else {
            data.push(byte);
        }
        if let &[first, second] = &data[..] {
            messages.push([status.unwrap(), first, second]);
            data.clear();
        }
    }
    assert_eq!(data, [0; 0], "torn");
    messages
}

/// A long silence leaves repeated statuses out, and begins with one whatever a lane sent before.
#[test]
fn a_long_silence_uses_running_status_and_a_short_one_does_not() {
    let press = |keys: u8| -> Vec<u8> { (0..keys).flat_map(|key| [0x90, key, 1]).collect() };
    // With the two controllers.
    let fits = u8::try_from(PLAIN_SILENCE_BYTES / 3).unwrap() - 2;
    let short = of_one(&press(fits));
    assert_eq!(short.len(), PLAIN_SILENCE_BYTES as usize);
    assert!(short.chunks(3).all(|message| message[0] >= 0x80));
    let long = of_one(&press(fits + 1));
    assert_eq!(long[..5], [0x80, 0, 64, 1, 64]);
    assert_eq!(long.len(), 1 + 2 * usize::from(fits + 1) + 5);
    assert!(long.ends_with(&[0xB0, 120, 0, 123, 0]));
    assert_eq!(whole(&long).len(), usize::from(fits + 1) + 2);
    let mut sounding = after(&[(A, &press(fits + 1))]);
    assert_eq!(silence(&mut sounding, &[A]), long);
    for key in [5, 6] {
        for byte in [0x90, key, 1] {
            sounding.sent(byte, Some(A));
        }
        let again = [0x80, key, 64, 0xB0, 120, 0, 0xB0, 123, 0];
        assert_eq!(silence(&mut sounding, &[A]), again, "with its status");
    }
}

#[test]
fn a_lane_that_stops_while_another_is_silenced_is_silenced_too() {
    let mut sounding = after(&[(A, &[0x90, 60, 1]), (B, &[0x91, 61, 1])]);
    sounding.silence(A);
    let first = sounding.next_byte().unwrap();
    sounding.sent(first, None);
    sounding.byte_sent();
    sounding.silence(A);
    sounding.silence(B);
    assert_eq!(
        drain(&mut sounding),
        [
            60, 64, 0x81, 61, 64, // the message that was begun, and the next
            0xB0, 120, 0, 0xB0, 123, 0, 0xB1, 120, 0, 0xB1, 123, 0
        ]
    );
}

#[test]
fn what_lost_its_power_is_silent() {
    let mut sounding = after(&[(A, &[0x90, 60, 1])]);
    sounding.silence(A);
    sounding.forget();
    assert_eq!(sounding.next_byte(), None);
    assert_eq!(silence(&mut sounding, &[A, B]), [0; 0]);
}
