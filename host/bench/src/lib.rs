//! What the measurements share: the synth ready to be timed, banks, songs, held notes.

pub mod bank;
pub mod driver;
pub mod held;
pub mod song;

use clap::ValueEnum;
use dmusmini::synth::Interpolation;

/// Interpolations by the names of the report.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Mode {
    /// Two points.
    Linear,
    /// Four points.
    Cubic4,
    /// Eight points.
    Sinc8,
    /// Sixteen points.
    Sinc16,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Linear, Self::Cubic4, Self::Sinc8, Self::Sinc16];

    /// As the report names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Cubic4 => "cubic4",
            Self::Sinc8 => "sinc8",
            Self::Sinc16 => "sinc16",
        }
    }
}

impl From<Mode> for Interpolation {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Linear => Self::Linear,
            Mode::Cubic4 => Self::FourPoint,
            Mode::Sinc8 => Self::Sinc8,
            Mode::Sinc16 => Self::Sinc16,
        }
    }
}
