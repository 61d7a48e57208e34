//! Downloads and files that lie: refused with the right reason, and never at great expense.

use std::time::Instant;

use dmusmini::dls::{Destination, Download, Fault, LoopKind, Source};
use dmusmini_collection::{
    Bank, Block, Collection, Frames, Instrument, Level, Loop, Options, Region, Sample, Selection,
    Wave, destination, source, transform,
};
use proptest::prelude::*;

/// One instrument with two regions, the second with a loop and an articulation of its own.
fn small_bank() -> Bank {
    let sample = Sample {
        unity_key: 64,
        fine_tune: -7,
        gain: -30 << 16,
        wave_loop: Some(Loop {
            until_release: true,
            start: 2,
            length: 6,
        }),
    };
    let second = Region {
        key_group: 3,
        self_non_exclusive: true,
        sample: Some(sample),
        articulation: vec![
            Block::fixed(destination::EG1_ATTACK, 1200 << 16),
            Block::new(
                source::LFO,
                source::CC1,
                destination::PITCH,
                1 << 14,
                50 << 16,
            ),
        ],
        ..Region::new(0).with_keys(61, 127).with_velocities(3, 99)
    };
    Bank {
        name: "small".into(),
        instruments: vec![Instrument {
            patch: 0x8000_0105,
            name: "two".into(),
            regions: vec![Region::new(0).with_keys(0, 60), second],
            articulation: vec![
                Block::fixed(destination::EG1_ATTACK, 0),
                Block::fixed(destination::EG1_RELEASE, 600 << 16),
            ],
        }],
        waves: vec![Wave::new("ramp", 22_050, (0..8).collect())],
    }
}

fn downloads(bank: &Bank, level: Level) -> (Vec<u8>, Vec<u8>) {
    let options = Options {
        level,
        ..Options::default()
    };
    let mut items = bank.download_set(&Selection::All, options).into_iter();
    let (wave, instrument) = (items.next().unwrap(), items.next().unwrap());
    (wave.bytes, instrument.bytes)
}

fn fault(bytes: &[u8]) -> Fault {
    Download::parse(bytes).map(|_| ()).unwrap_err().fault
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// `bytes` with `value` stored at `at`.
fn with(bytes: &[u8], at: usize, value: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

/// Where entry `index` of the offset table stands.
fn entry(bytes: &[u8], index: usize) -> usize {
    word(bytes, 16 + 4 * index) as usize
}

#[test]
fn every_field_arrives() {
    let (wave, instrument) = downloads(&small_bank(), Level::Two);
    let Ok(Download::Wave(wave)) = Download::parse(&wave) else {
        panic!()
    };
    assert_eq!((wave.id, wave.rate), (1, 22_050));
    assert_eq!(wave.frames(), &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(wave.padded().iter().take(32).all(|&frame| frame == 0));

    let Ok(Download::Instrument(parsed)) = Download::parse(&instrument) else {
        panic!()
    };
    assert_eq!(parsed.patch.bits(), 0x8000_0105);
    assert!(parsed.patch.is_drums() && !parsed.is_gm);
    let [first, second] = &*parsed.regions else {
        panic!()
    };
    assert_eq!(
        (first.keys.high(), first.unity_key, first.wave_loop),
        (60, 60, None)
    );
    assert_eq!(
        (second.keys.low(), second.unity_key, second.fine_tune),
        (61, 64, -7)
    );
    assert_eq!((second.velocities.low(), second.velocities.high()), (3, 99));
    assert_eq!(
        (second.key_group, second.self_non_exclusive, second.wave),
        (3, true, 1)
    );
    assert_eq!(second.gain.0, -30 << 16);
    let wave_loop = second.wave_loop.unwrap();
    assert_eq!(wave_loop.kind, LoopKind::UntilRelease);
    assert_eq!((wave_loop.start, wave_loop.length), (2, 6));
    assert!(wave_loop.fits(8) && !wave_loop.fits(7));

    // The region's attack replaces the instrument's, whose release stays.
    let (own, global) = (parsed.articulation(second), parsed.articulation(first));
    assert_eq!((own.eg1.attack.0, global.eg1.attack.0), (1200 << 16, 0));
    assert_eq!(
        (own.eg1.release.0, global.eg1.release.0),
        (600 << 16, 600 << 16)
    );
    let extra = parsed.connections(own).len() - parsed.connections(global).len();
    assert_eq!(extra, 1);
    let vibrato = parsed.connections(own).last().unwrap();
    assert_eq!(
        (vibrato.source, vibrato.control),
        (Source::ModLfo, Source::Cc1)
    );
    assert_eq!(
        (vibrato.destination, vibrato.scale),
        (Destination::Pitch, 50 << 16)
    );
}

#[test]
fn level_1_says_what_it_can() {
    let mut bank = small_bank();
    bank.instruments[0].articulation.extend([
        Block::fixed(destination::PITCH, 100 << 16),
        Block::fixed(destination::GAIN, -60 << 16),
        Block::fixed(destination::CUTOFF, 6000 << 16),
        Block::new(source::VELOCITY, 0, destination::EG1_ATTACK, 0, -600 << 16),
        Block::fixed(destination::PAN, -250 << 16),
    ]);
    let (_, instrument) = downloads(&bank, Level::One);
    assert_eq!(word(&instrument, 0), 1);
    let Ok(Download::Instrument(parsed)) = Download::parse(&instrument) else {
        panic!()
    };
    let second = &parsed.regions[1];
    assert_eq!((second.fine_tune, second.gain.0), (93, -90 << 16));
    let articulation = parsed.articulation(second);
    assert_eq!(articulation.filter, None, "level 1 has no filter");
    assert_eq!(articulation.pan.0, -250 << 16);
    assert_eq!(articulation.eg1.attack.0, 1200 << 16);
    let connections = parsed.connections(articulation);
    assert!(connections.iter().any(|c| c.source == Source::Velocity
        && c.destination == Destination::Eg1Attack
        && c.scale == -600 << 16));
    let vibrato = connections
        .iter()
        .find(|c| c.control == Source::Cc1)
        .unwrap();
    assert!(vibrato.source_input.bipolar);
}

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
            with(&instrument, other + 60, 2),
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is overwritten: an answer, no panic, and regions that point at what is there.
    #[test]
    fn damaged_downloads_are_safe(
        level in prop_oneof![Just(Level::One), Just(Level::Two)],
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>(), 0..5_u32), 1..6),
        pick_wave in any::<bool>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (wave, instrument) = downloads(&small_bank(), level);
        let mut bytes = if pick_wave { wave } else { instrument };
        for (place, value, shift) in edits {
            let at = place.index(bytes.len() / 4) * 4;
            bytes = with(&bytes, at, value >> (8 * shift.min(3)));
        }
        let cut = cut.index(bytes.len() * 4).min(bytes.len());
        if let Ok(Download::Instrument(instrument)) = Download::parse(&bytes[..cut]) {
            for region in &*instrument.regions {
                prop_assert!((region.articulation as usize) < instrument.articulations.len());
                let articulation = instrument.articulation(region);
                prop_assert!(instrument.connections(articulation).iter().all(|c| c.scale != 0));
            }
        }
    }

    /// A file with any damage is read or refused, never a panic, and what is read can be sent.
    #[test]
    fn damaged_files_are_safe(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = small_bank().to_dls();
        for (place, value) in edits {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        let cut = cut.index(bytes.len() * 4).min(bytes.len());
        if let Ok(collection) = Collection::from_bytes("damaged.dls", &bytes[..cut]) {
            collection.bank().download_set(&Selection::All, Options::default());
        }
    }

    /// Any bank survives the way through a file, and its downloads say the same.
    #[test]
    fn banks_survive(bank in any_bank()) {
        let read = Collection::from_bytes("any.dls", &bank.to_dls()).unwrap();
        prop_assert_eq!(read.bank(), &bank);
        for item in bank.download_set(&Selection::All, Options::default()) {
            let parsed = Download::parse(&item.bytes);
            prop_assert!(parsed.is_ok(), "{:?}", parsed);
        }
    }
}

fn any_bank() -> impl Strategy<Value = Bank> {
    let frames = prop_oneof![
        prop::collection::vec(any::<i16>(), 8..40).prop_map(Frames::Sixteen),
        prop::collection::vec(any::<u8>(), 8..40).prop_map(Frames::Eight),
    ];
    let wave = (frames, 1..192_000_u32, prop::option::of(any_sample())).prop_map(
        |(frames, rate, sample)| Wave {
            name: "w".into(),
            rate,
            frames,
            sample,
        },
    );
    let region = (
        (0..60_u8, 60..128_u8),
        (0..60_u8, 60..128_u8),
        any::<bool>(),
        any::<u16>(),
        prop::option::of(any_sample()),
        prop::collection::vec(any_block(), 0..12),
    );
    let region =
        region.prop_map(
            |(keys, velocities, own, key_group, sample, articulation)| Region {
                keys,
                velocities,
                self_non_exclusive: own,
                key_group,
                wave: 0,
                sample,
                articulation,
            },
        );
    let instrument = (
        any::<u32>(),
        prop::collection::vec(region, 0..5),
        prop::collection::vec(any_block(), 0..12),
    );
    let instrument = instrument.prop_map(|(patch, regions, articulation)| Instrument {
        patch: patch & 0x807F_7F7F,
        name: "i".into(),
        regions,
        articulation,
    });
    (wave, prop::collection::vec(instrument, 0..4)).prop_map(|(wave, instruments)| Bank {
        name: String::new(),
        instruments,
        waves: vec![wave],
    })
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let wave_loop =
        (any::<bool>(), 0..4_u32, 1..4_u32).prop_map(|(until_release, start, length)| Loop {
            until_release,
            start,
            length,
        });
    (
        0..128_u8,
        any::<i16>(),
        any::<i32>(),
        prop::option::of(wave_loop),
    )
        .prop_map(|(unity_key, fine_tune, gain, wave_loop)| Sample {
            unity_key,
            fine_tune,
            gain,
            wave_loop,
        })
}

fn any_block() -> impl Strategy<Value = Block> {
    let transform = any::<u16>().prop_map(|bits| bits & !transform::SOURCE_SWITCH);
    (
        0..0x110_u16,
        0..0x110_u16,
        0..0x510_u16,
        transform,
        any::<i32>(),
    )
        .prop_map(|(source, control, destination, transform, scale)| {
            Block::new(source, control, destination, transform, scale)
        })
}
