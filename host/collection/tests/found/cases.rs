//! The collections of the shared cases: what is right about them at the reader.

use std::path::PathBuf;

use dmusmini_collection::Collection;

use crate::bytes::said;

fn cases() -> Option<PathBuf> {
    let data = std::env::var_os("DMUSMINI_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let cases = data.join("cases");
    if cases.exists() {
        return Some(cases);
    }
    println!("SKIPPED: no {} (set DMUSMINI_DATA)", cases.display());
    None
}

/// File, patches, frames of the loop of each instrument's first region, and a part of a warning.
type Case = (&'static str, &'static [u32], &'static str);

const READ: [Case; 11] = [
    ("one.dls", &[0], ""),
    ("kit.dls", &[0, 0x8000_0000, 5], ""),
    ("01-ulbank.dls", &[0, 0x0008_0000, 0x0000_0300], ""),
    (
        "03-one-empty-wave.dls",
        &[0],
        "wave 1: left out: the wave has no frames",
    ),
    (
        "03-empty-cdl.dls",
        &[0],
        "region 0 of instrument 0 (bank 0:0, program 0): left out: conditional chunk",
    ),
    (
        "04-riff-size-is-file-size.dls",
        &[0],
        "the RIFF form claims",
    ),
    ("08-mobile.dls", &[0x0079_0000, 0x8078_0000], ""),
    ("11-wsmp-cbsize-18.dls", &[0], "18 bytes"),
    ("13-song-with-dls.rmi", &[0], ""),
    // Of these only the song matters.
    ("one.dls", &[0], ""),
    ("kit.dls", &[0, 0x8000_0000, 5], ""),
];

#[test]
fn collections_of_the_cases_are_read_as_the_table_says() {
    let Some(cases) = cases() else { return };
    for (file, patches, word) in READ {
        let collection = Collection::open(cases.join(file)).unwrap();
        let found: Vec<u32> = collection.instruments().iter().map(|i| i.patch).collect();
        assert_eq!(found, patches, "{file}");
        let words = said(&collection);
        assert_eq!(words.is_empty(), word.is_empty(), "{file}: {words:?}");
        assert!(
            word.is_empty() || words.iter().any(|text| text.contains(word)),
            "{file}: {words:?}"
        );
        for instrument in collection.instruments() {
            let region = &instrument.regions[0];
            let wave = &collection.bank().waves[region.wave];
            let sample = region.sample.or(wave.sample).unwrap();
            let wave_loop = sample.wave_loop.unwrap();
            let expected = if file.starts_with("11-") {
                (4000, 400)
            } else {
                (0, 4400)
            };
            assert_eq!((wave_loop.start, wave_loop.length), expected, "{file}");
        }
    }
}

#[test]
fn collections_of_the_cases_are_refused_as_the_table_says() {
    let Some(cases) = cases() else { return };
    for (file, cause) in [
        (
            "02-no-wave-pool.dls",
            "no waves: \"DLS \" has no \"wvpl\" chunk",
        ),
        ("17-toplevel-cdl-false.dls", "\"cdl \" is false"),
    ] {
        let error = Collection::open(cases.join(file)).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains(cause), "{error}");
    }
}
