//! The synthesizer's properties, as a client of one of its pins uses them.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use dmusmini_collection::{Bank, Item, ItemKind, Loss, Options, Selection};
use dmusmini_ks::{
    guids::{
        DMUSMINI_PROPSETID_SYNTH, KSPROPSETID_SYNTH, KSPROPSETID_SYNTH_CLOCK, KSPROPSETID_SYNTH_DLS,
    },
    property::Property,
    synth::{
        MASTER_CLOCK, PortParams, SilentTable, SynthBuffer, SynthCaps, SynthDownload, SynthStats,
        dls_item, own_item, synth_item,
    },
    zerocopy::IntoBytes as _,
};

use crate::{
    error::OsError,
    ks::{Filter, Object, Pin, filter_object, object},
};

/// The synth node of a pin.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    object: &'a dyn Object,
    node: u32,
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

impl<'a> Node<'a> {
    /// A node, asked through a pin.
    #[must_use]
    pub fn of(pin: &'a dyn Pin, node: u32) -> Self {
        Self {
            object: object(pin),
            node,
        }
    }

    /// Capabilities.
    pub fn caps(&self) -> Result<SynthCaps, OsError> {
        self.get(synth_item::CAPS, &[], "SYNTH_CAPS")
    }

    /// What of these parameters the port grants.
    pub fn port_parameters(&self, wanted: PortParams) -> Result<PortParams, OsError> {
        let item = synth_item::PORT_PARAMETERS;
        self.get(item, wanted.as_bytes(), "SYNTH_PORTPARAMETERS")
    }

    /// Statistics.
    pub fn stats(&self) -> Result<SynthStats, OsError> {
        self.get(synth_item::RUNNING_STATS, &[], "SYNTH_RUNNINGSTATS")
    }

    /// The notes that nothing played, which only dmusmini's synthesizer tells.
    pub fn silent_notes(&self) -> Result<SilentTable, OsError> {
        let property = Property::get(DMUSMINI_PROPSETID_SYNTH, own_item::SILENT_NOTES);
        self.ask(property, &[], "SILENT_NOTES")
    }

    /// A line for each kind of notes that nothing played; none where the node does not tell, as the
    /// MPU-401's: what is at the other end of its cable is not known.
    #[must_use]
    pub fn silences(&self) -> Vec<String> {
        self.silent_notes()
            .map(|table| table.lines())
            .unwrap_or_default()
    }

    /// The earliest time at which what is sent now still is on time.
    pub fn latency_clock(&self) -> Result<i64, OsError> {
        self.get(synth_item::LATENCY_CLOCK, &[], "SYNTH_LATENCYCLOCK")
    }

    /// The volume, 1/100 dB.
    pub fn volume(&self) -> Result<i32, OsError> {
        self.get(synth_item::VOLUME, &[], "SYNTH_VOLUME")
    }

    /// Sets the volume, 1/100 dB.
    pub fn set_volume(&self, volume: i32) -> Result<(), OsError> {
        let request = Property::set(KSPROPSETID_SYNTH, synth_item::VOLUME).of_node(self.node);
        self.object
            .set_value(request.as_bytes(), &volume, "setting SYNTH_VOLUME")
    }

    /// Sends a `DMUS_DOWNLOADINFO` buffer. The handle unloads it.
    pub fn download(&self, bytes: &[u8]) -> Result<u64, OsError> {
        let buffer = SynthBuffer {
            size: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            padding: 0,
            address: bytes.as_ptr().expose_provenance() as u64,
        };
        let answer: SynthDownload = self.ask(
            Property::get(KSPROPSETID_SYNTH_DLS, dls_item::DOWNLOAD),
            buffer.as_bytes(),
            "SYNTH_DLS_DOWNLOAD",
        )?;
        Ok(answer.handle)
    }

    /// Sends a bank's downloads, the waves first. What the port refuses is left out, and with a wave the
    /// regions that play it. `progress` hears of each download.
    ///
    /// # Errors
    ///
    /// The port takes no instrument, although the bank has some.
    pub fn download_all(
        &self,
        source: Source<'_>,
        mut progress: impl FnMut(&Item),
    ) -> Result<Downloaded> {
        let mut done = Downloaded::default();
        let mut instruments = 0;
        let mut downloads = source.bank.downloads(&Selection::All, Options::default());
        while let Some(item) = downloads.next() {
            progress(&item);
            match self.download(&item.bytes) {
                Ok(handle) => {
                    done.handles.push(handle);
                    done.bytes += item.bytes.len();
                    instruments += usize::from(item.kind != ItemKind::Wave);
                }
                Err(cause) => {
                    let losses = losses(&downloads.leave_out(item.id));
                    let name = source.name;
                    done.refused.push(format!(
                        "{name}: {item}: the driver refuses it: {cause}: left out{losses}"
                    ));
                }
            }
        }
        match done.refused.first() {
            Some(first) if instruments == 0 => {
                bail!("the driver takes no instrument of the bank; {first}")
            }
            _ => Ok(done),
        }
    }

    /// Takes a download back.
    pub fn unload(&self, handle: u64) -> Result<(), OsError> {
        let request = Property::set(KSPROPSETID_SYNTH_DLS, dls_item::UNLOAD).of_node(self.node);
        self.object
            .set_value(request.as_bytes(), &handle, "SYNTH_DLS_UNLOAD")
    }

    fn get<T: dmusmini_ks::zerocopy::FromBytes>(
        &self,
        id: u32,
        instance: &[u8],
        what: &str,
    ) -> Result<T, OsError> {
        self.ask(Property::get(KSPROPSETID_SYNTH, id), instance, what)
    }

    /// A node request, with the bytes that follow it.
    fn ask<T: dmusmini_ks::zerocopy::FromBytes>(
        &self,
        property: Property,
        instance: &[u8],
        what: &str,
    ) -> Result<T, OsError> {
        let mut request = Vec::from(property.of_node(self.node).as_bytes());
        request.extend_from_slice(instance);
        self.object.get_value(&request, what)
    }
}

/// A bank that is to be downloaded.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its file, for messages.
    pub name: &'a str,
    /// The bank.
    pub bank: &'a Bank,
}

/// What a port has taken of a bank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Downloaded {
    /// What unloads the downloads, in their order.
    pub handles: Vec<u64>,
    /// Bytes of them.
    pub bytes: usize,
    /// A line for each download that was refused.
    pub refused: Vec<String>,
}

/// What instruments lose with a wave.
fn losses(losses: &[Loss]) -> String {
    const TOLD: usize = 4;
    let mut text = String::new();
    for loss in losses.iter().take(TOLD) {
        let _ = write!(text, "; {loss}");
    }
    if let Some(more @ 1..) = losses.len().checked_sub(TOLD) {
        let _ = write!(text, "; {more} more instruments lose regions");
    }
    text
}

/// The master clock: what events' times count on. The port answers it.
pub fn master_clock(filter: &dyn Filter) -> Result<i64, OsError> {
    let request = Property::get(KSPROPSETID_SYNTH_CLOCK, MASTER_CLOCK);
    filter_object(filter).get_value(request.as_bytes(), "SYNTH_MASTERCLOCK")
}
