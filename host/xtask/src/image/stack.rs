//! How much stack each function takes, from the unwind information.
//!
//! Every function that moves the stack pointer has an entry in `.pdata`, and its unwind codes list
//! each push and each allocation. Their sum is exact; no disassembly is needed.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use object::{
    LittleEndian as LE,
    pe::{self, ImageRuntimeFunctionEntry},
    read::pe::PeFile64,
};

/// The frame of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Where the function starts.
    pub(crate) address: u32,
    /// Pushed and allocated bytes, and the return address.
    pub(crate) bytes: u32,
}

/// One page; a bigger frame would need a stack probe. A kernel stack is 24 KiB in all.
pub(crate) const LIMIT: u32 = 4096;

const RETURN_ADDRESS: u32 = 8;

/// Every function that has a frame, deepest first.
pub(crate) fn frames(image: &Path) -> Result<Vec<Frame>> {
    let data = fs::read(image).with_context(|| image.display().to_string())?;
    let file = PeFile64::parse(data.as_slice())?;
    let sections = file.section_table();
    let table = file
        .data_directory(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION)
        .context("no unwind table")?
        .data(data.as_slice(), &sections)?;
    let entries = object::slice_from_all_bytes::<ImageRuntimeFunctionEntry>(table)
        .ok()
        .context("broken unwind table")?;
    let mut frames = Vec::new();
    for entry in entries {
        let at = entry.unwind_info_address_or_data.get(LE);
        let info = sections
            .pe_data_at(data.as_slice(), at)
            .with_context(|| format!("no unwind information at {at:#x}"))?;
        let bytes = frame_bytes(info).with_context(|| format!("unwind information at {at:#x}"))?;
        frames.push(Frame {
            address: entry.begin_address.get(LE),
            bytes,
        });
    }
    frames.sort_by_key(|frame| std::cmp::Reverse(frame.bytes));
    Ok(frames)
}

/// Sums the unwind codes of one function (`UNWIND_INFO` of the x64 exception handling ABI).
fn frame_bytes(info: &[u8]) -> Option<u32> {
    const PUSH: u8 = 0;
    const ALLOCATE_LARGE: u8 = 1;
    const ALLOCATE_SMALL: u8 = 2;
    const SET_FRAME: u8 = 3;
    const SAVE: u8 = 4;
    const SAVE_FAR: u8 = 5;
    const SAVE_XMM: u8 = 8;
    const SAVE_XMM_FAR: u8 = 9;
    const MACHINE_FRAME: u8 = 10;

    let slots = usize::from(*info.get(2)?);
    let codes = info.get(4..4 + slots * 2)?;
    let slot = |index: usize| {
        Some(u16::from_le_bytes([
            *codes.get(index * 2)?,
            *codes.get(index * 2 + 1)?,
        ]))
    };
    let mut bytes = RETURN_ADDRESS;
    let mut index = 0;
    while index < slots {
        let [_, operation] = slot(index)?.to_le_bytes();
        let (operation, detail) = (operation & 0xF, operation >> 4);
        let used = match operation {
            PUSH => {
                bytes += 8;
                1
            }
            ALLOCATE_LARGE if detail == 0 => {
                bytes += u32::from(slot(index + 1)?) * 8;
                2
            }
            ALLOCATE_LARGE => {
                bytes += u32::from(slot(index + 1)?) | u32::from(slot(index + 2)?) << 16;
                3
            }
            ALLOCATE_SMALL => {
                bytes += u32::from(detail) * 8 + 8;
                1
            }
            SET_FRAME | MACHINE_FRAME => 1,
            SAVE | SAVE_XMM => 2,
            SAVE_FAR | SAVE_XMM_FAR => 3,
            _ => return None,
        };
        index += used;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_and_allocations_add_up() {
        // push rbp; push rbx; sub rsp, 0x28
        let info = [1, 0, 3, 0, 6, 0x42, 2, 0x30, 1, 0x50];
        assert_eq!(frame_bytes(&info), Some(8 + 16 + 0x28));
    }

    #[test]
    fn large_allocations_use_one_or_two_more_slots() {
        let info = [1, 0, 2, 0, 7, 0x01, 0x81, 0x00];
        assert_eq!(frame_bytes(&info), Some(8 + 0x81 * 8));
        let info = [1, 0, 3, 0, 7, 0x11, 0x78, 0x56, 0x01, 0x00];
        assert_eq!(frame_bytes(&info), Some(8 + 0x0001_5678));
    }

    #[test]
    fn saved_registers_take_no_more_stack() {
        let info = [1, 0, 3, 0, 9, 0x68, 2, 0, 4, 0x02];
        assert_eq!(frame_bytes(&info), Some(8 + 8));
    }

    #[test]
    fn nonsense_is_not_a_frame() {
        assert_eq!(frame_bytes(&[1, 0, 9, 0, 0, 0]), None);
        assert_eq!(frame_bytes(&[1, 0, 1, 0, 0, 0x0F]), None);
    }
}
