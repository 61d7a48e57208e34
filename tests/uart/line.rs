//! The interrupt line: who claims it, and lines that are latched (mpu401 section 4).

use dmusmini::com::Status;
use dmusmini::portcls::abi::KsState;
use dmusmini_simulator::chip::{Blame, Config};
use dmusmini_simulator::interrupt::Trigger;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::session::{Hardware, Session};
use dmusmini_simulator::trace::Event;

use super::rig::{MILLISECOND, Rig, SECOND, with_each_binary};

/// Whether the interrupts since the last call were claimed.
fn claims(rig: &Rig, since: &mut usize) -> Vec<bool> {
    let records = rig.session.machine().trace().records();
    let claims: Vec<bool> = records
        .iter()
        .filter_map(|record| match record.event {
            Event::Interrupt { claimed, .. } => Some(claimed),
            _ => None,
        })
        .collect();
    let fresh = claims[*since..].to_vec();
    *since = claims.len();
    fresh
}

#[test]
fn an_interrupt_is_claimed_if_and_only_if_the_chip_had_something() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let machine = rig.session.machine();
        machine.trace().keep(1 << 20);
        let mut since = claims(&rig, &mut 0).len();
        machine.spurious_interrupt(9);
        assert_eq!(claims(&rig, &mut since), [false], "nothing there");
        // Sending has no interrupt of its own: not ours either.
        rig.send(&rig.legacy, &[0xF0, 1, 2, 3, 4, 5, 6, 0xF7]);
        machine.spurious_interrupt(9);
        assert_eq!(claims(&rig, &mut since), [false], "while it sends");
        rig.advance(10 * MILLISECOND);
        assert_eq!(claims(&rig, &mut since), [false; 0], "it sends in silence");
        rig.play([0x90, 1, 2]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(claims(&rig, &mut since), [true; 3], "a byte each");
        // Bytes that nobody wants are read all the same, or the line would never fall.
        assert_eq!(rig.capture.jump(KsState::PAUSE), Status::SUCCESS);
        rig.play([0x90, 1, 2]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(claims(&rig, &mut since), [true; 3], "unwanted bytes");
        assert_eq!(rig.capture.captured().len(), 1);
        rig.end();
    });
}

/// ISA: the line tells of a byte once. Whoever leaves one behind never hears of the next.
#[test]
fn nothing_is_left_behind_on_a_latched_line() {
    for depth in [1, 16, 64] {
        with_each_binary(|binary| {
            let session = Session::boot(binary).unwrap();
            session.machine().add_line(9, Irql(8), Trigger::Latched);
            let config = Config {
                depth,
                ..Config::default()
            };
            let device = session.install(&Hardware::uart(config)).unwrap();
            let rig = Rig::on(session, device);
            for burst in 0..100_u8 {
                let notes = (0..burst % 40).flat_map(|key| [0x90 | (burst % 16), key, 1]);
                rig.play(notes);
                rig.send(&rig.legacy, &[0x90, burst, 1]);
                rig.advance(SECOND / 20);
                let captured = rig.capture.captured();
                assert_eq!(captured.len(), usize::from(burst % 40), "burst {burst}");
                for message in captured {
                    assert_eq!(message.bytes[0], 0x90 | (burst % 16), "burst {burst}");
                }
            }
            assert_eq!(rig.sent().len(), 300);
            assert_eq!(rig.chip().borrow().blame(), Blame::default());
            rig.end();
        });
    }
}
