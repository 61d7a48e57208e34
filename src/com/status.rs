//! NTSTATUS values, and the one table that maps the pure modules' errors to them.

use core::fmt;

use crate::dls::{DownloadError, Fault};
use crate::mem::OutOfMemory;
use crate::synth::{InstallError, OutOfRange, UnknownHandle};

/// An NTSTATUS.
///
/// Success-class codes (`STATUS_PENDING`, `STATUS_NOT_ALL_ASSIGNED`) are not negative and count as
/// success; `STATUS_BUFFER_OVERFLOW` is a warning and does not (abi section 7).
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub i32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self::from_bits($value);)*

            /// The symbolic name, for codes the driver itself can return.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// Done.
    SUCCESS = 0;
    /// Will be completed later.
    PENDING = 0x0000_0103;
    /// Done, but not everything that was asked for was granted.
    NOT_ALL_ASSIGNED = 0x0000_0106;
    /// A size query: the needed size was returned.
    BUFFER_OVERFLOW = 0x8000_0005;
    /// The unspecific failure.
    UNSUCCESSFUL = 0xC000_0001;
    /// Not offered; the port's default applies.
    NOT_IMPLEMENTED = 0xC000_0002;
    /// A user address could not be read or written.
    ACCESS_VIOLATION = 0xC000_0005;
    /// A handle of no use.
    INVALID_HANDLE = 0xC000_0008;
    /// An argument out of its range.
    INVALID_PARAMETER = 0xC000_000D;
    /// Not a request for this target.
    INVALID_DEVICE_REQUEST = 0xC000_0010;
    /// No memory for a download.
    NO_MEMORY = 0xC000_0017;
    /// The buffer holds less than the item.
    BUFFER_TOO_SMALL = 0xC000_0023;
    /// A registry value or key that is not there.
    OBJECT_NAME_NOT_FOUND = 0xC000_0034;
    /// No pool memory.
    INSUFFICIENT_RESOURCES = 0xC000_009A;
    /// The item is not supported for this client.
    NOT_SUPPORTED = 0xC000_00BB;
    /// The resource list does not fit the device.
    DEVICE_CONFIGURATION_ERROR = 0xC000_0182;
    /// The device is not in the state that the call needs.
    INVALID_DEVICE_STATE = 0xC000_0184;
    /// The device does not answer.
    IO_DEVICE_ERROR = 0xC000_0185;
    /// Something referred to is not there.
    NOT_FOUND = 0xC000_0225;
    /// No common data range.
    NO_MATCH = 0xC000_0272;
    /// The device has been removed.
    DEVICE_REMOVED = 0xC000_02B6;
}

impl Status {
    /// The status with these 32 bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits.cast_signed())
    }

    /// The 32 bits of the code.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0.cast_unsigned()
    }

    /// `NT_SUCCESS`.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 >= 0
    }

    /// The code as a result: every success-class code is `Ok`.
    ///
    /// # Errors
    ///
    /// The status itself, when it is not a success.
    pub const fn ok(self) -> Result<(), Self> {
        if self.is_success() { Ok(()) } else { Err(self) }
    }
}

impl From<Result<(), Self>> for Status {
    fn from(result: Result<(), Self>) -> Self {
        match result {
            Ok(()) => Self::SUCCESS,
            Err(status) => status,
        }
    }
}

impl From<OutOfMemory> for Status {
    fn from(_: OutOfMemory) -> Self {
        Self::INSUFFICIENT_RESOURCES
    }
}

/// Contract section 11: what is malformed is the client's mistake, whatever it is.
impl From<DownloadError> for Status {
    fn from(error: DownloadError) -> Self {
        match error.fault {
            Fault::OutOfMemory => Self::NO_MEMORY,
            _ => Self::INVALID_PARAMETER,
        }
    }
}

impl From<InstallError> for Status {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::OverQuota | InstallError::NoSlot => Self::NO_MEMORY,
            InstallError::MissingWave => Self::NOT_FOUND,
        }
    }
}

impl From<UnknownHandle> for Status {
    fn from(_: UnknownHandle) -> Self {
        Self::INVALID_PARAMETER
    }
}

impl From<OutOfRange> for Status {
    fn from(_: OutOfRange) -> Self {
        Self::INVALID_PARAMETER
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "STATUS_{name}"),
            None => write!(f, "NTSTATUS {:#010X}", self.to_bits()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_follows_the_sign() {
        assert!(Status::SUCCESS.is_success());
        assert!(Status::PENDING.is_success());
        assert!(Status::NOT_ALL_ASSIGNED.is_success());
        assert!(!Status::BUFFER_OVERFLOW.is_success());
        assert!(!Status::UNSUCCESSFUL.is_success());
    }

    #[test]
    fn errors_map_to_their_status() {
        assert_eq!(Status::from(OutOfMemory), Status::INSUFFICIENT_RESOURCES);
        let download = |fault| Status::from(DownloadError { fault, offset: 0 });
        assert_eq!(download(Fault::OutOfMemory), Status::NO_MEMORY);
        assert_eq!(download(Fault::UnknownType), Status::INVALID_PARAMETER);
        assert_eq!(download(Fault::Cycle), Status::INVALID_PARAMETER);
        assert_eq!(Status::from(InstallError::OverQuota), Status::NO_MEMORY);
        assert_eq!(Status::from(InstallError::NoSlot), Status::NO_MEMORY);
        assert_eq!(Status::from(InstallError::MissingWave), Status::NOT_FOUND);
        assert_eq!(Status::from(UnknownHandle), Status::INVALID_PARAMETER);
        assert_eq!(Status::from(OutOfRange), Status::INVALID_PARAMETER);
        assert_eq!(Status::from(Err(Status::NO_MATCH)), Status::NO_MATCH);
        assert_eq!(Status::from(Ok(())), Status::SUCCESS);
    }
}
