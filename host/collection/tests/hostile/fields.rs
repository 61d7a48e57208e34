//! What is true arrives: every field of a download.

use dmusmini::dls::{Destination, Download, LoopKind, Source};
use dmusmini_collection::{Block, Level, destination, source};

use crate::rig::{downloads, entry, small_bank, with, word};

#[test]
fn every_field_arrives() {
    let (wave, instrument) = downloads(&small_bank(), Level::Two);
    let Ok(Download::Wave(wave)) = Download::parse(&wave) else {
        panic!()
    };
    assert_eq!((wave.id, wave.rate), (1, 22_050));
    assert_eq!(wave.frames(), &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(wave.padded().iter().take(32).all(|&frame| frame == 0));

    let Ok(Download::Instrument(parsed)) = Download::parse(&instrument) else {
        panic!()
    };
    assert_eq!(parsed.patch.bits(), 0x8000_0105);
    assert!(parsed.patch.is_drums() && !parsed.is_gm);
    let [first, second] = &*parsed.regions else {
        panic!()
    };
    assert_eq!(
        (first.keys.high(), first.unity_key, first.wave_loop),
        (60, 60, None)
    );
    assert_eq!(
        (second.keys.low(), second.unity_key, second.fine_tune),
        (61, 64, -7)
    );
    assert_eq!((second.velocities.low(), second.velocities.high()), (3, 99));
    assert_eq!(
        (second.key_group, second.self_non_exclusive, second.wave),
        (3, true, 1)
    );
    assert_eq!(second.gain.0, -30 << 16);
    let wave_loop = second.wave_loop.unwrap();
    assert_eq!(wave_loop.kind, LoopKind::UntilRelease);
    assert_eq!((wave_loop.start, wave_loop.length), (2, 6));
    assert!(wave_loop.fits(8) && !wave_loop.fits(7));

    // The region's attack replaces the instrument's, whose release stays.
    let (own, global) = (parsed.articulation(second), parsed.articulation(first));
    assert_eq!((own.eg1.attack.0, global.eg1.attack.0), (1200 << 16, 0));
    assert_eq!(
        (own.eg1.release.0, global.eg1.release.0),
        (600 << 16, 600 << 16)
    );
    let extra = parsed.connections(own).len() - parsed.connections(global).len();
    assert_eq!(extra, 1);
    let vibrato = parsed.connections(own).last().unwrap();
    assert_eq!(
        (vibrato.source, vibrato.control),
        (Source::ModLfo, Source::Cc1)
    );
    assert_eq!(
        (vibrato.destination, vibrato.scale),
        (Destination::Pitch, 50 << 16)
    );
}

#[test]
fn level_1_says_what_it_can() {
    let mut bank = small_bank();
    bank.instruments[0].articulation.extend([
        Block::fixed(destination::PITCH, 100 << 16),
        Block::fixed(destination::GAIN, -60 << 16),
        Block::fixed(destination::CUTOFF, 6000 << 16),
        Block::new(source::VELOCITY, 0, destination::EG1_ATTACK, 0, -600 << 16),
        Block::fixed(destination::PAN, -250 << 16),
    ]);
    let (_, instrument) = downloads(&bank, Level::One);
    assert_eq!(word(&instrument, 0), 1);
    let Ok(Download::Instrument(parsed)) = Download::parse(&instrument) else {
        panic!()
    };
    let second = &parsed.regions[1];
    assert_eq!((second.fine_tune, second.gain.0), (93, -90 << 16));
    let articulation = parsed.articulation(second);
    assert_eq!(articulation.filter, None, "level 1 has no filter");
    assert_eq!(articulation.pan.0, -250 << 16);
    assert_eq!(articulation.eg1.attack.0, 1200 << 16);
    let connections = parsed.connections(articulation);
    assert!(connections.iter().any(|c| c.source == Source::Velocity
        && c.destination == Destination::Eg1Attack
        && c.scale == -600 << 16));
    let vibrato = connections
        .iter()
        .find(|c| c.control == Source::Cc1)
        .unwrap();
    assert!(vibrato.source_input.bipolar);
}

/// `WLOOP_TYPE_RELEASE` is 1; what was made before Windows XP has 2.
#[test]
fn both_numbers_of_the_release_loop_are_known() {
    let (_, instrument) = downloads(&small_bank(), Level::Two);
    let record = entry(&instrument, 4) + 56;
    assert_eq!(word(&instrument, record), 16, "the loop's own size");
    for (code, kind) in [
        (0, LoopKind::Forward),
        (1, LoopKind::UntilRelease),
        (2, LoopKind::UntilRelease),
    ] {
        let bytes = with(&instrument, record + 4, code);
        let Ok(Download::Instrument(parsed)) = Download::parse(&bytes) else {
            panic!("loop type {code} is refused")
        };
        assert_eq!(parsed.regions[1].wave_loop.unwrap().kind, kind, "{code}");
    }
}
