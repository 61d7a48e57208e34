//! `portcls.sys` for Wine.
//!
//! Wine has its own kernel interface: a loader, an I/O manager, PnP, a registry, user-mode handles.
//! It has no PortCls and no hardware. This DLL brings both from the simulator's sources: it is what
//! the unmodified `dmusmini.sys` imports, and Wine loads it into the process that hosts drivers.
//!
//! | module | what it does |
//! |---|---|
//! | `attach` | `DllMain`: binds the driver's imports before `DriverEntry` runs |
//! | `privileged` | carries out what user mode refuses: `in`, `out`, CR8 |
//! | `worker` | the one thread that the simulated machine lives on |
//! | `system` | the machine, its devices, and the handles that are open on them |
//! | `entry` | what Wine calls: AddDevice, dispatch routines, DriverUnload |
//! | `pnp` | PnP requests, to the driver and then down |
//! | `manager` | the PnP requests that Wine never sends |
//! | `client_memory` | memory of the program that asks |
//! | `wire` | what the simulated chip sends |
//! | `interfaces` | device interfaces with reference strings, which Wine 8 cannot enable |
//! | `registry` | what Wine's registry says of a device |
//! | `reads` | requests that wait for data |
//! | `request` | IRPs of Wine's |
//! | `nt` | functions of Wine's `ntoskrnl.exe` |
//! | `log` | what happened, for the transcript |
//!
//! Every kernel import of the driver is bound to the simulated kernel, the exception machinery
//! excepted, which is Wine's own. So time is virtual: it moves with what clients write and read.
#![cfg(all(windows, target_env = "gnu"))]

mod attach;
mod client_memory;
mod entry;
mod interfaces;
mod log;
mod manager;
mod nt;
mod pnp;
mod privileged;
mod reads;
mod registry;
mod request;
mod system;
mod wire;
mod worker;
