//! Containers as they are found: sizes that lie, stray bytes, missing pad bytes, counts.

use crate::bytes::{
    chunk, condition, expect_word, file, find, format, frames, good, good_wave, instrument, link,
    list, name, parts, plain_instrument, put, read, read_quietly, refused, region, riff, said,
    table, wave, words,
};

/// The instrument and the wave of [`good`] are all there.
fn is_whole(bytes: &[u8]) -> dmusmini_collection::Collection {
    let collection = read(bytes);
    assert_eq!(collection.instruments().len(), 1);
    assert_eq!(collection.instruments()[0].regions.len(), 1);
    assert_eq!(collection.bank().waves[0].frames.len(), 100);
    collection
}

#[test]
fn a_riff_size_that_lies_is_repaired_while_the_parts_are_there() {
    let bytes = good();
    let right = u32::try_from(bytes.len()).unwrap() - 8;
    read_quietly(&bytes);
    for size in [
        right + 8,
        right + 1,
        right - 1,
        right - 8,
        right - 100,
        0,
        4,
        right + 9,
        right + 1000,
        0x7FFF_FFFF,
        u32::MAX,
    ] {
        let mut bytes = bytes.clone();
        put(&mut bytes, 4, size);
        let collection = is_whole(&bytes);
        expect_word(
            &collection,
            &[
                "byte 0x4: collection: the RIFF form claims",
                &size.to_string(),
            ],
        );
    }
}

#[test]
fn a_file_that_is_cut_short_is_refused_as_such() {
    let bytes = good();
    let whole = bytes.len();
    for cut in 21..whole - 8 {
        // A RIFF size of the whole file: something that matters is missing.
        let error = refused(&bytes[..cut]);
        assert!(
            error.contains("cut short") && error.contains("RIFF"),
            "{cut}: {error}"
        );
    }
    for cut in 0..12 {
        assert!(
            refused(&bytes[..cut]).contains("not a DLS collection"),
            "{cut}"
        );
    }
}

#[test]
fn stray_bytes_at_the_end_of_the_file_are_ignored() {
    for stray in [
        &b"\0"[..],
        b"\r\n",
        b"\x1A",
        &[0; 13],
        b"garbage behind",
        b"LIST\xFF\0\0\0junk",
    ] {
        let bytes = [&good(), stray].concat();
        let collection = is_whole(&bytes);
        let count = format!("{} byte(s) behind the end", stray.len());
        let found = said(&collection);
        assert!(
            found
                .iter()
                .any(|text| text.contains(&count) || text.contains("stray byte(s)")),
            "{stray:?}: {found:?}"
        );
    }
    // A second file behind the first.
    let collection = is_whole(&[good(), good()].concat());
    expect_word(&collection, &["behind the end of the RIFF form"]);
}

#[test]
fn stray_bytes_at_the_end_of_each_list_are_ignored() {
    for stray in [
        &b"\0\0"[..],
        b"\0",
        b"\r\n\r\n",
        &[0; 12],
        &[0xFF; 20],
        b"some text here",
    ] {
        let dirty = |form: &str, inner: &[Vec<u8>]| list(form, &[inner.concat(), stray.to_vec()]);
        let art = || list("lart", &[chunk("art1", &words(&[8, 0]))]);
        let head = || chunk("insh", &words(&[1, 0, 0]));
        let clean_region = || region("rgn ", 0, &[art()]);
        let dirty_region = dirty("rgn ", &[crate::bytes::head(0, 127), link(0), art()]);
        let dirty_art = region(
            "rgn ",
            0,
            &[dirty("lart", &[chunk("art1", &words(&[8, 0]))])],
        );
        let data = chunk("data", &frames(100));
        let fmt = chunk("fmt ", &format(1, 1, 44_100, 16));
        let instrument_of = |region| instrument(0, 0, &[region], &[]);
        let files = [
            file(&[instrument_of(dirty_region)], &[good_wave()]),
            file(&[instrument_of(dirty_art)], &[good_wave()]),
            file(
                &[list("ins ", &[head(), dirty("lrgn", &[clean_region()])])],
                &[good_wave()],
            ),
            file(
                &[dirty("ins ", &[head(), list("lrgn", &[clean_region()])])],
                &[good_wave()],
            ),
            file(&[plain_instrument()], &[dirty("wave", &[fmt, data])]),
            riff("DLS ", &{
                let mut parts = parts(&[plain_instrument()], &[good_wave()]);
                parts[1] = dirty("lins", &[plain_instrument()]);
                parts
            }),
            riff("DLS ", &{
                let mut parts = parts(&[plain_instrument()], &[good_wave()]);
                parts[3] = dirty("wvpl", &[good_wave()]);
                parts
            }),
        ];
        for (number, bytes) in files.iter().enumerate() {
            let collection = is_whole(bytes);
            let found = said(&collection);
            assert_eq!(found.len(), 1, "{number} {stray:?}: {found:?}");
            assert!(found[0].contains("stray byte(s)"), "{found:?}");
        }
    }
}

#[test]
fn missing_pad_bytes_cost_nothing() {
    // An id of an odd size in the middle of the instrument, and wave data of an odd size.
    let unpadded = |id: &str, data: &[u8]| {
        let mut bytes = chunk(id, data);
        assert_eq!(bytes.pop(), Some(0));
        bytes
    };
    let head = chunk("insh", &words(&[1, 0, 0]));
    let title = list("INFO", &[chunk("INAM", b"ab\0"), chunk("ICOP", b"x")]);
    let short_id = unpadded("dlid", &[7; 15]);
    let regions = || list("lrgn", &[region("rgn ", 0, &[])]);
    let fmt = || chunk("fmt ", &format(1, 1, 44_100, 8));
    let odd_wave = |data: Vec<u8>| list("wave", &[fmt(), data, name("odd")]);
    let padded = file(
        &[list("ins ", &[head.clone(), title.clone(), regions()])],
        &[odd_wave(chunk("data", &[128; 99])), good_wave()],
    );
    read_quietly(&padded);
    let bytes = file(
        &[list("ins ", &[head, short_id, title, regions()])],
        &[odd_wave(unpadded("data", &[128; 99])), good_wave()],
    );
    let collection = read(&bytes);
    assert_eq!(collection.instruments()[0].name, "ab");
    let waves = &collection.bank().waves;
    assert_eq!((waves.len(), waves[0].frames.len()), (2, 99));
    assert_eq!(
        (waves[0].name.as_str(), waves[1].name.as_str()),
        ("odd", "good")
    );
    expect_word(&collection, &["instrument 0", "pad byte"]);
    expect_word(&collection, &["wave 0", "pad byte"]);
}

#[test]
fn lists_that_count_their_own_header_are_read() {
    // Every list 8 too large.
    let mut bytes = good();
    let mut at = 0;
    while let Some(next) = bytes[at..].windows(4).position(|four| four == b"LIST") {
        at += next + 4;
        let size = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        put(&mut bytes, at, size + 8);
    }
    let collection = is_whole(&bytes);
    assert!(!said(&collection).is_empty());
}

#[test]
fn one_list_that_claims_too_much_costs_no_other() {
    let two = |program, title| instrument(0, program, &[region("rgn ", 0, &[])], &[name(title)]);
    let bytes = file(&[two(0, "A"), two(1, "B")], &[good_wave(), good_wave()]);
    for form in ["ins ", "rgn ", "wave", "lrgn", "lins", "wvpl"] {
        let at = bytes
            .windows(4)
            .position(|four| four == form.as_bytes())
            .unwrap();
        let mut bytes = bytes.clone();
        put(&mut bytes, at - 4, u32::MAX);
        let collection = read(&bytes);
        let names: Vec<&str> = collection.instruments().iter().map(|i| &*i.name).collect();
        assert_eq!(names, ["A", "B"], "{form}");
        assert_eq!(collection.bank().waves.len(), 2, "{form}");
        expect_word(&collection, &["\"LIST\" claims 4294967295 bytes"]);
    }
}

#[test]
fn even_when_every_list_claims_too_much_the_items_are_found() {
    let two = |program, title| instrument(0, program, &[region("rgn ", 0, &[])], &[name(title)]);
    for size in [u32::MAX, 0x7FFF_FFFF, 100_000] {
        let mut bytes = file(&[two(0, "A"), two(1, "B")], &[good_wave(), good_wave()]);
        let mut at = 0;
        while let Some(next) = bytes[at..].windows(4).position(|four| four == b"LIST") {
            at += next + 4;
            put(&mut bytes, at, size);
        }
        let collection = read(&bytes);
        let names: Vec<&str> = collection.instruments().iter().map(|i| &*i.name).collect();
        assert_eq!(names, ["A", "B"]);
        let waves = &collection.bank().waves;
        assert_eq!(waves.len(), 2);
        assert!(waves.iter().all(|wave| wave.frames.len() == 100));
    }
}

#[test]
fn wave_data_that_claims_too_much_is_what_there_is() {
    let mut bytes = file(
        &[plain_instrument()],
        &[list(
            "wave",
            &[
                chunk("fmt ", &format(1, 1, 44_100, 16)),
                chunk("data", &frames(100)),
            ],
        )],
    );
    let at = find(&bytes, "data");
    for size in [201, 208, 5000, u32::MAX] {
        put(&mut bytes, at - 4, size);
        let collection = is_whole(&bytes);
        expect_word(
            &collection,
            &["wave 0", "chunk \"data\" claims", "only 200 are left"],
        );
    }
}

#[test]
fn the_collections_own_condition_decides() {
    let with = |condition: Vec<u8>| {
        let mut parts = parts(&[plain_instrument()], &[good_wave()]).to_vec();
        parts.insert(0, condition);
        riff("DLS ", &parts)
    };
    read_quietly(&with(condition(1)));
    let error = refused(&with(condition(0)));
    assert!(
        error.contains("conditional chunk \"cdl \" is false") && error.contains("byte 0x14: "),
        "{error}"
    );
    assert!(refused(&with(chunk("cdl ", &[]))).contains("conditional chunk: it has no result"));
    // Wherever it stands.
    let mut parts = parts(&[plain_instrument()], &[good_wave()]).to_vec();
    parts.push(condition(0));
    assert!(refused(&riff("DLS ", &parts)).contains("\"cdl \" is false"));
}

#[test]
fn a_collection_without_waves_or_instruments_is_refused() {
    let all = || parts(&[plain_instrument()], &[good_wave()]);
    let without = |index: usize| {
        let mut parts = all();
        parts[index] = Vec::new();
        riff("DLS ", &parts)
    };
    let cases = [
        (without(1), "no instruments: \"DLS \" has no \"lins\" chunk"),
        (without(3), "no waves: \"DLS \" has no \"wvpl\" chunk"),
        (
            file(&[], &[good_wave()]),
            "no instruments: the list \"lins\" holds none",
        ),
        (
            file(&[plain_instrument()], &[]),
            "no waves: the list \"wvpl\" holds none",
        ),
        (
            riff("DLS ", &[]),
            "no instruments: \"DLS \" has no \"lins\" chunk",
        ),
        (
            file(
                &[instrument(0, 0, &[region("rgn ", 0, &[])], &[condition(0)])],
                &[good_wave()],
            ),
            "no instruments: the conditions of all its 1 are false",
        ),
    ];
    for (bytes, cause) in cases {
        let error = refused(&bytes);
        assert!(error.contains(cause), "{error}");
    }
}

#[test]
fn pool_tables_that_lie() {
    let two = [
        instrument(0, 0, &[region("rgn ", 0, &[])], &[]),
        instrument(0, 1, &[region("rgn ", 1, &[])], &[]),
    ];
    let waves = [
        wave("A", &format(1, 1, 44_100, 16), &frames(7)),
        good_wave(),
    ];
    let second = u32::try_from(waves[0].len()).unwrap();
    let with = |table: Vec<u8>| {
        let mut parts = parts(&two, &waves);
        parts[2] = table;
        riff("DLS ", &parts)
    };
    let raw = |values: &[u32]| chunk("ptbl", &words(values));
    let cases: &[(Vec<u8>, &str)] = &[
        (table(&[0, second]), ""),
        (table(&[0, second, u32::MAX]), ""),
        (raw(&[12, 2, 7, 0, second]), ""),
        (Vec::new(), "has no \"ptbl\""),
        (raw(&[]), "\"ptbl\" is too short"),
        (raw(&[8]), "\"ptbl\" is too short"),
        (raw(&[8, 0]), "no cue of \"ptbl\" leads to a wave"),
        (raw(&[8, 1, 0, second]), "counts 1 cues, but holds 2"),
        (
            raw(&[8, 3, 0, second]),
            "counts 3 records, but has room for 2",
        ),
        (raw(&[8, u32::MAX, 0, second]), "but has room for 2"),
        (raw(&[0, 2, 0, second]), "claims a header of 0 bytes"),
        (
            raw(&[u32::MAX, 2, 0, second]),
            "claims a header of 4294967295 bytes",
        ),
        (table(&[4, second + 4]), "4 bytes too far"),
        (table(&[12, second + 12]), "12 bytes too far"),
        (table(&[3, 5]), "no cue of \"ptbl\" leads to a wave"),
    ];
    for (table, word) in cases {
        let collection = read(&with(table.clone()));
        let lengths: Vec<usize> = collection
            .instruments()
            .iter()
            .map(|i| collection.bank().waves[i.regions[0].wave].frames.len())
            .collect();
        assert_eq!(lengths, [7, 100], "{word}");
        let found = said(&collection);
        assert_eq!(found.is_empty(), word.is_empty(), "{word}: {found:?}");
        assert!(
            word.is_empty() || found.iter().any(|text| text.contains(word)),
            "{word}: {found:?}"
        );
    }
    // One bad cue costs what it names.
    let collection = read(&with(table(&[0, second + 2])));
    assert_eq!(collection.instruments().len(), 1);
    expect_word(
        &collection,
        &[
            "region 0 of instrument 1",
            &format!("no wave begins at byte {}", second + 2),
        ],
    );
    let collection = read(&with(table(&[0, u32::MAX])));
    expect_word(&collection, &["region 0 of instrument 1", "a null cue"]);
}

#[test]
fn counts_that_lie_are_told() {
    let mut bytes = good();
    let at = find(&bytes, "colh");
    put(&mut bytes, at, 7);
    let at = find(&bytes, "insh");
    put(&mut bytes, at, 300);
    let collection = is_whole(&bytes);
    expect_word(
        &collection,
        &["\"colh\" counts 7 instruments, but there are 1"],
    );
    expect_word(
        &collection,
        &[
            "instrument 0",
            "\"insh\" counts 300 regions, but there are 1",
        ],
    );

    let mut parts = parts(&[plain_instrument()], &[good_wave()]);
    parts[0] = Vec::new();
    expect_word(&is_whole(&riff("DLS ", &parts)), &["no \"colh\""]);
    parts[0] = chunk("colh", &[1, 0]);
    expect_word(&is_whole(&riff("DLS ", &parts)), &["\"colh\" is too short"]);
}

#[test]
fn of_what_there_is_one_of_the_first_counts() {
    let all = parts(&[plain_instrument()], &[good_wave()]);
    let other = parts(
        &[instrument(0, 5, &[region("rgn ", 0, &[])], &[])],
        &[wave("x", &format(1, 1, 44_100, 16), &frames(3))],
    );
    for (number, id) in ["colh", "lins", "ptbl", "wvpl"].iter().enumerate() {
        let mut doubled = all.to_vec();
        doubled.push(other[number].clone());
        let collection = is_whole(&riff("DLS ", &doubled));
        expect_word(&collection, &[&format!("a second \"{id}\" chunk: ignored")]);
    }
    // In an instrument, a region and a wave.
    let two_heads = list(
        "rgn ",
        &[
            crate::bytes::head(1, 2),
            crate::bytes::head(3, 4),
            link(0),
            link(9),
        ],
    );
    let two_names = [
        name("First"),
        name("Second"),
        chunk("insh", &words(&[1, 0, 9])),
    ];
    let two_formats = list(
        "wave",
        &[
            chunk("fmt ", &format(1, 1, 44_100, 16)),
            chunk("fmt ", &format(6, 2, 0, 4)),
            chunk("data", &frames(100)),
            chunk("data", &[]),
        ],
    );
    let bytes = file(
        &[instrument(0, 0, &[two_heads], &two_names)],
        &[two_formats],
    );
    let collection = is_whole(&bytes);
    assert_eq!(collection.instruments()[0].name, "First");
    assert_eq!(collection.instruments()[0].regions[0].keys, (1, 2));
    for id in ["rgnh", "wlnk", "INFO", "insh", "fmt ", "data"] {
        expect_word(&collection, &[&format!("a second \"{id}\" chunk: ignored")]);
    }
}

#[test]
fn chunks_of_others_need_no_word() {
    let all = parts(&[plain_instrument()], &[good_wave()]);
    let others = [
        chunk("pgal", &[7; 131]),
        chunk("pgal", &[]),
        chunk("vers", &[1]),
        chunk("dlid", &[2; 16]),
        chunk("dlid", &[]),
        chunk("JUNK", &[0; 40]),
        chunk("smpl", &[1; 3]),
        list("abcd", &[chunk("efgh", &[])]),
    ];
    for place in 0..=all.len() {
        let mut parts = all.to_vec();
        parts.insert(place, others.concat());
        read_quietly(&riff("DLS ", &parts));
    }
}

#[test]
fn a_song_with_a_collection_inside_has_it_read() {
    let song = chunk("data", b"MThd and so on");
    let bytes = riff("RMID", &[song.clone(), good()]);
    read_quietly(&bytes);
    // Places are those of the whole file.
    let mut inner = good();
    let at = find(&inner, "colh");
    put(&mut inner, at, 9);
    let bytes = riff("RMID", &[song.clone(), inner]);
    let word = is_whole(&bytes);
    let word = expect_word(&word, &["\"colh\""]);
    assert_eq!(word.offset, find(&bytes, "colh") as u64);
    // Sizes that lie there, as anywhere.
    let mut inner = good();
    let right = u32::try_from(inner.len()).unwrap() - 8;
    put(&mut inner, 4, right + 8);
    is_whole(&riff("RMID", &[song.clone(), inner]));

    assert!(refused(&riff("RMID", &[song])).contains("without a DLS collection"));
}

#[test]
fn names_are_kept_whatever_they_are() {
    let texts: [(&[u8], &str); 5] = [
        (b"plain\0", "plain"),
        (b"no end", "no end"),
        ("Fl\u{f6}te\0".as_bytes(), "Fl\u{f6}te"),
        (b"Fl\xF6te\0", "Fl\u{f6}te"),
        (b"\x1B[2J\x07\0rest", "\x1B[2J\x07"),
    ];
    for (bytes, expected) in texts {
        let title = || list("INFO", &[chunk("INAM", bytes)]);
        let one = instrument(0, 0, &[region("rgn ", 0, &[])], &[title()]);
        let collection = read_quietly(&file(&[one], &[good_wave()]));
        assert_eq!(collection.instruments()[0].name, expected);
        // A warning has it in print.
        let bad = instrument(0, 200, &[region("rgn ", 0, &[])], &[title()]);
        let collection = read(&file(&[bad, plain_instrument()], &[good_wave()]));
        let warning = &said(&collection)[0];
        assert!(!warning.contains(char::is_control), "{warning:?}");
    }
}

#[test]
fn chunks_that_stand_late_are_found() {
    for stray in [
        &[0; 8][..],
        &[0xFF; 300],
        b"some text of a tool that knew no better",
        &[0_u8][..],
        &[0, 0],
        &[0, 0, 0],
        b"\xFF\xFF\xFF\xFF\xFF",
        &[0; 7],
    ] {
        let stray = || stray.to_vec();
        let one = list(
            "ins ",
            &[
                chunk("insh", &words(&[1, 0, 5])),
                stray(),
                list("lrgn", &[region("rgn ", 0, &[])]),
                stray(),
                name("late"),
            ],
        );
        let late = list(
            "wave",
            &[
                chunk("fmt ", &format(1, 1, 44_100, 16)),
                stray(),
                chunk("data", &frames(100)),
            ],
        );
        let mut parts = parts(&[one], &[late]).to_vec();
        parts.insert(3, stray());
        parts.insert(2, stray());
        parts.insert(1, stray());
        let collection = is_whole(&riff("DLS ", &parts));
        assert_eq!(collection.instruments()[0].name, "late");
        assert_eq!(collection.instruments()[0].patch, 5);
        let found = said(&collection);
        assert_eq!(found.len(), 6, "{found:?}");
    }
    // Data that claims too little leaves its rest behind.
    let mut bytes = file(&[plain_instrument()], &[good_wave(), good_wave()]);
    let at = find(&bytes, "data");
    put(&mut bytes, at - 4, 50);
    let collection = read(&bytes);
    let waves = &collection.bank().waves;
    assert_eq!((waves[0].frames.len(), waves[1].frames.len()), (25, 100));
    assert_eq!(waves[0].name, "good");
    expect_word(
        &collection,
        &["wave 0 \"good\"", "150 stray byte(s) between chunks"],
    );
}
