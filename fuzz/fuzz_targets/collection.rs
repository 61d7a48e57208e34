//! A DLS file as hostile as it may be: read or refused, and what is read can be sent and written.
#![no_main]

use dmusmini::dls::Download;
use dmusmini_collection::{Collection, Level, Options, Selection};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(collection) = Collection::from_bytes("fuzz.dls", bytes) else {
        return;
    };
    let bank = collection.into_bank();
    let again = Collection::from_bytes("again.dls", &bank.to_dls()).expect("we wrote it");
    assert_eq!(again.bank().instruments.len(), bank.instruments.len());
    for level in [Level::One, Level::Two] {
        let options = Options {
            level,
            ..Options::default()
        };
        for item in bank.download_set(&Selection::All, options) {
            let _ = Download::parse(&item.bytes);
        }
    }
});
