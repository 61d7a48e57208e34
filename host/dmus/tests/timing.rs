//! Notes start in the frame that the synthesizer names for their time, in both builds.

mod common;

use dmus::session::{Driver, SynthSettings};

#[test]
fn every_probe_note_starts_in_its_frame() {
    let image = common::image().map(|path| Driver::image(Some(&path)).unwrap());
    for driver in [Some(Driver::Native), image].into_iter().flatten() {
        let build = match &driver {
            Driver::Native => "native",
            Driver::Image { .. } => "image",
        };
        for rate in [22_050, 44_100, 48_000] {
            let settings = SynthSettings {
                rate,
                ..SynthSettings::DEFAULT
            };
            let report = dmus::timing::measure(&driver, settings).unwrap();
            println!("{build}, {rate} Hz: {report}");
            assert_eq!(report.worst_frames, 0, "{build}, {rate} Hz");
        }
    }
}
