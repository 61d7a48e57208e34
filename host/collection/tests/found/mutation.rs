//! Damage of every kind: always an answer, with a place and a cause, and never a panic.

use std::slice;

use dmusmini::dls::{Download, Fault};
use dmusmini_collection::{Collection, Level, Options, Selection};
use proptest::prelude::*;

use crate::bytes::{
    chunk, condition, file, format, frames, good_wave, halves, instrument, list, name, put, region,
    wave, words,
};

/// A little of everything.
fn rich() -> Vec<u8> {
    let art = |form: &str, id: &str| {
        let mut bytes = words(&[8, 1]);
        bytes.extend(halves(&[0, 0, 0x206, 0]));
        bytes.extend(words(&[77 << 16]));
        list(form, &[condition(1), chunk(id, &bytes)])
    };
    let mut wsmp = words(&[20]);
    wsmp.extend(halves(&[60, 0]));
    wsmp.extend(words(&[0, 0, 1, 16, 1, 10, 50]));
    let sampled = chunk("wsmp", &wsmp);
    let looped = list(
        "wave",
        &[
            chunk("dlid", &[5; 16]),
            chunk("fmt ", &format(1, 1, 22_050, 16)),
            sampled.clone(),
            chunk("data", &frames(100)),
            name("looped"),
        ],
    );
    let level_1 = [
        region("rgn ", 0, &[art("lart", "art1")]),
        region("rgn ", 1, &[]),
    ];
    let level_2 = [region(
        "rgn2",
        1,
        &[sampled, art("lar2", "art2"), condition(1)],
    )];
    let instruments = [
        instrument(0x0102, 3, &level_1, &[art("lart", "art1"), name("one")]),
        instrument(
            0x8000_0000,
            0,
            &level_2,
            &[art("lar2", "art2"), name("kit")],
        ),
        instrument(0, 7, &[region("rgn ", 2, &[])], &[]),
    ];
    let odd = wave("eight", &format(1, 1, 8000, 8), &[100; 51]);
    let mut bytes = file(&instruments, &[good_wave(), looped, odd]);
    bytes.extend(name("rich"));
    let size = u32::try_from(bytes.len()).unwrap() - 8;
    put(&mut bytes, 4, size);
    bytes
}

/// Reads damaged bytes; whatever comes of it can be told and sent.
fn check(bytes: &[u8]) -> Result<Collection, String> {
    match Collection::from_bytes("m.dls", bytes) {
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("m.dls: byte 0x"), "{text}");
            assert!(error.offset <= bytes.len() as u64, "{text}");
            assert!(!text.contains(char::is_control), "{text:?}");
            Err(text)
        }
        Ok(collection) => {
            for warning in collection.warnings() {
                assert!(warning.offset <= bytes.len() as u64, "{warning}");
                assert!(
                    !warning.item.is_empty() && !warning.cause.is_empty(),
                    "{warning}"
                );
                assert!(!warning.to_string().contains(char::is_control), "{warning}");
            }
            assert!(!collection.bank().waves.is_empty());
            assert!(!collection.instruments().is_empty());
            for level in [Level::One, Level::Two] {
                let options = Options {
                    level,
                    ..Options::default()
                };
                for item in collection.bank().download_set(&Selection::All, options) {
                    // DLS has no limit for rates, the driver has.
                    if let Err(error) = Download::parse(&item.bytes) {
                        assert_eq!(error.fault, Fault::BadSampleRate, "{item}: {error}");
                    }
                }
            }
            // Also the writer takes what the reader made.
            let again = Collection::from_bytes("again.dls", &collection.bank().to_dls()).unwrap();
            assert_eq!(
                again.bank().instruments.len(),
                collection.instruments().len()
            );
            Ok(collection)
        }
    }
}

/// Where chunks have their headers.
fn headers(bytes: &[u8], from: usize, to: usize, into: &mut Vec<usize>) {
    let mut at = from;
    while at + 8 <= to {
        into.push(at);
        let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        if matches!(&bytes[at..at + 4], b"RIFF" | b"LIST") {
            headers(bytes, at + 12, at + 8 + size, into);
        }
        at += 8 + size + size % 2;
    }
}

#[test]
fn no_size_that_lies_goes_without_a_word() {
    let bytes = rich();
    assert_eq!(check(&bytes).unwrap().warnings(), &[]);
    let mut places = Vec::new();
    headers(&bytes, 0, bytes.len(), &mut places);
    assert!(places.len() > 50, "{}", places.len());
    let (mut tried, mut silent) = (0, Vec::new());
    for at in places {
        let id = &bytes[at..at + 4];
        let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap());
        let lies = [0, 1, 3, 4, 7, 8, 11, 12, 0x7FFF_FFFF, 0x8000_0000, u32::MAX];
        let near = [1, 2, 4, 8, 12, 16].into_iter();
        let near = near.flat_map(|n| [size.wrapping_sub(n), size.wrapping_add(n)]);
        for lie in lies.into_iter().chain(near).filter(|lie| *lie != size) {
            let mut bytes = bytes.clone();
            put(&mut bytes, at + 4, lie);
            let outcome = check(&bytes);
            tried += 1;
            // A pad byte that is counted, or a last byte that is not, makes a chunk like any other
            // where nothing counts its bytes: a text, a list of texts, an id, wave data.
            let even = |size: u32| size.next_multiple_of(2);
            let padded = even(lie.min(u32::MAX - 1)) == even(size);
            let texts = &bytes[at + 8..at + 12] == b"INFO";
            let counted = !texts && !matches!(id, b"INAM" | b"dlid" | b"data");
            if let Ok(collection) = outcome
                && (!padded || counted)
                && collection.warnings().is_empty()
            {
                silent.push(format!(
                    "{} at {at:#x}: {size} said to be {lie}",
                    id.escape_ascii()
                ));
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
    println!("{tried} sizes that lie");
}

#[test]
fn every_chunk_can_be_missing_doubled_or_unknown() {
    let bytes = rich();
    let mut places = Vec::new();
    headers(&bytes, 0, bytes.len(), &mut places);
    for at in places.into_iter().skip(1) {
        let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let end = at + 8 + size + size % 2;
        // The sizes around it stay: they lie now, too.
        let _ = check(&[&bytes[..at], &bytes[end..]].concat());
        let _ = check(&[&bytes[..end], &bytes[at..]].concat());
        for id in [
            b"xxxx",
            b"\0\0\0\0",
            b"\xFF\xFF\xFF\xFF",
            b"LIST",
            b"RIFF",
            b"cdl ",
        ] {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(id);
            let _ = check(&bytes);
        }
    }
}

#[test]
fn a_file_can_be_cut_anywhere_and_have_a_byte_more_or_less() {
    let bytes = rich();
    for at in 0..bytes.len() {
        let _ = check(&bytes[..at]);
        // With a size that says so, too.
        if at >= 12 {
            let mut cut = bytes[..at].to_vec();
            put(&mut cut, 4, u32::try_from(at - 8).unwrap());
            let _ = check(&cut);
        }
        let _ = check(&[&bytes[..at], &[0], &bytes[at..]].concat());
        let _ = check(&[&bytes[..at], &bytes[at + 1..]].concat());
    }
}

/// Noise of a kind that makes a reader look again and again, a mebibyte of it in each list.
#[test]
fn no_noise_makes_reading_slow() {
    let endless = |form: &[u8; 4]| [b"LIST\xFF\xFF\xFF\xFF", &form[..]].concat();
    let mut noises: Vec<Vec<u8>> = [
        b"ins ", b"lrgn", b"rgn ", b"lart", b"wave", b"abcd", b"INFO",
    ]
    .map(endless)
    .into();
    noises.extend([
        b"data\xFF\xFF\xFF\xFF".to_vec(),
        b"insh\0\0\0\0".to_vec(),
        b"xxxx\0\0\0\0".to_vec(),
        b"LIST\0\0\0\0".to_vec(),
        b"INAM\x01\0\0\0a".to_vec(),
        b"\0\0\0\0data\xFF\xFF\xFF\xFF".to_vec(),
        vec![0],
    ]);
    for noise in noises {
        let much = noise.repeat((1 << 20) / noise.len());
        let one = instrument(0, 1, &[region("rgn ", 0, &[])], slice::from_ref(&much));
        let lists = [
            instrument(0, 0, &[region("rgn ", 0, slice::from_ref(&much))], &[]),
            one,
            much.clone(),
        ];
        let bytes = file(&lists, &[good_wave(), much.clone()]);
        let begun = std::time::Instant::now();
        let _ = check(&bytes);
        let took = begun.elapsed();
        println!("{}: {took:?}", noise.escape_ascii());
        assert!(took.as_secs() < 10, "{}: {took:?}", noise.escape_ascii());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_damage_has_an_answer(
        words in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>(), 0..4_u32), 0..4),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        moved in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..64_usize)),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = rich();
        for (place, value, shift) in words {
            let at = place.index(bytes.len() - 4);
            put(&mut bytes, at, value >> (8 * shift));
        }
        for (place, value) in edits {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        if let Some((from, to, length)) = moved {
            let from = from.index(bytes.len());
            let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
            let to = to.index(bytes.len());
            bytes.splice(to..to, piece);
        }
        let cut = cut.index(bytes.len() * 4).min(bytes.len());
        let _ = check(&bytes[..cut]);
    }
}
