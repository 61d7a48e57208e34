//! `[Version]`: what the package is, and since when.

use super::super::{Package, Report, Rule};
use super::line_of;
use crate::inf::Inf;
use crate::stamp::DriverVer;

const MEDIA_CLASS: &str = "{4d36e96c-e325-11ce-bfc1-08002be10318}";

pub(super) fn version(inf: &Inf, package: &Package<'_>, report: &mut Report) {
    let Some(section) = inf.section("Version") else {
        return;
    };
    let mut expect = |key: &str, fits: &dyn Fn(&str) -> bool, wanted: &str| match section.value(key)
    {
        Some(value) if fits(&inf.expand(value)) => {}
        Some(value) => report.add(
            line_of(section, key),
            Rule::Version,
            format!("{key} is {value:?}, not {wanted}"),
        ),
        None => report.add(
            section.number,
            Rule::Version,
            format!("[Version] has no {key}"),
        ),
    };
    expect(
        "Signature",
        &|value| value == "$Windows NT$",
        "\"$Windows NT$\"",
    );
    expect("Class", &|value| value == "MEDIA", "MEDIA");
    expect(
        "ClassGUID",
        &|value| value.eq_ignore_ascii_case(MEDIA_CLASS),
        MEDIA_CLASS,
    );
    expect("Provider", &|value| !value.is_empty(), "a name");
    let has_catalog_name = |value: &str| value.to_ascii_lowercase().ends_with(".cat");
    expect("CatalogFile", &has_catalog_name, "a .cat file");
    expect("PnpLockdown", &|value| value == "1", "1");
    let Some(line) = section.keyed("DriverVer").next() else {
        report.add(
            section.number,
            Rule::DriverVer,
            "[Version] has no DriverVer",
        );
        return;
    };
    match DriverVer::parse(line.field(0), line.field(1)) {
        Ok(stamp) if stamp.date > package.today => {
            report.add(
                line.number,
                Rule::DriverVer,
                format!("{stamp} lies in the future"),
            );
        }
        Ok(_) => {}
        Err(error) => report.add(line.number, Rule::DriverVer, format!("{error:#}")),
    }
}
