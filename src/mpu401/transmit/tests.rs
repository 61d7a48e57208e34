use std::collections::VecDeque;
use std::vec::Vec;

use super::*;
use crate::mpu401::handshake;
use crate::mpu401::spec::{BYTE_TIME, RETRY, Register, SKIP_LIMIT, ZERO_PROGRESS_LIMIT};

mod messages;
mod random;
mod silence;

/// A chip that takes as many bytes as it is told and keeps them.
#[derive(Debug, Default)]
struct Output {
    room: usize,
    wire: Vec<u8>,
    answer: bool,
}

impl PortIo for Output {
    fn read(&mut self, register: Register) -> u8 {
        match register {
            Register::Data => {
                self.answer = false;
                0xFE
            }
            Register::Control => {
                let data = if self.answer { 0 } else { 0x80 };
                data | if self.room > 0 { 0 } else { 0x40 }
            }
        }
    }

    fn write(&mut self, register: Register, value: u8) {
        match register {
            Register::Control => self.answer = true,
            Register::Data => {
                assert!(self.room > 0, "written while busy");
                self.room -= 1;
                self.wire.push(value);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Events([VecDeque<(Vec<u8>, bool)>; 2]);

impl Outbox for Events {
    fn front(&self, lane: Lane) -> Option<Chunk<'_>> {
        self.0[lane as usize]
            .front()
            .map(|(bytes, incomplete)| Chunk {
                bytes,
                incomplete: *incomplete,
                linked: false,
            })
    }

    fn advance(&mut self, lane: Lane) {
        assert!(self.0[lane as usize].pop_front().is_some());
    }
}

struct Rig {
    chip: Mpu401<Output>,
    transmitter: Transmitter,
    events: Events,
    now: i64,
}

const A: Lane = Lane::Legacy;
const B: Lane = Lane::DirectMusic;

impl Rig {
    fn new() -> Self {
        let output = Output {
            room: usize::MAX,
            ..Output::default()
        };
        let mut chip = Mpu401::new(output);
        handshake::run(&mut chip, |_| {}).unwrap();
        let mut transmitter = Transmitter::new();
        for lane in Lane::ALL {
            transmitter.hold(lane, Hold::Running);
        }
        Self {
            chip,
            transmitter,
            events: Events::default(),
            now: 0,
        }
    }

    fn put(&mut self, lane: Lane, bytes: &[u8]) {
        self.events.0[lane as usize].push_back((bytes.to_vec(), false));
    }

    fn put_part(&mut self, lane: Lane, bytes: &[u8]) {
        self.events.0[lane as usize].push_back((bytes.to_vec(), true));
    }

    /// One step with room for so many bytes: what was sent, and what next.
    fn step(&mut self, room: usize) -> (Vec<u8>, Next) {
        self.now += BYTE_TIME.0;
        self.chip.port_mut().room = room;
        let now = RefTime(self.now);
        let outcome = self.transmitter.step(&mut self.chip, &mut self.events, now);
        let sent = core::mem::take(&mut self.chip.port_mut().wire);
        assert_eq!(sent.len(), outcome.sent as usize);
        (sent, outcome.next)
    }

    /// Everything that can be sent, byte by byte.
    fn drain(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        loop {
            let (byte, next) = self.step(1);
            sent.extend(byte);
            if next == Next::Idle {
                return sent;
            }
        }
    }
}

#[test]
fn messages_of_two_lanes_alternate_and_are_whole() {
    let mut rig = Rig::new();
    for key in 0..3 {
        rig.put(A, &[0x90, key, 1]);
        rig.put(B, &[0x91, key, 1]);
    }
    let wire = rig.drain();
    let order: Vec<(u8, u8)> = wire
        .chunks(3)
        .map(|message| (message[0], message[1]))
        .collect();
    assert_eq!(
        order,
        [
            (0x90, 0),
            (0x91, 0),
            (0x90, 1),
            (0x91, 1),
            (0x90, 2),
            (0x91, 2)
        ]
    );
}

#[test]
fn only_real_time_gets_into_a_message() {
    let mut rig = Rig::new();
    rig.put_part(A, &[0xF0, 1, 2]);
    rig.put(A, &[3, 0xF7]);
    assert_eq!(rig.step(2).0, [0xF0, 1]);
    rig.put(B, &[0xF8]);
    rig.put(B, &[0x90, 5, 6]);
    rig.put(B, &[0xFE]);
    assert_eq!(rig.drain(), [0xF8, 2, 3, 0xF7, 0x90, 5, 6, 0xFE]);
}

#[test]
fn an_event_of_several_messages_is_atomic() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 1, 0x90, 2, 2]);
    rig.put(B, &[0x91, 3, 3]);
    assert_eq!(rig.drain(), [0x90, 1, 1, 0x90, 2, 2, 0x91, 3, 3]);
}

#[test]
fn running_status_survives_the_other_lane() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 1]);
    rig.put(B, &[0xC5, 9]);
    rig.put(A, &[2, 2]);
    rig.put(A, &[3, 3]);
    assert_eq!(rig.drain(), [0x90, 1, 1, 0xC5, 9, 0x90, 2, 2, 3, 3]);
}

#[test]
fn data_without_a_status_is_dropped() {
    let mut rig = Rig::new();
    rig.put(A, &[1, 2, 3]);
    rig.put(A, &[0xF7]);
    rig.put(A, &[0x80, 1, 2]);
    assert_eq!(rig.drain(), [0x80, 1, 2]);
}

#[test]
fn empty_and_truncated_events_hold_nobody_up() {
    let mut rig = Rig::new();
    rig.put(A, &[]);
    rig.put(A, &[0x90, 1]);
    rig.put(B, &[0x81, 2, 3]);
    rig.put(A, &[0x82, 4, 5]);
    assert_eq!(rig.drain(), [0x90, 1, 0x81, 2, 3, 0x82, 4, 5]);
}

#[test]
fn a_sysex_that_stops_in_the_middle_is_given_up_after_a_while() {
    let mut rig = Rig::new();
    rig.put_part(A, &[0xF0, 1]);
    assert_eq!(rig.drain(), [0xF0, 1]);
    rig.put(B, &[0x90, 1, 2]);
    let (sent, next) = rig.step(9);
    assert!(sent.is_empty() && matches!(next, Next::Rest(_)), "{next:?}");
    rig.now += PATIENCE.0;
    assert_eq!(rig.step(9).0, [0x90, 1, 2]);
    // The rest comes too late and goes nowhere.
    rig.put_part(A, &[2, 3]);
    rig.put(A, &[4, 0xF7]);
    rig.put(A, &[0x91, 5, 6]);
    assert_eq!(rig.drain(), [0x91, 5, 6]);
}

#[test]
fn a_held_lane_finishes_its_short_message_only() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 2]);
    rig.put(A, &[0x90, 3, 4]);
    assert_eq!(rig.step(1).0, [0x90]);
    rig.transmitter.hold(A, Hold::Held);
    assert_eq!(rig.drain(), [1, 2]);
    rig.transmitter.hold(A, Hold::Running);
    assert_eq!(rig.drain(), [0x90, 3, 4]);
}

#[test]
fn a_stopped_lane_leaves_no_trace() {
    let mut rig = Rig::new();
    rig.put_part(A, &[0xF0, 1, 2]);
    rig.put(B, &[0x91, 1, 2]);
    assert_eq!(rig.step(2).0, [0xF0, 1]);
    rig.events.0[0].clear();
    rig.transmitter.drop_lane(A);
    rig.put(A, &[3, 0xF7]);
    rig.put(A, &[0x92, 1, 2]);
    assert_eq!(rig.drain(), [0x91, 1, 2, 0x92, 1, 2]);
}

#[test]
fn a_restart_sends_the_front_event_again_and_tears_the_middle_of_a_sysex() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 2]);
    rig.put_part(A, &[0xF0, 7]);
    rig.put(A, &[8, 0xF7]);
    assert_eq!(rig.step(2).0, [0x90, 1]);
    rig.transmitter.restart();
    assert_eq!(rig.step(6).0, [0x90, 1, 2, 0xF0, 7, 8]);
    rig.transmitter.restart();
    assert_eq!(rig.drain(), [0; 0]);
}

#[test]
fn a_dead_chip_is_reported_once_and_forgiven() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 2]);
    let mut attempts = 0;
    while !matches!(rig.step(0).1, Next::GaveUp(_)) {
        rig.now += RETRY.0;
        attempts += 1;
    }
    assert_eq!(attempts + 1, ZERO_PROGRESS_LIMIT);
    assert_eq!(rig.step(0).1, Next::GaveUp(GaveUp::Before));
    rig.events.0[0].clear();
    rig.transmitter.drop_all();
    rig.put(A, &[0x80, 1, 2]);
    assert_eq!(rig.step(9), (std::vec![0x80, 1, 2], Next::Idle));
    rig.put(A, &[0x80, 1, 2]);
    assert!(matches!(rig.step(0).1, Next::Rest(_)));
}

#[test]
fn frequent_callers_do_not_make_a_chip_die_sooner() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 2]);
    for _ in 0..10 * ZERO_PROGRESS_LIMIT {
        let (_, next) = rig.step(0);
        rig.now -= BYTE_TIME.0 - 100;
        assert!(matches!(next, Next::Rest(_)), "{next:?}");
    }
}

#[test]
fn rests_grow_with_the_depth_that_was_seen() {
    for (depth, longest) in [(1, SHORTEST_REST.0), (16, 40_000), (64, 200_000)] {
        let mut rig = Rig::new();
        rig.put(A, &[0x55; 200]);
        rig.events.0[0][0].0[0] = 0xF0;
        let mut room: usize = depth + 1;
        let rest = loop {
            rig.chip.port_mut().room = room;
            let outcome = rig
                .transmitter
                .step(&mut rig.chip, &mut rig.events, RefTime(0));
            room -= outcome.sent as usize;
            match outcome.next {
                Next::Again => {}
                Next::Rest(rest) => break rest.0,
                next => panic!("{next:?}"),
            }
        };
        // However late the timer, the chip must not have run dry.
        let held = i64::try_from(depth).unwrap() * 3_168;
        assert!(
            rest == SHORTEST_REST.0 || rest + 10_000 <= held,
            "{depth}: {rest}"
        );
        assert!(
            rest <= longest && (depth == 1 || rest >= longest / 2),
            "{depth}: {rest}"
        );
    }
}

#[test]
fn a_chip_that_is_not_ready_keeps_what_waits_and_a_removed_one_gives_it_up() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 2]);
    rig.chip.close();
    assert_eq!(rig.step(9).1, Next::Idle);
    assert_eq!(rig.events.0[0].len(), 1);
    // One that failed may be tried again.
    rig.chip.mode = Mode::Failed;
    assert_eq!(rig.step(9).1, Next::Idle);
    assert_eq!(rig.events.0[0].len(), 1);
    rig.chip.remove();
    assert_eq!(rig.step(9).1, Next::GaveUp(GaveUp::Removed));
}

#[test]
fn no_step_skips_more_than_its_limit_and_nobody_waits_for_what_is_skipped() {
    let mut rig = Rig::new();
    // The rest of a long SysEx that was torn.
    for _ in 0..600 {
        rig.put(A, &[0x55; 100]);
    }
    rig.put(A, &[0x90, 1, 2]);
    rig.put(B, &[0x91, 3, 4]);
    let left = |rig: &Rig| rig.events.0[A as usize].len();
    let mut sent = Vec::new();
    let mut steps = 0;
    loop {
        let before = left(&rig);
        let (bytes, next) = rig.step(usize::MAX);
        sent.extend(bytes);
        let skipped = before - left(&rig);
        assert!(skipped <= SKIP_LIMIT as usize / 100 + 1, "{skipped} events");
        if next == Next::Idle {
            break;
        }
        assert_eq!(next, Next::Again);
        assert_eq!(sent, [0x91, 3, 4], "at once");
        steps += 1;
    }
    assert_eq!(sent, [0x91, 3, 4, 0x90, 1, 2]);
    assert!(steps <= 600 * 101 / SKIP_LIMIT + 1, "{steps}");
    // Events without any bytes count as well.
    for _ in 0..10_000 {
        rig.put(A, &[]);
    }
    rig.step(1);
    assert!(left(&rig) >= 10_000 - SKIP_LIMIT as usize);
}

#[test]
fn data_behind_a_torn_message_has_no_status() {
    let mut rig = Rig::new();
    rig.put(B, &[0x90, 5, 5]);
    assert_eq!(rig.drain(), [0x90, 5, 5]);
    rig.put(A, &[0x90, 1, 1]);
    rig.put(A, &[0x90, 2]);
    rig.put(A, &[3, 4]);
    assert_eq!(rig.drain(), [0x90, 1, 1, 0x90, 2]);
    // The other lane's own is still in force, but not at the receiver.
    rig.put(B, &[6, 6]);
    assert_eq!(rig.drain(), [0x90, 6, 6]);
}

#[test]
fn a_held_lane_finishes_an_event_of_several_messages() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 1, 0x90, 2, 2]);
    rig.put(A, &[0x90, 3, 3]);
    assert_eq!(rig.step(3).0, [0x90, 1, 1]);
    rig.transmitter.hold(A, Hold::Held);
    rig.put(B, &[0x91, 4, 4]);
    assert_eq!(rig.drain(), [0x90, 2, 2, 0x91, 4, 4]);
}

#[test]
fn patience_begins_anew_with_each_byte() {
    let mut rig = Rig::new();
    rig.put_part(A, &[0xF0, 1]);
    assert_eq!(rig.step(2).0, [0xF0, 1]);
    rig.put(B, &[0x91, 4, 4]);
    for byte in 2..6 {
        assert!(matches!(rig.step(1).1, Next::Rest(_)));
        rig.now += PATIENCE.0 / 2;
        rig.put_part(A, &[byte]);
        assert_eq!(rig.step(1).0, [byte]);
    }
    rig.put(A, &[0xF7]);
    assert_eq!(rig.drain(), [0xF7, 0x91, 4, 4]);
}

#[test]
fn a_chip_that_died_before_a_restart_gets_another_chance() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 1]);
    let gave_up = Next::GaveUp(GaveUp::JustNow);
    let died = |rig: &mut Rig| {
        (0..=ZERO_PROGRESS_LIMIT).find(|_| {
            rig.now += RETRY.0;
            rig.step(0).1 == gave_up
        })
    };
    let first = died(&mut rig);
    assert!(first.is_some());
    assert_eq!(rig.step(0).1, Next::GaveUp(GaveUp::Before));
    rig.transmitter.restart();
    assert_eq!(died(&mut rig), first);
}
