//! The events, each declared once: name, level and fields, and with them its ETW schema.
#![forbid(unsafe_code)]

use core::fmt;

use crate::com::{Guid, Status};

/// The ETW provider's GUID.
pub static PROVIDER: Guid = Guid::parse("ce4d8d67-9e5b-4cd5-8f7e-3b6f2a1d9c40");

/// The ETW provider's name.
pub const PROVIDER_NAME: &str = "dmusmini";

/// How much an event matters, with ETW's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Level {
    /// Something the driver was asked for did not happen.
    Error = 2,
    /// Something was lost or corrected.
    Warning = 3,
    /// Something changed.
    Info = 4,
}

/// One field of an event as the sinks see it: its name, and the bits of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in the schema.
    pub name: &'static str,
    /// How to read the bits.
    pub kind: FieldKind,
    /// The bits.
    pub bits: u32,
}

/// What a field's 32 bits are; the discriminants are TraceLogging's input types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FieldKind {
    /// A signed number.
    Signed = 7,
    /// A count, a number, a code.
    Unsigned = 8,
    /// 0 or 1.
    Bool = 13,
    /// Bits, shown in hexadecimal: statuses.
    Hex = 20,
}

/// The most fields an event has.
pub const MAX_FIELDS: usize = 3;

macro_rules! kind {
    (i32) => {
        FieldKind::Signed
    };
    (u32) => {
        FieldKind::Unsigned
    };
    (bool) => {
        FieldKind::Bool
    };
    (Status) => {
        FieldKind::Hex
    };
}

/// [`FieldKind`] as text, so that `concat!` can build a schema.
macro_rules! letters {
    (i32) => {
        "\x07"
    };
    (u32) => {
        "\x08"
    };
    (bool) => {
        "\x0d"
    };
    (Status) => {
        "\x14"
    };
}

/// The bits of a field's value.
trait Bits {
    fn bits(self) -> u32;
    fn from_bits(bits: u32) -> Self;
}

impl Bits for u32 {
    fn bits(self) -> u32 {
        self
    }

    fn from_bits(bits: u32) -> Self {
        bits
    }
}

impl Bits for i32 {
    fn bits(self) -> u32 {
        self.cast_unsigned()
    }

    fn from_bits(bits: u32) -> Self {
        bits.cast_signed()
    }
}

impl Bits for bool {
    fn bits(self) -> u32 {
        u32::from(self)
    }

    fn from_bits(bits: u32) -> Self {
        bits != 0
    }
}

impl Bits for Status {
    fn bits(self) -> u32 {
        self.to_bits()
    }

    fn from_bits(bits: u32) -> Self {
        Self::from_bits(bits)
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $code:literal $level:ident $name:ident
        $({ $($(#[$field_doc:meta])* $field:ident: $type:ident),+ $(,)? })?;)*) => {
        /// A fact.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $name $({ $($(#[$field_doc])* $field: $type),+ })?,)*
        }

        impl Event {
            /// Every event's number, name and level.
            pub const ALL: &'static [(u16, &'static str, Level)] =
                &[$(($code, stringify!($name), Level::$level)),*];

            /// The event's number, which is also its ETW event id.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self {
                    $(Self::$name $({ $($field: _),+ })? => $code,)*
                }
            }

            /// The event's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name $({ $($field: _),+ })? => stringify!($name),)*
                }
            }

            /// How much it matters.
            #[must_use]
            pub const fn level(self) -> Level {
                match self {
                    $(Self::$name $({ $($field: _),+ })? => Level::$level,)*
                }
            }

            /// The fields, in order.
            #[must_use]
            #[expect(clippy::allow_attributes, reason = "an event may have no fields")]
            pub fn fields(self) -> [Option<Field>; MAX_FIELDS] {
                match self {
                    $(Self::$name $({ $($field),+ })? => {
                        #[allow(unused_mut, reason = "an event may have no fields")]
                        let mut list = [None; MAX_FIELDS];
                        $(
                            let mut places = list.iter_mut();
                            $(if let Some(place) = places.next() {
                                *place = Some(Field {
                                    name: stringify!($field),
                                    kind: kind!($type),
                                    bits: Bits::bits($field),
                                });
                            })+
                        )?
                        list
                    })*
                }
            }

            /// The event with this number and these field values, as a ring or a trace file
            /// holds it; nothing for an unknown number.
            #[must_use]
            pub fn decode(code: u16, bits: [u32; MAX_FIELDS]) -> Option<Self> {
                let mut values = bits.into_iter();
                Some(match code {
                    $($code => Self::$name $({
                        $($field: <$type as Bits>::from_bits(values.next()?)),+
                    })?,)*
                    _ => return None,
                })
            }

            /// The TraceLogging schema: size, no tags, then the names with their types.
            #[must_use]
            pub fn schema(self) -> &'static [u8] {
                match self {
                    $(Self::$name $({ $($field: _),+ })? => {
                        const TEXT: &str = concat!(
                            stringify!($name), "\0" $($(, stringify!($field), "\0", letters!($type))+)?
                        );
                        const BLOB: [u8; TEXT.len() + 3] = schema_of(TEXT);
                        &BLOB
                    })*
                }
            }
        }
    };
}

/// Puts the size and the (empty) tags before a schema's names.
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time only"
)]
const fn schema_of<const N: usize>(text: &str) -> [u8; N] {
    let text = text.as_bytes();
    let mut blob = [0; N];
    let size = (N as u16).to_le_bytes();
    blob[0] = size[0];
    blob[1] = size[1];
    let mut index = 0;
    while index < text.len() {
        blob[index + 3] = text[index];
        index += 1;
    }
    blob
}

/// The provider's traits: size and name.
#[expect(clippy::disallowed_methods, reason = "evaluated at compile time only")]
pub(super) static PROVIDER_TRAITS: [u8; PROVIDER_NAME.len() + 3] = {
    // A schema without tags is size, 0, name; the traits have no 0 there, but one at the end.
    let shifted: [u8; PROVIDER_NAME.len() + 3] = schema_of(PROVIDER_NAME);
    let mut traits = [0; PROVIDER_NAME.len() + 3];
    traits
        .split_at_mut(2)
        .0
        .copy_from_slice(shifted.split_at(2).0);
    traits
        .split_at_mut(2)
        .1
        .split_at_mut(PROVIDER_NAME.len())
        .0
        .copy_from_slice(shifted.split_at(3).1);
    traits
};

events! {
    /// The driver was loaded.
    1 Info DriverStarted;
    /// The driver is about to be unloaded.
    2 Info DriverStopped;
    /// The device was pulled out.
    3 Warning SurpriseRemoved;
    /// The device entered a power state.
    4 Info PowerChanged {
        /// 1 is D0, 4 is D3.
        state: i32,
    };
    /// A registry value was out of its range.
    5 Warning SettingClamped {
        /// Which: the number of the row in inf section 7, from 0.
        setting: u32,
        /// What the registry said.
        found: u32,
        /// What is used instead.
        used: u32,
    };
    /// A subdevice's miniport could not take its resources.
    10 Error InitFailed {
        /// Why.
        status: Status,
    };
    /// A pin was opened.
    11 Info StreamOpened {
        /// The pin.
        pin: u32,
    };
    /// A pin was not opened.
    12 Warning StreamRefused {
        /// The pin.
        pin: u32,
        /// Why.
        status: Status,
    };
    /// A pin was closed.
    13 Info StreamClosed {
        /// The pin.
        pin: u32,
    };
    /// The MPU-401 acknowledged nothing, and was taken all the same, as the registry asks.
    19 Warning UartAssumed;
    /// The MPU-401 is in UART mode.
    20 Info UartOpened {
        /// Whether it acknowledged the change of mode; some chips do not.
        acknowledged: bool,
    };
    /// The MPU-401 does not answer.
    21 Error UartFailed;
    /// The MPU-401 took no byte for too long; what waited was dropped.
    22 Error DeviceBusy;
    /// Received bytes found no room.
    23 Warning CaptureOverrun {
        /// How many were lost since the last such event.
        lost: u32,
    };
    /// The MPU-401 says "data ready" without an end and is being ignored until it stops.
    24 Error DeviceStuck;
    /// The MPU-401's interrupt does not end: it was disconnected, and the chip is polled.
    25 Error InterruptStorm {
        /// For how many seconds of quiet at least.
        rest: u32,
    };
    /// The line has come to rest: the MPU-401's interrupt was connected again.
    26 Info InterruptRestored;
    /// The MPU-401's interrupt does not come, though bytes do: the chip is polled.
    27 Warning InterruptMissing;
    /// The MPU-401's interrupt, which was missing, has come: the chip is polled no longer.
    28 Info InterruptFound;
    /// A SysEx could not be sent to its end: its stream was stopped, it stalled while another waited,
    /// or the chip or its power failed.
    29 Warning SysExCut {
        /// The pin.
        pin: u32,
        /// How many bytes of it were sent.
        bytes: u32,
        /// How many the pin's stream has cut since it was opened.
        count: u32,
    };
    /// A download was taken.
    30 Info DownloadInstalled {
        /// Its handle.
        handle: u32,
        /// Its size in bytes.
        size: u32,
    };
    /// A download was not understood.
    31 Warning DownloadRejected {
        /// The number of the fault in `dls::Fault`.
        fault: u32,
        /// The byte it was found at.
        offset: u32,
    };
    /// A download was refused, or could not be read from the client's memory.
    32 Warning DownloadFailed {
        /// Why.
        status: Status,
        /// Its size in bytes.
        size: u32,
    };
    /// A download was taken away.
    33 Info DownloadUnloaded {
        /// Its handle.
        handle: u32,
    };
    /// Events found a stream's queue full, or nobody to play them.
    34 Warning EventsLost {
        /// How many since the last such event.
        count: u32,
    };
    /// A SysEx was too long or cut short.
    35 Warning SysExDropped {
        /// How many bytes of it had come.
        bytes: u32,
    };
    /// The sample clock was started.
    36 Info ClockStarted {
        /// Frames a second.
        rate: u32,
    };
    /// The sample clock was found far from the sink's and set to it at once.
    37 Warning ClockStepped {
        /// By how many microseconds.
        microseconds: i32,
    };
    /// A client asked for an item in a way that it is not offered.
    38 Warning PropertyRefused {
        /// The item's number in its set.
        item: u32,
        /// The verb.
        verb: u32,
        /// What the client was told.
        status: Status,
    };
    /// Notes find no instrument; once for each kind of them.
    45 Warning NoInstrument {
        /// The channel, from 0; those of the second channel group follow from 16 on.
        channel: u32,
        /// The bank: CC0 times 128 and CC32.
        bank: u32,
        /// The program, from 0.
        program: u32,
    };
    /// Notes of a rhythm part find no kit; once for each kind of them.
    46 Warning NoKit {
        /// The channel, from 0; those of the second channel group follow from 16 on.
        channel: u32,
        /// The bank: CC0 times 128 and CC32.
        bank: u32,
        /// The program, from 0.
        program: u32,
    };
    /// Notes find an instrument or a kit that has no region for their key and velocity; once for
    /// each patch.
    47 Warning NoRegion {
        /// The channel, from 0; those of the second channel group follow from 16 on.
        channel: u32,
        /// The bank that was asked for: CC0 times 128 and CC32.
        bank: u32,
        /// The program that was asked for, from 0.
        program: u32,
    };
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        for field in self.fields().into_iter().flatten() {
            write!(f, " {}=", field.name)?;
            match field.kind {
                FieldKind::Signed => write!(f, "{}", field.bits.cast_signed())?,
                FieldKind::Bool => write!(f, "{}", field.bits != 0)?,
                FieldKind::Unsigned => write!(f, "{}", field.bits)?,
                FieldKind::Hex => write!(f, "{:?}", Status::from_bits(field.bits))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::string::ToString;

    #[test]
    fn numbers_are_unique() {
        let codes: BTreeSet<u16> = Event::ALL.iter().map(|&(code, ..)| code).collect();
        assert_eq!(codes.len(), Event::ALL.len());
    }

    #[test]
    fn a_schema_is_what_tracelogging_reads() {
        let event = Event::StreamRefused {
            pin: 1,
            status: Status::NO_MEMORY,
        };
        let expected = b"\x24\x00\x00StreamRefused\0pin\0\x08status\0\x14";
        let mut expected = expected.to_vec();
        expected[0] = u8::try_from(expected.len()).unwrap();
        assert_eq!(event.schema(), expected);
        assert_eq!(PROVIDER_TRAITS, *b"\x0b\x00dmusmini\0");
    }

    #[test]
    fn every_event_survives_encoding() {
        for &(code, name, level) in Event::ALL {
            let event = Event::decode(code, [1, 2, 3]).unwrap();
            assert_eq!(
                (event.code(), event.name(), event.level()),
                (code, name, level)
            );
            let mut bits = [0; MAX_FIELDS];
            for (place, field) in bits.iter_mut().zip(event.fields()) {
                *place = field.map_or(0, |field| field.bits);
            }
            assert_eq!(Event::decode(code, bits), Some(event));
        }
        assert_eq!(Event::decode(0, [0; MAX_FIELDS]), None);
    }

    #[test]
    fn text_names_fields() {
        let event = Event::StreamRefused {
            pin: 2,
            status: Status::INVALID_PARAMETER,
        };
        assert_eq!(
            event.to_string(),
            "StreamRefused pin=2 status=STATUS_INVALID_PARAMETER"
        );
    }
}
