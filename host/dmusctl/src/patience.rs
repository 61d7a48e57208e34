//! Pins that are busy for a moment: when a device arrives, Windows' audio service opens its pins to see what they are.

use std::time::Duration;

use crate::{
    Filter, Pin, System,
    error::OsError,
    ks::{Access, Object},
};

/// How often a busy pin is tried, and the time between two tries: 2 s in all.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// A filter whose busy pins are tried again for 2 s.
#[derive(Clone, Copy)]
pub struct Patient<'a> {
    /// For its time.
    pub system: &'a dyn System,
    /// The filter itself.
    pub filter: &'a dyn Filter,
}

impl std::fmt::Debug for Patient<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Patient")
    }
}

impl Object for Patient<'_> {
    fn property(&self, request: &[u8], value: &mut [u8]) -> Result<usize, OsError> {
        self.filter.property(request, value)
    }
}

impl Filter for Patient<'_> {
    fn create_pin(&self, connect: &[u8], access: Access) -> Result<Box<dyn Pin>, OsError> {
        // Tries are counted, for there are systems whose clock stands still while a client sleeps.
        for _ in 0..TRIES {
            match self.filter.create_pin(connect, access) {
                Err(error) if error.code.is_busy() => self.system.sleep(PAUSE),
                done => return done,
            }
        }
        let last = self.filter.create_pin(connect, access);
        last.map_err(|error| {
            if error.code.is_busy() {
                error.of("the pin is in use")
            } else {
                error
            }
        })
    }
}
