//! What the MPU-401 must do: take messages, and bring back what a cable brings.

use anyhow::{Context, Result, ensure};
use dmusmini_ks::{
    guids::{KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI},
    pin::State,
    synth::caps,
};
use dmusmini_song::{Event, SECOND};

use super::Runner;
use crate::{
    Filter, System,
    capture::{self, Assembler},
    describe::Description,
    ks,
    player::{self, Kind, Target},
    schedule::duration,
    stop::Stop,
    synth::Node,
};

pub(super) fn test(
    runner: &mut Runner<'_>,
    description: &Description,
    filter: &dyn Filter,
    loopback: bool,
) {
    let system = runner.system;
    runner.check("capabilities", || {
        let (id, kind) = player::choose(description, None)?;
        let pin = player::open(filter, id, kind)?;
        let it = Node::of(&*pin, 0).caps()?;
        ensure!(
            it.flags & caps::EXTERNAL != 0,
            "not external in flags {:#x}",
            it.flags
        );
        Ok(((), format!("{:?}, flags {:#x}", it.description(), it.flags)))
    });
    runner.check("a pin is open once", || {
        let (id, kind) = player::choose(description, None)?;
        let _first = player::open(filter, id, kind)?;
        ensure!(
            player::open(filter, id, kind).is_err(),
            "pin {id} was opened twice"
        );
        Ok(((), format!("pin {id}")))
    });
    for (name, kind, sub_format) in [
        (
            "messages are taken, legacy",
            Kind::Legacy,
            KSDATAFORMAT_SUBTYPE_MIDI,
        ),
        (
            "messages are taken, DirectMusic",
            Kind::DirectMusic,
            KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
        ),
    ] {
        runner.check(name, || {
            let pin = description
                .pin_of(sub_format, "in")
                .context("no such pin")?;
            let open = player::open(filter, pin.id, kind)?;
            let events = scale();
            let tail = SECOND / 5;
            let stop = Stop::default();
            let target = Target {
                system,
                filter,
                pin: &*open,
                kind,
                has_wire: true,
            };
            let done = player::play(target, &events, tail, &stop, |_| {})?;
            ensure!(
                done.messages == events.len(),
                "{} of {}",
                done.messages,
                events.len()
            );
            Ok((
                (),
                format!("{} messages in {} buffers", done.messages, done.buffers),
            ))
        });
    }
    match description.pin_of(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, "out") {
        None => runner.skip("what goes out comes back", "this device has no input"),
        Some(_) if !loopback => runner.skip(
            "what goes out comes back",
            "needs a cable from output to input, and --loopback",
        ),
        Some(_) => {
            runner.check("what goes out comes back", || {
                round_trip(system, description, filter)
            });
        }
    }
}

/// Quiet notes, a bend, and a system exclusive message of a kilobyte that nobody claims.
fn scale() -> Vec<Event> {
    let mut events = Vec::new();
    for (number, key) in (0_i64..).zip([60_u8, 62, 64, 65, 67, 69, 71, 72]) {
        let at = number * SECOND / 50;
        events.push(Event {
            at,
            message: vec![0x90, key, 1],
        });
        events.push(Event {
            at: at + SECOND / 100,
            message: vec![0x80, key, 0],
        });
    }
    let end = events.last().map_or(0, |event| event.at);
    events.push(Event {
        at: end,
        message: vec![0xE0, 0, 64],
    });
    let mut exclusive = vec![0xF0, 0x7D];
    exclusive.extend((0..1000).map(|n: u16| u8::try_from(n % 128).unwrap_or(0)));
    exclusive.push(0xF7);
    events.push(Event {
        at: end,
        message: exclusive,
    });
    events
}

fn round_trip(
    system: &dyn System,
    description: &Description,
    filter: &dyn Filter,
) -> Result<((), String)> {
    let input = capture::open(description, filter)?;
    ks::walk(&*input, State::Run)?;
    let (id, kind) = player::choose(description, None)?;
    let output = player::open(filter, id, kind)?;
    let events = scale();
    // Reads wait while the messages go out.
    let mut reads = Vec::new();
    for _ in 0..64 {
        reads.push(input.read(4096)?);
    }
    let stop = Stop::default();
    let target = Target {
        system,
        filter,
        pin: &*output,
        kind,
        has_wire: true,
    };
    player::play(target, &events, SECOND, &stop, |_| {})?;
    let mut assembler = Assembler::default();
    for read in &mut reads {
        match read.wait(duration(SECOND / 10))? {
            Some(block) => assembler.block(&block)?,
            None => break,
        }
    }
    drop(reads);
    ks::walk(&*input, State::Stop)?;
    let back: Vec<_> = assembler.finish().into_iter().map(|e| e.message).collect();
    let sent: Vec<_> = events.into_iter().map(|event| event.message).collect();
    let first = sent.iter().zip(&back).position(|(sent, back)| sent != back);
    ensure!(
        back == sent,
        "{} of {} messages came back, the first difference is at number {}",
        back.len(),
        sent.len(),
        first.unwrap_or(back.len().min(sent.len()))
    );
    Ok(((), format!("{} messages", back.len())))
}
