//! What tests find beside the workspace: the image and real data.

use std::path::{Path, PathBuf};

use dmusmini_simulator::session::{Binary, Session};

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

/// Runs a scenario in every build there is, and ends it cleanly.
#[allow(
    dead_code,
    reason = "not every test program plays one scenario in all builds"
)]
pub fn in_every_build(scenario: impl Fn(&Session)) {
    for binary in [Some(Binary::Native), image()].into_iter().flatten() {
        println!("{binary}");
        let session = Session::boot(&binary).expect("boot");
        scenario(&session);
        let report = session.shut_down();
        assert!(report.is_clean(), "{binary}: {report}");
    }
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
