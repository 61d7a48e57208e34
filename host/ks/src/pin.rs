//! Pins: what opens one, and its states.

use alloc::vec::Vec;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    assert_layout,
    guids::{KSINTERFACESETID_STANDARD, KSMEDIUMSETID_STANDARD},
    property::Property,
};

/// `KSPIN_CONNECT`; a data format follows it.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Connect {
    /// The interface.
    pub interface: Property,
    /// The medium.
    pub medium: Property,
    /// The pin factory.
    pub pin: u32,
    /// Padding.
    pub padding: u32,
    /// A pin to connect to, or zero for a client that reads and writes itself.
    pub pin_to_handle: u64,
    /// `KSPRIORITY.PriorityClass`.
    pub priority_class: u32,
    /// `KSPRIORITY.PrioritySubClass`.
    pub priority_sub_class: u32,
}
assert_layout!(Connect, 72, medium @ 24, pin @ 48, pin_to_handle @ 56, priority_class @ 64,
    priority_sub_class @ 68);

/// `KSPRIORITY_NORMAL`.
pub const PRIORITY_NORMAL: u32 = 0x4000_0000;

impl Connect {
    /// Standard streaming through the standard medium, at normal priority: what MIDI clients ask.
    #[must_use]
    pub const fn standard(pin: u32) -> Self {
        Self {
            interface: Property {
                set: KSINTERFACESETID_STANDARD,
                id: 0,
                flags: 0,
            },
            medium: Property {
                set: KSMEDIUMSETID_STANDARD,
                id: 0,
                flags: 0,
            },
            pin,
            padding: 0,
            pin_to_handle: 0,
            priority_class: PRIORITY_NORMAL,
            priority_sub_class: 1,
        }
    }

    /// The structure and the format after it, as `KsCreatePin` takes them.
    #[must_use]
    pub fn with_format(&self, format: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::from(self.as_bytes());
        bytes.extend_from_slice(format);
        bytes
    }
}

/// The name, relative to a filter, that creates a pin: `KSSTRING_Pin`, a backslash, and the bytes of
/// the connection and its format, two to a character.
///
/// An odd byte at the end is padded with zero, as there are no half characters.
#[must_use]
pub fn create_name(connect: &Connect, format: &[u8]) -> Vec<u16> {
    let mut name: Vec<u16> = PIN_CLASS.encode_utf16().collect();
    name.push(u16::from(b'\\'));
    let bytes = connect.with_format(format);
    name.extend(
        bytes
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])),
    );
    name
}

/// The other way round: the connection and its format's bytes, from a name relative to a filter, with a
/// leading backslash or without. `None` if the name does not create a pin.
#[must_use]
pub fn parse_create_name(name: &[u16]) -> Option<(Connect, Vec<u8>)> {
    let name = name.strip_prefix(&[u16::from(b'\\')]).unwrap_or(name);
    let (class, rest) = name.split_at_checked(PIN_CLASS.len())?;
    let same = class
        .iter()
        .zip(PIN_CLASS.bytes())
        .all(|(unit, byte)| u8::try_from(*unit).is_ok_and(|unit| unit.eq_ignore_ascii_case(&byte)));
    let (first, rest) = rest.split_first()?;
    if !same || *first != u16::from(b'\\') {
        return None;
    }
    let bytes: Vec<u8> = rest.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let (connect, format) = Connect::read_from_prefix(&bytes).ok()?;
    Some((connect, Vec::from(format)))
}

/// `KSSTRING_Pin`.
pub const PIN_CLASS: &str = "{146F1A80-4791-11D0-A5D6-28DB04C10000}";

/// `KSSTATE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum State {
    /// Nothing flows.
    Stop = 0,
    /// Resources are taken.
    Acquire = 1,
    /// Everything is ready.
    Pause = 2,
    /// Data flows.
    Run = 3,
}

impl State {
    /// Every state, from the lowest.
    pub const ALL: [Self; 4] = [Self::Stop, Self::Acquire, Self::Pause, Self::Run];

    /// The state with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u32 == number)
    }

    /// The states on the way to `to`, one at a time, `to` the last; nothing if this is it.
    pub fn way_to(self, to: Self) -> impl Iterator<Item = Self> {
        let up = Self::ALL
            .into_iter()
            .filter(move |state| *state > self && *state <= to);
        let down = Self::ALL
            .into_iter()
            .rev()
            .filter(move |state| *state < self && *state >= to);
        up.chain(down)
    }
}

/// `KSPIN_DATAFLOW`.
pub mod flow {
    /// The client writes.
    pub const IN: u32 = 1;
    /// The client reads.
    pub const OUT: u32 = 2;
}

/// `KSPIN_COMMUNICATION`.
pub mod communication {
    /// Cannot be opened.
    pub const NONE: u32 = 0;
    /// Takes requests.
    pub const SINK: u32 = 1;
    /// Makes requests.
    pub const SOURCE: u32 = 2;
    /// Either.
    pub const BOTH: u32 = 3;
    /// Ends at the device.
    pub const BRIDGE: u32 = 4;
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::{
        format::{DataFormat, WaveDataFormat},
        guids::KSDATAFORMAT_SUBTYPE_MIDI,
    };
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn a_name_and_back() {
        let connect = Connect::standard(2);
        let midi = DataFormat::music(KSDATAFORMAT_SUBTYPE_MIDI);
        let name = create_name(&connect, midi.as_bytes());
        assert_eq!(name.len(), 38 + 1 + 36 + 32);
        let (read, format) = parse_create_name(&name).unwrap();
        assert_eq!((read, format.as_slice()), (connect, midi.as_bytes()));
        let wave = WaveDataFormat::pcm16(48_000, 2);
        let mut name = create_name(&connect, wave.as_bytes());
        name.insert(0, u16::from(b'\\'));
        assert_eq!(parse_create_name(&name).unwrap().1, wave.as_bytes());
    }

    #[test]
    fn names_of_something_else() {
        let connect = Connect::standard(0);
        let name = create_name(&connect, &[]);
        assert_eq!(name.len(), 38 + 1 + 36);
        assert_eq!(parse_create_name(&name[..name.len() - 1]), None);
        assert_eq!(parse_create_name(&name[..38]), None);
        assert_eq!(parse_create_name(&[]), None);
        let mut other = name;
        other[3] = u16::from(b'9');
        assert_eq!(parse_create_name(&other), None);
    }

    #[test]
    fn states_are_walked_one_at_a_time() {
        use State::{Acquire, Pause, Run, Stop};
        let way = |from: State, to| from.way_to(to).collect::<Vec<_>>();
        assert_eq!(way(Stop, Run), [Acquire, Pause, Run]);
        assert_eq!(way(Run, Stop), [Pause, Acquire, Stop]);
        assert_eq!(way(Pause, Pause), []);
        assert_eq!(State::from_number(3), Some(Run));
        assert_eq!(State::from_number(4), None);
    }

    proptest! {
        #[test]
        fn any_name_is_parsed_or_refused(name: Vec<u16>, format: Vec<u8>, pin: u32) {
            let _ = parse_create_name(&name);
            let connect = Connect::standard(pin);
            let (read, bytes) = parse_create_name(&create_name(&connect, &format)).unwrap();
            prop_assert_eq!(read, connect);
            prop_assert_eq!(&bytes[..format.len()], &format[..]);
            prop_assert_eq!(bytes.len(), format.len().next_multiple_of(2));
        }
    }
}
