//! A registry in memory, as much of it as a device has.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A registry value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// `REG_*`.
    pub kind: u32,
    /// The data as stored.
    pub data: Vec<u8>,
}

impl Value {
    /// `REG_DWORD`.
    #[must_use]
    pub fn dword(value: u32) -> Self {
        Self {
            kind: REG_DWORD,
            data: value.to_le_bytes().to_vec(),
        }
    }

    /// `REG_BINARY`.
    #[must_use]
    pub fn binary(data: &[u8]) -> Self {
        Self {
            kind: REG_BINARY,
            data: data.to_vec(),
        }
    }

    /// `REG_SZ`, with its terminator.
    #[must_use]
    pub fn string(text: &str) -> Self {
        let units = text.encode_utf16().chain([0]);
        Self {
            kind: REG_SZ,
            data: units.flat_map(u16::to_le_bytes).collect(),
        }
    }
}

/// A key: values and subkeys under names whose case does not matter.
#[derive(Debug, Default)]
pub struct Key {
    values: RefCell<BTreeMap<String, (String, Value)>>,
    keys: RefCell<BTreeMap<String, (String, Rc<Self>)>>,
}

impl Key {
    /// Sets a value.
    pub fn set(&self, name: &str, value: Value) {
        self.values
            .borrow_mut()
            .insert(name.to_lowercase(), (name.to_owned(), value));
    }

    /// Sets a value in a subkey, which is made where it is missing: `A\\B\\Name`.
    pub fn set_at(&self, path: &str, value: Value) {
        match path.split_once('\\') {
            Some((key, rest)) => self.create(key).0.set_at(rest, value),
            None => self.set(path, value),
        }
    }

    /// Removes a value.
    pub fn remove(&self, name: &str) {
        self.values.borrow_mut().remove(&name.to_lowercase());
    }

    /// A value.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.values
            .borrow()
            .get(&name.to_lowercase())
            .map(|(_, value)| value.clone())
    }

    /// The `index`-th value with its name.
    pub fn value_at(&self, index: usize) -> Option<(String, Value)> {
        self.values.borrow().values().nth(index).cloned()
    }

    /// How many values there are.
    pub fn value_count(&self) -> usize {
        self.values.borrow().len()
    }

    /// A subkey, if it is there.
    pub fn key(&self, name: &str) -> Option<Rc<Self>> {
        self.keys
            .borrow()
            .get(&name.to_lowercase())
            .map(|(_, key)| Rc::clone(key))
    }

    /// A subkey, made where it is missing; whether it was made.
    pub fn create(&self, name: &str) -> (Rc<Self>, bool) {
        let mut keys = self.keys.borrow_mut();
        let mut made = false;
        let (_, key) = keys.entry(name.to_lowercase()).or_insert_with(|| {
            made = true;
            (name.to_owned(), Rc::default())
        });
        (Rc::clone(key), made)
    }

    /// The `index`-th subkey's name.
    pub fn key_name_at(&self, index: usize) -> Option<String> {
        self.keys
            .borrow()
            .values()
            .nth(index)
            .map(|(name, _)| name.clone())
    }

    /// How many subkeys there are.
    pub fn key_count(&self) -> usize {
        self.keys.borrow().len()
    }

    /// Removes everything in it.
    pub(crate) fn clear(&self) {
        self.values.take();
        let keys = self.keys.take();
        drop(keys);
    }
}

/// `REG_SZ`.
pub const REG_SZ: u32 = 1;
/// `REG_BINARY`.
pub const REG_BINARY: u32 = 3;
/// `REG_DWORD`.
pub const REG_DWORD: u32 = 4;
