//! A device of ours that is being played: what the commands need of it, whichever driver build is behind it.

mod driver;

pub use driver::{Driver, DriverReport};

use anyhow::Result;
use serde::Serialize;

/// How the synthesizer is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynthSettings {
    /// Frames a second.
    pub rate: u32,
    /// 1 or 2.
    pub channels: u16,
    /// Notes at once.
    pub voices: u32,
    /// The `Interpolation` setting: 0 linear, 1 four-point, 2 sinc-8, 3 sinc-16.
    pub interpolation: u32,
    /// The `Effects` setting: bit 0 reverb, bit 1 chorus.
    pub effects: u32,
    /// The `DownloadQuotaMiB` setting.
    pub quota: u32,
    /// The `EventQueue` setting.
    pub event_queue: u32,
    /// KSPROPERTY_SYNTH_VOLUME, in hundredths of a decibel.
    pub volume: i32,
}

impl SynthSettings {
    /// What the driver has without a registry value.
    pub const DEFAULT: Self = Self {
        rate: 44_100,
        channels: 2,
        voices: 256,
        interpolation: 3,
        effects: 0,
        quota: 256,
        event_queue: 65_536,
        volume: 0,
    };
}

/// Starts the synthesizer of a driver.
pub fn open_synth(_driver: &Driver, _settings: SynthSettings) -> Result<Box<dyn Synth>> {
    anyhow::bail!("the simulated machine has no synthesizer yet")
}

/// Starts the MPU-401 of a driver.
pub fn open_uart(_driver: &Driver, _polled: bool) -> Result<Box<dyn Uart>> {
    anyhow::bail!("the simulated machine has no MPU-401 yet")
}

/// The synthesizer, running.
pub trait Synth {
    /// Downloads one `DMUS_DOWNLOADINFO` buffer.
    fn download(&mut self, item: &[u8]) -> Result<()>;

    /// Hands one message to the driver, due `at` 100-ns units after the start.
    fn play(&mut self, at: i64, message: &[u8]) -> Result<()>;

    /// Renders the next frames.
    fn render(&mut self, out: &mut [i16]) -> Result<()>;

    /// The driver's running statistics since the start.
    fn statistics(&mut self) -> Result<Statistics>;

    /// Ends the session in an orderly way and tells what it left behind.
    fn close(self: Box<Self>) -> Result<Machine>;
}

/// The MPU-401, running.
pub trait Uart {
    /// Plays messages and gives the bytes on the wire, each with the time when its last bit was out.
    fn play(
        &mut self,
        events: &[dmusmini_song::Event],
        progress: &mut dyn FnMut(i64) -> Result<()>,
    ) -> Result<Vec<WireByte>>;

    /// Ends the session in an orderly way and tells what it left behind.
    fn close(self: Box<Self>) -> Result<Machine>;
}

/// A byte that went over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireByte {
    /// 100-ns units from the start of the song.
    pub at: i64,
    /// The byte.
    pub byte: u8,
}

/// KSPROPERTY_SYNTH_RUNNINGSTATS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Voices sounding on average.
    pub voices: u32,
    /// Notes that no voice was left for, or no instrument.
    pub lost_notes: u32,
    /// Hundredths of a decibel below full scale.
    pub peak: i32,
}

/// What the simulated machine saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Everything the driver left behind and every rule it broke.
    pub violations: Vec<String>,
    /// The driver's trace: time in 100-ns units, decoded event.
    pub trace: Vec<TraceLine>,
}

/// One event of the driver's trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceLine {
    /// 100-ns units since the machine was switched on.
    pub at: i64,
    /// `error`, `warning` or `info`.
    pub level: String,
    /// The event's name.
    pub name: String,
    /// Its fields: name, value as shown.
    pub fields: Vec<(String, String)>,
}
