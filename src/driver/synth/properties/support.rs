//! The `GUID_DMUS_PROP_*` sets: what the synthesizer can do (contract section 10).
//!
//! Each set has the one item 0: a ULONG about the filter, for which no pin is needed, or the
//! parameters of a pin's reverb.

use super::{SynthMiniport, SynthStream, SynthTargets, at_node, node_stream};
use crate::com::Status;
use crate::driver::settings::Settings;
use crate::irql::{Irql, Passive};
use crate::portcls::abi::ValueType;
use crate::portcls::property::{Handler, Request, Verb};
use crate::portcls::single::{from_scaled, to_scaled};
use crate::portcls::synth_abi::{ReverbParams, SYSTEM_MEMORY, effects};
use crate::synth::ReverbParameters;

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
    ($($item:ident: $type:ident = $value:expr;)+) => {
        $(impl Handler for $item {
            type Miniport = SynthMiniport;
            type Stream = SynthStream;
            const VALUE: ValueType = ValueType::$type;

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
    No: Bool = 0;
    Yes: Bool = 1;
    SampleMemorySize: Ui4 = SYSTEM_MEMORY;
}

impl Handler for Effects {
    type Miniport = SynthMiniport;
    type Stream = SynthStream;
    const VALUE: ValueType = ValueType::Ui4;

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

/// The reverb's parameters, of a pin. They are kept when the registry leaves the reverb off too.
#[derive(Debug)]
pub enum WavesReverb {}

impl Handler for WavesReverb {
    type Miniport = SynthMiniport;
    type Stream = SynthStream;
    const VALUE: ValueType = ValueType::Blob;

    fn serve(
        irql: &mut Irql<Passive>,
        targets: SynthTargets<'_>,
        request: &mut Request<'_>,
    ) -> Result<Status, Status> {
        let engine = node_stream(&targets, request)?.engine();
        if request.verb() == Verb::Set {
            let wanted = parameters_of(request.value()?).ok_or(Status::INVALID_PARAMETER)?;
            engine.with(irql, |state, _| state.synth.set_reverb(&wanted));
            return Ok(Status::SUCCESS);
        }
        let used = engine.with(irql, |state, _| state.synth.reverb());
        request.reply(floats_of(&used))
    }
}

/// What a client asks for, moved into its range; `None` where it is not a number.
fn parameters_of(floats: ReverbParams) -> Option<ReverbParameters> {
    let decibels = |bits| Some(to_scaled(bits, HUNDREDTHS)?.clamp(-9600, 0));
    let time = to_scaled(floats.time, 1)?.clamp(1, 3000);
    let ratio = to_scaled(floats.high_ratio, THOUSANDTHS)?.clamp(1, 999);
    Some(ReverbParameters {
        in_gain: decibels(floats.in_gain)?,
        mix: decibels(floats.mix)?,
        time: time.cast_unsigned(),
        high_ratio: ratio.cast_unsigned(),
    })
}

/// The parameters as a client reads them.
fn floats_of(used: &ReverbParameters) -> ReverbParams {
    ReverbParams {
        in_gain: from_scaled(used.in_gain, HUNDREDTHS),
        mix: from_scaled(used.mix, HUNDREDTHS),
        time: from_scaled(used.time.cast_signed(), 1),
        high_ratio: from_scaled(used.high_ratio.cast_signed(), THOUSANDTHS),
    }
}

const HUNDREDTHS: u32 = 100;
const THOUSANDTHS: u32 = 1000;

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
