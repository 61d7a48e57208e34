//! Real and broken files.

use dmusmini_song::{Event, SECOND, Song, write};
use proptest::prelude::*;

const HEADER: &[u8] = b"MThd\0\0\0\x06\0\0\0\x01\0\x60";

fn file(track: &[u8]) -> Vec<u8> {
    let length = u32::try_from(track.len()).unwrap().to_be_bytes();
    [HEADER, b"MTrk", &length, track].concat()
}

fn error(bytes: &[u8]) -> String {
    Song::from_bytes("x.mid", bytes).unwrap_err().to_string()
}

#[test]
fn a_small_song() {
    let track =
        b"\0\xFF\x51\x03\x0F\x42\x40\0\x90\x3C\x40\x60\x3C\0\0\xF0\x03\x7E\x7F\xF7\0\xFF\x2F\0";
    let song = Song::from_bytes("x.mid", &file(track)).unwrap();
    let seen: Vec<_> = song
        .events
        .iter()
        .map(|event| (event.at, event.message.as_slice()))
        .collect();
    assert_eq!(
        seen,
        [
            (0, &[0x90, 0x3C, 0x40][..]),
            (SECOND, &[0x90, 0x3C, 0]),
            (SECOND, &[0xF0, 0x7E, 0x7F, 0xF7]),
        ]
    );
    assert_eq!(
        (song.length, song.tempos.as_slice()),
        (SECOND, &[(0, 1_000_000)][..])
    );
}

#[test]
fn every_fault_names_its_place() {
    for (bytes, place, cause) in [
        (&b""[..], "0x0", "MThd"),
        (b"hello, world, this is text", "0x0", "MThd"),
        (
            b"RIFF\x04\0\0\0RMID",
            "0x0",
            "RIFF MIDI file without a \"data\" chunk",
        ),
        (
            b"RIFF\x0C\0\0\0RMIDdata\0\0\0\0",
            "0x14",
            "not a Standard MIDI File",
        ),
        (b"RIFF\0\0\0\0sfbk", "0x0", "not a Standard MIDI File"),
        (b"MThd\0\0\0\x06\0\x02\0\x01\0\x60", "0x8", "format 2"),
        (b"MThd\0\0\0\x06\0\x03\0\x01\0\x60", "0x8", "unknown format"),
        (
            b"MThd\0\0\0\x06\0\x01\0\x02\0\x60",
            "0xa",
            "promises 2 tracks, the file has 0",
        ),
        (&rest(b"MThd\0\0\0\x06\0\0\0\x01\0\0"), "0xc", "zero ticks"),
        (
            &rest(b"MThd\0\0\0\x06\0\0\0\x01\xE8\0"),
            "0xc",
            "zero ticks",
        ),
        (
            &rest(b"MThd\0\0\0\x06\0\0\0\x01\x80\x28"),
            "0xc",
            "frame rate",
        ),
        (b"MThd\0\0\0\x02\0\0", "0x4", "six bytes"),
        (&file(b"\0\x3C\x40"), "0x16", "status byte is due"),
        (
            &file(b"\0\x90\x3C\x40\0\xF2\0\0"),
            "0x1a",
            "cannot stand in a file",
        ),
        (
            &file(b"\xFF\xFF\xFF\xFF\x90\x3C\x40"),
            "0x16",
            "longer than four",
        ),
    ] {
        let message = error(bytes);
        assert!(message.starts_with("x.mid: byte "), "{message}");
        assert!(
            message.contains(&format!("byte {place}:")),
            "{message}: not at {place}"
        );
        assert!(message.contains(cause), "{message}: not {cause:?}");
    }
    let missing = Song::open("/nowhere/at/all.mid").unwrap_err().to_string();
    assert!(
        missing.contains("/nowhere/at/all.mid") && missing.contains("No such file"),
        "{missing}"
    );
}

/// A header and an empty track.
fn rest(header: &[u8]) -> Vec<u8> {
    [header, b"MTrk\0\0\0\x04\0\xFF\x2F\0"].concat()
}

#[test]
fn tracks_are_merged_in_order() {
    let track = |body: &[u8]| {
        [
            b"MTrk",
            &u32::try_from(body.len()).unwrap().to_be_bytes()[..],
            body,
        ]
        .concat()
    };
    let bytes = [
        &b"MThd\0\0\0\x06\0\x01\0\x02\0\x60"[..],
        &track(b"\0\xFF\x03\x04Song\0\x90\x3C\x40\x60\x3C\0\0\xFF\x2F\0"),
        b"XFIH\0\0\0\x02ab",
        &track(b"\0\x91\x40\x40\x30\x40\0\0\xFF\x2F\0"),
    ]
    .concat();
    let song = Song::from_bytes("x.mid", &bytes).unwrap();
    let order: Vec<u8> = song.events.iter().map(|event| event.message[0]).collect();
    assert_eq!(order, [0x90, 0x91, 0x91, 0x90]);
    assert_eq!(
        (song.title.as_deref(), song.format, song.tracks),
        (Some("Song"), 1, 2)
    );
}

proptest! {
    #[test]
    fn no_file_hurts(bytes: Vec<u8>, track: Vec<u8>) {
        let _ = Song::from_bytes("x.mid", &bytes);
        let _ = Song::from_bytes("x.mid", &file(&track));
    }

    #[test]
    fn what_is_written_reads_back(messages in prop::collection::vec((0..2_000_000_i64, message()), 0..50)) {
        let mut at = 0;
        let events: Vec<Event> = messages.into_iter().map(|(gap, message)| {
            at += gap;
            Event { at, message }
        }).collect();
        let mut bytes = Vec::new();
        write(&events, Some("title"), &mut bytes).unwrap();
        let song = Song::from_bytes("x.mid", &bytes).unwrap();
        prop_assert_eq!(song.title.as_deref(), Some("title"));
        prop_assert_eq!(song.events.len(), events.len());
        for (read, written) in song.events.iter().zip(&events) {
            prop_assert_eq!(&read.message, &written.message);
            prop_assert!((read.at - written.at).abs() <= 200, "{} against {}", read.at, written.at);
        }
    }
}

/// A number of four bytes is three hours at most: longer rests take several.
#[test]
fn a_rest_of_days_is_written() {
    let day = 24 * 3600 * SECOND;
    let events: Vec<Event> = [0, 5 * day, 5 * day + SECOND]
        .map(|at| Event {
            at,
            message: vec![0x90, 60, 64],
        })
        .to_vec();
    let mut bytes = Vec::new();
    write(&events, None, &mut bytes).unwrap();
    assert_eq!(Song::from_bytes("x.mid", &bytes).unwrap().events, events);
}

/// A file with every kind of event, plain or wrapped, before it is damaged.
fn rich(wrapped: bool) -> Vec<u8> {
    let track = b"\0\xFF\x03\x01a\0\xFF\x21\x01\x01\0\xFF\x51\x03\x0F\x42\x40\0\xF0\x02\x43\x12\x10\xF7\x02\x06\xF7\0\x90\x3C\x40\
        \x60\x3C\0\0\xF7\x02\xF5\x02\0\xC0\x05\0\xFF\x2F\0";
    let song = [file(track), file(track)[14..].to_vec()].concat();
    if !wrapped {
        return song;
    }
    let size = u32::try_from(song.len()).unwrap().to_le_bytes();
    let bank = b"RIFF\x04\0\0\0DLS ";
    [b"RIFF\0\0\0\0RMIDdata", &size[..], &song, bank].concat()
}

proptest! {
    #[test]
    fn no_damage_hurts(
        wrapped: bool,
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = rich(wrapped);
        for (place, byte, way) in damages {
            let place = place.index(bytes.len());
            match way {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => drop(bytes.remove(place)),
            }
        }
        if let Ok(song) = Song::from_bytes("x.mid", &bytes) {
            // Whole messages in order, and no more bytes than the file can hold.
            prop_assert_eq!(song.events.len(), song.groups.len());
            prop_assert!(song.events.is_sorted_by_key(|event| event.at));
            prop_assert!(song.packets.is_sorted_by_key(|packet| packet.at));
            prop_assert!(song.events.iter().all(|event| event.message[0] >= 0x80));
            prop_assert!(song.wire_bytes().len() <= 2 * bytes.len());
        }
    }
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let short = (0x80..0xF0_u8, 0..128_u8, 0..128_u8).prop_map(|(status, first, second)| {
        if matches!(status & 0xF0, 0xC0 | 0xD0) {
            vec![status, first]
        } else {
            vec![status, first, second]
        }
    });
    let long = prop::collection::vec(0..128_u8, 0..20)
        .prop_map(|data| [&[0xF0][..], &data, &[0xF7]].concat());
    prop_oneof![short, long, Just(vec![0xF8]), Just(vec![0xF3, 5])]
}
