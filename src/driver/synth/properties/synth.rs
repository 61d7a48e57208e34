//! `KSPROPSETID_Synth` (contract sections 10 and 12).

use super::support::effects_of;
use super::{SynthMiniport, SynthStream, SynthTargets, at_node, node_stream};
use crate::com::{Guid, Status};
use crate::irql::{Irql, Passive};
use crate::kernel::clock::master_time;
use crate::midi::Channel;
use crate::portcls::abi::ValueType;
use crate::portcls::guids::DMUSMINI_SYNTH;
use crate::portcls::property::{Handler, Request, Verb};
use crate::portcls::synth_abi::{
    PortParams, SYSTEM_MEMORY, SynthCaps, VoicePriorityInstance, caps_flags, effects, port_params,
};
use crate::synth::BLOCK_FRAMES;
use crate::time::{RefTime, SECOND};

/// Notes that can sound at once.
pub const MAX_VOICES: u32 = 1024;
/// Channel groups at most: all that a 16-bit number names.
pub const MAX_CHANNEL_GROUPS: u32 = 65_535;
/// Stereo.
const MAX_AUDIO_CHANNELS: u32 = 2;
/// What clients show people.
const DESCRIPTION: &str = "dmusmini DLS Synthesizer";

macro_rules! handlers {
    ($($(#[$doc:meta])* $item:ident: $value:ident($irql:ident, $targets:ident, $request:ident) $body:block)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $item {}

            impl Handler for $item {
                type Miniport = SynthMiniport;
                type Stream = SynthStream;
                const VALUE: ValueType = ValueType::$value;

                fn serve(
                    $irql: &mut Irql<Passive>,
                    $targets: SynthTargets<'_>,
                    $request: &mut Request<'_>,
                ) -> Result<Status, Status> $body
            }
        )+
    };
}
pub(super) use handlers;

handlers! {
    /// `CAPS`: what the synthesizer is. Asks about the filter, so no pin is needed.
    Caps: Blob(_irql, targets, request) {
        at_node(request)?;
        let effect_flags = effects_of(targets.miniport.settings());
        let reverb = if effect_flags & effects::REVERB == 0 {
            0
        } else {
            caps_flags::REVERB
        };
        request.reply(SynthCaps {
            guid: GUID,
            flags: caps_flags::DLS | caps_flags::DLS2 | caps_flags::SOFTWARE_SYNTH | reverb,
            memory_size: SYSTEM_MEMORY,
            max_channel_groups: MAX_CHANNEL_GROUPS,
            max_voices: MAX_VOICES,
            max_audio_channels: MAX_AUDIO_CHANNELS,
            effect_flags,
            description: description(),
        })
    }

    /// `PORTPARAMETERS`: the client proposes, and learns what it got (contract section 12.2).
    Parameters: Blob(irql, targets, request) {
        let stream = node_stream(&targets, request)?;
        request.expect_room_for::<PortParams>()?;
        let asked: PortParams = request.instance()?;
        let engine = stream.engine();
        let settings = targets.miniport.settings();
        let format = engine.with(irql, |state, _| state.format);
        let voices = if asked.valid & port_params::VOICES != 0 {
            asked.voices.clamp(1, MAX_VOICES)
        } else {
            u32::from(settings.voices)
        };
        let channel_groups = if asked.valid & port_params::CHANNEL_GROUPS != 0 {
            asked.channel_groups.clamp(1, MAX_CHANNEL_GROUPS)
        } else {
            1
        };
        engine.resize(irql, narrow(voices), narrow(channel_groups))?;
        let got = PortParams {
            valid: asked.valid,
            voices,
            channel_groups,
            audio_channels: u32::from(format.channels),
            sample_rate: format.sample_rate,
            effects_flags: effects_of(settings),
            share: 0,
        };
        let status = if got.grants(&asked) {
            Status::SUCCESS
        } else {
            Status::NOT_ALL_ASSIGNED
        };
        request.reply(got)?;
        Ok(status)
    }

    /// `CHANNELGROUPS`: how many there are (contract section 12.1).
    ChannelGroups: Ui4(irql, targets, request) {
        let engine = node_stream(&targets, request)?.engine();
        let (voices, groups) = engine.with(irql, |state, _| (state.voices, state.channel_groups));
        if request.verb() == Verb::Get {
            return request.reply(u32::from(groups));
        }
        let wanted: u32 = request.value()?;
        if wanted == 0 {
            return Err(Status::INVALID_PARAMETER);
        }
        engine.resize(irql, voices, narrow(wanted.min(MAX_CHANNEL_GROUPS)))?;
        Ok(Status::SUCCESS)
    }

    /// `VOICEPRIORITY`: who keeps a voice when there are too few (contract section 12.3).
    VoicePriority: Ui4(irql, targets, request) {
        let engine = node_stream(&targets, request)?.engine();
        if request.verb() == Verb::Get {
            request.expect_room_for::<u32>()?;
            let (group, channel) = channel_of(request.instance()?)?;
            let priority = engine.with(irql, |state, _| state.synth.priority(group, channel));
            return request.reply(priority?);
        }
        let priority: u32 = request.value()?;
        let (group, channel) = channel_of(request.instance()?)?;
        if let Ok(group) = u16::try_from(group) {
            engine.use_group(irql, group)?;
        }
        engine
            .with(irql, |state, _| state.synth.set_priority(group, channel, priority))?;
        Ok(Status::SUCCESS)
    }

    /// `VOLUME` in 1/100 dB, of the node or of the pin.
    Volume: I4(irql, targets, request) {
        if request.node().is_some() {
            at_node(request)?;
        }
        let engine = targets.stream.ok_or(Status::INVALID_PARAMETER)?.engine();
        if request.verb() == Verb::Get {
            let volume = engine.with(irql, |state, _| state.synth.volume());
            return request.reply(volume);
        }
        let volume: i32 = request.value()?;
        engine.with(irql, |state, _| state.synth.set_volume(volume));
        Ok(Status::SUCCESS)
    }

    /// `VOLUMEBOOST` in 1/100 dB.
    VolumeBoost: I4(irql, targets, request) {
        let engine = node_stream(&targets, request)?.engine();
        if request.verb() == Verb::Get {
            let boost = engine.with(irql, |state, _| state.synth.boost());
            return request.reply(boost);
        }
        let boost: i32 = request.value()?;
        engine.with(irql, |state, _| state.synth.set_boost(boost));
        Ok(Status::SUCCESS)
    }

    /// `RUNNINGSTATS` since the wave pin went to RUN.
    RunningStats: Blob(irql, targets, request) {
        let stream = node_stream(&targets, request)?;
        let (mut synth, meter, rate) = stream.engine().with(irql, |state, _| {
            (state.synth.stats(), state.meter, state.clock.rate())
        });
        // What a client may still take is what all pins of the device have left.
        synth.free_memory = stream.engine().budget().free();
        let lost = stream.lost_notes(irql).saturating_add(synth.notes_lost);
        request.reply(meter.report(&synth, lost, rate))
    }

    /// `LATENCYCLOCK`: the earliest time at which an event sent now still plays in time. Always a
    /// block ahead of the master clock at least: while an event is on its way in, the next block may
    /// begin (contract section 8).
    LatencyClock: Ui8(irql, targets, request) {
        let stream = node_stream(&targets, request)?;
        let (rendered, rate) = stream.engine().with(irql, |state, _| {
            (state.running.then(|| state.now()), state.format.sample_rate)
        });
        let now = master_time(irql, stream.clock());
        let earliest = RefTime(now.0.saturating_add(block_at(rate).0));
        let latency = rendered.map_or(earliest, |rendered| rendered.max(earliest));
        request.reply(latency.0.cast_unsigned())
    }
}

/// How long a block sounds, rounded up.
fn block_at(rate: u32) -> RefTime {
    let frames = i64::try_from(BLOCK_FRAMES).unwrap_or(0);
    let whole = frames.saturating_mul(SECOND).checked_div(i64::from(rate));
    RefTime(whole.unwrap_or(0).saturating_add(1))
}

/// `SYNTHCAPS.Guid`.
const GUID: Guid = DMUSMINI_SYNTH;

fn description() -> [u16; 128] {
    let mut wide = [0; 128];
    for (place, letter) in wide.iter_mut().zip(DESCRIPTION.encode_utf16()) {
        *place = letter;
    }
    wide
}

/// A count that was moved into its range, all of which fit.
fn narrow(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// The channel that a client means; the group counts from 1 (contract section 12.1).
fn channel_of(instance: VoicePriorityInstance) -> Result<(u32, Channel), Status> {
    let channel = u8::try_from(instance.channel).ok().and_then(Channel::new);
    Ok((
        instance.channel_group,
        channel.ok_or(Status::INVALID_PARAMETER)?,
    ))
}
