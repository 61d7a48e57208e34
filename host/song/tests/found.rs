//! Files as they are found: each fault has one sensible reading, and is said.
//!
//! All files are written by hand from the standard, byte by byte.

use dmusmini_song::{SECOND, Song};

/// Format 0 or 1, a number of tracks, 480 ticks a quarter note: a second is 960 ticks.
fn header(format: u8, tracks: u8) -> Vec<u8> {
    [b"MThd\0\0\0\x06\0", &[format, 0, tracks][..], b"\x01\xE0"].concat()
}

fn chunk(id: [u8; 4], size: usize, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(size).unwrap().to_be_bytes();
    [&id[..], &size, body].concat()
}

fn track(body: &[u8]) -> Vec<u8> {
    chunk(*b"MTrk", body.len(), body)
}

/// One track in a file of format 0.
fn one(body: &[u8]) -> Vec<u8> {
    [header(0, 1), track(body)].concat()
}

const END: &[u8] = b"\0\xFF\x2F\0";
/// A note that begins at once and ends after half a second; its End-of-Track.
const NOTE: &[u8] = b"\0\x90\x3C\x40\x83\x60\x80\x3C\x40\0\xFF\x2F\0";

fn read(bytes: &[u8]) -> Song {
    Song::from_bytes("x.mid", bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// What is played, in 100-ns units.
fn played(song: &Song) -> Vec<(i64, &[u8])> {
    let events = song.events.iter();
    events
        .map(|event| (event.at, event.message.as_slice()))
        .collect()
}

const HALF: i64 = SECOND / 2;

/// The note of [`NOTE`], and a word that says where and what.
fn is_the_note(bytes: &[u8], says: &[&str]) {
    let song = read(bytes);
    let note: [(i64, &[u8]); 2] = [(0, &[0x90, 0x3C, 0x40]), (HALF, &[0x80, 0x3C, 0x40])];
    assert_eq!(played(&song), note, "{bytes:x?}");
    let words: Vec<String> = song.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), says.len(), "{words:?} for {says:?}");
    for (word, says) in words.iter().zip(says) {
        assert!(
            word.starts_with("byte 0x") && word.contains(says),
            "{word}: not {says:?}"
        );
    }
}

#[test]
fn a_sound_file_needs_no_word() {
    is_the_note(&one(NOTE), &[]);
    // Chunks of other kinds belong to a file, before its tracks and after them.
    let alien = chunk(*b"XFIH", 2, b"ab");
    is_the_note(
        &[header(0, 1), alien.clone(), track(NOTE), alien].concat(),
        &[],
    );
    // The header may be longer than six bytes.
    let long = [
        &chunk(*b"MThd", 8, b"\0\0\0\x01\x01\xE0\0\0")[..],
        &track(NOTE),
    ]
    .concat();
    is_the_note(&long, &[]);
}

#[test]
fn bytes_after_the_last_track_are_ignored() {
    for (junk, bytes) in [
        (&b"\r\n"[..], 2),
        (&[0x1A; 90], 90),
        (b"\0", 1),
        (b"MTr", 3),
        (b"MThd\0\0\0\x06\0", 9),
    ] {
        let says = format!("byte 0x23: {bytes} bytes after the last track");
        is_the_note(&[&one(NOTE)[..], junk].concat(), &[&says]);
    }
}

#[test]
fn a_track_may_be_shorter_than_it_says() {
    let whole = NOTE.len();
    for size in [whole + 1, whole + 4, 0x7FFF_FFFF, 0xFFFF_FFFF] {
        let bytes = [header(0, 1), chunk(*b"MTrk", size, NOTE)].concat();
        is_the_note(&bytes, &["byte 0xe: track 1 claims"]);
    }
    // Filled up after its End-of-Track.
    let padded = [NOTE, b"\0\0"].concat();
    is_the_note(&one(&padded), &["End-of-Track stands after 13"]);
    // It reaches into the next track, or over all of it.
    for more in [3, 8, 12, 25, 1000] {
        let first = chunk(*b"MTrk", whole + more, NOTE);
        let bytes = [header(1, 2), first, track(b"\0\xC1\x05\0\xFF\x2F\0")].concat();
        let song = read(&bytes);
        assert_eq!((song.tracks, song.events.len()), (2, 3), "{more}");
        assert!(
            song.warnings[0].to_string().contains("track 1 claims"),
            "{more}"
        );
        assert_eq!(song.warnings.len(), 1, "{more}: {:?}", song.warnings);
    }
}

#[test]
fn a_track_may_be_longer_than_it_says() {
    // 0: recorders that were switched off write no length.
    for size in 0..NOTE.len() {
        let bytes = [header(0, 1), chunk(*b"MTrk", size, NOTE)].concat();
        is_the_note(&bytes, &["events go on to 13"]);
        let second = track(b"\0\xC1\x05\0\xFF\x2F\0");
        let song = read(&[header(1, 2), chunk(*b"MTrk", size, NOTE), second].concat());
        assert_eq!((song.tracks, song.events.len()), (2, 3), "{size}");
        assert_eq!(song.warnings.len(), 1, "{size}: {:?}", song.warnings);
    }
}

#[test]
fn an_empty_track_is_a_track() {
    let bytes = [header(1, 2), track(b""), track(NOTE)].concat();
    is_the_note(&bytes, &["byte 0x16: track 1 has no End-of-Track"]);
}

#[test]
fn the_end_of_the_file_may_be_missing() {
    let whole = one(NOTE);
    let cut = |bytes: usize| &whole[..whole.len() - bytes];
    is_the_note(
        cut(1),
        &["track 1 claims 13", "last byte of the End-of-Track"],
    );
    is_the_note(cut(2), &["only 11 are left", "cut off by the end"]);
    is_the_note(cut(4), &["only 9 are left", "no End-of-Track"]);
    // The note-off is cut: what is there is played.
    let song = read(cut(5));
    assert_eq!(played(&song), [(0, &[0x90, 0x3C, 0x40][..])]);
    let words: Vec<String> = song.warnings.iter().map(ToString::to_string).collect();
    assert!(
        words[1].starts_with("byte 0x1a: track 1: an event is cut off"),
        "{words:?}"
    );
    // A track without an End-of-Track whose length is right.
    is_the_note(
        &one(&NOTE[..NOTE.len() - 4]),
        &["byte 0x1f: track 1 has no End-of-Track"],
    );
}

#[test]
fn a_piece_of_a_file_is_no_file() {
    let bytes = [header(1, 2), chunk(*b"MTrk", 13, &NOTE[..7])].concat();
    let message = Song::from_bytes("x.mid", &bytes).unwrap_err().to_string();
    assert_eq!(
        message,
        "x.mid: byte 0xe: chunk \"MTrk\" claims 13 bytes, but only 7 are left"
    );
}

#[test]
fn the_number_of_tracks_may_be_wrong() {
    let bytes = |promised| {
        [
            header(1, promised),
            track(NOTE),
            track(b"\0\xC1\x05\0\xFF\x2F\0"),
        ]
        .concat()
    };
    for (promised, says) in [
        (0, "promises 0 tracks, the file has 2; all"),
        (1, "promises 1 tracks, the file has 2; all"),
        (3, "promises 3 tracks, the file has 2; these"),
    ] {
        let song = read(&bytes(promised));
        assert_eq!((song.tracks, song.events.len()), (2, 3));
        let word = song.warnings[0].to_string();
        assert!(
            word.starts_with("byte 0xa: ") && word.contains(says),
            "{word}"
        );
    }
    let song = read(&[header(0, 2), track(NOTE), track(NOTE)].concat());
    assert!(
        song.warnings[0]
            .to_string()
            .contains("format 0 has 2 tracks")
    );
}

#[test]
fn what_stands_around_the_chunks_is_skipped() {
    is_the_note(
        &[&[0; 128][..], &one(NOTE)].concat(),
        &["byte 0x0: 128 bytes before \"MThd\""],
    );
    let junk = [
        header(1, 2),
        track(b"\0\xFF\x2F\0"),
        b"\0\x01\x02".to_vec(),
        track(NOTE),
    ]
    .concat();
    is_the_note(&junk, &["byte 0x1a: 3 bytes that are no chunk"]);
    // A header that claims ten bytes and has six.
    let header = [b"MThd\0\0\0\x0A", &header(0, 1)[8..]].concat();
    is_the_note(
        &[header, track(NOTE)].concat(),
        &["byte 0x4: the header claims 10 bytes"],
    );
}

#[test]
fn running_status_goes_on_over_meta_and_system_exclusive_events() {
    let meta = b"\0\x90\x3C\x40\0\xFF\x01\x02ab\x83\x60\x3C\0\0\xFF\x2F\0";
    let sysex = b"\0\x90\x3C\x40\0\xF0\x03\x43\x10\xF7\x83\x60\x3C\0\0\xFF\x2F\0";
    for (body, events, place) in [(&meta[..], 2, "0x20"), (&sysex[..], 3, "0x20")] {
        let song = read(&one(body));
        let last = played(&song)[events - 1];
        assert_eq!(last, (HALF, &[0x90, 0x3C, 0][..]));
        let word = song.warnings[0].to_string();
        assert_eq!(
            word,
            format!(
                "byte {place}: track 1: running status goes on after a meta or system exclusive event"
            )
        );
    }
}

#[test]
fn a_data_byte_above_127_has_a_nearest_value() {
    // Key 0xBC, velocity 0x80; controller 7 at 200; program 0x85; bend 0xFF 0xFF; pressure 0x90.
    let body = b"\0\x90\xBC\x80\0\xB0\x87\xC8\0\xC0\x85\0\xE0\xFF\xFF\0\xD0\x90\0\xFF\x2F\0";
    let song = read(&one(body));
    let messages: Vec<&[u8]> = played(&song)
        .into_iter()
        .map(|(_, message)| message)
        .collect();
    assert_eq!(
        messages,
        [
            &[0x90, 0x3C, 0x7F][..],
            &[0xB0, 7, 0x7F],
            &[0xC0, 5],
            &[0xE0, 0x7F, 0x7F],
            &[0xD0, 0x7F],
        ]
    );
    let word = song.warnings[0].to_string();
    assert!(
        word.starts_with("byte 0x16: track 1: a data byte above 127"),
        "{word}"
    );
    assert!(word.ends_with("(7 more like it)"), "{word}");
    assert_eq!(song.warnings.len(), 1);
}

#[test]
fn a_tempo_of_zero_is_no_tempo() {
    let zero = b"\0\xFF\x51\x03\0\0\0";
    is_the_note(
        &one(&[zero, NOTE].concat()),
        &["byte 0x16: track 1: a tempo of 0"],
    );
    // In the middle of three tracks, after a tempo of one second a quarter note.
    let tempo = track(b"\0\xFF\x51\x03\x0F\x42\x40\0\xFF\x2F\0");
    let middle = track(&[zero, END].concat());
    let song = read(&[header(1, 3), tempo, middle, track(NOTE)].concat());
    assert_eq!(song.events[1].at, SECOND);
    assert_eq!(song.tempos, [(0, 1_000_000)]);
    assert!(
        song.warnings[0]
            .to_string()
            .contains("track 2: a tempo of 0")
    );
    // Of a wrong length.
    let short = b"\0\xFF\x51\x02\0\0";
    is_the_note(
        &one(&[short, NOTE].concat()),
        &["the tempo event has 2 bytes"],
    );
}

#[test]
fn a_number_of_more_than_four_bytes_may_be_small() {
    let mut body = b"\x80\x80\x80\x80\0".to_vec();
    body.extend(&NOTE[1..]);
    is_the_note(
        &one(&body),
        &["byte 0x16: track 1: a number takes more than four bytes"],
    );
}

#[test]
fn timecode_is_frames_and_subframes() {
    // -29 is 30 drop-frame: 30000/1001 frames a second. 40 subframes: 1200 ticks are 1.001 s.
    for (rate, time) in [
        (0xE3, 10_010_000),
        (0xE2, SECOND),
        (0xE7, 12_000_000),
        (0xE8, 12_500_000),
    ] {
        let header = [b"MThd\0\0\0\x06\0\0\0\x01", &[rate, 40][..]].concat();
        let body = b"\0\xFF\x51\x03\x0F\x42\x40\x89\x30\x90\x3C\x40\0\xFF\x2F\0";
        let song = read(&[header, track(body)].concat());
        assert_eq!(song.events[0].at, time, "{rate:#x}");
        assert_eq!(song.warnings, []);
    }
}

#[test]
fn a_system_exclusive_message_without_f7_ends_with_its_event() {
    let gs = [0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x15, 0x01, 0x19];
    let body = [b"\0\xF0\x09", &gs[1..], NOTE].concat();
    let song = read(&one(&body));
    let whole = [&gs[..], &[0xF7]].concat();
    assert_eq!(song.events[0].message, whole);
    assert_eq!(song.packets[0].message, whole);
    assert_eq!(song.events.len(), 3);
    let word = song.warnings[0].to_string();
    assert!(
        word.starts_with("byte 0x16: track 1: a system exclusive message that no F7 ends"),
        "{word}"
    );

    // Another begins, or bytes are escaped, or the track ends.
    for (tail, events) in [
        (
            &b"\0\xF0\x02\x43\xF7\0\xFF\x2F\0"[..],
            &[&[0xF0, 1, 0xF7][..], &[0xF0, 0x43, 0xF7]][..],
        ),
        (
            b"\0\xF7\x02\xF3\x05\0\xFF\x2F\0",
            &[&[0xF0, 1, 0xF7], &[0xF3, 5]],
        ),
        (END, &[&[0xF0, 1, 0xF7]]),
        (b"", &[&[0xF0, 1, 0xF7]]),
    ] {
        let song = read(&one(&[b"\0\xF0\x01\x01", tail].concat()));
        let messages: Vec<&[u8]> = played(&song)
            .into_iter()
            .map(|(_, message)| message)
            .collect();
        assert_eq!(messages, events);
    }
}

#[test]
fn packets_keep_their_times() {
    // 240 ticks are 0.25 s: three packets, then a note.
    let body =
        b"\0\xF0\x02\x43\x12\x81\x70\xF7\x01\x05\x81\x70\xF7\x02\x06\xF7\0\x90\x3C\x40\0\xFF\x2F\0";
    let song = read(&one(body));
    let packets: Vec<(i64, &[u8])> = song
        .packets
        .iter()
        .map(|packet| (packet.at, packet.message.as_slice()))
        .collect();
    let quarter = SECOND / 4;
    assert_eq!(
        packets,
        [
            (0, &[0xF0, 0x43, 0x12][..]),
            (quarter, &[5]),
            (2 * quarter, &[6, 0xF7]),
            (2 * quarter, &[0x90, 0x3C, 0x40]),
        ]
    );
    assert_eq!(
        played(&song)[0],
        (2 * quarter, &[0xF0, 0x43, 0x12, 5, 6, 0xF7][..])
    );
    assert_eq!(song.warnings, []);
}

#[test]
fn packets_with_messages_between_them_go_together() {
    let apart = track(b"\0\xF0\x02\x43\x12\x83\x60\xF7\x02\x06\xF7\0\xFF\x2F\0");
    let between = track(b"\x81\x70\x91\x3C\x40\0\xFF\x2F\0");
    let song = read(&[header(1, 2), apart.clone(), between].concat());
    let packets: Vec<&[u8]> = song
        .packets
        .iter()
        .map(|packet| packet.message.as_slice())
        .collect();
    assert_eq!(
        packets,
        [&[0x91, 0x3C, 0x40][..], &[0xF0, 0x43, 0x12, 6, 0xF7]]
    );
    let word = song.warnings[0].to_string();
    assert!(
        word.starts_with("byte 0x16: track 1: other messages stand between"),
        "{word}"
    );
    // A real-time byte is in nobody's way.
    let clock = track(b"\x81\x70\xF7\x01\xF8\0\xFF\x2F\0");
    let song = read(&[header(1, 2), apart, clock].concat());
    let packets: Vec<&[u8]> = song
        .packets
        .iter()
        .map(|packet| packet.message.as_slice())
        .collect();
    assert_eq!(packets, [&[0xF0, 0x43, 0x12][..], &[0xF8], &[6, 0xF7]]);
    assert_eq!(song.warnings, []);
}

#[test]
fn escaped_bytes_reach_the_wire_as_they_are() {
    let body = b"\0\xF7\x02\xF5\x02\0\x90\x3C\x40\0\xF7\x01\xF5\0\xF7\x01\x03\0\xF7\x06\x90\x3C\x40\x91\x3C\x40\0\xFF\x2F\0";
    let song = read(&one(body));
    assert_eq!(
        song.wire_bytes(),
        b"\xF5\x02\x90\x3C\x40\xF5\x03\x90\x3C\x40\x91\x3C\x40"
    );
    // A synthesizer gets whole messages.
    let messages: Vec<&[u8]> = played(&song)
        .into_iter()
        .map(|(_, message)| message)
        .collect();
    assert_eq!(
        messages,
        [
            &[0xF5, 2][..],
            &[0x90, 60, 64],
            &[0xF5],
            &[0x90, 60, 64],
            &[0x91, 60, 64]
        ]
    );
    assert_eq!(song.warnings, []);
    // Data of nothing goes nowhere.
    let stray = [b"\0\xF7\x01\x05", NOTE].concat();
    is_the_note(
        &one(&stray),
        &["byte 0x16: track 1: data bytes that belong to no message"],
    );
}

#[test]
fn an_event_of_two_system_exclusive_messages_is_two() {
    let body = [b"\0\xF0\x05\x43\xF7\xF0\x44\xF7", END].concat();
    let song = read(&one(&body));
    assert_eq!(song.wire_bytes(), [0xF0, 0x43, 0xF7, 0xF0, 0x44, 0xF7]);
    assert_eq!(song.events.len(), 2);
    assert_eq!(song.warnings, []);
    let broken = [b"\0\xF0\x04\x43\x90\x44\xF7", NOTE].concat();
    is_the_note(
        &one(&broken),
        &["byte 0x16: track 1: a system exclusive message with a status byte inside"],
    );
}

#[test]
fn ports_are_channel_groups() {
    let port = |port: u8, body: &[u8]| track(&[&[0, 0xFF, 0x21, 1, port], body].concat());
    let note = |key: u8| [&[0, 0x90, key, 0x40][..], END].concat();
    let reset = track(b"\0\xF0\x05\x7E\x7F\x09\x01\xF7\0\xFF\x2F\0");
    // Ports 3 and 7, of which one is in two tracks; a reset that is for both.
    let song = read(
        &[
            header(1, 4),
            reset.clone(),
            port(7, &note(60)),
            port(3, &note(61)),
            port(7, &note(62)),
        ]
        .concat(),
    );
    let groups: Vec<(u16, u8)> = song
        .grouped()
        .map(|(group, event)| (group, event.message[1]))
        .collect();
    assert_eq!(groups, [(0, 0x7E), (2, 60), (1, 61), (2, 62)]);
    assert_eq!((song.channel_groups(), &song.ports[..]), (2, &[3, 7][..]));
    // A track that names no port plays to the first.
    let song = read(&[header(1, 2), track(&note(60)), port(1, &note(61))].concat());
    let groups: Vec<u16> = song.grouped().map(|(group, _)| group).collect();
    assert_eq!((groups, &song.ports[..]), (vec![1, 2], &[0, 1][..]));
    // One port is no group of its own, whatever its number.
    let song = read(&[header(1, 2), reset, port(5, &note(60))].concat());
    assert!(song.grouped().all(|(group, _)| group == 1));
    assert_eq!((song.channel_groups(), song.ports.len()), (1, 0));
    // A port may change within a track.
    let song = read(&one(
        b"\0\xFF\x21\x01\0\0\x90\x3C\x40\0\xFF\x21\x01\x01\0\x90\x3D\x40\0\xFF\x2F\0",
    ));
    let groups: Vec<u16> = song.grouped().map(|(group, _)| group).collect();
    assert_eq!(groups, [1, 2]);
}

fn riff(id: [u8; 4], body: &[u8]) -> Vec<u8> {
    riff_of(id, body.len(), body)
}

fn riff_of(id: [u8; 4], size: usize, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(size).unwrap().to_le_bytes();
    [&id[..], &size, body].concat()
}

#[test]
fn a_riff_midi_file_is_a_song_with_or_without_instruments() {
    let song = one(NOTE);
    assert_eq!(song.len() % 2, 1, "it needs a pad byte");
    let data = [riff(*b"data", &song), vec![0]].concat();
    let form = |parts: &[&[u8]]| riff(*b"RIFF", &[&[&b"RMID"[..]], parts].concat().concat());
    is_the_note(&form(&[&data]), &[]);
    let bank = riff(*b"RIFF", b"DLS colh\x04\0\0\0\0\0\0\0");
    let list = riff(*b"LIST", b"INFOINAM\x02\0\0\0a\0");
    for parts in [
        &[&data[..], &bank[..]][..],
        &[&bank, &data],
        &[&list, &data, &list, &bank],
    ] {
        let bytes = form(parts);
        is_the_note(&bytes, &[]);
        let embedded = read(&bytes).bank.unwrap();
        assert_eq!(embedded.bytes, bank);
        let at = usize::try_from(embedded.offset).unwrap();
        assert_eq!(bytes[at..at + bank.len()], bank);
    }
    // No pad byte; a wrong length of the file, of the song, of the instruments.
    let bare = riff(*b"data", &song);
    let unpadded = form(&[&bare, &bank]);
    is_the_note(&unpadded, &["byte 0x37: chunk \"data\" lacks its pad byte"]);
    assert_eq!(read(&unpadded).bank.unwrap().bytes, bank);
    is_the_note(&form(&[&bare]), &[]);
    let body = [&b"RMID"[..], &data, &bank].concat();
    is_the_note(
        &riff_of(*b"RIFF", body.len() + 8, &body),
        &["chunk \"RIFF\" claims"],
    );
    for size in [0, 4] {
        is_the_note(&riff_of(*b"RIFF", size, &body), &[]);
    }
    for size in [song.len() + 3000, song.len() - 5, 0] {
        let body = [&b"RMID"[..], &riff_of(*b"data", size, &song), &[0], &bank].concat();
        let song = read(&riff(*b"RIFF", &body));
        assert_eq!(
            (song.events.len(), song.bank.unwrap().bytes),
            (2, bank.clone()),
            "{size}"
        );
        assert!(!song.warnings.is_empty());
    }
}

/// `midly` reads sound files too: both see the same.
#[test]
fn real_songs_read_as_another_reader_reads_them() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data =
        std::env::var_os("DMUSMINI_DATA").map_or_else(|| root.join("../shared/data"), Into::into);
    let Ok(entries) = std::fs::read_dir(&data) else {
        println!(
            "SKIPPED: no real data at {} (set DMUSMINI_DATA)",
            data.display()
        );
        return;
    };
    let mut read = 0;
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.extension().is_none_or(|extension| extension != "mid") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let song = Song::from_bytes(&path, &bytes).unwrap();
        assert_eq!(song.warnings, [], "{}", path.display());
        let other = midly::Smf::parse(&bytes).unwrap();
        let mut expected: Vec<(u64, Vec<u8>)> = Vec::new();
        for track in &other.tracks {
            let mut tick = 0;
            for event in track {
                tick += u64::from(event.delta.as_int());
                if let Some(live) = event.kind.as_live_event() {
                    let mut bytes = Vec::new();
                    live.write(&mut bytes).unwrap();
                    expected.push((tick, bytes));
                }
            }
        }
        expected.sort_by_key(|(tick, _)| *tick);
        let expected: Vec<&[u8]> = expected.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let messages: Vec<&[u8]> = played(&song)
            .into_iter()
            .map(|(_, message)| message)
            .collect();
        assert_eq!(messages, expected, "{}", path.display());
        read += 1;
    }
    println!("{read} songs read alike");
}
