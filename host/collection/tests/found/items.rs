//! One bad item costs one item.

use dmusmini::dls::Download;
use dmusmini_collection::{Frames, Options, Selection};

use crate::bytes::{
    PLAIN, chunk, condition, expect_word, extensible, file, format, frames, good_wave, halves,
    head, instrument, link, list, name, plain_instrument, read, read_quietly, refused, region,
    said, wave, words,
};

/// A collection in which `bad` is the second wave, which one region of two plays, and an instrument
/// of its own.
fn with_bad_wave(bad: &[u8]) -> Vec<u8> {
    let half = |low, high, wave| list("rgn ", &[head(low, high), link(wave)]);
    file(
        &[
            instrument(0, 0, &[half(0, 63, 0), half(64, 127, 1)], &[name("Both")]),
            instrument(0, 1, &[half(0, 127, 1)], &[name("Lost")]),
        ],
        &[good_wave(), bad.to_vec()],
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line a case")]
fn a_wave_that_cannot_be_played_costs_that_wave() {
    let data = frames(20);
    let bare = |parts: &[Vec<u8>]| list("wave", &[parts.concat(), name("bad")]);
    let foreign = {
        let mut bytes = extensible(1, 1, 16);
        bytes[30] = 0x77;
        bytes
    };
    let cases: &[(Vec<u8>, &str, &str)] = &[
        (
            wave("bad", &format(6, 1, 8000, 8), &data),
            "fmt ",
            "A-law (tag 0x6), 1 channel(s), 8 bits",
        ),
        (wave("bad", &format(7, 1, 8000, 8), &data), "fmt ", "mu-law"),
        (
            wave("bad", &format(3, 1, 44_100, 32), &data),
            "fmt ",
            "floating point",
        ),
        (
            wave("bad", &format(2, 1, 44_100, 4), &data),
            "fmt ",
            "ADPCM",
        ),
        (
            wave("bad", &format(0x55, 1, 44_100, 0), &data),
            "fmt ",
            "MPEG",
        ),
        (
            wave("bad", &format(1, 1, 44_100, 24), &data),
            "fmt ",
            "24 bits",
        ),
        (
            wave("bad", &format(1, 1, 44_100, 32), &data),
            "fmt ",
            "32 bits",
        ),
        (
            wave("bad", &format(1, 2, 44_100, 16), &data),
            "fmt ",
            "2 channel(s)",
        ),
        (
            wave("bad", &format(1, 0, 44_100, 16), &data),
            "fmt ",
            "0 channel(s)",
        ),
        (
            wave("bad", &format(1, 1, 0, 16), &data),
            "fmt ",
            "a sample rate of 0",
        ),
        (
            wave("bad", &extensible(3, 1, 32), &data),
            "fmt ",
            "floating point (tag 0x3)",
        ),
        (wave("bad", &extensible(1, 1, 24), &data), "fmt ", "24 bits"),
        (
            wave("bad", &extensible(1, 2, 16), &data),
            "fmt ",
            "2 channel(s)",
        ),
        (
            wave("bad", &foreign, &data),
            "fmt ",
            "sub-format is not PCM",
        ),
        (
            wave("bad", &extensible(1, 1, 16)[..18], &data),
            "fmt ",
            "incomplete extensible",
        ),
        (
            wave("bad", &PLAIN()[..12], &data),
            "",
            "\"fmt \" is too short",
        ),
        (wave("bad", &[], &data), "fmt ", "\"fmt \" is too short"),
        (wave("bad", &PLAIN(), &[]), "data", "the wave has no frames"),
        (
            wave("bad", &PLAIN(), &[1]),
            "data",
            "the wave has no frames",
        ),
        (
            bare(&[chunk("data", &data)]),
            "wave",
            "\"wave\" has no \"fmt \" chunk",
        ),
        (
            bare(&[chunk("fmt ", &PLAIN())]),
            "wave",
            "\"wave\" has no \"data\" chunk",
        ),
        (bare(&[]), "wave", "\"wave\" has no \"fmt \" chunk"),
        (
            bare(&[
                chunk("cdl ", &[]),
                chunk("fmt ", &PLAIN()),
                chunk("data", &data),
            ]),
            "",
            "conditional chunk",
        ),
    ];
    for (bad, place, cause) in cases {
        let bytes = with_bad_wave(bad);
        let collection = read(&bytes);
        let bank = collection.bank();
        assert_eq!(bank.waves.len(), 1, "{cause}");
        assert_eq!(bank.instruments.len(), 1, "{cause}");
        assert_eq!(bank.instruments[0].regions.len(), 1, "{cause}");
        let word = expect_word(&collection, &["wave 1 \"bad\": left out: ", cause]);
        let at = usize::try_from(word.offset).unwrap();
        let ids = [&bytes[at - 8..at - 4], &bytes[at - 4..at]];
        assert!(
            place.is_empty() || ids.contains(&place.as_bytes()),
            "{word} does not point at {place}"
        );
        expect_word(
            &collection,
            &["region 1 of instrument 0 \"Both\"", "wave 1 was left out"],
        );
        expect_word(
            &collection,
            &[
                "instrument 1 \"Lost\" (bank 0:0, program 1): left out",
                "wave 1 was left out",
            ],
        );
        for item in bank.download_set(&Selection::All, Options::default()) {
            Download::parse(&item.bytes).unwrap();
        }
    }
}

#[test]
fn a_bank_of_which_no_wave_can_be_played_is_refused_for_the_first_ones_cause() {
    let bad = wave("bad", &format(6, 1, 8000, 8), &[0; 8]);
    let error = refused(&file(&[plain_instrument()], &[bad.clone(), bad]));
    for part in [
        "no waves",
        "none of its 2 can be played",
        "wave 0 \"bad\"",
        "A-law",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_extensible_format_of_16_bit_pcm_plays() {
    for (format, eight) in [(extensible(1, 1, 16), false), (extensible(1, 1, 8), true)] {
        let bytes = file(&[plain_instrument()], &[wave("e", &format, &frames(20))]);
        let collection = read_quietly(&bytes);
        let items = collection
            .bank()
            .download_set(&Selection::All, Options::default());
        // The download says it plainly: DMUS_WAVE's format stands at its byte 12.
        let at = u32::from_le_bytes(items[0].bytes[16..20].try_into().unwrap()) as usize + 12;
        let expected = if eight {
            [
                1, 0, 1, 0, 0x44, 0xAC, 0, 0, 0x44, 0xAC, 0, 0, 1, 0, 8, 0, 0, 0,
            ]
        } else {
            [
                1, 0, 1, 0, 0x44, 0xAC, 0, 0, 0x88, 0x58, 1, 0, 2, 0, 16, 0, 0, 0,
            ]
        };
        assert_eq!(items[0].bytes[at..at + 18], expected);
        let Ok(Download::Wave(parsed)) = Download::parse(&items[0].bytes) else {
            panic!()
        };
        assert_eq!(parsed.frames().len(), if eight { 40 } else { 20 });
    }
}

#[test]
fn waves_of_8_bits_and_of_odd_sizes_are_read() {
    let bytes = file(
        &[plain_instrument()],
        &[wave("8", &format(1, 1, 11_025, 8), &[1, 2, 3]), good_wave()],
    );
    let collection = read_quietly(&bytes);
    assert_eq!(
        collection.bank().waves[0].frames,
        Frames::Eight(vec![1, 2, 3])
    );
    assert_eq!(collection.bank().waves.len(), 2);

    let bytes = file(&[plain_instrument()], &[wave("16", &PLAIN(), &[1, 0, 2])]);
    let collection = read(&bytes);
    assert_eq!(collection.bank().waves[0].frames, Frames::Sixteen(vec![1]));
    expect_word(&collection, &["wave 0 \"16\"", "odd number of bytes"]);

    // A `WAVEFORMAT` of 14 bytes: a frame of 2 bytes and one channel has 16 bits.
    let bytes = file(
        &[plain_instrument()],
        &[wave("old", &PLAIN()[..14], &frames(3))],
    );
    let collection = read(&bytes);
    assert_eq!(
        collection.bank().waves[0].frames,
        Frames::Sixteen(vec![0, 1, 2])
    );
    expect_word(&collection, &["wave 0 \"old\"", "no bits"]);
}

#[test]
fn a_bad_region_costs_that_region() {
    let good = || region("rgn ", 0, &[]);
    let velocities = |low, high| chunk("rgnh", &halves(&[0, 127, low, high, 0, 0]));
    let long_link = |wave: u32| chunk("wlnk", &[halves(&[0, 0]), words(&[1, wave])].concat());
    let cases: &[(&[Vec<u8>], &str)] = &[
        (&[head(0, 127)], "\"rgn \" has no \"wlnk\" chunk"),
        (&[link(0)], "\"rgn \" has no \"rgnh\" chunk"),
        (&[], "\"rgn \" has no \"rgnh\" chunk"),
        (&[head(0, 127), chunk("wlnk", &[])], "\"wlnk\" is too short"),
        (
            &[head(0, 127), chunk("wlnk", &words(&[0, 1]))],
            "\"wlnk\" is too short",
        ),
        (
            &[chunk("rgnh", &halves(&[0])), link(0)],
            "\"rgnh\" is too short",
        ),
        (
            &[head(0, 127), long_link(1)],
            "wave link 1: the pool table has 1 entries only",
        ),
        (
            &[head(0, 127), long_link(u32::MAX)],
            "the pool table has 1 entries only",
        ),
        (&[head(60, 50), link(0)], "the key range 60 to 50 is empty"),
        (
            &[head(200, 300), link(0)],
            "the key range 200 to 300 is empty",
        ),
        (
            &[head(0xFFFF, 0xFFFF), link(0)],
            "the key range 65535 to 65535 is empty",
        ),
        (
            &[velocities(9, 8), link(0)],
            "the velocity range 9 to 8 is empty",
        ),
        (
            &[head(0, 127), link(0), chunk("cdl ", &[])],
            "conditional chunk: it has no result",
        ),
        (
            &[head(0, 127), link(0), chunk("cdl ", &[99, 0])],
            "conditional chunk",
        ),
        (
            &[head(0, 127), link(0), chunk("cdl ", &[16])],
            "\"cdl \" is too short",
        ),
        (
            &[head(0, 127), link(0), chunk("cdl ", &halves(&[7]))],
            "lacks its operands",
        ),
    ];
    for (parts, cause) in cases {
        let bytes = file(
            &[instrument(
                0,
                0,
                &[list("rgn ", parts), good()],
                &[name("Two")],
            )],
            &[good_wave()],
        );
        let collection = read(&bytes);
        assert_eq!(collection.instruments()[0].regions.len(), 1, "{cause}");
        let word = expect_word(
            &collection,
            &[
                "region 0 of instrument 0 \"Two\" (bank 0:0, program 0): left out: ",
                cause,
            ],
        );
        assert!(word.offset > 0 && word.offset < bytes.len() as u64);
        // The chunk's own name, whichever level the region has.
        let level_2: Vec<Vec<u8>> = vec![list("rgn2", parts), good()];
        let bytes = file(&[instrument(0, 0, &level_2, &[])], &[good_wave()]);
        let collection = read(&bytes);
        expect_word(&collection, &[&cause.replace("rgn \"", "rgn2\"")]);
    }
}

#[test]
fn what_a_region_says_too_little_of_has_its_default() {
    let short = chunk("rgnh", &halves(&[10, 20]));
    let high = head(100, 999);
    for (head, keys) in [(short, (10, 20)), (high, (100, 127))] {
        let bytes = file(
            &[instrument(0, 0, &[list("rgn ", &[head, link(0)])], &[])],
            &[good_wave()],
        );
        let collection = read(&bytes);
        let region = &collection.instruments()[0].regions[0];
        assert_eq!((region.keys, region.velocities), (keys, (0, 127)));
        assert!(!said(&collection).is_empty());
    }
}

#[test]
fn a_bad_instrument_costs_that_instrument() {
    let regions = || list("lrgn", &[region("rgn ", 0, &[])]);
    let insh = |words_of: &[u32]| chunk("insh", &words(words_of));
    let cases: &[(Vec<Vec<u8>>, &str)] = &[
        (vec![regions()], "\"ins \" has no \"insh\" chunk"),
        (vec![insh(&[1, 0]), regions()], "\"insh\" is too short"),
        (vec![insh(&[]), regions()], "\"insh\" is too short"),
        (vec![insh(&[0, 0, 1])], "\"ins \" has no \"lrgn\" chunk"),
        (
            vec![insh(&[0, 0, 1]), list("lrgn", &[])],
            "the list \"lrgn\" holds none",
        ),
        (
            vec![insh(&[1, 0, 1]), list("lrgn", &[region("rgn ", 7, &[])])],
            "none of its 1 can be; byte",
        ),
        (
            vec![
                insh(&[1, 0, 1]),
                list("lrgn", &[region("rgn ", 0, &[condition(0)])]),
            ],
            "the conditions of all its 1 are false",
        ),
        (
            vec![insh(&[1, 0, 1]), regions(), chunk("cdl ", &[])],
            "conditional chunk",
        ),
    ];
    for (parts, cause) in cases {
        let bad = list("ins ", &[parts.concat(), name("Bad")]);
        let collection = read(&file(&[bad.clone(), plain_instrument()], &[good_wave()]));
        assert_eq!(collection.instruments().len(), 1, "{cause}");
        expect_word(&collection, &["instrument 0 \"Bad\"", "left out: ", cause]);
        // The same is the error's reason when it was the only one.
        let error = refused(&file(&[bad], &[good_wave()]));
        assert!(
            error.contains("no instruments") && error.contains(cause),
            "{error}"
        );
    }
}

#[test]
fn what_conditions_switch_off_needs_no_word() {
    let off = instrument(0, 1, &[region("rgn ", 0, &[])], &[condition(0)]);
    let half_off = instrument(
        0,
        2,
        &[
            region("rgn ", 0, &[condition(0)]),
            region("rgn ", 0, &[condition(1)]),
        ],
        &[],
    );
    let collection = read_quietly(&file(&[off, half_off], &[good_wave()]));
    assert_eq!(collection.instruments().len(), 1);
    assert_eq!(collection.instruments()[0].regions.len(), 1);
}

#[test]
fn two_instruments_of_one_patch_are_told() {
    let one = |title| instrument(0x0102, 3, &[region("rgn ", 0, &[])], &[name(title)]);
    let collection = read(&file(
        &[one("A"), plain_instrument(), one("B")],
        &[good_wave()],
    ));
    assert_eq!(collection.instruments().len(), 3);
    expect_word(
        &collection,
        &[
            "instrument 2 \"B\" (bank 1:2, program 3)",
            "the patch of instrument 0",
        ],
    );
}

#[test]
fn warnings_do_not_outgrow_a_hostile_file() {
    let empty: Vec<Vec<u8>> = (0..5000).map(|_| list("rgn ", &[])).collect();
    let regions = [empty.concat(), region("rgn ", 0, &[])];
    let collection = read(&file(&[instrument(0, 0, &regions, &[])], &[good_wave()]));
    assert!(collection.warnings().len() < 1100);
    expect_word(&collection, &["more warnings"]);
}
