//! Silence at a stop and before the power goes.

use super::*;

/// Stops a lane as the driver does: what waits is taken out.
fn stop(rig: &mut Rig, lane: Lane) {
    let waiting = core::mem::take(&mut rig.events.0[lane as usize]);
    rig.transmitter.stop_lane(lane, !waiting.is_empty());
}

#[test]
fn before_the_power_goes_only_silence_is_sent() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 60, 1]);
    rig.put_part(A, &[0xF0, 1]);
    rig.put(A, &[2, 0xF7]);
    assert_eq!(rig.step(4).0, [0x90, 60, 1, 0xF0]);
    rig.put(B, &[0xF8]);
    rig.transmitter.hush();
    assert!(!rig.transmitter.is_quiet(RefTime(i64::MAX)));
    assert_eq!(rig.drain(), [0x80, 60, 64, 0xB0, 120, 0, 0xB0, 123, 0]);
    assert!(
        rig.transmitter
            .is_quiet(RefTime(rig.now + 10 * BYTE_TIME.0))
    );
    assert!(!rig.transmitter.is_quiet(RefTime(rig.now)));
    rig.transmitter.hush();
    assert_eq!(rig.drain(), [0; 0]);
}

#[test]
fn a_stop_ends_what_its_stream_pressed_and_goes_before_what_waits() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 60, 1]);
    rig.put(B, &[0x90, 61, 1]);
    rig.put(B, &[0xB1, 64, 127]);
    let _ = rig.drain();
    rig.put(A, &[0x80, 60, 0]);
    rig.put(B, &[0x91, 62, 1]);
    stop(&mut rig, A);
    // Nothing drops it, not even a stop of the other lane or another of this one.
    stop(&mut rig, A);
    assert_eq!(rig.step(1).0, [0x80]);
    stop(&mut rig, A);
    rig.transmitter.drop_lane(A);
    assert_eq!(rig.drain(), [60, 64, 0x91, 62, 1]);
    stop(&mut rig, B);
    assert_eq!(
        rig.drain(),
        [
            0x80, 61, 64, 0x81, 62, 64, 0xB1, 64, 0, // keys, then the pedal
            0xB0, 120, 0, 0xB0, 123, 0, 0xB1, 120, 0, 0xB1, 123, 0
        ]
    );
}

/// Whatever a stop finds open on the wire.
#[test]
fn a_torn_message_is_ended_by_the_silence() {
    for open in [&[0x90][..], &[0x90, 61], &[0xF0, 1, 2], &[0xF5, 1]] {
        let mut rig = Rig::new();
        rig.put(A, &[0x90, 60, 1]);
        rig.put_part(A, open);
        let _ = rig.drain();
        rig.put(A, &[3, 0xF7]);
        stop(&mut rig, A);
        assert_eq!(
            rig.drain(),
            [0x80, 60, 64, 0xB0, 120, 0, 0xB0, 123, 0],
            "{open:02X?}"
        );
    }
}

#[test]
fn a_silence_waits_for_the_other_lanes_message_and_lets_real_time_in() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 60, 1]);
    let _ = rig.drain();
    rig.put_part(B, &[0xF0, 1, 2]);
    assert_eq!(rig.drain(), [0xF0, 1, 2]);
    stop(&mut rig, A);
    // The dump still arrives.
    for byte in 3..6 {
        assert!(matches!(rig.step(9).1, Next::Rest(_)));
        rig.now += PATIENCE.0 - 10 * BYTE_TIME.0;
        rig.put_part(B, &[byte]);
        assert_eq!(rig.step(1).0, [byte]);
    }
    rig.put(B, &[0xF7]);
    rig.put(B, &[0xF8]);
    rig.put(B, &[0x91, 1, 1]);
    assert_eq!(rig.step(2).0, [0xF7, 0xF8]);
    assert_eq!(rig.step(2).0, [0x80, 60]);
    rig.events.0[B as usize].push_front((std::vec![0xFE], false));
    assert_eq!(
        rig.drain(),
        [0xFE, 64, 0xB0, 120, 0, 0xB0, 123, 0, 0x91, 1, 1]
    );
}

/// One that has stalled does not keep notes sounding for ever.
#[test]
fn a_stalled_dump_gives_way_to_a_silence() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 60, 1]);
    let _ = rig.drain();
    rig.put_part(B, &[0xF0, 1, 2]);
    let _ = rig.drain();
    stop(&mut rig, A);
    assert!(matches!(rig.step(9).1, Next::Rest(_)));
    rig.now += PATIENCE.0;
    assert_eq!(rig.step(9).0, [0x80, 60, 64, 0xB0, 120, 0, 0xB0, 123, 0]);
    let cut = rig.transmitter.take_cut(B).unwrap();
    assert_eq!((cut.bytes, cut.count), (3, 1));
}

#[test]
fn running_status_goes_on_behind_a_silence() {
    let mut rig = Rig::new();
    rig.put(A, &[0xC1, 5]);
    rig.put(A, &[0x90, 60, 1]);
    let _ = rig.drain();
    stop(&mut rig, A);
    rig.transmitter.hold(A, Hold::Running);
    rig.put(A, &[61, 1]);
    assert_eq!(
        rig.drain(),
        [0x80, 60, 64, 0xB0, 120, 0, 0xB0, 123, 0, 0x90, 61, 1]
    );
}

#[test]
fn a_stop_that_discards_nothing_keeps_running_status() {
    let kept = |discard: &[u8], open: &[u8]| {
        let mut rig = Rig::new();
        rig.put(A, &[0xC0, 5]);
        if !open.is_empty() {
            rig.put_part(A, open);
        }
        let _ = rig.drain();
        if !discard.is_empty() {
            rig.put(A, discard);
        }
        stop(&mut rig, A);
        rig.transmitter.hold(A, Hold::Running);
        rig.put(A, &[6]);
        rig.put(A, &[0xC0, 7]);
        rig.drain()
    };
    assert_eq!(kept(&[], &[]), [6, 0xC0, 7]);
    assert_eq!(kept(&[0xC1, 9], &[]), [0xC0, 7]);
    assert_eq!(kept(&[9], &[]), [0xC0, 7]);
    // What was begun is discarded, too.
    assert_eq!(kept(&[], &[0xC1]), [0xC0, 7]);
    assert_eq!(kept(&[], &[0xF0, 1]), [0xC0, 7]);
    // What came in STOP and went back.
    let mut rig = Rig::new();
    rig.put(A, &[0xC0, 5]);
    let _ = rig.drain();
    rig.transmitter.forget_status(A);
    rig.put(A, &[6]);
    assert_eq!(rig.drain(), [0; 0]);
}

#[test]
fn a_reset_chip_keeps_the_running_status_of_an_idle_lane() {
    let mut rig = Rig::new();
    rig.put(A, &[0xC0, 5]);
    rig.put(B, &[0xC1, 5]);
    let _ = rig.drain();
    rig.put(B, &[0xC2, 6]);
    assert_eq!(rig.step(1).0, [0xC2]);
    rig.transmitter.hush();
    rig.transmitter.restart();
    rig.put(A, &[6]);
    rig.put(B, &[7]);
    // The receiver was not told of any status since.
    assert_eq!(rig.drain(), [0xC0, 6, 0xC2, 6, 7]);
}

#[test]
fn a_lanes_new_stream_begins_anew() {
    let mut rig = Rig::new();
    rig.put(A, &[0xC0, 5]);
    let _ = rig.drain();
    stop(&mut rig, A);
    rig.transmitter.open_lane(A);
    rig.transmitter.hold(A, Hold::Running);
    rig.put(A, &[6]);
    assert_eq!(rig.drain(), [0; 0]);
}

#[test]
fn a_cut_dump_is_told_of() {
    let begun = || {
        let mut rig = Rig::new();
        rig.put_part(A, &[0xF0, 1, 0xF8, 2]);
        assert_eq!(rig.drain(), [0xF0, 1, 0xF8, 2]);
        assert_eq!(rig.transmitter.take_cut(A), None);
        rig
    };
    let told = |rig: &mut Rig| {
        let cut = rig.transmitter.take_cut(A);
        assert_eq!(rig.transmitter.take_cut(A), None, "once");
        assert_eq!(rig.transmitter.take_cut(B), None);
        assert_eq!(rig.transmitter.cuts(A), u32::from(cut.is_some()));
        cut.map(|cut| (cut.lane, cut.bytes, cut.count))
    };
    let of_three = Some((A, 3, 1));
    let mut rig = begun();
    stop(&mut rig, A);
    assert_eq!(told(&mut rig), of_three, "stopped");
    let mut rig = begun();
    rig.transmitter.hush();
    rig.transmitter.restart();
    assert_eq!(told(&mut rig), of_three, "the power went");
    let mut rig = begun();
    rig.transmitter.drop_all();
    assert_eq!(told(&mut rig), of_three, "the chip died");
    let mut rig = begun();
    rig.put(A, &[0xF7]);
    let _ = rig.drain();
    stop(&mut rig, A);
    assert_eq!(told(&mut rig), None, "it was whole");
    let mut rig = begun();
    rig.put(A, &[0x90, 1, 0]);
    let _ = rig.drain();
    stop(&mut rig, A);
    assert_eq!(told(&mut rig), None, "its own sender ended it");
    // One that lies in one event is sent again, whole.
    let mut rig = Rig::new();
    rig.put(A, &[0xF0, 1, 2, 3, 0xF7]);
    assert_eq!(rig.step(3).0, [0xF0, 1, 2]);
    rig.transmitter.hush();
    rig.transmitter.restart();
    assert_eq!(rig.drain(), [0xF0, 1, 2, 3, 0xF7]);
    assert_eq!(told(&mut rig), None, "nothing is missing");
}
