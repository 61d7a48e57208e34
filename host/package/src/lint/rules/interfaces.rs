//! Device interfaces, and what every KS device takes from the system and sets for itself.

use super::super::{Report, Rule};
use super::guids::driver_guid;
use super::services::parse_number;
use crate::inf::{Inf, Line, tokens};

/// KsProxy, the user-mode face of every KS filter.
const KS_PROXY: &str = "{17CCA71B-ECD7-11D0-B908-00A0C9223196}";

/// `FLG_ADDREG_TYPE_DWORD`.
pub(super) const DWORD: u32 = 0x0001_0001;
/// `FILE_DEVICE_SOUND`, as every audio INF has it (`FILE_DEVICE_KS` is 0x2F, and belongs into control codes).
const FILE_DEVICE_SOUND: u32 = 0x1D;
/// The system may do all, everybody else may open, read and write.
const SECURITY: &str = "D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GRGWGX;;;WD)(A;;GRGWGX;;;RC)";

pub(super) fn interfaces(inf: &Inf, report: &mut Report) {
    for section in &inf.sections {
        let name = section.name.to_ascii_lowercase();
        if let Some(line) = section.keyed("Include").next()
            && section.keyed("Needs").next().is_none()
        {
            report.add(line.number, Rule::Include, "Include without Needs");
        }
        for line in section
            .keyed("Include")
            .filter(|line| line.fields != ["ks.inf", "wdmaudio.inf"])
        {
            report.add(
                line.number,
                Rule::Include,
                "only ks.inf and wdmaudio.inf are included, in this order",
            );
        }
        for line in section.keyed("AddInterface") {
            interface(inf, line, &name, report);
        }
        if let Some(base) = name.strip_suffix(".services")
            && !hardware_is_complete(inf, base)
        {
            report.add(
                section.number,
                Rule::Hardware,
                format!("[{base}.HW] does not set DeviceType and Security as they must be"),
            );
        }
    }
}

/// One AddInterface line: what it names, and what its registry section says.
fn interface(inf: &Inf, line: &Line, section: &str, report: &mut Report) {
    let reference = inf.expand(line.field(1));
    let wanted = if section.starts_with("uart") {
        "UART"
    } else {
        "DMusic"
    };
    if reference != wanted {
        report.add(
            line.number,
            Rule::Interface,
            format!("the driver registers {wanted:?}, not {reference:?}"),
        );
    }
    let category = tokens(line.field(0)).next().unwrap_or_default();
    if !category.to_ascii_uppercase().starts_with("KSCATEGORY_")
        || line.field(0) != format!("%{category}%")
        || driver_guid(category).is_none()
    {
        report.add(
            line.number,
            Rule::Interface,
            format!("{} is not a category of the driver", line.field(0)),
        );
    }
    let Some(own) = inf.section(line.field(2)) else {
        return;
    };
    let values: Vec<&Line> = own
        .keyed("AddReg")
        .flat_map(|line| &line.fields)
        .filter_map(|name| inf.section(name))
        .flat_map(|section| &section.lines)
        .collect();
    let value = |name: &str| {
        values
            .iter()
            .find(|line| line.field(2).eq_ignore_ascii_case(name))
            .map(|line| inf.expand(line.field(4)))
    };
    if !value("CLSID").is_some_and(|clsid| clsid.eq_ignore_ascii_case(KS_PROXY)) {
        report.add(
            own.number,
            Rule::InterfaceRegistry,
            format!("CLSID is not KsProxy, {KS_PROXY}"),
        );
    }
    if value("FriendlyName").is_none_or(|name| name.is_empty()) {
        report.add(
            own.number,
            Rule::InterfaceRegistry,
            "there is no FriendlyName",
        );
    }
}

fn hardware_is_complete(inf: &Inf, base: &str) -> bool {
    let Some(hardware) = inf.section(&format!("{base}.hw")) else {
        return false;
    };
    let lines: Vec<&Line> = hardware
        .keyed("AddReg")
        .flat_map(|line| &line.fields)
        .filter_map(|name| inf.section(name))
        .flat_map(|section| &section.lines)
        .collect();
    let has = |name: &str, fits: &dyn Fn(&Line) -> bool| {
        let mut named = lines
            .iter()
            .filter(|line| line.field(2).eq_ignore_ascii_case(name));
        named.next().is_some_and(|line| fits(line))
    };
    let is_sound = |line: &Line| {
        let number = |index| parse_number(line.field(index));
        (number(3), number(4)) == (Some(DWORD), Some(FILE_DEVICE_SOUND))
    };
    has("DeviceType", &is_sound) && has("Security", &|line| line.field(4) == SECURITY)
}
