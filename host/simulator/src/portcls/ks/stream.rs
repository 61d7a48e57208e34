//! `IOCTL_KS_WRITE_STREAM` and `IOCTL_KS_READ_STREAM`: lists of KSSTREAM_HEADERs.

use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::portcls::abi::{KsState, StreamType};

use super::layout::StreamHeader;
use super::reads::frames;
use super::{ClientMemory, INVALID_BUFFER_SIZE, IoReply};
use crate::portcls::pin::PinState;
use crate::portcls::property::Client;
use crate::portcls::wave::{WaveClient, WaveOptions};

/// Takes what a client writes to a MIDI pin. All of it is looked at before any of it plays.
pub(crate) fn write(
    pin: &PinState,
    headers: &[u8],
    memory: &dyn ClientMemory,
    client: Client,
) -> IoReply {
    if pin.stream_type != StreamType::MIDI_RENDER {
        return IoReply::refused(Status::INVALID_DEVICE_REQUEST);
    }
    if pin.state.get() == KsState::STOP {
        return IoReply::refused(Status::INVALID_DEVICE_STATE);
    }
    let packets = match packets(headers, memory, client) {
        Ok(packets) => packets,
        Err(status) => return IoReply::refused(status),
    };
    let mut written = 0;
    for (time, bytes) in packets {
        let base = time.unwrap_or_else(|| pin.clock.now());
        if pin.write(base, &bytes).is_err() {
            return IoReply {
                information: written,
                ..IoReply::refused(Status::INVALID_PARAMETER)
            };
        }
        written += bytes.len();
    }
    IoReply {
        information: written,
        ..IoReply::with(Vec::new())
    }
}

type Packet = (Option<i64>, Vec<u8>);

fn packets(
    headers: &[u8],
    memory: &dyn ClientMemory,
    client: Client,
) -> Result<Vec<Packet>, Status> {
    let headers = StreamHeader::read_all(headers, client.bits32).ok_or(INVALID_BUFFER_SIZE)?;
    headers
        .iter()
        .map(|header| {
            if header.used() > header.extent() {
                return Err(INVALID_BUFFER_SIZE);
            }
            Ok((header.time(), memory.read(header.data(), header.used())?))
        })
        .collect()
}

/// The reader of a wave pin: it pulls the frames that a client asks for, letting time pass as they
/// are played. A new run of the pin is a new sample clock.
#[derive(Debug, Default)]
pub(crate) struct WaveReader {
    client: Option<WaveClient>,
    /// The run of the pin, and the frames that the client got in it.
    run: u64,
    frames: u64,
}

impl WaveReader {
    /// Fills the frames of a read.
    pub(crate) fn read(
        &mut self,
        pin: &Rc<PinState>,
        headers: &[u8],
        memory: &dyn ClientMemory,
        client: Client,
    ) -> IoReply {
        if pin.state.get() != KsState::RUN {
            return IoReply::refused(Status::INVALID_DEVICE_STATE);
        }
        match self.fill(pin, headers, memory, client) {
            Ok(output) => IoReply::with(output),
            Err(status) => IoReply::refused(status),
        }
    }

    fn fill(
        &mut self,
        pin: &Rc<PinState>,
        headers: &[u8],
        memory: &dyn ClientMemory,
        client: Client,
    ) -> Result<Vec<u8>, Status> {
        let frames = frames(headers, memory, client)?;
        if self.client.is_none() || self.run != pin.runs.get() {
            self.client = None;
            self.client = Some(WaveClient::start(pin, WaveOptions::default())?);
            self.run = pin.runs.get();
            self.frames = 0;
        }
        let wave = self.client.as_mut().ok_or(Status::INVALID_DEVICE_STATE)?;
        let format = wave.format();
        let frame = usize::from(format.channels) * usize::from(format.bits / 8);
        let mut output = Vec::new();
        for mut header in frames {
            // As on every pin of the port, times are those of the master clock.
            let time = wave.sample_to_ref_time(self.frames.cast_signed())?;
            let count = header.extent() / frame.max(1);
            let mut samples = Vec::new();
            wave.pull(count, &mut samples);
            self.frames += u64::try_from(count).unwrap_or(0);
            let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
            memory.write(header.data(), &bytes)?;
            header.fill(time, bytes.len());
            output.extend(header.bytes());
        }
        Ok(output)
    }

    /// Lets go of the stream.
    pub(crate) fn release(&mut self) {
        self.client = None;
    }
}
