//! Something comes in between at every single point of a call, one point at a time.
//!
//! A point is a port access or the entry of a kernel or PortCls function (the taking and the letting
//! go of each lock among them) that the driver reaches in a call. What comes in between is an
//! interrupt with a message, which also runs whatever DPCs the level allows, or a call by another
//! thread on another processor; the latter only where nothing is held that it would wait for.
//!
//! Whoever comes in between: every event comes back, whole messages in their order are all that
//! reaches wire and sink, each once; what a stop may drop is dropped whole or torn where it stopped.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::portcls::abi::{KsState, PowerState};
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::kernel::{Kernel, Point};
use dmusmini_simulator::session::{Binary, Hardware};

use super::rig::{MILLISECOND, Rig, name, with_each_binary};

/// The call at whose points something comes in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    PutMessage,
    Service,
    StopAndRun,
    StopAndRunCapture,
    DisconnectOutput,
    Power,
}

/// Whether the chip has an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Connected,
    None,
}

/// What comes in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intruder {
    Interrupt,
    /// An interrupt, and the DPC that it leads to.
    Service,
    PutMessage,
    StopAndRun,
    StopAndRunCapture,
    DisconnectOutput,
}

const INTRUDERS: [Intruder; 6] = [
    Intruder::Interrupt,
    Intruder::Service,
    Intruder::PutMessage,
    Intruder::StopAndRun,
    Intruder::StopAndRunCapture,
    Intruder::DisconnectOutput,
];

/// Messages from one source, numbered so that no two are alike.
#[derive(Default)]
struct Source {
    channel: u8,
    count: Cell<usize>,
    expected: RefCell<Vec<Vec<u8>>>,
}

impl Source {
    fn message(&self) -> Vec<u8> {
        let number = self.count.get();
        self.count.set(number + 1);
        let (key, velocity) = (number % 128, number / 128 % 127 + 1);
        let [key, velocity] = [key, velocity].map(|value| u8::try_from(value).unwrap());
        let message = if number % 4 == 3 {
            let mut sysex = vec![0xF0, self.channel, key, velocity];
            sysex.extend([0x2A; 8]);
            sysex.push(0xF7);
            sysex
        } else {
            vec![0x90 | self.channel, key, velocity]
        };
        self.expected.borrow_mut().push(message.clone());
        message
    }
}

/// A rig that lives through many disturbed calls.
struct Bench {
    rig: Rig,
    legacy: Source,
    direct_music: Source,
    peer: Source,
}

impl Bench {
    fn open(binary: &Binary, line: Line) -> Rc<Self> {
        let source = |channel| Source {
            channel,
            ..Source::default()
        };
        let config = Config {
            depth: 64,
            ..Config::default()
        };
        let hardware = match line {
            Line::Connected => Hardware::uart(config),
            Line::None => Hardware::polled_uart(config),
        };
        Rc::new(Self {
            rig: Rig::open(binary, &hardware),
            legacy: source(0),
            direct_music: source(1),
            peer: source(2),
        })
    }

    fn call(&self, call: Call) {
        let rig = &self.rig;
        match call {
            Call::PutMessage => {
                let now = rig.session.master_time();
                for _ in 0..3 {
                    rig.send(&rig.legacy, &self.legacy.message());
                }
                let package: Vec<_> = (0..2).map(|_| self.legacy.message()).collect();
                // What is longer than an event holds comes as an event of its own.
                let short: Vec<&[u8]> = package.iter().map(Vec::as_slice).collect();
                rig.legacy.send_package(now, 1, &short);
            }
            Call::Service => {
                self.arrive();
                rig.session.machine().deliver();
                rig.advance(MILLISECOND);
            }
            Call::StopAndRun => self.stop_and_run(),
            Call::StopAndRunCapture => self.stop_and_run_capture(),
            Call::DisconnectOutput => self.disconnect(),
            Call::Power => {
                assert_eq!(rig.device.set_power(PowerState::D3), Status::SUCCESS);
                assert_eq!(rig.device.set_power(PowerState::D0), Status::SUCCESS);
            }
        }
    }

    /// Comes in between now; whether it could.
    fn intrude(&self, kernel: &Kernel, intruder: Intruder) -> bool {
        match intruder {
            Intruder::Interrupt => {
                self.arrive();
                true
            }
            Intruder::Service => kernel.on_another_processor(|| {
                self.arrive();
                kernel.deliver();
            }),
            Intruder::PutMessage => kernel.on_another_processor(|| {
                let rig = &self.rig;
                rig.send(&rig.direct_music, &self.direct_music.message());
            }),
            Intruder::StopAndRun => kernel.on_another_processor(|| self.stop_and_run()),
            Intruder::StopAndRunCapture => {
                kernel.on_another_processor(|| self.stop_and_run_capture())
            }
            Intruder::DisconnectOutput => kernel.on_another_processor(|| self.disconnect()),
        }
    }

    fn arrive(&self) {
        let message = self.peer.message();
        self.rig.chip().borrow_mut().arrive(self.rig.now(), message);
    }

    fn stop_and_run(&self) {
        for state in [KsState::STOP, KsState::RUN] {
            assert_eq!(self.rig.legacy.jump(state), Status::SUCCESS);
        }
    }

    fn stop_and_run_capture(&self) {
        for state in [KsState::STOP, KsState::RUN] {
            assert_eq!(self.rig.capture.jump(state), Status::SUCCESS);
        }
    }

    fn disconnect(&self) {
        assert_eq!(self.rig.capture.connect_output(false), Status::SUCCESS);
        assert_eq!(self.rig.capture.connect_output(true), Status::SUCCESS);
    }

    /// Traffic that is on its way when the call is made.
    fn prepare(&self) {
        for _ in 0..4 {
            self.rig.send(&self.rig.legacy, &self.legacy.message());
        }
        self.arrive();
    }

    /// Waits until everything has come to rest, and compares.
    fn compare(&self, call: Call, intruder: Intruder, context: &str) {
        let rig = &self.rig;
        let stopped = call == Call::StopAndRun || intruder == Intruder::StopAndRun;
        // A stop silences all that its stream has pressed since the last one.
        rig.advance(if stopped { 300 } else { 30 } * MILLISECOND);
        for pin in [&rig.legacy, &rig.direct_music, &rig.capture] {
            assert_eq!(
                pin.events_with_driver(),
                (0, 0),
                "{context}: an event is missing"
            );
        }
        assert_eq!(rig.session.machine().violations(), [], "{context}");
        let slept = call == Call::Power;
        let mut wire: Vec<Vec<u8>> = Vec::new();
        for byte in rig.sent() {
            match wire.last_mut() {
                Some(open) if byte < 0x80 || byte == 0xF7 => open.push(byte),
                _ => wire.push(vec![byte]),
            }
        }
        // What the driver says for silence, before it sleeps and at a stop.
        wire.retain(|message| !((slept || stopped) && matches!(message[0] & 0xF0, 0x80 | 0xB0)));
        for source in [&self.legacy, &self.direct_music] {
            let expected = source.expected.take();
            let ours: Vec<_> = wire
                .iter()
                .filter(|message| match message[0] {
                    0xF0 => message.get(1).is_none_or(|&mark| mark == source.channel),
                    status => status & 15 == source.channel,
                })
                .collect();
            let (whole, torn): (Vec<_>, Vec<_>) = ours
                .into_iter()
                .partition(|message| expected.contains(message));
            let may_lose = stopped && source.channel == self.legacy.channel;
            if !may_lose {
                assert!(
                    whole.iter().copied().eq(&expected),
                    "{context}: {wire:02X?} of {expected:02X?}"
                );
            }
            assert!(
                is_part(&whole, &expected),
                "{context}: {wire:02X?} of {expected:02X?}"
            );
            assert!(
                torn.is_empty() || may_lose || slept,
                "{context}: torn {torn:02X?}"
            );
            assert!(torn.len() <= 2, "{context}: torn {torn:02X?}");
        }
        let expected = self.peer.expected.take();
        let messages = rig.capture.captured();
        let captured: Vec<_> = messages.into_iter().map(|message| message.bytes).collect();
        let interrupted = slept
            || matches!(call, Call::StopAndRunCapture | Call::DisconnectOutput)
            || matches!(
                intruder,
                Intruder::StopAndRunCapture | Intruder::DisconnectOutput
            );
        if interrupted {
            let whole: Vec<_> = captured
                .iter()
                .filter(|bytes| expected.contains(bytes))
                .collect();
            assert!(
                is_part(&whole, &expected),
                "{context}: {captured:02X?} of {expected:02X?}"
            );
            assert!(
                captured.len() - whole.len() <= 1,
                "{context}: {captured:02X?}"
            );
        } else {
            assert_eq!(captured, expected, "{context}: received");
        }
        self.expect_sound(context);
    }

    /// Whatever came in between, both directions go on: nobody was left without a wake-up.
    fn expect_sound(&self, context: &str) {
        let rig = &self.rig;
        let played = self.peer.message();
        rig.chip().borrow_mut().arrive(rig.now(), played.clone());
        rig.advance(5 * MILLISECOND);
        let messages = rig.capture.captured();
        let captured: Vec<_> = messages.into_iter().map(|message| message.bytes).collect();
        assert_eq!(captured, [played], "{context}: afterwards");
        let sent = self.legacy.message();
        rig.send(&rig.legacy, &sent);
        rig.advance(10 * MILLISECOND);
        assert_eq!(rig.sent(), sent, "{context}: afterwards");
        for source in [&self.peer, &self.legacy] {
            source.expected.take();
        }
    }
}

/// Whether `some` are in `all`, in the same order, each once.
fn is_part(some: &[&Vec<u8>], all: &[Vec<u8>]) -> bool {
    let mut rest = all.iter();
    some.iter().all(|one| rest.any(|other| other == *one))
}

/// Disturbs a call at each of its points in turn; how many there are, and at how many the intruder
/// could come in.
fn sweep(bench: &Rc<Bench>, call: Call, intruder: Intruder) -> (u32, u32) {
    let mut came_in = 0;
    for nth in 0_u32.. {
        bench.prepare();
        let points = Rc::new(Cell::new(0));
        let came = Rc::new(RefCell::new(None));
        let inside = (Rc::clone(bench), Rc::clone(&points), Rc::clone(&came));
        let machine = bench.rig.session.machine();
        machine.inject(move |kernel: &Kernel, point: Point| {
            let (bench, points, came) = &inside;
            if points.replace(points.get() + 1) == nth {
                *came.borrow_mut() = Some((point, bench.intrude(kernel, intruder)));
            }
        });
        bench.call(call);
        machine.inject_nothing();
        let came = came.take();
        let context = format!("{intruder:?} in {call:?} at point {nth}, {came:?}");
        bench.compare(call, intruder, &context);
        match came {
            Some((_, true)) => came_in += 1,
            Some((_, false)) => {}
            None => return (nth, came_in),
        }
    }
    unreachable!("a call has an end")
}

fn sweep_all(binary: &Binary, call: Call, line: Line) {
    for intruder in INTRUDERS {
        // One port, one sink: nobody disconnects it twice at a time.
        if (call, intruder) == (Call::DisconnectOutput, Intruder::DisconnectOutput) {
            continue;
        }
        // Nobody's stream runs without power, which SetState says.
        if call == Call::Power
            && matches!(intruder, Intruder::StopAndRun | Intruder::StopAndRunCapture)
        {
            continue;
        }
        // Nothing comes in between by itself where there is no line.
        if line == Line::None && matches!(intruder, Intruder::Interrupt | Intruder::Service) {
            continue;
        }
        let bench = Bench::open(binary, line);
        let (points, came_in) = sweep(&bench, call, intruder);
        println!(
            "interleavings, {}, line {line:?}: {intruder:?} in {call:?}: at {came_in} of {points} points",
            name(binary)
        );
        assert!(came_in > 0 && points > 10, "{came_in} of {points}");
        if intruder == Intruder::Interrupt {
            assert_eq!(came_in, points);
        }
        let bench = Rc::into_inner(bench).expect("nobody else has it");
        quiet_after_stop(bench.rig);
    }
}

/// Once the device is stopped nobody touches its ports, whatever its line says.
fn quiet_after_stop(rig: Rig) {
    for pin in [&rig.legacy, &rig.direct_music, &rig.capture] {
        assert_eq!(pin.stop(), Ok(()));
    }
    let (filter, device, session) = rig.close_pins();
    drop(filter);
    assert_eq!(device.stop(), Status::SUCCESS);
    let chip = device.chip().unwrap();
    let before = chip.borrow().accesses();
    chip.borrow_mut()
        .arrive(session.machine().now(), [0x90, 1, 2]);
    session.machine().advance(100 * MILLISECOND);
    assert_eq!(chip.borrow().accesses(), before, "touched after the stop");
    drop(device);
    let report = session.shut_down();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn put_message_is_disturbed_at_every_point() {
    with_each_binary(|binary| sweep_all(binary, Call::PutMessage, Line::Connected));
}

#[test]
fn a_service_is_disturbed_at_every_point() {
    with_each_binary(|binary| sweep_all(binary, Call::Service, Line::Connected));
}

#[test]
fn a_stop_is_disturbed_at_every_point() {
    with_each_binary(|binary| sweep_all(binary, Call::StopAndRun, Line::Connected));
}

#[test]
fn a_stop_of_capture_is_disturbed_at_every_point() {
    with_each_binary(|binary| sweep_all(binary, Call::StopAndRunCapture, Line::Connected));
}

#[test]
fn a_disconnection_is_disturbed_at_every_point() {
    with_each_binary(|binary| sweep_all(binary, Call::DisconnectOutput, Line::Connected));
}

#[test]
fn a_change_of_power_is_disturbed_at_every_point() {
    with_each_binary(|binary| sweep_all(binary, Call::Power, Line::Connected));
}

/// Who polls for the capture stream is decided in `SetState`.
#[test]
fn a_stop_of_polled_capture_is_disturbed_at_every_point() {
    with_each_binary(|binary| sweep_all(binary, Call::StopAndRunCapture, Line::None));
}
