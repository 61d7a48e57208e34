//! Sets of device nodes, and what they say of their members.

use std::ptr;

use windows_sys::{
    Win32::{
        Devices::DeviceAndDriverInstallation::{
            CM_Get_DevNode_Status, CR_SUCCESS, DICS_FLAG_GLOBAL, DIGCF_ALLCLASSES, DIREG_DRV,
            DN_HAS_PROBLEM, DN_STARTED, HDEVINFO, SP_DEVINFO_DATA, SPDRP_DEVICEDESC,
            SPDRP_FRIENDLYNAME, SPDRP_HARDWAREID, SPDRP_SERVICE, SetupDiDestroyDeviceInfoList,
            SetupDiEnumDeviceInfo, SetupDiGetClassDevsW, SetupDiGetDeviceInstanceIdW,
            SetupDiGetDeviceRegistryPropertyW, SetupDiOpenDevRegKey,
        },
        Foundation::{ERROR_NO_MORE_ITEMS, INVALID_HANDLE_VALUE},
        System::Registry::{HKEY, KEY_READ, RegCloseKey, RegQueryValueExW},
    },
    core::GUID,
};

use super::{
    last_error, packages,
    text::{list, narrow, units, wide},
};
use crate::{Code, devices::Node, error::OsError};

/// A set of device nodes. Dropping it frees it.
#[derive(Debug)]
pub(super) struct DeviceSet(HDEVINFO);

/// An empty description of a member.
pub(super) fn information() -> SP_DEVINFO_DATA {
    SP_DEVINFO_DATA {
        cbSize: size_of::<SP_DEVINFO_DATA>() as u32,
        ..SP_DEVINFO_DATA::default()
    }
}

impl DeviceSet {
    /// The nodes of a class, or of all.
    pub(super) fn new(class: Option<&GUID>, flags: u32) -> Result<Self, OsError> {
        let class = class.map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the class is a GUID or null.
        let set = unsafe { SetupDiGetClassDevsW(class, ptr::null(), ptr::null_mut(), flags) };
        Self::of(set, "SetupDiGetClassDevs")
    }

    /// Every node, those that are not present included.
    pub(super) fn all() -> Result<Self, OsError> {
        Self::new(None, DIGCF_ALLCLASSES)
    }

    /// Takes a set over.
    pub(super) fn of(set: HDEVINFO, operation: &str) -> Result<Self, OsError> {
        if set == INVALID_HANDLE_VALUE as HDEVINFO {
            return Err(last_error(operation));
        }
        Ok(Self(set))
    }

    pub(super) fn raw(&self) -> HDEVINFO {
        self.0
    }

    /// The members.
    pub(super) fn members(&self) -> Result<Vec<SP_DEVINFO_DATA>, OsError> {
        let mut members = Vec::new();
        for index in 0.. {
            let mut member = information();
            // SAFETY: the set is open, the structure has its size.
            if unsafe { SetupDiEnumDeviceInfo(self.0, index, &raw mut member) } == 0 {
                let error = last_error("SetupDiEnumDeviceInfo");
                if error.code == Code::Win32(ERROR_NO_MORE_ITEMS) {
                    break;
                }
                return Err(error);
            }
            members.push(member);
        }
        Ok(members)
    }

    /// The members that are ours, with what they say.
    pub(super) fn ours(&self) -> Result<Vec<(SP_DEVINFO_DATA, Node)>, OsError> {
        self.nodes(Node::is_ours)
    }

    /// The members that are wanted; of those, their ids and their service are known.
    pub(super) fn nodes(
        &self,
        is_wanted: impl Fn(&Node) -> bool,
    ) -> Result<Vec<(SP_DEVINFO_DATA, Node)>, OsError> {
        let mut found = Vec::new();
        for member in self.members()? {
            let ids = self.property(&member, SPDRP_HARDWAREID);
            let mut node = Node {
                hardware_ids: ids.map(|bytes| list(&units(&bytes))).unwrap_or_default(),
                service: self.text(&member, SPDRP_SERVICE),
                instance_id: self.instance_id(&member).unwrap_or_default(),
                ..Node::default()
            };
            if is_wanted(&node) {
                self.complete(&member, &mut node);
                found.push((member, node));
            }
        }
        Ok(found)
    }

    fn complete(&self, member: &SP_DEVINFO_DATA, node: &mut Node) {
        node.description = self
            .text(member, SPDRP_FRIENDLYNAME)
            .or_else(|| self.text(member, SPDRP_DEVICEDESC));
        if let Some(key) = self.driver_key(member) {
            node.inf = key.text("InfPath");
            // Wine keeps no version here.
            node.version = key
                .text("DriverVersion")
                .or_else(|| packages::version(node.inf.as_deref()?));
        }
        let (mut status, mut problem) = (0, 0);
        let answer =
            // SAFETY: both places are ours.
            unsafe { CM_Get_DevNode_Status(&raw mut status, &raw mut problem, member.DevInst, 0) };
        node.is_present = answer == CR_SUCCESS;
        if node.is_present {
            // No flag at all is Wine's way of not saying.
            node.is_started = (status != 0).then_some(status & DN_STARTED != 0);
            if status & DN_HAS_PROBLEM != 0 {
                node.problem = problem;
            }
        }
    }

    /// Names a member.
    pub(super) fn instance_id(&self, member: &SP_DEVINFO_DATA) -> Result<String, OsError> {
        let mut text = [0_u16; 260];
        // SAFETY: the text has the length that is passed.
        let is_fine = unsafe {
            SetupDiGetDeviceInstanceIdW(
                self.0,
                ptr::from_ref(member),
                text.as_mut_ptr(),
                text.len() as u32,
                ptr::null_mut(),
            )
        };
        if is_fine == 0 {
            return Err(last_error("SetupDiGetDeviceInstanceId"));
        }
        Ok(narrow(&text))
    }

    /// A registry property as text.
    pub(super) fn text(&self, member: &SP_DEVINFO_DATA, property: u32) -> Option<String> {
        let bytes = self.property(member, property)?;
        Some(narrow(&units(&bytes)))
    }

    fn property(&self, member: &SP_DEVINFO_DATA, property: u32) -> Option<Vec<u8>> {
        let mut value = vec![0_u8; 4096];
        let mut length = 0;
        // SAFETY: the value has the length that is passed.
        let is_fine = unsafe {
            SetupDiGetDeviceRegistryPropertyW(
                self.0,
                ptr::from_ref(member),
                property,
                ptr::null_mut(),
                value.as_mut_ptr(),
                value.len() as u32,
                &raw mut length,
            )
        };
        value.truncate(length as usize);
        (is_fine != 0).then_some(value)
    }

    fn driver_key(&self, member: &SP_DEVINFO_DATA) -> Option<Key> {
        // SAFETY: the set is open and the member its own.
        let key = unsafe {
            SetupDiOpenDevRegKey(
                self.0,
                ptr::from_ref(member),
                DICS_FLAG_GLOBAL,
                0,
                DIREG_DRV,
                KEY_READ,
            )
        };
        (key != INVALID_HANDLE_VALUE && !key.is_null()).then_some(Key(key))
    }
}

impl Drop for DeviceSet {
    fn drop(&mut self) {
        // SAFETY: the set is ours and open.
        unsafe { SetupDiDestroyDeviceInfoList(self.0) };
    }
}

/// An open registry key. Dropping it closes it.
struct Key(HKEY);

impl Key {
    fn text(&self, name: &str) -> Option<String> {
        let name = wide(name);
        let mut value = [0_u16; 512];
        let mut length = size_of_val(&value) as u32;
        // SAFETY: the value has the length that is passed, the name ends with a zero.
        let code = unsafe {
            RegQueryValueExW(
                self.0,
                name.as_ptr(),
                ptr::null(),
                ptr::null_mut(),
                value.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let text = narrow(&value[..(length as usize / 2).min(value.len())]);
        (code == 0 && !text.is_empty()).then_some(text)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the key is ours and open.
        unsafe { RegCloseKey(self.0) };
    }
}
