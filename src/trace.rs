//! Placeholder until the synthesizer half lands.
/// e
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "stub")]
pub enum Event {
    SurpriseRemoved,
    PowerChanged { state: i32 },
    UartOpened { acknowledged: bool },
    UartFailed,
    DeviceBusy,
    InitFailed { status: i32 },
    StreamOpened { pin: u32 },
    StreamRefused { pin: u32, status: i32 },
}
/// e
pub fn emit(_: Event) {}
/// e
pub fn start_up() {}
/// e
pub fn shut_down() {}
