//! The memory of the process that sends a request.

use dmusmini::com::Status;

use crate::kernel;
use crate::memory::{Access, Mode};

/// Reads and writes addresses of a client. Every address is checked: it may be anything.
pub trait ClientMemory {
    /// `length` bytes at `address`.
    ///
    /// # Errors
    ///
    /// `STATUS_ACCESS_VIOLATION`.
    fn read(&self, address: u64, length: usize) -> Result<Vec<u8>, Status>;

    /// Writes `bytes` at `address`.
    ///
    /// # Errors
    ///
    /// `STATUS_ACCESS_VIOLATION`.
    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Status>;

    /// Whether `length` bytes at `address` can be written.
    ///
    /// # Errors
    ///
    /// `STATUS_ACCESS_VIOLATION`.
    fn probe(&self, address: u64, length: usize) -> Result<(), Status>;
}

/// User memory of the simulated machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserMemory;

impl ClientMemory for UserMemory {
    fn read(&self, address: u64, length: usize) -> Result<Vec<u8>, Status> {
        if length == 0 {
            return Ok(Vec::new());
        }
        let address = usize::try_from(address).map_err(|_| Status::ACCESS_VIOLATION)?;
        kernel::current()
            .memory()
            .read_user(address, length)
            .ok_or(Status::ACCESS_VIOLATION)
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Status> {
        self.probe(address, bytes.len())?;
        let address = usize::try_from(address).map_err(|_| Status::ACCESS_VIOLATION)?;
        kernel::current()
            .memory()
            .write_user(address, bytes)
            .ok_or(Status::ACCESS_VIOLATION)
    }

    fn probe(&self, address: u64, length: usize) -> Result<(), Status> {
        let address = usize::try_from(address).map_err(|_| Status::ACCESS_VIOLATION)?;
        kernel::current()
            .memory()
            .probe(address, length, Mode::User, Access::Write)
            .map_err(|_| Status::ACCESS_VIOLATION)
    }
}
