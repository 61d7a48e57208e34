//! The rules, by what they look at.

mod declarative;
mod devices;
mod files;
mod guids;
mod interfaces;
mod models;
mod services;
mod strings;
mod version;

use super::{Package, Report};
use crate::inf::{Inf, Section};

/// Applies them all.
pub(super) fn apply(inf: &Inf, package: &Package<'_>, report: &mut Report) {
    version::version(inf, package, report);
    strings::strings(inf, report);
    models::models(inf, report);
    declarative::forbidden(inf, report);
    declarative::registry(inf, report);
    files::files(inf, package, report);
    services::services(inf, package, report);
    interfaces::interfaces(inf, report);
    devices::devices(inf, package, report);
    guids::driver_guids(inf, report);
}

/// The sections that directives of this name refer to.
fn referred<'a>(inf: &'a Inf, directive: &'a str) -> impl Iterator<Item = &'a Section> {
    inf.sections
        .iter()
        .flat_map(move |section| section.keyed(directive))
        .flat_map(|line| &line.fields)
        .filter_map(|name| inf.section(name))
}

fn line_of(section: &Section, key: &str) -> usize {
    section
        .keyed(key)
        .next()
        .map_or(section.number, |line| line.number)
}
