//! Pool imports.

use std::ffi::c_void;

use super::imports;
use crate::irql::Irql;
use crate::pool::{Fill, Paging, Tag};
use crate::violation::Rule;

imports! {
    /// Allocates pool; zeroed unless POOL_FLAG_UNINITIALIZED is set.
    [Irql::HIGH] fn ExAllocatePool2(flags: u64, size: usize, tag: u32) -> *mut c_void as |kernel| {
        let (resident, paged) = (flags & (NON_PAGED | EXECUTABLE) != 0, flags & PAGED != 0);
        if resident == paged || flags & (EXECUTABLE | RAISE) != 0 {
            kernel.violate(Rule::PoolRequest, "ExAllocatePool2", format!("flags {flags:#x}"));
        }
        let paging = if paged { Paging::Paged } else { Paging::NonPaged };
        let fill = if flags & UNINITIALIZED != 0 { Fill::Garbage } else { Fill::Zero };
        let (tag, at) = (Tag(tag), "ExAllocatePool2");
        let block = if flags & USE_QUOTA == 0 {
            kernel.allocate(size, tag, paging, fill, at)
        } else {
            kernel.allocate_charged(size, tag, paging, fill, at)
        };
        block
            .map_or(std::ptr::null_mut(), |block| {
                let _ = block.expose_provenance();
                block.cast()
            })
    }

    /// Frees pool, checking the tag.
    [Irql::HIGH] fn ExFreePoolWithTag(block: *mut c_void, tag: u32) as |kernel| {
        kernel.free(block.cast(), Tag(tag), "ExFreePoolWithTag");
    }

    /// Frees pool.
    [Irql::HIGH] fn ExFreePool(block: *mut c_void) as |kernel| {
        kernel.free(block.cast(), Tag(0), "ExFreePool");
    }
}

const USE_QUOTA: u64 = 0x01;
const UNINITIALIZED: u64 = 0x02;
const RAISE: u64 = 0x20;
const NON_PAGED: u64 = 0x40;
const EXECUTABLE: u64 = 0x80;
const PAGED: u64 = 0x100;
