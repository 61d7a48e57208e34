//! Births that fail half-way and deaths in any order, with every reference, event and byte counted.

mod binaries;

use dmusmini::com::Guid;
use dmusmini::portcls::abi::{DataFlow, KsState};
use dmusmini::portcls::guids::{
    KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI, KSDATAFORMAT_SUBTYPE_PCM,
};
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{
    Device, Format, Hardware, Pin, Session, WaveFormat, WaveOptions,
};
use dmusmini_simulator::tracking_allocator::TrackingAllocator;

use binaries::in_every_build;

#[global_allocator]
static ALLOCATOR: TrackingAllocator = TrackingAllocator;

const WAVE: Format = Format::Wave(WaveFormat::pcm16(44_100, 2));

fn uart() -> Hardware {
    Hardware::uart(Config::default())
}

/// A pin by what flows through it.
fn pin_of(device: &Device, subtype: &Guid, flow: DataFlow) -> (String, u32) {
    let name = device.subdevices().first().cloned().expect("a subdevice");
    let filter = device.filter(&name).expect("the filter");
    let pin = filter.pin_of(subtype, flow).expect("the pin");
    (name, pin)
}

fn open(device: &Device, subtype: &Guid, flow: DataFlow, format: &Format) -> Pin {
    let (name, pin) = pin_of(device, subtype, flow);
    device
        .filter(&name)
        .expect("the filter")
        .open(pin, format)
        .expect("open")
}

/// A way for something to fail at the `n`-th chance from now; 0 is the next.
struct Failure {
    name: &'static str,
    arm: fn(&Session, u64),
    /// Whether it was still to come.
    disarm: fn(&Session) -> bool,
}

const FAILURES: [Failure; 2] = [
    Failure {
        name: "pool allocation",
        arm: |session, n| session.machine().pool().fail_nth(n),
        disarm: |session| session.machine().pool().fail_none(),
    },
    Failure {
        name: "PortCls object",
        arm: Session::fail_portcls_object,
        disarm: Session::fail_no_portcls_object,
    },
];

/// Lets `attempt` fail at its first chance, its second and so on until none is left; returns how
/// many there were.
fn sweep(session: &Session, failure: &Failure, mut attempt: impl FnMut(&Session) -> bool) -> u64 {
    for n in 0..500 {
        (failure.arm)(session, n);
        let succeeded = attempt(session);
        if (failure.disarm)(session) {
            assert!(succeeded, "{} {n}: failed without a failure", failure.name);
            return n;
        }
    }
    panic!("{}: no end", failure.name);
}

#[test]
fn starting_fails_cleanly_at_each_chance() {
    in_every_build(|session| {
        for failure in &FAILURES {
            for hardware in [uart(), Hardware::synth()] {
                let chances = sweep(session, failure, |session| {
                    let before = session.machine().pool().counters().bytes;
                    let device = session.install(&hardware);
                    let started = device.is_ok();
                    if let Ok(device) = device {
                        assert!(device.remove().is_success());
                    }
                    let after = session.machine().pool().counters().bytes;
                    assert_eq!(after, before, "bytes after a start that ended");
                    started
                });
                println!("starting survives {chances} chances of a {}", failure.name);
            }
        }
    });
}

#[test]
fn opening_a_pin_fails_cleanly_at_each_chance() {
    let pins = [
        (
            uart(),
            KSDATAFORMAT_SUBTYPE_MIDI,
            DataFlow::In,
            Format::Midi,
        ),
        (
            uart(),
            KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
            DataFlow::In,
            Format::DirectMusic,
        ),
        (
            uart(),
            KSDATAFORMAT_SUBTYPE_MIDI,
            DataFlow::Out,
            Format::Midi,
        ),
        (
            Hardware::synth(),
            KSDATAFORMAT_SUBTYPE_MIDI,
            DataFlow::In,
            Format::Midi,
        ),
        (
            Hardware::synth(),
            KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
            DataFlow::In,
            Format::DirectMusic,
        ),
        (
            Hardware::synth(),
            KSDATAFORMAT_SUBTYPE_PCM,
            DataFlow::Out,
            WAVE,
        ),
    ];
    in_every_build(|session| {
        for failure in &FAILURES {
            for (hardware, subtype, flow, format) in &pins {
                let device = session.install(hardware).expect("install");
                let (name, pin) = pin_of(&device, subtype, *flow);
                let filter = device.filter(&name).expect("the filter");
                let references = filter.miniport_references();
                let chances = sweep(session, failure, |_| {
                    let opened = filter.open(pin, format);
                    let succeeded = opened.is_ok();
                    if let Ok(pin) = opened {
                        assert_eq!(pin.close(), 0);
                    }
                    assert_eq!(filter.miniport_references(), references);
                    succeeded
                });
                println!(
                    "{name} pin {pin} survives {chances} chances of a {}",
                    failure.name
                );
                drop(filter);
                assert!(device.remove().is_success());
            }
        }
    });
}

#[test]
fn states_may_be_walked_and_jumped() {
    in_every_build(|session| {
        let device = session.install(&uart()).expect("install");
        let pin = open(
            &device,
            &KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
            DataFlow::In,
            &Format::DirectMusic,
        );
        for state in [
            KsState::RUN,
            KsState::STOP,
            KsState::PAUSE,
            KsState::ACQUIRE,
            KsState::RUN,
        ] {
            pin.set_state(state).expect("a step");
            assert!(pin.jump(state).is_success(), "to where it is");
        }
        for state in [
            KsState::STOP,
            KsState::RUN,
            KsState::ACQUIRE,
            KsState::RUN,
            KsState::STOP,
        ] {
            assert!(pin.jump(state).is_success());
        }
        assert!(!pin.jump(KsState(4)).is_success());
        assert_eq!(pin.close(), 0);
    });
}

#[test]
fn a_pin_closes_with_events_under_way() {
    in_every_build(|session| {
        let device = session.install(&uart()).expect("install");
        for wait in [0, 1_000, 12_345, 99_999, 500_000] {
            let pin = open(
                &device,
                &KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
                DataFlow::In,
                &Format::DirectMusic,
            );
            pin.run().expect("run");
            for n in 0..40_u8 {
                pin.send(
                    session.master_time() + i64::from(n) * 5_000,
                    1,
                    &[0x90, n, 1],
                );
                pin.send(session.master_time(), 1, &[0xF0; 300]);
            }
            pin.send_package(session.master_time(), 1, &[&[0x90, 1, 2], &[0xF0; 40]]);
            session.machine().advance(wait);
            assert_eq!(pin.close(), 0);
        }
    });
}

#[test]
fn capture_survives_an_allocator_without_events() {
    in_every_build(|session| {
        let device = session.install(&uart()).expect("install");
        let pin = open(
            &device,
            &KSDATAFORMAT_SUBTYPE_MIDI,
            DataFlow::Out,
            &Format::Midi,
        );
        pin.run().expect("run");
        let chip = device.chip().expect("a chip");
        pin.starve_after(Some(3));
        let now = session.machine().now();
        let bytes: Vec<u8> = (0..100).flat_map(|n| [0x90, n, 64]).collect();
        chip.borrow_mut().play(now, bytes.iter().copied());
        session.machine().advance(500_000);
        pin.starve_after(None);
        session.machine().advance(2_000_000);
        let messages: Vec<u8> = pin.captured().into_iter().flat_map(|m| m.bytes).collect();
        assert!(
            messages == bytes,
            "{} of {} bytes",
            messages.len(),
            bytes.len()
        );
        assert_eq!(pin.close(), 0);
    });
}

#[test]
fn the_pins_of_a_synthesizer_close_in_either_order() {
    in_every_build(|session| {
        let device = session.install(&Hardware::synth()).expect("install");
        for wave_first in [true, false] {
            for wave_opened_first in [true, false] {
                let midi = || {
                    open(
                        &device,
                        &KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
                        DataFlow::In,
                        &Format::DirectMusic,
                    )
                };
                let wave = || open(&device, &KSDATAFORMAT_SUBTYPE_PCM, DataFlow::Out, &WAVE);
                let (wave, midi) = if wave_opened_first {
                    let wave = wave();
                    (wave, midi())
                } else {
                    let midi = midi();
                    (wave(), midi)
                };
                midi.run().expect("run");
                let mut client = wave.start_wave(WaveOptions::default()).expect("wave");
                let mut samples = Vec::new();
                for n in 0..20_u8 {
                    midi.send(
                        session.master_time() + i64::from(n) * 90_000,
                        1,
                        &[0x90, n, 1],
                    );
                }
                client.pull(4_410, &mut samples);
                assert_eq!(samples.len(), 8_820);
                drop(client);
                let last = if wave_first {
                    let _ = wave.close();
                    midi.close()
                } else {
                    let _ = midi.close();
                    wave.close()
                };
                assert_eq!(last, 0);
            }
        }
    });
}
