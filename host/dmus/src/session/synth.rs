//! The synthesizer, running.

use super::{Driver, Machine, message, trace};
use anyhow::{Context, Result, anyhow};
use dmusmini::com::Status;
use dmusmini::dls::Fault;
use dmusmini::portcls::guids::KSPROPSETID_SYNTH;
use dmusmini::portcls::synth_abi::{SynthStats, lookup, synth_property};
use dmusmini_ks::synth::SilentTable;
use dmusmini_ks::zerocopy::FromBytes as _;
use dmusmini_simulator::session::{Hardware, Property, Session, SynthPlayer, WaveFormat};
use dmusmini_song::Song;

/// How the synthesizer is set up: the registry values of inf.md section 7, and the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynthSettings {
    /// Frames a second.
    pub rate: u32,
    /// 1 or 2.
    pub channels: u16,
    /// `Voices`.
    pub voices: u32,
    /// `Interpolation`: 0 linear, 1 four-point, 2 sinc-8, 3 sinc-16.
    pub interpolation: u32,
    /// `Effects`: bit 0 reverb, bit 1 chorus.
    pub effects: u32,
    /// `DownloadQuotaMiB`.
    pub quota: u32,
    /// `EventQueue`.
    pub event_queue: u32,
    /// KSPROPERTY_SYNTH_VOLUME, in hundredths of a decibel.
    pub volume: i32,
    /// Instruments are looked for by DLS's rule, without stand-ins from other banks.
    pub exact_banks: bool,
}

impl SynthSettings {
    /// What the driver has without a registry value.
    pub const DEFAULT: Self = Self {
        rate: 44_100,
        channels: 2,
        voices: 256,
        interpolation: 3,
        effects: 0,
        quota: 256,
        event_queue: 65_536,
        volume: 0,
        exact_banks: false,
    };
}

/// A machine with the synthesizer's pins open and running.
#[derive(Debug)]
pub struct SynthSession {
    settings: SynthSettings,
    player: Option<SynthPlayer>,
    session: Option<Session>,
    /// Frames that come before the song's first.
    lead: usize,
    buffer: Vec<i16>,
}

impl SynthSession {
    /// Boots a machine with the driver and opens the synthesizer.
    pub fn open(driver: &Driver, settings: SynthSettings) -> Result<Self> {
        let session = Session::boot(&driver.binary()).context("cannot load the driver")?;
        let mut this = Self {
            settings,
            player: None,
            session: Some(session),
            lead: 0,
            buffer: Vec::new(),
        };
        let hardware = Hardware::synth()
            .with_dword("SampleRate", settings.rate)
            .with_dword("Voices", settings.voices)
            .with_dword("Interpolation", settings.interpolation)
            .with_dword("Effects", settings.effects)
            .with_dword("DownloadQuotaMiB", settings.quota)
            .with_dword("EventQueue", settings.event_queue);
        let device = this.session()?.install(&hardware)?;
        let format = WaveFormat::pcm16(settings.rate, settings.channels);
        let player = SynthPlayer::open(&device, format)?;
        this.lead = usize::try_from(player.origin_frame())?;
        this.player = Some(player);
        this.set_volume(settings.volume)?;
        this.set_lookup(settings.exact_banks)?;
        Ok(this)
    }

    fn set_volume(&self, volume: i32) -> Result<()> {
        let property = Property::set(
            KSPROPSETID_SYNTH,
            synth_property::VOLUME,
            &volume.to_le_bytes(),
        );
        refused(self.player()?.property(property).status.ok()).context("setting the volume")
    }

    /// A DirectMusic pin, which has channel groups and exact times, and by its client's wish the
    /// stand-ins of a legacy pin: songs and banks come as they are found.
    fn set_lookup(&self, exact_banks: bool) -> Result<()> {
        let rule = if exact_banks {
            lookup::EXACT
        } else {
            lookup::FALLBACKS
        };
        refused(self.player()?.set_lookup(rule)).context("choosing how instruments are looked for")
    }

    /// Downloads one `DMUS_DOWNLOADINFO` buffer. A refusal says what the driver found, and where.
    pub fn download(&self, item: &[u8]) -> Result<()> {
        let session = self.session()?;
        match self.player()?.download(session, item) {
            Ok(_handle) => Ok(()),
            Err(status) => Err(match trace::rejection(session.machine()) {
                Some(error) if error.fault != Fault::OutOfMemory => {
                    anyhow!("{error} of the download ({status:?})")
                }
                _ => anyhow!("{} ({status:?})", unfit(status, item.len())),
            }),
        }
    }

    /// Hands the song to the client, which writes each message to the pin as its time comes near.
    pub fn play(&mut self, song: &Song) -> Result<()> {
        if song.channel_groups() > 1 {
            self.set_channel_groups(song.channel_groups())?;
        }
        let player = self.player.as_mut().ok_or_else(ended)?;
        player.play(song.grouped().map(message));
        Ok(())
    }

    /// Sixteen channels for each port of the song.
    fn set_channel_groups(&self, groups: u16) -> Result<()> {
        let property = Property::set(
            KSPROPSETID_SYNTH,
            synth_property::CHANNEL_GROUPS,
            &u32::from(groups).to_le_bytes(),
        );
        let reply = self.player()?.property(property);
        refused(reply.status.ok()).context("setting the number of channel groups")
    }

    /// The next `frames` frames, interleaved; the first is the song's beginning.
    pub fn render(&mut self, frames: usize) -> Result<&[i16]> {
        let player = self.player.as_mut().ok_or_else(ended)?;
        let skip = std::mem::take(&mut self.lead);
        self.buffer.clear();
        player.pull(skip + frames, &mut self.buffer);
        self.buffer
            .get(skip * usize::from(self.settings.channels)..)
            .context("the machine stopped")
    }

    /// The frame that the synthesizer names for a time of the song (`RefTimeToSample`).
    pub fn frame_of(&self, at: i64) -> Result<i64> {
        let player = self.player()?;
        let frame = refused(player.wave().ref_time_to_sample(player.origin() + at));
        Ok(frame.context("RefTimeToSample")? - player.origin_frame())
    }

    /// KSPROPERTY_SYNTH_RUNNINGSTATS.
    pub fn statistics(&self) -> Result<SynthStats> {
        refused(self.player()?.stats()).context("reading the running statistics")
    }

    /// A line for each kind of notes that nothing played.
    pub fn silences(&self) -> Result<Vec<String>> {
        let bytes = refused(self.player()?.silent_notes()).context("reading the silent notes")?;
        let table = SilentTable::read_from_bytes(&bytes)
            .map_err(|_| anyhow!("the table of silent notes has {} bytes", bytes.len()))?;
        Ok(table.lines())
    }

    /// Ends the session in an orderly way and tells what it left behind.
    pub fn close(mut self) -> Machine {
        self.end()
    }

    fn end(&mut self) -> Machine {
        let references = self.player.take().map_or(0, SynthPlayer::close);
        let Some(session) = self.session.take() else {
            return Machine::default();
        };
        let trace = trace::of(session.machine());
        let mut machine = Machine::new(&session.shut_down(), trace);
        if references != 0 {
            machine.violations.push(format!(
                "the stream still had {references} reference(s) after its last pin was closed"
            ));
        }
        machine
    }

    fn player(&self) -> Result<&SynthPlayer> {
        self.player.as_ref().ok_or_else(ended)
    }

    fn session(&self) -> Result<&Session> {
        self.session.as_ref().ok_or_else(ended)
    }
}

impl Drop for SynthSession {
    fn drop(&mut self) {
        // A session that failed has its error; what the machine saw of it adds nothing.
        let _ = self.end();
    }
}

fn refused<T>(result: Result<T, Status>) -> Result<T> {
    result.map_err(|status| anyhow!("{status:?}"))
}

/// Why a driver refuses a download that it understands.
fn unfit(status: Status, size: usize) -> String {
    match status {
        Status::NO_MEMORY | Status::INSUFFICIENT_RESOURCES => {
            format!(
                "there is no room for its {size} bytes: a download has 64 MiB at most, all together --quota"
            )
        }
        Status::NOT_FOUND => "it plays a wave that was not downloaded".to_owned(),
        _ => format!("its {size} bytes could not be taken"),
    }
}

fn ended() -> anyhow::Error {
    anyhow!("the session has ended")
}
