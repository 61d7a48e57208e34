use super::*;
use crate::ring::{Producer, ring};
use std::vec::Vec;

struct Rig {
    producer: Producer<Received>,
    capture: Capture,
    now: i64,
}

impl Rig {
    fn new(format: Format, part: usize) -> Self {
        let (producer, consumer) = ring(256).unwrap();
        Self {
            producer,
            capture: Capture::try_new(consumer, format, part).unwrap(),
            now: 0,
        }
    }

    /// Receives bytes back to back.
    fn receive(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.now += BYTE_TIME.0;
            self.push(byte, Missing::Nothing);
        }
    }

    fn push(&mut self, byte: u8, missing: Missing) {
        let at = RefTime(self.now);
        let received = Received { byte, missing, at };
        self.producer.push(received).unwrap();
    }

    /// Everything there is: bytes, the first byte's number, incomplete, after a loss.
    fn take(&mut self) -> Vec<(Vec<u8>, i64, bool, bool)> {
        core::iter::from_fn(|| {
            let message = self.capture.front()?;
            let taken = (
                message.bytes.to_vec(),
                message.at.0 / BYTE_TIME.0,
                message.incomplete,
                message.after_loss,
            );
            self.capture.consume();
            Some(taken)
        })
        .collect()
    }
}

fn whole(bytes: &[u8], at: i64) -> (Vec<u8>, i64, bool, bool) {
    (bytes.to_vec(), at, false, false)
}

fn part(bytes: &[u8], at: i64) -> (Vec<u8>, i64, bool, bool) {
    (bytes.to_vec(), at, true, false)
}

#[test]
fn a_message_stays_until_it_is_consumed() {
    let mut rig = Rig::new(Format::Cooked, 64);
    rig.receive(&[0x90, 1, 2, 3, 4]);
    let first = rig.capture.front().unwrap().bytes.to_vec();
    assert_eq!(rig.capture.front().unwrap().bytes, first);
    assert_eq!(
        rig.take(),
        [whole(&[0x90, 1, 2], 1), whole(&[0x90, 3, 4], 4)]
    );
}

#[test]
fn a_long_sysex_comes_in_parts_and_the_last_one_says_so() {
    for len in [1, 7, 8, 9, 16, 17, 100] {
        let mut rig = Rig::new(Format::Cooked, 8);
        let mut sysex = std::vec![0x22; len + 2];
        sysex[0] = 0xF0;
        sysex[len + 1] = 0xF7;
        rig.receive(&sysex);
        rig.receive(&[0x80, 1, 2]);
        let mut taken = rig.take();
        assert_eq!(taken.pop().unwrap().0, [0x80, 1, 2]);
        let (last, parts) = taken.split_last().unwrap();
        assert!(!last.2 && parts.iter().all(|part| part.2 && part.0.len() == 8));
        let joined: Vec<u8> = taken.iter().flat_map(|part| part.0.clone()).collect();
        assert_eq!(joined, sysex, "{len}");
        let times: Vec<i64> = taken.iter().map(|part| part.1).collect();
        assert!(
            times
                .iter()
                .zip(0..)
                .all(|(&at, index)| at == 1 + 8 * index)
        );
    }
}

#[test]
fn real_time_goes_ahead_of_the_sysex_around_it() {
    let mut rig = Rig::new(Format::Cooked, 64);
    rig.receive(&[0xF0, 1, 0xF8, 2, 0xF7]);
    assert_eq!(
        rig.take(),
        [whole(&[0xF8], 3), whole(&[0xF0, 1, 2, 0xF7], 1)]
    );
}

#[test]
fn a_sysex_that_is_cut_is_delivered_as_it_is() {
    let mut rig = Rig::new(Format::Cooked, 8);
    rig.receive(&[0xF0, 1, 0xF0, 2, 0xF7, 0xF0, 3, 0xF6, 0xF0, 4, 0x90, 5, 6]);
    assert_eq!(
        rig.take(),
        [
            whole(&[0xF0, 1], 1),
            whole(&[0xF0, 2, 0xF7], 3),
            whole(&[0xF0, 3], 6),
            whole(&[0xF6], 8),
            whole(&[0xF0, 4], 9),
            whole(&[0x90, 5, 6], 11),
        ]
    );
    // A full part that turns out to be the last.
    rig.receive(&[0xF0, 1, 2, 3, 4, 5, 6, 7, 0xF6]);
    let taken = rig.take();
    assert_eq!(taken[0], whole(&[0xF0, 1, 2, 3, 4, 5, 6, 7], 14));
    assert_eq!(taken[1].0, [0xF6]);
}

/// F4 and F5 are one message with the data bytes that follow, up to the next status byte.
#[test]
fn undefined_system_common_is_one_message_with_its_data() {
    let mut rig = Rig::new(Format::Cooked, 64);
    rig.receive(&[0x90, 1, 2, 0xF5, 2]);
    assert_eq!(rig.take(), [whole(&[0x90, 1, 2], 1)]);
    rig.receive(&[
        0xF8, 3, 0x90, 0x3C, 0x40, 0xF4, 0xF4, 5, 0xF0, 6, 0xF5, 7, 0xF0, 0xF7,
    ]);
    assert_eq!(
        rig.take(),
        [
            whole(&[0xF8], 6),
            whole(&[0xF5, 2, 3], 4),
            whole(&[0x90, 0x3C, 0x40], 8),
            whole(&[0xF4], 11),
            whole(&[0xF4, 5], 12),
            whole(&[0xF0, 6], 14),
            whole(&[0xF5, 7], 16),
            whole(&[0xF0, 0xF7], 18),
        ]
    );
    // F7 ends it and is part of nothing, whether it is full or not; so are data bytes behind that.
    for len in [1, 63, 64] {
        let mut undefined = std::vec![9; len];
        undefined[0] = 0xF4;
        rig.receive(&undefined);
        rig.receive(&[0xF7, 1, 2, 0xF6]);
        let taken: Vec<_> = rig.take().into_iter().map(|m| (m.0, m.2)).collect();
        assert_eq!(taken, [(undefined, false), (std::vec![0xF6], false)]);
    }
}

#[test]
fn an_undefined_message_is_one_event_of_at_most_one_part() {
    for len in [7, 8, 9, 16, 17, 100] {
        for end in [0xF6, 0xF7] {
            let mut rig = Rig::new(Format::Cooked, 8);
            let mut undefined = std::vec![0x22; len];
            undefined[0] = 0xF5;
            rig.receive(&undefined);
            rig.receive(&[end, 0x91, 1, 2]);
            let taken: Vec<_> = rig.take().into_iter().map(|m| (m.0, m.2)).collect();
            undefined.truncate(8);
            let mut expected = std::vec![(undefined, false)];
            if end == 0xF6 {
                expected.push((std::vec![0xF6], false));
            }
            expected.push((std::vec![0x91, 1, 2], false));
            assert_eq!(taken, expected, "{len}");
            let stray = len.saturating_sub(8) + usize::from(end == 0xF7);
            assert_eq!(rig.capture.strays() as usize, stray, "{len}");
        }
    }
}

#[test]
fn an_undefined_message_with_a_hole_is_delivered_as_it_is() {
    let mut rig = Rig::new(Format::Cooked, 64);
    rig.receive(&[0xF5, 1]);
    rig.push(2, Missing::Unwanted);
    rig.receive(&[3, 0xF6]);
    let taken: Vec<_> = rig.take().into_iter().map(|m| m.0).collect();
    assert_eq!(taken, [std::vec![0xF5, 1], std::vec![0xF6]]);
}

/// However large the allocator's buffers are (contract section 7.3).
#[test]
fn no_part_is_longer_than_240_bytes() {
    let mut rig = Rig::new(Format::Cooked, 4_096);
    for chunk in [&[0xF0][..], &[7; 249], &[0xF7]] {
        rig.receive(chunk);
    }
    let lengths: Vec<_> = rig
        .take()
        .iter()
        .map(|part| (part.0.len(), part.2))
        .collect();
    assert_eq!(lengths, [(240, true), (11, false)]);
}

#[test]
fn undefined_real_time_is_a_message() {
    let mut rig = Rig::new(Format::Cooked, 64);
    rig.receive(&[0x90, 0xF9, 1, 2, 0xFD, 3, 4, 0xF0, 0xF9, 0xF7]);
    assert_eq!(
        rig.take(),
        [
            whole(&[0xF9], 2),
            whole(&[0x90, 1, 2], 1),
            whole(&[0xFD], 5),
            whole(&[0x90, 3, 4], 6),
            whole(&[0xF9], 9),
            whole(&[0xF0, 0xF7], 8),
        ]
    );
}

#[test]
fn a_loss_is_marked_on_the_next_message_and_joins_nothing() {
    let mut rig = Rig::new(Format::Cooked, 64);
    rig.receive(&[0x90, 1, 2, 0x90, 3]);
    rig.push(4, Missing::Lost);
    rig.receive(&[5, 6, 0x80, 7, 8, 0x81, 9, 9]);
    let taken = rig.take();
    assert_eq!(taken[0], whole(&[0x90, 1, 2], 1));
    assert_eq!((&taken[1].0[..], taken[1].3), (&[0x80, 7, 8][..], true));
    assert_eq!((&taken[2].0[..], taken[2].3), (&[0x81, 9, 9][..], false));

    rig.receive(&[0xF0, 1, 2]);
    rig.push(3, Missing::Lost);
    rig.receive(&[4, 0xF7, 0x80, 7, 8]);
    let taken = rig.take();
    assert_eq!(
        (&taken[0].0[..], taken[0].2, taken[0].3),
        (&[0xF0, 1, 2][..], false, false)
    );
    assert_eq!((&taken[1].0[..], taken[1].3), (&[0x80, 7, 8][..], true));
    assert_eq!(taken.len(), 2);
}

#[test]
fn what_nobody_wanted_joins_nothing_and_is_no_loss() {
    let mut rig = Rig::new(Format::Cooked, 64);
    rig.receive(&[0x90, 1, 2, 3]);
    rig.push(7, Missing::Unwanted);
    rig.receive(&[8, 0xF0, 1]);
    rig.push(3, Missing::Unwanted);
    rig.receive(&[0xF7, 0x93, 1, 2]);
    let taken: Vec<_> = rig.take().into_iter().map(|m| (m.0, m.2, m.3)).collect();
    let whole = |bytes: &[u8]| (bytes.to_vec(), false, false);
    assert_eq!(
        taken,
        [
            whole(&[0x90, 1, 2]),
            whole(&[0xF0, 1]),
            whole(&[0x93, 1, 2])
        ]
    );
}

#[test]
fn two_losses_in_a_row_are_one_mark() {
    let mut rig = Rig::new(Format::Cooked, 64);
    rig.push(0x90, Missing::Lost);
    rig.push(1, Missing::Nothing);
    rig.push(0x90, Missing::Lost);
    rig.push(1, Missing::Nothing);
    rig.push(2, Missing::Nothing);
    let taken = rig.take();
    assert_eq!(taken.len(), 1);
    assert_eq!((&taken[0].0[..], taken[0].3), (&[0x90, 1, 2][..], true));
}

#[test]
fn raw_chunks_begin_at_status_bytes_and_after_pauses() {
    let mut rig = Rig::new(Format::Raw, 64);
    rig.receive(&[0x90, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xF8, 0x80]);
    rig.now += 10 * BYTE_TIME.0;
    rig.receive(&[1, 2]);
    assert_eq!(
        rig.take(),
        [
            part(&[0x90, 1, 2, 3, 4, 5, 6, 7], 1),
            part(&[8, 9], 9),
            part(&[0xF8], 11),
            part(&[0x80], 12),
            part(&[1, 2], 23),
        ]
    );
}

#[test]
fn raw_chunks_end_where_bytes_are_missing() {
    let mut rig = Rig::new(Format::Raw, 64);
    rig.receive(&[1, 2]);
    rig.push(3, Missing::Lost);
    rig.push(4, Missing::Unwanted);
    let taken: Vec<_> = rig.take().into_iter().map(|m| (m.0, m.3)).collect();
    assert_eq!(
        taken,
        [
            (std::vec![1, 2], false),
            (std::vec![3], true),
            (std::vec![4], false)
        ]
    );
}

#[test]
fn clear_forgets_a_loss() {
    let mut rig = Rig::new(Format::Cooked, 8);
    rig.push(0x90, Missing::Lost);
    assert!(rig.capture.front().is_none());
    rig.capture.clear();
    rig.receive(&[0x90, 1, 2]);
    assert_eq!(rig.take(), [whole(&[0x90, 1, 2], 1)]);
}

#[test]
fn clear_forgets_everything() {
    let mut rig = Rig::new(Format::Cooked, 8);
    rig.receive(&[0x90, 1, 2, 0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(rig.capture.front().is_some());
    rig.capture.clear();
    assert!(rig.capture.front().is_none());
    rig.receive(&[3, 4, 0xF7, 0x90, 1, 2]);
    assert_eq!(rig.take().len(), 1);
}
