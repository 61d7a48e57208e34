//! The stop: `KeBugCheckEx` and what its parameters say.

use std::fmt;

use crate::checkpoint;
use crate::kernel::Kernel;
use crate::violation::Rule;

/// A stop of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BugCheck {
    /// The stop code.
    pub code: u32,
    /// Its four parameters.
    pub parameters: [u64; 4],
    /// The source file of a Rust panic.
    pub file: Option<String>,
    /// What else is known, such as the faulting instruction.
    pub detail: String,
}

impl BugCheck {
    /// Reads a stop's parameters.
    ///
    /// # Safety
    ///
    /// For the code [`RUST_PANIC`] with a plausible length, parameter 0 points to the file name.
    pub(crate) unsafe fn read(code: u32, parameters: [u64; 4]) -> Self {
        let file = (code == RUST_PANIC && (1..4096).contains(&parameters[1])).then(|| {
            let length = usize::try_from(parameters[1]).unwrap_or(0);
            let name = std::ptr::with_exposed_provenance::<u8>(
                usize::try_from(parameters[0]).unwrap_or(0),
            );
            // SAFETY: promised by the caller.
            let bytes = unsafe { std::slice::from_raw_parts(name, length) };
            String::from_utf8_lossy(bytes).into_owned()
        });
        Self {
            code,
            parameters,
            file,
            detail: String::new(),
        }
    }
}

impl fmt::Display for BugCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third, fourth] = self.parameters;
        if let Some(file) = &self.file {
            write!(f, "the driver panicked at {file}:{third}:{fourth}")?;
        } else {
            write!(
                f,
                "bug check {:#010x} ({first:#x}, {second:#x}, {third:#x}, {fourth:#x})",
                self.code
            )?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl Kernel {
    /// How the system stopped, if it did.
    pub fn bug_check(&self) -> Option<BugCheck> {
        self.bugcheck.borrow().clone()
    }

    /// Stops the system: the outermost call into the driver panics with the report.
    pub(crate) fn stop(&self, stop: BugCheck) -> ! {
        eprintln!("simulated kernel: {stop}");
        for record in self.trace().records().iter().rev().take(16).rev() {
            eprintln!("  {:>12} {} {:?}", record.time, record.irql, record.event);
        }
        self.violate(Rule::BugCheck, "KeBugCheckEx", stop.to_string());
        *self.bugcheck.borrow_mut() = Some(stop);
        self.dead.set(true);
        checkpoint::leave()
    }
}

/// The stop code of a Rust panic, "RNPC": the driver's panic handler passes the file name's address
/// and length, the line and the column.
pub const RUST_PANIC: u32 = 0x5250_4E43;
