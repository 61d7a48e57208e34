//! Placeholder until the synthesizer half lands.
use crate::irql::{Irql, Passive};
use crate::kernel::nt::DeviceObject;
use core::ptr::NonNull;
/// s
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "stub")]
pub struct Settings {
    pub use_built_in_uart: bool,
    pub capture_raw: bool,
}
impl Settings {
    /// r
    #[must_use]
    pub fn read(_: &Irql<Passive>, _: NonNull<DeviceObject>) -> Self {
        Self {
            use_built_in_uart: false,
            capture_raw: false,
        }
    }
}
