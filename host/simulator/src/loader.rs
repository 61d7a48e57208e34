//! Loading the unmodified `.sys`.

use std::ops::Range;

/// Where an image lies.
#[derive(Clone, Debug)]
pub struct ImageRange {
    /// Its addresses.
    pub addresses: Range<usize>,
}
