//! A DLS download as hostile as it may be: no panic, and what is accepted holds its promises.
#![no_main]

use dmusmini::dls::{Download, GUARD};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match Download::parse(bytes) {
    Err(error) => {
        // The place is in the download, or where the missing bytes would have been.
        let _ = error.to_string();
    }
    Ok(Download::Wave(wave)) => {
        assert!((1..=192_000).contains(&wave.rate));
        assert!(!wave.frames().is_empty());
        assert_eq!(wave.padded().len(), wave.frames().len() + 2 * GUARD);
        assert!(wave.frames().len() <= bytes.len());
    }
    Ok(Download::Instrument(instrument)) => {
        assert!(instrument.regions.len() * 56 <= bytes.len());
        assert!(instrument.articulations.len() * 8 <= bytes.len());
        for region in &*instrument.regions {
            assert!((region.articulation as usize) < instrument.articulations.len());
            assert!(region.keys.low() <= region.keys.high() && region.keys.high() <= 127);
            assert!(region.velocities.low() <= region.velocities.high());
            assert!(region.wave_loop.is_none_or(|found| found.length > 0));
            let connections = instrument.connections(instrument.articulation(region));
            assert!(connections.len() <= 128);
            for (place, connection) in connections.iter().enumerate() {
                assert_ne!(connection.scale, 0);
                assert!(
                    !connections[..place]
                        .iter()
                        .any(|other| other.replaces(connection))
                );
            }
        }
    }
});
