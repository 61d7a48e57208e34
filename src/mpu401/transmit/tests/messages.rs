//! F4 and F5, undefined real time, and dumps that arrive slowly.

use super::*;

#[test]
fn undefined_system_common_keeps_its_data() {
    let mut rig = Rig::new();
    rig.put(A, &[0x90, 1, 1]);
    rig.put(A, &[0xF5, 2]);
    rig.put(A, &[0x90, 0x3C, 0x40]);
    assert_eq!(rig.drain(), [0x90, 1, 1, 0xF5, 2, 0x90, 0x3C, 0x40]);
    // In one event with what comes before and after it, with real time inside, without data.
    for bytes in [
        &[0xF5, 2, 0x90, 0x3C, 0x40][..],
        &[0xF4, 0xF8, 1, 0xFD, 2, 3, 4, 5, 6, 7, 8, 9],
        &[0xF4],
        &[0xF5, 0xF4, 1, 0xF0, 2, 0xF5, 3, 0xF6],
    ] {
        rig.put(A, bytes);
        assert_eq!(rig.drain(), bytes);
    }
}

#[test]
fn undefined_system_common_ends_running_status() {
    for undefined in [0xF4, 0xF5] {
        let mut rig = Rig::new();
        rig.put(A, &[0x90, 1, 1]);
        rig.put(A, &[undefined]);
        rig.put(A, &[2, 3]);
        rig.put(A, &[0xFE]);
        rig.put(A, &[4]);
        rig.put(A, &[0x90, 5, 5]);
        // All these data bytes are its own, and none is a note.
        assert_eq!(
            rig.drain(),
            [0x90, 1, 1, undefined, 2, 3, 0xFE, 4, 0x90, 5, 5]
        );
        // Behind another message of either lane they have no status any more, and the same one of
        // the other lane is not this one's.
        rig.put(A, &[undefined, 1]);
        let _ = rig.drain();
        rig.put(B, &[undefined, 2]);
        let _ = rig.drain();
        rig.put(A, &[3]);
        assert_eq!(rig.drain(), [0; 0]);
        rig.put(A, &[undefined, 1]);
        rig.put(A, &[0xF7]);
        rig.put(A, &[4]);
        assert_eq!(rig.drain(), [undefined, 1]);
        // The other lane's running status is sent again behind it.
        rig.put(B, &[0xC1, 5]);
        let _ = rig.drain();
        rig.put(A, &[undefined, 1]);
        let _ = rig.drain();
        rig.put(B, &[6]);
        assert_eq!(rig.drain(), [0xC1, 6]);
    }
}

#[test]
fn undefined_system_common_keeps_the_wire_as_long_as_its_event() {
    let mut rig = Rig::new();
    rig.put(A, &[0xF5, 1, 2]);
    rig.put(A, &[0x90, 3, 3]);
    assert_eq!(rig.step(1).0, [0xF5]);
    rig.put(B, &[0xFE]);
    rig.put(B, &[0x91, 4, 4]);
    assert_eq!(
        rig.drain(),
        [0xFE, 1, 2, 0x91, 4, 4, 0x90, 3, 3],
        "real time is let in"
    );
    // An event that says that more follows keeps it until then, within reason.
    rig.put_part(A, &[0xF5, 1]);
    assert_eq!(rig.drain(), [0xF5, 1]);
    rig.put(B, &[0x91, 5, 5]);
    assert!(matches!(rig.step(9).1, Next::Rest(_)));
    rig.put(A, &[2]);
    assert_eq!(rig.drain(), [2, 0x91, 5, 5]);
    rig.put_part(A, &[0xF5, 1]);
    let _ = rig.drain();
    rig.put(B, &[0x91, 6, 6]);
    assert!(matches!(rig.step(9).1, Next::Rest(_)));
    rig.now += PATIENCE.0;
    assert_eq!(rig.drain(), [0x91, 6, 6]);
    rig.put(A, &[2]);
    assert_eq!(rig.drain(), [0; 0]);
    assert_eq!(rig.transmitter.take_cut(A), None, "it is no dump");
}

#[test]
fn undefined_system_common_ends_a_dump_and_its_event_is_finished_in_pause() {
    let mut rig = Rig::new();
    rig.put_part(A, &[0xF0, 1]);
    rig.put(A, &[0xF4, 2]);
    rig.put(B, &[0x91, 1, 1]);
    assert_eq!(rig.drain(), [0xF0, 1, 0xF4, 2, 0x91, 1, 1]);
    rig.put(A, &[0xF5, 1, 2]);
    rig.put(A, &[0x90, 3, 3]);
    assert_eq!(rig.step(1).0, [0xF5]);
    rig.transmitter.hold(A, Hold::Held);
    rig.put(B, &[0x91, 2, 2]);
    assert_eq!(rig.drain(), [1, 2, 0x91, 2, 2]);
}

#[test]
fn undefined_real_time_goes_anywhere_at_once() {
    for undefined in [0xF9, 0xFD] {
        let mut rig = Rig::new();
        rig.put(A, &[0x90, 1, undefined, 1]);
        rig.put(A, &[undefined]);
        rig.put(A, &[2, 2]);
        assert_eq!(
            rig.drain(),
            [0x90, 1, undefined, 1, undefined, 2, 2],
            "running status stays"
        );
        rig.put_part(A, &[0xF0, 1, 2]);
        rig.put(A, &[3, 0xF7]);
        assert_eq!(rig.step(2).0, [0xF0, 1]);
        rig.put(B, &[undefined]);
        assert_eq!(rig.drain(), [undefined, 2, 3, 0xF7]);
    }
}

/// A sender that paces its dump for a slow instrument, against a lane that never runs out of notes.
#[test]
fn a_dump_that_still_arrives_is_not_cut() {
    let mut rig = Rig::new();
    rig.put_part(A, &[0xF0]);
    assert_eq!(rig.drain(), [0xF0]);
    for byte in 1..10 {
        // No note waits at first: the pause counts all the same.
        rig.now += 10_000_000;
        rig.put(B, &[0x90, byte, 1]);
        assert!(matches!(rig.step(9).1, Next::Rest(_)));
        rig.now += 9_000_000;
        rig.put_part(A, &[byte]);
        assert_eq!(rig.step(1).0, [byte]);
    }
    rig.put(A, &[0xF7]);
    assert_eq!(rig.step(1).0, [0xF7]);
    assert_eq!(rig.drain().len(), 27);
    assert_eq!(rig.transmitter.take_cut(A), None);
}

/// A status byte that is missing is not made up from a message that was cut.
#[test]
fn data_that_waits_behind_a_stalled_message_gets_its_status() {
    let mut rig = Rig::new();
    rig.put(B, &[0x90, 1, 1]);
    let _ = rig.drain();
    rig.put_part(A, &[0x90, 5]);
    assert_eq!(rig.drain(), [0x90, 5]);
    rig.put(B, &[2, 2]);
    assert!(matches!(rig.step(9).1, Next::Rest(_)));
    rig.now += PATIENCE.0;
    assert_eq!(rig.drain(), [0x90, 2, 2]);
}
