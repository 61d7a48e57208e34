//! Event tracing: providers that the driver registered, and all that it wrote.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;

use crate::kernel::Kernel;
use crate::status::{self, NtStatus};
use crate::violation::Rule;

/// A provider's callback: source, enabled, level, any, all, filter, context.
pub type EnableCallback =
    unsafe extern "win64" fn(*const c_void, u32, u8, u64, u64, *const c_void, *mut c_void);

/// One event as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The provider's GUID, as its 16 bytes lie in memory.
    pub provider: [u8; 16],
    /// The EVENT_DESCRIPTOR's 16 bytes.
    pub descriptor: [u8; 16],
    /// The data descriptors' contents, in order.
    pub data: Vec<Vec<u8>>,
    /// When it was written.
    pub time: u64,
}

#[derive(Clone, Copy)]
struct Provider {
    handle: u64,
    guid: [u8; 16],
    callback: Option<EnableCallback>,
    context: *mut c_void,
    enabled: bool,
}

/// Providers and events of one machine.
#[derive(Default)]
pub struct Etw {
    providers: RefCell<Vec<Provider>>,
    written: RefCell<Vec<Written>>,
    handles: Cell<u64>,
}

impl std::fmt::Debug for Etw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Etw")
            .field("providers", &self.providers.borrow().len())
            .field("written", &self.written.borrow().len())
            .finish()
    }
}

impl Etw {
    /// Everything that was written so far.
    pub fn written(&self) -> Vec<Written> {
        self.written.borrow().clone()
    }

    /// The last `count` events that were written, the newest first.
    pub fn latest(&self, count: usize) -> Vec<Written> {
        let written = self.written.borrow();
        written.iter().rev().take(count).cloned().collect()
    }

    /// The GUIDs of the providers registered now, as their bytes lie in memory.
    pub fn providers(&self) -> Vec<[u8; 16]> {
        self.providers
            .borrow()
            .iter()
            .map(|provider| provider.guid)
            .collect()
    }

    pub(crate) fn leftovers(&self) -> Vec<String> {
        self.providers
            .borrow()
            .iter()
            .map(|provider| format!("trace provider {:02x?} is registered", provider.guid))
            .collect()
    }

    pub(crate) fn is_enabled(&self, handle: u64) -> bool {
        self.providers
            .borrow()
            .iter()
            .any(|provider| provider.handle == handle && provider.enabled)
    }
}

impl Kernel {
    /// Starts (or ends) a trace session for every registered provider.
    pub fn enable_tracing(&self, enabled: bool) {
        let providers = self.etw().providers.borrow().clone();
        for provider in self.etw().providers.borrow_mut().iter_mut() {
            provider.enabled = enabled;
        }
        for provider in providers {
            if let Some(callback) = provider.callback {
                let source = [0_u8; 16];
                let (source, filter) = (source.as_ptr().cast(), std::ptr::null());
                let context = provider.context;
                self.enter_driver("trace callback", || {
                    // SAFETY: the driver registered the callback with this context and has not
                    // unregistered it.
                    unsafe { callback(source, u32::from(enabled), 5, u64::MAX, 0, filter, context) }
                });
            }
        }
    }

    pub(crate) fn register_provider(
        &self,
        guid: [u8; 16],
        callback: Option<EnableCallback>,
        context: *mut c_void,
    ) -> u64 {
        let handle = self.etw().handles.get() + 1;
        self.etw().handles.set(handle);
        self.etw().providers.borrow_mut().push(Provider {
            handle,
            guid,
            callback,
            context,
            enabled: true,
        });
        handle
    }

    pub(crate) fn unregister_provider(&self, handle: u64, at: &'static str) -> NtStatus {
        let mut providers = self.etw().providers.borrow_mut();
        let before = providers.len();
        providers.retain(|provider| provider.handle != handle);
        if providers.len() == before {
            drop(providers);
            self.violate(Rule::BadArgument, at, format!("trace handle {handle:#x}"));
            return status::INVALID_HANDLE;
        }
        status::SUCCESS
    }

    pub(crate) fn write_event(
        &self,
        handle: u64,
        descriptor: [u8; 16],
        data: Vec<Vec<u8>>,
        at: &'static str,
    ) -> NtStatus {
        let provider = self
            .etw()
            .providers
            .borrow()
            .iter()
            .find(|provider| provider.handle == handle)
            .copied();
        let Some(provider) = provider else {
            self.violate(Rule::BadArgument, at, format!("trace handle {handle:#x}"));
            return status::INVALID_HANDLE;
        };
        if provider.enabled {
            self.etw().written.borrow_mut().push(Written {
                provider: provider.guid,
                descriptor,
                data,
                time: self.now(),
            });
        }
        status::SUCCESS
    }
}
