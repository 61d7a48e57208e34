//! The driver as kernel-streaming clients meet it: bytes in, bytes out.
//!
//! Nothing here looks into the driver or the port. Requests are made of the structures of
//! `dmusmini-ks`, which the simulated port reads with layouts of its own; replies are taken apart the
//! same way. Every scenario runs with the native build and with the `.sys`.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod client;
mod dmusic;
mod midi_services;
mod queries;
mod requests;
mod streams;

use std::path::Path;

use dmusmini_simulator::session::Binary;
use dmusmini_simulator::tracking_allocator::TrackingAllocator;

#[global_allocator]
static ALLOCATOR: TrackingAllocator = TrackingAllocator;

/// The cross-built image, where there is one.
fn built_sys() -> Option<Binary> {
    let binary = Binary::built_in(Path::new(env!("CARGO_MANIFEST_DIR")));
    if let Binary::Sys(path) = &binary
        && !path.exists()
    {
        println!(
            "SKIPPED: {} is missing; cargo xtask sys builds it",
            path.display()
        );
        return None;
    }
    Some(binary)
}

/// Makes two tests of each scenario: `native::name` and `sys::name`.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        mod native {
            $(#[test]
            fn $name() {
                super::$name(&dmusmini_simulator::session::Binary::Native);
            })+
        }

        mod sys {
            $(#[test]
            fn $name() {
                if let Some(binary) = crate::built_sys() {
                    super::$name(&binary);
                }
            })+
        }
    };
}
pub(crate) use scenarios;
