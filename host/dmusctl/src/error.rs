//! What goes wrong, with the system's own code.

use std::fmt;

use serde_json::{Value, json};

/// A code of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A Win32 error.
    Win32(u32),
    /// An NTSTATUS.
    Status(u32),
}

/// The Win32 codes that a client acts on.
pub mod win32 {
    /// There is no such file.
    pub const FILE_NOT_FOUND: u32 = 2;
    /// Not allowed.
    pub const ACCESS_DENIED: u32 = 5;
    /// The function is not there: a property or verb that the filter does not have.
    pub const INVALID_FUNCTION: u32 = 1;
    /// The device is not ready.
    pub const NOT_READY: u32 = 21;
    /// A device does not work as it should: what STATUS_UNSUCCESSFUL becomes.
    pub const GEN_FAILURE: u32 = 31;
    /// Another process has it open.
    pub const SHARING_VIOLATION: u32 = 32;
    /// The function is not supported.
    pub const NOT_SUPPORTED: u32 = 50;
    /// There is no more room than this.
    pub const INSUFFICIENT_BUFFER: u32 = 122;
    /// It is in use.
    pub const BUSY: u32 = 170;
    /// There is more than fits.
    pub const MORE_DATA: u32 = 234;
    /// A wait took too long.
    pub const WAIT_TIMEOUT: u32 = 258;
    /// Not allowed without an administrator's rights.
    pub const ELEVATION_REQUIRED: u32 = 740;
    /// The request was taken back.
    pub const OPERATION_ABORTED: u32 = 995;
    /// There is no such thing.
    pub const NOT_FOUND: u32 = 1168;
    /// The property set is not there.
    pub const SET_NOT_FOUND: u32 = 1170;
    /// The call exists on another system.
    pub const CALL_NOT_IMPLEMENTED: u32 = 120;
}

impl Code {
    /// Whether it says that a buffer was too small.
    #[must_use]
    pub fn asks_for_room(self) -> bool {
        matches!(
            self,
            Self::Win32(win32::MORE_DATA | win32::INSUFFICIENT_BUFFER)
                | Self::Status(0x8000_0005 | 0xC000_0023)
        )
    }

    /// Whether it says that somebody else has the pin. The number of a pin's clients is limited by PortCls, which has no code of
    /// its own for that.
    #[must_use]
    pub fn is_busy(self) -> bool {
        matches!(
            self,
            Self::Win32(
                win32::NOT_READY | win32::GEN_FAILURE | win32::SHARING_VIOLATION | win32::BUSY
            ) | Self::Status(0x8000_0011 | 0xC000_0001 | 0xC000_0043 | 0xC000_00A3)
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Win32(code) => write!(f, "error {code}"),
            Self::Status(status) => write!(f, "status {status:#010x}"),
        }
    }
}

/// A refusal of the system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {text} ({code})")]
pub struct OsError {
    /// What was asked.
    pub operation: String,
    /// The system's code.
    pub code: Code,
    /// The system's words for it.
    pub text: String,
    /// Bytes that would have been enough, where the system said so.
    pub needed: Option<usize>,
}

impl OsError {
    /// A refusal with a Win32 code, in the system's words.
    #[must_use]
    pub fn win32(operation: impl Into<String>, code: u32) -> Self {
        Self {
            operation: operation.into(),
            code: Code::Win32(code),
            text: match code {
                // Wine's SetupAPI refuses what it does not know without a code.
                0 => "refused without a reason".to_owned(),
                code => text_of(code),
            },
            needed: None,
        }
    }

    /// The same refusal, of a larger operation.
    #[must_use]
    pub fn of(mut self, operation: impl fmt::Display) -> Self {
        self.operation = format!("{operation}: {}", self.operation);
        self
    }
}

/// What the system says of a Win32 code, without its full stop.
#[cfg(windows)]
fn text_of(code: u32) -> String {
    let text = std::io::Error::from_raw_os_error(code.cast_signed()).to_string();
    let words = text.split(" (os error").next().unwrap_or_default();
    words.trim().trim_end_matches('.').to_owned()
}

/// Other systems have other words for other numbers.
#[cfg(not(windows))]
fn text_of(code: u32) -> String {
    match code {
        win32::FILE_NOT_FOUND => "the system cannot find the file".to_owned(),
        win32::ACCESS_DENIED => "access is denied".to_owned(),
        win32::CALL_NOT_IMPLEMENTED => "only Windows has this".to_owned(),
        win32::WAIT_TIMEOUT => "the wait took too long".to_owned(),
        _ => "Windows refused".to_owned(),
    }
}

/// Why a command ends without having done its work; decides the exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something that must be there is not: exit code 2.
    #[error("{0}")]
    Precondition(String),
    /// What was tested is not as it should be: exit code 1.
    #[error("{0}")]
    Failed(String),
}

/// The exit code for an error: 2 for a precondition that is not met, 1 for all else.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Precondition(_)) => 2,
        _ => 1,
    }
}

/// An error with its causes. A cause that the text names already is not named twice.
#[must_use]
pub fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        if text.is_empty() {
            text = words;
        } else if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
    }
    text
}

/// An error for programs.
#[must_use]
pub fn to_json(error: &anyhow::Error) -> Value {
    let mut object = json!({ "message": message(error), "exit_code": exit_code(error) });
    let cause = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<OsError>());
    if let Some(cause) = cause {
        object["operation"] = json!(cause.operation);
        object["text"] = json!(cause.text);
        match cause.code {
            Code::Win32(code) => object["win32"] = json!(code),
            Code::Status(status) => object["ntstatus"] = json!(format!("{status:#010x}")),
        }
    }
    json!({ "error": object })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn a_refusal_without_a_code_does_not_read_as_a_success() {
        let error = OsError::win32("disabling the device", 0);
        assert_eq!(
            error.to_string(),
            "disabling the device: refused without a reason (error 0)"
        );
    }

    #[test]
    fn errors_carry_their_code_through_contexts() {
        let os = OsError::win32("opening X", win32::FILE_NOT_FOUND);
        let error = anyhow::Error::from(os).context("while playing");
        assert_eq!(exit_code(&error), 1);
        let json = to_json(&error);
        assert_eq!(json["error"]["win32"], 2);
        assert_eq!(json["error"]["operation"], "opening X");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with("while playing: opening X: "),
            "{message}"
        );
        assert!(message.ends_with("(error 2)"), "{message}");
    }

    #[test]
    fn a_cause_is_named_once() {
        let io = std::io::Error::other("gone");
        let error = anyhow::Error::from(io)
            .context("song.mid: gone")
            .context("while playing");
        assert_eq!(message(&error), "while playing: song.mid: gone");
    }

    #[test]
    fn a_precondition_is_exit_code_2() {
        let none: Option<()> = None;
        let error = none
            .context(Failure::Precondition("no device".into()))
            .unwrap_err();
        assert_eq!(exit_code(&error), 2);
        assert_eq!(to_json(&error)["error"]["exit_code"], 2);
    }

    #[test]
    fn statuses_are_hexadecimal() {
        let error = OsError {
            operation: "KsCreatePin".into(),
            code: Code::Status(0xC000_0272),
            text: "no match".into(),
            needed: None,
        };
        assert_eq!(
            error.to_string(),
            "KsCreatePin: no match (status 0xc0000272)"
        );
        assert!(!error.code.asks_for_room() && !error.code.is_busy());
        assert!(Code::Status(0x8000_0005).asks_for_room());
        assert!(Code::Win32(win32::MORE_DATA).asks_for_room());
    }
}
