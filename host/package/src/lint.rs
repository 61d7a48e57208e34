//! The rules of a "Windows Driver" INF (inf sections 2 and 3), and agreement with the driver.
//!
//! There is no InfVerif outside Windows. These rules catch what it is known to catch, and what it
//! cannot know: that names and GUIDs are those of the binary. Each [`Rule`] has a test with an INF
//! that breaks it.

mod reach;
mod rules;

use std::fmt;

use clap::ValueEnum;
use time::Date;

use crate::inf::Inf;

/// What an INF is checked against.
#[derive(Clone, Debug)]
pub struct Package<'a> {
    /// The files of the package beside the INF.
    pub files: &'a [&'a str],
    /// Today: DriverVer must not lie in the future.
    pub today: Date,
}

/// A rule, by the name that a finding shows. `ValueEnum` lists them all for the test that breaks each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Rule {
    /// Signature, class, provider, catalog and lock-down of `[Version]`.
    Version,
    /// DriverVer is a date that is past and four numbers.
    DriverVer,
    /// Lines end in CR LF: with bare LF, stampinf and the installation refuse or misread an INF.
    LineEnd,
    /// Every section that is referred to exists.
    MissingSection,
    /// Every section is referred to (InfVerif's warning 2083).
    UnusedSection,
    /// Every token has a string.
    MissingString,
    /// Every string has a token.
    UnusedString,
    /// No string is defined twice.
    DuplicateString,
    /// Models are decorated with architecture and build, and with nothing that is forbidden.
    Decoration,
    /// The MPU-401 is offered on x64 only, the synthesizer everywhere, and only the agreed hardware ids are claimed.
    HardwareId,
    /// No section that a universal INF must not have.
    ForbiddenSection,
    /// No directive that a universal INF must not have.
    ForbiddenDirective,
    /// AddReg writes under HKR only.
    AddRegRoot,
    /// Everything is copied to the driver store.
    Destination,
    /// Files that are copied are listed and present; files that are listed are copied, by each device.
    Files,
    /// Each device has a service: a demand-started kernel driver in the driver store.
    Service,
    /// Each device includes what it needs from the system's INFs.
    Include,
    /// Reference strings, categories and the proxy's class are the driver's.
    Interface,
    /// Each interface has a class and a name in the registry.
    InterfaceRegistry,
    /// The device has a type and a security descriptor.
    Hardware,
    /// Windows' own MIDI clients find the device, and it does not fall asleep by itself.
    Registry,
    /// Settings are those that the driver reads, all of them, with values that it takes.
    Setting,
    /// GUIDs in `[Strings]` are the driver's constants.
    DriverGuid,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The line in the INF, from 1.
    pub line: usize,
    /// The rule.
    pub rule: Rule,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {:?}: {}", self.line, self.rule, self.message)
    }
}

/// Everything that is wrong with an INF, in the order of its lines.
#[must_use]
pub fn lint(inf: &Inf, package: &Package<'_>) -> Vec<Finding> {
    let mut report = Report::default();
    if let Some(line) = inf.bare_line_end {
        report.add(line, Rule::LineEnd, "the line does not end in CR LF");
    }
    rules::apply(inf, package, &mut report);
    reach::sections(inf, &mut report);
    report.findings.sort();
    report.findings.dedup();
    report.findings
}

#[derive(Debug, Default)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, line: usize, rule: Rule, message: impl Into<String>) {
        self.findings.push(Finding {
            line,
            rule,
            message: message.into(),
        });
    }
}
