//! A small bank, its downloads, and how they are looked into and damaged.

use dmusmini::dls::{Download, Fault};
use dmusmini_collection::{
    Bank, Block, Instrument, Level, Loop, Options, Region, Sample, Selection, Wave, destination,
    source,
};

/// One instrument with two regions, the second with a loop and an articulation of its own.
pub(crate) fn small_bank() -> Bank {
    let sample = Sample {
        unity_key: 64,
        fine_tune: -7,
        gain: -30 << 16,
        wave_loop: Some(Loop {
            until_release: true,
            start: 2,
            length: 6,
        }),
    };
    let second = Region {
        key_group: 3,
        self_non_exclusive: true,
        sample: Some(sample),
        articulation: vec![
            Block::fixed(destination::EG1_ATTACK, 1200 << 16),
            Block::new(
                source::LFO,
                source::CC1,
                destination::PITCH,
                1 << 14,
                50 << 16,
            ),
        ],
        ..Region::new(0).with_keys(61, 127).with_velocities(3, 99)
    };
    Bank {
        name: "small".into(),
        instruments: vec![Instrument {
            patch: 0x8000_0105,
            name: "two".into(),
            regions: vec![Region::new(0).with_keys(0, 60), second],
            articulation: vec![
                Block::fixed(destination::EG1_ATTACK, 0),
                Block::fixed(destination::EG1_RELEASE, 600 << 16),
            ],
        }],
        waves: vec![Wave::new("ramp", 22_050, (0..8).collect())],
    }
}

pub(crate) fn downloads(bank: &Bank, level: Level) -> (Vec<u8>, Vec<u8>) {
    let options = Options {
        level,
        ..Options::default()
    };
    let mut items = bank.download_set(&Selection::All, options).into_iter();
    let (wave, instrument) = (items.next().unwrap(), items.next().unwrap());
    (wave.bytes, instrument.bytes)
}

pub(crate) fn fault(bytes: &[u8]) -> Fault {
    Download::parse(bytes).map(|_| ()).unwrap_err().fault
}

pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// `bytes` with `value` stored at `at`.
pub(crate) fn with(bytes: &[u8], at: usize, value: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

/// Where entry `index` of the offset table stands.
pub(crate) fn entry(bytes: &[u8], index: usize) -> usize {
    word(bytes, 16 + 4 * index) as usize
}
