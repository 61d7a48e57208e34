//! Property requests, negotiated as KS and the port do (contract section 10, abi section 3.4).
//!
//! Only items of the automation table that the request addresses reach the driver: the node's, the
//! pin's or the filter's. Instance and value lie in system buffers of exactly the size that the
//! client gave, with guards behind them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use dmusmini::com::{Guid, Status};
use dmusmini::portcls::abi::{PropertyRequest, verb};

use super::block::Block;
use super::descriptor::Item;
use super::filter::FilterState;
use super::host;
use super::irp::Request;
use super::pin::PinState;

/// Who asks: what the driver can find out about a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// A 32-bit program on this 64-bit system.
    pub bits32: bool,
    /// A program, as opposed to kernel code.
    pub user_mode: bool,
}

impl Client {
    /// A 64-bit program.
    pub const USER: Self = Self {
        bits32: false,
        user_mode: true,
    };
    /// A 32-bit program.
    pub const USER_32: Self = Self {
        bits32: true,
        user_mode: true,
    };
    /// Kernel code.
    pub const KERNEL: Self = Self {
        bits32: false,
        user_mode: false,
    };
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Property set.
    pub set: Guid,
    /// Property number.
    pub id: u32,
    /// [`verb`] bits.
    pub verb: u32,
    /// The node, for a node property.
    pub node: Option<u32>,
    /// Bytes after the KSPROPERTY or KSNODEPROPERTY.
    pub instance: Vec<u8>,
    /// The value buffer: what it holds, and how large it is.
    pub value: Vec<u8>,
}

impl Property {
    /// A GET with room for `size` bytes.
    #[must_use]
    pub fn get(set: Guid, id: u32, size: usize) -> Self {
        Self {
            set,
            id,
            verb: verb::GET,
            node: None,
            instance: Vec::new(),
            value: vec![0; size],
        }
    }

    /// A SET.
    #[must_use]
    pub fn set(set: Guid, id: u32, value: &[u8]) -> Self {
        let value = value.to_vec();
        Self {
            set,
            id,
            verb: verb::SET,
            node: None,
            instance: Vec::new(),
            value,
        }
    }

    /// A question for what is supported.
    #[must_use]
    pub fn basic_support(set: Guid, id: u32, size: usize) -> Self {
        Self {
            verb: verb::BASIC_SUPPORT,
            ..Self::get(set, id, size)
        }
    }

    /// Addresses a node.
    #[must_use]
    pub fn on_node(mut self, node: u32) -> Self {
        self.node = Some(node);
        self
    }

    /// Adds instance data.
    #[must_use]
    pub fn with_instance(mut self, instance: &[u8]) -> Self {
        self.instance = instance.to_vec();
        self
    }

    /// Gives the value buffer this content.
    #[must_use]
    pub fn with_value(mut self, value: &[u8]) -> Self {
        self.value = value.to_vec();
        self
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: Status,
    /// Bytes returned, or needed when the status is `BUFFER_OVERFLOW`.
    pub size: u32,
    /// The value buffer afterwards, cut to the bytes returned on success.
    pub value: Vec<u8>,
}

impl Reply {
    fn refused(status: Status) -> Self {
        Self {
            status,
            size: 0,
            value: Vec::new(),
        }
    }

    /// The value as a ULONG.
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        self.value
            .first_chunk()
            .map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// The value as a ULONGLONG.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.value
            .first_chunk()
            .map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// The value of a successful request.
    ///
    /// # Errors
    ///
    /// The status of any other.
    pub fn ok(self) -> Result<Vec<u8>, Status> {
        self.status.ok().map(|()| self.value)
    }
}

/// Requests whose handler has said PENDING, or is still running, and how they were completed.
#[derive(Debug, Default)]
pub(crate) struct Pending(RefCell<BTreeMap<usize, Option<Status>>>);

impl Pending {
    /// `PcCompletePendingPropertyRequest`.
    pub(crate) fn complete(&self, request: *mut PropertyRequest, status: Status) -> Status {
        const AT: &str = "PcCompletePendingPropertyRequest";
        let mut requests = self.0.borrow_mut();
        match requests.get_mut(&request.addr()) {
            None => host::breach(AT, "no such request"),
            Some(Some(_)) => host::breach(AT, "the request was completed before"),
            Some(_) if status == Status::PENDING => host::breach(AT, "completed with PENDING"),
            Some(place) => {
                *place = Some(status);
                return Status::SUCCESS;
            }
        }
        Status::INVALID_PARAMETER
    }

    fn begin(&self, request: *mut PropertyRequest) {
        self.0.borrow_mut().insert(request.addr(), None);
    }

    fn is_complete(&self, request: *mut PropertyRequest) -> bool {
        matches!(self.0.borrow().get(&request.addr()), Some(Some(_)))
    }

    fn end(&self, request: *mut PropertyRequest) -> Option<Status> {
        self.0.borrow_mut().remove(&request.addr()).flatten()
    }
}

/// The items that a request can reach.
fn items(
    filter: &FilterState,
    pin: Option<&PinState>,
    node: Option<u32>,
) -> Result<Vec<Item>, Status> {
    let description = filter.description().ok_or(Status::INVALID_DEVICE_STATE)?;
    let entry = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
    if let Some(node) = node {
        let node = description
            .nodes
            .get(entry(node))
            .ok_or(Status::INVALID_PARAMETER)?;
        return Ok(node.properties.clone());
    }
    Ok(match pin {
        Some(pin) => description
            .pins
            .get(entry(pin.factory))
            .map(|pin| pin.properties.clone())
            .unwrap_or_default(),
        None => description.properties.clone(),
    })
}

/// Sends a request to a filter, or to a pin of it.
pub(crate) fn request(
    filter: &Rc<FilterState>,
    pin: Option<&PinState>,
    property: &Property,
    client: Client,
) -> Reply {
    let items = match items(filter, pin, property.node) {
        Ok(items) => items,
        Err(status) => return Reply::refused(status),
    };
    if !items.iter().any(|item| item.set == property.set) {
        return Reply::refused(PROPSET_NOT_FOUND);
    }
    let found = items
        .iter()
        .find(|item| item.set == property.set && item.id == property.id);
    let Some(item) = found else {
        return Reply::refused(Status::NOT_FOUND);
    };
    if property.verb == verb::BASIC_SUPPORT && item.flags & verb::BASIC_SUPPORT == 0 {
        return basic_support(item, property);
    }
    if item.flags & property.verb & VERBS == 0 {
        return Reply::refused(Status::INVALID_DEVICE_REQUEST);
    }
    call(filter, pin, item, property, client)
}

/// What the port answers for items that do not answer themselves.
fn basic_support(item: &Item, property: &Property) -> Reply {
    let flags = (item.flags & VERBS) | verb::BASIC_SUPPORT;
    match property.value.len() {
        0 => Reply {
            status: Status::BUFFER_OVERFLOW,
            size: 4,
            value: Vec::new(),
        },
        1..4 => Reply::refused(Status::BUFFER_TOO_SMALL),
        _ => Reply {
            status: Status::SUCCESS,
            size: 4,
            value: flags.to_le_bytes().to_vec(),
        },
    }
}

/// A system buffer with a guard behind it; null when it is empty.
struct SystemBuffer {
    block: Block,
    size: usize,
}

impl SystemBuffer {
    fn new(bytes: &[u8]) -> Self {
        let block = Block::new(bytes.len() + GUARD);
        block.write(0, bytes);
        block.write(bytes.len(), &[GUARD_BYTE; GUARD]);
        Self {
            block,
            size: bytes.len(),
        }
    }

    fn pointer(&self) -> *mut std::ffi::c_void {
        if self.size == 0 {
            std::ptr::null_mut()
        } else {
            self.block.pointer::<u8>().cast()
        }
    }

    fn is_sound(&self) -> bool {
        self.block
            .read(self.size, GUARD)
            .iter()
            .all(|byte| *byte == GUARD_BYTE)
    }
}

fn call(
    filter: &FilterState,
    pin: Option<&PinState>,
    item: &Item,
    property: &Property,
    client: Client,
) -> Reply {
    const AT: &str = "a property handler";
    let Some(system) = filter.system.upgrade() else {
        return Reply::refused(Status::DEVICE_REMOVED);
    };
    // SAFETY: the driver's table lives as long as the miniport, which the filter keeps.
    let Some(handler) = (unsafe { (*item.table).handler }) else {
        return Reply::refused(Status::INVALID_DEVICE_REQUEST);
    };
    let irp = Request::new(DEVICE_CONTROL, 0, client.user_mode);
    let (instance, value) = (
        SystemBuffer::new(&property.instance),
        SystemBuffer::new(&property.value),
    );
    let topology = if property.node.is_some() {
        verb::TOPOLOGY
    } else {
        0
    };
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let block = Block::new(size_of::<PropertyRequest>());
    let request = block.pointer::<PropertyRequest>();
    // SAFETY: the block is aligned and large enough, and nobody else has it yet.
    unsafe {
        request.write(PropertyRequest {
            major_target: filter.major_target(),
            minor_target: pin.map_or(std::ptr::null_mut(), PinState::minor_target),
            node: property.node.unwrap_or(u32::MAX),
            property_item: item.table,
            verb: property.verb | topology,
            instance_size: size(&property.instance),
            instance: instance.pointer(),
            value_size: size(&property.value),
            value: value.pointer(),
            irp: irp.irp(),
        });
    }
    system.pending.begin(request);
    let kernel = host::kernel();
    kernel.set_client_32_bit(client.bits32);
    kernel.require_at_most(host::Level::PASSIVE, AT);
    // SAFETY: the handler is the driver's for this item; the request is alive until it is ended.
    let mut status = host::enter("property handler", || unsafe { handler(request) });
    kernel.set_client_32_bit(false);
    if status == Status::PENDING {
        let limit = kernel.now() + PATIENCE;
        kernel.advance_until(limit, |_| system.pending.is_complete(request));
    }
    match (status, system.pending.end(request)) {
        (Status::PENDING, Some(result)) => status = result,
        (Status::PENDING, None) => host::breach(AT, "the request stays pending for ever"),
        (_, Some(_)) => host::breach(AT, "completed, but not pending (contract 10.8)"),
        _ => {}
    }
    if !value.is_sound() || !instance.is_sound() {
        host::breach(AT, "wrote behind its value or instance buffer");
    }
    // SAFETY: the request is ours again.
    let returned = unsafe { (*request).value_size };
    let length = usize::try_from(returned).unwrap_or(usize::MAX);
    if status.is_success() && length > value.size {
        host::breach(
            AT,
            format!("returned {length} bytes in a buffer of {}", value.size),
        );
    }
    if !status.is_success() && status != Status::BUFFER_OVERFLOW && returned != 0 {
        host::breach(
            AT,
            format!("failed with ValueSize {returned} (contract 10.6)"),
        );
    }
    let kept = if status.is_success() {
        length.min(value.size)
    } else {
        0
    };
    Reply {
        status,
        size: returned,
        value: value.block.read(0, kept),
    }
}

const VERBS: u32 = verb::GET | verb::SET | verb::BASIC_SUPPORT;
const GUARD: usize = 32;
const GUARD_BYTE: u8 = 0xA6;
/// `IRP_MJ_DEVICE_CONTROL`.
const DEVICE_CONTROL: u8 = 0x0E;
/// How long a pending request may take, in 100 ns.
const PATIENCE: u64 = 600_000_000;
/// `STATUS_PROPSET_NOT_FOUND`.
pub const PROPSET_NOT_FOUND: Status = Status::from_bits(0xC000_0230);
