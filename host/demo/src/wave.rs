//! A wave as the bank stores it: 16-bit mono with its pitch and loop.

/// A loop in samples; it ends where the wave does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop {
    pub(crate) start: u32,
    pub(crate) length: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Wave {
    pub(crate) name: String,
    pub(crate) rate: u32,
    pub(crate) samples: Vec<i16>,
    /// The key at which the wave plays at its own rate, but for `fine` cents.
    pub(crate) unity: u8,
    /// What to add, in cents, to be in tune at the unity key.
    pub(crate) fine: i16,
    pub(crate) looped: Option<Loop>,
}

impl Wave {
    /// Rounds `samples` (full scale ±1) to 16 bits. `hz` is the pitch that is heard.
    pub(crate) fn new(
        name: impl Into<String>,
        rate: u32,
        samples: &[f64],
        hz: f64,
        looped: Option<Loop>,
    ) -> Self {
        let key = 69.0 + 12.0 * libm::log2(hz / 440.0);
        let unity = key.round();
        Self {
            name: name.into(),
            rate,
            samples: samples
                .iter()
                .map(|sample| (sample * 32767.0).round().clamp(-32767.0, 32767.0) as i16)
                .collect(),
            unity: unity as u8,
            fine: (100.0 * (unity - key)).round() as i16,
            looped,
        }
    }
}
