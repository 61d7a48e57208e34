//! One file a command.

mod demo;
mod info;
mod playing;
mod plot;
mod render;
mod trace;
mod uart;

use crate::arguments::{self, Arguments, Command, Interpolation};
use crate::session::{Driver, SynthSettings};
use anyhow::Result;

/// Runs one command line.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let quiet = arguments.quiet;
    match arguments.command {
        Command::Render(render) => render::run(&render, quiet),
        Command::Uart(uart) => uart::run(&uart, quiet),
        Command::Info(info) => info::run(&info),
        Command::Trace(trace) => trace::run(&trace, quiet),
        Command::Plot(plot) => plot::run(&plot),
        Command::Demo(demo) => demo::run(&demo, quiet),
    }
}

impl arguments::Driver {
    /// The build to play with.
    fn load(&self) -> Result<Driver> {
        if self.native {
            Ok(Driver::Native)
        } else {
            Driver::image(self.sys.as_deref())
        }
    }
}

impl arguments::Synth {
    fn settings(&self) -> SynthSettings {
        let effect = |effect| u32::from(self.effects.contains(&effect));
        #[expect(clippy::cast_possible_truncation, reason = "-9600 to 2000")]
        let volume = (100.0 * self.volume).round() as i32;
        SynthSettings {
            rate: self.rate,
            channels: self.channels,
            voices: self.voices,
            interpolation: match self.interpolation {
                Interpolation::Linear => 0,
                Interpolation::FourPoint => 1,
                Interpolation::Sinc8 => 2,
                Interpolation::Sinc16 => 3,
            },
            effects: effect(arguments::Effect::Reverb) | effect(arguments::Effect::Chorus) << 1,
            quota: self.quota,
            event_queue: self.event_queue,
            volume,
            exact_banks: self.exact_banks,
        }
    }
}
