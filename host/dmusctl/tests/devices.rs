//! The commands for device nodes, on a system whose nodes do as a test wants.

use std::{cell::RefCell, path::Path, time::Duration};

use clap::Parser as _;
use dmusctl::{
    Filter, OsError, System,
    arguments::Arguments,
    commands,
    devices::{Change, DISABLED, Devices, Installed, Node, Removed, SERVICE, SleepStates},
    error::{exit_code, message},
    output::{Output, Report},
    stop::Stop,
};

/// A machine with nodes.
#[derive(Default)]
struct Machine {
    nodes: RefCell<Vec<Node>>,
    /// Somebody has the devices open: a change has to wait for a restart of the machine.
    is_busy: bool,
    /// The problem of a node that is to start.
    problem: u32,
    /// The code that everything that changes something is refused with.
    refusal: Option<u32>,
    /// Filters that appear.
    filters: Vec<String>,
}

const ID: &str = r"ROOT\MEDIA\0000";

/// A machine with one node, which runs.
fn running() -> Machine {
    let node = Node {
        instance_id: ID.into(),
        service: Some(SERVICE.into()),
        is_present: true,
        is_started: Some(true),
        ..Node::default()
    };
    Machine {
        nodes: RefCell::new(vec![node]),
        filters: vec![r"\\?\root#media#0000#{}\dmusic".into()],
        ..Machine::default()
    }
}

impl Machine {
    fn run(&self, words: &[&str]) -> anyhow::Result<Report> {
        let words = ["dmusctl"].iter().chain(words);
        let command = Arguments::parse_from(words).command;
        commands::run(&command, self, Output { json: true }, &Stop::default())
    }

    fn allowed(&self) -> Result<(), OsError> {
        match self.refusal {
            Some(code) => Err(OsError::win32("removing the device node", code)),
            None => Ok(()),
        }
    }
}

impl Devices for Machine {
    fn nodes(&self) -> Result<Vec<Node>, OsError> {
        Ok(self.nodes.borrow().clone())
    }

    fn install(&self, _: &Path, _: &str) -> Result<Installed, OsError> {
        self.allowed()?;
        Ok(Installed {
            created: Vec::new(),
            found: vec![ID.into()],
            restart_required: self.is_busy,
        })
    }

    fn uninstall(&self) -> Result<Removed, OsError> {
        self.allowed()?;
        Ok(Removed {
            nodes: vec![ID.into()],
            restart_required: self.is_busy,
            ..Removed::default()
        })
    }

    fn change(&self, node: &Node, change: Change) -> Result<bool, OsError> {
        self.allowed()?;
        let mut nodes = self.nodes.borrow_mut();
        let node = nodes
            .iter_mut()
            .find(|it| it.instance_id == node.instance_id);
        if let Some(node) = node
            && !self.is_busy
        {
            node.problem = match change {
                Change::Disable => DISABLED,
                Change::Enable | Change::Restart => self.problem,
            };
            node.is_started = Some(node.problem == 0);
        }
        Ok(self.is_busy)
    }

    fn sleep_states(&self) -> Result<SleepStates, OsError> {
        Ok(SleepStates::default())
    }

    fn service(&self) -> Result<Option<String>, OsError> {
        Ok(Some("running".into()))
    }
}

impl System for Machine {
    fn filters(&self) -> Result<Vec<String>, OsError> {
        Ok(self.filters.clone())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Filter>, OsError> {
        Err(OsError::win32(path, 2))
    }

    fn now(&self) -> i64 {
        0
    }

    fn sleep(&self, _: Duration) {}

    fn shares_time(&self) -> bool {
        true
    }

    fn devices(&self) -> Option<&dyn Devices> {
        Some(self)
    }
}

#[test]
fn a_device_is_disabled_and_enabled() {
    let system = running();
    for (verb, done, status) in [
        ("disable", "disabled", 1),
        ("enable", "enabled", 0),
        ("restart", "restarted", 0),
    ] {
        let report = system.run(&[verb]).unwrap();
        assert_eq!(
            (report.exit_code, report.text.as_str()),
            (0, &*format!("{done} {ID}"))
        );
        assert_eq!(report.json[done][0], ID);
        assert_eq!(system.run(&["status"]).unwrap().exit_code, status, "{verb}");
    }
}

#[test]
fn a_device_that_somebody_has_open_is_not_said_to_be_disabled() {
    let system = Machine {
        is_busy: true,
        ..running()
    };
    let report = system.run(&["disable"]).unwrap();
    let text = format!("{ID} is not disabled: started\nrestart the machine to finish");
    assert_eq!((report.exit_code, report.text), (1, text));
    assert_eq!(report.json["failed"][0], ID);
    assert_eq!(report.json["restart_required"], true);
}

#[test]
fn a_driver_that_does_not_start_is_not_said_to_be_enabled() {
    let system = Machine {
        problem: 10,
        ..running()
    };
    system.run(&["disable"]).unwrap();
    let report = system.run(&["enable"]).unwrap();
    let text = format!("{ID} is not enabled: problem 10");
    assert_eq!((report.exit_code, report.text), (1, text));
}

#[test]
fn who_may_not_is_told_what_to_do() {
    let inf = tempfile::NamedTempFile::new().unwrap();
    let inf = inf.path().to_str().unwrap();
    for code in [5, 740] {
        let system = Machine {
            refusal: Some(code),
            ..running()
        };
        for words in [&["disable"][..], &["uninstall"], &["install", "--inf", inf]] {
            let error = system.run(words).unwrap_err();
            let text = message(&error);
            assert!(
                text.starts_with("run this in an elevated command prompt: removing")
                    && text.ends_with(&format!("(error {code})")),
                "{text}"
            );
            assert_eq!(exit_code(&error), 2);
        }
    }
    let system = Machine {
        refusal: Some(1),
        ..running()
    };
    let error = system.run(&["disable"]).unwrap_err();
    assert!(message(&error).starts_with("removing"), "{error:#}");
}

#[test]
fn what_needs_a_restart_says_so() {
    let inf = tempfile::NamedTempFile::new().unwrap();
    let inf = inf.path().to_str().unwrap();
    for is_busy in [false, true] {
        let system = Machine {
            is_busy,
            ..running()
        };
        for words in [&["uninstall"][..], &["install", "--inf", inf]] {
            let report = system.run(words).unwrap();
            let says_so = report.text.contains("restart the machine to finish");
            assert_eq!((report.exit_code, says_so), (0, is_busy), "{}", report.text);
        }
    }
}
