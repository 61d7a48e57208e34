//! The MPU-401 subdevice from boot to unload, natively.

use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{Binary, Hardware, Session, TimedMessage, UartPlayer};
use dmusmini_simulator::tracking_allocator::TrackingAllocator;

#[global_allocator]
static ALLOCATOR: TrackingAllocator = TrackingAllocator;

fn note(at: i64, key: u8) -> TimedMessage {
    TimedMessage {
        at,
        group: 1,
        bytes: vec![0x90, key, 100],
    }
}

#[test]
fn messages_arrive_on_the_wire_in_order_and_on_time() {
    let session = Session::boot(&Binary::Native).expect("boot");
    let device = session
        .install(&Hardware::uart(Config::default()))
        .expect("install");
    let player = UartPlayer::open(&device).expect("open");
    let (flown, start) = player.play(
        &session,
        (0..50).map(|i| note(i * 100_000, 40 + u8::try_from(i).expect("small"))),
    );
    let bytes: Vec<u8> = flown.iter().map(|flown| flown.byte).collect();
    let expected: Vec<u8> = (0..50).flat_map(|i| [0x90, 40 + i, 100]).collect();
    assert_eq!(bytes, expected);
    for (index, first) in flown.iter().step_by(3).enumerate() {
        let due = start + index as u64 * 100_000;
        assert!(
            (due..due + 12_000).contains(&first.start),
            "{index}: {} {due}",
            first.start
        );
    }
    assert_eq!(player.close(), 0);
    let report = session.shut_down();
    assert!(report.is_clean(), "{report}");
}
