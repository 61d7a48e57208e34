//! Playing to its end, stopping, and pins that are busy: the commands against the real driver, with what a machine can do to them.

mod simulated;

use std::{
    cell::{Cell, RefCell},
    fs::File,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use clap::Parser as _;
use dmusctl::{
    Code, Filter, OsError, Pin, System,
    arguments::Arguments,
    commands,
    devices::Devices,
    error::exit_code,
    ks::{Access, Object, Read},
    output::{Output, Report},
    player::{CUT_DUMPS, PROPSETID_UART},
    stop::Stop,
};
use dmusmini_ks::{property::NodeProperty, zerocopy::FromBytes as _};
use dmusmini_simulator::{
    chip::Config,
    session::{Binary, Device, Hardware, Session},
};
use dmusmini_song::{Event, SECOND};
use simulated::Simulated;

/// What is done to a machine.
#[derive(Clone, Debug, Default)]
struct Acts {
    /// Ctrl-C is pressed at this time of the simulated machine's.
    stop_at: Option<i64>,
    /// Until this time, whoever opens a pin is told that it is busy.
    busy_until: i64,
    /// How many dumps a pin says it has cut, where it says anything.
    lost: Option<u32>,
}

/// A machine to which something happens.
struct Acted<'a> {
    machine: Simulated<'a>,
    acts: Acts,
    stop: Stop,
    /// When each pin was asked for.
    opened: Rc<RefCell<Vec<i64>>>,
}

impl System for Acted<'_> {
    fn filters(&self) -> Result<Vec<String>, OsError> {
        self.machine.filters()
    }

    fn open(&self, path: &str) -> Result<Box<dyn Filter>, OsError> {
        let filter = self.machine.open(path)?;
        let machine = dmusmini_simulator::kernel::current();
        Ok(Box::new(ActedFilter {
            filter,
            acts: self.acts.clone(),
            now: Box::new(move || machine.now().cast_signed()),
            opened: Rc::clone(&self.opened),
        }))
    }

    fn now(&self) -> i64 {
        self.machine.now()
    }

    fn sleep(&self, time: Duration) {
        self.machine.sleep(time);
        if self.acts.stop_at.is_some_and(|at| self.now() >= at) {
            self.stop.set();
        }
    }

    fn shares_time(&self) -> bool {
        true
    }

    fn devices(&self) -> Option<&dyn Devices> {
        None
    }
}

struct ActedFilter {
    filter: Box<dyn Filter>,
    acts: Acts,
    now: Box<dyn Fn() -> i64>,
    opened: Rc<RefCell<Vec<i64>>>,
}

impl Object for ActedFilter {
    fn property(&self, request: &[u8], value: &mut [u8]) -> Result<usize, OsError> {
        self.filter.property(request, value)
    }
}

impl Filter for ActedFilter {
    fn create_pin(&self, connect: &[u8], access: Access) -> Result<Box<dyn Pin>, OsError> {
        let now = (self.now)();
        self.opened.borrow_mut().push(now);
        if now < self.acts.busy_until {
            return Err(OsError {
                operation: "KsCreatePin".to_owned(),
                code: Code::Win32(31),
                text: "a device attached to the system is not functioning".to_owned(),
                needed: None,
            });
        }
        let pin = self.filter.create_pin(connect, access)?;
        Ok(Box::new(ActedPin {
            pin,
            lost: self.acts.lost,
        }))
    }
}

struct ActedPin {
    pin: Box<dyn Pin>,
    lost: Option<u32>,
}

impl Object for ActedPin {
    fn property(&self, request: &[u8], value: &mut [u8]) -> Result<usize, OsError> {
        if let Some(lost) = self.lost
            && let Ok((asked, _)) = NodeProperty::read_from_prefix(request)
            && (asked.property.set, asked.property.id) == (PROPSETID_UART, CUT_DUMPS)
        {
            value.copy_from_slice(&lost.to_le_bytes());
            return Ok(value.len());
        }
        self.pin.property(request, value)
    }
}

impl Pin for ActedPin {
    fn write(&self, time: Option<i64>, data: &[u8]) -> Result<(), OsError> {
        self.pin.write(time, data)
    }

    fn read(&self, room: usize) -> Result<Box<dyn Read + '_>, OsError> {
        self.pin.read(room)
    }
}

/// What a command came to.
struct Came {
    report: anyhow::Result<Report>,
    /// When it began and ended.
    began: i64,
    ended: i64,
    /// What the wire carried, and when each first bit left.
    wire: Vec<(i64, u8)>,
    opened: Vec<i64>,
}

/// Plays to a filter of a machine to which this happens. Nothing may be left behind.
fn play_on(binary: &Binary, filter: &str, pin: &str, song: &Path, acts: &Acts) -> Came {
    let session = Session::boot(binary).unwrap();
    let uart = session.install(&Hardware::uart(Config::default())).unwrap();
    let synth = session.install(&Hardware::synth()).unwrap();
    let came = play_with(
        &session,
        &uart,
        synth,
        &[
            "play",
            song.to_str().unwrap(),
            "--filter",
            filter,
            "--pin",
            pin,
        ],
        acts,
    );
    drop(uart);
    let end = session.shut_down();
    assert!(end.is_clean(), "{end}");
    came
}

fn play_with(session: &Session, uart: &Device, synth: Device, words: &[&str], acts: &Acts) -> Came {
    let stop = Stop::default();
    let opened = Rc::new(RefCell::new(Vec::new()));
    let began = session.machine().now().cast_signed();
    let relative = Acts {
        stop_at: acts.stop_at.map(|at| began + at),
        busy_until: began + acts.busy_until,
        ..acts.clone()
    };
    let system = Acted {
        machine: Simulated {
            machine: session.machine(),
            devices: vec![synth, uart.clone()],
        },
        acts: relative,
        stop: stop.clone(),
        opened: Rc::clone(&opened),
    };
    let arguments = Arguments::try_parse_from(["dmusctl"].iter().chain(words)).unwrap();
    let report = commands::run(&arguments.command, &system, Output { json: true }, &stop);
    let ended = session.machine().now().cast_signed();
    drop(system);
    let flown = uart.take_sent();
    let wire = flown
        .iter()
        .map(|byte| (byte.start.cast_signed() - began, byte.byte))
        .collect();
    let opened = opened.borrow().iter().map(|at| at - began).collect();
    Came {
        report,
        began,
        ended,
        wire,
        opened,
    }
}

fn song(folder: &Path, events: &[Event]) -> PathBuf {
    let path = folder.join("song.mid");
    dmusmini_song::write(events, None, File::create(&path).unwrap()).unwrap();
    path
}

fn dump(bytes: usize) -> Vec<u8> {
    let mut message = vec![0xF0];
    message.resize(bytes - 1, 0x11);
    message.push(0xF7);
    message
}

fn event(at: i64, message: &[u8]) -> Event {
    Event {
        at,
        message: message.to_vec(),
    }
}

/// 10,000 bytes take 3.2 s of the wire: the command ends after them, and all of them were on it.
#[test]
fn play_ends_when_the_wire_has_carried_everything() {
    let folder = tempfile::tempdir().unwrap();
    let song = song(
        folder.path(),
        &[event(0, &dump(10_000)), event(SECOND / 100, &[0x90, 60, 1])],
    );
    for pin in ["0", "1"] {
        let came = play_on(&Binary::Native, "UART", pin, &song, &Acts::default());
        assert_eq!(came.report.unwrap().exit_code, 0);
        let bytes: Vec<u8> = came.wire.iter().map(|(_, byte)| *byte).collect();
        // Behind the song there may be what the driver silences it with.
        assert!(bytes.len() >= 10_003, "pin {pin}: {}", bytes.len());
        assert_eq!(bytes[10_000..10_003], [0x90, 60, 1]);
        let last = came.wire[10_002].0 + 3_200;
        let took = came.ended - came.began;
        assert!(took >= last, "pin {pin}: {took} {last}");
        // 3.2 s, a lead, and the tail: not much more.
        assert!(took < 3 * SECOND + 3 * SECOND, "pin {pin}: {took}");
    }
}

/// Ctrl-C within a song: what was written ahead is not played, each key that is down gets its note-off, each used channel all sound
/// off, all notes off and a reset; and all of that is on the wire before the pin closes.
#[test]
fn ctrl_c_silences_completely() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = vec![
        event(0, &[0x92, 60, 100]),
        event(0, &[0x92, 64, 100]),
        event(0, &[0x99, 36, 100]),
    ];
    events.push(event(SECOND / 10, &[0x82, 64, 0]));
    // Notes that are in the queue of a DirectMusic pin when the key is pressed.
    for number in 0..20 {
        let key = 70 + u8::try_from(number).unwrap();
        events.push(event(SECOND + number * SECOND / 10, &[0x95, key, 100]));
    }
    let song = song(folder.path(), &events);
    let acts = Acts {
        stop_at: Some(SECOND * 9 / 10),
        ..Acts::default()
    };
    for pin in ["0", "1"] {
        let came = play_on(&Binary::Native, "UART", pin, &song, &acts);
        let report = came.report.unwrap();
        assert_eq!(
            (report.exit_code, &report.json["stopped"]),
            (0, &true.into())
        );
        let sent = messages(&came.wire);
        // No note begins once the key was pressed: the song's second second was never heard.
        assert!(
            !sent.iter().any(|(at, message)| *at > SECOND * 19 / 20
                && message[0] & 0xF0 == 0x90
                && message[2] > 0),
            "{sent:?}"
        );
        let after: Vec<&Vec<u8>> = sent
            .iter()
            .filter(|(at, _)| *at >= SECOND * 9 / 10)
            .map(|(_, message)| message)
            .collect();
        for wanted in [[0x82, 60, 64], [0x89, 36, 64]] {
            assert!(
                after
                    .iter()
                    .any(|message| ***message == wanted || (message[..2] == wanted[..2])),
                "{wanted:?}: {after:?}"
            );
        }
        for channel in [2, 9] {
            for controller in [120, 123, 121] {
                let wanted = [0xB0 | channel, controller, 0];
                assert!(
                    after.iter().any(|message| ***message == wanted),
                    "{wanted:?}: {after:?}"
                );
            }
        }
        // No key is down at the end.
        let mut down = std::collections::BTreeSet::new();
        for (_, message) in &sent {
            match (message[0] & 0xF0, message[2]) {
                (0x90, 1..) => drop(down.insert((message[0] & 0xF, message[1]))),
                (0x80 | 0x90, _) => drop(down.remove(&(message[0] & 0xF, message[1]))),
                _ => {}
            }
        }
        assert!(down.is_empty(), "pin {pin}: {down:?}");
    }
}

/// The synthesizer, too: no error, and nothing is left behind.
#[test]
fn ctrl_c_ends_a_song_of_the_synthesizer() {
    let folder = tempfile::tempdir().unwrap();
    let events: Vec<Event> = (0..30)
        .map(|number| event(number * SECOND / 10, &[0x90, 60, 100]))
        .collect();
    let song = song(folder.path(), &events);
    let acts = Acts {
        stop_at: Some(SECOND),
        ..Acts::default()
    };
    for pin in ["0", "1"] {
        let came = play_on(&Binary::Native, "DMusic", pin, &song, &acts);
        assert_eq!(came.report.unwrap().json["stopped"], true);
        assert!(came.ended - came.began < 2 * SECOND);
    }
}

/// Three-byte messages on the wire, running status undone, with the time of their first byte.
fn messages(wire: &[(i64, u8)]) -> Vec<(i64, Vec<u8>)> {
    let mut messages: Vec<(i64, Vec<u8>)> = Vec::new();
    let mut status = 0;
    for &(at, byte) in wire {
        if byte >= 0x80 {
            status = byte;
            messages.push((at, vec![byte]));
        } else {
            match messages.last_mut().filter(|(_, message)| message.len() < 3) {
                Some((_, message)) => message.push(byte),
                None => messages.push((at, vec![status, byte])),
            }
        }
    }
    messages
}

/// Half of a dump is worse than none: exit code 1, and the text says so.
#[test]
fn ctrl_c_within_a_dump_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let song = song(folder.path(), &[event(0, &dump(10_000))]);
    for pin in ["0", "1"] {
        let acts = Acts {
            stop_at: Some(SECOND),
            ..Acts::default()
        };
        let error = play_on(&Binary::Native, "UART", pin, &song, &acts)
            .report
            .unwrap_err();
        assert_eq!(exit_code(&error), 1);
        assert!(
            error.to_string().contains("a dump of 10000 bytes"),
            "{error}"
        );
        // Once it is through, the key is no error any more.
        let acts = Acts {
            stop_at: Some(SECOND * 7 / 2),
            ..Acts::default()
        };
        let came = play_on(&Binary::Native, "UART", pin, &song, &acts);
        assert_eq!(came.report.unwrap().exit_code, 0);
    }
}

/// A driver that counts dumps that it had to cut is asked.
#[test]
fn dumps_that_the_driver_cut_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let song = song(folder.path(), &[event(0, &dump(20))]);
    let with = |lost| {
        let acts = Acts {
            lost: Some(lost),
            ..Acts::default()
        };
        play_on(&Binary::Native, "UART", "1", &song, &acts).report
    };
    assert_eq!(with(0).unwrap().exit_code, 0);
    let error = with(2).unwrap_err();
    assert_eq!(
        (exit_code(&error), error.to_string().as_str()),
        (1, "2 dumps did not reach the instrument whole")
    );
}

/// After a device has arrived, Windows' audio service has its pins for a moment.
#[test]
fn busy_pins_are_tried_again_for_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let song = song(folder.path(), &[event(0, &[0x90, 60, 1])]);
    let acts = Acts {
        busy_until: SECOND * 3 / 2,
        ..Acts::default()
    };
    for filter in ["UART", "DMusic"] {
        let came = play_on(&Binary::Native, filter, "1", &song, &acts);
        assert_eq!(came.report.unwrap().json["played"], 1, "{filter}");
        assert!(came.opened.len() >= 30, "{filter}: {:?}", came.opened);
    }
    let acts = Acts {
        busy_until: 60 * SECOND,
        ..Acts::default()
    };
    let came = play_on(&Binary::Native, "UART", "1", &song, &acts);
    let error = came.report.unwrap_err();
    assert_eq!(exit_code(&error), 1);
    assert!(
        error.to_string().contains("the pin is in use: KsCreatePin"),
        "{error}"
    );
    let last = *came.opened.last().unwrap();
    assert!((2 * SECOND..SECOND * 5 / 2).contains(&last), "{last}");
    // Another refusal is final: the pin takes no such format.
    let counted = Cell::new(0);
    counted.set(
        play_on(&Binary::Native, "UART", "1", &song, &Acts::default())
            .opened
            .len(),
    );
    assert_eq!(counted.get(), 1);
}
