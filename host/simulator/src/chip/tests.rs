//! The chip by itself: what it holds, answers, loses and forgets.

use dmusmini::mpu401::spec::Register;

use super::registers::ACKNOWLEDGE;
use super::{Blame, Cable, Chip, Config};

fn uart(config: Config) -> Chip {
    Chip::new(Config {
        in_uart_mode: true,
        ..config
    })
}

/// Writes until the chip refuses; the number of bytes it took.
fn fill(chip: &mut Chip, now: u64) -> usize {
    (0..1_000)
        .take_while(|_| {
            let ready = chip.read(now, Register::Control) & 0x40 == 0;
            if ready {
                chip.write(now, Register::Data, 0x55);
            }
            ready
        })
        .count()
}

#[test]
fn a_chip_holds_its_depth_and_one_byte_on_the_wire() {
    for depth in [1, 16, 64] {
        let mut chip = uart(Config {
            depth,
            ..Config::default()
        });
        assert_eq!(fill(&mut chip, 0), depth + 1);
        assert_eq!(fill(&mut chip, 3_199), 0);
        assert_eq!(fill(&mut chip, 3_200), 1);
        assert_eq!(chip.blame(), Blame::default());
    }
}

#[test]
fn bytes_leave_back_to_back_and_may_come_back() {
    let mut chip = uart(Config {
        cable: Cable::Loopback,
        ..Config::default()
    });
    for byte in [1, 2, 3] {
        chip.write(500, Register::Data, byte);
    }
    assert!(!chip.interrupt(3_699));
    assert_eq!(chip.next_change(500), Some(3_700));
    assert!(chip.interrupt(3_700));
    assert_eq!(chip.read(3_700, Register::Data), 1);
    assert!(!chip.interrupt(3_700));
    let sent = chip.take_sent(20_000);
    assert_eq!(
        sent.iter().map(|flown| flown.end).collect::<Vec<_>>(),
        [3_700, 6_900, 10_100]
    );
    assert_eq!(
        [
            chip.read(20_000, Register::Data),
            chip.read(20_000, Register::Data)
        ],
        [2, 3]
    );
    assert_eq!(chip.read(20_000, Register::Control) & 0x80, 0x80);
}

#[test]
fn a_reset_is_answered_only_outside_uart_mode() {
    let mut chip = uart(Config::default());
    chip.write(0, Register::Control, 0xFF);
    assert_eq!(chip.read(10_000, Register::Control) & 0x80, 0x80);
    chip.write(10_000, Register::Control, 0xFF);
    assert_eq!(
        chip.read(10_000, Register::Control) & 0xC0,
        0xC0,
        "busy with the command"
    );
    assert_eq!(chip.read(10_300, Register::Control) & 0xC0, 0x00);
    assert_eq!(chip.read(10_300, Register::Data), ACKNOWLEDGE);
    chip.write(10_400, Register::Control, 0x3F);
    assert_eq!(chip.read(11_000, Register::Data), ACKNOWLEDGE);
    assert!(chip.is_in_uart_mode());
    assert_eq!(chip.blame(), Blame::default());
}

#[test]
fn the_newest_byte_is_lost_in_a_full_fifo() {
    let mut chip = uart(Config {
        depth: 1,
        ..Config::default()
    });
    chip.play(0, [7, 8]);
    assert_eq!(chip.read(10_000, Register::Data), 7);
    assert_eq!(chip.blame().overruns, 1);
    assert_eq!(chip.take_heard(10_000).len(), 2);
}

#[test]
fn an_empty_slot_floats_high() {
    let mut chip = uart(Config::default());
    chip.config.faults.removed_at_access = Some(1);
    assert_eq!(chip.read(0, Register::Control), 0xBF);
    assert_eq!(chip.read(0, Register::Control), 0xFF);
    assert_eq!(chip.read(0, Register::Data), 0xFF);
    assert!(!chip.interrupt(0) && chip.is_removed());
}

#[test]
fn a_lost_interrupt_stays_lost_until_the_fifo_is_empty() {
    let mut chip = uart(Config::default());
    chip.faults_mut().lost_interrupts.insert(0);
    chip.play(0, [1, 2]);
    assert!(!chip.interrupt(7_000));
    assert_eq!(chip.read(7_000, Register::Data), 1);
    assert!(!chip.interrupt(7_000));
    assert_eq!(chip.read(7_000, Register::Data), 2);
    chip.play(7_000, [3]);
    assert!(chip.interrupt(11_000));
}
