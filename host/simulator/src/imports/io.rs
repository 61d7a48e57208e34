//! I/O manager and memory manager imports.

use std::ffi::c_void;

use super::imports;
use crate::irql::Irql;
use crate::memory::{Access, Mode};
use crate::pool::{Fill, Paging, Tag};
use crate::violation::Rule;
use crate::work_item::WorkItemRoutine;

imports! {
    /// Whether the client that sent the request is a 32-bit program.
    [Irql::DISPATCH] fn IoIs32bitProcess(_irp: *mut c_void) -> u8 as |kernel| {
        u8::from(kernel.is_client_32_bit())
    }

    /// Makes a work item of a device; null when there is no memory.
    [Irql::DISPATCH] fn IoAllocateWorkItem(device: *mut c_void) -> *mut c_void as |kernel| {
        kernel.allocate_work_item(device.expose_provenance(), "IoAllocateWorkItem")
    }

    /// Frees a work item that is not queued.
    [Irql::DISPATCH] fn IoFreeWorkItem(item: *mut c_void) as |kernel| {
        kernel.free_work_item(item, "IoFreeWorkItem");
    }

    /// Has a worker thread run a routine. Queue 1 is for drivers, the others are not.
    [Irql::DISPATCH] fn IoQueueWorkItem(
        item: *mut c_void,
        routine: WorkItemRoutine,
        queue: i32,
        context: *mut c_void,
    ) as |kernel| {
        let at = "IoQueueWorkItem";
        if queue != 1 {
            kernel.violate(Rule::BadArgument, at, format!("queue {queue}"));
        }
        kernel.queue_work_item(item.addr(), routine, context, at);
        kernel.deliver();
    }

    /// Makes an MDL for a range of addresses; null when there is no memory.
    [Irql::DISPATCH] fn IoAllocateMdl(
        address: *mut c_void,
        length: u32,
        _secondary: u8,
        _charge: u8,
        _irp: *mut c_void,
    ) -> *mut c_void as |kernel| {
        let at = "IoAllocateMdl";
        let (start, length) = (address.addr(), usize::try_from(length).unwrap_or(usize::MAX));
        let pages = (start % PAGE).saturating_add(length).div_ceil(PAGE);
        let size = size_of::<MdlHeader>() + 8 * pages;
        let Some(block) = kernel.allocate(size, MDL_TAG, Paging::NonPaged, Fill::Zero, at) else {
            return std::ptr::null_mut();
        };
        let header = MdlHeader {
            next: 0,
            size: i16::try_from(size).unwrap_or(i16::MAX),
            flags: ALLOCATED,
            reserved: 0,
            process: 0,
            mapped: std::ptr::null_mut(),
            start: start / PAGE * PAGE,
            byte_count: u32::try_from(length).unwrap_or(u32::MAX),
            byte_offset: u32::try_from(start % PAGE).unwrap_or(0),
        };
        #[expect(clippy::cast_ptr_alignment, reason = "the pool aligns to 16")]
        // SAFETY: the block is aligned and large enough for the header.
        unsafe { block.cast::<MdlHeader>().write(header) };
        kernel.memory().add_mdl(block.addr(), start, length);
        block.cast()
    }

    /// Frees an MDL.
    [Irql::DISPATCH] fn IoFreeMdl(mdl: *mut c_void) as |kernel| {
        kernel.remove_mdl(mdl.addr(), "IoFreeMdl");
        kernel.free(mdl.cast(), MDL_TAG, "IoFreeMdl");
    }

    /// Unlocks an MDL's pages.
    [Irql::DISPATCH] fn MmUnlockPages(mdl: *mut MdlHeader) as |kernel| {
        kernel.unlock_pages(mdl.addr(), "MmUnlockPages");
        // SAFETY: the caller passes an MDL.
        unsafe { (*mdl).flags &= !(LOCKED | MAPPED) };
    }

    /// Maps an MDL's locked pages into system space; null when there is no room.
    [Irql::DISPATCH] fn MmMapLockedPagesSpecifyCache(
        mdl: *mut MdlHeader,
        _mode: i32,
        _cache: i32,
        _address: *mut c_void,
        _stop_on_failure: u32,
        _priority: u32,
    ) -> *mut c_void as |kernel| {
        let mapped = kernel.map_locked(mdl.addr(), "MmMapLockedPagesSpecifyCache");
        if !mapped.is_null() {
            // SAFETY: the caller passes an MDL.
            unsafe { (*mdl).flags |= MAPPED };
            // SAFETY: as above.
            unsafe { (*mdl).mapped = mapped.cast() };
        }
        mapped.cast()
    }
}

/// Locks an MDL's pages, or returns the status that `MmProbeAndLockPages` raises.
///
/// # Safety
///
/// `mdl` came from [`IoAllocateMdl`].
pub unsafe fn probe_and_lock(mdl: *mut MdlHeader, mode: i8, operation: i32) -> bool {
    let at = "MmProbeAndLockPages";
    let mode = if mode == 0 { Mode::Kernel } else { Mode::User };
    let access = if operation == 0 {
        Access::Read
    } else {
        Access::Write
    };
    let locked = super::call(at, Irql::DISPATCH, |kernel| {
        if mode == Mode::User {
            kernel.require_at_most(Irql::APC, at);
        }
        kernel.lock_pages(mdl.addr(), mode, access, at).is_ok()
    });
    if locked {
        // SAFETY: promised by the caller.
        unsafe { (*mdl).flags |= LOCKED };
    }
    locked
}

/// The head of an MDL, in its layout on x64.
#[repr(C)]
#[derive(Debug)]
pub struct MdlHeader {
    next: usize,
    size: i16,
    flags: i16,
    reserved: u32,
    process: usize,
    mapped: *mut c_void,
    start: usize,
    byte_count: u32,
    byte_offset: u32,
}

const _: () = assert!(size_of::<MdlHeader>() == 48);

const PAGE: usize = 4096;
const MAPPED: i16 = 0x0001;
const LOCKED: i16 = 0x0002;
const ALLOCATED: i16 = 0x0008;
const MDL_TAG: Tag = Tag(u32::from_le_bytes(*b"Mdl "));
