//! Device interfaces with reference strings.
//!
//! Wine 8 registers them, but cannot enable one: `\??\DEVICE#{class}\REFERENCE` is a name in an
//! object directory that does not exist. So this makes the directory, the link in it and the mark in
//! the registry, after which clients find and open the interface as on Windows.

use std::ffi::c_void;
use std::ptr;

use dmusmini::com::Guid;
use dmusmini::kernel::nt::DeviceObject;

use crate::log::log;
use crate::nt::{self, NtStatus, ObjectAttributes, Text};
use crate::registry;
use crate::system::Subdevice;

/// The interfaces of one started device; they go when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    enabled: Vec<Enabled>,
}

#[derive(Debug)]
struct Enabled {
    class: String,
    device: String,
    reference: String,
    link: String,
    /// Keeps the object directory alive.
    directory: usize,
}

impl Interfaces {
    /// Registers and enables the interfaces of a subdevice, whose device object is `target`.
    pub(crate) fn add(&mut self, pdo: *mut DeviceObject, subdevice: &Subdevice, target: &str) {
        for class in &subdevice.categories {
            match enable(pdo, class, &subdevice.name, target) {
                Ok(enabled) => self.enabled.push(enabled),
                Err(status) => log!("interface {}: {status:#010x}", braced(class)),
            }
        }
    }
}

impl Drop for Interfaces {
    fn drop(&mut self) {
        for interface in self.enabled.drain(..) {
            registry::set_linked(
                &interface.class,
                &interface.device,
                &interface.reference,
                false,
            );
            remove_link(&interface.link);
            let directory = ptr::with_exposed_provenance_mut::<c_void>(interface.directory);
            // SAFETY: opened by `enable`, closed once.
            unsafe { nt::NtClose(directory) };
        }
    }
}

fn enable(
    pdo: *mut DeviceObject,
    class: &Guid,
    reference: &str,
    target: &str,
) -> Result<Enabled, NtStatus> {
    let text = Text::new(reference);
    let mut link = nt::no_text();
    // SAFETY: the physical device is Wine's; the texts are alive.
    let status = unsafe {
        let reference = text.descriptor();
        nt::IoRegisterDeviceInterface(pdo, class, &raw const reference, &raw mut link)
    };
    if status != nt::SUCCESS {
        return Err(status);
    }
    // SAFETY: filled in by the call.
    let link = unsafe { nt::text(&link) };
    let (directory, _) = link
        .rsplit_once('\\')
        .filter(|(directory, _)| directory.len() > PREFIX.len())
        .ok_or(nt::UNSUCCESSFUL)?;
    let handle = make_directory(directory)?;
    let enabled = Enabled {
        class: braced(class),
        device: directory[PREFIX.len()..].to_owned(),
        reference: reference.to_owned(),
        link: link.clone(),
        directory: handle.expose_provenance(),
    };
    add_link(&link, target);
    registry::set_linked(&enabled.class, &enabled.device, reference, true);
    Ok(enabled)
}

fn make_directory(path: &str) -> Result<*mut c_void, NtStatus> {
    let text = Text::new(path);
    let name = text.descriptor();
    let attributes = ObjectAttributes {
        length: u32::try_from(size_of::<ObjectAttributes>()).unwrap_or(0),
        root: ptr::null_mut(),
        name: &raw const name,
        attributes: CASE_INSENSITIVE | OPEN_IF,
        security: ptr::null(),
        quality: ptr::null(),
    };
    let mut handle = ptr::null_mut();
    // SAFETY: everything that the attributes point to is alive.
    let status = unsafe {
        nt::NtCreateDirectoryObject(&raw mut handle, DIRECTORY_ALL_ACCESS, &raw const attributes)
    };
    // Opened where it existed: not an error.
    if status < 0 { Err(status) } else { Ok(handle) }
}

/// Makes a symbolic link.
pub(crate) fn add_link(link: &str, target: &str) {
    let (name, text) = (Text::new(link), Text::new(target));
    let (name, target) = (name.descriptor(), text.descriptor());
    // SAFETY: both texts are alive.
    let status = unsafe { nt::IoCreateSymbolicLink(&raw const name, &raw const target) };
    if status < 0 {
        log!("link {link}: {status:#010x}");
    }
}

/// Removes a symbolic link.
pub(crate) fn remove_link(link: &str) {
    let text = Text::new(link);
    let name = text.descriptor();
    // SAFETY: the text is alive.
    unsafe { nt::IoDeleteSymbolicLink(&raw const name) };
}

/// A GUID as registry keys spell it.
fn braced(guid: &Guid) -> String {
    let last = u64::from_be_bytes(guid.data4);
    format!(
        "{{{:08x}-{:04x}-{:04x}-{:04x}-{:012x}}}",
        guid.data1,
        guid.data2,
        guid.data3,
        last >> 48,
        last & 0xFFFF_FFFF_FFFF
    )
}

const PREFIX: &str = r"\??\";
const CASE_INSENSITIVE: u32 = 0x40;
const OPEN_IF: u32 = 0x80;
const DIRECTORY_ALL_ACCESS: u32 = 0x000F_000F;
