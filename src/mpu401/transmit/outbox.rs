//! What waits to be sent, as the transmitter sees it: lanes of events.
#![forbid(unsafe_code)]

/// A render stream's place at the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The legacy MIDI pin.
    Legacy,
    /// The DirectMusic pin.
    DirectMusic,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 2] = [Self::Legacy, Self::DirectMusic];

    /// The one other lane.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Legacy => Self::DirectMusic,
            Self::DirectMusic => Self::Legacy,
        }
    }
}

/// The bytes of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// All of them, however many were sent already.
    pub bytes: &'a [u8],
    /// The next event continues the same message: `DMUS_KEF_EVENT_INCOMPLETE`.
    pub incomplete: bool,
    /// The next event is of the same package: another lane's messages do not come in between.
    pub linked: bool,
}

/// The events that wait to be sent, lane by lane, in their order.
pub trait Outbox {
    /// The oldest event of a lane.
    fn front(&self, lane: Lane) -> Option<Chunk<'_>>;
    /// The oldest event of a lane is done with.
    fn advance(&mut self, lane: Lane);
}

/// What ends with an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) message: bool,
    pub(super) package: bool,
}

impl Ends {
    pub(super) const fn of(chunk: &Chunk<'_>) -> Self {
        Self {
            message: !chunk.incomplete,
            package: !chunk.linked,
        }
    }
}
