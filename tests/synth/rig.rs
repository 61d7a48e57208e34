//! A machine with the synthesizer, and short ways to say what a client does.

use std::path::Path;

use dmusmini::com::Status;
use dmusmini::portcls::guids::{KSPROPSETID_SYNTH, KSPROPSETID_SYNTH_DLS};
use dmusmini::portcls::synth_abi::dls_property;
use dmusmini_collection::{Bank, Instrument, Region, Sample, Wave};
use dmusmini_collection::{Item, Options, Selection};
use dmusmini_simulator::session::{
    Binary, Client, Device, Filter, Format, Hardware, Pin, Property, Reply, Session, WaveFormat,
};

/// Legacy MIDI.
pub(crate) const MIDI: u32 = 0;
/// DirectMusic.
pub(crate) const DIRECT_MUSIC: u32 = 1;
/// Wave.
pub(crate) const WAVE: u32 = 2;
/// The synthesizer node.
pub(crate) const NODE: u32 = 0;

/// CD quality.
pub(crate) const CD: WaveFormat = WaveFormat::pcm16(44_100, 2);

/// The cross-built image, where there is one.
pub(crate) fn built_sys() -> Option<Binary> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binary = Binary::built_in(workspace);
    if let Binary::Sys(path) = &binary
        && !path.exists()
    {
        println!(
            "SKIPPED: {} is missing; cargo xtask sys builds it",
            path.display()
        );
        return None;
    }
    Some(binary)
}

/// A started synthesizer. Its drop is the session's closing check.
pub(crate) struct Synth {
    pub(crate) filter: Filter,
    pub(crate) device: Device,
    pub(crate) session: Session,
}

impl Synth {
    pub(crate) fn boot(binary: &Binary) -> Self {
        Self::boot_with(binary, &Hardware::synth())
    }

    pub(crate) fn boot_with(binary: &Binary, hardware: &Hardware) -> Self {
        let session = Session::boot(binary).unwrap();
        let device = session.install(hardware).unwrap();
        let filter = device.filter("DMusic").expect("the synthesizer's filter");
        Self {
            filter,
            device,
            session,
        }
    }

    pub(crate) fn open(&self, pin: u32) -> Pin {
        self.try_open(pin).unwrap()
    }

    pub(crate) fn try_open(&self, pin: u32) -> Result<Pin, Status> {
        self.filter.open(pin, &format_of(pin))
    }

    /// A DirectMusic and a wave pin of one synthesizer.
    pub(crate) fn open_pair(&self) -> (Pin, Pin) {
        (self.open(DIRECT_MUSIC), self.open(WAVE))
    }

    /// Downloads from a 64-bit program's memory.
    pub(crate) fn download(&self, pin: &Pin, bytes: &[u8]) -> Result<u64, Status> {
        let address = self.session.machine().memory().map_user(bytes);
        let reply = download_at(pin, address, bytes.len());
        self.session.machine().memory().unmap_user(address);
        handle_of(&reply)
    }

    /// Downloads a bank; the handles of its waves and instruments, in this order.
    pub(crate) fn download_bank(&self, pin: &Pin, bank: &Bank) -> Vec<u64> {
        let items = items_of(bank);
        let handles = items.iter().map(|item| self.download(pin, &item.bytes));
        handles.collect::<Result<_, _>>().unwrap()
    }
}

/// The format that a client opens a pin with.
pub(crate) fn format_of(pin: u32) -> Format {
    match pin {
        MIDI => Format::Midi,
        DIRECT_MUSIC => Format::DirectMusic,
        _ => Format::Wave(CD),
    }
}

/// A request of a 64-bit program to the synthesizer node of a pin.
pub(crate) fn ask(pin: &Pin, property: Property) -> Reply {
    pin.property(&property.on_node(NODE), Client::USER)
}

/// A GET of `KSPROPSETID_Synth`.
pub(crate) fn get(pin: &Pin, id: u32, size: usize) -> Reply {
    ask(pin, Property::get(KSPROPSETID_SYNTH, id, size))
}

/// A SET of `KSPROPSETID_Synth`.
pub(crate) fn set(pin: &Pin, id: u32, value: &[u8]) -> Status {
    ask(pin, Property::set(KSPROPSETID_SYNTH, id, value)).status
}

/// A 64-bit program's download of `length` bytes at an address of its own.
pub(crate) fn download_at(pin: &Pin, address: usize, length: usize) -> Reply {
    let instance = buffer64(address, length);
    ask(pin, download_request(16).with_instance(&instance))
}

pub(crate) fn download_request(size: usize) -> Property {
    Property::get(KSPROPSETID_SYNTH_DLS, dls_property::DOWNLOAD, size)
}

/// `SYNTH_BUFFER` of a 64-bit program.
pub(crate) fn buffer64(address: usize, length: usize) -> Vec<u8> {
    let mut instance = u64::try_from(length).unwrap().to_le_bytes().to_vec();
    instance.extend(u64::try_from(address).unwrap().to_le_bytes());
    instance
}

/// The handle in a `SYNTHDOWNLOAD`.
pub(crate) fn handle_of(reply: &Reply) -> Result<u64, Status> {
    reply.status.ok()?;
    Ok(reply.as_u64().unwrap())
}

/// Takes a download back.
pub(crate) fn unload(pin: &Pin, handle: u64) -> Status {
    let property = Property::set(
        KSPROPSETID_SYNTH_DLS,
        dls_property::UNLOAD,
        &handle.to_le_bytes(),
    );
    ask(pin, property).status
}

/// What DirectMusic's loader would send for a bank.
pub(crate) fn items_of(bank: &Bank) -> Vec<Item> {
    bank.download_set(&Selection::All, Options::default())
}

/// A bank of one instrument with program 0: a looped square wave at key 60.
pub(crate) fn square_bank() -> Bank {
    let frames = (0..1000).map(|i| if i % 100 < 50 { 8000 } else { -8000 });
    let wave = Wave::new("square", 44_100, frames.collect());
    let region = Region {
        sample: Some(Sample::new(60).with_loop(0, 1000)),
        ..Region::new(0)
    };
    Bank {
        name: "square".to_owned(),
        instruments: vec![Instrument {
            regions: vec![region],
            ..Instrument::default()
        }],
        waves: vec![wave],
    }
}

/// Words of a value.
pub(crate) fn words(bytes: &[u8]) -> Vec<u32> {
    let (words, _) = bytes.as_chunks();
    words.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

/// Bytes of words.
pub(crate) fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
