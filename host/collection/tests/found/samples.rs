//! `wsmp`: structures that are shorter or longer than they say, and loops that lie.

use dmusmini_collection::{Loop, Sample};

use crate::bytes::{
    chunk, expect_word, file, good_wave, halves, plain_instrument, read, read_quietly, region,
    said, words,
};
use crate::bytes::{instrument, name};

/// Unity 62, -5 cents, -3 dB.
fn start(size: u32) -> Vec<u8> {
    let mut bytes = words(&[size]);
    bytes.extend(halves(&[62, 0xFFFB]));
    bytes.extend(words(&[0xFFE2_0000]));
    bytes
}

/// A structure of 20 bytes that claims `size`, with a loop.
fn wsmp(size: u32, loops: u32, record: [u32; 4]) -> Vec<u8> {
    let mut bytes = start(size);
    bytes.extend(words(&[3, loops]));
    bytes.extend(words(&record));
    bytes
}

/// The region's sample, the wave having 100 frames, and what was said.
fn sample_of(wsmp: &[u8]) -> (Option<Sample>, Vec<String>) {
    let region = region("rgn2", 0, &[chunk("wsmp", wsmp)]);
    let bytes = file(&[instrument(0, 0, &[region], &[name("I")])], &[good_wave()]);
    let collection = read(&bytes);
    (
        collection.instruments()[0].regions[0].sample,
        said(&collection),
    )
}

fn looped(start: u32, length: u32) -> Sample {
    Sample {
        unity_key: 62,
        fine_tune: -5,
        gain: -30 << 16,
        wave_loop: Some(Loop {
            until_release: false,
            start,
            length,
        }),
    }
}

const RECORD: [u32; 4] = [16, 0, 10, 50];

#[test]
fn a_size_below_the_structure_keeps_all_of_it() {
    assert_eq!(
        sample_of(&wsmp(20, 1, RECORD)),
        (Some(looped(10, 50)), vec![])
    );
    for size in [0, 1, 12, 16, 18, 19, 21, 36, 1000, u32::MAX] {
        let (sample, said) = sample_of(&wsmp(size, 1, RECORD));
        assert_eq!(sample, Some(looped(10, 50)), "{size}");
        assert_eq!(said.len(), 1, "{size}: {said:?}");
        assert!(
            said[0].contains(&format!("structure of {size} bytes")),
            "{said:?}"
        );
        assert!(
            said[0].contains("region 0 of instrument 0 \"I\""),
            "{said:?}"
        );
    }
}

#[test]
fn a_longer_structure_has_its_loop_behind_it() {
    let mut bytes = start(24);
    bytes.extend(words(&[3, 1, 0x7777_7777]));
    bytes.extend(words(&RECORD));
    assert_eq!(sample_of(&bytes), (Some(looped(10, 50)), vec![]));
}

#[test]
fn options_of_16_bits_make_a_structure_of_18_bytes() {
    let mut bytes = start(18);
    bytes.extend(halves(&[3]));
    bytes.extend(words(&[1]));
    bytes.extend(words(&RECORD));
    let (sample, said) = sample_of(&bytes);
    assert_eq!(sample, Some(looped(10, 50)));
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn what_is_cut_off_has_its_default() {
    let whole = wsmp(20, 1, RECORD);
    let plain = Sample {
        wave_loop: None,
        ..looped(0, 1)
    };
    for length in 0..whole.len() {
        let (sample, said) = sample_of(&whole[..length]);
        assert_eq!(sample, (length >= 12).then_some(plain), "{length}");
        assert!(!said.is_empty(), "{length}");
    }
    // No loop, and no room for one.
    let (sample, said) = sample_of(&wsmp(20, 0, RECORD)[..20]);
    assert_eq!((sample, said), (Some(plain), vec![]));
}

/// A loop record, the start and length that become of it, and the word.
type LoopCase = ([u32; 4], Option<(u32, u32)>, &'static str);

#[test]
fn loops_that_lie() {
    let cases: &[LoopCase] = &[
        ([16, 0, 10, 91], Some((10, 90)), "cut"),
        ([16, 0, 0, u32::MAX], Some((0, 100)), "cut"),
        ([16, 0, 99, 1], Some((99, 1)), ""),
        ([16, 0, 100, 1], None, "no frames inside its wave"),
        (
            [16, 0, u32::MAX, u32::MAX],
            None,
            "no frames inside its wave",
        ),
        ([16, 0, 5, 0], None, "no frames inside its wave"),
        ([0, 0, 10, 50], Some((10, 50)), "claims to be 0 bytes long"),
        ([16, 3, 10, 50], Some((10, 50)), "unknown type 3"),
    ];
    for (record, expected, word) in cases {
        let (sample, said) = sample_of(&wsmp(20, 1, *record));
        let found = sample.unwrap().wave_loop.map(|l| (l.start, l.length));
        assert_eq!(found, *expected, "{record:?}");
        assert_eq!(said.is_empty(), word.is_empty(), "{record:?}: {said:?}");
        assert!(said.iter().all(|text| text.contains(word)), "{said:?}");
    }
    let (sample, said) = sample_of(&wsmp(20, 2, RECORD));
    assert_eq!(sample, Some(looped(10, 50)));
    assert!(said[0].contains("2 loops"), "{said:?}");
}

/// WLOOP_TYPE_RELEASE is 1, in files from before Windows XP 2 (abi section 6).
#[test]
fn both_numbers_of_the_release_loop_are_known() {
    for (code, until_release) in [(0, false), (1, true), (2, true)] {
        let (sample, said) = sample_of(&wsmp(20, 1, [16, code, 10, 50]));
        assert_eq!(said, [""; 0]);
        let wave_loop = sample.unwrap().wave_loop.unwrap();
        assert_eq!(wave_loop.until_release, until_release, "{code}");
    }
}

#[test]
fn a_unity_key_above_127_is_127() {
    let mut bytes = wsmp(20, 1, RECORD);
    bytes[4] = 200;
    let (sample, said) = sample_of(&bytes);
    assert_eq!(sample.unwrap().unity_key, 127);
    assert!(said[0].contains("unity key 200"), "{said:?}");
}

#[test]
fn the_waves_own_sample_is_read_likewise() {
    let wave = crate::bytes::list(
        "wave",
        &[
            chunk("fmt ", &crate::bytes::PLAIN()),
            chunk("wsmp", &wsmp(18, 1, RECORD)),
            chunk("data", &crate::bytes::frames(100)),
        ],
    );
    let collection = read(&file(&[plain_instrument()], &[wave]));
    assert_eq!(collection.bank().waves[0].sample, Some(looped(10, 50)));
    expect_word(&collection, &["wave 0: ", "18 bytes"]);
    read_quietly(&crate::bytes::good());
}
