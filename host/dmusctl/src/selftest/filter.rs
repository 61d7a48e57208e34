//! What every filter must do.

use anyhow::{Context, Result, bail, ensure};
use dmusmini_ks::{
    Guid,
    format::WaveDataFormat,
    guids::{
        KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI, KSDATAFORMAT_SUBTYPE_PCM,
        KSPROPSETID_PIN, KSPROPSETID_SYNTH, KSPROPTYPESETID_GENERAL,
    },
    pin::{Connect, State},
    property::{Description as PropertyDescription, Instances, Property, pin_item, verb},
    synth::synth_item,
    zerocopy::IntoBytes as _,
};

use super::Runner;
use crate::{
    Filter, Pin,
    describe::{Description, PinDescription},
    ks::{self, Access, filter_object, object},
    player::{self, Kind},
    schedule::duration,
    synth::{Node, master_clock},
};

pub(super) fn test(runner: &mut Runner<'_>, description: &Description, filter: &dyn Filter) {
    runner.check("pins and formats", || pins(description));
    runner.check("properties obey the size rules", || sizes(filter));
    runner.check("unknown properties are refused", || unknown(filter));
    runner.check("properties are described", || described(filter));
    let system = runner.system;
    if system.shares_time() {
        runner.check("the master clock runs", || {
            let before = master_clock(filter)?;
            system.sleep(duration(500_000));
            let passed = master_clock(filter)? - before;
            ensure!(passed > 0, "{} ms passed in 50 ms", passed / 10_000);
            Ok(((), format!("{} ms in 50 ms", passed / 10_000)))
        });
    } else {
        runner.skip(
            "the master clock runs",
            "the device keeps a time of its own",
        );
    }
    for pin in description.pins.iter().filter(|pin| pin.can_open()) {
        runner.check("a pin opens, walks its states and closes", || {
            walk(description, filter, pin)
        });
    }
    runner.check("a wrong format is refused", || {
        wrong_format(description, filter)
    });
    runner.check("what cannot be opened is refused", || {
        closed_pins(description, filter)
    });
    runner.check("the latency clock is ahead", || {
        let (id, kind) = player::choose(description, None)?;
        let pin = player::open(filter, id, kind)?;
        let master = master_clock(filter)?;
        let latency = Node::of(&*pin, 0).latency_clock()?;
        ensure!(latency > master, "{} us behind", (master - latency) / 10);
        Ok(((), format!("{} us ahead", (latency - master) / 10)))
    });
}

/// Legacy before DirectMusic in each direction, and a wave pin or a bridge where the sound goes.
fn pins(description: &Description) -> Result<((), String)> {
    let place = |sub_format: Guid| {
        description
            .pin_of(sub_format, "in")
            .map(|pin| pin.id)
            .context("a MIDI pin is missing")
    };
    let legacy = place(KSDATAFORMAT_SUBTYPE_MIDI)?;
    let direct_music = place(KSDATAFORMAT_SUBTYPE_DIRECTMUSIC)?;
    ensure!(
        legacy < direct_music,
        "the legacy pin must come first for MIDI services to find it"
    );
    let synthesizer = "KSNODETYPE_SYNTHESIZER";
    ensure!(
        description
            .nodes
            .iter()
            .any(|node| node == synthesizer || node == "KSCATEGORY_SYNTHESIZER"),
        "no synthesizer node"
    );
    ensure!(!description.connections.is_empty(), "no connections");
    ensure!(
        description
            .categories
            .iter()
            .any(|name| name == "KSCATEGORY_AUDIO"),
        "not in KSCATEGORY_AUDIO"
    );
    Ok((
        (),
        format!(
            "{} pins, {} nodes, {} connections",
            description.pins.len(),
            description.nodes.len(),
            description.connections.len()
        ),
    ))
}

/// No room asks for the size; too little is an error.
fn sizes(filter: &dyn Filter) -> Result<((), String)> {
    let object = filter_object(filter);
    let request = Property::get(KSPROPSETID_PIN, pin_item::DATA_RANGES).of_pin(0);
    let length = object.get_bytes(request.as_bytes())?.len();
    match object.property(request.as_bytes(), &mut []) {
        Ok(_) => bail!("a list of {length} bytes fitted into none"),
        Err(error) if error.code.asks_for_room() => {}
        Err(error) => bail!("no room was answered with: {error}"),
    }
    let cut = &request.as_bytes()[..20];
    ensure!(
        object.property(cut, &mut [0; 64]).is_err(),
        "a request of 20 bytes was answered"
    );
    Ok(((), format!("data ranges: {length} bytes")))
}

/// BASICSUPPORT tells a property's verbs and the type of its value, as Windows' own tests ask.
fn described(filter: &dyn Filter) -> Result<((), String)> {
    let request = Property {
        flags: verb::BASIC_SUPPORT,
        ..Property::get(KSPROPSETID_SYNTH, synth_item::CAPS)
    };
    let request = request.of_node(0);
    let what = "the description of SYNTH_CAPS";
    let description: PropertyDescription =
        filter_object(filter).get_value(request.as_bytes(), what)?;
    ensure!(
        description.access == verb::GET | verb::BASIC_SUPPORT
            && description.size == 40
            && description.value.set == KSPROPTYPESETID_GENERAL
            && description.members == 0,
        "{description:?}"
    );
    let mut little = [0; 39];
    ensure!(
        filter_object(filter)
            .property(request.as_bytes(), &mut little)
            .is_err(),
        "a description fitted into 39 bytes"
    );
    Ok(((), format!("SYNTH_CAPS: type {}", description.value.id)))
}

fn unknown(filter: &dyn Filter) -> Result<((), String)> {
    let object = filter_object(filter);
    let mut refused = Vec::new();
    for request in [
        Property::get(Guid::from_u128(0x1234), 0),
        Property::get(KSPROPSETID_PIN, 0x7FFF),
        Property::set(KSPROPSETID_PIN, pin_item::TYPES),
    ] {
        match object.property(request.as_bytes(), &mut [0; 64]) {
            Ok(_) => bail!("{request:?} was answered"),
            Err(error) => refused.push(error.code.to_string()),
        }
    }
    // A synthesizer property needs its node.
    let request = Property::get(KSPROPSETID_SYNTH, synth_item::CAPS);
    ensure!(
        object.property(request.as_bytes(), &mut [0; 512]).is_err(),
        "SYNTH_CAPS was answered without a node"
    );
    Ok(((), refused.join(", ")))
}

/// Opens a pin in the richest format that it takes.
fn open(filter: &dyn Filter, pin: &PinDescription) -> Result<Box<dyn Pin>> {
    let access = match pin.flow {
        "in" => Access::Write,
        _ => Access::Read,
    };
    let format = match Kind::of(pin) {
        Some(kind) => kind.format().as_bytes().to_vec(),
        None => WaveDataFormat::pcm16(44_100, 2).as_bytes().to_vec(),
    };
    Ok(filter.create_pin(&Connect::standard(pin.id).with_format(&format), access)?)
}

fn walk(
    description: &Description,
    filter: &dyn Filter,
    pin: &PinDescription,
) -> Result<((), String)> {
    let id = pin.id;
    let _companion = match (pin.flow, Kind::of(pin)) {
        ("in", Some(kind)) => player::companion(description, filter, kind)?,
        _ => None,
    };
    let count = || -> Result<u32> {
        let instances: Instances = filter_object(filter).pin_item(id, pin_item::INSTANCES)?;
        Ok(instances.current)
    };
    let before = count()?;
    let pin = open(filter, pin).with_context(|| format!("pin {id}"))?;
    ensure!(
        count()? == before + 1,
        "pin {id}: an open pin is not counted"
    );
    for to in [State::Run, State::Stop, State::Run, State::Stop] {
        ks::walk(&*pin, to).with_context(|| format!("pin {id}"))?;
        let now = ks::state(&*pin)?;
        ensure!(now == Some(to), "pin {id} is in {now:?} and not in {to:?}");
    }
    let format = Property::get(dmusmini_ks::guids::KSPROPSETID_CONNECTION, 2);
    let bytes = object(&*pin).get_bytes(format.as_bytes())?;
    ensure!(
        bytes.len() >= 64,
        "pin {id}: its format has {} bytes",
        bytes.len()
    );
    drop(pin);
    let after = count()?;
    ensure!(after == before, "pin {id}: {after} instances after closing");
    Ok(((), format!("pin {id}")))
}

fn wrong_format(description: &Description, filter: &dyn Filter) -> Result<((), String)> {
    let (id, _) = player::choose(description, None)?;
    let format = WaveDataFormat::pcm16(44_100, 2);
    let wave = Connect::standard(id).with_format(format.as_bytes());
    let mut refused = Vec::new();
    match filter.create_pin(&wave, Access::Write) {
        Ok(_) => bail!("MIDI pin {id} opened as a wave pin"),
        Err(error) => refused.push(error.code.to_string()),
    }
    if let Some(pin) = description.pin_of(KSDATAFORMAT_SUBTYPE_PCM, "out") {
        let fast = WaveDataFormat::pcm16(1_000_000, 2);
        let connect = Connect::standard(pin.id).with_format(fast.as_bytes());
        match filter.create_pin(&connect, Access::Read) {
            Ok(_) => bail!("wave pin {} opened at 1 MHz", pin.id),
            Err(error) => refused.push(error.code.to_string()),
        }
    }
    Ok(((), refused.join(", ")))
}

fn closed_pins(description: &Description, filter: &dyn Filter) -> Result<((), String)> {
    let beyond = u32::try_from(description.pins.len())?;
    let format = Kind::DirectMusic.format();
    let bridges = description.pins.iter().filter(|pin| !pin.can_open());
    let mut tried = 0;
    for id in bridges.map(|pin| pin.id).chain([beyond, u32::MAX]) {
        let connect = Connect::standard(id).with_format(format.as_bytes());
        ensure!(
            filter.create_pin(&connect, Access::Write).is_err(),
            "pin {id} was opened"
        );
        tried += 1;
    }
    Ok(((), format!("{tried} pins")))
}
