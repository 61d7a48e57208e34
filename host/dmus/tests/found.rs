//! Files as they are found: what is repaired is said, what cannot be is refused before anything is played.

mod common;

use common::{Place, dmus};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Format 1 and a number of tracks; 480 ticks a quarter note.
fn header(tracks: u8) -> Vec<u8> {
    [b"MThd\0\0\0\x06\0\x01\0", &[tracks][..], b"\x01\xE0"].concat()
}

fn track(body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).unwrap().to_be_bytes();
    [b"MTrk", &size[..], body].concat()
}

/// Half a second of a note.
const NOTE: &[u8] = b"\0\x90\x3C\x40\x83\x60\x80\x3C\x40\0\xFF\x2F\0";

/// A track that claims four bytes more than there are.
fn damaged() -> Vec<u8> {
    let mut song = [header(1), track(NOTE)].concat();
    song[21] += 4;
    song
}

/// What a run that must succeed says on both outputs.
fn runs(command: &mut assert_cmd::Command) -> (String, String) {
    let done = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (said, told) = (text(done.stdout), text(done.stderr));
    assert_eq!(done.status.code(), Some(0), "{told}");
    (said, told)
}

/// `dmus COMMAND SONG` with what it needs besides.
fn command(name: &str, song: &Path, place: &Place) -> assert_cmd::Command {
    let mut run = dmus();
    run.arg(name).arg(song);
    match name {
        "render" => run
            .arg("-b")
            .arg(place.path("bank.dls"))
            .arg("-o")
            .arg(place.path("out.wav")),
        "uart" => run.arg("-o").arg(place.path("out.mid")),
        _ => &mut run,
    };
    if name != "info" {
        run.arg("--native");
    }
    run
}

#[test]
fn a_repair_is_said_by_every_command_and_refused_by_strict() {
    let place = Place::new();
    place.bank();
    let song = place.file("damaged.mid", &damaged());
    let repair =
        "damaged.mid: byte 0xe: track 1 claims 17 bytes, but its End-of-Track stands after 13";
    for name in ["render", "uart", "trace", "info"] {
        let (_, told) = runs(&mut command(name, &song, &place));
        let warnings: Vec<&str> = told.lines().collect();
        let [warning] = warnings[..] else {
            panic!("{name}: {told}");
        };
        assert!(
            warning.starts_with("warning: ") && warning.ends_with(repair),
            "{name}: {told}"
        );
        if name != "trace" {
            let (said, _) = runs(command(name, &song, &place).arg("--json"));
            let report: Value = serde_json::from_str(&said).unwrap();
            let report = if name == "info" { &report[0] } else { &report };
            let listed = report["warnings"][0].as_str().unwrap();
            assert!(listed.ends_with(repair), "{name}: {listed}");
        }
    }
    for output in ["out.wav", "out.mid"] {
        fs::remove_file(place.path(output)).unwrap();
    }
    for name in ["render", "uart", "trace", "info"] {
        let message = common::fails(command(name, &song, &place).arg("--strict"));
        assert!(
            message.contains("damaged.mid: --strict") && message.contains("byte 0xe"),
            "{name}: {message}"
        );
        place.holds_nothing_else(&["damaged.mid", "bank.dls"]);
    }
    // Nothing to repair: nothing to refuse.
    let sound = place.song();
    let (_, told) = runs(command("render", &sound, &place).arg("--strict"));
    assert_eq!(told, "");
}

#[test]
fn a_song_may_bring_its_instruments() {
    let place = Place::new();
    let bank = fs::read(place.bank()).unwrap();
    let chunk = |id: &[u8; 4], body: &[u8]| {
        let size = u32::try_from(body.len()).unwrap().to_le_bytes();
        [&id[..], &size, body, &[0][..body.len() % 2]].concat()
    };
    let data = chunk(b"data", &[header(1), track(NOTE)].concat());
    let form = |bank: &[u8]| chunk(b"RIFF", &[b"RMID", &data[..], bank].concat());
    let render = |song: &Path| {
        let mut run = dmus();
        run.arg("render")
            .arg(song)
            .arg("-o")
            .arg(place.path("out.wav"))
            .arg("--native");
        run
    };
    let own = place.file("own.rmi", &form(&bank));
    let (said, told) = runs(render(&own).arg("--json"));
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (told.as_str(), &report["bank"]["instruments"]),
        ("", &Value::from(129))
    );
    assert_ne!(report["audio"]["peak"], 0);
    let (said, _) = runs(dmus().arg("info").arg(&own));
    assert!(said.contains("Standard Kit"), "{said}");
    // They win, even over a file that is not there.
    let (_, told) = runs(render(&own).args(["--bank", "elsewhere.dls"]));
    assert!(
        told.contains("own.rmi: its own instruments are used, not those of elsewhere.dls"),
        "{told}"
    );
    // None of its own, or none that can be read.
    let bare = place.file("bare.rmi", &form(&[]));
    let message = common::fails(&mut render(&bare));
    assert!(
        message.contains("bare.rmi: it has no instruments of its own"),
        "{message}"
    );
    let broken = place.file("broken.rmi", &form(&chunk(b"RIFF", b"DLS ")));
    let message = common::fails(&mut render(&broken));
    assert!(
        message.contains("broken.rmi (its DLS at byte 0x38)"),
        "{message}"
    );
    let (_, told) = runs(render(&broken).arg("--bank").arg(place.path("bank.dls")));
    assert!(
        told.contains("broken.rmi (its DLS") && told.contains("bank.dls are used"),
        "{told}"
    );
    place.holds_nothing_else(&["bank.dls", "own.rmi", "bare.rmi", "broken.rmi", "out.wav"]);
}

/// One message, and an end that many quarter notes of 16.7 seconds later.
fn long_song(place: &Place, quarters: [u8; 4]) -> PathBuf {
    let body = [
        b"\0\xFF\x51\x03\xFF\xFF\xFF\0\x90\x3C\x40",
        &quarters[..],
        b"\x80\x3C\x40\0\xFF\x2F\0",
    ]
    .concat();
    let header = b"MThd\0\0\0\x06\0\0\0\x01\0\x01";
    place.file("long.mid", &[header, &track(&body)[..]].concat())
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_played() {
    let place = Place::new();
    place.bank();
    let refused = |song: &Path, more: &[&str]| {
        let begun = Instant::now();
        let message = common::fails(command("render", song, &place).args(more));
        // The bank is read and the machine is not even booted.
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
        place.holds_nothing_else(&["bank.dls", "long.mid"]);
        message
    };
    // 1452 quarter notes of 16.777 s are 24,360 s: 12 s too long for 32 bits at 44.1 kHz in stereo.
    let song = long_song(&place, [0x80, 0x80, 0x8B, 0x2C]);
    let message = refused(&song, &[]);
    assert!(
        message.contains("long.mid: its 406:0") && message.contains("less than 4 GiB"),
        "{message}"
    );
    // Some 140 years.
    let song = long_song(&place, [0xFF, 0xFF, 0xFF, 0x7F]);
    let message = refused(&song, &[]);
    assert!(
        message.contains("long.mid") && message.contains("--rf64"),
        "{message}"
    );
    let message = common::fails(&mut command("uart", &song, &place));
    assert!(
        message.contains("long.mid: it lasts longer than a year"),
        "{message}"
    );
    // No disk holds that.
    let message = refused(&song, &["--rf64"]);
    assert!(
        message.contains("out.wav: it needs up to 722.") && message.contains("TiB, but only"),
        "{message}"
    );
    let message = refused(&song, &["--rf64", "--plot", "x.png"]);
    assert!(message.contains("too much for one picture"), "{message}");
}

#[test]
fn rf64_is_the_same_sound() {
    let place = Place::new();
    place.bank();
    let song = place.file("short.mid", &[header(1), track(NOTE)].concat());
    runs(&mut command("render", &song, &place));
    let plain = fs::read(place.path("out.wav")).unwrap();
    runs(command("render", &song, &place).arg("--rf64"));
    let large = fs::read(place.path("out.wav")).unwrap();
    assert_eq!((&plain[..4], &large[..4]), (&b"RIFF"[..], &b"RF64"[..]));
    assert!(plain[44..] == large[80..], "the sound differs");
    let sizes = [
        &(large.len() as u64 - 8).to_le_bytes()[..],
        &(large.len() as u64 - 80).to_le_bytes(),
    ];
    assert_eq!(large[20..36], sizes.concat());
    let (said, _) = runs(dmus().arg("info").arg(place.path("out.wav")));
    assert!(said.contains("44100 Hz, 2 channels"), "{said}");
    let png = place.path("out.png");
    runs(
        dmus()
            .arg("plot")
            .arg(place.path("out.wav"))
            .arg("-o")
            .arg(&png),
    );
    assert!(fs::read(png).unwrap().starts_with(b"\x89PNG"));
}

/// Everything that a terminal might obey.
const CONTROLS: &str = "\u{1b}[31m\u{7}\r\u{7f}\u{9b}2J\u{61c}\u{200e}\u{202e}\u{2066}";

#[cfg(unix)]
#[test]
fn no_control_character_of_a_file_reaches_the_terminal() {
    let place = Place::new();
    let title = format!("a\n{CONTROLS}b");
    let name = [
        &[0, 0xFF, 3, u8::try_from(title.len()).unwrap()],
        title.as_bytes(),
    ]
    .concat();
    let song = place.file(
        &format!("x{CONTROLS}.mid"),
        &[header(1), track(&[&name, NOTE].concat())].concat(),
    );
    let mut broken = damaged();
    broken[8] = 7;
    let broken = place.file(&format!("y\nwarning: z{CONTROLS}.mid"), &broken);
    let mut bank = dmusmini_demo::bank();
    bank.name = title.clone();
    bank.instruments[0].name = title.clone();
    let bank = place.file(&format!("z{CONTROLS}.dls"), &bank.to_dls());
    let out = place.path(&format!("out{CONTROLS}.wav"));
    let missing = place.path(&format!("no{CONTROLS}.mid"));

    let with = |words: &[&str], files: &[&Path]| {
        let mut run = dmus();
        run.args(words).args(files);
        run
    };
    let render = |song: &Path| {
        let mut run = with(&["render", "--native", "-o"], &[&out, song]);
        run.arg("-b").arg(&bank);
        run
    };
    let strange = format!("--{CONTROLS}");
    let mut runs = vec![
        (render(&song), 0),
        (render(&broken), 1),
        (render(&missing), 1),
        (with(&["uart", "--native", "-o"], &[&out, &song]), 0),
        (with(&["trace", "--native"], &[&song]), 0),
        (with(&["info"], &[&song, &bank]), 0),
        (with(&["plot", "-o", "x.png"], &[&missing]), 1),
        (with(&["render", &strange], &[]), 2),
        (with(&["render", "--rate", CONTROLS], &[&song]), 2),
    ];
    for (words, files) in [("render", vec![]), ("info", vec![&song, &bank])] {
        let mut run = if words == "render" {
            render(&song)
        } else {
            dmus()
        };
        if words == "info" {
            run.arg("info").args(files);
        }
        run.arg("--json");
        runs.push((run, 0));
    }
    for (mut run, code) in runs {
        let done = run.output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{told}");
        for bytes in [&done.stdout, &done.stderr] {
            let text = std::str::from_utf8(bytes).unwrap();
            let strange = text.chars().find(|character| {
                let code = u32::from(*character);
                code < 0x20 && !matches!(character, '\n' | '\t')
                    || matches!(code, 0x7F..=0x9F | 0x61C | 0x200E..=0x200F | 0x202A..=0x202E | 0x2066..=0x2069)
            });
            assert_eq!(strange, None, "{text:?}");
            // No name begins a line.
            assert!(
                !text.lines().any(|line| line.starts_with("warning: z")),
                "{text}"
            );
        }
        // A reader of JSON gets the characters back.
        if let Ok(report) = serde_json::from_slice::<Value>(&done.stdout) {
            let found = [&report["song"]["title"], &report[0]["song"]["title"]];
            assert!(found.contains(&&Value::from(title.as_str())), "{report}");
        }
    }
}

#[test]
fn ports_are_channels_of_their_own() {
    let place = Place::new();
    place.bank();
    let port = |port: u8| track(&[b"\0\xFF\x21\x01", &[port][..], NOTE].concat());
    let song = place.file("ports.mid", &[header(2), port(0), port(1)].concat());
    let (said, told) = runs(command("render", &song, &place).arg("--json"));
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&report["song"]["channels"], told.as_str()),
        (&Value::from(2), "")
    );
    let (said, _) = runs(&mut command("info", &song, &place));
    assert!(
        said.contains("port 0, channel  1") && said.contains("port 1, channel  1"),
        "{said}"
    );
    // A cable has one port.
    let (_, told) = runs(&mut command("uart", &song, &place));
    assert!(
        told.contains("warning: ") && told.contains("ports.mid: it plays to 2 ports"),
        "{told}"
    );
}

#[test]
fn packets_leave_at_their_times() {
    let place = Place::new();
    // 0.25 s are 240 ticks.
    let body = b"\0\xF0\x02\x43\x12\x81\x70\xF7\x01\x05\x81\x70\xF7\x02\x06\xF7\0\xFF\x2F\0";
    let song = place.file("packets.mid", &[header(1), track(body)].concat());
    let raw = place.path("out.syx");
    let (said, _) = runs(
        dmus()
            .arg("uart")
            .arg(&song)
            .arg("-o")
            .arg(&raw)
            .args(["--native", "--json"]),
    );
    let report: Value = serde_json::from_str(&said).unwrap();
    let wire = report["wire"].as_array().unwrap();
    let bytes: Vec<&str> = wire
        .iter()
        .map(|packet| packet["bytes"].as_str().unwrap())
        .collect();
    assert_eq!(bytes, ["F0 43 12", "05", "06 F7"]);
    for (packet, due) in wire.iter().zip([0.0, 0.25, 0.5]) {
        let late = packet["seconds"].as_f64().unwrap() - due;
        assert!((0.0..0.005).contains(&late), "{wire:?}");
    }
    assert_eq!(fs::read(raw).unwrap(), b"\xF0\x43\x12\x05\x06\xF7");
    // The report lists them where it is read by programs.
    let (said, _) = runs(&mut command("uart", &song, &place));
    assert!(said.contains("exactly the song's messages"), "{said}");
}
