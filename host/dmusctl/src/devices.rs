//! Device nodes: what devcon and devgen do, as far as this driver needs it.

use std::{
    path::{Path, PathBuf},
    slice,
};

use serde::Serialize;

use crate::error::OsError;

/// The service's name.
pub const SERVICE: &str = "dmusmini";
/// The root-enumerated synthesizer.
pub const SYNTH_ID: &str = "ROOT\\dmusmini";
/// The ids that the INF installs.
pub const HARDWARE_IDS: [&str; 3] = [SYNTH_ID, "ACPI\\PNPB006", "*PNPB006"];

/// The problem code of a node that somebody disabled.
pub const DISABLED: u32 = 22;

/// The sleep states that a machine has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SleepStates {
    /// Standby.
    pub s3: bool,
    /// Hibernation, and it is switched on.
    pub s4: bool,
    /// S0 low power idle.
    pub modern_standby: bool,
}

impl SleepStates {
    /// Their names.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        [
            (self.s3, "S3"),
            (self.s4, "S4"),
            (self.modern_standby, "modern standby"),
        ]
        .into_iter()
        .filter_map(|(is_there, name)| is_there.then_some(name))
        .collect()
    }
}

/// One device node of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Names the node.
    pub instance_id: String,
    /// Hardware ids.
    pub hardware_ids: Vec<String>,
    /// What Device Manager calls it.
    pub description: Option<String>,
    /// The service that is installed on it.
    pub service: Option<String>,
    /// The installed INF, `oemNN.inf`.
    pub inf: Option<String>,
    /// The installed version.
    pub version: Option<String>,
    /// Whether it is there now.
    pub is_present: bool,
    /// Whether its driver has started; `None` where the system does not say.
    pub is_started: Option<bool>,
    /// Device Manager's problem code, 0 for none.
    pub problem: u32,
}

impl Node {
    /// One word for how it is.
    #[must_use]
    pub fn condition(&self) -> String {
        match self {
            Self {
                is_present: false, ..
            } => "not present".to_owned(),
            Self {
                problem: DISABLED, ..
            } => "disabled".to_owned(),
            Self { problem: 1.., .. } => format!("problem {}", self.problem),
            Self {
                is_started: Some(true),
                ..
            } => "started".to_owned(),
            Self {
                is_started: Some(false),
                ..
            } => "not started".to_owned(),
            Self {
                is_started: None, ..
            } => "present".to_owned(),
        }
    }

    /// Whether one of its ids is one of these; hardware ids have no case.
    #[must_use]
    pub fn has_id(&self, ids: &[String]) -> bool {
        self.hardware_ids
            .iter()
            .any(|own| ids.iter().any(|id| own.eq_ignore_ascii_case(id)))
    }

    /// Whether it is one of the driver's: it runs it, or nothing but this driver can have made it. An
    /// MPU-401 that another driver runs, as Windows' own does, is not.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        let service = self.service.as_deref().unwrap_or_default();
        if !service.is_empty() {
            return service.eq_ignore_ascii_case(SERVICE);
        }
        let is_made = self.instance_id.to_ascii_uppercase().starts_with("ROOT\\");
        is_made && self.has_id(&HARDWARE_IDS.map(str::to_owned))
    }

    /// Whether it runs, or is disabled because somebody wants it so.
    #[must_use]
    pub fn is_well(&self) -> bool {
        match self.problem {
            0 => self.is_started != Some(false),
            problem => problem == DISABLED,
        }
    }
}

/// The ids to install by default: the synthesizer's, and one of each other node that has to follow to
/// another version, since all of them share the service.
#[must_use]
pub fn installed_ids(nodes: &[Node]) -> Vec<String> {
    let driven = nodes
        .iter()
        .filter(|node| node.is_present && node.service.is_some());
    let mut ids = vec![SYNTH_ID.to_owned()];
    for node in driven {
        let own = HARDWARE_IDS.map(str::to_owned);
        let first = own.into_iter().find(|id| node.has_id(slice::from_ref(id)));
        ids.extend(first.filter(|id| !ids.contains(id)));
    }
    ids
}

/// What became of an installation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// Nodes that were made.
    pub created: Vec<String>,
    /// Nodes that were there.
    pub found: Vec<String>,
    /// The system wants to be restarted.
    pub restart_required: bool,
}

/// What became of a removal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Nodes.
    pub nodes: Vec<String>,
    /// Packages, `oemNN.inf`.
    pub packages: Vec<String>,
    /// Whether there was a service to delete.
    pub service: bool,
    /// Files that the system forgot when it removed the packages.
    pub files: Vec<String>,
    /// The system wants to be restarted.
    pub restart_required: bool,
}

/// What is to be done with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Stop and keep stopped.
    Disable,
    /// Start again.
    Enable,
    /// Stop and start.
    Restart,
}

impl Change {
    /// Whether a node is as this change leaves one.
    #[must_use]
    pub fn is_done(self, node: &Node) -> bool {
        match self {
            Self::Disable => node.problem == DISABLED,
            Self::Enable | Self::Restart => {
                node.is_present && node.problem == 0 && node.is_started != Some(false)
            }
        }
    }

    /// Whether it is done, or has failed for good: a driver that does not start leaves a problem.
    #[must_use]
    pub fn has_settled(self, node: &Node) -> bool {
        let has_failed = self != Self::Disable && !matches!(node.problem, 0 | DISABLED);
        self.is_done(node) || has_failed
    }
}

/// The system's device nodes.
pub trait Devices {
    /// Every node that is ours, those that are not present included.
    fn nodes(&self) -> Result<Vec<Node>, OsError>;

    /// Makes a root-enumerated node with this id unless there is a node with it, and installs `inf` on
    /// every node with it.
    fn install(&self, inf: &Path, hardware_id: &str) -> Result<Installed, OsError>;

    /// Removes our nodes, our packages and our service.
    fn uninstall(&self) -> Result<Removed, OsError>;

    /// Changes a node; whether the system wants to be restarted.
    fn change(&self, node: &Node, change: Change) -> Result<bool, OsError>;

    /// The sleep states that this machine has.
    fn sleep_states(&self) -> Result<SleepStates, OsError>;

    /// The service's state in words, `None` if there is none.
    fn service(&self) -> Result<Option<String>, OsError>;
}

/// Where the INF of the package is: beside the program, or one folder up.
#[must_use]
pub fn find_inf(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    [Some(folder), folder.parent()]
        .into_iter()
        .flatten()
        .map(|folder| folder.join("dmusmini.inf"))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let node = |is_present, is_started, problem| Node {
            is_present,
            is_started,
            problem,
            ..Node::default()
        };
        assert_eq!(node(false, None, 0).condition(), "not present");
        assert_eq!(node(true, Some(true), 0).condition(), "started");
        assert_eq!(node(true, Some(false), 0).condition(), "not started");
        assert_eq!(node(true, Some(false), 22).condition(), "disabled");
        assert_eq!(node(true, Some(false), 10).condition(), "problem 10");
        assert_eq!(node(true, None, 0).condition(), "present");
    }

    #[test]
    fn nodes_are_ours_by_service_or_id() {
        let mut node = Node {
            instance_id: "Root\\MEDIA\\0000".into(),
            hardware_ids: vec!["*pnpb006".into()],
            ..Node::default()
        };
        assert!(node.is_ours(), "made, and its installation failed");
        node.instance_id = "ACPI\\PNPB006\\0".into();
        assert!(!node.is_ours(), "the firmware's, without a driver");
        node.service = Some("DMUSMINI".into());
        assert!(node.is_ours());
        node.service = Some("MSMPU401".into());
        assert!(!node.is_ours(), "another driver's");
        node.instance_id = "ROOT\\MEDIA\\0000".into();
        assert!(!node.is_ours(), "another driver's");
        node.service = None;
        node.hardware_ids = vec!["USB\\VID_1234".into()];
        assert!(!node.is_ours());
    }

    #[test]
    fn a_node_is_well_if_it_runs_or_need_not() {
        let well = |is_started, problem| {
            let node = Node {
                is_started,
                problem,
                ..Node::default()
            };
            node.is_well()
        };
        assert!(well(Some(true), 0) && well(None, 0) && well(Some(false), DISABLED));
        assert!(!well(Some(false), 0) && !well(Some(false), 10) && !well(None, 52));
    }

    #[test]
    fn devices_that_are_driven_already_are_installed_too() {
        let uart = Node {
            hardware_ids: vec!["ACPI\\pnpb006".into(), "*PNPB006".into()],
            service: Some(SERVICE.into()),
            is_present: true,
            ..Node::default()
        };
        assert_eq!(installed_ids(&[]), [SYNTH_ID]);
        assert_eq!(
            installed_ids(&[uart.clone(), uart.clone()]),
            [SYNTH_ID, "ACPI\\PNPB006"]
        );
        let gone = Node {
            is_present: false,
            ..uart
        };
        assert_eq!(installed_ids(&[gone]), [SYNTH_ID]);
    }

    #[test]
    fn sleep_states_have_names() {
        let some = SleepStates {
            s4: true,
            modern_standby: true,
            ..SleepStates::default()
        };
        assert_eq!(some.names(), ["S4", "modern standby"]);
    }

    #[test]
    fn the_inf_is_beside_the_program_or_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let tools = folder.path().join("tools");
        std::fs::create_dir(&tools).unwrap();
        let program = tools.join("dmusctl.exe");
        assert_eq!(find_inf(&program), None);
        let above = folder.path().join("dmusmini.inf");
        std::fs::write(&above, "").unwrap();
        assert_eq!(find_inf(&program), Some(above));
        let beside = tools.join("dmusmini.inf");
        std::fs::write(&beside, "").unwrap();
        assert_eq!(find_inf(&program), Some(beside));
    }
}
