//! The bundled files are the same bytes on every host.
//!
//! A change to a sound or a note changes a digest: listen, then write the new one down.

use sha2::{Digest, Sha256};

#[test]
fn the_song_is_the_song() {
    assert_eq!(
        digest(&dmusmini_demo::song()),
        "41719b79057018ae6ec64e16f6f104e0ca006328bbc29b5108582e589ba75ca0"
    );
}

#[test]
fn the_bank_is_the_bank() {
    let bank = dmusmini_demo::bank().to_dls();
    assert_eq!(bank.len(), 1_723_784, "bytes");
    assert_eq!(
        digest(&bank),
        "affadf78d88a320f8ddf5e1481cf5d7e19c6ae1be6749250375f7a0386999640"
    );
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
