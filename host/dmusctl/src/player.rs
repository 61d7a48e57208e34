//! Plays a song to a MIDI pin.
//!
//! A DirectMusic pin gets buffers with master-clock times, a while ahead: the port holds them until
//! they are due. A legacy pin gets what is due now, as `midiOut` does it.

use anyhow::{Context, Result};
use dmusmini_ks::{
    Guid,
    format::DataFormat,
    guids::{KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI},
    pin::{Connect, State},
    property::Property,
    zerocopy::IntoBytes as _,
};
use dmusmini_song::{Event, SECOND};

use crate::{
    Failure, Filter, Pin, System,
    describe::{Description, PinDescription},
    ks::{self, Access},
    render,
    schedule::{self, Buffer, duration},
    stop::Stop,
    synth::master_clock,
    wire::{Sounding, Wire},
};

/// How a pin takes MIDI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `KSMUSICFORMAT`, sent when it is due.
    Legacy,
    /// `DMUS_EVENTHEADER`, with times.
    DirectMusic,
}

impl Kind {
    /// Its data format.
    #[must_use]
    pub fn format(self) -> DataFormat {
        DataFormat::music(match self {
            Self::Legacy => KSDATAFORMAT_SUBTYPE_MIDI,
            Self::DirectMusic => KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
        })
    }

    /// The richest kind that a pin has.
    #[must_use]
    pub fn of(pin: &PinDescription) -> Option<Self> {
        [
            (Self::DirectMusic, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC),
            (Self::Legacy, KSDATAFORMAT_SUBTYPE_MIDI),
        ]
        .into_iter()
        .find(|(_, sub_format)| pin.takes(*sub_format))
        .map(|(kind, _)| kind)
    }
}

/// The pin to play to: the one that is asked for, or the first DirectMusic pin, or the first legacy one.
///
/// # Errors
///
/// There is none such.
pub fn choose(description: &Description, wanted: Option<u32>) -> Result<(u32, Kind)> {
    let missing = || match wanted {
        Some(id) => Failure::Precondition(format!(
            "{} has no MIDI pin {id} that can be written",
            description.path
        )),
        None => Failure::Precondition(format!("{} has no MIDI pin", description.path)),
    };
    let fits = |pin: &&PinDescription| pin.flow == "in" && pin.can_open();
    let pin = match wanted {
        Some(id) => description
            .pins
            .iter()
            .filter(fits)
            .find(|pin| pin.id == id),
        None => description
            .pin_of(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, "in")
            .or_else(|| description.pin_of(KSDATAFORMAT_SUBTYPE_MIDI, "in")),
    };
    let pin = pin.with_context(missing)?;
    let kind = Kind::of(pin).with_context(missing)?;
    Ok((pin.id, kind))
}

/// Opens a MIDI pin for writing.
///
/// # Errors
///
/// The system's refusal.
pub fn open(filter: &dyn Filter, pin: u32, kind: Kind) -> Result<Box<dyn Pin>> {
    let connect = Connect::standard(pin).with_format(kind.format().as_bytes());
    let pin = filter.create_pin(&connect, Access::Write)?;
    Ok(pin)
}

/// The wave pin that a synthesizer's DirectMusic pin needs beside it to run: it has the sample rate.
///
/// # Errors
///
/// The system's refusal.
pub fn companion(
    description: &Description,
    filter: &dyn Filter,
    kind: Kind,
) -> Result<Option<Box<dyn Pin>>> {
    if kind == Kind::Legacy || !description.is_synth() {
        return Ok(None);
    }
    render::open_wave(description, filter, 44_100).map(Some)
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Messages.
    pub messages: usize,
    /// Buffers that were written.
    pub buffers: usize,
    /// It was stopped before its end.
    pub is_cut: bool,
    /// Bytes of the dump that was on the wire then: the instrument has the beginning of it alone.
    pub cut_dump: Option<usize>,
    /// Dumps that the driver says it could not send whole.
    pub cut_dumps: u32,
}

/// How far ahead of their time buffers are written.
const AHEAD: i64 = SECOND / 2;
/// How long after the first write the song begins.
const LEAD: i64 = SECOND / 10;
/// The longest sleep: a wish to stop is noticed within it.
const NAP: i64 = SECOND / 20;

/// How long the wire may have the driver's own silence, which a STOP makes, in front of ours.
const OWN_SILENCE: i64 = SECOND / 4;

/// Where to play.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// For its clock.
    pub system: &'a dyn System,
    /// For the master clock.
    pub filter: &'a dyn Filter,
    /// An open pin.
    pub pin: &'a dyn Pin,
    /// How it takes MIDI.
    pub kind: Kind,
    /// Whether its bytes go over a wire, and take their time.
    pub has_wire: bool,
}

impl std::fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Plays events, then lets `tail` (100 ns) pass after the last, and after the wire has carried it. A wish to stop ends every sound
/// at once. `progress` hears of every buffer.
///
/// # Errors
///
/// The system's refusals.
pub fn play(
    target: Target<'_>,
    events: &[Event],
    tail: i64,
    stop: &Stop,
    mut progress: impl FnMut(&Buffer),
) -> Result<Played> {
    let Target {
        system,
        filter,
        pin,
        kind,
        has_wire,
    } = target;
    ks::walk(pin, State::Run)?;
    let buffers = match kind {
        Kind::DirectMusic => schedule::direct_music(events, 1),
        Kind::Legacy => schedule::legacy(events),
    };
    let mut played = Played::default();
    let (ahead, start) = match kind {
        Kind::DirectMusic => (AHEAD, master_clock(filter)? + LEAD),
        Kind::Legacy => (0, 0),
    };
    let begin = system.now() + LEAD;
    let (mut wire, mut sounding) = (Wire::default(), Sounding::default());
    for buffer in &buffers {
        if !wait(system, begin + buffer.at - ahead, stop) {
            break;
        }
        let rest = events.get(played.messages..).unwrap_or_default();
        let written = rest.get(..buffer.messages).unwrap_or(rest);
        for event in written {
            sounding.note(&event.message);
        }
        if has_wire {
            wire.carry(written);
        }
        let time = (kind == Kind::DirectMusic).then_some(start + buffer.at);
        pin.write(time, &buffer.bytes)
            .with_context(|| format!("at {:.3} s of the song", seconds(buffer.at)))?;
        played.messages += buffer.messages;
        played.buffers += 1;
        progress(buffer);
    }
    let end = events.last().map_or(0, |event| event.at).max(wire.free());
    played.is_cut = !wait(system, begin + end + tail, stop);
    if played.is_cut {
        played.cut_dump = wire.dump_at(system.now() - begin).map(|dump| dump.bytes);
        silence(&target, &sounding)?;
    }
    if has_wire {
        played.cut_dumps = cut_dumps(pin);
    }
    ks::walk(pin, State::Stop)?;
    Ok(played)
}

/// 100-ns units as seconds, for messages.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "for messages")]
pub fn seconds(time: i64) -> f64 {
    time as f64 / SECOND as f64
}

/// Sleeps until a time of [`System::now`]; whether it was reached without a wish to stop.
fn wait(system: &dyn System, until: i64, stop: &Stop) -> bool {
    while !stop.is_set() {
        let left = until - system.now();
        if left <= 0 {
            return true;
        }
        system.sleep(duration(left.min(NAP)));
    }
    false
}

/// Ends every sound. What was written ahead is dropped first: a note of it would sound after the silence. Then the wire is given the
/// time that the silence takes.
fn silence(target: &Target<'_>, sounding: &Sounding) -> Result<()> {
    let Target {
        system, pin, kind, ..
    } = *target;
    ks::walk(pin, State::Stop)?;
    ks::walk(pin, State::Run)?;
    let events = sounding.silence();
    let buffers = match kind {
        Kind::DirectMusic => schedule::direct_music(&events, 1),
        Kind::Legacy => schedule::legacy(&events),
    };
    for buffer in buffers {
        pin.write(None, &buffer.bytes)?;
    }
    if target.has_wire {
        let mut wire = Wire::default();
        wire.carry(&events);
        system.sleep(duration(wire.free() + OWN_SILENCE));
    }
    Ok(())
}

/// What the driver says of dumps that it could not send whole since the pin was opened. Drivers that do not count are believed.
fn cut_dumps(pin: &dyn Pin) -> u32 {
    let request = Property::get(PROPSETID_UART, CUT_DUMPS).of_node(0);
    let count = ks::object(pin).get_value(request.as_bytes(), "the dumps that were cut");
    count.unwrap_or(0)
}

/// The driver's own property set of an MPU-401's pins.
pub const PROPSETID_UART: Guid = Guid::parse("5e2f0c1a-8a3d-4d0e-9f57-2c60b9a4d711");
/// Its item: how many dumps could not be sent to their ends.
pub const CUT_DUMPS: u32 = 0;
