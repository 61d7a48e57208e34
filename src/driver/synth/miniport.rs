//! The synthesizer's `IMiniportDMus` object (contract section 5).

use core::ffi::c_void;

use crate::class;
use crate::com::IUnknown;
use crate::com::{ComRef, Object, ObjectRef, Out, Status};
use crate::driver::settings::Settings;
use crate::irql::{Dispatch, Irql, Passive};
use crate::portcls::abi::{FilterDescriptor, KsDataRange, StreamType};
use crate::portcls::interfaces::{
    IAllocatorMxf, IMasterClock, IMiniport, IMiniportClass, IMiniportDMus, IMiniportDMusClass,
    IMxf, IPortDMus, IResourceList, IServiceGroup, In, OutRef,
};

/// The synthesizer's miniport.
#[derive(Debug)]
pub struct SynthMiniport {
    settings: Settings,
}

class!(SynthMiniport: 0 => IMiniportDMus(IMiniport));

/// Makes the miniport.
///
/// # Errors
///
/// [`Status::INSUFFICIENT_RESOURCES`].
pub fn create(
    _irql: &Irql<Passive>,
    settings: &Settings,
) -> Result<ObjectRef<SynthMiniport>, Status> {
    let miniport = SynthMiniport {
        settings: *settings,
    };
    Object::try_new(miniport).map_err(|_| Status::INSUFFICIENT_RESOURCES)
}

impl IMiniportClass for SynthMiniport {
    fn get_description(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: Option<Out<'_, *const FilterDescriptor>>,
    ) -> Status {
        Status::NOT_IMPLEMENTED
    }

    fn data_range_intersection(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: u32,
        _: *const KsDataRange,
        _: *const KsDataRange,
        _: u32,
        _: *mut c_void,
        _: Option<Out<'_, u32>>,
    ) -> Status {
        Status::NOT_IMPLEMENTED
    }
}

impl IMiniportDMusClass for SynthMiniport {
    fn init(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: In<'_, IUnknown>,
        _: In<'_, IResourceList>,
        _: In<'_, IPortDMus>,
        _: OutRef<'_, IServiceGroup>,
    ) -> Status {
        let _ = this.settings;
        Status::NOT_IMPLEMENTED
    }

    fn service(_: &ObjectRef<Self>, _: &mut Irql<Dispatch>) {}

    fn new_stream(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: OutRef<'_, IMxf>,
        _: In<'_, IUnknown>,
        _: i32,
        _: u32,
        _: StreamType,
        _: *const KsDataRange,
        _: OutRef<'_, IServiceGroup>,
        _: In<'_, IAllocatorMxf>,
        _: In<'_, IMasterClock>,
        _: Option<Out<'_, u64>>,
    ) -> Status {
        let _: Option<ComRef<IMxf>> = None;
        Status::NOT_IMPLEMENTED
    }
}
