//! The device nodes, as [`Devices`].

use std::path::Path;

use windows_sys::Win32::System::Power::{GetPwrCapabilities, SYSTEM_POWER_CAPABILITIES};

use super::{install, nodes::DeviceSet, packages, service};
use crate::{
    devices::{Change, Devices, Installed, Node, Removed, SleepStates},
    error::{OsError, win32},
};

/// SetupAPI and the service manager.
#[derive(Clone, Copy, Debug)]
pub(super) struct SetupApi;

impl Devices for SetupApi {
    fn nodes(&self) -> Result<Vec<Node>, OsError> {
        let ours = DeviceSet::all()?.ours()?;
        Ok(ours.into_iter().map(|(_, node)| node).collect())
    }

    fn install(&self, inf: &Path, hardware_id: &str) -> Result<Installed, OsError> {
        install::install(inf, hardware_id)
    }

    fn uninstall(&self) -> Result<Removed, OsError> {
        let mut removed = Removed::default();
        let set = DeviceSet::all()?;
        for (member, node) in set.ours()? {
            let what = node.instance_id.clone();
            removed.restart_required |=
                install::remove(&set, &member).map_err(|error| error.of(&what))?;
            removed.nodes.push(what);
        }
        let image = service::image()?;
        for package in packages::ours() {
            removed.restart_required |= packages::remove(&package)?;
            removed.packages.push(package);
        }
        removed.service = service::remove()?;
        removed.files = packages::sweep(&removed.packages, image.as_deref())?;
        Ok(removed)
    }

    fn change(&self, node: &Node, change: Change) -> Result<bool, OsError> {
        let set = DeviceSet::all()?;
        let ours = set.ours()?;
        let found = ours
            .iter()
            .find(|(_, other)| other.instance_id == node.instance_id);
        let Some((member, _)) = found else {
            return Err(OsError::win32(&node.instance_id, win32::NOT_FOUND));
        };
        install::change(&set, member, change).map_err(|error| error.of(&node.instance_id))
    }

    fn sleep_states(&self) -> Result<SleepStates, OsError> {
        let mut found = SYSTEM_POWER_CAPABILITIES::default();
        // SAFETY: the answer has a place.
        if !unsafe { GetPwrCapabilities(&raw mut found) } {
            return Err(super::last_error("GetPwrCapabilities"));
        }
        Ok(SleepStates {
            s3: found.SystemS3,
            s4: found.SystemS4 && found.HiberFilePresent,
            modern_standby: found.AoAc,
        })
    }

    fn service(&self) -> Result<Option<String>, OsError> {
        service::state()
    }
}
