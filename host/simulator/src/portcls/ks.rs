//! Kernel streaming as clients see it: requests that are bytes, and bytes that come back.
//!
//! An IOCTL of a KS client is a block of bytes in and a block of bytes out. This module is that
//! boundary of the simulated port: everything above it (the client models of the tests, another
//! program's dispatcher) knows only layouts, sizes and status codes, as a program on Windows does.
//!
//! | request | where |
//! |---|---|
//! | `IOCTL_KS_PROPERTY` on a filter or a pin | [`Filter::property_bytes`], [`Pin::property_bytes`] |
//! | creating a pin (`KsCreatePin`) | [`Filter::create_pin`] |
//! | `IOCTL_KS_WRITE_STREAM`, `IOCTL_KS_READ_STREAM` | [`Pin::write_stream`], [`Pin::read_stream`] |
//!
//! The port answers `KSPROPSETID_Pin`, `KSPROPSETID_Topology`, `KSPROPSETID_SynthClock` and, on pins,
//! `KSPROPSETID_Connection` itself; everything else goes to the automation tables of the driver.
//! Sizes follow `KsPropertyHandler` and `KsHandleSizedListQuery`: no room asks for the size
//! (`STATUS_BUFFER_OVERFLOW`), too little is an error.
//!
//! [`Filter::property_bytes`]: super::client::Filter::property_bytes
//! [`Filter::create_pin`]: super::client::Filter::create_pin
//! [`Pin::property_bytes`]: super::client::Pin::property_bytes
//! [`Pin::write_stream`]: super::client::Pin::write_stream
//! [`Pin::read_stream`]: super::client::Pin::read_stream

mod connection;
pub(crate) mod create;
pub mod guids;
mod layout;
pub mod memory;
mod pins;
pub(crate) mod property;
pub mod reads;
mod sizes;
pub mod stream;
mod topology;

use dmusmini::com::Status;

pub use memory::ClientMemory;
pub use reads::{ReadId, ReadStream};

/// The outcome of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoReply {
    /// `IO_STATUS_BLOCK.Status`.
    pub status: Status,
    /// `IO_STATUS_BLOCK.Information`: bytes returned, or needed when the status is
    /// `STATUS_BUFFER_OVERFLOW`.
    pub information: usize,
    /// What is to be copied to the client's buffer.
    pub output: Vec<u8>,
}

impl IoReply {
    /// A request that failed.
    #[must_use]
    pub fn refused(status: Status) -> Self {
        Self {
            status,
            information: 0,
            output: Vec::new(),
        }
    }

    /// A request that returned these bytes.
    #[must_use]
    pub fn with(output: Vec<u8>) -> Self {
        Self {
            status: Status::SUCCESS,
            information: output.len(),
            output,
        }
    }

    /// The bytes of a request that succeeded.
    ///
    /// # Errors
    ///
    /// The status of any other.
    pub fn ok(self) -> Result<Vec<u8>, Status> {
        self.status.ok().map(|()| self.output)
    }
}

/// Control codes of kernel streaming: device type 0x2F, METHOD_NEITHER.
pub mod ioctl {
    /// `IOCTL_KS_PROPERTY`.
    pub const PROPERTY: u32 = 0x002F_0003;
    /// `IOCTL_KS_RESET_STATE`.
    pub const RESET_STATE: u32 = 0x002F_001B;
    /// `IOCTL_KS_WRITE_STREAM`.
    pub const WRITE_STREAM: u32 = 0x002F_8013;
    /// `IOCTL_KS_READ_STREAM`.
    pub const READ_STREAM: u32 = 0x002F_4017;
}

/// Verbs of a KSPROPERTY beyond those that reach a driver.
pub mod verbs {
    /// `KSPROPERTY_TYPE_SETSUPPORT`.
    pub const SET_SUPPORT: u32 = 0x100;
}

/// `STATUS_INVALID_BUFFER_SIZE`: a structure that is not whole.
pub const INVALID_BUFFER_SIZE: Status = Status::from_bits(0xC000_0206);
/// `STATUS_CANCELLED`: a request that was taken back.
pub const CANCELLED: Status = Status::from_bits(0xC000_0120);
