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
    Bank::new(BankTable::try_new(slots).unwrap(), quota)
}

fn install(bank: &mut Bank, download: Download) -> Result<Handle, InstallError> {
    let mut next = Some(0);
    while let Some(first) = next {
        next = bank.look_for_waves(&download, first)?;
    }
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

/// Whatever comes and goes, and however often a name is used: the newest is found.
#[test]
fn the_index_is_a_list_that_is_searched_from_its_end() {
    let set = |patch: u32, is_gm: bool| {
        let mut set = downloads(1, &[patch]);
        for download in &mut set {
            match download {
                // Few names, and the highest bit.
                Download::Wave(wave) => wave.id = (patch % 3) << 30,
                Download::Instrument(instrument) => instrument.is_gm = is_gm,
            }
        }
        set
    };
    let mut bank = bank(64, 1 << 20);
    // The instruments' own wave, which stays.
    install(&mut bank, downloads(1, &[9]).remove(0)).unwrap();
    let mut model: Vec<(Handle, bool, u32, bool)> = Vec::new();
    let mut state = 1_u32;
    for step in 0..2000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (patch, is_gm) = (state >> 20 & 7, state >> 24 & 1 == 1);
        if model.len() > 40 || (!model.is_empty() && state >> 28 < 6) {
            let n = (state >> 8) as usize % model.len();
            bank.unload(model.remove(n).0).unwrap();
            assert!(bank.reap().is_some());
        } else {
            for download in set(patch, is_gm) {
                let is_wave = matches!(download, Download::Wave(_));
                let name = if is_wave { (patch % 3) << 30 } else { patch };
                let handle = install(&mut bank, download).unwrap();
                model.push((handle, is_wave, name, is_gm));
            }
        }
        if step == 700 {
            bank.grow(BankTable::try_new(100).unwrap());
        }
        let newest = |is_wave, name, gm: Option<bool>| {
            let mut entries = model.iter().rev();
            let found =
                entries.find(|e| e.1 == is_wave && e.2 == name && gm.is_none_or(|g| e.3 == g));
            found.map(|entry| entry.0.slot())
        };
        for name in 0..8 {
            let ideal =
                newest(false, name, Some(false)).or_else(|| newest(false, name, Some(true)));
            assert_eq!(bank.find_instrument(Patch::from_bits(name)), ideal);
        }
        for name in [1 << 30, 2 << 30, 3 << 30] {
            assert_eq!(bank.find_wave(name), newest(true, name, None));
        }
    }
}
