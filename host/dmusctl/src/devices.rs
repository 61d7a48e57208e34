//! Device nodes: what devcon and devgen do, as far as this driver needs it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::OsError;

/// The service's name.
pub const SERVICE: &str = "dmusmini";
/// The root-enumerated synthesizer.
pub const SYNTH_ID: &str = "ROOT\\dmusmini";
/// The ids that the INF installs.
pub const HARDWARE_IDS: [&str; 3] = [SYNTH_ID, "ACPI\\PNPB006", "*PNPB006"];

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
            Self { problem: 22, .. } => "disabled".to_owned(),
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

    /// Whether it is one of the driver's.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        let service = self.service.as_deref().unwrap_or_default();
        service.eq_ignore_ascii_case(SERVICE) || self.has_id(&HARDWARE_IDS.map(str::to_owned))
    }
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
            hardware_ids: vec!["acpi\\pnpb006".into()],
            ..Node::default()
        };
        assert!(node.is_ours());
        node.hardware_ids = vec!["USB\\VID_1234".into()];
        assert!(!node.is_ours());
        node.service = Some("DMUSMINI".into());
        assert!(node.is_ours());
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
