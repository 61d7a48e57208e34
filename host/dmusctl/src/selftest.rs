//! Tests everything that can be tested without ears: a table of checks, each passed, failed or skipped.

mod filter;
mod synth;
mod uart;

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{System, describe::Description, ks::Filter, table::table};

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "detail", rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be; what was seen.
    Passed(String),
    /// Not as it should be; why.
    Failed(String),
    /// Not tested; why not.
    Skipped(String),
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was tested: `devices`, or a filter.
    pub subject: String,
    /// What of it.
    pub name: &'static str,
    /// What it came to.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How long it took.
    pub milliseconds: u64,
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// Its rows.
    pub checks: Vec<Check>,
}

impl Results {
    /// Passed, failed, skipped.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |test: fn(&Verdict) -> bool| {
            self.checks
                .iter()
                .filter(|check| test(&check.verdict))
                .count()
        };
        (
            count(|verdict| matches!(verdict, Verdict::Passed(_))),
            count(|verdict| matches!(verdict, Verdict::Failed(_))),
            count(|verdict| matches!(verdict, Verdict::Skipped(_))),
        )
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut rows = vec![
            ["subject", "check", "", "ms", "detail"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for check in &self.checks {
            let (word, detail) = match &check.verdict {
                Verdict::Passed(detail) => ("ok", detail),
                Verdict::Failed(detail) => ("FAILED", detail),
                Verdict::Skipped(detail) => ("skipped", detail),
            };
            rows.push(vec![
                check.subject.clone(),
                check.name.to_owned(),
                word.to_owned(),
                check.milliseconds.to_string(),
                detail.clone(),
            ]);
        }
        let (passed, failed, skipped) = self.counts();
        format!(
            "{}\n{passed} passed, {failed} failed, {skipped} skipped",
            table(&rows)
        )
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let (passed, failed, skipped) = self.counts();
        json!({ "passed": passed, "failed": failed, "skipped": skipped, "checks": self.checks })
    }
}

/// Makes checks one after another; one that fails does not keep the others from being made.
pub struct Runner<'a> {
    /// Where the filters are.
    pub system: &'a dyn System,
    subject: String,
    results: Results,
    progress: &'a mut dyn FnMut(&Check),
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("results", &self.results)
            .finish_non_exhaustive()
    }
}

impl<'a> Runner<'a> {
    /// A runner without results. `progress` hears of every check.
    pub fn new(system: &'a dyn System, progress: &'a mut dyn FnMut(&Check)) -> Self {
        Self {
            system,
            subject: String::new(),
            results: Results::default(),
            progress,
        }
    }

    /// Makes a check; what it returned, if it passed.
    pub fn check<T>(
        &mut self,
        name: &'static str,
        run: impl FnOnce() -> Result<(T, String)>,
    ) -> Option<T> {
        let started = Instant::now();
        let (value, verdict) = match run() {
            Ok((value, detail)) => (Some(value), Verdict::Passed(detail)),
            Err(error) => (None, Verdict::Failed(format!("{error:#}"))),
        };
        self.record(name, verdict, started.elapsed());
        value
    }

    /// Notes a check that is not made.
    pub fn skip(&mut self, name: &'static str, reason: impl Into<String>) {
        self.record(name, Verdict::Skipped(reason.into()), Duration::ZERO);
    }

    fn record(&mut self, name: &'static str, verdict: Verdict, time: Duration) {
        let check = Check {
            subject: self.subject.clone(),
            name,
            verdict,
            milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        };
        (self.progress)(&check);
        self.results.checks.push(check);
    }

    /// Tests the device nodes and the service, where the system has such.
    pub fn devices(&mut self) {
        "devices".clone_into(&mut self.subject);
        let Some(devices) = self.system.devices() else {
            self.skip("nodes", "this system has no device nodes");
            return;
        };
        self.check("every node has started", || {
            let nodes = devices.nodes()?;
            let mut words = Vec::new();
            for node in nodes.iter().filter(|node| node.is_present) {
                let condition = node.condition();
                words.push(format!("{} {condition}", node.instance_id));
                anyhow::ensure!(
                    node.problem == 0 && node.is_started != Some(false),
                    "{}: {condition}",
                    node.instance_id
                );
            }
            anyhow::ensure!(!words.is_empty(), "no device node of ours is present");
            Ok(((), words.join(", ")))
        });
        self.check("the service is there", || {
            let state = devices.service()?;
            let state = state.ok_or_else(|| anyhow::anyhow!("there is no service"))?;
            Ok(((), state))
        });
    }

    /// Tests a filter.
    pub fn filter(&mut self, description: &Description, filter: &dyn Filter, loopback: bool) {
        description.reference().clone_into(&mut self.subject);
        filter::test(self, description, filter);
        if description.is_synth() {
            synth::test(self, description, filter);
        } else {
            uart::test(self, description, filter, loopback);
        }
    }

    /// A filter that cannot be tested because it does not open.
    pub fn unopened(&mut self, path: &str, error: anyhow::Error) {
        path.clone_into(&mut self.subject);
        self.check("opens", || Err::<((), String), _>(error));
    }

    /// The table.
    #[must_use]
    pub fn finish(self) -> Results {
        self.results
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verdict: Verdict) -> Check {
        Check {
            subject: "DMusic".into(),
            name: "pins",
            verdict,
            milliseconds: 3,
        }
    }

    #[test]
    fn a_table_counts_and_says_why() {
        let results = Results {
            checks: vec![
                check(Verdict::Passed("3 pins".into())),
                check(Verdict::Failed("no pin 2".into())),
                check(Verdict::Skipped("no cable".into())),
            ],
        };
        assert_eq!(results.counts(), (1, 1, 1));
        let text = results.text();
        assert!(
            text.contains("DMusic   pins   FAILED   3   no pin 2"),
            "{text}"
        );
        assert!(text.ends_with("1 passed, 1 failed, 1 skipped"), "{text}");
        let json = results.json();
        assert_eq!(json["failed"], 1);
        assert_eq!(json["checks"][1]["verdict"], "failed");
        assert_eq!(json["checks"][1]["detail"], "no pin 2");
        assert_eq!(json["checks"][1]["milliseconds"], 3);
    }
}
