//! A whole system in a few calls: boot a machine with the driver, plug devices in, open pins, play.
//!
//! ```no_run
//! use dmusmini_simulator::session::{Binary, Hardware, Session};
//!
//! let session = Session::boot(&Binary::Native)?;
//! let synth = session.install(&Hardware::synth())?;
//! let filter = synth.filter("DMusic").expect("the synthesizer's filter");
//! // open pins, play …
//! drop(filter);
//! let report = session.shut_down();
//! assert!(report.is_clean(), "{report}");
//! # Ok::<(), dmusmini_simulator::session::SessionError>(())
//! ```

mod hardware;
pub mod hosted;
mod plugged;
mod report;
mod synth_player;
mod uart_player;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dmusmini::com::Status;
use dmusmini::kernel::nt::pnp;

use crate::inside;
use crate::kernel::{Kernel, Options};
use crate::loader::{Image, LoadError, Module};
use crate::machine::Machine;
use crate::portcls::{self, PortCls, Settings};

pub use crate::portcls::bare::BareStream;
pub use crate::portcls::capture::{Captured, CapturedEvent};
pub use crate::portcls::client::{Filter, Pin};
pub use crate::portcls::client_buffer::{DirectMusicBuffer, MusicBuffer};
pub use crate::portcls::format::{Format, WaveFormat};
pub use crate::portcls::ks::memory::UserMemory;
pub use crate::portcls::ks::{ClientMemory, IoReply, ReadId, ReadStream};
pub use crate::portcls::property::{Client, Property, Reply};
pub use crate::portcls::registry::Value;
pub use crate::portcls::render::RenderStats;
pub use crate::portcls::resources::Resources;
pub use crate::portcls::wave::{WaveClient, WaveOptions};
pub use hardware::{ChipAt, Hardware};
pub use plugged::Device;
pub use report::Report;
pub use synth_player::SynthPlayer;
pub use uart_player::UartPlayer;

/// Which build of the driver runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binary {
    /// The cross-built image, unmodified.
    Sys(PathBuf),
    /// The same sources, linked into this program.
    Native,
}

impl Binary {
    /// Where `cargo xtask sys` puts the image, under a workspace.
    #[must_use]
    pub fn built_in(workspace: &Path) -> Self {
        Self::Sys(workspace.join("target/sys/amd64/dmusmini.sys"))
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sys(path) => write!(f, "{}", path.display()),
            Self::Native => f.write_str("the native build"),
        }
    }
}

/// One message of a song.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedMessage {
    /// When it is due, in 100 ns from the beginning of the song.
    pub at: i64,
    /// The channel group, 1-based; 0 is every group.
    pub group: u16,
    /// One whole MIDI message.
    pub bytes: Vec<u8>,
}

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The image cannot be read.
    #[error("{}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// The image cannot be loaded.
    #[error("{}: {cause}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// The loader's reason.
        cause: LoadError,
    },
    /// The driver, or PortCls on its behalf, refused.
    #[error("{what} failed: {status:?}")]
    Refused {
        /// The call.
        what: &'static str,
        /// Its status.
        status: Status,
    },
    /// The filter or pin that the call needs is not there.
    #[error("the driver has no {0}")]
    Missing(&'static str),
}

impl SessionError {
    pub(crate) fn check(what: &'static str, status: Status) -> Result<(), Self> {
        if status.is_success() {
            Ok(())
        } else {
            Err(Self::Refused { what, status })
        }
    }
}

/// A running machine with the driver loaded.
#[derive(Debug)]
pub struct Session {
    devices: RefCell<Vec<Device>>,
    system: Rc<PortCls>,
    image: Option<Image>,
    machine: Option<Machine>,
    previous: Option<Rc<PortCls>>,
    /// Released last: the next session may begin.
    turn: Option<MutexGuard<'static, ()>>,
}

/// The native build is one driver with one set of statics: it is loaded once at a time, as on any
/// system. Sessions of other threads wait.
static NATIVE_TURN: Mutex<()> = Mutex::new(());

thread_local! {
    static HAS_TURN: Cell<bool> = const { Cell::new(false) };
}

fn take_turn() -> MutexGuard<'static, ()> {
    assert!(
        !HAS_TURN.replace(true),
        "the native build is loaded on this thread already"
    );
    NATIVE_TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// Powers a machine on and loads the driver.
    ///
    /// # Errors
    ///
    /// The image cannot be loaded, or `DriverEntry` fails.
    pub fn boot(driver: &Binary) -> Result<Self, SessionError> {
        Self::boot_with(driver, Options::default())
    }

    /// Powers a machine with these options on and loads the driver.
    ///
    /// # Errors
    ///
    /// The image cannot be loaded, or `DriverEntry` fails.
    pub fn boot_with(driver: &Binary, options: Options) -> Result<Self, SessionError> {
        let turn = (*driver == Binary::Native).then(take_turn);
        let machine = Machine::with_options(options);
        let system = PortCls::new();
        let previous = portcls::install(Some(Rc::clone(&system)));
        let mut session = Self {
            devices: RefCell::default(),
            system,
            image: None,
            machine: Some(machine),
            previous,
            turn,
        };
        if let Err(error) = session.load(driver) {
            // What a driver that never ran left undone is no news.
            let _ = session.end();
            return Err(error);
        }
        Ok(session)
    }

    fn load(&mut self, driver: &Binary) -> Result<(), SessionError> {
        let status = match driver {
            Binary::Native => self.system.load(&|driver, path| {
                // SAFETY: the arguments are what the system passes, and outlive the call.
                inside::enter_driver("DriverEntry", || unsafe {
                    dmusmini::driver::driver_entry(driver, path)
                })
            }),
            Binary::Sys(path) => {
                let image = self.map(path)?;
                let image = self.image.insert(image);
                self.system.load(&|driver, path| {
                    // SAFETY: the arguments are what the system passes, and outlive the image.
                    Status(unsafe { image.call_entry(driver.cast(), path.cast()) })
                })
            }
        };
        SessionError::check("DriverEntry", status)
    }

    fn map(&self, path: &Path) -> Result<Image, SessionError> {
        let bytes = std::fs::read(path).map_err(|cause| SessionError::Read {
            path: path.to_owned(),
            cause,
        })?;
        let modules = [
            Module::ntoskrnl(),
            Module::hal(),
            Module {
                name: "portcls.sys",
                exports: portcls::exports::exports(),
            },
        ];
        Image::load(&self.kernel().kernel(), &bytes, &modules).map_err(|cause| SessionError::Load {
            path: path.to_owned(),
            cause,
        })
    }

    /// The machine: its clock, pool, interrupts, and the switches of its faults.
    ///
    /// # Panics
    ///
    /// Never while the session is in use.
    #[must_use]
    pub fn machine(&self) -> &Kernel {
        self.kernel()
    }

    fn kernel(&self) -> &Machine {
        self.machine
            .as_ref()
            .expect("the machine goes with the session")
    }

    /// What may differ from one PortCls to the next; read when a pin is opened.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.system.settings
    }

    /// The master clock's time now, in 100 ns.
    #[must_use]
    pub fn master_time(&self) -> i64 {
        self.system.clock.now()
    }

    /// Puts the master clock `offset` (100 ns) ahead of the machine's time.
    pub fn set_master_offset(&self, offset: i64) {
        self.system.clock.offset.set(offset);
    }

    /// Makes `IMasterClock::GetTime` fail, or work again.
    pub fn break_master_clock(&self, broken: bool) {
        self.system.clock.broken.set(broken);
    }

    /// The `n`-th COM object that PortCls makes from now (0 is the next) cannot be made.
    pub fn fail_portcls_object(&self, n: u64) {
        self.system.ledger.fail_nth(n);
    }

    /// No such failure any more; whether one was still to come.
    pub fn fail_no_portcls_object(&self) -> bool {
        self.system.ledger.fail_none()
    }

    /// PortCls objects of a kind (`"IPortDMus"`, `"IAllocatorMXF"` …) that are alive.
    #[must_use]
    pub fn portcls_objects(&self, kind: &str) -> usize {
        self.system.ledger.alive(kind)
    }

    /// Plugs a device in: AddDevice and START_DEVICE.
    ///
    /// # Errors
    ///
    /// The driver's status; the device is removed again then.
    pub fn install(&self, hardware: &Hardware) -> Result<Device, SessionError> {
        let device = self.add(hardware)?;
        let status = device.start();
        if !status.is_success() {
            device.remove();
        }
        SessionError::check("StartDevice", status)?;
        Ok(device)
    }

    /// Plugs a device in without starting it: AddDevice only.
    ///
    /// # Errors
    ///
    /// The driver's status.
    pub fn add(&self, hardware: &Hardware) -> Result<Device, SessionError> {
        let device = Device::add(&self.system, self.kernel(), hardware)?;
        self.devices.borrow_mut().push(device.clone());
        Ok(device)
    }

    /// Ends everything: devices are removed, the driver is unloaded, the machine is powered off.
    #[must_use]
    pub fn shut_down(mut self) -> Report {
        self.end()
    }

    fn end(&mut self) -> Report {
        let Some(machine) = self.machine.take() else {
            return Report::default();
        };
        let mut report = Report {
            time: machine.now(),
            ..Report::default()
        };
        if machine.bug_check().is_none() {
            for device in self.devices.take() {
                device.end();
            }
            if let Some(driver) = self.system.driver() {
                driver.unload();
            }
            if !self.system.unload_seen.get() {
                report.note("DriverUnload did not call PortCls' own routine");
            }
            self.system.look_for_leftovers();
            report.pool = machine.pool().counters();
        }
        report.violations = machine.power_off();
        self.image = None;
        portcls::install(self.previous.take());
        if self.turn.take().is_some() {
            HAS_TURN.set(false);
        }
        report
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let report = self.end();
        // A scenario that already fails keeps its own message.
        if !std::thread::panicking() {
            assert!(report.is_clean(), "{report}");
        }
    }
}

/// A PnP request by its minor function.
pub(crate) const START: u8 = pnp::START_DEVICE;
