//! The MPU-401, running.

use super::{Driver, Machine, message, trace};
use anyhow::{Context, Result, anyhow};
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{Hardware, Session, UartPlayer};
use dmusmini_song::Event;

/// A byte that went over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireByte {
    /// When its first bit left, in 100-ns units from the start of the song.
    pub begun: i64,
    /// When its last bit was out.
    pub at: i64,
    /// The byte.
    pub byte: u8,
}

/// A machine with an MPU-401 whose output pin is open and running.
#[derive(Debug)]
pub struct UartSession {
    player: Option<UartPlayer>,
    session: Option<Session>,
}

impl UartSession {
    /// Boots a machine with the driver and opens the MPU-401; `polled`: without an interrupt line.
    pub fn open(driver: &Driver, polled: bool) -> Result<Self> {
        let session = Session::boot(&driver.binary()).context("cannot load the driver")?;
        let mut this = Self {
            player: None,
            session: Some(session),
        };
        let hardware = if polled {
            Hardware::polled_uart(Config::default())
        } else {
            Hardware::uart(Config::default())
        };
        let device = this.session()?.install(&hardware)?;
        this.player = Some(UartPlayer::open(&device)?);
        Ok(this)
    }

    /// Plays messages, whole ones or packets, until the wire is silent and gives the bytes that were on it.
    pub fn play(&mut self, events: &[Event]) -> Result<Vec<WireByte>> {
        let player = self
            .player
            .as_ref()
            .ok_or_else(|| anyhow!("the session has ended"))?;
        let (flown, start) = player.play(
            self.session()?,
            events.iter().map(|event| message((1, event))),
        );
        let start = i64::try_from(start)?;
        flown
            .iter()
            .map(|flown| {
                Ok(WireByte {
                    begun: i64::try_from(flown.start)? - start,
                    at: i64::try_from(flown.end)? - start,
                    byte: flown.byte,
                })
            })
            .collect()
    }

    /// Ends the session in an orderly way and tells what it left behind.
    pub fn close(mut self) -> Machine {
        self.end()
    }

    fn end(&mut self) -> Machine {
        let references = self.player.take().map_or(0, UartPlayer::close);
        let Some(session) = self.session.take() else {
            return Machine::default();
        };
        let trace = trace::of(session.machine());
        let mut machine = Machine::new(&session.shut_down(), trace);
        if references != 0 {
            machine.violations.push(format!(
                "the stream still had {references} reference(s) after its pin was closed"
            ));
        }
        machine
    }

    fn session(&self) -> Result<&Session> {
        self.session
            .as_ref()
            .ok_or_else(|| anyhow!("the session has ended"))
    }
}

impl Drop for UartSession {
    fn drop(&mut self) {
        // A session that failed has its error; what the machine saw of it adds nothing.
        let _ = self.end();
    }
}
