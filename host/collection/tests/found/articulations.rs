//! Articulations: which blocks a region has, in the file and in its download.

use dmusmini::dls::Download;
use dmusmini_collection::{Collection, Level, Options, Selection, destination};

use crate::bytes::{
    chunk, condition, expect_word, file, good_wave, halves, instrument, list, read, read_quietly,
    region, said, words,
};

/// A `CONNECTIONLIST` of static blocks that claims a header of `header` bytes.
fn blocks(header: u32, count: u32, blocks: &[(u16, u32)]) -> Vec<u8> {
    let mut bytes = words(&[header, count]);
    for (destination, scale) in blocks {
        bytes.extend(halves(&[0, 0, *destination, 0]));
        bytes.extend(words(&[*scale]));
    }
    bytes
}

const ATTACK: u16 = destination::EG1_ATTACK;
const RELEASE: u16 = destination::EG1_RELEASE;

fn lart(form: &str, id: &str, pairs: &[(u16, u32)]) -> Vec<u8> {
    let count = u32::try_from(pairs.len()).unwrap();
    list(form, &[chunk(id, &blocks(8, count, pairs))])
}

/// Attack and release of each region, in time cents, as the driver understands the download.
fn envelopes(collection: &Collection, level: Level) -> Vec<(i32, i32)> {
    let options = Options {
        level,
        ..Options::default()
    };
    let items = collection.bank().download_set(&Selection::All, options);
    let Ok(Download::Instrument(parsed)) = Download::parse(&items.last().unwrap().bytes) else {
        panic!()
    };
    let envelope = |region| {
        let eg1 = parsed.articulation(region).eg1;
        (eg1.attack.0, eg1.release.0)
    };
    parsed.regions.iter().map(envelope).collect()
}

/// "The text's default is 0 s", which is stored as 0x80000000.
const NO_TIME: i32 = i32::MIN;

#[test]
fn a_level_1_regions_own_articulation_is_used_alone() {
    let own = |form: &str, list: &str, id: &str| {
        let regions = [
            region(form, 0, &[lart(list, id, &[(ATTACK, 100 << 16)])]),
            region(form, 0, &[]),
        ];
        let common = lart(list, id, &[(ATTACK, 300 << 16), (RELEASE, 400 << 16)]);
        read_quietly(&file(
            &[instrument(0, 0, &regions, &[common])],
            &[good_wave()],
        ))
    };
    let common = (300 << 16, 400 << 16);
    for level in [Level::One, Level::Two] {
        let alone = own("rgn ", "lart", "art1");
        assert!(alone.instruments()[0].regions[0].articulation_alone);
        assert_eq!(
            envelopes(&alone, level),
            [(100 << 16, NO_TIME), common],
            "{level:?}"
        );
        let over = own("rgn2", "lar2", "art2");
        assert!(!over.instruments()[0].regions[0].articulation_alone);
        assert_eq!(
            envelopes(&over, level),
            [(100 << 16, 400 << 16), common],
            "{level:?}"
        );
        // Lists of level 2 in a region of level 1: their writer knew level 2.
        let mixed = own("rgn ", "lar2", "art1");
        assert_eq!(
            envelopes(&mixed, level),
            [(100 << 16, 400 << 16), common],
            "{level:?}"
        );
    }
}

#[test]
fn an_articulation_that_is_switched_off_or_broken_is_none() {
    let off = |more: &[Vec<u8>]| {
        let own = list(
            "lart",
            &[
                more.concat(),
                chunk("art1", &blocks(8, 1, &[(ATTACK, 100 << 16)])),
            ],
        );
        let common = lart("lart", "art1", &[(RELEASE, 400 << 16)]);
        read(&file(
            &[instrument(0, 0, &[region("rgn ", 0, &[own])], &[common])],
            &[good_wave()],
        ))
    };
    let switched = off(&[condition(0)]);
    assert_eq!(envelopes(&switched, Level::Two), [(NO_TIME, 400 << 16)]);
    assert_eq!(said(&switched), [""; 0]);
    let broken = off(&[chunk("cdl ", &[])]);
    assert_eq!(envelopes(&broken, Level::Two), [(NO_TIME, 400 << 16)]);
    expect_word(
        &broken,
        &[
            "region 0 of instrument 0",
            "articulation left out: conditional",
        ],
    );
    let on = off(&[condition(1)]);
    assert_eq!(envelopes(&on, Level::Two), [(100 << 16, NO_TIME)]);
}

#[test]
fn headers_and_counts_that_lie() {
    let pairs = [(ATTACK, 100 << 16), (RELEASE, 200 << 16)];
    // Header, count, blocks that are read, whether there is a word.
    let cases = [
        (8, 2, 2, false),
        (0, 2, 2, true),
        (4, 2, 2, true),
        (1000, 2, 2, true),
        (u32::MAX, 2, 2, true),
        (8, 3, 2, true),
        (8, u32::MAX, 2, true),
        (8, 1, 1, true),
        (8, 0, 0, true),
    ];
    for (header, count, expected, word) in cases {
        let bytes = blocks(header, count, &pairs);
        let own = list("lart", &[chunk("art1", &bytes)]);
        let collection = read(&file(
            &[instrument(0, 0, &[region("rgn ", 0, &[own])], &[])],
            &[good_wave()],
        ));
        let region = &collection.instruments()[0].regions[0];
        assert_eq!(region.articulation.len(), expected, "{header} {count}");
        assert_eq!(!said(&collection).is_empty(), word, "{header} {count}");
    }
    // A header of 12 bytes.
    let mut bytes = words(&[12, 1, 0x7777_7777]);
    bytes.extend(&blocks(8, 1, &[(ATTACK, 5)])[8..]);
    let own = list("lart", &[chunk("art1", &bytes)]);
    let collection = read_quietly(&file(
        &[instrument(0, 0, &[region("rgn ", 0, &[own])], &[])],
        &[good_wave()],
    ));
    assert_eq!(
        collection.instruments()[0].regions[0].articulation[0].scale,
        5
    );
    // Too short for anything.
    for length in 0..8 {
        let own = list("lart", &[chunk("art1", &blocks(8, 0, &[])[..length])]);
        let collection = read(&file(
            &[instrument(0, 0, &[region("rgn ", 0, &[own])], &[])],
            &[good_wave()],
        ));
        expect_word(&collection, &["articulation chunk is too short"]);
        assert!(!collection.instruments()[0].regions[0].articulation_alone);
    }
}
