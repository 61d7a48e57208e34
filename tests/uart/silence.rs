//! Nothing sounds on when a stream stops, a client is gone or the power goes; and a dump that was cut is
//! told of.

use dmusmini::com::Status;
use dmusmini::driver::uart::properties::{CUT_DUMPS, PROPSETID_UART};
use dmusmini::portcls::abi::{KsState, PowerState};
use dmusmini_simulator::chip::{Config, Flown};
use dmusmini_simulator::session::{Client, Device, Hardware, Pin, Property, Session};

use super::rig::{MILLISECOND, Rig, SECOND, name, with_each_binary};

/// The bar: before D3 and at the last close.
const LIMIT: u64 = 250 * MILLISECOND;

/// An instrument: which keys sound. One that obeys "all sound off" and "all notes off", and one that
/// knows neither.
#[derive(Default)]
struct Instrument {
    obeys: bool,
    keys: std::collections::BTreeSet<(u8, u8)>,
    held: std::collections::BTreeSet<(u8, u8)>,
    pedals: std::collections::BTreeSet<(u8, u8)>,
    message: Vec<u8>,
}

impl Instrument {
    fn hear(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                0xF8.. => {}
                0x80.. => self.message = vec![byte],
                _ => self.message.push(byte),
            }
            if let &[status @ 0x80..0xF0, first, second] = &self.message[..] {
                self.message.truncate(1);
                self.obey(status & 0xF0, status & 0x0F, first, second);
            }
        }
    }

    fn obey(&mut self, kind: u8, channel: u8, first: u8, second: u8) {
        match (kind, first, second) {
            (0x90, key, 1..) => {
                self.keys.insert((channel, key));
            }
            (0x80 | 0x90, key, _) => {
                let held = self.keys.remove(&(channel, key)) && self.has_pedal(channel);
                self.held.extend(held.then_some((channel, key)));
            }
            (0xB0, 64 | 66 | 69, 64..) => {
                self.pedals.insert((channel, first));
            }
            (0xB0, 64 | 66 | 69, _) => {
                self.pedals.remove(&(channel, first));
                if !self.has_pedal(channel) {
                    self.held.retain(|held| held.0 != channel);
                }
            }
            (0xB0, 120, 0) if self.obeys => {
                self.keys.retain(|key| key.0 != channel);
                self.held.retain(|key| key.0 != channel);
            }
            _ => {}
        }
    }

    fn has_pedal(&self, channel: u8) -> bool {
        self.pedals.iter().any(|pedal| pedal.0 == channel)
    }

    fn is_silent(&self) -> bool {
        self.keys.is_empty() && self.held.is_empty() && self.pedals.is_empty()
    }
}

fn instruments() -> [Instrument; 2] {
    [false, true].map(|obeys| Instrument {
        obeys,
        ..Instrument::default()
    })
}

fn bytes(flown: &[Flown]) -> Vec<u8> {
    flown.iter().map(|one| one.byte).collect()
}

/// Chords with pedals on every channel, `keys` on each.
fn chords(keys: u8) -> impl Iterator<Item = [u8; 3]> {
    (0..16).flat_map(move |channel| {
        let pedals = [64, 66, 69].map(|pedal| [0xB0 | channel, pedal, 127]);
        pedals
            .into_iter()
            .chain((0..keys).map(move |key| [0x90 | channel, key, 1]))
    })
}

/// What a client plays before it is gone, in the wire's time.
fn play(session: &Session, pin: &Pin, keys: u8) {
    for message in chords(keys) {
        pin.put_now(1, &message);
        session.machine().advance(2 * MILLISECOND);
    }
    session.machine().advance(50 * MILLISECOND);
}

#[test]
fn a_stop_ends_what_its_stream_pressed() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.send(&rig.legacy, &[0x90, 60, 100]);
        rig.send(&rig.legacy, &[0xB1, 64, 127]);
        rig.send(&rig.legacy, &[0x91, 61, 100]);
        rig.send(&rig.legacy, &[0x91, 61, 0]);
        rig.send(&rig.direct_music, &[0x90, 62, 100]);
        rig.advance(20 * MILLISECOND);
        let _ = rig.sent();
        // Note-offs that wait are dropped; the silence is not, and goes although the stream is stopped.
        rig.legacy.put_now(1, &[0xF0; 1]);
        rig.legacy.put_now(1, &[0xF7]);
        for _ in 0..10 {
            rig.legacy.put_now(1, &[0xC0, 5]);
        }
        rig.legacy.put_now(1, &[0x80, 60, 0]);
        assert_eq!(rig.legacy.jump(KsState::STOP), Status::SUCCESS);
        assert_eq!(rig.legacy.events_with_driver(), (0, 0));
        assert_eq!(rig.legacy.jump(KsState::STOP), Status::SUCCESS);
        rig.advance(100 * MILLISECOND);
        let sent = rig.sent();
        // The other stream's key is on channel 0, so no controller for all of that.
        let silence = [0x80, 60, 64, 0xB1, 64, 0, 0xB1, 120, 0, 0xB1, 123, 0];
        assert!(sent.ends_with(&silence), "{sent:02X?}");
        assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
        assert_eq!(rig.legacy.jump(KsState::STOP), Status::SUCCESS);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), [0; 0], "once");
        assert_eq!(rig.direct_music.jump(KsState::STOP), Status::SUCCESS);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), [0x80, 62, 64, 0xB0, 120, 0, 0xB0, 123, 0]);
        rig.end();
    });
}

/// Keys stay down, for the stream goes on where it was; so does what the queue holds.
#[test]
fn a_pause_ends_nothing() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.send(&rig.legacy, &[0x90, 60, 100]);
        rig.advance(5 * MILLISECOND);
        assert_eq!(rig.sent(), [0x90, 60, 100]);
        for held in [KsState::PAUSE, KsState::ACQUIRE] {
            assert_eq!(rig.legacy.jump(held), Status::SUCCESS);
            rig.legacy.put_now(1, &[0x80, 60, 0]);
            rig.advance(50 * MILLISECOND);
            assert_eq!(rig.sent(), [0; 0], "{held:?}");
            assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
            rig.advance(5 * MILLISECOND);
            assert_eq!(rig.sent(), [0x80, 60, 0], "{held:?}");
        }
        rig.end();
    });
}

/// A process that ends closes its pins, with or without a stop before; so does a program that resets its
/// port first (`midiOutReset`: what waits is given up, note-offs and all).
#[test]
fn nothing_sounds_after_a_close() {
    for depth in [1, 16, 64] {
        with_each_binary(|binary| {
            for keys in [1, 5, 7, 8, 128] {
                for way in ["stop", "without a stop", "reset"] {
                    let config = Config {
                        depth,
                        ..Config::default()
                    };
                    let rig = Rig::open(binary, &Hardware::uart(config));
                    play(&rig.session, &rig.legacy, keys);
                    let Rig {
                        legacy,
                        direct_music,
                        capture,
                        filter,
                        device,
                        session,
                    } = rig;
                    assert_eq!(direct_music.close(), 0);
                    let mut heard = instruments();
                    let before = bytes(&device.take_sent());
                    for instrument in &mut heard {
                        instrument.hear(&before);
                        assert_eq!(instrument.keys.len(), 16 * usize::from(keys));
                    }
                    let start = session.machine().now();
                    if way == "reset" {
                        legacy.send(session.master_time() + 1_000_000, 1, &[0x80, 0, 0]);
                        legacy.reset();
                    }
                    let left = if way == "without a stop" {
                        legacy.close_without_stop()
                    } else {
                        legacy.close()
                    };
                    assert_eq!(left, 0);
                    let took = session.machine().now() - start;
                    expect_silence(&device, &mut heard, keys, &format!("{way}, depth {depth}"));
                    if keys == 128 {
                        println!(
                            "last close, {way}, depth {depth}, {}: {} ms",
                            name(binary),
                            took / MILLISECOND
                        );
                    }
                    assert!(took <= LIMIT, "{way}, {keys} keys: {took}");
                    assert_eq!(capture.close(), 0);
                    drop((filter, device));
                    let report = session.shut_down();
                    assert!(report.is_clean(), "{report}");
                }
            }
        });
    }
}

/// All has left by now. An instrument that obeys nothing but note-offs is silent as well, as far as
/// these fit.
fn expect_silence(device: &Device, heard: &mut [Instrument; 2], keys: u8, context: &str) {
    let silence = bytes(&device.take_sent());
    for instrument in heard {
        instrument.hear(&silence);
        let left = instrument.keys.len();
        if instrument.obeys || 16 * usize::from(keys) <= 120 {
            assert!(
                instrument.is_silent(),
                "{context}, {keys} keys: {left} sound"
            );
        } else {
            assert_eq!(16 * usize::from(keys) - left, 120, "{context}");
            assert!(instrument.pedals.is_empty() && instrument.held.is_empty());
        }
    }
}

#[test]
fn nothing_sounds_in_d3_and_it_takes_a_quarter_of_a_second_at_most() {
    for depth in [1, 16, 64] {
        with_each_binary(|binary| {
            for keys in [5, 8, 128] {
                let config = Config {
                    depth,
                    ..Config::default()
                };
                let rig = Rig::open(binary, &Hardware::uart(config));
                play(&rig.session, &rig.legacy, keys);
                // Both streams, and a dump on its way.
                rig.send(&rig.direct_music, &[0xF0; 1]);
                for _ in 0..100 {
                    rig.direct_music.put_now(1, &[1; 8]);
                }
                rig.advance(10 * MILLISECOND);
                let mut heard = instruments();
                let before = rig.sent();
                for instrument in &mut heard {
                    instrument.hear(&before);
                }
                let start = rig.now();
                assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
                let took = rig.now() - start;
                expect_silence(&rig.device, &mut heard, keys, &format!("D3, depth {depth}"));
                println!(
                    "D3 with {} keys, depth {depth}, {}: {} ms",
                    16 * u32::from(keys),
                    name(binary),
                    took / MILLISECOND
                );
                assert!(took <= LIMIT, "{took}");
                assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
                rig.end();
            }
        });
    }
}

/// Nothing was lost, so the data bytes that follow still mean what their sender means.
#[test]
fn a_stop_without_losses_keeps_running_status() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        let restart = || {
            for state in [KsState::STOP, KsState::RUN] {
                assert_eq!(rig.legacy.jump(state), Status::SUCCESS);
            }
        };
        rig.legacy.put_now(1, &[0xC3, 5]);
        rig.advance(5 * MILLISECOND);
        restart();
        rig.legacy.put_now(1, &[6]);
        rig.advance(5 * MILLISECOND);
        assert_eq!(rig.sent(), [0xC3, 5, 6]);
        // A silence and another stream come in between, and it is sent again.
        rig.legacy.put_now(1, &[0x93, 60, 1]);
        rig.advance(5 * MILLISECOND);
        restart();
        rig.advance(10 * MILLISECOND);
        rig.legacy.put_now(1, &[61, 1]);
        rig.advance(5 * MILLISECOND);
        let silence = [0x80 | 3, 60, 64, 0xB3, 120, 0, 0xB3, 123, 0];
        let expected = [&[0x93, 60, 1][..], &silence, &[0x93, 61, 1]].concat();
        assert_eq!(rig.sent(), expected);
        // What waits is lost, and so is what its status was.
        rig.legacy.put_now(1, &[0xB3, 7, 1]);
        for _ in 0..40 {
            rig.legacy.put_now(1, &[7, 2]);
        }
        restart();
        rig.advance(100 * MILLISECOND);
        let _ = rig.sent();
        rig.legacy.put_now(1, &[7, 3]);
        rig.legacy.put_now(1, &[0xC3, 9]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), [0xC3, 9]);
        // What came while it was stopped went back.
        assert_eq!(rig.legacy.jump(KsState::STOP), Status::SUCCESS);
        rig.legacy.put_now(1, &[0xB3, 7, 1]);
        assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
        rig.legacy.put_now(1, &[7]);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), [0; 0]);
        rig.end();
    });
}

fn cut_dumps(pin: &Pin) -> Option<u32> {
    let property = Property::get(PROPSETID_UART, CUT_DUMPS, 4).on_node(0);
    pin.property(&property, Client::USER).as_u32()
}

/// Paced for a slow instrument, while the other pin plays and stops.
#[test]
fn a_dump_that_still_arrives_is_sent_whole() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        rig.direct_music.put_now(1, &[0x91, 60, 1]);
        rig.legacy.put_now(1, &[0xF0, 0]);
        rig.advance(5 * MILLISECOND);
        for part in 1..8 {
            rig.advance(3 * SECOND / 2);
            rig.direct_music.put_now(1, &[0x91, part, 1]);
            rig.direct_music.put_now(1, &[0xF8]);
            rig.advance(SECOND / 4);
            rig.legacy.put_now(1, &[part, part]);
            rig.advance(5 * MILLISECOND);
        }
        assert_eq!(rig.direct_music.jump(KsState::STOP), Status::SUCCESS);
        rig.advance(SECOND);
        rig.legacy.put_now(1, &[0xF7]);
        rig.advance(20 * MILLISECOND);
        let mut sent = rig.sent();
        sent.retain(|&byte| byte != 0xF8);
        let parts = (1..8).flat_map(|part| [part, part]);
        let dump: Vec<u8> = [0x91, 60, 1, 0xF0, 0].into_iter().chain(parts).collect();
        let silence = [0xF7, 0x81, 60, 64, 0xB1, 120, 0, 0xB1, 123, 0];
        assert_eq!(sent, [&dump[..], &silence].concat());
        assert_eq!(cut_dumps(&rig.legacy), Some(0));
        assert_eq!(rig.traced("SysExCut"), 0);
        rig.end();
    });
}

#[test]
fn a_dump_that_was_cut_is_told_of() {
    with_each_binary(|binary| {
        let rig = Rig::open(binary, &Hardware::uart(Config::default()));
        // Stalled: of nothing that comes is known, and the other pin has notes.
        rig.legacy.put_now(1, &[0xF0, 1, 2]);
        rig.advance(5 * MILLISECOND);
        rig.direct_music.put_now(1, &[0xC1, 5]);
        rig.advance(3 * SECOND);
        assert_eq!(rig.sent(), [0xF0, 1, 2, 0xC1, 5]);
        assert_eq!(cut_dumps(&rig.legacy), Some(1));
        rig.legacy.put_now(1, &[3, 0xF7]);
        rig.advance(5 * MILLISECOND);
        assert_eq!(rig.sent(), [0; 0]);
        // Stopped.
        rig.legacy.put_now(1, &[0xF0; 1]);
        for _ in 0..100 {
            rig.legacy.put_now(1, &[1; 8]);
        }
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.legacy.jump(KsState::STOP), Status::SUCCESS);
        assert_eq!(rig.legacy.jump(KsState::RUN), Status::SUCCESS);
        assert_eq!(cut_dumps(&rig.legacy), Some(2));
        // The power went.
        rig.legacy.put_now(1, &[0xF0, 1]);
        rig.advance(5 * MILLISECOND);
        assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
        assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
        assert_eq!(cut_dumps(&rig.legacy), Some(3));
        // Whole ones, and the other pins', are none.
        let mut dump = vec![1; 300];
        dump[0] = 0xF0;
        dump[299] = 0xF7;
        rig.send(&rig.legacy, &dump);
        rig.advance(SECOND);
        let counts = [&rig.legacy, &rig.direct_music, &rig.capture].map(cut_dumps);
        assert_eq!(counts, [Some(3), Some(0), Some(0)]);
        let traced = rig.fields("SysExCut");
        assert_eq!(traced.len(), 3, "{traced:?}");
        assert_eq!(traced[0], [0, 3, 1]);
        assert_eq!((traced[1][0], traced[1][2]), (0, 2));
        assert_eq!(traced[2], [0, 2, 3]);
        rig.end();
    });
}
