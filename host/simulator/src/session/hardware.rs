//! What is plugged in: a chip or none, its resources, its registry values.

use crate::chip::Config;
use crate::portcls::registry::Value;
use crate::portcls::resources::Resources;

/// An MPU-401 chip and where it sits.
#[derive(Clone, Debug)]
pub struct ChipAt {
    /// Its first port.
    pub port: u16,
    /// Its interrupt, if it has one.
    pub vector: Option<u32>,
    /// What it is like.
    pub config: Config,
}

/// A device to install.
#[derive(Clone, Debug, Default)]
pub struct Hardware {
    /// The chip behind the resources.
    pub chip: Option<ChipAt>,
    /// What the bus gives the device.
    pub resources: Resources,
    /// Values under its driver key, by path.
    pub registry: Vec<(String, Value)>,
}

impl Hardware {
    /// The root-enumerated synthesizer: no resources.
    #[must_use]
    pub fn synth() -> Self {
        Self::default()
    }

    /// An MPU-401 at port 330h with an interrupt.
    #[must_use]
    pub fn uart(config: Config) -> Self {
        Self::uart_at(ChipAt {
            port: 0x330,
            vector: Some(9),
            config,
        })
    }

    /// An MPU-401 at port 330h without an interrupt: polled.
    #[must_use]
    pub fn polled_uart(config: Config) -> Self {
        Self::uart_at(ChipAt {
            port: 0x330,
            vector: None,
            config,
        })
    }

    /// An MPU-401 anywhere.
    #[must_use]
    pub fn uart_at(chip: ChipAt) -> Self {
        let mut resources = Resources::none().port(chip.port, 2);
        if let Some(vector) = chip.vector {
            resources = resources.interrupt(vector);
        }
        Self {
            chip: Some(chip),
            resources,
            registry: Vec::new(),
        }
    }

    /// Adds a value under the driver key; `path` may lead through subkeys, as `A\\B\\Name`.
    #[must_use]
    pub fn with_value(mut self, path: &str, value: Value) -> Self {
        self.registry.push((path.to_owned(), value));
        self
    }

    /// Sets one of the driver's settings: a DWORD under `Parameters` (inf section 7).
    #[must_use]
    pub fn with_dword(self, name: &str, value: u32) -> Self {
        self.with_value(&format!("Parameters\\{name}"), Value::dword(value))
    }
}
