//! The real `dmusmini.sys` under the loader: its exception trampoline, and an entry that fails.
//!
//! The image is the one that `cargo xtask sys` builds; without it the tests say that they skip.
#![cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]

use std::cell::Cell;
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::ptr;

use dmusmini_simulator::imports::Export;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::loader::{Image, Module};
use dmusmini_simulator::machine::Machine;

fn driver() -> Option<Vec<u8>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = std::env::var_os("DMUSMINI_SYS").map_or_else(
        || workspace.join("target/sys/amd64/dmusmini.sys"),
        PathBuf::from,
    );
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!(
            "skipped: no driver image at {}; run cargo xtask sys",
            path.display()
        );
    }
    bytes
}

thread_local! {
    static CALLED: Cell<u32> = const { Cell::new(0) };
}

const ACCESS_VIOLATION: u32 = 0xC000_0005;
const REFUSED: i32 = 0xC000_00BB_u32.cast_signed();

extern "win64" fn refuse() -> i32 {
    CALLED.set(CALLED.get() + 1);
    REFUSED
}

/// A `portcls.sys` whose every function refuses.
fn portcls(bytes: &[u8]) -> Module {
    use object::read::pe::{Import, PeFile64};
    let file = PeFile64::parse(bytes).unwrap();
    let table = file.import_table().unwrap().unwrap();
    let mut descriptors = table.descriptors().unwrap();
    let mut exports = Vec::new();
    while let Some(descriptor) = descriptors.next().unwrap() {
        let names = descriptor.original_first_thunk.get(object::LittleEndian);
        let mut thunks = table.thunks(names).unwrap();
        while let Some(thunk) = thunks.next::<object::pe::ImageNtHeaders64>().unwrap() {
            if let Import::Name(_, name) =
                table.import::<object::pe::ImageNtHeaders64>(thunk).unwrap()
                && name.starts_with(b"Pc")
            {
                let name = String::from_utf8(name.to_vec()).unwrap();
                exports.push(Export {
                    name: name.leak(),
                    address: refuse as *const (),
                });
            }
        }
    }
    Module {
        name: "portcls.sys",
        exports,
    }
}

fn load(machine: &Machine, bytes: &[u8]) -> Image {
    let modules = [Module::ntoskrnl(), Module::hal(), portcls(bytes)];
    Image::load(&machine.kernel(), bytes, &modules).unwrap()
}

#[test]
fn an_entry_that_fails_leaves_nothing() {
    let Some(bytes) = driver() else { return };
    for _ in 0..100 {
        let machine = Machine::new();
        let image = load(&machine, &bytes);
        let mut driver = [0_u64; 0x150 / 8];
        let mut path = [0_u64; 2];
        CALLED.set(0);
        // SAFETY: both arguments are zeroed structures of the right size that outlive the call.
        let status = unsafe { image.call_entry((&raw mut driver).cast(), (&raw mut path).cast()) };
        assert_eq!(status, REFUSED);
        assert_eq!(
            CALLED.get(),
            1,
            "PcInitializeAdapterDriver and nothing else"
        );
        drop(image);
        machine.assert_clean();
    }
}

/// The driver's guarded copy is the one function in it that has an exception handler.
#[test]
fn the_trampoline_turns_every_bad_address_into_a_status() {
    let Some(bytes) = driver() else { return };
    let machine = Machine::new();
    let image = load(&machine, &bytes);
    let guarded = image.functions_with_handlers();
    assert_eq!(guarded.len(), 1, "one trampoline in the whole driver");
    let address = ptr::with_exposed_provenance::<c_void>(guarded[0]);
    let copy: unsafe extern "win64" fn(*mut u8, usize, usize, u8) -> u32 =
        // SAFETY: the signature of the driver's guarded copy.
        unsafe { std::mem::transmute(address) };
    let mut target = [0_u8; 0x3000];
    let mut run = |from: usize, length: usize, mode: u8| {
        target.fill(0xEE);
        let to = target.as_mut_ptr();
        // SAFETY: the target has room, and bad sources are what the function is for.
        let status =
            machine.enter_driver("guarded copy", || unsafe { copy(to, from, length, mode) });
        assert_eq!(machine.irql(), Irql::PASSIVE);
        (status, target)
    };
    let memory = machine.memory();
    let content: Vec<u8> = (0..0x2000).map(|n: u32| n.to_le_bytes()[0]).collect();
    let user = memory.map_user(&content);
    for mode in [0, 1] {
        let (status, copied) = run(user, 0x2000, mode);
        assert_eq!(status, 0);
        assert_eq!(copied[..0x2000], content);
        assert_eq!(copied[0x2000], 0xEE);
    }
    // Off the end of the range: some bytes were copied, then a page is missing.
    let hole = memory.map_user(&[1; 0x1000]);
    memory.unmap_user(hole);
    for (from, length) in [
        (0x10, 1),
        (0x10_0000, 0x2000),
        // System space and beyond the end of the address space: the probe raises.
        (0xFFFF_8000_0000_0000, 16),
        (0x7FFF_FFFF_0000, 1),
        (usize::MAX - 4, 16),
        (usize::MAX, 1),
    ] {
        assert_eq!(run(from, length, 1).0, ACCESS_VIOLATION, "{from:#x}");
    }
    memory.unmap_user(user);
    assert_eq!(run(user, 16, 1).0, ACCESS_VIOLATION, "freed");
    // Freed in flight: after the probe, before the copy.
    let user = memory.map_user(&content);
    machine.inject(move |kernel, point| {
        if point == dmusmini_simulator::kernel::Point::Import("ProbeForRead") {
            kernel.memory().unmap_user(user);
        }
    });
    assert_eq!(run(user, 0x2000, 1).0, ACCESS_VIOLATION, "freed in flight");
    drop(image);
    machine.assert_clean();
}
