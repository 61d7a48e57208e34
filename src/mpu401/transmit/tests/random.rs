//! Two lanes of random messages over a chip with random room: each comes out whole, in its lane's order.

use proptest::prelude::*;

use super::*;
use crate::midi::parser::{Meaning, Parser};

/// Messages that tell their lane: by channel, by the byte behind the status, by which real time it is.
fn message(lane: u8) -> impl Strategy<Value = Vec<u8>> {
    let data = || 0..0x80_u8;
    let real_time = if lane == 0 {
        [0xF8, 0xF9]
    } else {
        [0xFD, 0xFE]
    };
    prop_oneof![
        (0_u8..8, data(), data()).prop_map(move |(channel, key, velocity)| std::vec![
            0x90 | (lane * 8) | channel,
            key,
            velocity
        ]),
        (0_u8..8, data())
            .prop_map(move |(channel, program)| std::vec![0xC0 | (lane * 8) | channel, program]),
        data().prop_map(move |high| std::vec![0xF2, lane, high]),
        prop::sample::select(real_time.to_vec()).prop_map(|byte| std::vec![byte]),
        (0xF4..=0xF5_u8, prop::collection::vec(data(), 0..6)).prop_map(
            move |(status, mut data)| {
                data.splice(..0, [status, lane]);
                data
            }
        ),
        prop::collection::vec(data(), 0..30).prop_map(move |mut data| {
            data.splice(..0, [0xF0, lane]);
            data.push(0xF7);
            data
        }),
    ]
}

/// The messages on a wire, apart by lane. Real time is apart from the rest, which it may overtake.
fn split(wire: &[u8]) -> [[Vec<Vec<u8>>; 2]; 2] {
    let mut lanes: [[Vec<Vec<u8>>; 2]; 2] = Default::default();
    let mut put = |message: Vec<u8>| {
        let lane = match message[0] {
            0xF8 | 0xF9 => 0,
            0xF8.. => 1,
            0xF0.. => usize::from(message[1]),
            status => usize::from(status & 8 != 0),
        };
        lanes[lane][usize::from(message[0] >= 0xF8)].push(message);
    };
    let mut parser = Parser::new();
    let mut open = Vec::new();
    // A status byte at the end ends what is open.
    for &byte in wire.iter().chain(&[0xF6]) {
        let step = parser.feed(byte, RefTime(0));
        if step.ended_open() {
            put(core::mem::take(&mut open));
        }
        match step.meaning {
            Meaning::Nothing => {}
            Meaning::Short(short) if short.as_bytes() == [0xF6] => {}
            Meaning::Short(short) => put(short.as_bytes().to_vec()),
            Meaning::SysEx | Meaning::Undefined => open.push(byte),
            Meaning::SysExEnd => {
                open.push(byte);
                put(core::mem::take(&mut open));
            }
        }
    }
    assert_eq!(parser.strays(), 0, "{wire:02X?}");
    lanes
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_message_is_whole_and_in_its_lanes_order(
        first in prop::collection::vec((message(0), any::<u64>()), 0..30),
        second in prop::collection::vec((message(1), any::<u64>()), 0..30),
        rooms in prop::collection::vec(0..9_usize, 1..40),
    ) {
        let mut rig = Rig::new();
        let mut expected: [[Vec<Vec<u8>>; 2]; 2] = Default::default();
        for (lane, messages) in [(A, &first), (B, &second)] {
            let mut running = None;
            for (message, choice) in messages {
                let status = message[0];
                expected[lane as usize][usize::from(status >= 0xF8)].push(message.clone());
                // Without a status byte that is implied, and in parts.
                let implied = running == Some(status) && choice & 1 != 0;
                if status < 0xF8 {
                    running = (status < 0xF0).then_some(status);
                }
                let bytes = &message[usize::from(implied)..];
                let cut = 1 + usize::try_from(choice >> 32).unwrap() % bytes.len();
                let in_parts = status == 0xF0 || matches!(status, 0xF4 | 0xF5) && choice & 2 != 0;
                if in_parts && cut < bytes.len() {
                    rig.put_part(lane, &bytes[..cut]);
                    rig.put(lane, &bytes[cut..]);
                } else {
                    rig.put(lane, bytes);
                }
            }
        }
        let mut wire = Vec::new();
        for &room in rooms.iter().cycle().take(5_000) {
            let (sent, next) = rig.step(room);
            wire.extend(sent);
            if next == Next::Idle {
                break;
            }
        }
        wire.extend(rig.drain());
        prop_assert_eq!(split(&wire), expected);
    }
}
