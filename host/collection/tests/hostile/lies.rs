//! Every lie is refused for its reason, at its place, and at little expense.

use std::time::Instant;

use dmusmini::dls::{Download, Fault};
use dmusmini_collection::Level;

use crate::rig::{downloads, entry, fault, small_bank, with};

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line a case")]
fn each_lie_has_its_name() {
    let (wave, instrument) = downloads(&small_bank(), Level::Two);
    let size = u32::try_from(instrument.len()).unwrap();
    let (head, region, other) = (
        entry(&instrument, 0),
        entry(&instrument, 3),
        entry(&instrument, 4),
    );
    let list = entry(&instrument, 1);
    let global = entry(&instrument, 2);
    let own = entry(&instrument, 6);
    let (wave_head, wave_data) = (entry(&wave, 0), entry(&wave, 1));
    let cases: &[(&str, Vec<u8>, Fault)] = &[
        ("nothing", vec![], Fault::Truncated),
        ("half a header", instrument[..12].to_vec(), Fault::Truncated),
        (
            "size beyond the buffer",
            with(&instrument, 12, size + 1),
            Fault::BadSize,
        ),
        (
            "size below the header",
            with(&instrument, 12, 15),
            Fault::BadSize,
        ),
        ("type 0", with(&instrument, 0, 0), Fault::UnknownType),
        (
            "streaming wave",
            with(&instrument, 0, 5),
            Fault::UnknownType,
        ),
        ("no entries", with(&instrument, 8, 0), Fault::BadOffsetTable),
        (
            "too many entries",
            with(&instrument, 8, size),
            Fault::BadOffsetTable,
        ),
        (
            "entry count overflows",
            with(&instrument, 8, 0x4000_0001),
            Fault::BadOffsetTable,
        ),
        (
            "offset into the header",
            with(&instrument, 16, 12),
            Fault::BadOffset,
        ),
        (
            "odd offset",
            with(&instrument, 20, u32::try_from(list).unwrap() + 1),
            Fault::BadOffset,
        ),
        (
            "offset past the end",
            with(&instrument, 16, size),
            Fault::BadOffset,
        ),
        (
            "instrument cut short",
            with(&instrument, 16, size - 4),
            Fault::Truncated,
        ),
        (
            "first region unknown",
            with(&instrument, head + 4, 99),
            Fault::BadIndex,
        ),
        (
            "region list cycle",
            with(&instrument, other + 16, 3),
            Fault::Cycle,
        ),
        (
            "extension unknown",
            with(&instrument, head + 12, 99),
            Fault::BadIndex,
        ),
        (
            "copyright unknown",
            with(&instrument, head + 16, u32::MAX),
            Fault::BadIndex,
        ),
        (
            "articulation unknown",
            with(&instrument, region + 12, 99),
            Fault::BadIndex,
        ),
        (
            "articulation list cycle",
            with(&instrument, own + 8, 6),
            Fault::Cycle,
        ),
        (
            "global list cycle",
            with(&instrument, global + 8, 2),
            Fault::Cycle,
        ),
        (
            "empty key range",
            with(&instrument, region, 0x0001_0002),
            Fault::BadRange,
        ),
        (
            "empty velocity range",
            with(&instrument, region + 4, 0x0001_0002),
            Fault::BadRange,
        ),
        (
            "right channel",
            with(&instrument, region + 28, 2),
            Fault::NotMono,
        ),
        (
            "WSMP size",
            with(&instrument, region + 36, 24),
            Fault::BadSampleHeader,
        ),
        (
            "two loops",
            with(&instrument, region + 52, 2),
            Fault::BadLoop,
        ),
        (
            "loop size",
            with(&instrument, other + 56, 15),
            Fault::BadLoop,
        ),
        (
            "loop kind",
            with(&instrument, other + 60, 3),
            Fault::BadLoop,
        ),
        (
            "loop without frames",
            with(&instrument, other + 68, 0),
            Fault::BadLoop,
        ),
        (
            "loop end overflows",
            with(&instrument, other + 64, u32::MAX),
            Fault::BadLoop,
        ),
        (
            "no articulation",
            with(&instrument, head + 8, 0),
            Fault::NoArticulation,
        ),
        ("list header", with(&instrument, list, 7), Fault::Truncated),
        (
            "list length",
            with(&instrument, list + 4, size / 12),
            Fault::Truncated,
        ),
        (
            "list length overflows",
            with(&instrument, list + 4, 0x4000_0000),
            Fault::Truncated,
        ),
        (
            "stereo",
            with(&wave, wave_head + 12, 0x0002_0001),
            Fault::NotMonoPcm,
        ),
        (
            "not PCM",
            with(&wave, wave_head + 12, 0x0001_0002),
            Fault::NotMonoPcm,
        ),
        (
            "24 bits",
            with(&wave, wave_head + 24, 0x0018_0002),
            Fault::NotMonoPcm,
        ),
        (
            "rate 0",
            with(&wave, wave_head + 16, 0),
            Fault::BadSampleRate,
        ),
        (
            "rate 192,001",
            with(&wave, wave_head + 16, 192_001),
            Fault::BadSampleRate,
        ),
        (
            "no wave data",
            with(&wave, wave_head + 8, 0),
            Fault::BadIndex,
        ),
        ("odd data", with(&wave, wave_data, 15), Fault::OddDataSize),
        ("empty data", with(&wave, wave_data, 0), Fault::EmptyWave),
        (
            "data past the end",
            with(&wave, wave_data, 17),
            Fault::Truncated,
        ),
        (
            "data size overflows",
            with(&wave, wave_data, u32::MAX),
            Fault::Truncated,
        ),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(fault(bytes), *expected, "{what}");
    }
    println!(
        "{} malformed downloads refused, each for its reason",
        cases.len()
    );
}

#[test]
fn an_error_says_where() {
    let (wave, _) = downloads(&small_bank(), Level::Two);
    let at = entry(&wave, 0);
    let error = Download::parse(&with(&wave, at + 16, 0)).unwrap_err();
    assert_eq!(error.offset as usize, at + 12);
    assert_eq!(
        error.to_string(),
        format!("the sample rate is out of range at byte {}", at + 12)
    );
}

/// Thousands of regions, each naming the head of the same long list through its own articulation.
#[test]
fn shared_lists_cannot_make_reading_quadratic() {
    const LISTS: u32 = 4000;
    let mut table = Vec::new();
    let mut body = Vec::new();
    let mut add = |bytes: Vec<u32>| {
        table.push(u32::try_from(body.len() * 4).unwrap());
        body.extend(bytes);
    };
    add(vec![0, 1, 0, 0, 0, 0]);
    for number in 0..LISTS {
        let last = number + 1 == LISTS;
        let next = if last { 0 } else { number + 2 };
        add(vec![
            0x7F_0000,
            0x7F_0000,
            0,
            LISTS + 1 + number,
            next,
            0,
            0,
            1,
            1,
            20,
            60,
            0,
            0,
            0,
        ]);
    }
    for number in 0..LISTS {
        add(vec![
            LISTS * 2 + 1,
            0,
            if number == 0 { 0 } else { LISTS + number },
        ]);
    }
    let mut list = vec![8, LISTS];
    list.extend((0..LISTS).flat_map(|_| [0, 0x206, 0]));
    add(list);
    let start = 16 + 4 * u32::try_from(table.len()).unwrap();
    let mut words = vec![3, 1, u32::try_from(table.len()).unwrap(), 0];
    words.extend(table.iter().map(|offset| offset + start));
    words.extend(body);
    words[3] = u32::try_from(words.len() * 4).unwrap();
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();

    let start = Instant::now();
    assert_eq!(fault(&bytes), Fault::TooMuchWork);
    // Walking it all would be 3 * 10^10 blocks.
    let took = start.elapsed();
    println!(
        "{} bytes that ask for 3.2e10 steps refused after {took:?}",
        bytes.len()
    );
    assert!(took.as_secs() < 2);
}

/// A level 2 instrument of `regions` regions on one articulation, whose connections are `blocks`.
fn large(regions: u32, blocks: &[[u32; 3]]) -> Vec<u8> {
    let mut entries = vec![vec![0, 3, 1, 0, 0, 0], vec![2, 0, 0]];
    let mut list = vec![8, u32::try_from(blocks.len()).unwrap()];
    list.extend(blocks.iter().flatten());
    entries.push(list);
    for number in 0..regions {
        let next = if number + 1 == regions { 0 } else { number + 4 };
        let region = [
            0x7F_0000, 0x7F_0000, 0, 0, next, 0, 0, 1, 1, 20, 60, 0, 0, 0,
        ];
        entries.push(region.to_vec());
    }
    let count = u32::try_from(entries.len()).unwrap();
    let mut words = vec![3, 1, count, 0];
    let mut at = 16 + 4 * count;
    for entry in &entries {
        words.push(at);
        at += 4 * u32::try_from(entry.len()).unwrap();
    }
    words[3] = at;
    words.extend(entries.into_iter().flatten());
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Each note-on looks at every region, and works out its key, while nobody else may have the
/// synthesizer.
#[test]
fn a_note_cannot_be_made_to_search_for_long() {
    assert!(Download::parse(&large(32_768, &[])).is_ok());
    assert_eq!(fault(&large(32_769, &[])), Fault::TooManyRegions);
    // Key number from the key and RPN 2, which the text knows, and from others by a controller.
    let blocks: Vec<[u32; 3]> = (1..=7).map(|control| [control << 16 | 3, 5, 0]).collect();
    assert!(Download::parse(&large(1, &blocks[..6])).is_ok());
    assert_eq!(fault(&large(1, &blocks)), Fault::TooManyConnections);
}
