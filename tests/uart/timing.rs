//! Output with nothing coming in: the timer alone carries it, and nobody stalls for more than
//! 50 us.

use dmusmini_simulator::chip::{Blame, Config};
use dmusmini_simulator::session::Hardware;

use super::rig::{Rig, SECOND, name, with_each_binary};

#[test]
fn the_timer_alone_keeps_a_fifo_busy() {
    with_each_binary(|binary| {
        for (depth, least) in [(1, 0.79), (16, 0.999), (64, 0.999)] {
            let rig = Rig::open(
                binary,
                &Hardware::uart(Config {
                    depth,
                    ..Config::default()
                }),
            );
            let mut sysex = vec![0x55; 30_000];
            sysex[0] = 0xF0;
            sysex[29_999] = 0xF7;
            let machine = rig.session.machine();
            let count = || ["ExSetTimer", "KeStallExecutionProcessor"].map(|f| machine.calls(f));
            let before = count();
            rig.send(&rig.legacy, &sysex);
            rig.advance(20 * SECOND);
            let after = count();
            let sent = rig.device.take_sent();
            assert!(sent.iter().map(|flown| flown.byte).eq(sysex));
            assert_eq!(rig.chip().borrow().blame(), Blame::default());
            let span = (sent[29_999].end - sent[0].start) as f64;
            let busy = 30_000.0 * 3_200.0 / span;
            println!(
                "output alone, depth {depth:2}, {}: wire {:.3} % busy by timer alone, {:.0} timers \
                 set/s, {} stalls",
                name(binary),
                100.0 * busy,
                (after[0] - before[0]) as f64 * SECOND as f64 / span,
                after[1] - before[1],
            );
            // Without standing still a chip that holds one byte gets to 78 %.
            assert!(busy >= least, "{busy}");
            if depth > 1 {
                assert_eq!(after[1], before[1], "nobody stalls to fill a FIFO");
            }
            // One stall of 50 us a call, and a few register accesses.
            let stretches = machine.stretches();
            println!("longest DPC at depth {depth:2}: {} us", stretches.dpc / 10);
            assert!(depth > 1 || stretches.dpc <= 800, "{stretches:?}");
            rig.end();
        }
    });
}
