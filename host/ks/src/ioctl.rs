//! Control codes of kernel streaming.

/// Sends a `KSPROPERTY`.
pub const PROPERTY: u32 = code(0, ANY_ACCESS);
/// Asks for an event.
pub const ENABLE_EVENT: u32 = code(1, ANY_ACCESS);
/// Gives an event up.
pub const DISABLE_EVENT: u32 = code(2, ANY_ACCESS);
/// Sends a `KSMETHOD`.
pub const METHOD: u32 = code(3, ANY_ACCESS);
/// Writes `KSSTREAM_HEADER`s.
pub const WRITE_STREAM: u32 = code(4, WRITE_ACCESS);
/// Reads into `KSSTREAM_HEADER`s.
pub const READ_STREAM: u32 = code(5, READ_ACCESS);
/// Gives pending streams back.
pub const RESET_STATE: u32 = code(6, ANY_ACCESS);

/// `FILE_DEVICE_KS`.
const DEVICE: u32 = 0x2F;
const METHOD_NEITHER: u32 = 3;
const ANY_ACCESS: u32 = 0;
const READ_ACCESS: u32 = 1;
const WRITE_ACCESS: u32 = 2;

/// `CTL_CODE`.
const fn code(function: u32, access: u32) -> u32 {
    DEVICE << 16 | access << 14 | function << 2 | METHOD_NEITHER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_header() {
        // As a C compiler gives them for the public header's macros.
        assert_eq!(PROPERTY, 0x002F_0003);
        assert_eq!(METHOD, 0x002F_000F);
        assert_eq!(WRITE_STREAM, 0x002F_8013);
        assert_eq!(READ_STREAM, 0x002F_4017);
        assert_eq!(RESET_STATE, 0x002F_001B);
    }
}
