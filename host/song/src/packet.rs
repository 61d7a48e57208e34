//! System exclusive messages that a file splits into packets, and bytes that it escapes.

/// Joins packets: `F0` starts a message, `F7` events continue it, an `F7` byte ends it.
#[derive(Default)]
pub(crate) struct Packets {
    open: Vec<u8>,
}

impl Packets {
    /// An `F0` event. Gives the message if this packet is all of it.
    pub(crate) fn start(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        // An unfinished message before it is abandoned, as the wire would have it.
        self.open = vec![0xF0];
        self.push(data)
    }

    /// An `F7` event: the next packet of an open message, or bytes to be sent as they are.
    pub(crate) fn next(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        if !self.open.is_empty() {
            return self.push(data);
        }
        match data.first() {
            Some(0xF0) => self.start(&data[1..]),
            Some(0x80..) => Some(data.to_vec()),
            _ => None,
        }
    }

    fn push(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        self.open.extend_from_slice(data);
        (self.open.last() == Some(&0xF7)).then(|| std::mem::take(&mut self.open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_split_and_escaped() {
        let mut packets = Packets::default();
        assert_eq!(packets.start(&[1, 2, 0xF7]).unwrap(), [0xF0, 1, 2, 0xF7]);
        assert_eq!(packets.start(&[1]), None);
        assert_eq!(packets.next(&[2]), None);
        assert_eq!(packets.next(&[3, 0xF7]).unwrap(), [0xF0, 1, 2, 3, 0xF7]);
        assert_eq!(packets.next(&[0xF8]).unwrap(), [0xF8]);
        assert_eq!(packets.next(&[0x12]), None);
    }
}
