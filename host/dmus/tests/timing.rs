//! Notes start in the frame that the synthesizer names for their time.

use dmus::session::{Driver, SynthSettings};

#[test]
fn every_probe_note_starts_in_its_frame() {
    for rate in [22_050, 44_100, 48_000] {
        let settings = SynthSettings {
            rate,
            ..SynthSettings::DEFAULT
        };
        let report = dmus::timing::measure(&Driver::Native, settings).unwrap();
        println!("{rate} Hz: {report}");
        assert_eq!(report.worst_frames, 0, "{rate} Hz");
    }
}
