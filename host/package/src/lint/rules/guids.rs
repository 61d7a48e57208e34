//! GUIDs that the INF and the driver share.

use dmusmini::com::Guid;
use dmusmini::portcls::guids;

use super::super::{Report, Rule};
use crate::inf::Inf;

/// Strings that are GUIDs of the driver.
pub(super) fn driver_guid(name: &str) -> Option<&'static Guid> {
    Some(match name.to_ascii_lowercase().as_str() {
        "kscategory_audio" => &guids::KSCATEGORY_AUDIO,
        "kscategory_render" => &guids::KSCATEGORY_RENDER,
        "kscategory_capture" => &guids::KSCATEGORY_CAPTURE,
        "kscategory_synthesizer" => &guids::KSCATEGORY_SYNTHESIZER,
        "kscategory_datatransform" => &guids::KSCATEGORY_DATATRANSFORM,
        "pin.midi.guid" => &guids::DMUSMINI_PIN_MIDI,
        "pin.directmusic.guid" => &guids::DMUSMINI_PIN_DIRECTMUSIC,
        "pin.wave.guid" => &guids::DMUSMINI_PIN_WAVE,
        _ => return None,
    })
}

pub(super) fn driver_guids(inf: &Inf, report: &mut Report) {
    for line in inf
        .section("Strings")
        .map_or(&[][..], |section| &section.lines)
    {
        let Some(guid) = line.key.as_deref().and_then(driver_guid) else {
            continue;
        };
        let wanted = format!("{{{guid}}}");
        if !wanted.eq_ignore_ascii_case(line.field(0)) {
            report.add(
                line.number,
                Rule::DriverGuid,
                format!("{} is not the driver's {wanted}", line.field(0)),
            );
        }
    }
}
