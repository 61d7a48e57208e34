//! What a pin's wire has carried: an MPU-401 takes bytes at once and sends them at 31,250 bits a second.

use std::collections::BTreeSet;

use dmusmini_song::Event;

/// 100-ns units that a byte takes: a start bit, eight, and a stop bit.
pub const BYTE: i64 = 3_200;

/// The wire as the bytes that were given to it have it, in the times of the song. Running status saves some of them, so it is
/// never behind this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    free: i64,
    dump: Option<Dump>,
}

/// A system exclusive message on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Its bytes.
    pub bytes: usize,
    /// When its last byte has left.
    until: i64,
}

impl Wire {
    /// Messages that are sent at their times, or as soon as those before them have left.
    pub fn carry(&mut self, events: &[Event]) {
        for event in events {
            let bytes = event.message.len();
            let time = BYTE.saturating_mul(i64::try_from(bytes).unwrap_or(i64::MAX));
            self.free = self.free.max(event.at).saturating_add(time);
            if event.message.first() == Some(&0xF0) {
                self.dump = Some(Dump {
                    bytes,
                    until: self.free,
                });
            }
        }
    }

    /// When everything has left.
    #[must_use]
    pub fn free(&self) -> i64 {
        self.free
    }

    /// The last dump, if it has not left at this time.
    #[must_use]
    pub fn dump_at(&self, time: i64) -> Option<Dump> {
        self.dump.filter(|dump| time < dump.until)
    }
}

/// Which keys are down and which channels were used, by the messages that were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sounding {
    channels: BTreeSet<u8>,
    keys: BTreeSet<(u8, u8)>,
}

impl Sounding {
    /// Takes a message into account.
    pub fn note(&mut self, message: &[u8]) {
        let &[status @ 0x80..=0xEF, ref data @ ..] = message else {
            return;
        };
        let channel = status & 0x0F;
        self.channels.insert(channel);
        match (status & 0xF0, data) {
            (0x90, &[key, velocity]) if velocity > 0 => drop(self.keys.insert((channel, key))),
            (0x80, &[key, _]) | (0x90, &[key, 0]) => drop(self.keys.remove(&(channel, key))),
            _ => {}
        }
    }

    /// What ends every sound: a note-off for each key that is down; then, on each channel that was used, all sound off, all notes
    /// off, and the controllers reset, pedals among them.
    #[must_use]
    pub fn silence(&self) -> Vec<Event> {
        let notes = self
            .keys
            .iter()
            .map(|(channel, key)| vec![0x80 | channel, *key, 64]);
        let channels = self.channels.iter().flat_map(|channel| {
            [120, 123, 121].map(|controller| vec![0xB0 | channel, controller, 0])
        });
        notes
            .chain(channels)
            .map(|message| Event { at: 0, message })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, message: &[u8]) -> Event {
        Event {
            at,
            message: message.to_vec(),
        }
    }

    #[test]
    fn a_wire_is_free_when_its_bytes_have_left() {
        let mut wire = Wire::default();
        assert_eq!(wire.free(), 0);
        wire.carry(&[event(10_000, &[0x90, 60, 1])]);
        assert_eq!(wire.free(), 10_000 + 3 * 3_200);
        // The next waits for the wire, a later one does not.
        wire.carry(&[event(11_000, &[0xC0, 1]), event(1_000_000, &[0xF8])]);
        assert_eq!(wire.free(), 1_003_200);
        assert_eq!(wire.dump_at(0), None);
        wire.carry(&[event(2_000_000, &[0xF0; 1000])]);
        let dump = wire.dump_at(2_000_000 + 3_199_999).unwrap();
        assert_eq!(dump.bytes, 1000);
        assert_eq!(wire.dump_at(2_000_000 + 3_200_000), None);
    }

    #[test]
    fn silence_is_for_what_was_used() {
        let mut sounding = Sounding::default();
        assert_eq!(sounding.silence(), []);
        for message in [
            &[0x93, 60, 100][..],
            &[0x93, 61, 1],
            &[0x93, 60, 0],
            &[0x85, 7, 0],
            &[0x9F, 0, 127],
            &[0x8F, 0, 0],
            &[0xF0, 0x93, 1, 0xF7],
            &[0xFE],
        ] {
            sounding.note(message);
        }
        let messages: Vec<Vec<u8>> = sounding
            .silence()
            .into_iter()
            .map(|event| event.message)
            .collect();
        let expected: &[[u8; 3]] = &[
            [0x83, 61, 64],
            [0xB3, 120, 0],
            [0xB3, 123, 0],
            [0xB3, 121, 0],
            [0xB5, 120, 0],
            [0xB5, 123, 0],
            [0xB5, 121, 0],
            [0xBF, 120, 0],
            [0xBF, 123, 0],
            [0xBF, 121, 0],
        ];
        assert_eq!(messages, expected);
    }
}
