//! A song through the MPU-401: play timed messages, collect the bytes on the wire.

use std::collections::VecDeque;

use dmusmini::portcls::abi::DataFlow;
use dmusmini::portcls::guids::{KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI};

use super::{Device, Session, SessionError, TimedMessage};
use crate::chip::Flown;
use crate::portcls::client::{Filter, Pin};
use crate::portcls::format::Format;

/// A running render pin of an MPU-401.
#[derive(Debug)]
pub struct UartPlayer {
    pin: Pin,
    filter: Filter,
    device: Device,
}

impl UartPlayer {
    /// Opens and runs the DirectMusic pin.
    ///
    /// # Errors
    ///
    /// The driver's refusals.
    pub fn open(device: &Device) -> Result<Self, SessionError> {
        Self::open_format(device, &Format::DirectMusic)
    }

    /// Opens and runs the legacy pin, as `midiOut` does.
    ///
    /// # Errors
    ///
    /// The driver's refusals.
    pub fn open_legacy(device: &Device) -> Result<Self, SessionError> {
        Self::open_format(device, &Format::Midi)
    }

    fn open_format(device: &Device, format: &Format) -> Result<Self, SessionError> {
        let filter = device
            .filter("UART")
            .ok_or(SessionError::Missing("filter \"UART\""))?;
        let subtype = match format {
            Format::DirectMusic => &KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
            _ => &KSDATAFORMAT_SUBTYPE_MIDI,
        };
        let pin = filter
            .pin_of(subtype, DataFlow::In)
            .ok_or(SessionError::Missing("MIDI pin"))?;
        let pin = filter
            .open(pin, format)
            .map_err(|status| SessionError::Refused {
                what: "opening the MIDI pin",
                status,
            })?;
        pin.run().map_err(|status| SessionError::Refused {
            what: "running the MIDI pin",
            status,
        })?;
        Ok(Self {
            pin,
            filter,
            device: device.clone(),
        })
    }

    /// Plays messages, in the order of their times, from a little later on, until the wire has been
    /// silent for a while. Returns the bytes on the wire and the machine time of the beginning.
    pub fn play(
        &self,
        session: &Session,
        messages: impl IntoIterator<Item = TimedMessage>,
    ) -> (Vec<Flown>, u64) {
        let kernel = session.machine();
        let start = kernel.now() + LEAD;
        let origin = session.master_time() + i64::try_from(LEAD).unwrap_or(0);
        let mut waiting: VecDeque<_> = messages.into_iter().collect();
        let mut sent = self.device.take_sent();
        sent.clear();
        loop {
            let horizon = session.master_time() - origin + AHEAD;
            while waiting.front().is_some_and(|message| message.at <= horizon) {
                let Some(message) = waiting.pop_front() else {
                    break;
                };
                self.pin
                    .send(origin + message.at, message.group, &message.bytes);
            }
            kernel.advance(STEP);
            let flown = self.device.take_sent();
            let quiet = flown.is_empty();
            sent.extend(flown);
            let (with_driver, _) = self.pin.events_with_driver();
            let done = waiting.is_empty() && self.pin.events_with_port() == 0 && with_driver == 0;
            if done && quiet {
                return (sent, start);
            }
        }
    }

    /// The pin.
    #[must_use]
    pub fn pin(&self) -> &Pin {
        &self.pin
    }

    /// The filter.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Stops and closes the pin; references that its stream had left.
    pub fn close(self) -> u32 {
        let _ = self.pin.stop();
        self.pin.close()
    }
}

/// From the call to the song's beginning, in 100 ns.
const LEAD: u64 = 500_000;
/// How far ahead messages are written, in 100 ns.
const AHEAD: i64 = 5_000_000;
/// How long the machine runs between two writes, in 100 ns.
const STEP: u64 = 1_000_000;
