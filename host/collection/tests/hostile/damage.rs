//! Any damage and any bank: an answer, and never a panic.

use dmusmini::dls::Download;
use dmusmini_collection::{
    Bank, Block, Collection, Frames, Instrument, Level, Loop, Options, Region, Sample, Selection,
    Wave, transform,
};
use proptest::prelude::*;

use crate::rig::{downloads, small_bank, with};

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
        any::<bool>(),
    );
    let region = region.prop_map(
        |(keys, velocities, own, key_group, sample, articulation, alone)| Region {
            keys,
            velocities,
            self_non_exclusive: own,
            key_group,
            wave: 0,
            sample,
            articulation,
            articulation_alone: alone,
        },
    );
    let instrument = (
        any::<u32>(),
        prop::collection::vec(region, 1..5),
        prop::collection::vec(any_block(), 0..12),
    );
    let instrument = instrument.prop_map(|(patch, regions, articulation)| Instrument {
        patch: patch & 0x807F_7F7F,
        name: "i".into(),
        regions,
        articulation,
    });
    (wave, prop::collection::vec(instrument, 1..4)).prop_map(|(wave, instruments)| Bank {
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
