//! The NTSTATUS values that the simulated kernel hands out.

/// An NTSTATUS as it crosses the interface.
pub type NtStatus = i32;

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: NtStatus = u32::cast_signed($value);)*
    };
}

statuses! {
    /// Done.
    SUCCESS = 0x0000_0000;
    /// A wait ran out of time.
    TIMEOUT = 0x0000_0102;
    /// A value did not fit; the size is reported.
    BUFFER_OVERFLOW = 0x8000_0005;
    /// Not carried out, no closer reason.
    UNSUCCESSFUL = 0xC000_0001;
    /// There is no such function here.
    NOT_IMPLEMENTED = 0xC000_0002;
    /// An address is not there or not allowed.
    ACCESS_VIOLATION = 0xC000_0005;
    /// A handle does not name anything.
    INVALID_HANDLE = 0xC000_0008;
    /// An argument makes no sense.
    INVALID_PARAMETER = 0xC000_000D;
    /// An instruction does not exist.
    ILLEGAL_INSTRUCTION = 0xC000_001D;
    /// The buffer cannot hold the fixed part of the answer.
    BUFFER_TOO_SMALL = 0xC000_0023;
    /// No object has that name.
    OBJECT_NAME_NOT_FOUND = 0xC000_0034;
    /// An integer was divided by zero.
    INTEGER_DIVIDE_BY_ZERO = 0xC000_0094;
    /// An instruction needs a privilege that is not there.
    PRIVILEGED_INSTRUCTION = 0xC000_0096;
    /// The pool has no room.
    INSUFFICIENT_RESOURCES = 0xC000_009A;
}
