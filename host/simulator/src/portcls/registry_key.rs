//! `IRegistryKey` over the registry in memory (abi section 2.13).

use std::ffi::c_void;
use std::rc::Rc;

use dmusmini::class;
use dmusmini::com::{IUnknown, ObjectRef, Out, Status};
use dmusmini::irql::{Irql, Passive};
use dmusmini::kernel::nt::UnicodeString;
use dmusmini::portcls::interfaces::{IRegistryKey, IRegistryKeyClass, In, OutRef};

use super::host::{self, Level};
use super::ledger::{Ledger, Receipt};
use super::one_thread::OneThread;
use super::registry::{Key, Value};

pub(crate) struct RegistryKey {
    key: OneThread<Rc<Key>>,
    ledger: OneThread<Rc<Ledger>>,
    _receipt: OneThread<Receipt>,
}

class!(RegistryKey: 0 => IRegistryKey);

impl RegistryKey {
    pub(crate) fn open(ledger: &Rc<Ledger>, key: &Rc<Key>) -> Option<ObjectRef<Self>> {
        ledger.make("IRegistryKey", |receipt| Self {
            key: OneThread::new(Rc::clone(key)),
            ledger: OneThread::new(Rc::clone(ledger)),
            _receipt: OneThread::new(receipt),
        })
    }
}

/// Reads a counted string of the driver's.
pub(crate) fn text_of(name: *const UnicodeString) -> Option<String> {
    // SAFETY: the driver passes null or a live UNICODE_STRING.
    let name = unsafe { name.as_ref() }?;
    if name.buffer.is_null() {
        return (name.length == 0).then(String::new);
    }
    let units = usize::from(name.length / 2);
    // SAFETY: the string's buffer holds `length` bytes.
    let units = unsafe { std::slice::from_raw_parts(name.buffer, units) };
    String::from_utf16(units).ok()
}

/// Writes an answer of fixed head and variable tail, by the rules of `ZwQueryValueKey`: the needed
/// size always, nothing when not even the head fits, as much as fits otherwise.
fn answer(
    bytes: &[u8],
    head: usize,
    buffer: *mut c_void,
    length: u32,
    needed: Option<Out<'_, u32>>,
) -> Status {
    let Some(mut needed) = needed else {
        return Status::INVALID_PARAMETER;
    };
    needed.set(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let length = usize::try_from(length).unwrap_or(0);
    if length < head || buffer.is_null() {
        return Status::BUFFER_TOO_SMALL;
    }
    let fits = length.min(bytes.len());
    // SAFETY: the driver's buffer has `length` bytes.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast::<u8>(), fits) };
    if fits < bytes.len() {
        Status::BUFFER_OVERFLOW
    } else {
        Status::SUCCESS
    }
}

/// `KEY_VALUE_*_INFORMATION` of a value.
fn describe_value(
    class: u32,
    name: &str,
    value: &Value,
    buffer: *mut c_void,
    length: u32,
    needed: Option<Out<'_, u32>>,
) -> Status {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = [0_u32.to_le_bytes(), value.kind.to_le_bytes()].concat();
    let head = match class {
        KEY_VALUE_BASIC => {
            bytes.extend(size(&name));
            bytes.extend(&name);
            12
        }
        KEY_VALUE_FULL => {
            let offset = (20 + name.len()).next_multiple_of(8);
            bytes.extend(u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(size(&value.data));
            bytes.extend(size(&name));
            bytes.extend(&name);
            bytes.resize(offset, 0);
            bytes.extend(&value.data);
            20
        }
        KEY_VALUE_PARTIAL => {
            bytes.extend(size(&value.data));
            bytes.extend(&value.data);
            12
        }
        _ => return Status::INVALID_PARAMETER,
    };
    answer(&bytes, head, buffer, length, needed)
}

impl IRegistryKeyClass for RegistryKey {
    unsafe fn query_key(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        class: u32,
        information: *mut c_void,
        length: u32,
        needed: Option<Out<'_, u32>>,
    ) -> Status {
        host::called("IRegistryKey::QueryKey", Level::PASSIVE, || {
            if class != KEY_FULL {
                return Status::NOT_IMPLEMENTED;
            }
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            // LastWriteTime, TitleIndex, class offset and length, then the counts and maxima.
            let words = [0, 0, 0, u32::MAX, 0, count(this.key.key_count()), 512, 0];
            let more = [count(this.key.value_count()), 512, 1 << 20];
            let bytes: Vec<u8> = words
                .iter()
                .chain(&more)
                .flat_map(|w| w.to_le_bytes())
                .collect();
            answer(&bytes, bytes.len(), information, length, needed)
        })
    }

    unsafe fn enumerate_key(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        index: u32,
        class: u32,
        information: *mut c_void,
        length: u32,
        needed: Option<Out<'_, u32>>,
    ) -> Status {
        host::called("IRegistryKey::EnumerateKey", Level::PASSIVE, || {
            let Some(name) = this
                .key
                .key_name_at(usize::try_from(index).unwrap_or(usize::MAX))
            else {
                return NO_MORE_ENTRIES;
            };
            if class != KEY_BASIC {
                return Status::NOT_IMPLEMENTED;
            }
            let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let mut bytes = vec![0; 12];
            bytes.extend(u32::try_from(name.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(name);
            answer(&bytes, 16, information, length, needed)
        })
    }

    unsafe fn query_value_key(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        name: *const UnicodeString,
        class: u32,
        information: *mut c_void,
        length: u32,
        needed: Option<Out<'_, u32>>,
    ) -> Status {
        host::called("IRegistryKey::QueryValueKey", Level::PASSIVE, || {
            let Some(name) = text_of(name) else {
                return Status::INVALID_PARAMETER;
            };
            match this.key.get(&name) {
                Some(value) => describe_value(class, &name, &value, information, length, needed),
                None => Status::OBJECT_NAME_NOT_FOUND,
            }
        })
    }

    unsafe fn enumerate_value_key(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        index: u32,
        class: u32,
        information: *mut c_void,
        length: u32,
        needed: Option<Out<'_, u32>>,
    ) -> Status {
        host::called(
            "IRegistryKey::EnumerateValueKey",
            Level::PASSIVE,
            || match this
                .key
                .value_at(usize::try_from(index).unwrap_or(usize::MAX))
            {
                Some((name, value)) => {
                    describe_value(class, &name, &value, information, length, needed)
                }
                None => NO_MORE_ENTRIES,
            },
        )
    }

    unsafe fn set_value_key(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        name: *const UnicodeString,
        kind: u32,
        data: *const c_void,
        size: u32,
    ) -> Status {
        host::called("IRegistryKey::SetValueKey", Level::PASSIVE, || {
            let name = text_of(name).unwrap_or_default();
            let size = usize::try_from(size).unwrap_or(0);
            if data.is_null() && size > 0 {
                return Status::INVALID_PARAMETER;
            }
            let data = if size == 0 {
                Vec::new()
            } else {
                // SAFETY: the driver's data has `size` bytes.
                unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) }.to_vec()
            };
            this.key.set(&name, Value { kind, data });
            Status::SUCCESS
        })
    }

    unsafe fn query_registry_values(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: *mut c_void,
        _: *mut c_void,
    ) -> Status {
        host::called("IRegistryKey::QueryRegistryValues", Level::PASSIVE, || {
            Status::NOT_IMPLEMENTED
        })
    }

    unsafe fn new_sub_key(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        key: OutRef<'_, IRegistryKey>,
        outer: In<'_, IUnknown>,
        _: u32,
        name: *const UnicodeString,
        _: u32,
        disposition: *mut u32,
    ) -> Status {
        host::called("IRegistryKey::NewSubKey", Level::PASSIVE, || {
            let (Some(mut out), None, Some(name)) = (key, outer, text_of(name)) else {
                return Status::INVALID_PARAMETER;
            };
            out.set(None);
            let (key, made) = this.key.create(&name);
            // SAFETY: the driver passes null or a place for a ULONG.
            if let Some(disposition) = unsafe { disposition.as_mut() } {
                *disposition = if made { CREATED_NEW } else { OPENED_EXISTING };
            }
            let Some(object) = Self::open(&this.ledger, &key) else {
                return Status::INSUFFICIENT_RESOURCES;
            };
            out.set(Some(object.into_interface()));
            Status::SUCCESS
        })
    }

    fn delete_key(this: &ObjectRef<Self>, _: &mut Irql<Passive>) -> Status {
        host::called("IRegistryKey::DeleteKey", Level::PASSIVE, || {
            this.key.clear();
            Status::SUCCESS
        })
    }
}

const KEY_BASIC: u32 = 0;
const KEY_FULL: u32 = 2;
const KEY_VALUE_BASIC: u32 = 0;
const KEY_VALUE_FULL: u32 = 1;
const KEY_VALUE_PARTIAL: u32 = 2;
const CREATED_NEW: u32 = 1;
const OPENED_EXISTING: u32 = 2;
const NO_MORE_ENTRIES: Status = Status::from_bits(0x8000_001A);
