//! Which instrument plays a note, and what is told of notes that none plays (contract sections 11
//! and 14.4).

use dmusmini::com::Status;
use dmusmini::portcls::guids::DMUSMINI_PROPSETID_SYNTH;
use dmusmini::portcls::synth_abi::{lookup, own_property, silent_cause, synth_property};
use dmusmini::trace::{Event, recorder};
use dmusmini_collection::{Bank, Instrument, Region, Sample, Wave};
use dmusmini_simulator::session::{Binary, Pin, Property, WaveClient, WaveOptions};

use crate::rig::{DIRECT_MUSIC, MIDI, Synth, WAVE, ask, get, words};
use crate::traces::decode;

crate::scenarios!(
    notes_without_an_instrument_are_counted_by_kind,
    notes_outside_of_every_region_are_counted,
    notes_for_want_of_voices_are_no_silent_ones,
    more_kinds_than_the_table_holds,
    a_new_run_begins_to_count_anew,
    silent_notes_are_traced_once_a_kind,
    a_directmusic_pin_keeps_to_the_patch,
    a_legacy_pin_falls_back,
    a_legacy_pin_on_a_directmusic_synthesizer_keeps_to_the_patch,
    the_rule_is_that_of_the_pin_that_owns_the_synthesizer,
    the_rule_can_be_chosen,
    general_midi_2_chooses_rhythm_by_bank,
);

const DRUMS: u32 = 0x8000_0000;

/// A pin and a wave pin with some instruments, of which each has a pitch of its own.
struct Playing {
    patches: Vec<u32>,
    sink: WaveClient,
    midi: Pin,
    _wave: Pin,
    synth: Synth,
}

/// The period of the `n`-th instrument's wave, in frames.
fn period(n: usize) -> usize {
    160 >> n
}

/// Instruments with these patches, for keys 40 to 80 and velocities 20 to 127.
fn bank(patches: &[u32]) -> Bank {
    let instrument = |(wave, &patch): (usize, &u32)| Instrument {
        patch,
        regions: vec![Region {
            keys: (40, 80),
            velocities: (20, 127),
            sample: Some(Sample::new(60).with_loop(0, 1600)),
            ..Region::new(wave)
        }],
        ..Instrument::default()
    };
    let wave = |n: usize| {
        let frames = (0..1600).map(|i| {
            if i % period(n) < period(n) / 2 {
                8000
            } else {
                -8000
            }
        });
        Wave::new("square", 44_100, frames.collect())
    };
    Bank {
        name: "patches".to_owned(),
        instruments: patches.iter().enumerate().map(instrument).collect(),
        waves: (0..patches.len()).map(wave).collect(),
    }
}

impl Playing {
    fn start(binary: &Binary, pin: u32, patches: &[u32]) -> Self {
        let synth = Synth::boot(binary);
        let midi = synth.open(pin);
        let wave = synth.open(WAVE);
        synth.download_bank(&midi, &bank(patches));
        midi.run().unwrap();
        let sink = wave.start_wave(WaveOptions::default()).unwrap();
        Self {
            patches: patches.to_vec(),
            sink,
            midi,
            _wave: wave,
            synth,
        }
    }

    fn pull(&mut self, frames: usize) -> Vec<i16> {
        let mut sound = Vec::new();
        self.sink.pull(frames, &mut sound);
        sound
    }

    fn send(&self, messages: &[&[u8]]) {
        for message in messages {
            self.midi.send(0, 1, message);
        }
    }

    /// Plays a note, and tells the patch of the instrument that is heard.
    fn heard(&mut self, channel: u8) -> Option<u32> {
        for other in 0..16 {
            self.send(&[&[0xB0 | other, 120, 0]]);
        }
        self.pull(8820);
        self.send(&[&[0x90 | channel, 60, 127]]);
        // What the sink renders ahead is over.
        self.pull(4410);
        let sound = self.pull(1600);
        let left: Vec<i16> = sound.iter().step_by(2).copied().collect();
        let rises = left.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0);
        let rises = rises.count();
        let is_heard = |n: &usize| (1600 / period(*n)).abs_diff(rises) <= 1;
        let found = (0..self.patches.len()).find(is_heard);
        assert!(found.is_some() || left.iter().all(|&sample| sample == 0));
        found.map(|n| self.patches[n])
    }

    /// Chooses a bank and a program, and tells what is heard.
    fn choose(&mut self, channel: u8, [msb, lsb, program]: [u8; 3]) -> Option<u32> {
        self.send(&[
            &[0xB0 | channel, 0, msb],
            &[0xB0 | channel, 32, lsb],
            &[0xC0 | channel, program],
        ]);
        self.heard(channel)
    }

    fn silent(&self) -> Silent {
        silent_of(&self.midi)
    }
}

/// The table of silent notes: all, others, and the entries as they lie in memory.
#[derive(Debug, PartialEq, Eq)]
struct Silent {
    notes: u32,
    others: u32,
    entries: Vec<Entry>,
}

/// Channel group, channel, cause, patch, notes.
type Entry = (u16, u8, u8, u32, u32);

fn silent_of(pin: &Pin) -> Silent {
    let property = Property::get(DMUSMINI_PROPSETID_SYNTH, own_property::SILENT_NOTES, 780);
    let words = words(&ask(pin, property).ok().unwrap());
    let entry = |words: &[u32]| {
        let [group_low, group_high, channel, cause] = words[0].to_le_bytes();
        let group = u16::from_le_bytes([group_low, group_high]);
        (group, channel, cause, words[1], words[2])
    };
    let entries = words[3..].chunks_exact(3).map(entry);
    let count = usize::try_from(words[2]).unwrap();
    Silent {
        notes: words[0],
        others: words[1],
        entries: entries.take(count).collect(),
    }
}

fn rule_of(pin: &Pin) -> u32 {
    let property = Property::get(DMUSMINI_PROPSETID_SYNTH, own_property::LOOKUP, 4);
    ask(pin, property).as_u32().unwrap()
}

fn set_rule(pin: &Pin, rule: u32) -> Status {
    let property = Property::set(
        DMUSMINI_PROPSETID_SYNTH,
        own_property::LOOKUP,
        &rule.to_le_bytes(),
    );
    ask(pin, property).status
}

fn notes_without_an_instrument_are_counted_by_kind(binary: &Binary) {
    let mut playing = Playing::start(binary, DIRECT_MUSIC, &[0]);
    // Program 10 on channel 6, twice; bank 8, 3 with program 1 on channel 1; the kit on channel 10.
    playing.send(&[
        &[0xC5, 10],
        &[0x95, 60, 1],
        &[0x95, 61, 127],
        &[0x95, 61, 0],
    ]);
    playing.send(&[&[0xB0, 0, 8], &[0xB0, 32, 3], &[0xC0, 1], &[0x90, 60, 100]]);
    playing.send(&[&[0x99, 36, 100]]);
    // One that sounds is none of them.
    playing.send(&[&[0x91, 60, 100]]);
    playing.pull(8820);
    let missing = silent_cause::NO_INSTRUMENT;
    assert_eq!(
        playing.silent(),
        Silent {
            notes: 4,
            others: 0,
            entries: vec![
                (1, 5, missing, 10, 2),
                (1, 0, missing, 0x0008_0301, 1),
                (1, 9, missing, DRUMS, 1),
            ],
        }
    );
    // They are no lost notes: there were voices.
    let stats = get(&playing.midi, synth_property::RUNNING_STATS, 28);
    assert_eq!(words(&stats.ok().unwrap())[4], 0);
}

fn notes_outside_of_every_region_are_counted(binary: &Binary) {
    let mut playing = Playing::start(binary, DIRECT_MUSIC, &[0]);
    // Keys below and above, a velocity below; the last is played.
    playing.send(&[&[0x90, 39, 100], &[0x90, 81, 100], &[0x90, 60, 19]]);
    playing.send(&[&[0x90, 60, 20]]);
    playing.pull(8820);
    let silent = playing.silent();
    assert_eq!(silent.notes, 3);
    assert_eq!(silent.entries, [(1, 0, silent_cause::NO_REGION, 0, 3)]);
}

fn notes_for_want_of_voices_are_no_silent_ones(binary: &Binary) {
    let mut playing = Playing::start(binary, DIRECT_MUSIC, &[0]);
    for key in 40..=80 {
        for channel in 0..9 {
            playing.send(&[&[0x90 | channel, key, 100]]);
        }
    }
    playing.pull(8820);
    assert_eq!(playing.silent().notes, 0);
}

fn more_kinds_than_the_table_holds(binary: &Binary) {
    let mut playing = Playing::start(binary, DIRECT_MUSIC, &[0]);
    for program in 1..=100 {
        playing.send(&[&[0xC0, program], &[0x90, 60, 100]]);
    }
    playing.pull(44_100);
    let silent = playing.silent();
    assert_eq!((silent.notes, silent.others), (100, 36));
    let programs: Vec<u32> = silent.entries.iter().map(|entry| entry.3).collect();
    assert_eq!(programs, (1..=64).collect::<Vec<u32>>());
}

fn a_new_run_begins_to_count_anew(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    midi.run().unwrap();
    for _ in 0..2 {
        let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
        assert_eq!(silent_of(&midi).notes, 0);
        midi.send(0, 1, &[0x90, 60, 100]);
        sink.pull(8820, &mut Vec::new());
        assert_eq!(silent_of(&midi).notes, 1);
        assert!(sink.stop().is_success());
    }
}

/// Many notes of three kinds: what the driver wrote of them.
fn trace_of_silent_notes(binary: &Binary) -> Vec<Event> {
    let mut playing = Playing::start(binary, DIRECT_MUSIC, &[0]);
    for _ in 0..50 {
        // Bank 121, 2 and program 7; a kit; a key that the instrument lacks.
        playing.send(&[
            &[0xB3, 0, 121],
            &[0xB3, 32, 2],
            &[0xC3, 7],
            &[0x93, 60, 100],
        ]);
        playing.send(&[&[0x99, 36, 100], &[0x90, 10, 100]]);
        playing.pull(441);
    }
    playing.pull(8820);
    let written = playing.synth.session.machine().etw().written();
    written.iter().filter_map(decode).collect()
}

/// The image's events are read from ETW. Natively other tests of this process share the provider's
/// handle, so the recorder of this thread stands for it.
fn silent_notes_are_traced_once_a_kind(binary: &Binary) {
    let events = if *binary == Binary::Native {
        recorder::record(|| trace_of_silent_notes(binary)).1
    } else {
        trace_of_silent_notes(binary)
    };
    let is_silence = |event: &&Event| {
        matches!(
            event,
            Event::NoInstrument { .. } | Event::NoKit { .. } | Event::NoRegion { .. }
        )
    };
    let silences: Vec<Event> = events.iter().filter(is_silence).copied().collect();
    let expected = [
        Event::NoInstrument {
            channel: 3,
            bank: 121 * 128 + 2,
            program: 7,
        },
        Event::NoKit {
            channel: 9,
            bank: 0,
            program: 0,
        },
        Event::NoRegion {
            channel: 0,
            bank: 0,
            program: 0,
        },
    ];
    assert_eq!(silences, expected);
}

fn a_directmusic_pin_keeps_to_the_patch(binary: &Binary) {
    let mut playing = Playing::start(binary, DIRECT_MUSIC, &[0, 0x0079_0005]);
    assert_eq!(rule_of(&playing.midi), lookup::EXACT);
    assert_eq!(playing.choose(0, [1, 0, 0]), None);
    assert_eq!(playing.choose(0, [0, 1, 0]), None);
    assert_eq!(playing.choose(0, [0, 0, 5]), None);
    assert_eq!(playing.choose(0, [121, 0, 5]), Some(0x0079_0005));
    assert_eq!(playing.silent().notes, 3);
}

fn a_legacy_pin_falls_back(binary: &Binary) {
    // The patches that are there; bank and program; the patch that plays. In the order of the issue:
    // what was asked for, CC32 0, CC0 0, CC0 121.
    let [asked, lsb, msb, gm2] = [0x0008_0305, 0x0008_0005, 5, 0x0079_0005];
    for (patches, plays) in [
        (&[gm2, msb, lsb, asked][..], Some(asked)),
        (&[gm2, msb, lsb], Some(lsb)),
        (&[gm2, msb], Some(msb)),
        (&[gm2], Some(gm2)),
        // Another program, another LSB, a kit: no stand-ins.
        (&[4, 0x0008_0405, 0x0079_0105, DRUMS | 5], None),
    ] {
        let mut playing = Playing::start(binary, MIDI, patches);
        assert_eq!(rule_of(&playing.midi), lookup::FALLBACKS);
        assert_eq!(playing.choose(0, [8, 3, 5]), plays, "{patches:x?}");
        // Whatever reset was seen.
        playing.send(&[&[0xF0, 0x7E, 0x7F, 9, 1, 0xF7]]);
        assert_eq!(playing.choose(0, [8, 3, 5]), plays, "{patches:x?} in GM");
    }
    // Rhythm: the kit, bank 120, the standard kit.
    let [asked, gm2, standard] = [DRUMS | 0x0001_0008, DRUMS | 0x0078_0008, DRUMS];
    for (patches, plays) in [
        (&[standard, gm2, asked][..], Some(asked)),
        (&[standard, gm2], Some(gm2)),
        (&[standard], Some(standard)),
        // Mobile DLS: its standard kit is that of bank 120.
        (&[DRUMS | 0x0078_0000], Some(DRUMS | 0x0078_0000)),
        (&[8, DRUMS | 9], None),
    ] {
        let mut playing = Playing::start(binary, MIDI, patches);
        assert_eq!(playing.choose(9, [1, 0, 8]), plays, "{patches:x?}");
    }
}

fn a_legacy_pin_on_a_directmusic_synthesizer_keeps_to_the_patch(binary: &Binary) {
    let mut playing = Playing::start(binary, DIRECT_MUSIC, &[0]);
    let legacy = playing.synth.open(MIDI);
    legacy.run().unwrap();
    let bank_1: [&[u8]; 3] = [&[0xB0, 0, 1], &[0xC0, 0], &[0x90, 60, 100]];
    for message in bank_1 {
        legacy.send(0, 1, message);
    }
    let sound = playing.pull(8820);
    assert!(sound.iter().all(|&sample| sample == 0));
    assert_eq!(playing.silent().notes, 1);
}

fn the_rule_is_that_of_the_pin_that_owns_the_synthesizer(binary: &Binary) {
    let synth = Synth::boot(binary);
    // The wave pin makes a synthesizer, which each MIDI pin in turn takes over.
    let wave = synth.open(WAVE);
    for (pin, rule) in [
        (MIDI, lookup::FALLBACKS),
        (DIRECT_MUSIC, lookup::EXACT),
        (MIDI, lookup::FALLBACKS),
    ] {
        let midi = synth.open(pin);
        assert_eq!(rule_of(&midi), rule, "pin {pin}");
        assert_eq!(rule_of(&wave), rule, "they share it");
        // What this client chooses goes with it.
        assert_eq!(set_rule(&midi, 1 - rule), Status::SUCCESS);
    }
    // And a wave pin that joins changes nothing, whatever its format.
    drop(wave);
    for (pin, rule) in [(MIDI, lookup::FALLBACKS), (DIRECT_MUSIC, lookup::EXACT)] {
        let midi = synth.open(pin);
        let wave = synth.open(WAVE);
        assert_eq!((rule_of(&midi), rule_of(&wave)), (rule, rule), "pin {pin}");
    }
}

fn the_rule_can_be_chosen(binary: &Binary) {
    let mut playing = Playing::start(binary, DIRECT_MUSIC, &[0]);
    assert_eq!(set_rule(&playing.midi, lookup::FALLBACKS), Status::SUCCESS);
    assert_eq!(rule_of(&playing.midi), lookup::FALLBACKS);
    assert_eq!(playing.choose(0, [1, 2, 0]), Some(0));
    assert_eq!(set_rule(&playing.midi, 2), Status::INVALID_PARAMETER);
    assert_eq!(set_rule(&playing.midi, lookup::EXACT), Status::SUCCESS);
    assert_eq!(playing.heard(0), None);
}

fn general_midi_2_chooses_rhythm_by_bank(binary: &Binary) {
    const GM2: &[u8] = &[0xF0, 0x7E, 0x7F, 9, 3, 0xF7];
    const GM1: &[u8] = &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7];
    for pin in [MIDI, DIRECT_MUSIC] {
        let mut playing = Playing::start(binary, pin, &[0, DRUMS]);
        playing.send(&[GM2]);
        // Channels 10 and 11 are what their bank says.
        assert_eq!(
            (playing.heard(9), playing.heard(10)),
            (Some(DRUMS), Some(0))
        );
        assert_eq!(playing.choose(9, [121, 0, 0]), Some(0));
        assert_eq!(playing.choose(10, [120, 0, 0]), Some(DRUMS));
        assert_eq!(playing.choose(9, [120, 0, 0]), Some(DRUMS));
        assert_eq!(playing.choose(10, [121, 0, 0]), Some(0));
        // The others stay melodic, and without the reset all do.
        assert_eq!(playing.choose(11, [120, 0, 0]), Some(0));
        playing.send(&[GM1]);
        assert_eq!(playing.choose(10, [120, 0, 0]), Some(0));
        assert_eq!(playing.choose(9, [121, 0, 0]), Some(DRUMS));
    }
    // A collection with GM2's banks plays from them after the reset, also where no bank was named.
    let mut playing = Playing::start(
        binary,
        DIRECT_MUSIC,
        &[0, 0x0079_0000, DRUMS, DRUMS | 0x0078_0000],
    );
    playing.send(&[GM2]);
    assert_eq!(playing.heard(0), Some(0x0079_0000));
    assert_eq!(playing.heard(9), Some(DRUMS | 0x0078_0000));
}
