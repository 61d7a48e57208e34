//! Property requests: a typed view of `PCPROPERTY_REQUEST`, and the size rules (contract section 10).
//!
//! The port calls a handler through a C function pointer; [`item`] makes that function from a
//! type that implements [`Handler`], so that handlers themselves are safe code. What they get is a
//! [`Request`]: verb, instance data and value as plain copies, never as references into buffers
//! whose alignment and content are the client's business.
//!
//! | request | answer |
//! |---|---|
//! | a verb that the item does not have, another node | `INVALID_DEVICE_REQUEST` |
//! | no value buffer, but a value size | `INVALID_PARAMETER` |
//! | value size 0 where a value is needed | `BUFFER_OVERFLOW`, value size = what is needed |
//! | value or instance too short | `BUFFER_TOO_SMALL`, value size = 0 |
//! | BASICSUPPORT, value size 0 | `BUFFER_OVERFLOW`, value size = 4 |
//! | BASICSUPPORT, value size 4 | the verbs |
//! | BASICSUPPORT, value size 40 or more | a whole [`PropertyDescription`] |
//! | BASICSUPPORT, any other value size | `BUFFER_TOO_SMALL`, value size = 0 |
//! | any other failure | its status, value size = 0 |
//! | success | value size = bytes written; as it was for a SET |
//!
//! PASSIVE, in the client's context; many at a time.
#![expect(unsafe_code, reason = "reads and writes a client's buffers")]

use core::ffi::c_void;
use core::ptr::NonNull;

use super::abi::{
    PropertyDescription, PropertyItem, PropertyRequest, Table, ValueType, WaveFormatEx, verb,
};
use super::synth_abi::{
    PortParams, ReverbParams, SilentTable, SynthBuffer, SynthBuffer32, SynthCaps, SynthDownload,
    SynthDownload32, SynthStats, VoicePriorityInstance,
};
use crate::com::{Borrowed, Class, Guid, IUnknown, ObjectRef, Status};
use crate::irql::{Irql, Passive};
use crate::kernel::nt;
use crate::kernel::user_copy::Requestor;

/// What a client wants of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Read it.
    Get,
    /// Write it.
    Set,
    /// Ask which verbs there are.
    BasicSupport,
}

/// Plain data: any bytes are a value.
///
/// # Safety
///
/// Every bit pattern is valid.
pub unsafe trait FromBytes: Copy {}

/// Plain data: a value is nothing but bytes.
///
/// # Safety
///
/// There is no padding.
pub unsafe trait ToBytes: Copy {}

macro_rules! plain {
    ($trait:ident: $($type:ty),+ $(,)?) => {
        $(
            // SAFETY: integers, and structures of integers without gaps (their layouts are
            // asserted where they are declared). `SynthBuffer` has a gap, and is only read.
            unsafe impl $trait for $type {}
        )+
    };
}
plain!(FromBytes: u32, i32, u64, PortParams, ReverbParams, SynthBuffer, SynthBuffer32, VoicePriorityInstance);
plain!(ToBytes: u32, i32, u64, PortParams, ReverbParams, SynthStats, SynthCaps, SynthDownload, SynthDownload32,
    WaveFormatEx, PropertyDescription, SilentTable);

/// One request, for the length of its handler.
#[derive(Debug)]
pub struct Request<'a> {
    raw: &'a mut PropertyRequest,
    verb: Verb,
    supported: u32,
    /// Whether a failure keeps the value size: it tells what is needed.
    tells_size: bool,
}

impl Request<'_> {
    /// What the client wants; the item has it.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        self.verb
    }

    /// The node that the request names.
    #[must_use]
    pub const fn node(&self) -> Option<u32> {
        if self.raw.node == u32::MAX {
            None
        } else {
            Some(self.raw.node)
        }
    }

    /// Whether the client is a 32-bit process, whose structures have 32-bit addresses and handles.
    #[must_use]
    pub fn is_from_32_bit(&self) -> bool {
        // SAFETY: the IRP is the one being served.
        !self.raw.irp.is_null() && unsafe { nt::IoIs32bitProcess(self.raw.irp) } != 0
    }

    /// Who sent it.
    #[must_use]
    pub fn requestor(&self) -> Requestor {
        // SAFETY: the IRP is the one being served, or null.
        match unsafe { self.raw.irp.as_ref() } {
            Some(irp) if irp.requestor_mode == 0 => Requestor::Kernel,
            // Without an IRP nobody vouches for the client's addresses.
            Some(_) | None => Requestor::User,
        }
    }

    /// The instance data behind the property descriptor.
    ///
    /// # Errors
    ///
    /// [`Status::BUFFER_TOO_SMALL`].
    pub fn instance<T: FromBytes>(&self) -> Result<T, Status> {
        let bytes = NonNull::new(self.raw.instance);
        match bytes {
            Some(bytes) if holds::<T>(self.raw.instance_size) => {
                // SAFETY: the port's copy has `instance_size` bytes, and any bytes are a `T`.
                Ok(unsafe { bytes.cast::<T>().read_unaligned() })
            }
            _ => Err(Status::BUFFER_TOO_SMALL),
        }
    }

    /// The value of a SET.
    ///
    /// # Errors
    ///
    /// By the size rules.
    pub fn value<T: FromBytes>(&mut self) -> Result<T, Status> {
        let bytes = self.room::<T>()?;
        // SAFETY: the port's copy has `value_size` bytes, and any bytes are a `T`.
        Ok(unsafe { bytes.cast::<T>().read_unaligned() })
    }

    /// Checks that the value of a GET will fit, before anything is done for it.
    ///
    /// # Errors
    ///
    /// By the size rules.
    pub fn expect_room_for<T: ToBytes>(&mut self) -> Result<(), Status> {
        self.room::<T>().map(|_| ())
    }

    /// Answers a GET.
    ///
    /// # Errors
    ///
    /// By the size rules.
    pub fn reply<T: ToBytes>(&mut self, value: T) -> Result<Status, Status> {
        let bytes = self.room::<T>()?;
        // SAFETY: the port's buffer has `value_size` bytes, and a `T` is nothing but bytes.
        unsafe { bytes.cast::<T>().write_unaligned(value) };
        self.raw.value_size = size_of_u32::<T>();
        Ok(Status::SUCCESS)
    }

    /// Answers BASICSUPPORT (contract section 10): the verbs alone where the client has room for
    /// those, the whole description where it has room for that, and nothing between the two.
    fn describe(&mut self, value: ValueType) -> Result<Status, Status> {
        let description = PropertyDescription::new(self.supported, value);
        if holds::<PropertyDescription>(self.raw.value_size) {
            self.reply(description)
        } else if matches!(self.raw.value_size, 0 | 4) {
            self.reply(self.supported)
        } else {
            Err(Status::BUFFER_TOO_SMALL)
        }
    }

    /// The value buffer, when a `T` fits.
    fn room<T>(&mut self) -> Result<NonNull<c_void>, Status> {
        if self.raw.value_size == 0 {
            self.raw.value_size = size_of_u32::<T>();
            self.tells_size = true;
            return Err(Status::BUFFER_OVERFLOW);
        }
        if !holds::<T>(self.raw.value_size) {
            return Err(Status::BUFFER_TOO_SMALL);
        }
        NonNull::new(self.raw.value).ok_or(Status::INVALID_PARAMETER)
    }
}

fn size_of_u32<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}

fn holds<T>(size: u32) -> bool {
    usize::try_from(size).is_ok_and(|size| size >= size_of::<T>())
}

/// A property item: what GET and SET do. BASICSUPPORT is answered for it.
pub trait Handler: 'static {
    /// The class of the miniport.
    type Miniport: Class;
    /// The class of the filter's streams.
    type Stream: Class;
    /// What the value is.
    const VALUE: ValueType;

    /// Serves a GET or a SET that the item has; the status of a success is one of its codes.
    ///
    /// # Errors
    ///
    /// What the client is told; the size rules set the value size.
    fn serve(
        irql: &mut Irql<Passive>,
        targets: Targets<'_, Self::Miniport, Self::Stream>,
        request: &mut Request<'_>,
    ) -> Result<Status, Status>;
}

/// What a request is for; borrowed for the call.
#[derive(Debug)]
pub struct Targets<'a, M: Class, S: Class> {
    /// The miniport.
    pub miniport: &'a ObjectRef<M>,
    /// The pin instance; none for the filter.
    pub stream: Option<&'a ObjectRef<S>>,
}

/// A property item served by `H`.
///
/// # Safety
///
/// The item is used only in descriptors of filters whose miniport is an `H::Miniport` and whose
/// streams are all `H::Stream`: the port hands their identities to the handler.
#[must_use]
pub const unsafe fn item<H: Handler>(set: &'static Guid, id: u32, verbs: u32) -> PropertyItem {
    PropertyItem {
        set: Table::of(set),
        id,
        flags: verbs,
        handler: Some(handle::<H>),
    }
}

macro_rules! thunk {
    ($abi:literal) => {
        unsafe extern $abi fn handle<H: Handler>(request: *mut PropertyRequest) -> Status {
            // SAFETY: the port passes a request that is ours for the call.
            let Some(raw) = (unsafe { request.as_mut() }) else {
                return Status::INVALID_PARAMETER;
            };
            // SAFETY: `item`'s caller promised the classes, and a handler runs at PASSIVE.
            let (Ok(status) | Err(status)) = unsafe { serve::<H>(raw) };
            status
        }
    };
}
crate::with_kernel_abi!(thunk,);

/// Checks what every request has in common, serves it, and keeps the value-size rules.
///
/// # Safety
///
/// The targets are what `H` says, the buffers have their sizes, and this is PASSIVE.
unsafe fn serve<H: Handler>(raw: &mut PropertyRequest) -> Result<Status, Status> {
    // SAFETY: the item is the table's own, or null.
    let supported = unsafe { raw.property_item.as_ref() }.map_or(0, |item| item.flags);
    let verb = verb_of(raw.verb, supported);
    let (Ok(verb), false) = (verb, raw.value.is_null() && raw.value_size != 0) else {
        raw.value_size = 0;
        return Err(verb.err().unwrap_or(Status::INVALID_PARAMETER));
    };
    let mut request = Request {
        raw,
        verb,
        supported,
        tells_size: false,
    };
    let result = if verb == Verb::BasicSupport {
        request.describe(H::VALUE)
    } else {
        // SAFETY: passed on to the caller.
        unsafe { serve_targets::<H>(&mut request) }
    };
    if result.is_err() && !request.tells_size {
        request.raw.value_size = 0;
    }
    result
}

/// Borrows the targets and calls the handler.
///
/// # Safety
///
/// As for [`serve`].
unsafe fn serve_targets<H: Handler>(request: &mut Request<'_>) -> Result<Status, Status> {
    let miniport = NonNull::new(request.raw.major_target).ok_or(Status::INVALID_PARAMETER)?;
    // SAFETY: the port lends us its miniport for the call.
    let miniport = unsafe { Borrowed::<IUnknown>::from_raw(miniport) };
    // SAFETY: by `item`'s promise it is of this class.
    let miniport = unsafe { ObjectRef::<H::Miniport>::from_identity(miniport) };
    let stream = match NonNull::new(request.raw.minor_target) {
        None => None,
        Some(stream) => {
            // SAFETY: the port lends us the stream for the call.
            let stream = unsafe { Borrowed::<IUnknown>::from_raw(stream) };
            // SAFETY: by `item`'s promise it is of this class.
            Some(unsafe { ObjectRef::<H::Stream>::from_identity(stream) })
        }
    };
    // SAFETY: property handlers run at PASSIVE (contract section 4).
    let mut irql = unsafe { Irql::<Passive>::assume() };
    let targets = Targets {
        miniport: &miniport,
        stream: stream.as_deref(),
    };
    H::serve(&mut irql, targets, request)
}

/// The one verb of a request, when the item has it.
fn verb_of(bits: u32, supported: u32) -> Result<Verb, Status> {
    let verb = match bits & !verb::TOPOLOGY {
        verb::GET => Verb::Get,
        verb::SET => Verb::Set,
        verb::BASIC_SUPPORT => Verb::BasicSupport,
        _ => return Err(Status::INVALID_DEVICE_REQUEST),
    };
    let needed = match verb {
        Verb::Get => verb::GET,
        Verb::Set => verb::SET,
        Verb::BasicSupport => verb::BASIC_SUPPORT,
    };
    if supported & needed == 0 {
        return Err(Status::INVALID_DEVICE_REQUEST);
    }
    Ok(verb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class;
    use crate::com::Object;
    use std::cell::Cell;
    use std::ptr;

    #[derive(Debug)]
    struct Target;
    class!(Target);

    std::thread_local! {
        static SERVED: Cell<u32> = const { Cell::new(0) };
    }

    /// An item with an instance, that reads and writes a number.
    struct Item;
    impl Handler for Item {
        type Miniport = Target;
        type Stream = Target;
        const VALUE: ValueType = ValueType::Ui4;

        fn serve(
            _: &mut Irql<Passive>,
            targets: Targets<'_, Target, Target>,
            request: &mut Request<'_>,
        ) -> Result<Status, Status> {
            targets.stream.ok_or(Status::INVALID_DEVICE_REQUEST)?;
            if request.verb() == Verb::Set {
                SERVED.set(request.value()?);
                return Ok(Status::NOT_ALL_ASSIGNED);
            }
            request.expect_room_for::<u32>()?;
            let instance: VoicePriorityInstance = request.instance()?;
            request.reply(instance.channel_group)
        }
    }

    static SET_ID: Guid = Guid::from_u128(1);

    /// What came of a request: status, value size, value.
    fn ask(
        verbs: u32,
        verb: u32,
        instance: &mut [u8],
        value: Option<&mut [u8]>,
        size: u32,
    ) -> (Status, u32) {
        let target = Object::try_new(Target).unwrap();
        // SAFETY: the requests below name objects of class `Target`.
        let item = unsafe { item::<Item>(&SET_ID, 0, verbs) };
        let identity = target.interface::<IUnknown>().address().as_ptr();
        let mut request = PropertyRequest {
            major_target: identity,
            minor_target: identity,
            node: 0,
            property_item: &raw const item,
            verb: verb | verb::TOPOLOGY,
            instance_size: u32::try_from(instance.len()).unwrap(),
            instance: instance.as_mut_ptr().cast(),
            value_size: size,
            value: value.map_or(ptr::null_mut(), |value| value.as_mut_ptr().cast()),
            irp: ptr::null_mut(),
        };
        // SAFETY: the request's buffers are as large as it says.
        let status = unsafe { item.handler.unwrap()(&raw mut request) };
        assert_eq!(target.references(), 1, "a handler borrows its targets");
        (status, request.value_size)
    }

    const ALL: u32 = verb::GET | verb::SET | verb::BASIC_SUPPORT;

    #[test]
    fn size_rules_of_a_get() {
        let mut instance = [7, 0, 0, 0, 1, 0, 0, 0];
        // One byte more than needed, and unaligned.
        let mut space = [0xEE_u8; 6];
        let (_, value) = space.split_at_mut(1);
        assert_eq!(
            ask(ALL, verb::GET, &mut instance, None, 0),
            (Status::BUFFER_OVERFLOW, 4)
        );
        assert_eq!(
            ask(ALL, verb::GET, &mut instance, Some(value), 3),
            (Status::BUFFER_TOO_SMALL, 0)
        );
        assert_eq!(
            ask(ALL, verb::GET, &mut instance, None, 4),
            (Status::INVALID_PARAMETER, 0)
        );
        assert_eq!(
            ask(ALL, verb::GET, &mut [1, 2, 3], Some(value), 4),
            (Status::BUFFER_TOO_SMALL, 0)
        );
        assert_eq!(value, [0xEE; 5]);
        assert_eq!(
            ask(ALL, verb::GET, &mut instance, Some(value), 5),
            (Status::SUCCESS, 4)
        );
        assert_eq!(value, [7, 0, 0, 0, 0xEE]);
    }

    #[test]
    fn size_rules_of_a_set() {
        let mut value = [1, 2, 3, 4, 5];
        assert_eq!(
            ask(ALL, verb::SET, &mut [], None, 0),
            (Status::BUFFER_OVERFLOW, 4)
        );
        assert_eq!(
            ask(ALL, verb::SET, &mut [], Some(&mut value), 2),
            (Status::BUFFER_TOO_SMALL, 0)
        );
        assert_eq!(
            ask(ALL, verb::SET, &mut [], Some(&mut value), 5),
            (Status::NOT_ALL_ASSIGNED, 5)
        );
        assert_eq!(SERVED.get(), 0x0403_0201);
    }

    #[test]
    fn verbs_that_an_item_lacks_are_refused() {
        let mut value = [0; 4];
        for (verbs, verb) in [
            (verb::GET, verb::SET),
            (verb::SET, verb::GET),
            (verb::GET, verb::BASIC_SUPPORT),
            (ALL, 0),
            (ALL, verb::GET | verb::SET),
            (ALL, 0x2000),
        ] {
            let answer = ask(verbs, verb, &mut [], Some(&mut value), 4);
            assert_eq!(
                answer,
                (Status::INVALID_DEVICE_REQUEST, 0),
                "verb {verb:#x} of {verbs:#x}"
            );
        }
    }

    #[test]
    fn basic_support_names_the_verbs() {
        let mut value = [0xEE; 48];
        assert_eq!(
            ask(ALL, verb::BASIC_SUPPORT, &mut [], None, 0),
            (Status::BUFFER_OVERFLOW, 4)
        );
        for between in [1, 3, 5, 8, 32, 39] {
            let answer = ask(ALL, verb::BASIC_SUPPORT, &mut [], Some(&mut value), between);
            assert_eq!(answer, (Status::BUFFER_TOO_SMALL, 0), "{between} bytes");
        }
        assert_eq!(value, [0xEE; 48]);
        assert_eq!(
            ask(ALL, verb::BASIC_SUPPORT, &mut [], Some(&mut value), 4),
            (Status::SUCCESS, 4)
        );
        assert_eq!(value[..5], [3, 2, 0, 0, 0xEE]);
        for size in [40, 41, 48] {
            assert_eq!(
                ask(ALL, verb::BASIC_SUPPORT, &mut [], Some(&mut value), size),
                (Status::SUCCESS, 40)
            );
            // KSPROPERTY_DESCRIPTION by the header, with KSPROPTYPESETID_General and VT_UI4.
            let expected = [
                &[3, 2, 0, 0, 40, 0, 0, 0][..],
                &[0xA0, 0x9B, 0xE9, 0x97, 0xEA, 0xBD, 0xCF, 0x11],
                &[0xA5, 0xD6, 0x28, 0xDB, 0x04, 0xC1, 0, 0],
                &[19, 0, 0, 0, 0, 0, 0, 0],
                &[0; 8],
            ];
            assert_eq!(value[..40], expected.concat());
            assert_eq!(value[40..], [0xEE; 8]);
        }
    }

    #[test]
    fn no_request_is_survived() {
        // SAFETY: a null request is one of the inputs that the handler checks.
        let item = unsafe { item::<Item>(&SET_ID, 0, ALL) };
        // SAFETY: as above.
        let status = unsafe { item.handler.unwrap()(ptr::null_mut()) };
        assert_eq!(status, Status::INVALID_PARAMETER);
    }
}
