//! A registered subdevice: its port, which the adapter keeps, and its miniport, which it shuts down.
//!
//! `PcRegisterSubdevice` is not documented to take a reference to the port, so the adapter keeps its
//! own, from `PcNewPort` until PortCls has dealt with the request that ends the device's life. When
//! a port lets go of its miniport is nowhere written either: when its subdevice is unregistered, or
//! when it is destroyed. Before PortCls hears of the end, the miniport is [shut
//! down](Subdevice::shut_down) and gives its port back, so that neither habit leaves a cycle.

use super::synth::miniport::SynthMiniport;
#[cfg(target_arch = "x86_64")]
use super::uart::miniport::UartMiniport;
use crate::com::{Borrowed, ComRef, IUnknown, ObjectRef};
use crate::irql::{Irql, Passive};
use crate::portcls::interfaces::IPort;

/// A miniport, whoever made it.
#[derive(Debug)]
pub enum Miniport {
    /// The synthesizer.
    Synth(ObjectRef<SynthMiniport>),
    /// The MPU-401.
    #[cfg(target_arch = "x86_64")]
    Uart(ObjectRef<UartMiniport>),
    /// One of PortCls' own, which needs nobody to tell it.
    PortCls(ComRef<IUnknown>),
}

impl Miniport {
    /// What the port is initialised with.
    #[must_use]
    pub const fn unknown(&self) -> Borrowed<'_, IUnknown> {
        match self {
            Self::Synth(miniport) => miniport.interface(),
            #[cfg(target_arch = "x86_64")]
            Self::Uart(miniport) => miniport.interface(),
            Self::PortCls(miniport) => miniport.borrow(),
        }
    }

    /// The miniport's end: it comes to rest and gives its port back. It stays whole, for pins that
    /// are still open.
    pub fn shut_down(self, irql: &mut Irql<Passive>) {
        match self {
            Self::Synth(miniport) => miniport.shut_down(irql),
            #[cfg(target_arch = "x86_64")]
            Self::Uart(miniport) => miniport.shut_down(irql),
            Self::PortCls(_) => {}
        }
    }
}

/// Who is to hear at once of a device that was pulled out: kept for a call outside the adapter's lock.
#[derive(Debug)]
pub enum RemovalNotice {
    /// An MPU-401, with events that wait for its chip.
    #[cfg(target_arch = "x86_64")]
    Uart(ObjectRef<UartMiniport>),
}

impl RemovalNotice {
    /// Tells.
    pub fn give(self, irql: &mut Irql<Passive>) {
        #[cfg(not(target_arch = "x86_64"))]
        let _ = irql;
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Uart(miniport) => {
                if let Some(uart) = miniport.uart() {
                    uart.surprise_removed(irql);
                }
            }
        }
    }
}

/// A port and its miniport.
#[derive(Debug)]
pub struct Subdevice {
    /// From `PcNewPort`.
    pub port: ComRef<IPort>,
    /// What the port was, or will be, initialised with.
    pub miniport: Miniport,
}

impl Subdevice {
    /// Who is to hear of a device that was pulled out. The others have no device.
    #[must_use]
    pub fn removal_notice(&self) -> Option<RemovalNotice> {
        match &self.miniport {
            #[cfg(target_arch = "x86_64")]
            Miniport::Uart(miniport) => Some(RemovalNotice::Uart(miniport.clone())),
            Miniport::Synth(_) | Miniport::PortCls(_) => None,
        }
    }

    /// Shuts the miniport down. The port is to be dropped when PortCls has been told.
    #[must_use]
    pub fn shut_down(self, irql: &mut Irql<Passive>) -> ComRef<IPort> {
        self.miniport.shut_down(irql);
        self.port
    }
}
