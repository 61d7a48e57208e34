//! What tests find beside the workspace: the image and real data.

use std::path::{Path, PathBuf};

use dmusmini_simulator::session::Binary;

/// The workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The cross-built image; a visible line where it was not built.
pub fn image() -> Option<Binary> {
    let image = Binary::built_in(&workspace());
    let Binary::Sys(path) = &image else {
        return None;
    };
    if !path.exists() {
        println!("skipped for the image: build it with `cargo xtask sys`");
        return None;
    }
    Some(image)
}

/// Real banks and songs; a visible line where they are absent.
#[allow(dead_code, reason = "not every test program plays songs")]
pub fn data() -> Option<PathBuf> {
    let data = std::env::var_os("DMUSMINI_DATA")
        .map_or_else(|| workspace().join("../shared/data"), PathBuf::from);
    if !data.exists() {
        println!("skipped: no data at {} (DMUSMINI_DATA)", data.display());
        return None;
    }
    Some(data)
}
