//! Bad input: the message names file, offset and cause, the exit code is 1, and nothing is left behind.

mod common;

use common::{Place, dmus};
use std::fs;
#[cfg(unix)]
use std::path::Path;

#[test]
fn a_bad_song_names_its_place() {
    let place = Place::new();
    let bank = place.bank();
    let whole = dmusmini_demo::song();
    for (name, bytes, says) in [
        (
            "text.mid",
            &b"not music at all"[..],
            "byte 0x0: not a Standard MIDI File",
        ),
        ("empty.mid", b"", "byte 0x0: not a Standard MIDI File"),
        (
            "riff.mid",
            b"RIFF\0\0\0\0RMID",
            "byte 0x0: a RIFF MIDI file",
        ),
        (
            "format2.mid",
            b"MThd\0\0\0\x06\0\x02\0\x01\0\x60",
            "byte 0x8: format 2",
        ),
        (
            "header.mid",
            b"MThd\0\0\0\x06\0\0\0\0\0\0",
            "byte 0xc: the header",
        ),
        ("cut.mid", &whole[..whole.len() / 2], "claims"),
        (
            "event.mid",
            b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x03\0\x3C\x40",
            "byte 0x16: track 1",
        ),
    ] {
        let song = place.file(name, bytes);
        for command in ["render", "uart"] {
            let output = place.path("out.wav");
            let mut run = dmus();
            run.args([command])
                .arg(&song)
                .arg("-o")
                .arg(&output)
                .arg("--native");
            if command == "render" {
                run.arg("--bank").arg(&bank);
            }
            let message = common::fails(&mut run);
            assert!(
                message.contains(name) && message.contains(says),
                "{command} {name}: {message}"
            );
            place.holds_nothing_else(&[name, "bank.dls"]);
        }
        fs::remove_file(song).unwrap();
    }
}

#[test]
fn a_bad_bank_names_its_place() {
    let place = Place::new();
    let song = place.song();
    let whole = fs::read(place.bank()).unwrap();
    fs::remove_file(place.path("bank.dls")).unwrap();
    for (name, bytes, says) in [
        (
            "text.dls",
            &b"not a bank at all"[..],
            "not a DLS collection",
        ),
        ("empty.dls", b"", "byte 0x0"),
        ("cut.dls", &whole[..1000], "byte 0x"),
        ("song.dls", &dmusmini_demo::song(), "not a DLS collection"),
    ] {
        let bank = place.file(name, bytes);
        let mut run = dmus();
        run.arg("render")
            .arg(&song)
            .arg("-b")
            .arg(&bank)
            .arg("-o")
            .arg(place.path("out.wav"))
            .arg("--native");
        let message = common::fails(&mut run);
        assert!(
            message.contains(name) && message.contains(says),
            "{name}: {message}"
        );
        place.holds_nothing_else(&["song.mid", name]);
        fs::remove_file(bank).unwrap();
    }
}

#[test]
fn a_bad_wav_names_its_place() {
    let place = Place::new();
    let png = place.path("out.png");
    let mut whole = Vec::from(*b"RIFF\x34\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0");
    whole.extend(b"\x44\xAC\0\0\x88\x58\x01\0\x02\0\x10\0data\x10\0\0\0");
    whole.extend([0; 16]);
    for (name, bytes, says) in [
        ("empty.wav", &b""[..], "byte 0x0: no WAV header"),
        ("header.wav", &whole[..30], "byte 0x0: no WAV header"),
        ("cut.wav", &whole[..50], "byte 0x32: the sound is cut off"),
        (
            "rf64.wav",
            b"RF64\xFF\xFF\xFF\xFFWAVE",
            "byte 0x0: no RF64 header",
        ),
    ] {
        let wav = place.file(name, bytes);
        let message = common::fails(dmus().arg("plot").arg(&wav).arg("-o").arg(&png));
        assert!(
            message.contains(name) && message.contains(says),
            "{message}"
        );
        place.holds_nothing_else(&[name]);
        fs::remove_file(wav).unwrap();
    }
    let message = common::fails(dmus().args(["plot", "gone.wav", "-o", "out.png"]));
    assert!(
        message.contains("gone.wav: cannot read the file: No such file"),
        "{message}"
    );
}

/// As root, a file put in place of `/dev/null` would be everybody's.
#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_not_replaced() {
    let place = Place::new();
    let song = place.song();
    let full = place.path("full");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let mut run = dmus();
    run.arg("uart").arg(&song).arg("-o").arg(&full);
    let message = common::fails(run.arg("--native"));
    assert!(message.contains("No space left on device"), "{message}");
    assert_eq!(fs::read_link(&full).unwrap(), Path::new("/dev/full"));
    place.holds_nothing_else(&["song.mid", "full"]);
}

/// `dmus info SONG.mid | head -1` is no failure; an output that cannot be written is one.
#[cfg(unix)]
#[test]
fn standard_output_may_be_closed_but_not_full() {
    let place = Place::new();
    let song = place.song();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let info = |stdout: std::process::Stdio| {
        let mut run = std::process::Command::new(assert_cmd::cargo::cargo_bin!("dmus"));
        run.arg("info").arg(&song).stdout(stdout).output().unwrap()
    };
    let closed = info(writer.into());
    let message = String::from_utf8(closed.stderr).unwrap();
    assert!(closed.status.success() && message.is_empty(), "{message}");
    let full = info(fs::File::create("/dev/full").unwrap().into());
    let message = String::from_utf8(full.stderr).unwrap();
    assert_eq!(full.status.code(), Some(1), "{message}");
    assert!(
        message.starts_with("dmus: standard output: No space left"),
        "{message}"
    );
}

#[test]
fn missing_files_and_places_are_named() {
    let place = Place::new();
    let (song, bank) = (place.song(), place.bank());
    let out = place.path("out.wav");
    let render =
        |song: &std::path::Path, bank: &std::path::Path, out: &std::path::Path, more: &[&str]| {
            let mut run = dmus();
            run.arg("render")
                .arg(song)
                .arg("--bank")
                .arg(bank)
                .arg("-o")
                .arg(out)
                .args(more);
            common::fails(&mut run)
        };
    let gone = place.path("gone");
    let message = render(&gone, &bank, &out, &["--native"]);
    assert!(
        message.contains("gone") && message.contains("No such file"),
        "{message}"
    );
    let message = render(&song, &gone, &out, &["--native"]);
    assert!(
        message.contains("gone") && message.contains("No such file"),
        "{message}"
    );
    let message = render(
        &song,
        &bank,
        &place.path("no/such/place.wav"),
        &["--native"],
    );
    assert!(
        message.contains("place.wav") && message.contains("No such file"),
        "{message}"
    );
    let message = render(&song, &bank, &place.path(""), &["--native"]);
    assert!(message.contains("is a directory"), "{message}");
    let message = render(&song, &bank, &song, &["--native"]);
    assert!(message.contains("is named twice"), "{message}");
    let folder = song.parent().unwrap();
    let roundabout = folder.join("..").join(folder.file_name().unwrap());
    let roundabout = roundabout.join("song.mid");
    let message = render(&song, &bank, &roundabout, &["--native"]);
    assert!(message.contains("is the same file as"), "{message}");
    for plot in [&song, &out] {
        let plot = ["--native", "--plot", plot.to_str().unwrap()];
        let message = render(&song, &bank, &out, &plot);
        assert!(message.contains("is named twice"), "{message}");
    }
    let nowhere = place.path("no/such/picture.png");
    let plot = ["--native", "--plot", nowhere.to_str().unwrap()];
    let message = render(&song, &bank, &out, &plot);
    assert!(message.contains("picture.png"), "{message}");
    let message = render(&song, &bank, &out, &["--sys", "gone.sys"]);
    assert!(
        message.contains("gone.sys") && message.contains("cargo xtask sys"),
        "{message}"
    );
    place.holds_nothing_else(&["song.mid", "bank.dls"]);
    assert_eq!(
        fs::read(song).unwrap(),
        dmusmini_demo::song(),
        "the input is untouched"
    );
}

#[test]
fn a_broken_driver_image_is_refused() {
    let place = Place::new();
    let (song, bank) = (place.song(), place.bank());
    for (name, bytes) in [("empty.sys", &b""[..]), ("text.sys", b"MZ but no image")] {
        let sys = place.file(name, bytes);
        let mut run = dmus();
        run.arg("render")
            .arg(&song)
            .arg("-b")
            .arg(&bank)
            .arg("-o")
            .arg(place.path("out.wav"))
            .arg("--sys")
            .arg(&sys);
        let message = common::fails(&mut run);
        assert!(message.contains(name), "{message}");
        fs::remove_file(sys).unwrap();
        place.holds_nothing_else(&["song.mid", "bank.dls"]);
    }
}

#[test]
fn settings_out_of_range_are_refused_before_anything_runs() {
    for (option, value, says) in [
        ("--rate", "44000", "must be one of 8000"),
        ("--voices", "0", "1..=1024"),
        ("--voices", "1025", "1..=1024"),
        ("--interpolation", "cubic", "possible values: linear"),
        ("--volume", "21", "between -96 and 20"),
        ("--tail", "-1", "between 0 and 600"),
        ("--quota", "5000", "1..=4096"),
    ] {
        let output = dmus()
            .args([
                "render",
                "x.mid",
                "--bank",
                "x.dls",
                "-o",
                "x.wav",
                &format!("{option}={value}"),
            ])
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{option} {value}");
        assert!(
            message.contains(option) && message.contains(says),
            "{option} {value}: {message}"
        );
    }
}
