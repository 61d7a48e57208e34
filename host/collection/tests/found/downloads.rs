//! Downloads made one after the other, some of which the port does not take.

use dmusmini::dls::Download;
use dmusmini_collection::{
    Bank, Block, Instrument, ItemKind, Level, Options, Region, Selection, Wave, destination,
};

fn bank() -> Bank {
    let instrument = |patch, name: &str, regions: Vec<Region>| Instrument {
        patch,
        name: name.into(),
        regions,
        articulation: vec![Block::fixed(destination::PAN, 1 << 16)],
    };
    let region = |wave: usize, low, high| Region::new(wave).with_keys(low, high);
    Bank {
        name: String::new(),
        waves: (0..3)
            .map(|n| Wave::new(&format!("w{n}"), 44_100, vec![n, 1]))
            .collect(),
        instruments: vec![
            instrument(
                0,
                "all",
                vec![region(0, 0, 9), region(1, 10, 19), region(2, 20, 127)],
            ),
            instrument(
                0x0001_0203,
                "two",
                vec![region(1, 0, 59), region(2, 60, 127)],
            ),
            instrument(1, "one", vec![region(1, 0, 127)]),
            instrument(2, "none", Vec::new()),
        ],
    }
}

/// Sends everything but the waves with these ids; what was sent, and what was lost.
fn send(bank: &Bank, refused: &[u32], level: Level) -> (Vec<(String, Vec<u32>)>, Vec<String>) {
    let options = Options {
        level,
        first_id: 7,
        ..Options::default()
    };
    let (mut sent, mut lost) = (Vec::new(), Vec::new());
    let mut downloads = bank.downloads(&Selection::All, options);
    while let Some(item) = downloads.next() {
        if refused.contains(&item.id) {
            let losses = downloads.leave_out(item.id);
            lost.extend(losses.iter().map(ToString::to_string));
            continue;
        }
        let waves = match Download::parse(&item.bytes).unwrap() {
            Download::Wave(wave) => vec![wave.id],
            Download::Instrument(parsed) => parsed.regions.iter().map(|r| r.wave).collect(),
        };
        sent.push((item.name, waves));
    }
    (sent, lost)
}

fn pairs(pairs: &[(&str, &[u32])]) -> Vec<(String, Vec<u32>)> {
    let owned = |(name, waves): &(&str, &[u32])| ((*name).to_owned(), waves.to_vec());
    pairs.iter().map(owned).collect()
}

#[test]
fn what_plays_a_refused_wave_is_left_out() {
    for level in [Level::One, Level::Two] {
        let (sent, lost) = send(&bank(), &[], level);
        let all: [(&str, &[u32]); 7] = [
            ("w0", &[7]),
            ("w1", &[8]),
            ("w2", &[9]),
            ("all", &[7, 8, 9]),
            ("two", &[8, 9]),
            ("one", &[8]),
            ("none", &[]),
        ];
        assert_eq!((sent, lost), (pairs(&all), vec![]));

        let (sent, lost) = send(&bank(), &[8], level);
        let left: [(&str, &[u32]); 5] = [
            ("w0", &[7]),
            ("w2", &[9]),
            ("all", &[7, 9]),
            ("two", &[9]),
            ("none", &[]),
        ];
        assert_eq!(sent, pairs(&left));
        assert_eq!(
            lost,
            [
                "instrument \"all\" (bank 0:0, program 0) loses 1 region(s)",
                "instrument \"two\" (bank 1:2, program 3) loses 1 region(s)",
                "instrument \"one\" (bank 0:0, program 1) has no wave left",
            ]
        );

        let (sent, _) = send(&bank(), &[8, 9], level);
        let left: [(&str, &[u32]); 3] = [("w0", &[7]), ("all", &[7]), ("none", &[])];
        assert_eq!(sent, pairs(&left));
    }
}

#[test]
fn one_after_the_other_is_the_same_as_at_once() {
    let bank = bank();
    let options = Options::default();
    let set = bank.download_set(&Selection::All, options);
    let one_by_one: Vec<_> = bank.downloads(&Selection::All, options).collect();
    assert_eq!(set, one_by_one);
    assert!(matches!(set[3].kind, ItemKind::Instrument { patch: 0 }));
    let some = bank.download_set(&Selection::Patches(vec![1]), options);
    let names: Vec<&str> = some.iter().map(|item| &*item.name).collect();
    assert_eq!(names, ["w1", "one"]);
}

#[test]
fn ids_that_name_nothing_lose_nothing() {
    let bank = bank();
    let mut downloads = bank.downloads(&Selection::All, Options::default());
    assert_eq!(downloads.leave_out(99), []);
    assert_eq!(downloads.count(), 7);
}
