use std::vec::Vec;

use dmusmini_collection::{Bank as Collection, Instrument, Options, Region, Selection, Wave};

use super::*;

/// The downloads of a bank of one wave of `frames` frames, and of an instrument for each patch.
fn downloads(frames: usize, patches: &[u32]) -> Vec<Download> {
    let instruments = patches.iter().map(|&patch| Instrument {
        patch,
        regions: [Region::new(0)].to_vec(),
        ..Instrument::default()
    });
    let collection = Collection {
        instruments: instruments.collect(),
        waves: [Wave::new("wave", 44_100, std::vec![1; frames])].to_vec(),
        ..Collection::default()
    };
    let items = collection.download_set(&Selection::All, Options::default());
    items
        .iter()
        .map(|item| Download::parse(&item.bytes).unwrap())
        .collect()
}

fn bank(slots: usize, quota: u64) -> Bank {
    Bank::try_new(BankTable::try_new(slots).unwrap(), quota).unwrap()
}

fn install(bank: &mut Bank, download: Download) -> Result<Handle, InstallError> {
    bank.install(download).map_err(|(error, _)| error)
}

#[test]
fn a_handle_names_one_download_and_never_another() {
    let mut bank = bank(8, 1 << 20);
    let mut handles = Vec::new();
    for _ in 0..50 {
        let wave = downloads(10, &[7]).remove(0);
        let handle = install(&mut bank, wave).unwrap();
        assert!(!handles.contains(&handle));
        assert_eq!(bank.unload(handle), Ok(()));
        assert_eq!(bank.unload(handle), Err(UnknownHandle), "twice");
        for &old in &handles {
            assert_eq!(bank.unload(old), Err(UnknownHandle));
        }
        handles.push(handle);
        assert!(bank.reap().is_some() && bank.reap().is_none());
    }
    for raw in [1, 0xFFFF, 0x1_0000, u32::MAX] {
        let handle = Handle::from_raw(NonZeroU32::new(raw).unwrap());
        assert_eq!(bank.unload(handle), Err(UnknownHandle), "{raw:#x}");
    }
}

#[test]
fn the_quota_counts_what_is_held_until_it_is_freed() {
    let mut bank = bank(8, 10_000);
    let first = install(&mut bank, downloads(3000, &[7]).remove(0)).unwrap();
    let left = bank.free_bytes();
    assert!(left < 4000);
    let again = install(&mut bank, downloads(3000, &[7]).remove(0));
    assert_eq!(again, Err(InstallError::OverQuota));
    assert_eq!(bank.free_bytes(), left, "a refusal takes nothing");
    bank.unload(first).unwrap();
    assert_eq!(bank.free_bytes(), left, "unloaded is not yet freed");
    assert!(bank.reap().is_some());
    assert_eq!(bank.free_bytes(), 10_000);
}

#[test]
fn a_full_table_can_be_grown_and_keeps_its_handles() {
    let mut bank = bank(2, 1 << 20);
    let first = install(&mut bank, downloads(5, &[7]).remove(0)).unwrap();
    install(&mut bank, downloads(5, &[7]).remove(0)).unwrap();
    let third = || downloads(5, &[7]).remove(0);
    assert_eq!(install(&mut bank, third()), Err(InstallError::NoSlot));
    bank.grow(BankTable::try_new(1).unwrap());
    assert_eq!(bank.capacity(), 2, "a smaller table is not taken");
    bank.grow(BankTable::try_new(4).unwrap());
    install(&mut bank, third()).unwrap();
    assert_eq!(bank.unload(first), Ok(()));
}

#[test]
fn the_newest_instrument_of_a_patch_is_found_and_wants_its_wave() {
    let mut bank = bank(16, 1 << 20);
    let mut set = downloads(5, &[7, 7, 9]);
    let wave = set.remove(0);
    let orphan = set.pop().unwrap();
    assert_eq!(
        install(&mut bank, orphan),
        Err(InstallError::MissingWave),
        "waves come first"
    );
    install(&mut bank, wave).unwrap();
    let handles: Vec<Handle> = set
        .into_iter()
        .map(|download| install(&mut bank, download).unwrap())
        .collect();
    let patch = Patch::from_bits(7);
    assert_eq!(bank.find_instrument(patch), Some(handles[1].slot()));
    bank.unload(handles[1]).unwrap();
    assert_eq!(bank.find_instrument(patch), Some(handles[0].slot()));
    bank.unload(handles[0]).unwrap();
    assert_eq!(bank.find_instrument(patch), None);
    assert_eq!(bank.find_instrument(Patch::from_bits(9)), None);
}

#[test]
fn what_sounds_is_kept_until_its_last_voice_ends() {
    let mut bank = bank(4, 1 << 20);
    let handle = install(&mut bank, downloads(5, &[7]).remove(0)).unwrap();
    let slot = handle.slot();
    bank.hold(slot);
    bank.hold(slot);
    bank.unload(handle).unwrap();
    for _ in 0..2 {
        assert!(bank.reap().is_none() && bank.wave(slot).is_some());
        bank.release(slot);
    }
    assert!(bank.reap().is_some() && bank.wave(slot).is_none());
    bank.release(slot);
    assert!(bank.reap().is_none(), "freed once");
}
