//! Globally unique identifiers.

use core::{fmt, str::FromStr};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A GUID in its Windows layout.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct Guid {
    data1: u32,
    data2: u16,
    data3: u16,
    data4: [u8; 8],
}
crate::assert_layout!(Guid, 16, data2 @ 4, data3 @ 6, data4 @ 8);

/// A text that is no GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoGuid;

impl fmt::Display for NoGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a GUID: 32 hexadecimal digits with dashes after 8, 12, 16 and 20")
    }
}

impl core::error::Error for NoGuid {}

impl Guid {
    /// No GUID, which as a format is a wildcard.
    pub const NULL: Self = Self::from_u128(0);

    /// The GUID whose 32 digits are those of `value`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each cast takes the bits it names"
    )]
    pub const fn from_u128(value: u128) -> Self {
        Self {
            data1: (value >> 96) as u32,
            data2: (value >> 80) as u16,
            data3: (value >> 64) as u16,
            data4: (value as u64).to_be_bytes(),
        }
    }

    /// Parses a constant.
    ///
    /// # Panics
    ///
    /// At compile time, when the text is no GUID.
    #[must_use]
    pub const fn parse(text: &str) -> Self {
        match Self::try_parse(text.as_bytes()) {
            Some(guid) => guid,
            None => panic!("not a GUID"),
        }
    }

    const fn try_parse(text: &[u8]) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        let mut value: u128 = 0;
        let mut index = 0;
        while index < 36 {
            let byte = text[index];
            if matches!(index, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return None;
                }
            } else {
                let digit = match byte {
                    b'0'..=b'9' => byte - b'0',
                    b'a'..=b'f' => byte - b'a' + 10,
                    b'A'..=b'F' => byte - b'A' + 10,
                    _ => return None,
                };
                value = value << 4 | digit as u128;
            }
            index += 1;
        }
        Some(Self::from_u128(value))
    }

    /// The four parts as Windows' own structure has them.
    #[must_use]
    pub const fn parts(self) -> (u32, u16, u16, [u8; 8]) {
        (self.data1, self.data2, self.data3, self.data4)
    }

    /// The GUID with these parts.
    #[must_use]
    pub const fn from_parts(data1: u32, data2: u16, data3: u16, data4: [u8; 8]) -> Self {
        Self {
            data1,
            data2,
            data3,
            data4,
        }
    }
}

/// With braces or without.
impl FromStr for Guid {
    type Err = NoGuid;

    fn from_str(text: &str) -> Result<Self, NoGuid> {
        let inner = text
            .strip_prefix('{')
            .map_or(Some(text), |rest| rest.strip_suffix('}'));
        inner
            .and_then(|inner| Self::try_parse(inner.as_bytes()))
            .ok_or(NoGuid)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = u64::from_be_bytes(self.data4);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            self.data1,
            self.data2,
            self.data3,
            tail >> 48,
            tail & 0xFFFF_FFFF_FFFF
        )
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use proptest::prelude::*;
    use std::string::ToString as _;

    proptest! {
        #[test]
        fn text_and_back(value: u128) {
            let guid = Guid::from_u128(value);
            let text = guid.to_string();
            prop_assert_eq!(text.parse::<Guid>(), Ok(guid));
            prop_assert_eq!(std::format!("{{{text}}}").to_uppercase().parse::<Guid>(), Ok(guid));
            let (a, b, c, d) = guid.parts();
            prop_assert_eq!(Guid::from_parts(a, b, c, d), guid);
        }
    }

    #[test]
    fn bytes_are_windows_own_order() {
        let guid = Guid::parse("00112233-4455-6677-8899-aabbccddeeff");
        let expected = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD,
            0xEE, 0xFF,
        ];
        assert_eq!(guid.as_bytes(), expected);
    }

    #[test]
    fn what_is_no_guid() {
        for text in [
            "",
            "{",
            "{}",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeefg",
            "00112233+4455-6677-8899-aabbccddeeff",
            "{00112233-4455-6677-8899-aabbccddeeff",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(NoGuid), "{text}");
        }
    }
}
