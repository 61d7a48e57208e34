//! Writes the seeds of the fuzz targets `download` and `collection`:
//! `cargo run -p dmusmini-collection --example seed_corpus -- fuzz/corpus`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use dmusmini_collection::{
    Bank, Block, Frames, Instrument, Level, Options, Region, Sample, Selection, Wave, destination,
    source, transform, units,
};

fn main() -> Result<(), Box<dyn Error>> {
    let corpus = PathBuf::from(std::env::args().nth(1).ok_or("name the corpus directory")?);
    for target in ["download", "collection"] {
        fs::create_dir_all(corpus.join(target))?;
    }
    let bank = bank();
    fs::write(corpus.join("collection/bank.dls"), bank.to_dls())?;
    for (level, name) in [(Level::One, "level1"), (Level::Two, "level2")] {
        let options = Options {
            level,
            ..Options::default()
        };
        for item in bank.download_set(&Selection::All, options) {
            fs::write(
                corpus.join(format!("download/{name}-{}", item.id)),
                item.bytes,
            )?;
        }
    }
    Ok(())
}

/// A little of everything.
fn bank() -> Bank {
    let vibrato = Block::new(
        source::VIBRATO,
        source::CC1,
        destination::PITCH,
        transform::SOURCE_BIPOLAR | transform::CONTROL_CONVEX,
        units::cents(50.0),
    );
    let drum = |key: u8, group| Region {
        key_group: group,
        articulation: vec![
            Block::new(source::KEY, 0, destination::PITCH, 0, 0),
            Block::fixed(destination::EG1_DECAY, units::time(0.5)),
            Block::fixed(destination::EG1_SUSTAIN, 0),
        ],
        ..Region::new(1).with_keys(key, key)
    };
    let mut eight_bits = Wave::new("eight", 11_025, Vec::new());
    eight_bits.frames = Frames::Eight((0..=255).collect());
    let mut sixteen_bits = Wave::new("sixteen", 22_050, (-32..32).map(|n| n * 1000).collect());
    sixteen_bits.sample = Some(Sample::new(69).with_loop(0, 64));
    Bank {
        name: "seeds".into(),
        instruments: vec![
            Instrument {
                patch: 0,
                name: "melodic".into(),
                regions: vec![
                    Region::new(0).with_keys(0, 63).with_velocities(0, 99),
                    Region {
                        articulation: vec![vibrato, Block::fixed(destination::PAN, 100 << 16)],
                        ..Region::new(0).with_keys(64, 127)
                    },
                ],
                articulation: vec![
                    Block::fixed(destination::EG1_ATTACK, units::time(0.01)),
                    Block::fixed(destination::CUTOFF, units::frequency(2000.0)),
                    Block::fixed(destination::Q, units::decibels(6.0)),
                    vibrato,
                ],
            },
            Instrument {
                patch: 0x8000_0000,
                name: "kit".into(),
                regions: vec![drum(42, 1), drum(46, 1), drum(36, 0)],
                articulation: Vec::new(),
            },
        ],
        waves: vec![sixteen_bits, eight_bits],
    }
}
