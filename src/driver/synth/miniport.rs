//! Placeholder until the synthesizer half lands.
use crate::com::{ObjectRef, Status};
use crate::driver::settings::Settings;
use crate::driver::uart::miniport::UartMiniport;
use crate::irql::{Irql, Passive};
/// c
pub fn create(_: &Irql<Passive>, _: &Settings) -> Result<ObjectRef<UartMiniport>, Status> {
    Err(Status::NOT_IMPLEMENTED)
}
