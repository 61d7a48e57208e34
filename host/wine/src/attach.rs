//! `DllMain`: binds the driver's imports before `DriverEntry` runs.
//!
//! Wine binds `dmusmini.sys` to its own kernel and to this DLL, then initialises the DLL, then calls
//! `DriverEntry`. In between, the driver's import table is rewritten: kernel functions become the
//! simulated ones.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use dmusmini_simulator::imports;
use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::Diagnostics::Debug::{
    IMAGE_DIRECTORY_ENTRY_IMPORT, IMAGE_NT_HEADERS64,
};
use windows_sys::Win32::System::LibraryLoader::{
    FindResourceW, GetModuleHandleW, LoadResource, LockResource, SizeofResource,
};
use windows_sys::Win32::System::Memory::{PAGE_EXECUTE_READWRITE, PAGE_READWRITE, VirtualProtect};
use windows_sys::Win32::System::SystemServices::{
    DLL_PROCESS_ATTACH, DLL_PROCESS_DETACH, IMAGE_DOS_HEADER, IMAGE_IMPORT_BY_NAME,
    IMAGE_IMPORT_DESCRIPTOR,
};
use windows_sys::core::w;

use crate::log::log;
use crate::{entry, privileged};

#[unsafe(no_mangle)]
extern "system" fn DllMain(_module: *mut c_void, reason: u32, _reserved: *mut c_void) -> i32 {
    match reason {
        DLL_PROCESS_ATTACH => {
            // SAFETY: asks for a module by its name.
            let driver = unsafe { GetModuleHandleW(w!("dmusmini.sys")) };
            if driver.is_null() {
                log!("portcls.sys: loaded by something that is not dmusmini.sys");
                return 0;
            }
            // SAFETY: the module is loaded and bound; its code has not run yet.
            unsafe { bind(driver.cast()) };
        }
        DLL_PROCESS_DETACH => privileged::remove(),
        _ => {}
    }
    1
}

/// What Wine's own kernel does for the driver: exceptions run through the frames of the process, and
/// memory is memory.
const WINES: &[&str] = &[
    "ProbeForRead",
    "__C_specific_handler",
    "__chkstk",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
    "strlen",
];

/// Rewrites the import table of the image at `base`.
unsafe fn bind(base: *mut u8) {
    let at = |offset: u32| base.wrapping_add(usize::try_from(offset).unwrap_or(0));
    // SAFETY: an image begins with its headers.
    let headers = unsafe {
        let dos = base.cast::<IMAGE_DOS_HEADER>().read_unaligned();
        &*at(dos.e_lfanew.cast_unsigned()).cast::<IMAGE_NT_HEADERS64>()
    };
    let optional = &headers.OptionalHeader;
    let size = usize::try_from(optional.SizeOfImage).unwrap_or(0);
    privileged::install(base.addr(), size);
    let table = optional.DataDirectory[usize::from(IMAGE_DIRECTORY_ENTRY_IMPORT)];
    let mut module = at(table.VirtualAddress).cast::<IMAGE_IMPORT_DESCRIPTOR>();
    let (mut simulated, mut wines, mut ours) = (0_u32, 0_u32, 0_u32);
    loop {
        // SAFETY: the table ends with an entry that names nothing.
        let descriptor = unsafe { module.read_unaligned() };
        if descriptor.Name == 0 {
            break;
        }
        // SAFETY: the names of the table are terminated.
        let name = unsafe { CStr::from_ptr(at(descriptor.Name).cast::<c_char>()) };
        let name = name.to_string_lossy();
        let is_kernel = ["ntoskrnl.exe", "hal.dll"]
            .iter()
            .any(|kernel| name.eq_ignore_ascii_case(kernel));
        // SAFETY: the entry is one of an import table; the union names the lookup table.
        let lookup = unsafe { descriptor.Anonymous.OriginalFirstThunk };
        let mut names = at(lookup).cast::<u64>();
        let mut slot = at(descriptor.FirstThunk).cast::<usize>();
        loop {
            // SAFETY: the lookup table ends with zero.
            let entry = unsafe { names.read() };
            if entry == 0 {
                break;
            }
            let hint = at(u32::try_from(entry).unwrap_or(0)).cast::<IMAGE_IMPORT_BY_NAME>();
            // SAFETY: imports of drivers are by name, and the names are terminated.
            let function = unsafe { CStr::from_ptr((&raw const (*hint).Name).cast::<c_char>()) };
            let function = function.to_string_lossy();
            if let Some(address) = entry::instead_of(&function) {
                // SAFETY: the slot is one of the import table's.
                unsafe { set(slot, address.expose_provenance()) };
                ours += 1;
            } else if is_kernel {
                if WINES.contains(&&*function) {
                    wines += 1;
                } else if let Some(export) = simulated_function(&function) {
                    // SAFETY: as above.
                    unsafe { set(slot, export.expose_provenance()) };
                    simulated += 1;
                } else {
                    log!("portcls.sys: the simulated kernel has no {function}");
                }
            } else {
                ours += 1;
            }
            names = names.wrapping_add(1);
            slot = slot.wrapping_add(1);
        }
        module = module.wrapping_add(1);
    }
    // SAFETY: the image is mapped.
    let version = unsafe { version(base) };
    log!(
        "dmusmini.sys {version} is loaded: {simulated} imports from the simulated kernel, {wines} from Wine's, \
         {ours} from the simulated PortCls"
    );
}

/// The file version that the image's version resource says.
unsafe fn version(base: *mut u8) -> String {
    const VERSION_RESOURCE: *const u16 = ptr::without_provenance(16);
    const FIRST: *const u16 = ptr::without_provenance(1);
    let module: HMODULE = base.cast();
    // SAFETY: the module is loaded; both names are numbers.
    let found = unsafe { FindResourceW(module, FIRST, VERSION_RESOURCE) };
    if found.is_null() {
        return "without a version".into();
    }
    // SAFETY: the resource was found in this module; loaded, it is memory of the image.
    let (size, block) = unsafe {
        let loaded = LoadResource(module, found);
        (SizeofResource(module, found), LockResource(loaded))
    };
    let size = usize::try_from(size).unwrap_or(0);
    if block.is_null() || size < FIXED_INFORMATION + 16 {
        return "without a version".into();
    }
    // SAFETY: the resource has the size that the system says.
    let bytes = unsafe { std::slice::from_raw_parts(block.cast::<u8>(), size) };
    let word = |at: usize| {
        let at = FIXED_INFORMATION + at;
        u16::from_le_bytes([bytes[at], bytes[at + 1]])
    };
    format!("{}.{}.{}.{}", word(10), word(8), word(14), word(12))
}

/// Where VS_FIXEDFILEINFO is in a version resource: behind three words, the name and padding.
const FIXED_INFORMATION: usize = 40;

fn simulated_function(name: &str) -> Option<*const ()> {
    let mut exports = imports::ntoskrnl().into_iter().chain(imports::hal());
    let found = exports.find(|export| export.name == name)?;
    Some(found.address)
}

/// Writes a slot of the import table, which is read-only by now.
unsafe fn set(slot: *mut usize, value: usize) {
    let mut before = 0;
    let size = size_of::<usize>();
    // SAFETY: the slot belongs to a mapped image.
    unsafe { VirtualProtect(slot.cast(), size, PAGE_READWRITE, &raw mut before) };
    // SAFETY: writable by now.
    unsafe { slot.write(value) };
    if before != PAGE_EXECUTE_READWRITE {
        let mut now = 0;
        // SAFETY: as above.
        unsafe { VirtualProtect(slot.cast(), size, before, &raw mut now) };
    }
}
