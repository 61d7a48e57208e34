//! What `ntoskrnl.exe` and `hal.dll` export to the driver.
//!
//! Each function exists once, with the Windows x64 calling convention and under its own name, so
//! that a natively built driver links to it; the loader binds the `.sys` to the same functions
//! through [`ntoskrnl`] and [`hal`].

use crate::inside::Border;
use crate::irql::Irql;
use crate::kernel::{self, Kernel};

pub mod host;
#[cfg(all(target_os = "linux", not(miri)))]
pub mod image;
pub mod io;
pub mod pool;
pub mod process;
pub mod rundown;
pub mod runtime;
pub mod sync;
pub mod time;
pub mod timer;
pub mod trace;

/// A function that an image may import.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// The name in the import table.
    pub name: &'static str,
    /// The function.
    pub address: *const (),
}

/// Everything that the simulated `ntoskrnl.exe` exports.
#[must_use]
pub fn ntoskrnl() -> Vec<Export> {
    let mut exports = all();
    exports.retain(|export| !HAL.contains(&export.name));
    exports
}

/// Everything that the simulated `hal.dll` exports.
#[must_use]
pub fn hal() -> Vec<Export> {
    let mut exports = all();
    exports.retain(|export| HAL.contains(&export.name));
    exports
}

/// What is documented to be in `hal.dll`, and nowhere promised to be in `ntoskrnl.exe`.
const HAL: [&str; 2] = ["KeQueryPerformanceCounter", "KeStallExecutionProcessor"];

fn all() -> Vec<Export> {
    [
        io::exports(),
        pool::exports(),
        process::exports(),
        rundown::exports(),
        runtime::exports(),
        sync::exports(),
        time::exports(),
        timer::exports(),
        trace::exports(),
    ]
    .concat()
}

/// Runs an import's work: as host code, booked, its level checked, disturbed where wanted.
pub fn call<R>(name: &'static str, max: Irql, work: impl FnOnce(&Kernel) -> R) -> R {
    let _border = Border::cross(false);
    let kernel = kernel::current();
    kernel.on_import(name, max);
    work(&kernel)
}

/// Defines imports: `[level] fn Name(arguments) -> result as |kernel| { work }`.
///
/// The level is the highest that the documentation allows. The functions come with a list of them
/// for the loader, `exports()`.
macro_rules! imports {
    ($(
        $(#[$meta:meta])*
        [$max:expr] fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? as |$kernel:ident| $work:block
    )*) => {
        $(
            $(#[$meta])*
            ///
            /// # Safety
            ///
            /// As Microsoft documents the function of this name.
            #[cfg_attr(not(target_env = "msvc"), unsafe(no_mangle))]
            pub unsafe extern "win64" fn $name($($arg: $ty),*) $(-> $ret)? {
                $crate::imports::call(stringify!($name), $max, |$kernel: &$crate::kernel::Kernel| $work)
            }
        )*

        /// The functions of this module, for the loader.
        pub fn exports() -> Vec<$crate::imports::Export> {
            vec![$($crate::imports::Export {
                name: stringify!($name),
                address: $name as *const (),
            }),*]
        }
    };
}
pub(crate) use imports;
