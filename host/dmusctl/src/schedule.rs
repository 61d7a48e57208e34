//! A song as stream buffers: what goes to the pin when.

use std::time::Duration;

use dmusmini_ks::buffer::{EventBuffer, Run, RunBuffer};
use dmusmini_song::Event;

/// One buffer for a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// The time of its first message, from the song's start, in 100 ns.
    pub at: i64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Messages in it.
    pub messages: usize,
}

/// The most bytes of a buffer, unless one message alone is longer.
const MOST: usize = 4096;
/// How much of a song one buffer covers at most: 100 ms.
const SPAN: i64 = 1_000_000;

/// 100-ns units as a duration; none for what is past.
#[must_use]
pub fn duration(units: i64) -> Duration {
    Duration::from_nanos(u64::try_from(units).unwrap_or(0).saturating_mul(100))
}

/// Cuts messages into `DMUS_EVENTHEADER` buffers for a DirectMusic pin. Every message keeps its exact
/// time.
#[must_use]
pub fn direct_music(events: &[Event], group: u32) -> Vec<Buffer> {
    let cost = |event: &Event| EventBuffer::cost(event.message.len());
    cut(events, cost, SPAN)
        .map(|part| {
            let mut buffer = EventBuffer::new();
            for event in part {
                buffer.message(event.at - part[0].at, group, &event.message);
            }
            made(part, buffer.bytes())
        })
        .collect()
}

/// Cuts messages into `KSMUSICFORMAT` buffers for a legacy pin, which are sent when they are due: what
/// falls into the same millisecond goes together.
#[must_use]
pub fn legacy(events: &[Event]) -> Vec<Buffer> {
    let cost = |event: &Event| RunBuffer::cost(event.message.len());
    cut(events, cost, MILLISECOND)
        .map(|part| {
            let mut buffer = RunBuffer::new();
            for event in part {
                buffer.push(Run {
                    delta: 0,
                    midi: &event.message,
                });
            }
            made(part, buffer.bytes())
        })
        .collect()
}

const MILLISECOND: i64 = 10_000;

fn made(part: &[Event], bytes: &[u8]) -> Buffer {
    Buffer {
        at: part[0].at,
        bytes: bytes.to_vec(),
        messages: part.len(),
    }
}

/// Runs of events that begin within `span` of their first and fit a buffer.
fn cut(
    events: &[Event],
    cost: impl Fn(&Event) -> usize,
    span: i64,
) -> impl Iterator<Item = &[Event]> {
    let mut rest = events;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let mut bytes = 0;
        let count = rest
            .iter()
            .take_while(|event| {
                bytes += cost(event);
                event.at - first.at < span && bytes <= MOST
            })
            .count()
            .max(1);
        let (part, after) = rest.split_at(count);
        rest = after;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmusmini_ks::buffer;
    use proptest::{collection::vec, prelude::*};

    fn song() -> impl Strategy<Value = Vec<Event>> {
        let message = prop_oneof![
            8 => (0x80_u8..=0xEF, 0_u8..128, 0_u8..128).prop_map(|(a, b, c)| vec![a, b, c]),
            1 => vec(0_u8..128, 0..6000).prop_map(|data| {
                let mut message = vec![0xF0];
                message.extend(data);
                message.push(0xF7);
                message
            }),
        ];
        vec((0_i64..3_000_000, message), 0..60).prop_map(|parts| {
            let mut at = 0;
            parts
                .into_iter()
                .map(|(delta, message)| {
                    at += delta;
                    Event { at, message }
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn direct_music_buffers_hold_every_message_at_its_time(events in song()) {
            let buffers = direct_music(&events, 1);
            let mut seen = Vec::new();
            for part in &buffers {
                let before = seen.len();
                for event in buffer::events(&part.bytes) {
                    let event = event.unwrap();
                    prop_assert!(event.delta < SPAN && event.group == 1);
                    seen.push(Event { at: part.at + event.delta, message: event.message.to_vec() });
                }
                prop_assert_eq!(seen.len() - before, part.messages);
                prop_assert!(part.bytes.len() <= MOST || part.messages == 1);
            }
            prop_assert_eq!(seen, events);
        }

        #[test]
        fn legacy_buffers_hold_every_message_within_a_millisecond(events in song()) {
            let mut seen = Vec::new();
            for part in &legacy(&events) {
                for run in buffer::runs(&part.bytes) {
                    let run = run.unwrap();
                    prop_assert_eq!(run.delta, 0);
                    let event = &events[seen.len()];
                    prop_assert!(event.at - part.at < MILLISECOND && event.at >= part.at);
                    seen.push(run.midi.to_vec());
                }
            }
            let all: Vec<_> = events.into_iter().map(|event| event.message).collect();
            prop_assert_eq!(seen, all);
        }
    }

    #[test]
    fn nothing_is_no_buffer() {
        assert_eq!(direct_music(&[], 1), []);
        assert_eq!(legacy(&[]), []);
        assert_eq!(duration(-5), Duration::ZERO);
        assert_eq!(duration(10_000), Duration::from_millis(1));
    }
}
