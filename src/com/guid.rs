//! Globally unique identifiers and a parser for their text form that runs at compile time.

use core::fmt;

/// A GUID in its Windows layout: 16 bytes, alignment 4 (abi section 1).
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Guid {
    /// First eight hexadecimal digits.
    pub data1: u32,
    /// Digits 9 to 12.
    pub data2: u16,
    /// Digits 13 to 16.
    pub data3: u16,
    /// The last sixteen digits.
    pub data4: [u8; 8],
}

const _: () = assert!(size_of::<Guid>() == 16 && align_of::<Guid>() == 4);

impl Guid {
    /// Parses `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`; meant for constants.
    ///
    /// # Panics
    ///
    /// At compile time, when the text is not of that form.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        clippy::panic,
        reason = "evaluated at compile time only"
    )]
    pub const fn parse(text: &str) -> Self {
        let text = text.as_bytes();
        assert!(text.len() == 36, "a GUID has 36 characters");
        let mut value: u128 = 0;
        let mut index = 0;
        while index < 36 {
            let byte = text[index];
            if matches!(index, 8 | 13 | 18 | 23) {
                assert!(
                    byte == b'-',
                    "a GUID has dashes after digits 8, 12, 16 and 20"
                );
            } else {
                let digit = match byte {
                    b'0'..=b'9' => byte - b'0',
                    b'a'..=b'f' => byte - b'a' + 10,
                    b'A'..=b'F' => byte - b'A' + 10,
                    _ => panic!("a GUID has hexadecimal digits"),
                };
                value = value << 4 | digit as u128;
            }
            index += 1;
        }
        Self::from_u128(value)
    }

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
            tail & 0xffff_ffff_ffff
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
    use super::*;
    use std::string::ToString;

    #[test]
    fn text_and_value_agree() {
        const TEXT: &str = "c096df9e-fb09-11d1-81b0-0060083316c1";
        let guid = Guid::parse(TEXT);
        assert_eq!(guid.data1, 0xc096_df9e);
        assert_eq!(guid.data2, 0xfb09);
        assert_eq!(guid.data3, 0x11d1);
        assert_eq!(guid.data4, [0x81, 0xb0, 0, 0x60, 8, 0x33, 0x16, 0xc1]);
        assert_eq!(guid.to_string(), TEXT);
    }
}
