//! Files as they are found in the wild: both levels' chunks mixed, conditions, repairs.

use dmusmini::dls::{Destination, Download, Input, Source};
use dmusmini_collection::{Collection, Options, Selection, destination, source};

fn chunk(id: &str, data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).unwrap();
    let mut bytes = [id.as_bytes(), &size.to_le_bytes(), data].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

fn list(form: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    chunk("LIST", &[form.as_bytes(), &parts.concat()].concat())
}

/// An articulation chunk of one block.
fn articulation(id: &str, codes: [u16; 4], scale: i32) -> Vec<u8> {
    let mut data = [8_u32, 1].map(u32::to_le_bytes).concat();
    data.extend(codes.map(u16::to_le_bytes).concat());
    data.extend(scale.to_le_bytes());
    chunk(id, &data)
}

fn words(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// A condition that is just a constant.
fn condition(value: u32) -> Vec<u8> {
    chunk(
        "cdl ",
        &[&16_u16.to_le_bytes()[..], &value.to_le_bytes()].concat(),
    )
}

/// A region of wave `wave` with more chunks inside.
fn region(form: &str, wave: u32, more: &[Vec<u8>]) -> Vec<u8> {
    let head = [0_u16, 127, 0, 127, 0, 0].map(u16::to_le_bytes).concat();
    let link = words(&[0, 1, wave]);
    list(
        form,
        &[chunk("rgnh", &head), chunk("wlnk", &link), more.concat()],
    )
}

fn file(regions: &[Vec<u8>], more: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(regions.len()).unwrap();
    let head = chunk("insh", &words(&[count, 0, 0]));
    let instrument = list("ins ", &[head, list("lrgn", regions), more.concat()]);
    let mut format = [1_u16, 1].map(u16::to_le_bytes).concat();
    format.extend(words(&[22_050, 44_100]));
    format.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    let wave = list("wave", &[chunk("fmt ", &format), chunk("data", &[0; 32])]);
    let table = chunk("ptbl", &words(&[8, 2, 0, 0xFFFF_FFFF]));
    let count = chunk("colh", &words(&[1]));
    let parts = [
        count,
        list("lins", &[instrument]),
        table,
        list("wvpl", &[wave]),
    ];
    chunk("RIFF", &[b"DLS ", &parts.concat()[..]].concat())
}

const ATTACK: [u16; 4] = [0, 0, destination::EG1_ATTACK, 0];
const LEVEL_1_VELOCITY: [u16; 4] = [source::VELOCITY, 0, destination::GAIN, 1];

#[test]
fn every_mixture_of_levels_is_read() {
    for articulation_list in ["lart", "lar2"] {
        for blocks in ["art1", "art2"] {
            for form in ["rgn ", "rgn2"] {
                let inner = list(articulation_list, &[articulation(blocks, ATTACK, 77)]);
                let bytes = file(&[region(form, 0, &[inner])], &[]);
                let collection = Collection::from_bytes("mixture", &bytes).unwrap();
                let region = &collection.instruments()[0].regions[0];
                assert_eq!(
                    region.articulation.len(),
                    1,
                    "{form} {articulation_list} {blocks}"
                );
                assert_eq!(region.articulation[0].scale, 77);
            }
        }
    }
}

/// Level 1 keeps its curve in the output bits and knows no "inverted".
#[test]
fn a_level_1_curve_means_what_it_meant() {
    let inner = list(
        "lart",
        &[articulation("art1", LEVEL_1_VELOCITY, -960 << 16)],
    );
    let bytes = file(&[region("rgn ", 0, &[])], &[inner]);
    let collection = Collection::from_bytes("level 1", &bytes).unwrap();
    let items = collection
        .bank()
        .download_set(&Selection::All, Options::default());
    let Ok(Download::Instrument(parsed)) = Download::parse(&items[1].bytes) else {
        panic!()
    };
    let connections = parsed.connections(&parsed.articulations[0]);
    let velocity = connections.iter().filter(|c| c.source == Source::Velocity);
    let velocity: Vec<_> = velocity.collect();
    assert_eq!(velocity.len(), 1);
    assert_eq!(velocity[0].destination, Destination::Gain);
    assert_eq!(
        (velocity[0].source_input, velocity[0].scale),
        (Input::LEVEL, -960 << 16)
    );
}

#[test]
fn conditions_decide() {
    let blocks = || articulation("art2", ATTACK, 5);
    let regions = [
        region("rgn2", 0, &[condition(0)]),
        region(
            "rgn2",
            0,
            &[condition(1), list("lar2", &[condition(0), blocks()])],
        ),
        region("rgn2", 0, &[list("lar2", &[condition(1), blocks()])]),
    ];
    let bytes = file(&regions, &[]);
    let collection = Collection::from_bytes("conditions", &bytes).unwrap();
    let regions = &collection.instruments()[0].regions;
    assert_eq!(regions.len(), 2);
    assert_eq!(
        (regions[0].articulation.len(), regions[1].articulation.len()),
        (0, 1)
    );

    let broken = file(&[region("rgn2", 0, &[chunk("cdl ", &[99, 0])])], &[]);
    let error = Collection::from_bytes("broken.dls", &broken).unwrap_err();
    assert!(error.to_string().contains("conditional chunk"), "{error}");
}

#[test]
fn what_can_be_repaired_is_named() {
    // WSMP with a loop of 9 frames from 10 on in a wave of 16.
    let mut sample = words(&[20]);
    sample.extend([60_u16, 0].map(u16::to_le_bytes).concat());
    sample.extend(words(&[0, 0, 1, 16, 0, 10, 9]));
    let regions = [
        region("rgn2", 0, &[chunk("wsmp", &sample)]),
        // A null cue, and an index past the table.
        region("rgn2", 1, &[]),
        region("rgn2", 2, &[]),
    ];
    let collection = Collection::from_bytes("repaired", &file(&regions, &[])).unwrap();
    let regions = &collection.instruments()[0].regions;
    assert_eq!(regions.len(), 1);
    let found = regions[0].sample.unwrap().wave_loop.unwrap();
    assert_eq!((found.start, found.length), (10, 6));
    assert_eq!(
        collection.warnings().len(),
        3,
        "{:?}",
        collection.warnings()
    );
}

#[test]
fn what_is_no_collection_is_refused_in_words() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "not a DLS collection"),
        (b"MThd\0\0\0\x06", "not a DLS collection"),
        (b"RIFF\x04\0\0\0WAVE", "not a DLS collection"),
        (b"RIFF\x04\0\0\0sfbk", "a SoundFont"),
        (
            b"RIFF\xFF\0\0\0DLS ",
            "claims 255 bytes, but only 4 are left",
        ),
        (b"RIFF\x04\0\0\0DLS ", "\"DLS \" has no \"lins\" chunk"),
    ];
    for (bytes, expected) in cases {
        let error = Collection::from_bytes("x.dls", bytes)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(expected) && error.starts_with("x.dls: byte 0x"),
            "{error}"
        );
    }
    let error = Collection::open("/no/such/file.dls")
        .unwrap_err()
        .to_string();
    assert!(error.contains("/no/such/file.dls"), "{error}");
}
