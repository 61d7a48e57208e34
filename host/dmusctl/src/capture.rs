//! What comes in at a capture pin, as messages with times.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result};
use dmusmini_ks::{
    buffer,
    format::DataFormat,
    guids::KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
    pin::{Connect, State},
    zerocopy::IntoBytes as _,
};
use dmusmini_song::Event;
use midly::stream::MidiStream;

use crate::{
    Failure, Filter, Pin, System,
    describe::Description,
    ks::{self, Access, Block},
    stop::Stop,
};

/// Reads that wait at once, so that nothing is missed between two.
const READS: usize = 4;
/// Room of a read.
const ROOM: usize = 4096;
/// How long a wait for data lasts before the wish to stop is looked at.
const PATIENCE: Duration = Duration::from_millis(50);

/// Opens the capture pin of a filter.
///
/// # Errors
///
/// It has none, or the system's refusal.
pub fn open(description: &Description, filter: &dyn Filter) -> Result<Box<dyn Pin>> {
    let pin = description
        .pin_of(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, "out")
        .with_context(|| {
            Failure::Precondition(format!("{} has no capture pin", description.path))
        })?;
    let format = DataFormat::music(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC);
    let connect = Connect::standard(pin.id).with_format(format.as_bytes());
    Ok(filter.create_pin(&connect, Access::Read)?)
}

/// Runs the pin and collects messages until `until` ([`System::now`]) or the wish to stop. Times count
/// from the first message. `progress` hears of the number so far.
///
/// # Errors
///
/// The system's refusals, and data that is not what a port sends.
pub fn capture(
    system: &dyn System,
    pin: &dyn Pin,
    until: Option<i64>,
    stop: &Stop,
    mut progress: impl FnMut(usize),
) -> Result<Vec<Event>> {
    ks::walk(pin, State::Run)?;
    let mut assembler = Assembler::default();
    let mut reads = VecDeque::new();
    while !stop.is_set() && until.is_none_or(|until| system.now() < until) {
        while reads.len() < READS {
            reads.push_back(pin.read(ROOM)?);
        }
        let Some(first) = reads.front_mut() else {
            break;
        };
        if let Some(block) = first.wait(PATIENCE)? {
            reads.pop_front();
            assembler.block(&block)?;
            progress(assembler.events.len());
        }
    }
    drop(reads);
    ks::walk(pin, State::Stop)?;
    Ok(assembler.finish())
}

/// Puts messages together from the pieces that a port sends.
#[derive(Default)]
pub struct Assembler {
    stream: MidiStream,
    events: Vec<Event>,
    system_exclusive: Vec<u8>,
}

impl std::fmt::Debug for Assembler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembler")
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}

impl Assembler {
    /// Takes what one read brought.
    ///
    /// # Errors
    ///
    /// The block is not made of events.
    pub fn block(&mut self, block: &Block) -> Result<()> {
        for event in buffer::events(&block.data) {
            let event = event.context("what the capture pin sent")?;
            let at = block.time.unwrap_or(0).saturating_add(event.delta);
            self.bytes(at, event.message);
        }
        Ok(())
    }

    fn bytes(&mut self, at: i64, bytes: &[u8]) {
        for byte in bytes {
            // System exclusive messages are kept here byte by byte: the parser gives them in pieces.
            match (*byte, self.system_exclusive.is_empty()) {
                (0xF0, _) => self.system_exclusive = vec![0xF0],
                (0xF7, false) => {
                    self.system_exclusive.push(0xF7);
                    let message = std::mem::take(&mut self.system_exclusive);
                    self.events.push(Event { at, message });
                }
                (0x80..0xF8, false) => self.system_exclusive.clear(),
                (0..0x80, false) => self.system_exclusive.push(*byte),
                _ => {}
            }
            let events = &mut self.events;
            self.stream.feed(std::slice::from_ref(byte), |live| {
                let mut message = Vec::new();
                let is_whole = !matches!(
                    live,
                    midly::live::LiveEvent::Common(midly::live::SystemCommon::SysEx(_))
                );
                if is_whole && live.write_std(&mut message).is_ok() {
                    events.push(Event { at, message });
                }
            });
        }
    }

    /// The messages, their times counted from the first.
    #[must_use]
    pub fn finish(mut self) -> Vec<Event> {
        let origin = self.events.first().map_or(0, |event| event.at);
        for event in &mut self.events {
            event.at -= origin;
        }
        self.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmusmini_ks::buffer::EventBuffer;

    fn assemble(pieces: &[(i64, &[u8])]) -> Vec<(i64, Vec<u8>)> {
        let mut assembler = Assembler::default();
        for (delta, bytes) in pieces {
            let mut buffer = EventBuffer::new();
            buffer.message(*delta, 1, bytes);
            let block = Block {
                time: Some(1_000),
                data: buffer.bytes().to_vec(),
            };
            assembler.block(&block).unwrap();
        }
        let events = assembler.finish();
        events.into_iter().map(|e| (e.at, e.message)).collect()
    }

    #[test]
    fn whole_messages_keep_their_distances() {
        let seen = assemble(&[(5, &[0x90, 60, 100]), (25, &[0x80, 60, 0])]);
        assert_eq!(seen, [(0, vec![0x90, 60, 100]), (20, vec![0x80, 60, 0])]);
    }

    #[test]
    fn pieces_are_put_together_and_clocks_pass_through() {
        let seen = assemble(&[
            (0, &[0xF0, 1, 2]),
            (1, &[0xF8]),
            (2, &[3, 0xF7]),
            (3, &[0x90, 60]),
            (4, &[100, 61, 0]),
        ]);
        assert_eq!(
            seen,
            [
                (0, vec![0xF8]),
                (1, vec![0xF0, 1, 2, 3, 0xF7]),
                (3, vec![0x90, 60, 100]),
                (3, vec![0x90, 61, 0]),
            ]
        );
    }

    #[test]
    fn a_broken_system_exclusive_is_given_up() {
        let seen = assemble(&[(0, &[0xF0, 1, 0x90, 60, 100, 0xF7])]);
        assert_eq!(seen, [(0, vec![0x90, 60, 100])]);
    }

    #[test]
    fn a_block_that_lies_is_an_error() {
        let block = Block {
            time: None,
            data: vec![9, 0, 0, 0],
        };
        let error = Assembler::default().block(&block).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "what the capture pin sent: byte 0x0: a header is cut off"
        );
    }
}
