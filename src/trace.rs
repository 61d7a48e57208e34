//! What the driver reports: typed events, never text.
//!
//! [`emit`] takes one [`Event`], a fact with its numbers, at any IRQL, and hands it to three sinks:
//!
//! - ETW, as the TraceLogging provider [`PROVIDER_NAME`] with the GUID [`PROVIDER`]. The events
//!   carry their own schema, so any TraceLogging consumer decodes them:
//!   `tracelog -start dmusmini -guid #ce4d8d67-9e5b-4cd5-8f7e-3b6f2a1d9c40 -f dmusmini.etl`.
//! - [`ring`], the last 256 events, for crash dumps: `dx dmusmini!RING` shows them.
//! - on a host, the recorder of the current thread, so that tests assert on traces.
//!
//! Events are rare: streams, downloads, faults. There is none for a byte or a note, except for one
//! that was lost, and those are counted and reported in lumps.

pub mod etw;
pub mod event;
#[cfg(not(target_env = "msvc"))]
pub mod recorder;
pub mod ring;

pub use event::{Event, Level, PROVIDER, PROVIDER_NAME};

/// Reports an event. Any IRQL, never blocks, never fails.
pub fn emit(event: Event) {
    ring::RING.push(event);
    // Unit tests have no kernel to write to; scenario tests do.
    if !cfg!(test) {
        etw::write(event);
    }
    #[cfg(not(target_env = "msvc"))]
    recorder::push(event);
}

/// Registers the ETW provider. PASSIVE, once, when the driver is loaded.
pub fn start_up() {
    etw::register();
    emit(Event::DriverStarted);
}

/// Unregisters it; the driver must not emit afterwards. PASSIVE, once, before it is unloaded.
pub fn shut_down() {
    emit(Event::DriverStopped);
    etw::unregister();
}
