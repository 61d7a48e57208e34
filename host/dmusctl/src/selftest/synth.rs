//! What the synthesizer must do: take downloads, play them at the right frame, account for it.

use std::{collections::BTreeSet, io::Cursor};

use anyhow::{Context, Result, bail, ensure};
use dmusmini_collection::{Bank, Instrument, Region, Sample, Wave};
use dmusmini_ks::synth::{PortParams, caps, port_params};
use dmusmini_song::{Event, SECOND};

use super::Runner;
use crate::{
    Filter, Pin,
    describe::Description,
    player::{self, Kind},
    render::{self, Plan},
    stop::Stop,
    synth::{Node, Source},
};

const RATE: u32 = 44_100;
/// When the test note begins, and how long it lasts.
const NOTE_AT: i64 = SECOND / 2;
const NOTE_LENGTH: i64 = SECOND / 2;

pub(super) fn test(runner: &mut Runner<'_>, description: &Description, filter: &dyn Filter) {
    let opened = runner.check("the DirectMusic pin opens", || {
        let (id, kind) = player::choose(description, None)?;
        ensure!(kind == Kind::DirectMusic, "no DirectMusic pin");
        Ok((player::open(filter, id, kind)?, format!("pin {id}")))
    });
    let Some(pin) = opened else { return };
    let node = Node::of(&*pin, 0);
    runner.check("capabilities", || capabilities(node));
    runner.check("port parameters are negotiated", || parameters(node));
    runner.check("volume is kept and limited", || volume(node));
    runner.check("malformed downloads are refused", || malformed(node));
    let bank = square();
    let source = Source {
        name: "selftest",
        bank: &bank,
    };
    runner.check("downloads are taken and given back", || {
        downloads(node, source)
    });
    drop(pin);
    runner.check("a note sounds at its frame", || {
        note(description, filter, source)
    });
    runner.check("instances are separate synthesizers", || {
        instances(description, filter)
    });
}

/// A bank of one instrument: a looped square wave, whose first frame sounds at once.
fn square() -> Bank {
    let frames = (0..1000).map(|i| if i % 100 < 50 { 8000 } else { -8000 });
    let region = Region {
        sample: Some(Sample::new(60).with_loop(0, 1000)),
        ..Region::new(0)
    };
    Bank {
        name: "selftest".to_owned(),
        instruments: vec![Instrument {
            regions: vec![region],
            ..Instrument::default()
        }],
        waves: vec![Wave::new("square", RATE, frames.collect())],
    }
}

fn capabilities(node: Node<'_>) -> Result<((), String)> {
    let it = node.caps()?;
    ensure!(it.flags & caps::DLS != 0, "no DLS in flags {:#x}", it.flags);
    ensure!(
        it.flags & caps::SOFTWARE_SYNTH != 0,
        "not a software synthesizer in flags {:#x}",
        it.flags
    );
    ensure!(it.max_voices > 0 && it.max_channel_groups > 0, "no voices");
    ensure!(
        it.max_audio_channels == 2,
        "{} audio channels",
        it.max_audio_channels
    );
    Ok((
        (),
        format!(
            "{:?}, flags {:#x}, {} voices, {} groups",
            it.description(),
            it.flags,
            it.max_voices,
            it.max_channel_groups
        ),
    ))
}

fn parameters(node: Node<'_>) -> Result<((), String)> {
    let wanted = PortParams {
        valid: port_params::VOICES | port_params::CHANNEL_GROUPS,
        voices: 1_000_000,
        channel_groups: 1,
        ..PortParams::default()
    };
    let granted = node.port_parameters(wanted)?;
    let most = node.caps()?.max_voices;
    ensure!(
        (1..=most).contains(&granted.voices),
        "{} voices of at most {most} were granted",
        granted.voices
    );
    ensure!(
        granted.channel_groups == 1,
        "{} groups",
        granted.channel_groups
    );
    Ok(((), format!("{} voices of 1000000", granted.voices)))
}

fn volume(node: Node<'_>) -> Result<((), String)> {
    let before = node.volume()?;
    node.set_volume(-600)?;
    ensure!(node.volume()? == -600, "-600 became {}", node.volume()?);
    node.set_volume(i32::MAX)?;
    let most = node.volume()?;
    ensure!(most < 10_000, "a volume of {most} was kept");
    node.set_volume(before)?;
    Ok(((), format!("{before}, limit {most}")))
}

fn malformed(node: Node<'_>) -> Result<((), String)> {
    let garbage: [&[u8]; 4] = [
        &[0; 4],
        &[0; 64],
        &[0xFF; 64],
        b"RIFF\x24\0\0\0DLS colh\x04\0\0\0",
    ];
    for bytes in garbage {
        match node.download(bytes) {
            Err(_) => {}
            Ok(handle) => bail!("{bytes:02x?} became download {handle}"),
        }
    }
    ensure!(
        node.unload(0xDEAD_BEEF).is_err(),
        "a handle that names nothing was unloaded"
    );
    Ok(((), format!("{} kinds of garbage", garbage.len())))
}

fn downloads(node: Node<'_>, source: Source<'_>) -> Result<((), String)> {
    let done = node.download_all(source, |_| {})?;
    ensure!(done.refused.is_empty(), "{}", done.refused.join("\n"));
    let handles = done.handles;
    let distinct: BTreeSet<u64> = handles.iter().copied().collect();
    ensure!(distinct.len() == handles.len(), "handles repeat");
    // The instruments go before the waves that they play.
    for handle in handles.iter().rev() {
        node.unload(*handle)?;
    }
    let again = handles.first().copied().unwrap_or(0);
    ensure!(node.unload(again).is_err(), "a handle was unloaded twice");
    Ok(((), format!("{} downloads", handles.len())))
}

/// Renders one note: silence before its frame, sound from it on, nothing lost.
fn note(
    description: &Description,
    filter: &dyn Filter,
    source: Source<'_>,
) -> Result<((), String)> {
    let events = [
        (NOTE_AT, vec![0x90, 60, 127]),
        (NOTE_AT + NOTE_LENGTH, vec![0x80, 60, 0]),
    ]
    .map(|(at, message)| Event { at, message });
    let plan = Plan {
        rate: RATE,
        source,
        events: &events,
        tail: SECOND,
    };
    let mut file = Cursor::new(Vec::new());
    let done = render::render(
        description,
        filter,
        &plan,
        &Stop::default(),
        &mut file,
        |_, _| {},
    )?;
    file.set_position(0);
    let samples: Result<Vec<i16>, _> = hound::WavReader::new(file)?.into_samples().collect();
    let samples = samples?;
    let first = samples
        .iter()
        .position(|sample| *sample != 0)
        .context("nothing sounded")?
        / 2;
    let due = usize::try_from(NOTE_AT * i64::from(RATE) / SECOND)?;
    // An attack has to rise above half a step.
    let slack = usize::try_from(RATE / 100)?;
    ensure!(
        (due..due + slack).contains(&first),
        "the note is due at frame {due} and sounds at {first}"
    );
    ensure!(done.peak > 300, "the peak is {}", done.peak);
    let stats = done.stats.context("no statistics")?;
    ensure!(
        stats.lost_notes == 0,
        "{} notes were lost",
        stats.lost_notes
    );
    Ok((
        (),
        format!("frame {first}, due at {due}, peak {}", done.peak),
    ))
}

/// Two DirectMusic pins do not share downloads.
fn instances(description: &Description, filter: &dyn Filter) -> Result<((), String)> {
    let (id, kind) = player::choose(description, None)?;
    let possible = description
        .pins
        .iter()
        .find(|pin| pin.id == id)
        .map_or(0, |pin| pin.possible);
    let open: Result<Vec<Box<dyn Pin>>> = (0..possible.min(8))
        .map(|_| player::open(filter, id, kind))
        .collect();
    let open = open?;
    if possible <= 8 {
        ensure!(
            player::open(filter, id, kind).is_err(),
            "{possible} instances are possible, and one more was opened"
        );
    }
    if let [first, second, ..] = &open[..] {
        let (first, second) = (Node::of(&**first, 0), Node::of(&**second, 0));
        first.set_volume(-100)?;
        second.set_volume(-200)?;
        ensure!(first.volume()? == -100, "two pins share one volume");
    }
    Ok(((), format!("{} open at once", open.len())))
}
