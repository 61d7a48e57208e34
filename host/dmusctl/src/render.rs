//! A song through the synthesizer into a wave file.
//!
//! A DirectMusic pin and a wave pin of one filter make one synthesizer. The wave pin's sample clock
//! starts with the first read; the time that comes back with it says which master time its frame 0
//! has, so that the song can begin at an exact frame: a tenth of a second in.

use std::{io, path::Path, time::Duration};

use anyhow::{Context, Result};
use dmusmini_ks::{
    format::WaveDataFormat,
    guids::{KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_PCM},
    pin::{Connect, State},
    synth::SynthStats,
    zerocopy::IntoBytes as _,
};
use dmusmini_song::{Event, SECOND};
use hound::{SampleFormat, WavSpec, WavWriter};

use crate::{
    Failure, Filter, Pin,
    describe::Description,
    ks::{self, Access, Block},
    player::{self, Kind},
    schedule,
    stop::Stop,
    synth::{Node, Source},
};

/// What to render.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Frames a second.
    pub rate: u32,
    /// The instruments.
    pub source: Source<'a>,
    /// The messages.
    pub events: &'a [Event],
    /// How long it sounds after the last message, in 100 ns.
    pub tail: i64,
}

impl Plan<'_> {
    /// How long it sounds, in 100 ns.
    fn length(&self) -> i64 {
        self.events.last().map_or(0, |event| event.at) + self.tail
    }
}

/// What was rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Frames in the file.
    pub frames: u64,
    /// The greatest sample.
    pub peak: u16,
    /// Messages that were sent.
    pub messages: usize,
    /// The synthesizer's own statistics at the end.
    pub stats: Option<SynthStats>,
    /// A line for each download that the synthesizer refused, then one for each kind of notes that nothing
    /// played.
    pub warnings: Vec<String>,
    /// It was stopped before its end.
    pub is_cut: bool,
}

/// Interleaved stereo.
const CHANNELS: u16 = 2;
const FRAME: usize = 4;
/// How far ahead of what is rendered events are written.
const AHEAD: i64 = SECOND;
/// A read that takes longer than this will never end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Renders to a wave file. `progress` hears of the frames done and of how many there will be.
///
/// # Errors
///
/// The system's refusals, a wave pin that gives no data, a file that cannot be written.
pub fn render(
    description: &Description,
    filter: &dyn Filter,
    plan: &Plan<'_>,
    stop: &Stop,
    out: impl io::Write + io::Seek,
    mut progress: impl FnMut(u64, u64),
) -> Result<Rendered> {
    let midi_pin = description
        .pin_of(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, "in")
        .with_context(|| missing(description, "DirectMusic pin"))?;
    let midi = player::open(filter, midi_pin.id, Kind::DirectMusic)?;
    let wave = open_wave(description, filter, plan.rate)?;
    let node = Node::of(&*midi, 0);
    let downloaded = node.download_all(plan.source, |_| {})?;
    ks::walk(&*midi, State::Run)?;
    ks::walk(&*wave, State::Run)?;

    let spec = WavSpec {
        channels: CHANNELS,
        sample_rate: plan.rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::new(out, spec)?;
    let mut done = Rendered {
        warnings: downloaded.refused,
        ..Rendered::default()
    };
    let total = frames_of(plan.length(), plan.rate);
    let mut sink = Sink::start(&*wave, plan.rate)?;
    let buffers = schedule::direct_music(plan.events, 1);
    let mut waiting = buffers.iter().peekable();
    while done.frames < total {
        if stop.is_set() {
            done.is_cut = true;
            break;
        }
        let horizon = sink.song_time() + AHEAD;
        while let Some(buffer) = waiting.next_if(|buffer| buffer.at <= horizon) {
            midi.write(Some(sink.origin + buffer.at), &buffer.bytes)
                .with_context(|| format!("at {:.3} s of the song", player::seconds(buffer.at)))?;
            done.messages += buffer.messages;
        }
        let samples = sink.next_block()?;
        let room = usize::try_from(total - done.frames).unwrap_or(usize::MAX);
        let kept = samples
            .len()
            .min(room.saturating_mul(usize::from(CHANNELS)));
        for sample in &samples[..kept] {
            writer.write_sample(*sample)?;
            done.peak = done.peak.max(sample.unsigned_abs());
        }
        done.frames += kept as u64 / u64::from(CHANNELS);
        progress(done.frames, total);
    }
    writer.finalize()?;
    done.stats = node.stats().ok();
    done.warnings.extend(node.silences());
    ks::walk(&*wave, State::Stop)?;
    ks::walk(&*midi, State::Stop)?;
    // The instruments go before the waves that they play.
    for handle in downloaded.handles.into_iter().rev() {
        node.unload(handle)?;
    }
    Ok(done)
}

/// Opens the wave pin.
///
/// # Errors
///
/// There is none, or the system's refusal.
pub fn open_wave(
    description: &Description,
    filter: &dyn Filter,
    rate: u32,
) -> Result<Box<dyn Pin>> {
    let pin = description
        .pin_of(KSDATAFORMAT_SUBTYPE_PCM, "out")
        .with_context(|| missing(description, "wave pin"))?;
    let format = WaveDataFormat::pcm16(rate, CHANNELS);
    let connect = Connect::standard(pin.id).with_format(format.as_bytes());
    Ok(filter.create_pin(&connect, Access::Read)?)
}

fn missing(description: &Description, what: &str) -> Failure {
    Failure::Precondition(format!("{} has no {what}", description.path))
}

/// The lead-in is left out: the file begins with the song.
fn frames_of(length: i64, rate: u32) -> u64 {
    let frames = i128::from(length) * i128::from(rate) / i128::from(SECOND);
    u64::try_from(frames).unwrap_or(0)
}

/// Refuses so much sound, in 100 ns, as the lengths of a WAV file cannot count: they have 32 bits.
///
/// # Errors
///
/// The file would have 4 GiB or more.
pub fn ensure_countable(song: &Path, out: &Path, length: i64, rate: u32) -> Result<()> {
    const HEADER: u64 = 44;
    let sound = frames_of(length, rate).saturating_mul(FRAME as u64);
    let bytes = sound.saturating_add(HEADER);
    if u32::try_from(bytes).is_ok() {
        return Ok(());
    }
    // In tenths first: 59.96 s are 1:00.0 and not 0:60.0.
    let tenths = (player::seconds(length) * 10.0).round();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let size = bytes as f64 / f64::from(1 << 30);
    let text = format!(
        "{}: its {}:{:04.1} of sound take {size:.1} GiB, but a WAV file ({}) holds less than 4 GiB",
        song.display(),
        (tenths / 600.0).floor(),
        tenths % 600.0 / 10.0,
        out.display()
    );
    Err(Failure::Failed(text).into())
}

/// Reads a running wave pin, from the song's first frame on.
#[derive(Debug)]
struct Sink<'a> {
    pin: Reader<'a>,
    rate: u32,
    /// Frames read.
    position: i64,
    /// Master time of the song's beginning.
    origin: i64,
    /// The frame of it.
    origin_frame: i64,
}

struct Reader<'a>(&'a dyn Pin);

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl<'a> Sink<'a> {
    /// Starts the sample clock with a first read, half of the lead-in.
    fn start(pin: &'a dyn Pin, rate: u32) -> Result<Self> {
        let origin_frame = i64::from(rate / 10);
        let mut sink = Self {
            pin: Reader(pin),
            rate,
            position: 0,
            origin: 0,
            origin_frame,
        };
        let block = sink.read(origin_frame / 2)?;
        let time = block
            .time
            .context("the wave pin does not say at what time its first frame sounds")?;
        sink.origin = time + time_of(origin_frame, rate);
        // The other half, so that the file begins at the song's own first frame.
        while sink.position < origin_frame {
            sink.read(origin_frame - sink.position)?;
        }
        Ok(sink)
    }

    /// How much of the song has been read.
    fn song_time(&self) -> i64 {
        (self.position - self.origin_frame) * SECOND / i64::from(self.rate.max(1))
    }

    /// The next tenth of a second.
    fn next_block(&mut self) -> Result<Vec<i16>> {
        let block = self.read(i64::from(self.rate / 10))?;
        let pairs = block.data.as_chunks().0.iter();
        Ok(pairs.map(|pair| i16::from_le_bytes(*pair)).collect())
    }

    fn read(&mut self, frames: i64) -> Result<Block> {
        let room = usize::try_from(frames).unwrap_or(0) * FRAME;
        let mut read = self.pin.0.read(room)?;
        let block = read.wait(PATIENCE)?;
        let block = block.filter(|block| block.data.len() >= FRAME);
        let block = block.with_context(|| {
            Failure::Failed(format!(
                "the wave pin gave nothing within {} s at frame {}",
                PATIENCE.as_secs(),
                self.position
            ))
        })?;
        self.position += i64::try_from(block.data.len() / FRAME).unwrap_or(0);
        Ok(block)
    }
}

/// The time of a frame, rounded up as the synthesizer rounds it.
fn time_of(frame: i64, rate: u32) -> i64 {
    let rate = i64::from(rate.max(1));
    (frame * SECOND + rate - 1) / rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_times_that_lead_back_to_them() {
        for rate in [8_000, 22_050, 44_100, 48_000] {
            for frame in [0, 1, 7, 4_410, 1_000_003] {
                let time = time_of(frame, rate);
                assert_eq!(time * i64::from(rate) / SECOND, frame, "{frame} at {rate}");
            }
        }
    }

    /// At 10,000 frames a second a frame has 1,000 units. 2^32 - 1 bytes less the header's 44 are
    /// 1,073,741,812 frames of four bytes, and a part of another.
    #[test]
    fn a_wav_file_counts_its_bytes_in_32_bits() {
        let ensure = |frames: i64| {
            let (song, out) = (Path::new("a.mid"), Path::new("b.wav"));
            ensure_countable(song, out, 1_000 * frames, 10_000)
        };
        ensure(0).unwrap();
        ensure(1_073_741_812).unwrap();
        let error = ensure(1_073_741_813).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.mid: its 1789:34.2 of sound take 4.0 GiB, but a WAV file (b.wav) holds less than 4 GiB"
        );
        ensure_countable(Path::new("a"), Path::new("b"), i64::MAX, 48_000).unwrap_err();
    }
}
