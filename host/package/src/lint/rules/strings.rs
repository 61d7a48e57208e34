//! `[Strings]` and the tokens that stand for them.

use std::collections::BTreeSet;

use super::super::{Report, Rule};
use crate::inf::{Inf, tokens};

pub(super) fn strings(inf: &Inf, report: &mut Report) {
    let defined = inf.strings();
    let mut used = BTreeSet::new();
    for section in inf
        .sections
        .iter()
        .filter(|section| !section.name.eq_ignore_ascii_case("Strings"))
    {
        for line in &section.lines {
            let texts = line.key.iter().chain(&line.fields);
            for token in texts.flat_map(|text| tokens(text)) {
                let name = token.to_ascii_lowercase();
                // Numbers between percent signs are directory ids.
                if !name.bytes().all(|byte| byte.is_ascii_digit()) && !defined.contains_key(&name) {
                    report.add(
                        line.number,
                        Rule::MissingString,
                        format!("%{token}% is not in [Strings]"),
                    );
                }
                used.insert(name);
            }
        }
    }
    let mut seen = BTreeSet::new();
    for line in inf
        .section("Strings")
        .map_or(&[][..], |section| &section.lines)
    {
        let Some(key) = &line.key else { continue };
        let name = key.to_ascii_lowercase();
        if !used.contains(&name) {
            report.add(
                line.number,
                Rule::UnusedString,
                format!("%{key}% is never used"),
            );
        }
        if !seen.insert(name) {
            report.add(
                line.number,
                Rule::DuplicateString,
                format!("%{key}% is defined twice"),
            );
        }
    }
}
