//! The synthesizer subdevice, from a client's side of a simulated PortCls.
//!
//! Every scenario runs with the native build and with the cross-built `.sys` (`cargo xtask sys`
//! makes it; where it is missing a line says so). Each ends with the session's own closing check:
//! no leak, no lock held, PASSIVE, no rule of the kernel or of PortCls broken.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may")]

mod clocks;
mod collections;
mod downloads;
mod filter;
mod floods;
mod groups;
mod instruments;
mod lifetimes;
mod memory;
mod parameters;
mod playback;
mod power;
mod processes;
mod properties;
mod reverb;
mod rig;
mod settings;
mod traces;
mod voices;

use dmusmini_simulator::tracking_allocator::TrackingAllocator;

#[global_allocator]
static ALLOCATOR: TrackingAllocator = TrackingAllocator;

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
                if let Some(binary) = crate::rig::built_sys() {
                    super::$name(&binary);
                }
            })+
        }
    };
}
pub(crate) use scenarios;
