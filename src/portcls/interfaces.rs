//! Every interface that crosses the border to PortCls, each declared once (abi section 2).
//!
//! The word before `fn` is the highest IRQL that the documentation allows (contract section 4).
//! `Render`, `SyncToMaster` and the two conversions have no documented level: they are written for
//! DISPATCH. Methods that get raw pointers are `unsafe`.

#![expect(unsafe_code, reason = "the macro writes the thunks and the calls")]
#![expect(clippy::too_many_arguments, reason = "the ABI has them")]
use core::ffi::c_void;
use core::ptr::NonNull;

use super::abi::{
    DmusKernelEvent, FilterDescriptor, KsDataRange, KsState, PartialResourceDescriptor, PowerState,
    StreamType,
};
use super::imports::InterruptRoutine;
use crate::com::{Borrowed, ComRef, Guid, IUnknown, IUnknownClass, Out, Status};
use crate::interface;
use crate::kernel::nt::{DeviceObject, Irp, UnicodeString};

#[expect(
    clippy::unnecessary_wraps,
    reason = "an interface without IID has `None` in its place"
)]
const fn iid(text: &str) -> Option<Guid> {
    Some(Guid::parse(text))
}

/// An optional in-parameter.
pub type In<'a, I> = Option<Borrowed<'a, I>>;

/// An optional out-parameter that receives an interface pointer or null.
pub type OutRef<'a, I> = Option<Out<'a, Option<ComRef<I>>>>;

interface! {
    /// A port object of PortCls (abi 2.2).
    pub IPort(IPortVtbl, IPortClass): IUnknown(IUnknownClass)
        = iid("b4c90a25-5791-11d0-86f9-00a0c911b544");
    /// Binds the miniport to the port; the port asks it for its interface and calls its Init.
    passive(unsafe) fn init(
        device: *mut DeviceObject,
        irp: *mut Irp,
        miniport: In<'_, IUnknown>,
        adapter: In<'_, IUnknown>,
        resources: In<'_, IResourceList>,
    ) -> Status;
    /// Reads a device property.
    passive(unsafe) fn get_device_property(
        property: u32,
        length: u32,
        buffer: *mut c_void,
        needed: Option<Out<'_, u32>>,
    ) -> Status;
    /// Opens a registry key of the device.
    passive(unsafe) fn new_registry_key(
        key: OutRef<'_, IRegistryKey>,
        outer: In<'_, IUnknown>,
        kind: u32,
        access: u32,
        attributes: *mut c_void,
        create_options: u32,
        disposition: *mut u32,
    ) -> Status;
}

interface! {
    /// The DMus port (abi 2.3).
    pub IPortDMus(IPortDMusVtbl, IPortDMusClass): IPort(IPortClass)
        = iid("c096df9c-fb09-11d1-81b0-0060083316c1");
    /// Asks for the service group's DPC; normally called from the service routine.
    any fn notify(group: In<'_, IServiceGroup>);
    /// Makes the port's sink a member of the group.
    passive fn register_service_group(group: In<'_, IServiceGroup>);
}

interface! {
    /// What every miniport offers (abi 2.4).
    pub IMiniport(IMiniportVtbl, IMiniportClass): IUnknown(IUnknownClass)
        = iid("b4c90a24-5791-11d0-86f9-00a0c911b544");
    /// The filter's description, valid for the miniport's life.
    passive fn get_description(description: Option<Out<'_, *const FilterDescriptor>>) -> Status;
    /// The best format that two data ranges have in common.
    passive(unsafe) fn data_range_intersection(
        pin: u32,
        client: *const KsDataRange,
        ours: *const KsDataRange,
        output_length: u32,
        format: *mut c_void,
        format_length: Option<Out<'_, u32>>,
    ) -> Status;
}

interface! {
    /// The DMus miniport (abi 2.5).
    pub IMiniportDMus(IMiniportDMusVtbl, IMiniportDMusClass): IMiniport(IMiniportClass)
        = iid("c096df9d-fb09-11d1-81b0-0060083316c1");
    /// Takes the device's resources and its port.
    passive fn init(
        adapter: In<'_, IUnknown>,
        resources: In<'_, IResourceList>,
        port: In<'_, IPortDMus>,
        service_group: OutRef<'_, IServiceGroup>,
    ) -> Status;
    /// Not used by the DMus port.
    dispatch fn service();
    /// Opens a stream on a pin.
    passive(unsafe) fn new_stream(
        mxf: OutRef<'_, IMxf>,
        outer: In<'_, IUnknown>,
        pool_type: i32,
        pin: u32,
        stream_type: StreamType,
        format: *const KsDataRange,
        service_group: OutRef<'_, IServiceGroup>,
        allocator: In<'_, IAllocatorMxf>,
        clock: In<'_, IMasterClock>,
        schedule_prefetch: Option<Out<'_, u64>>,
    ) -> Status;
}

interface! {
    /// A MIDI transform filter: a stream (abi 2.6).
    pub IMxf(IMxfVtbl, IMxfClass): IUnknown(IUnknownClass)
        = iid("c096df9e-fb09-11d1-81b0-0060083316c1");
    /// Changes the stream's state.
    passive fn set_state(state: KsState) -> Status;
    /// Hands over a chain of events, or asks for service with none.
    dispatch(unsafe) fn put_message(event: Option<NonNull<DmusKernelEvent>>) -> Status;
    /// Connects the sink of a capture stream.
    passive fn connect_output(sink: In<'_, IMxf>) -> Status;
    /// Disconnects it.
    passive fn disconnect_output(sink: In<'_, IMxf>) -> Status;
}

interface! {
    /// The port's event allocator (abi 2.7). `put_message` takes events back.
    pub IAllocatorMxf(IAllocatorMxfVtbl, IAllocatorMxfClass): IMxf(IMxfClass)
        = iid("a5f0d62c-b30f-11d2-b7a3-0060083316c1");
    /// An empty event.
    dispatch fn get_message(event: Option<Out<'_, Option<NonNull<DmusKernelEvent>>>>) -> Status;
    /// The size of the buffers.
    any fn get_buffer_size() -> u16;
    /// A buffer.
    dispatch fn get_buffer(buffer: Option<Out<'_, Option<NonNull<u8>>>>) -> Status;
    /// Takes back a buffer that was never attached to an event.
    dispatch(unsafe) fn put_buffer(buffer: Option<NonNull<u8>>) -> Status;
}

interface! {
    /// The wave sink (abi 2.8).
    pub ISynthSinkDMus(ISynthSinkDMusVtbl, ISynthSinkDMusClass): IMxf(IMxfClass)
        = iid("1f476974-679b-11d2-8f7d-00c04fbf8fef");
    /// Renders `length` frames from `position` into the buffer (units: contract 9.2).
    dispatch(unsafe) fn render(buffer: Option<NonNull<u8>>, length: u32, position: i64);
    /// Tells the sink's own time, or starts the sample clock.
    dispatch fn sync_to_master(time: i64, start: i32) -> Status;
    /// Frames to master time.
    dispatch fn sample_to_ref_time(sample: i64, time: Option<Out<'_, i64>>) -> Status;
    /// Master time to frames.
    dispatch fn ref_time_to_sample(time: i64, sample: Option<Out<'_, i64>>) -> Status;
}

interface! {
    /// The master clock (abi 2.9). It has no IID.
    pub IMasterClock(IMasterClockVtbl, IMasterClockClass): IUnknown(IUnknownClass) = None;
    /// The time in 100 ns.
    any fn get_time(time: Option<Out<'_, i64>>) -> Status;
}

interface! {
    /// Called in a service group's DPC (abi 2.10).
    pub IServiceSink(IServiceSinkVtbl, IServiceSinkClass): IUnknown(IUnknownClass)
        = iid("22c6ac64-851b-11d0-9a7f-00aa0038acfe");
    /// Serves. A group's may be called at any level and asks for the DPC.
    any fn request_service();
}

interface! {
    /// A set of service sinks that share a DPC (abi 2.10).
    pub IServiceGroup(IServiceGroupVtbl, IServiceGroupClass): IServiceSink(IServiceSinkClass)
        = iid("22c6ac65-851b-11d0-9a7f-00aa0038acfe");
    /// Adds a sink.
    passive fn add_member(sink: In<'_, IServiceSink>) -> Status;
    /// Removes a sink.
    passive fn remove_member(sink: In<'_, IServiceSink>);
    /// Allows delayed service.
    dispatch fn support_delayed_service();
    /// Serves after a delay; negative is relative, 100 ns.
    passive fn request_delayed_service(delay: i64);
    /// Cancels delayed service.
    passive fn cancel_delayed_service();
}

interface! {
    /// The resources of a device or a part of them (abi 2.11).
    pub IResourceList(IResourceListVtbl, IResourceListClass): IUnknown(IUnknownClass)
        = iid("22c6ac60-851b-11d0-9a7f-00aa0038acfe");
    /// How many entries.
    passive fn number_of_entries() -> u32;
    /// How many entries of a type.
    passive fn number_of_entries_of_type(kind: u32) -> u32;
    /// The n-th translated entry of a type, or null.
    passive fn find_translated_entry(
        kind: u32,
        index: u32,
    ) -> Option<NonNull<PartialResourceDescriptor>>;
    /// The n-th raw entry of a type, or null.
    passive fn find_untranslated_entry(
        kind: u32,
        index: u32,
    ) -> Option<NonNull<PartialResourceDescriptor>>;
    /// Adds an entry.
    passive(unsafe) fn add_entry(
        translated: *const PartialResourceDescriptor,
        untranslated: *const PartialResourceDescriptor,
    ) -> Status;
    /// Adds the parent's n-th entry of a type.
    passive fn add_entry_from_parent(
        parent: In<'_, IResourceList>,
        kind: u32,
        index: u32,
    ) -> Status;
    /// The whole translated list.
    passive fn translated_list() -> *mut c_void;
    /// The whole raw list.
    passive fn untranslated_list() -> *mut c_void;
}

interface! {
    /// An interrupt and what is synchronised with it (abi 2.12).
    pub IInterruptSync(IInterruptSyncVtbl, IInterruptSyncClass): IUnknown(IUnknownClass)
        = iid("22c6ac63-851b-11d0-9a7f-00aa0038acfe");
    /// Calls a routine at the device's level, excluding the service routines.
    any(unsafe) fn call_synchronized_routine(
        routine: InterruptRoutine,
        context: *mut c_void,
    ) -> Status;
    /// The interrupt object.
    any fn get_kinterrupt() -> *mut c_void;
    /// Connects the interrupt.
    passive fn connect() -> Status;
    /// Disconnects it and waits.
    passive fn disconnect();
    /// Adds a service routine at the head or the tail of the list.
    passive(unsafe) fn register_service_routine(
        routine: InterruptRoutine,
        context: *mut c_void,
        first: u8,
    ) -> Status;
}

interface! {
    /// A registry key (abi 2.13).
    pub IRegistryKey(IRegistryKeyVtbl, IRegistryKeyClass): IUnknown(IUnknownClass)
        = iid("e8da4302-f304-11d0-958b-00c04fb925d3");
    /// Reads about the key.
    passive(unsafe) fn query_key(
        class: u32,
        information: *mut c_void,
        length: u32,
        needed: Option<Out<'_, u32>>,
    ) -> Status;
    /// Lists subkeys.
    passive(unsafe) fn enumerate_key(
        index: u32,
        class: u32,
        information: *mut c_void,
        length: u32,
        needed: Option<Out<'_, u32>>,
    ) -> Status;
    /// Reads a value.
    passive(unsafe) fn query_value_key(
        name: *const UnicodeString,
        class: u32,
        information: *mut c_void,
        length: u32,
        needed: Option<Out<'_, u32>>,
    ) -> Status;
    /// Lists values.
    passive(unsafe) fn enumerate_value_key(
        index: u32,
        class: u32,
        information: *mut c_void,
        length: u32,
        needed: Option<Out<'_, u32>>,
    ) -> Status;
    /// Writes a value.
    passive(unsafe) fn set_value_key(
        name: *const UnicodeString,
        kind: u32,
        data: *const c_void,
        size: u32,
    ) -> Status;
    /// Reads several values.
    passive(unsafe) fn query_registry_values(table: *mut c_void, context: *mut c_void) -> Status;
    /// Opens or creates a subkey.
    passive(unsafe) fn new_sub_key(
        key: OutRef<'_, IRegistryKey>,
        outer: In<'_, IUnknown>,
        access: u32,
        name: *const UnicodeString,
        create_options: u32,
        disposition: *mut u32,
    ) -> Status;
    /// Deletes the key.
    passive fn delete_key() -> Status;
}

interface! {
    /// Told of power changes (abi 2.14).
    pub IPowerNotify(IPowerNotifyVtbl, IPowerNotifyClass): IUnknown(IUnknownClass)
        = iid("3dd648b8-969f-11d1-95a9-00c04fb925d3");
    /// The device enters this state, or has entered it when it is D0.
    passive fn power_change_notify(state: PowerState);
}

interface! {
    /// The adapter's part in power management (abi 2.14).
    pub IAdapterPowerManagement(IAdapterPowerManagementVtbl, IAdapterPowerManagementClass):
        IUnknown(IUnknownClass) = iid("793417d0-35fe-11d1-ad08-00a0c90ab1b0");
    /// Enters a state.
    passive fn power_change_state(state: PowerState);
    /// May the state be entered?
    passive fn query_power_change_state(state: PowerState) -> Status;
    /// May change the capabilities.
    passive(unsafe) fn query_device_capabilities(capabilities: *mut c_void) -> Status;
}

interface! {
    /// Undoes the registration of a subdevice (abi 2.15).
    pub IUnregisterSubdevice(IUnregisterSubdeviceVtbl, IUnregisterSubdeviceClass):
        IUnknown(IUnknownClass) = iid("16738177-e199-41f9-9a87-abb2a5432f21");
    /// Unregisters.
    passive(unsafe) fn unregister_subdevice(device: *mut DeviceObject, unknown: In<'_, IUnknown>) -> Status;
}

interface! {
    /// PortCls' version (abi 2.15).
    pub IPortClsVersion(IPortClsVersionVtbl, IPortClsVersionClass): IUnknown(IUnknownClass)
        = iid("7d89a7bb-869b-4567-8dbe-1e168cc853de");
    /// The version number; 8 is Windows XP.
    passive fn get_version() -> u32;
}
