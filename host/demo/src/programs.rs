//! The General MIDI table: which tones, played how, make up each of the 128 programs.
//!
//! Sixteen tones cannot be 128 instruments; each program gets the nearest tone with an envelope, filter, octave or second
//! layer of its own, so that a song never meets a silent program and families stay apart.

use crate::patch::Patch;
use crate::tones::Tone;

/// One tone within a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    pub(crate) tone: Tone,
    /// Decibels.
    pub(crate) gain: f64,
    /// Semitones above what is written.
    pub(crate) transpose: i8,
    /// Cents on top of that.
    pub(crate) detune: i16,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) patch: Patch,
    pub(crate) layers: [Option<Layer>; 2],
}

const fn one(name: &'static str, tone: Tone, gain: f64, patch: Patch) -> Program {
    at(name, tone, gain, 0, patch)
}

const fn at(name: &'static str, tone: Tone, gain: f64, transpose: i8, patch: Patch) -> Program {
    Program {
        name,
        patch,
        layers: [
            Some(Layer {
                tone,
                gain,
                transpose,
                detune: 0,
            }),
            None,
        ],
    }
}

impl Program {
    /// The same with a second tone on top.
    const fn and(mut self, tone: Tone, gain: f64, transpose: i8, detune: i16) -> Self {
        self.layers[1] = Some(Layer {
            tone,
            gain,
            transpose,
            detune,
        });
        self
    }
}

const PIANO: Patch = Patch::dying(17.0, 4.6, 0.9).filtered(1150.0, 0.0, 3300.0);
const TINE: Patch = Patch::dying(18.0, 3.6, 0.8).filtered(1500.0, 0.0, 2900.0);
const MALLET: Patch = Patch::dying(14.0, 2.5, 3.0);
const DRY_MALLET: Patch = Patch::dying(2.2, 3.0, 1.2);
const ORGAN: Patch = Patch::held(0.006, 0.18).vibrato(6.4, 0.3, 5.0);
const PLUCK: Patch = Patch::dying(11.0, 3.4, 0.7).filtered(1300.0, 0.0, 3000.0);
const BASS: Patch = Patch::dying(16.0, 3.0, 0.45).filtered(420.0, 1.0, 2700.0);
const SYNTH_BASS: Patch = Patch::dying(24.0, 1.0, 0.35)
    .filtered(240.0, 7.0, 1500.0)
    .sweep(1900.0, 0.0, 1.1);
const BOWED: Patch = Patch::held(0.11, 1.5)
    .filtered(2200.0, 0.0, 1900.0)
    .vibrato(5.4, 0.4, 3.0);
const SLOW_BOWED: Patch = Patch::held(0.34, 2.2)
    .filtered(1700.0, 0.0, 1900.0)
    .vibrato(5.2, 0.5, 3.0);
const VOICE: Patch = Patch::held(0.16, 1.9).vibrato(5.0, 0.5, 5.0);
const HORN: Patch = Patch::held(0.025, 0.5)
    .filtered(700.0, 0.0, 2500.0)
    .sweep(1400.0, 0.06, 7.0)
    .vibrato(5.3, 0.6, 3.0);
const REED: Patch = Patch::held(0.03, 0.4)
    .filtered(1400.0, 0.0, 2400.0)
    .vibrato(5.4, 0.45, 7.0);
const PIPE: Patch = Patch::held(0.045, 0.5).vibrato(5.1, 0.35, 9.0);
const LEAD: Patch = Patch::held(0.008, 0.4)
    .filtered(1300.0, 5.0, 2000.0)
    .sweep(1500.0, 0.01, 2.2)
    .vibrato(5.6, 0.45, 5.0);
const PAD: Patch = Patch::held(0.7, 4.0)
    .filtered(900.0, 2.0, 1600.0)
    .sweep(900.0, 1.6, 12.0)
    .vibrato(4.2, 0.4, 4.0);

/// Program 0 to 127.
#[rustfmt::skip]
pub(crate) static PROGRAMS: [Program; 128] = [
    // Piano
    one("Acoustic Grand Piano", Tone::Piano, -4.0, PIANO),
    one("Bright Acoustic Piano", Tone::Piano, -4.5, PIANO.filtered(2600.0, 0.0, 1900.0)),
    one("Electric Grand Piano", Tone::Piano, -7.0, PIANO).and(Tone::ElectricPiano, -12.0, 0, 0),
    one("Honky-tonk Piano", Tone::Piano, -8.0, PIANO.filtered(2400.0, 0.0, 2000.0)).and(Tone::Piano, -9.0, 0, 14),
    one("Electric Piano 1", Tone::ElectricPiano, -6.0, TINE.tremolo(5.0, 0.8)),
    one("Electric Piano 2", Tone::ElectricPiano, -8.0, TINE).and(Tone::Bell, -22.0, 12, 0),
    one("Harpsichord", Tone::SteelGuitar, -9.0, PLUCK.filtered(6000.0, 0.0, 500.0)).and(Tone::SteelGuitar, -14.0, 12, 4),
    one("Clavinet", Tone::SteelGuitar, -6.0, Patch::dying(7.0, 3.0, 0.25).filtered(1500.0, 6.0, 2300.0)),
    // Chromatic percussion
    at("Celesta", Tone::Bell, -9.0, 12, Patch::dying(5.0, 2.0, 1.5)),
    at("Glockenspiel", Tone::Bell, -9.0, 24, Patch::dying(7.0, 1.0, 4.0)),
    at("Music Box", Tone::Bell, -9.0, 12, Patch::dying(8.0, 2.0, 3.0)),
    one("Vibraphone", Tone::Bar, -8.0, MALLET.tremolo(5.2, 2.5)),
    one("Marimba", Tone::Bar, -5.0, DRY_MALLET),
    at("Xylophone", Tone::Bar, -6.0, 12, Patch::dying(1.2, 1.5, 0.8)),
    at("Tubular Bells", Tone::Bell, -8.0, -12, Patch::dying(18.0, 1.0, 8.0)),
    one("Dulcimer", Tone::SteelGuitar, -8.0, PLUCK.release(2.0)).and(Tone::SteelGuitar, -10.0, 0, 9),
    // Organ
    one("Drawbar Organ", Tone::Organ, -9.0, ORGAN),
    one("Percussive Organ", Tone::Organ, -9.0, ORGAN).and(Tone::Bar, -12.0, 12, 0),
    one("Rock Organ", Tone::Organ, -9.0, ORGAN.vibrato(6.9, 0.1, 11.0)).and(Tone::Organ, -16.0, 12, 6),
    one("Church Organ", Tone::Organ, -10.0, Patch::held(0.05, 1.6)).and(Tone::Organ, -12.0, 12, 5),
    one("Reed Organ", Tone::Reed, -8.0, Patch::held(0.05, 0.4)).and(Tone::Organ, -16.0, 0, 0),
    one("Accordion", Tone::Reed, -9.0, Patch::held(0.04, 0.3)).and(Tone::Reed, -10.0, 0, 13),
    one("Harmonica", Tone::Reed, -8.0, REED.filtered(2600.0, 4.0, 1400.0)),
    one("Tango Accordion", Tone::Reed, -9.0, Patch::held(0.03, 0.3)).and(Tone::Reed, -11.0, 12, 6),
    // Guitar
    one("Acoustic Guitar (nylon)", Tone::NylonGuitar, -4.0, PLUCK),
    one("Acoustic Guitar (steel)", Tone::SteelGuitar, -5.0, PLUCK.filtered(2000.0, 0.0, 2400.0)),
    one("Electric Guitar (jazz)", Tone::SteelGuitar, -4.0, PLUCK.filtered(650.0, 1.0, 1900.0)),
    one("Electric Guitar (clean)", Tone::SteelGuitar, -5.0, Patch::dying(18.0, 2.5, 0.5).filtered(1500.0, 2.0, 2000.0)),
    one("Electric Guitar (muted)", Tone::SteelGuitar, -3.0, Patch::dying(1.6, 1.5, 0.25).filtered(700.0, 1.0, 2100.0)),
    one("Overdriven Guitar", Tone::Saw, -10.0, Patch::held(0.004, 0.35).filtered(900.0, 5.0, 1700.0)).and(Tone::SteelGuitar, -8.0, 0, 0),
    one("Distortion Guitar", Tone::Saw, -9.0, Patch::held(0.003, 0.35).filtered(1300.0, 6.0, 1500.0)).and(Tone::Square, -14.0, 0, 5),
    at("Guitar Harmonics", Tone::Bell, -10.0, 12, Patch::dying(9.0, 2.0, 1.5)),
    // Bass
    one("Acoustic Bass", Tone::Bass, -2.5, Patch::dying(9.0, 2.5, 0.6).filtered(330.0, 0.0, 2300.0)),
    one("Electric Bass (finger)", Tone::Bass, -1.0, BASS),
    one("Electric Bass (pick)", Tone::Bass, -3.5, BASS.filtered(800.0, 1.0, 2700.0)),
    one("Fretless Bass", Tone::Bass, -3.0, BASS.filtered(380.0, 3.0, 2000.0).attack(0.02).vibrato(5.0, 0.4, 6.0)),
    one("Slap Bass 1", Tone::Bass, -4.0, BASS.filtered(1100.0, 3.0, 2600.0)),
    one("Slap Bass 2", Tone::Bass, -4.0, BASS.filtered(1300.0, 5.0, 2400.0)),
    one("Synth Bass 1", Tone::Saw, -6.0, SYNTH_BASS),
    one("Synth Bass 2", Tone::Square, -6.0, SYNTH_BASS).and(Tone::Saw, -14.0, -12, 3),
    // Solo strings
    one("Violin", Tone::Strings, -6.0, BOWED.attack(0.06).release(0.6).vibrato(5.8, 0.35, 11.0)),
    one("Viola", Tone::Strings, -6.0, BOWED.attack(0.07).release(0.7).vibrato(5.6, 0.35, 10.0)),
    one("Cello", Tone::Strings, -6.0, BOWED.attack(0.08).release(0.8).vibrato(5.3, 0.35, 9.0)),
    one("Contrabass", Tone::Strings, -5.0, BOWED.attack(0.1).release(0.8)),
    one("Tremolo Strings", Tone::Strings, -6.0, BOWED.tremolo(9.0, 5.0)),
    one("Pizzicato Strings", Tone::NylonGuitar, -4.0, Patch::dying(1.7, 2.0, 0.7).filtered(1200.0, 0.0, 2300.0)),
    one("Orchestral Harp", Tone::NylonGuitar, -4.5, Patch::dying(10.0, 3.0, 4.5).filtered(1700.0, 0.0, 2500.0)),
    at("Timpani", Tone::Bar, -2.0, -12, Patch::dying(5.0, 0.5, 3.0).filtered(500.0, 0.0, 1700.0)),
    // Ensemble
    one("String Ensemble 1", Tone::Strings, -6.5, BOWED),
    one("String Ensemble 2", Tone::Strings, -6.5, SLOW_BOWED),
    one("Synth Strings 1", Tone::Saw, -11.0, SLOW_BOWED).and(Tone::Strings, -10.0, 0, -5),
    one("Synth Strings 2", Tone::Saw, -10.0, SLOW_BOWED.attack(0.5)).and(Tone::Saw, -13.0, 12, 6),
    one("Choir Aahs", Tone::Choir, -6.5, VOICE),
    one("Voice Oohs", Tone::Choir, -5.0, VOICE.filtered(700.0, 2.0, 900.0)),
    one("Synth Voice", Tone::Choir, -8.0, VOICE).and(Tone::Saw, -22.0, 0, 5),
    one("Orchestra Hit", Tone::Brass, -7.0, Patch::dying(2.0, 0.5, 1.0)).and(Tone::Strings, -8.0, 12, 0),
    // Brass
    one("Trumpet", Tone::Brass, -7.0, HORN),
    one("Trombone", Tone::Brass, -7.0, HORN.attack(0.035)),
    one("Tuba", Tone::Brass, -5.5, HORN.attack(0.04).filtered(420.0, 0.0, 2300.0)),
    one("Muted Trumpet", Tone::Brass, -8.0, HORN.filtered(1800.0, 9.0, 800.0)),
    one("French Horn", Tone::Brass, -6.0, HORN.attack(0.06).filtered(480.0, 0.0, 1900.0).sweep(900.0, 0.12, 9.0).release(0.9)),
    one("Brass Section", Tone::Brass, -8.5, HORN).and(Tone::Brass, -10.0, 0, 8),
    one("Synth Brass 1", Tone::Saw, -9.5, Patch::held(0.02, 0.5).filtered(500.0, 3.0, 1800.0).sweep(2300.0, 0.05, 3.5)),
    one("Synth Brass 2", Tone::Saw, -10.0, Patch::held(0.05, 0.8).filtered(400.0, 2.0, 1600.0).sweep(2200.0, 0.12, 5.0)).and(Tone::Brass, -14.0, 0, 6),
    // Reed
    one("Soprano Sax", Tone::Reed, -7.0, REED),
    one("Alto Sax", Tone::Reed, -7.0, REED).and(Tone::Brass, -20.0, 0, 0),
    one("Tenor Sax", Tone::Reed, -7.5, REED.filtered(1100.0, 2.0, 2300.0)).and(Tone::Brass, -15.0, 0, 0),
    one("Baritone Sax", Tone::Reed, -7.0, REED.filtered(900.0, 2.0, 2300.0)).and(Tone::Brass, -14.0, 0, 0),
    one("Oboe", Tone::Reed, -8.0, REED.filtered(2800.0, 2.0, 1500.0)),
    one("English Horn", Tone::Reed, -7.5, REED.filtered(1900.0, 2.0, 1700.0)),
    one("Bassoon", Tone::Reed, -7.0, REED.filtered(1000.0, 3.0, 1700.0)),
    one("Clarinet", Tone::Reed, -6.5, REED.filtered(1100.0, 0.0, 1800.0).vibrato(5.0, 0.5, 2.0)),
    // Pipe
    at("Piccolo", Tone::Flute, -9.0, 12, PIPE.attack(0.025)),
    one("Flute", Tone::Flute, -7.0, PIPE),
    one("Recorder", Tone::Flute, -7.5, PIPE.attack(0.02).vibrato(5.0, 0.5, 3.0)),
    one("Pan Flute", Tone::Flute, -8.0, PIPE.attack(0.07)).and(Tone::Wind, -30.0, 0, 0),
    one("Blown Bottle", Tone::Flute, -8.0, PIPE.filtered(600.0, 0.0, 1400.0)).and(Tone::Wind, -27.0, 0, 0),
    one("Shakuhachi", Tone::Flute, -8.0, PIPE.vibrato(4.6, 0.5, 22.0)).and(Tone::Wind, -28.0, 0, 0),
    at("Whistle", Tone::Flute, -11.0, 12, PIPE.filtered(1800.0, 0.0, 1000.0).vibrato(5.6, 0.2, 15.0)),
    one("Ocarina", Tone::Flute, -7.0, PIPE.filtered(900.0, 0.0, 1200.0)),
    // Synth lead
    one("Lead 1 (square)", Tone::Square, -10.0, LEAD),
    one("Lead 2 (sawtooth)", Tone::Saw, -10.0, LEAD),
    one("Lead 3 (calliope)", Tone::Flute, -8.0, PIPE.attack(0.02)).and(Tone::Square, -22.0, 0, 4),
    one("Lead 4 (chiff)", Tone::Flute, -9.0, PIPE.attack(0.01)).and(Tone::Saw, -20.0, 0, 4),
    one("Lead 5 (charang)", Tone::Saw, -11.0, LEAD).and(Tone::SteelGuitar, -9.0, 0, 0),
    one("Lead 6 (voice)", Tone::Choir, -8.0, VOICE.attack(0.06)).and(Tone::Square, -22.0, 0, 5),
    one("Lead 7 (fifths)", Tone::Saw, -12.0, LEAD).and(Tone::Saw, -14.0, 7, 0),
    one("Lead 8 (bass + lead)", Tone::Saw, -11.0, LEAD).and(Tone::Square, -12.0, -12, 0),
    // Synth pad
    one("Pad 1 (new age)", Tone::Strings, -10.0, PAD).and(Tone::Bell, -18.0, 12, 0),
    one("Pad 2 (warm)", Tone::Saw, -10.0, PAD).and(Tone::Strings, -11.0, 0, 5),
    one("Pad 3 (polysynth)", Tone::Saw, -10.0, PAD.attack(0.08).filtered(1400.0, 3.0, 1500.0)),
    one("Pad 4 (choir)", Tone::Choir, -8.0, PAD.filtered(2200.0, 0.0, 1200.0)).and(Tone::Strings, -14.0, 0, 4),
    one("Pad 5 (bowed)", Tone::Bar, -10.0, Patch::held(0.6, 4.0)).and(Tone::Strings, -14.0, 12, 0),
    one("Pad 6 (metallic)", Tone::Bell, -12.0, Patch::held(0.5, 4.0)).and(Tone::Saw, -17.0, 0, 6),
    one("Pad 7 (halo)", Tone::Choir, -9.0, PAD.filtered(1800.0, 3.0, 1400.0)).and(Tone::Choir, -15.0, 12, -5),
    one("Pad 8 (sweep)", Tone::Saw, -10.0, Patch::held(0.9, 4.0).filtered(350.0, 8.0, 800.0).sweep(3200.0, 2.8, 14.0)).and(Tone::Choir, -13.0, 0, 0),
    // Synth effects
    one("FX 1 (rain)", Tone::Bell, -13.0, Patch::dying(9.0, 1.0, 5.0)).and(Tone::Strings, -17.0, 12, 0),
    one("FX 2 (soundtrack)", Tone::Saw, -11.0, PAD.attack(1.2)).and(Tone::Saw, -15.0, 7, 4),
    one("FX 3 (crystal)", Tone::Bell, -9.0, Patch::dying(12.0, 1.5, 6.0)).and(Tone::Bell, -16.0, 12, 7),
    one("FX 4 (atmosphere)", Tone::NylonGuitar, -7.0, Patch::dying(14.0, 2.0, 5.0)).and(Tone::Choir, -16.0, 0, 0),
    one("FX 5 (brightness)", Tone::Strings, -11.0, PAD.attack(0.2).filtered(4000.0, 2.0, 1000.0)).and(Tone::Bell, -13.0, 12, 4),
    one("FX 6 (goblins)", Tone::Choir, -9.0, PAD.vibrato(3.1, 0.2, 30.0)),
    one("FX 7 (echoes)", Tone::ElectricPiano, -9.0, Patch::dying(10.0, 2.0, 5.0)).and(Tone::Strings, -18.0, 12, 0),
    one("FX 8 (sci-fi)", Tone::Saw, -12.0, PAD.vibrato(6.0, 0.1, 14.0)).and(Tone::Bell, -15.0, 7, 0),
    // Ethnic
    one("Sitar", Tone::SteelGuitar, -6.0, PLUCK.filtered(3000.0, 8.0, 1600.0)).and(Tone::SteelGuitar, -16.0, 7, 5),
    one("Banjo", Tone::SteelGuitar, -4.0, Patch::dying(3.2, 2.0, 0.4).filtered(3200.0, 1.0, 1500.0)),
    one("Shamisen", Tone::SteelGuitar, -4.0, Patch::dying(2.6, 2.0, 0.4).filtered(2200.0, 4.0, 1800.0)),
    one("Koto", Tone::NylonGuitar, -4.0, Patch::dying(7.0, 2.5, 1.5).filtered(3000.0, 2.0, 1500.0)),
    one("Kalimba", Tone::Bar, -6.0, Patch::dying(3.5, 2.5, 1.2)),
    one("Bagpipe", Tone::Reed, -10.0, Patch::held(0.04, 0.2)).and(Tone::Reed, -14.0, -12, 5),
    one("Fiddle", Tone::Strings, -6.0, BOWED.attack(0.04).release(0.4).vibrato(6.0, 0.3, 9.0)),
    one("Shanai", Tone::Reed, -8.5, REED.filtered(3000.0, 5.0, 1400.0)),
    // Percussive
    at("Tinkle Bell", Tone::Bell, -11.0, 24, Patch::dying(3.5, 0.5, 2.0)),
    at("Agogo", Tone::Bell, -9.0, 0, Patch::dying(1.4, 0.5, 1.0)),
    one("Steel Drums", Tone::Bar, -8.0, Patch::dying(5.0, 2.0, 1.6)).and(Tone::Bell, -14.0, 0, 8),
    one("Woodblock", Tone::Bar, -4.0, Patch::dying(0.5, 0.5, 0.4)),
    at("Taiko Drum", Tone::Bar, -1.0, -24, Patch::dying(3.0, 0.5, 2.0).filtered(350.0, 0.0, 1800.0)),
    at("Melodic Tom", Tone::Bar, -2.0, -12, Patch::dying(1.8, 0.5, 1.2).filtered(600.0, 0.0, 1900.0)),
    at("Synth Drum", Tone::Square, -9.0, -12, Patch::dying(1.6, 0.5, 1.0).filtered(400.0, 3.0, 1000.0).sweep(2400.0, 0.0, 0.3)),
    one("Reverse Cymbal", Tone::Wind, -9.0, Patch::held(1.6, 0.15).filtered(2500.0, 0.0, 2000.0)),
    // Sound effects
    one("Guitar Fret Noise", Tone::Wind, -14.0, Patch::dying(0.5, 0.0, 0.3).filtered(3000.0, 6.0, 1000.0)),
    one("Breath Noise", Tone::Wind, -14.0, Patch::dying(1.4, 0.0, 0.6).filtered(1800.0, 0.0, 1200.0)),
    one("Seashore", Tone::Wind, -10.0, Patch::held(1.8, 6.0).tremolo(0.16, 7.0)),
    at("Bird Tweet", Tone::Flute, -14.0, 24, Patch::held(0.02, 0.2).vibrato(8.0, 0.0, 400.0)),
    one("Telephone Ring", Tone::Bell, -10.0, Patch::held(0.0, 0.6).tremolo(14.0, 9.0)),
    at("Helicopter", Tone::Wind, -8.0, -24, Patch::held(0.3, 1.0).tremolo(11.0, 10.0)),
    one("Applause", Tone::Wind, -10.0, Patch::held(0.4, 2.5).tremolo(9.0, 3.0)),
    at("Gunshot", Tone::Wind, -2.0, -12, Patch::dying(1.3, 0.0, 1.3)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_tone_is_used() {
        let mut names: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROGRAMS.len());
        for tone in Tone::ALL {
            assert!(
                PROGRAMS
                    .iter()
                    .flat_map(|program| program.layers)
                    .flatten()
                    .any(|layer| layer.tone == tone),
                "{tone:?}"
            );
        }
    }
}
