//! One MPU-401 device with its three pins open, and the driver in both of its builds.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::portcls::abi::DataFlow;
use dmusmini::portcls::guids::{KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI};
use dmusmini_simulator::chip::{Chip, Flown};
use dmusmini_simulator::session::{Binary, Device, Filter, Format, Hardware, Pin, Session};

pub(crate) const MILLISECOND: u64 = 10_000;
pub(crate) const SECOND: u64 = 10_000_000;

/// Plays a scenario with each build of the driver that is there.
pub(crate) fn with_each_binary(scenario: impl Fn(&Binary)) {
    scenario(&Binary::Native);
    if cfg!(miri) {
        println!("skipped: Miri interprets the native build and runs no image");
        return;
    }
    let path = std::env::var_os("DMUSMINI_SYS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sys/amd64/dmusmini.sys"),
        PathBuf::from,
    );
    if path.exists() {
        scenario(&Binary::Sys(path));
    } else {
        println!(
            "skipped: no driver image at {}; run cargo xtask sys",
            path.display()
        );
    }
}

/// A short name for a build, for printed lines.
pub(crate) fn name(binary: &Binary) -> &'static str {
    match binary {
        Binary::Native => "native",
        Binary::Sys(_) => ".sys",
    }
}

/// A machine with one MPU-401, its pins open and running.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) legacy: Pin,
    pub(crate) direct_music: Pin,
    pub(crate) capture: Pin,
    pub(crate) filter: Filter,
    pub(crate) device: Device,
    pub(crate) session: Session,
}

impl Rig {
    pub(crate) fn open(binary: &Binary, hardware: &Hardware) -> Self {
        let session = Session::boot(binary).unwrap();
        session.machine().enable_tracing(true);
        let device = session.install(hardware).unwrap();
        Self::on(session, device)
    }

    pub(crate) fn on(session: Session, device: Device) -> Self {
        Self::try_on(session, device).unwrap_or_else(|refused| panic!("{:?}", refused.0))
    }

    /// As [`on`](Self::on); where a pin does not open, its status.
    pub(crate) fn try_on(
        session: Session,
        device: Device,
    ) -> Result<Self, Box<(Status, Session, Device)>> {
        let filter = device.filter("UART").unwrap();
        let pins = [
            (&KSDATAFORMAT_SUBTYPE_MIDI, DataFlow::In, Format::Midi),
            (
                &KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
                DataFlow::In,
                Format::DirectMusic,
            ),
            (
                &KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
                DataFlow::Out,
                Format::DirectMusic,
            ),
        ];
        let pins = pins.map(|(subtype, flow, format)| {
            let pin = filter.open(filter.pin_of(subtype, flow).unwrap(), &format)?;
            pin.run().unwrap();
            Ok(pin)
        });
        match pins {
            [Ok(legacy), Ok(direct_music), Ok(capture)] => Ok(Self {
                legacy,
                direct_music,
                capture,
                filter,
                device,
                session,
            }),
            [Err(status), ..] | [_, Err(status), _] | [.., Err(status)] => {
                drop(filter);
                Err(Box::new((status, session, device)))
            }
        }
    }

    /// Closes the pins: with each its stream is gone.
    pub(crate) fn close_pins(self) -> (Filter, Device, Session) {
        for pin in [self.legacy, self.direct_music, self.capture] {
            assert_eq!(pin.close(), 0, "a stream lives on");
        }
        (self.filter, self.device, self.session)
    }

    pub(crate) fn chip(&self) -> Rc<RefCell<Chip>> {
        self.device.chip().unwrap()
    }

    pub(crate) fn now(&self) -> u64 {
        self.session.machine().now()
    }

    pub(crate) fn advance(&self, time: u64) {
        self.session.machine().advance(time);
    }

    /// The device at the other end sends these bytes from now on.
    pub(crate) fn play(&self, bytes: impl IntoIterator<Item = u8>) {
        self.chip().borrow_mut().play(self.now(), bytes);
    }

    /// Sends a message through a pin, due now.
    pub(crate) fn send(&self, pin: &Pin, message: &[u8]) {
        pin.send(self.session.master_time(), 1, message);
    }

    pub(crate) fn heard(&self) -> Vec<Flown> {
        self.chip().borrow_mut().take_heard(self.now())
    }

    /// The bytes that left since the last call.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.device
            .take_sent()
            .iter()
            .map(|flown| flown.byte)
            .collect()
    }

    /// How many trace events of a name were written since tracing was enabled.
    pub(crate) fn traced(&self, name: &str) -> usize {
        self.fields(name).len()
    }

    /// The fields of the trace events of a name: 32 bits each, behind the two blocks of metadata.
    pub(crate) fn fields(&self, name: &str) -> Vec<Vec<u32>> {
        let named = |data: &Vec<u8>| data.windows(name.len()).any(|text| text == name.as_bytes());
        let field = |data: &Vec<u8>| u32::from_le_bytes(data[..].try_into().unwrap());
        let written = self.session.machine().etw().written();
        written
            .iter()
            .filter(|event| event.data[..2].iter().any(named))
            .map(|event| event.data[2..].iter().map(field).collect())
            .collect()
    }

    /// Closes everything and asserts that nothing is left.
    pub(crate) fn end(self) {
        let (session, device) = self.close();
        drop(device);
        let report = session.shut_down();
        assert!(report.is_clean(), "{report}");
    }

    /// Closes the pins; no event of theirs and no stream is left.
    pub(crate) fn close(self) -> (Session, Device) {
        let Self {
            legacy,
            direct_music,
            capture,
            device,
            session,
            ..
        } = self;
        for pin in [legacy, direct_music, capture] {
            assert_eq!(pin.stop(), Ok(()));
            assert_eq!(pin.events_with_driver(), (0, 0), "an event was kept");
            assert_eq!(pin.close(), 0, "a stream lives on");
        }
        (session, device)
    }
}
