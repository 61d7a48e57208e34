//! The driver's trace, decoded from what it wrote to ETW.

use dmusmini::dls::{DownloadError, Fault};
use dmusmini::trace::Event;
use dmusmini::trace::event::{Field, FieldKind, Level, MAX_FIELDS};
use dmusmini_simulator::etw::Written;
use dmusmini_simulator::kernel::Kernel;
use serde::Serialize;
use std::collections::BTreeMap;

/// One event of the driver's trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceLine {
    /// 100-ns units since the machine was switched on.
    pub at: u64,
    /// `error`, `warning` or `info`.
    pub level: &'static str,
    /// The event's name.
    pub name: &'static str,
    /// Its fields, as shown.
    pub fields: BTreeMap<&'static str, String>,
}

/// All that the driver wrote so far.
pub(super) fn of(machine: &Kernel) -> Vec<TraceLine> {
    machine.etw().written().iter().filter_map(decode).collect()
}

/// Why the driver refused the download that was refused last, as its trace has it: the fault and the byte of the
/// download. None if it understood the download and has no room for it.
pub(super) fn rejection(machine: &Kernel) -> Option<DownloadError> {
    // `DownloadFailed` ends each refusal; the fault comes right before it.
    let latest = machine.etw().latest(2);
    let event = match latest.as_slice() {
        [failed, rejected] if decode(failed)?.name == "DownloadFailed" => decode(rejected)?,
        _ => return None,
    };
    let field = |name| event.fields.get(name)?.parse().ok();
    (event.name == "DownloadRejected").then_some(DownloadError {
        fault: Fault::from_number(field("fault")?)?,
        offset: field("offset")?,
    })
}

fn decode(written: &Written) -> Option<TraceLine> {
    let code = u16::from_le_bytes(*written.descriptor.first_chunk()?);
    // The first two blocks are the provider's name and the schema, which the event's number stands for.
    let mut values = written.data.iter().skip(2).map(|data| {
        data.first_chunk()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes))
    });
    let bits: [u32; MAX_FIELDS] = std::array::from_fn(|_| values.next().unwrap_or(0));
    let event = Event::decode(code, bits)?;
    Some(TraceLine {
        at: written.time,
        level: match event.level() {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
        },
        name: event.name(),
        fields: event
            .fields()
            .into_iter()
            .flatten()
            .map(|field| (field.name, shown(field)))
            .collect(),
    })
}

fn shown(field: Field) -> String {
    match field.kind {
        FieldKind::Signed => field.bits.cast_signed().to_string(),
        FieldKind::Unsigned => field.bits.to_string(),
        FieldKind::Bool => (field.bits != 0).to_string(),
        FieldKind::Hex => format!("{:#010x}", field.bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_with_fields_is_decoded() {
        let mut descriptor = [0; 16];
        descriptor[0] = 31;
        let data = vec![
            vec![0],
            vec![0],
            7_u32.to_le_bytes().to_vec(),
            64_u32.to_le_bytes().to_vec(),
        ];
        let line = decode(&Written {
            provider: [0; 16],
            descriptor,
            data,
            time: 5,
        })
        .unwrap();
        assert_eq!(
            (line.at, line.level, line.name),
            (5, "warning", "DownloadRejected")
        );
        assert_eq!(line.fields["fault"], "7");
    }
}
