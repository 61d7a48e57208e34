//! `DMUSMINI_PROPSETID_SYNTH`: what Windows has no property for.
//!
//! `RUNNINGSTATS` has no field for a note that nothing plays, so that a client which wants to say a
//! word about such notes asks here. And a client that plays whatever songs on whatever collections
//! may choose how instruments are looked for, on a pin that has channel groups and exact times.

use super::synth::handlers;
use super::{SynthMiniport, SynthStream, SynthTargets, node_stream};
use crate::com::Status;
use crate::irql::{Irql, Passive};
use crate::portcls::abi::ValueType;
use crate::portcls::property::{Handler, Request, Verb};
use crate::portcls::synth_abi::{SILENT_ENTRIES, SilentEntry, SilentTable, lookup, silent_cause};
use crate::synth::{self, Cause};

const _: () = assert!(SILENT_ENTRIES == synth::MOST_SILENT);

handlers! {
    /// `SILENT_NOTES`: those since the wave pin went to RUN.
    SilentNotes: Blob(irql, targets, request) {
        let engine = node_stream(&targets, request)?.engine();
        request.expect_room_for::<SilentTable>()?;
        let mut table = SilentTable {
            notes: 0,
            others: 0,
            count: 0,
            entries: [SilentEntry::default(); SILENT_ENTRIES],
        };
        engine.with(irql, |state, _| {
            table.notes = state.synth.stats().silent_notes;
            table.others = state.synth.other_silent_notes();
            for (place, notes) in table.entries.iter_mut().zip(state.synth.silent_notes()) {
                *place = entry_of(notes);
                table.count = table.count.saturating_add(1);
            }
        });
        request.reply(table)
    }

    /// `LOOKUP`: where instruments are looked for.
    Lookup: Ui4(irql, targets, request) {
        let engine = node_stream(&targets, request)?.engine();
        if request.verb() == Verb::Get {
            let used = engine.with(irql, |state, _| state.synth.lookup());
            return request.reply(match used {
                synth::Lookup::Exact => lookup::EXACT,
                synth::Lookup::Fallbacks => lookup::FALLBACKS,
            });
        }
        let wanted = match request.value()? {
            lookup::EXACT => synth::Lookup::Exact,
            lookup::FALLBACKS => synth::Lookup::Fallbacks,
            _ => return Err(Status::INVALID_PARAMETER),
        };
        engine.with(irql, |state, _| state.synth.set_lookup(wanted));
        Ok(Status::SUCCESS)
    }
}

fn entry_of(silent: synth::SilentNotes) -> SilentEntry {
    SilentEntry {
        channel_group: silent.group,
        channel: silent.channel,
        cause: match silent.cause {
            Cause::NoInstrument => silent_cause::NO_INSTRUMENT,
            Cause::NoRegion => silent_cause::NO_REGION,
        },
        patch: silent.patch.bits(),
        notes: silent.notes,
    }
}
