//! The bundled files are the same bytes on every host.
//!
//! A change to a sound or a note changes a digest: listen, then write the new one down.

use sha2::{Digest, Sha256};

#[test]
fn the_song_is_the_song() {
    assert_eq!(
        digest(&dmusmini_demo::song()),
        "e991bbb2773aaad584ad1a915dbcf81984637b723ab8f8d7c6cd4c404d28aa96"
    );
}

#[test]
fn the_bank_is_the_bank() {
    let bank = dmusmini_demo::bank().to_dls();
    assert_eq!(bank.len(), 1_723_784, "bytes");
    assert_eq!(
        digest(&bank),
        "9a75fdb86c943308997ade52314f0f2fd5b2dc790e99247fa00bbd6c0feb2b3f"
    );
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
