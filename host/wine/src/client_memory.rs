//! Memory of the program that asks. A driver on Windows runs in that program's address space; Wine's
//! drivers have a process of their own.

use std::ffi::c_void;

use dmusmini::com::Status;
use dmusmini::portcls::guids::KSPROPSETID_SYNTH_DLS;
use dmusmini::portcls::synth_abi::dls_property;
use dmusmini_simulator::kernel::Kernel;
use dmusmini_simulator::portcls::ks::ClientMemory;
use windows_sys::Win32::Foundation::{CloseHandle, HANDLE};
use windows_sys::Win32::System::Diagnostics::Debug::{ReadProcessMemory, WriteProcessMemory};
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_VM_OPERATION, PROCESS_VM_READ, PROCESS_VM_WRITE,
};

use crate::log::log;
use crate::nt;

/// The program that sent a request.
#[derive(Debug)]
pub(crate) struct Process(HANDLE);

impl Process {
    /// The one whose request this thread is handling.
    pub(crate) fn of_request() -> Self {
        let id = nt::requestor_id();
        let access = PROCESS_VM_READ | PROCESS_VM_WRITE | PROCESS_VM_OPERATION;
        // SAFETY: the result is checked where it is used.
        let handle = unsafe { OpenProcess(access, 0, id) };
        if handle.is_null() {
            log!("process {id} cannot be opened");
        }
        Self(handle)
    }

    /// Lends memory that the input of a request points to: a download's buffer.
    pub(crate) fn lend<'a>(&self, kernel: &'a Kernel, input: &[u8]) -> Lent<'a> {
        let mut lent = Lent {
            kernel,
            input: input.to_vec(),
            address: None,
        };
        // KSP_NODE, then SYNTH_BUFFER: its size, and its address at offset 8.
        let (Some(&(mut size)), Some(&(mut address))) = (
            input
                .get(NODE_PROPERTY..)
                .and_then(<[u8]>::first_chunk::<4>),
            input
                .get(NODE_PROPERTY + 8..)
                .and_then(<[u8]>::first_chunk::<8>),
        ) else {
            return lent;
        };
        if !is_download(input) {
            return lent;
        }
        let length = usize::try_from(u32::from_le_bytes(size)).unwrap_or(0);
        // A buffer that is not there stays one that is not there.
        if let Ok(bytes) = self.read(u64::from_le_bytes(address), length) {
            let copy = kernel.memory().map_user(&bytes);
            address = (copy as u64).to_le_bytes();
            size = u32::try_from(length).unwrap_or(0).to_le_bytes();
            lent.input[NODE_PROPERTY..NODE_PROPERTY + 4].copy_from_slice(&size);
            lent.input[NODE_PROPERTY + 8..NODE_PROPERTY + 16].copy_from_slice(&address);
            lent.address = Some(copy);
        }
        lent
    }
}

/// Whether the input asks for `KSPROPERTY_SYNTH_DLS_DOWNLOAD`.
fn is_download(input: &[u8]) -> bool {
    let set = KSPROPSETID_SYNTH_DLS;
    let mut head = Vec::new();
    head.extend(set.data1.to_le_bytes());
    head.extend(set.data2.to_le_bytes());
    head.extend(set.data3.to_le_bytes());
    head.extend(set.data4);
    head.extend(dls_property::DOWNLOAD.to_le_bytes());
    input.starts_with(&head)
}

/// The input of a request whose memory is lent until this is dropped.
#[derive(Debug)]
pub(crate) struct Lent<'a> {
    kernel: &'a Kernel,
    input: Vec<u8>,
    address: Option<usize>,
}

impl Lent<'_> {
    /// The input, with addresses that the driver can follow.
    pub(crate) fn input(&self) -> &[u8] {
        &self.input
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            self.kernel.memory().unmap_user(address);
        }
    }
}

impl ClientMemory for Process {
    fn read(&self, address: u64, length: usize) -> Result<Vec<u8>, Status> {
        let mut bytes = vec![0; length];
        let from = std::ptr::with_exposed_provenance::<c_void>(
            usize::try_from(address).map_err(|_| Status::ACCESS_VIOLATION)?,
        );
        let mut done = 0;
        // SAFETY: the target is our own, of this length; the source may be anything.
        let copied = unsafe {
            ReadProcessMemory(
                self.0,
                from,
                bytes.as_mut_ptr().cast(),
                length,
                &raw mut done,
            )
        };
        (copied != 0 && done == length)
            .then_some(bytes)
            .ok_or(Status::ACCESS_VIOLATION)
    }

    fn probe(&self, address: u64, length: usize) -> Result<(), Status> {
        self.read(address, length).map(drop)
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Status> {
        let to = std::ptr::with_exposed_provenance::<c_void>(
            usize::try_from(address).map_err(|_| Status::ACCESS_VIOLATION)?,
        );
        let mut done = 0;
        // SAFETY: the source is our own; the target belongs to the program that named it.
        let copied = unsafe {
            WriteProcessMemory(
                self.0,
                to,
                bytes.as_ptr().cast(),
                bytes.len(),
                &raw mut done,
            )
        };
        (copied != 0 && done == bytes.len())
            .then_some(())
            .ok_or(Status::ACCESS_VIOLATION)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: opened by us, closed once.
            unsafe { CloseHandle(self.0) };
        }
    }
}

/// `sizeof (KSP_NODE)`.
const NODE_PROPERTY: usize = 32;
