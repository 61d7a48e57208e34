//! One step up the stack by a function's unwind codes (`RtlVirtualUnwind`).

use super::{Context, Found};
use crate::kernel::ImageRange;

/// Which handlers a walk asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HandlerKind {
    /// Those that may handle the exception (UNW_FLAG_EHANDLER).
    Exception = 1,
    /// Those that clean up when the stack is unwound (UNW_FLAG_UHANDLER).
    Termination = 2,
}

/// What the frame that was left turned out to be.
#[derive(Debug)]
pub(super) enum Frame {
    /// A leaf function: it has no tables.
    Leaf,
    /// A function without a handler of the kind asked for.
    Plain(usize),
    /// A function with one.
    WithHandler(Found),
}

impl Frame {
    /// The value that identifies the frame to its handlers.
    pub(super) fn establisher(&self) -> Option<usize> {
        match self {
            Self::Leaf => None,
            Self::Plain(frame) => Some(*frame),
            Self::WithHandler(found) => Some(found.establisher),
        }
    }
}

/// Turns the context of a function into that of its caller.
///
/// Faults inside an epilogue are not told apart from ones in the body; the driver's guarded code
/// has none there.
///
/// # Safety
///
/// `context` is the state of a frame of `image` on this stack.
pub(super) unsafe fn step(image: &ImageRange, context: &mut Context, kind: HandlerKind) -> Frame {
    let base = image.addresses.start;
    let offset = context.address() - base;
    // SAFETY: the range is the image's exception directory.
    let Some(entry) = (unsafe { lookup(image, offset) }) else {
        // SAFETY: a leaf function's return address is on top of its stack.
        unsafe { pop_return(context) };
        return Frame::Leaf;
    };
    let mut function = entry;
    let mut establisher = None;
    let mut found = None;
    loop {
        let info = Info::at(base + function.info);
        let (frame, interrupted) =
            // SAFETY: the codes are those of the function that the context is in.
            unsafe { info.undo(offset - function.begin, &function, entry.begin, context) };
        establisher = establisher.or(Some(frame));
        if info.flags() & (kind as u8) != 0 {
            let handler = info.tail();
            found = Some(Found {
                function_entry: entry.address,
                establisher: frame,
                handler: base + read_u32(handler),
                data: handler + 4,
            });
        }
        if interrupted {
            break;
        }
        if info.flags() & CHAINED != 0 {
            function = Function::at(info.tail());
            continue;
        }
        // SAFETY: all that the function pushed is undone, so its return address is on top.
        unsafe { pop_return(context) };
        break;
    }
    let establisher = establisher.unwrap_or(0);
    found.map_or(Frame::Plain(establisher), Frame::WithHandler)
}

/// RUNTIME_FUNCTION.
#[derive(Clone, Copy, Debug)]
struct Function {
    address: usize,
    begin: usize,
    end: usize,
    info: usize,
}

impl Function {
    fn at(address: usize) -> Self {
        Self {
            address,
            begin: read_u32(address),
            end: read_u32(address + 4),
            info: read_u32(address + 8),
        }
    }
}

/// Finds the function that contains `offset` (`RtlLookupFunctionEntry`).
///
/// # Safety
///
/// The image is mapped.
unsafe fn lookup(image: &ImageRange, offset: usize) -> Option<Function> {
    let table = image.addresses.start + image.functions.start;
    let (mut low, mut high) = (0, image.functions.len() / ENTRY_SIZE);
    while low < high {
        let middle = usize::midpoint(low, high);
        let function = Function::at(table + middle * ENTRY_SIZE);
        if offset < function.begin {
            high = middle;
        } else if offset >= function.end {
            low = middle + 1;
        } else {
            return Some(function);
        }
    }
    None
}

/// The functions of an image that handle exceptions and do not clean up besides, by address: those
/// that were written so. (compiler_builtins' division names a C++ personality, which does both.)
pub(crate) fn functions_with_handlers(image: &ImageRange) -> Vec<usize> {
    let base = image.addresses.start;
    let table = base + image.functions.start;
    (0..image.functions.len() / ENTRY_SIZE)
        .map(|index| Function::at(table + index * ENTRY_SIZE))
        .filter(|function| {
            let flags = Info::at(base + function.info).flags();
            let kinds = HandlerKind::Exception as u8 | HandlerKind::Termination as u8;
            flags & CHAINED == 0 && flags & kinds == HandlerKind::Exception as u8
        })
        .map(|function| base + function.begin)
        .collect()
}

/// UNWIND_INFO.
#[derive(Clone, Copy, Debug)]
struct Info {
    address: usize,
}

impl Info {
    fn at(address: usize) -> Self {
        Self { address }
    }

    fn flags(self) -> u8 {
        read_u8(self.address) >> 3
    }

    fn count(self) -> usize {
        usize::from(read_u8(self.address + 2))
    }

    /// What follows the codes: the handler, or the function that this one is a part of.
    fn tail(self) -> usize {
        self.address + 4 + self.count().next_multiple_of(2) * 2
    }

    fn slot(self, index: usize) -> u16 {
        let address = self.address + 4 + index * 2;
        u16::from_le_bytes([read_u8(address), read_u8(address + 1)])
    }

    fn wide(self, index: usize) -> u64 {
        u64::from(self.slot(index)) | u64::from(self.slot(index + 1)) << 16
    }

    /// Undoes what the prologue did so far; the establisher frame, and whether the frame was made by
    /// an interrupt, which restores everything itself.
    ///
    /// # Safety
    ///
    /// The context is that of a frame of this function.
    unsafe fn undo(
        self,
        offset: usize,
        function: &Function,
        first_begin: usize,
        context: &mut Context,
    ) -> (usize, bool) {
        let register = read_u8(self.address + 3);
        let (frame_register, frame_offset) =
            (usize::from(register & 15), u64::from(register >> 4) * 16);
        // A chained part was entered long ago: all its codes apply.
        let prologue = if function.begin == first_begin {
            offset
        } else {
            usize::MAX
        };
        let frame = if frame_register == 0 {
            context.general[RSP]
        } else {
            context.general[frame_register].wrapping_sub(frame_offset)
        };
        let mut index = 0;
        while index < self.count() {
            let code = self.slot(index);
            let done = usize::from(code & 0xFF) <= prologue;
            let (operation, info) = (code >> 8 & 15, usize::from(code >> 12));
            let mut slots = 1;
            match operation {
                PUSH_NONVOLATILE if done => {
                    // SAFETY: the function pushed the register here.
                    context.general[info] = unsafe { pop(context) };
                }
                ALLOCATE_LARGE => {
                    let size = if info == 0 {
                        slots = 2;
                        u64::from(self.slot(index + 1)) * 8
                    } else {
                        slots = 3;
                        self.wide(index + 1)
                    };
                    if done {
                        context.general[RSP] += size;
                    }
                }
                ALLOCATE_SMALL if done => {
                    context.general[RSP] += info as u64 * 8 + 8;
                }
                SET_FRAME if done => {
                    context.general[RSP] = frame;
                }
                SAVE_NONVOLATILE | SAVE_NONVOLATILE_FAR => {
                    let place = if operation == SAVE_NONVOLATILE {
                        slots = 2;
                        u64::from(self.slot(index + 1)) * 8
                    } else {
                        slots = 3;
                        self.wide(index + 1)
                    };
                    if done {
                        // SAFETY: the function saved the register here.
                        context.general[info] = unsafe { read_stack(frame + place) };
                    }
                }
                EPILOGUE => slots = 2,
                SAVE_XMM | SAVE_XMM_FAR => {
                    let place = if operation == SAVE_XMM {
                        slots = 2;
                        u64::from(self.slot(index + 1)) * 16
                    } else {
                        slots = 3;
                        self.wide(index + 1)
                    };
                    if done {
                        // SAFETY: the function saved the low half of the register here.
                        let low = unsafe { read_stack(frame + place) };
                        // SAFETY: and the high half here.
                        let high = unsafe { read_stack(frame + place + 8) };
                        context.xmm[info] = [low, high];
                    }
                }
                PUSH_MACHINE_FRAME if done => {
                    if info == 1 {
                        context.general[RSP] += 8;
                    }
                    let top = context.general[RSP];
                    // SAFETY: the processor pushed its frame here.
                    context.rip = unsafe { read_stack(top) };
                    // SAFETY: the processor pushed its frame here.
                    context.general[RSP] = unsafe { read_stack(top + 24) };
                    return (usize::try_from(frame).unwrap_or(0), true);
                }
                _ => {}
            }
            index += slots;
        }
        (usize::try_from(frame).unwrap_or(0), false)
    }
}

/// Pops the return address.
///
/// # Safety
///
/// It is on top of the context's stack.
unsafe fn pop_return(context: &mut Context) {
    // SAFETY: promised by the caller.
    context.rip = unsafe { pop(context) };
}

/// Pops a word of the context's stack.
///
/// # Safety
///
/// The stack pointer is that of a frame on this thread's stack.
unsafe fn pop(context: &mut Context) -> u64 {
    // SAFETY: promised by the caller.
    let value = unsafe { read_stack(context.general[RSP]) };
    context.general[RSP] += 8;
    value
}

/// Reads a word of a stack.
///
/// # Safety
///
/// The address is mapped.
unsafe fn read_stack(address: u64) -> u64 {
    let address = usize::try_from(address).unwrap_or(0);
    // SAFETY: promised by the caller.
    unsafe { std::ptr::with_exposed_provenance::<u64>(address).read_unaligned() }
}

/// Reads a byte of a table in a mapped image.
fn read_u8(address: usize) -> u8 {
    // SAFETY: only addresses computed from the tables of a loaded image come here, and the loader
    // keeps an image mapped as long as it is on the kernel's list.
    unsafe { std::ptr::with_exposed_provenance::<u8>(address).read() }
}

fn read_u32(address: usize) -> usize {
    let bytes = [0, 1, 2, 3].map(|offset| read_u8(address + offset));
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(0)
}

const RSP: usize = 4;
const ENTRY_SIZE: usize = 12;
const CHAINED: u8 = 4;
const PUSH_NONVOLATILE: u16 = 0;
const ALLOCATE_LARGE: u16 = 1;
const ALLOCATE_SMALL: u16 = 2;
const SET_FRAME: u16 = 3;
const SAVE_NONVOLATILE: u16 = 4;
const SAVE_NONVOLATILE_FAR: u16 = 5;
const EPILOGUE: u16 = 6;
const SAVE_XMM: u16 = 8;
const SAVE_XMM_FAR: u16 = 9;
const PUSH_MACHINE_FRAME: u16 = 10;
