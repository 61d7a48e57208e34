//! The structures of `ks.h` as bytes, for clients of both widths (abi section 5.2).

use dmusmini::com::Guid;
use dmusmini::portcls::abi::verb;

/// `sizeof (KSPROPERTY)`.
pub(super) const PROPERTY: usize = 24;
/// `sizeof (KSNODEPROPERTY)`, `sizeof (KSP_PIN)` and `sizeof (KSP_NODE)`.
pub(super) const PROPERTY_OF: usize = 32;

/// `N` bytes at an offset; zero where there are none.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    at.checked_add(N)
        .and_then(|end| bytes.get(at..end))
        .and_then(|part| part.try_into().ok())
        .unwrap_or([0; N])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

pub(super) fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(array(bytes, at))
}

pub(super) fn guid_at(bytes: &[u8], at: usize) -> Guid {
    let half = |offset| u16::from_le_bytes(array(bytes, at + offset));
    Guid {
        data1: u32_at(bytes, at),
        data2: half(4),
        data3: half(6),
        data4: array(bytes, at + 8),
    }
}

/// A KSPROPERTY, and the node of a KSNODEPROPERTY.
#[derive(Clone, Copy, Debug)]
pub(super) struct PropertyHeader {
    pub(super) set: Guid,
    pub(super) id: u32,
    pub(super) verb: u32,
    pub(super) node: Option<u32>,
    /// Bytes up to the instance data.
    pub(super) size: usize,
}

impl PropertyHeader {
    /// `None` when the structure is not whole.
    pub(super) fn read(input: &[u8]) -> Option<Self> {
        let flags = input.get(..PROPERTY).map(|head| u32_at(head, 20))?;
        let topology = flags & verb::TOPOLOGY != 0;
        let size = if topology { PROPERTY_OF } else { PROPERTY };
        (input.len() >= size).then(|| Self {
            set: guid_at(input, 0),
            id: u32_at(input, 16),
            verb: flags & !verb::TOPOLOGY,
            node: topology.then(|| u32_at(input, PROPERTY)),
            size,
        })
    }
}

/// KSPIN_CONNECT.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connect {
    pub(super) interface: (Guid, u32),
    pub(super) medium: (Guid, u32),
    pub(super) pin: u32,
    pub(super) target: u64,
    /// Bytes up to the KSDATAFORMAT.
    pub(super) size: usize,
}

impl Connect {
    /// `None` when the structure is not whole.
    pub(super) fn read(bytes: &[u8], bits32: bool) -> Option<Self> {
        let size = if bits32 { 64 } else { 72 };
        (bytes.len() >= size).then(|| Self {
            interface: (guid_at(bytes, 0), u32_at(bytes, 16)),
            medium: (guid_at(bytes, 24), u32_at(bytes, 40)),
            pin: u32_at(bytes, 48),
            target: if bits32 {
                u64::from(u32_at(bytes, 52))
            } else {
                u64_at(bytes, 56)
            },
            size,
        })
    }
}

/// KSSTREAM_HEADER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StreamHeader {
    /// The whole structure as the client gave it.
    bytes: Vec<u8>,
    bits32: bool,
}

impl StreamHeader {
    /// The headers of a request; `None` when one is not whole.
    pub(super) fn read_all(mut bytes: &[u8], bits32: bool) -> Option<Vec<Self>> {
        let least = if bits32 { 48 } else { 56 };
        let mut headers = Vec::new();
        while !bytes.is_empty() {
            let size = usize::try_from(u32_at(bytes, 0)).ok()?;
            // A header may be extended, and the next one is aligned.
            let whole = size >= least && size.is_multiple_of(8);
            let (header, rest) = bytes.split_at_checked(size).filter(|_| whole)?;
            headers.push(Self {
                bytes: header.to_vec(),
                bits32,
            });
            bytes = rest;
        }
        (!headers.is_empty()).then_some(headers)
    }

    fn flags_at(&self) -> usize {
        if self.bits32 { 44 } else { 48 }
    }

    /// `PresentationTime` in 100 ns; `None` when the client says that it has no meaning.
    pub(super) fn time(&self) -> Option<i64> {
        if u32_at(&self.bytes, self.flags_at()) & TIME_VALID == 0 {
            return None;
        }
        let time = i128::from(i64_at(&self.bytes, 8));
        let numerator = i128::from(u32_at(&self.bytes, 16).max(1));
        let denominator = i128::from(u32_at(&self.bytes, 20).max(1));
        i64::try_from(time * numerator / denominator).ok()
    }

    /// `FrameExtent`: the room.
    pub(super) fn extent(&self) -> usize {
        usize::try_from(u32_at(&self.bytes, 32)).unwrap_or(0)
    }

    /// `DataUsed`.
    pub(super) fn used(&self) -> usize {
        usize::try_from(u32_at(&self.bytes, 36)).unwrap_or(usize::MAX)
    }

    /// `Data`: an address of the client's.
    pub(super) fn data(&self) -> u64 {
        if self.bits32 {
            u64::from(u32_at(&self.bytes, 40))
        } else {
            u64_at(&self.bytes, 40)
        }
    }

    /// Says what was put into the frame.
    pub(super) fn fill(&mut self, time: i64, used: usize) {
        let flags = u32_at(&self.bytes, self.flags_at()) | TIME_VALID;
        let used = u32::try_from(used).unwrap_or(u32::MAX);
        self.put(8, &time.to_le_bytes());
        self.put(16, &1_u32.to_le_bytes());
        self.put(20, &1_u32.to_le_bytes());
        self.put(36, &used.to_le_bytes());
        self.put(self.flags_at(), &flags.to_le_bytes());
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        self.bytes[at..at + value.len()].copy_from_slice(value);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// `KSSTREAM_HEADER_OPTIONSF_TIMEVALID`.
const TIME_VALID: u32 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presentation_times_are_scaled() {
        let mut bytes = vec![0; 56];
        bytes[0] = 56;
        bytes[8..16].copy_from_slice(&44_100_i64.to_le_bytes());
        bytes[16..20].copy_from_slice(&10_000_000_u32.to_le_bytes());
        bytes[20..24].copy_from_slice(&44_100_u32.to_le_bytes());
        let untimed = StreamHeader::read_all(&bytes, false).expect("one header");
        assert_eq!(untimed[0].time(), None);
        bytes[48] = 0x10;
        let timed = StreamHeader::read_all(&bytes, false).expect("one header");
        assert_eq!(timed[0].time(), Some(10_000_000));
    }

    #[test]
    fn headers_that_are_not_whole_are_none() {
        for size in [0, 48, 55, 57, 64] {
            let mut bytes = vec![0; 56];
            bytes[0] = size;
            assert_eq!(StreamHeader::read_all(&bytes, false), None, "{size}");
        }
        let mut two = vec![0; 112];
        (two[0], two[56]) = (56, 56);
        assert_eq!(
            StreamHeader::read_all(&two, false).map(|list| list.len()),
            Some(2)
        );
        assert_eq!(StreamHeader::read_all(&[], false), None);
    }
}
