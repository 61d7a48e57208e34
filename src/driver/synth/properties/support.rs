//! The `GUID_DMUS_PROP_*` sets: what the synthesizer can do (contract section 10).
//!
//! Each set has the one item 0, a ULONG. They ask about the filter, so no pin is needed.

use super::{SynthMiniport, SynthStream, SynthTargets, at_node};
use crate::com::Status;
use crate::driver::settings::Settings;
use crate::irql::{Irql, Passive};
use crate::portcls::property::{Handler, Request, Verb};
use crate::portcls::synth_abi::{SYSTEM_MEMORY, effects};

/// Not so: what the device would have in hardware.
#[derive(Debug)]
pub enum No {}

/// So.
#[derive(Debug)]
pub enum Yes {}

/// Where waves are kept: in system memory.
#[derive(Debug)]
pub enum SampleMemorySize {}

/// Which effects are on. They follow the registry and cannot be set.
#[derive(Debug)]
pub enum Effects {}

macro_rules! constant {
    ($($item:ident = $value:expr;)+) => {
        $(impl Handler for $item {
            type Miniport = SynthMiniport;
            type Stream = SynthStream;

            fn serve(
                _: &mut Irql<Passive>,
                _: SynthTargets<'_>,
                request: &mut Request<'_>,
            ) -> Result<Status, Status> {
                at_node(request)?;
                request.reply::<u32>($value)
            }
        })+
    };
}

constant! {
    No = 0;
    Yes = 1;
    SampleMemorySize = SYSTEM_MEMORY;
}

impl Handler for Effects {
    type Miniport = SynthMiniport;
    type Stream = SynthStream;

    fn serve(
        _: &mut Irql<Passive>,
        targets: SynthTargets<'_>,
        request: &mut Request<'_>,
    ) -> Result<Status, Status> {
        at_node(request)?;
        if request.verb() == Verb::Set {
            let _: u32 = request.value()?;
            return Err(Status::INVALID_PARAMETER);
        }
        request.reply(effects_of(targets.miniport.settings()))
    }
}

/// The effects that the registry asks for, as flags.
#[must_use]
pub fn effects_of(settings: &Settings) -> u32 {
    let reverb = if settings.reverb {
        effects::REVERB
    } else {
        effects::NONE
    };
    let chorus = if settings.chorus {
        effects::CHORUS
    } else {
        effects::NONE
    };
    reverb | chorus
}
