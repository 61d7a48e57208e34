//! What the trace says of notes that nothing plays.
#![forbid(unsafe_code)]

use super::engine::Engine;
use crate::irql::{Dispatch, Irql};
use crate::synth::{Cause, SilentNotes};
use crate::trace::{self, Event};

/// Kinds of silent notes that one call of `Render` reports: an event takes a microsecond, and what
/// is left comes with the next call.
const AT_ONCE: usize = 4;

/// Reports kinds of silent notes that are new since the wave pin went to RUN, each once however
/// many notes there are: the table that they come from is bounded, and so is their trace. Nothing
/// is emitted under the lock.
pub fn report(irql: &mut Irql<Dispatch>, engine: &Engine) {
    for _ in 0..AT_ONCE {
        let Some(silent) = engine.with(irql, |state, _| state.synth.next_silent()) else {
            return;
        };
        trace::emit(event_of(silent));
    }
}

fn event_of(silent: SilentNotes) -> Event {
    let bits = silent.patch.bits();
    let group = u32::from(silent.group.saturating_sub(1));
    let channel = group.wrapping_mul(16).wrapping_add(silent.channel.into());
    // 14 bits, as MIDI sends them.
    let bank = (bits >> 9 & 0x3F80) | (bits >> 8 & 0x7F);
    let program = bits & 0x7F;
    match (silent.cause, silent.patch.is_drums()) {
        (Cause::NoRegion, _) => Event::NoRegion {
            channel,
            bank,
            program,
        },
        (Cause::NoInstrument, false) => Event::NoInstrument {
            channel,
            bank,
            program,
        },
        (Cause::NoInstrument, true) => Event::NoKit {
            channel,
            bank,
            program,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dls::Patch;

    #[test]
    fn patches_are_told_as_midi_sends_them() {
        let silent = |bits, cause| {
            event_of(SilentNotes {
                group: 2,
                channel: 9,
                patch: Patch::from_bits(bits),
                cause,
                notes: 1,
            })
        };
        // CC0 121, CC32 3, program 10: 121 * 128 + 3.
        let (channel, bank, program) = (25, 15_491, 10);
        assert_eq!(
            silent(0x0079_030A, Cause::NoInstrument),
            Event::NoInstrument {
                channel,
                bank,
                program
            }
        );
        assert_eq!(
            silent(0x8079_030A, Cause::NoInstrument),
            Event::NoKit {
                channel,
                bank,
                program
            }
        );
        assert_eq!(
            silent(0x8079_030A, Cause::NoRegion),
            Event::NoRegion {
                channel,
                bank,
                program
            }
        );
    }
}
