//! A song through the synthesizer: download a bank, play timed messages, pull frames.

use std::collections::VecDeque;

use dmusmini::com::Status;
use dmusmini::portcls::abi::DataFlow;
use dmusmini::portcls::guids::{
    DMUSMINI_PROPSETID_SYNTH, KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_PCM,
    KSPROPSETID_SYNTH, KSPROPSETID_SYNTH_DLS,
};
use dmusmini::portcls::synth_abi::{
    SilentTable, SynthStats, dls_property, own_property, synth_property,
};

use super::{Device, Session, SessionError, TimedMessage};
use crate::portcls::client::{Filter, Pin};
use crate::portcls::format::{Format, WaveFormat};
use crate::portcls::property::{Client, Property, Reply};
use crate::portcls::wave::{WaveClient, WaveOptions};

/// A DirectMusic pin and a wave pin of one synthesizer, both running.
#[derive(Debug)]
pub struct SynthPlayer {
    wave: WaveClient,
    wave_pin: Pin,
    midi: Pin,
    filter: Filter,
    node: u32,
    /// Master time and frame of the song's beginning.
    origin: i64,
    origin_frame: i64,
    waiting: VecDeque<TimedMessage>,
}

impl SynthPlayer {
    /// Opens and runs both pins.
    ///
    /// # Errors
    ///
    /// The driver's refusals.
    pub fn open(device: &Device, format: WaveFormat) -> Result<Self, SessionError> {
        Self::open_with(device, format, WaveOptions::default())
    }

    /// Opens and runs both pins, with a wave sink of one's choice.
    ///
    /// # Errors
    ///
    /// The driver's refusals.
    pub fn open_with(
        device: &Device,
        format: WaveFormat,
        options: WaveOptions,
    ) -> Result<Self, SessionError> {
        let filter = device
            .filter("DMusic")
            .ok_or(SessionError::Missing("filter \"DMusic\""))?;
        let midi = filter
            .pin_of(&KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, DataFlow::In)
            .ok_or(SessionError::Missing("DirectMusic pin"))?;
        let wave = filter
            .pin_of(&KSDATAFORMAT_SUBTYPE_PCM, DataFlow::Out)
            .ok_or(SessionError::Missing("wave pin"))?;
        let node = filter
            .node_of(&KSPROPSETID_SYNTH_DLS)
            .ok_or(SessionError::Missing("synthesizer node"))?;
        let refused = |what| move |status| SessionError::Refused { what, status };
        let midi = filter
            .open(midi, &Format::DirectMusic)
            .map_err(refused("opening the DirectMusic pin"))?;
        let wave_pin = filter
            .open(wave, &Format::Wave(format))
            .map_err(refused("opening the wave pin"))?;
        midi.run().map_err(refused("running the DirectMusic pin"))?;
        let wave = wave_pin
            .start_wave(options)
            .map_err(refused("running the wave pin"))?;
        let origin_frame = i64::from(format.rate / 10);
        let origin = wave
            .sample_to_ref_time(origin_frame)
            .map_err(refused("SampleToRefTime"))?;
        Ok(Self {
            wave,
            wave_pin,
            midi,
            filter,
            node,
            origin,
            origin_frame,
            waiting: VecDeque::new(),
        })
    }

    /// Downloads one DMUS_DOWNLOADINFO buffer from the memory of a 64-bit program; its handle.
    ///
    /// # Errors
    ///
    /// The driver's status.
    pub fn download(&self, session: &Session, bytes: &[u8]) -> Result<u64, Status> {
        let memory = session.machine().memory();
        let address = memory.map_user(bytes);
        let mut instance = u32::try_from(bytes.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes()
            .to_vec();
        instance.extend([0; 4]);
        instance.extend(u64::try_from(address).unwrap_or(0).to_le_bytes());
        let property = Property::get(KSPROPSETID_SYNTH_DLS, dls_property::DOWNLOAD, 16)
            .with_instance(&instance);
        let reply = self.property(property);
        memory.unmap_user(address);
        let value = reply.ok()?;
        Ok(value
            .first_chunk()
            .map_or(0, |handle| u64::from_le_bytes(*handle)))
    }

    /// Takes a download back.
    ///
    /// # Errors
    ///
    /// The driver's status.
    pub fn unload(&self, handle: u64) -> Result<(), Status> {
        let property = Property::set(
            KSPROPSETID_SYNTH_DLS,
            dls_property::UNLOAD,
            &handle.to_le_bytes(),
        );
        self.property(property).status.ok()
    }

    /// Sends a request of a 64-bit program to the synthesizer's node.
    pub fn property(&self, property: Property) -> Reply {
        self.midi
            .property(&property.on_node(self.node), Client::USER)
    }

    /// The running statistics.
    ///
    /// # Errors
    ///
    /// The driver's status.
    pub fn stats(&self) -> Result<SynthStats, Status> {
        let size = size_of::<SynthStats>();
        let property = Property::get(KSPROPSETID_SYNTH, synth_property::RUNNING_STATS, size);
        let value = self.property(property).ok()?;
        let mut words = value
            .as_chunks()
            .0
            .iter()
            .map(|word| u32::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or(0);
        Ok(SynthStats {
            valid: next(),
            voices: next(),
            total_cpu: next(),
            cpu_per_voice: next(),
            lost_notes: next(),
            free_memory: next(),
            peak_volume: next().cast_signed(),
        })
    }

    /// The notes that nothing played: the bytes of a `SilentTable`.
    ///
    /// # Errors
    ///
    /// The driver's status.
    pub fn silent_notes(&self) -> Result<Vec<u8>, Status> {
        let item = own_property::SILENT_NOTES;
        let size = size_of::<SilentTable>();
        self.property(Property::get(DMUSMINI_PROPSETID_SYNTH, item, size))
            .ok()
    }

    /// Chooses where instruments are looked for: a value of `synth_abi::lookup`.
    ///
    /// # Errors
    ///
    /// The driver's status.
    pub fn set_lookup(&self, rule: u32) -> Result<(), Status> {
        let item = own_property::LOOKUP;
        let value = rule.to_le_bytes();
        let property = Property::set(DMUSMINI_PROPSETID_SYNTH, item, &value);
        self.property(property).status.ok()
    }

    /// Adds messages, in the order of their times, to what will be played.
    pub fn play(&mut self, messages: impl IntoIterator<Item = TimedMessage>) {
        self.waiting.extend(messages);
    }

    /// Appends `frames` rendered frames (interleaved) to `out`. Messages are written to the pin as
    /// their time comes near, as DirectMusic does it.
    pub fn pull(&mut self, frames: usize, out: &mut Vec<i16>) {
        let rate = usize::try_from(self.wave.format().rate).unwrap_or(1).max(1);
        let mut left = frames;
        while left > 0 {
            self.write_ahead();
            let piece = left.min(rate / 4);
            self.wave.pull(piece, out);
            left -= piece;
        }
    }

    fn write_ahead(&mut self) {
        let frames = self.wave.position() - self.origin_frame;
        let rendered = frames * 10_000_000 / i64::from(self.wave.format().rate.max(1));
        let horizon = rendered + AHEAD;
        while self
            .waiting
            .front()
            .is_some_and(|message| message.at <= horizon)
        {
            let Some(message) = self.waiting.pop_front() else {
                break;
            };
            self.midi
                .send(self.origin + message.at, message.group, &message.bytes);
        }
    }

    /// The frame at which the song begins.
    #[must_use]
    pub fn origin_frame(&self) -> i64 {
        self.origin_frame
    }

    /// The master time at which the song begins.
    #[must_use]
    pub fn origin(&self) -> i64 {
        self.origin
    }

    /// The wave sink.
    #[must_use]
    pub fn wave(&self) -> &WaveClient {
        &self.wave
    }

    /// The DirectMusic pin.
    #[must_use]
    pub fn midi(&self) -> &Pin {
        &self.midi
    }

    /// The filter.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Stops and closes both pins; references that the shared stream object had left at the end.
    pub fn close(self) -> u32 {
        let Self {
            wave,
            wave_pin,
            midi,
            ..
        } = self;
        let _ = wave.stop();
        let _ = midi.stop();
        let _ = midi.close();
        wave_pin.close()
    }
}

/// How far ahead of the sink messages are written, in 100 ns.
const AHEAD: i64 = 10_000_000;
