//! Running Rust's test binaries and reading their verdicts.

use std::process::Command;

use anyhow::Result;

use crate::{process, suite::Outcome};

/// Runs `cargo test …` (or its likes) and counts. What the tests print, numbers and skips, is
/// shown; the roll call of passed tests is not.
pub(crate) fn run(title: &str, command: &mut Command) -> Result<Outcome> {
    let done = process::capture(title, command)?;
    let tests = done
        .log
        .lines()
        .skip_while(|line| !line.starts_with("     Running "));
    for line in tests.filter(|line| is_news(line)) {
        say!("{line}");
    }
    let mut outcome = count(&done.log);
    if !done.status.success() {
        complain!("{}", done.log.trim_end());
        outcome.failed = outcome.failed.max(1);
    } else if outcome.passed == 0 && outcome.skipped.is_empty() {
        anyhow::bail!("{title} ran no test at all");
    }
    Ok(outcome)
}

fn is_news(line: &str) -> bool {
    const ROLL_CALL: &[&str] = &[
        "test ",
        "running ",
        "successes:",
        "---- ",
        "   Compiling ",
        "warning: ",
    ];
    const NOISE: &[&str] = &[
        "    Finished ",
        "   Doc-tests ",
        "   Downloaded ",
        " Downloading ",
    ];
    let roll_call = ROLL_CALL
        .iter()
        .chain(NOISE)
        .any(|start| line.starts_with(start));
    let name_in_list = line.strip_prefix("    ").is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .chars()
                .all(|c| c.is_alphanumeric() || "_:".contains(c))
    });
    let empty_binary = line.starts_with("test result: ok. 0 passed");
    let result = line.starts_with("test result:") && !empty_binary;
    result || !(roll_call || name_in_list || line.trim().is_empty())
}

fn count(log: &str) -> Outcome {
    let mut outcome = Outcome::default();
    for line in log.lines() {
        if let Some(result) = line.strip_prefix("test result: ") {
            let number = |what: &str| -> u64 {
                let mut words = result
                    .split([' ', ';'])
                    .filter(|word| !word.is_empty())
                    .peekable();
                let mut last = "";
                for word in words.by_ref() {
                    if word == what {
                        return last.parse().unwrap_or(0);
                    }
                    last = word;
                }
                0
            };
            outcome.passed += number("passed");
            outcome.failed += number("failed");
        } else if let Some(reason) = skip_reason(line) {
            outcome.skipped.push(reason.to_owned());
        } else if line.starts_with("test ") && line.ends_with("... ignored") {
            outcome.skipped.push(line.to_owned());
        }
    }
    outcome
}

/// A test that cannot run says `SKIPPED: why` (or `skipped`) at the start of a line.
fn skip_reason(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (word, rest) = line.split_at_checked("skipped".len())?;
    word.eq_ignore_ascii_case("skipped")
        .then(|| rest.trim_start_matches([':', ' ']))
        .filter(|reason| !reason.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "
     Running unittests src/lib.rs (target/debug/deps/x)
running 3 tests
test a ... ok
test b ... ignored
successes:
---- a stdout ----
SKIPPED: no bank at ../shared/data
pitch error 0.4 cents
successes:
    a
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out
";

    #[test]
    fn results_and_skips_are_counted() {
        let outcome = count(LOG);
        assert_eq!((outcome.passed, outcome.failed), (3, 2));
        assert_eq!(
            outcome.skipped,
            ["test b ... ignored", "no bank at ../shared/data"]
        );
    }

    #[test]
    fn numbers_are_shown_and_the_roll_call_is_not() {
        let shown: Vec<&str> = LOG.lines().filter(|line| is_news(line)).collect();
        assert_eq!(
            shown[1..3],
            [
                "SKIPPED: no bank at ../shared/data",
                "pitch error 0.4 cents"
            ]
        );
        assert_eq!(shown.len(), 5);
    }
}
