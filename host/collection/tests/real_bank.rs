//! The whole real bank: read, cut into downloads, understood by the driver's parser.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dmusmini::dls::Download;
use dmusmini_collection::{Bank, Collection, ItemKind, Level, Options, Selection, Warning};

fn real_bank() -> Option<PathBuf> {
    let data = std::env::var_os("DMUSMINI_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let bank = data.join("TimGM6mb.dls");
    if bank.exists() {
        return Some(bank);
    }
    println!("SKIPPED: no {} (set DMUSMINI_DATA)", bank.display());
    None
}

#[test]
fn every_instrument_is_understood_at_both_levels() {
    let Some(path) = real_bank() else { return };
    let collection = Collection::open(path).unwrap();
    assert_eq!(collection.instruments().len(), 136);
    assert_eq!(collection.bank().waves.len(), 520);
    assert_eq!(collection.warnings(), &[] as &[Warning]);
    for level in [Level::One, Level::Two] {
        let options = Options {
            level,
            ..Options::default()
        };
        let items = collection.bank().download_set(&Selection::All, options);
        let (regions, instruments) = check_downloads(collection.bank(), &items);
        println!("{level:?}: {instruments} instruments, {regions} regions parsed");
        assert_eq!((instruments, regions), (136, 2063));
    }
}

/// Parses all items and compares them with the bank; returns (regions, instruments).
fn check_downloads(bank: &Bank, items: &[dmusmini_collection::Item]) -> (usize, usize) {
    let mut waves = BTreeMap::new();
    let (mut regions, mut instruments) = (0, 0);
    for item in items {
        match (Download::parse(&item.bytes), item.kind) {
            (Ok(Download::Wave(wave)), ItemKind::Wave) => {
                assert_eq!(wave.id, item.id);
                waves.insert(wave.id, wave.frames().len());
            }
            (Ok(Download::Instrument(parsed)), ItemKind::Instrument { patch }) => {
                assert_eq!((parsed.id, parsed.patch.bits()), (item.id, patch));
                instruments += 1;
                regions += parsed.regions.len();
                for region in &*parsed.regions {
                    let frames = waves[&region.wave];
                    assert!(region.wave_loop.is_none_or(|l| l.fits(frames)));
                    let articulation = parsed.articulation(region);
                    assert!(parsed.connections(articulation).len() >= 9);
                }
            }
            (other, kind) => panic!("{} ({kind:?}): {other:?}", item.name),
        }
    }
    assert_eq!(waves.len(), bank.waves.len());
    (regions, instruments)
}

#[test]
fn writing_and_reading_gives_the_same_bank() {
    let Some(path) = real_bank() else { return };
    let bank = Collection::open(path).unwrap().into_bank();
    let again = Collection::from_bytes("copy.dls", &bank.to_dls()).unwrap();
    assert_eq!(*again.bank(), bank);
}

#[test]
fn a_selection_brings_only_its_waves() {
    let Some(path) = real_bank() else { return };
    let bank = Collection::open(path).unwrap().into_bank();
    let items = bank.download_set(&Selection::Patches(vec![0]), Options::default());
    let waves = items
        .iter()
        .filter(|item| item.kind == ItemKind::Wave)
        .count();
    assert_eq!(items.len(), waves + 1);
    assert!(waves < 50, "{waves} waves for one piano");
    assert!(matches!(
        items.last().unwrap().kind,
        ItemKind::Instrument { patch: 0 }
    ));
}

#[test]
fn a_file_cut_anywhere_is_an_error_with_its_place() {
    let Some(path) = real_bank() else { return };
    let bytes = std::fs::read(path).unwrap();
    let mut cut = 1;
    while cut < bytes.len() {
        let error = Collection::from_bytes("cut.dls", &bytes[..cut]).unwrap_err();
        assert!(error.to_string().starts_with("cut.dls: byte 0x"), "{error}");
        cut = cut * 3 / 2 + 1;
    }
}
