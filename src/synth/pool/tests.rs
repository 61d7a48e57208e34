use std::vec::Vec;

use dmusmini_collection as collection;
use dmusmini_collection::{Block, Options, Sample, Selection, destination, units};

use super::*;
use crate::dls::{Download, Patch};
use crate::synth::bank::{Bank, BankTable, SlotIndex};
use crate::synth::bus::{Bus, Buses};
use crate::synth::filter::Tuning;
use crate::synth::modulation::Inputs;
use crate::synth::span::Span;
use crate::synth::voice::{Output, Surroundings};
use crate::synth::{BLOCK_FRAMES, Interpolation};

fn output() -> Output {
    Output {
        rate: 44_100,
        tuning: Tuning::new(44_100),
        interpolation: Interpolation::Sinc16,
    }
}

const FADE: u32 = 630;

/// A pool, and what voices are made from: an endless wave, released in a second.
struct Rig {
    bank: Bank,
    instrument: SlotIndex,
    wave: SlotIndex,
    pool: Pool,
    notes: u32,
}

impl Rig {
    fn new(limit: u16) -> Self {
        let wave = collection::Wave::new("wave", 44_100, std::vec![1000; 100]);
        let region = collection::Region {
            sample: Some(Sample::new(60).with_loop(0, 100)),
            ..collection::Region::new(0)
        };
        let collection = collection::Bank {
            instruments: std::vec![collection::Instrument {
                regions: std::vec![region],
                articulation: std::vec![
                    Block::fixed(destination::EG1_RELEASE, units::time(1.0)),
                    Block::fixed(destination::EG1_SHUTDOWN, units::time(10.0)),
                ],
                ..collection::Instrument::default()
            }],
            waves: std::vec![wave],
            ..collection::Bank::default()
        };
        let mut bank = Bank::new(BankTable::try_new(4).unwrap(), 1 << 20);
        for item in collection.download_set(&Selection::All, Options::default()) {
            let download = Download::parse(&item.bytes).unwrap();
            bank.install(download).map_err(|(error, _)| error).unwrap();
        }
        let instrument = bank.find_instrument(Patch::from_bits(0)).unwrap();
        let region = bank.instrument(instrument).unwrap().regions.first();
        let wave = bank.find_wave(region.unwrap().wave).unwrap();
        Self {
            bank,
            wave,
            instrument,
            pool: Pool::try_new(limit).unwrap(),
            notes: 0,
        }
    }

    /// A note of a priority; its number, if it got a voice.
    fn play(&mut self, priority: u32) -> Option<u32> {
        self.notes += 1;
        self.layer(priority).then_some(self.notes)
    }

    /// One more voice of the last note.
    fn layer(&mut self, priority: u32) -> bool {
        let identity = Identity {
            group: 1,
            part: 0,
            key: 60,
            velocity: 100,
            note: self.notes,
            priority,
            patch: 0,
            key_group: 0,
            soft: false,
            instrument: self.instrument,
            wave: self.wave,
            region: 0,
        };
        if self.pool.make_room(priority, self.notes, FADE).is_err() {
            return false;
        }
        let instrument = self.bank.instrument(self.instrument).unwrap();
        self.pool.put(Voice::new(
            identity,
            instrument,
            instrument.regions.first().unwrap(),
            self.bank.wave(self.wave).unwrap(),
            &Inputs::at_rest(60, 100),
            &Surroundings { tuning: 0, gain: 0 },
            &output(),
        ));
        true
    }

    /// Lets time go by.
    fn pass(&mut self, frames: usize) {
        let mut bus = Bus::try_new().unwrap();
        let mut blocks = [[0; BLOCK_FRAMES]; 3];
        for _ in 0..frames / 64 {
            let mix = &mut bus;
            let mut work = usize::MAX;
            Span {
                pool: &mut self.pool,
                bank: &self.bank,
                output: &output(),
                buses: Buses { mix, sends: None },
                blocks: &mut blocks,
            }
            .render(0..64, 0, &mut work);
            bus.drain(&mut [(); 64], |(), _| {});
        }
    }

    fn release(&mut self, note: u32) {
        self.pool.each(|voice| {
            if voice.identity.note == note {
                voice.release();
            }
        });
    }

    /// The notes that sound and those that fade, in order.
    fn notes(&mut self) -> [Vec<u32>; 2] {
        let mut notes = [Vec::new(), Vec::new()];
        self.pool
            .each(|voice| notes[usize::from(voice.is_cut())].push(voice.identity.note));
        for notes in &mut notes {
            notes.sort_unstable();
        }
        assert_eq!(notes[0].len(), self.pool.active());
        assert_eq!(notes[1].len(), self.pool.fading());
        notes
    }
}

#[test]
fn there_are_places_for_a_quarter_more() {
    for (limit, places) in [
        (0, 5),
        (1, 5),
        (16, 20),
        (17, 21),
        (64, 80),
        (1024, 1280),
        (9999, 1280),
    ] {
        let mut rig = Rig::new(limit);
        let mut most = 0;
        for _ in 0..places + 10 {
            rig.play(1);
            assert!(rig.pool.active() <= rig.pool.limit());
            most = most.max(rig.pool.sounding());
        }
        assert_eq!(most, places, "{limit}");
        assert_eq!(rig.pool.active(), usize::from(limit.clamp(1, 1024)));
    }
}

/// Whatever comes and goes, every voice has one place and is met once.
#[test]
fn places_are_kept_apart() {
    let mut rig = Rig::new(40);
    let mut state = 1_u32;
    let mut model: Vec<u32> = Vec::new();
    for _ in 0..5000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let dice = state >> 24;
        if dice < 140 && rig.pool.sounding() < 40 {
            model.extend(rig.play(1));
        } else if let Some(n) = (dice as usize).checked_rem(rig.pool.sounding()) {
            let place = rig.pool.place(n).unwrap();
            let note = rig.pool.at(place).unwrap().identity.note;
            assert_eq!(rig.pool.remove(n).unwrap().note, note);
            assert!(rig.pool.at(place).is_none());
            model.retain(|other| *other != note);
        }
        assert_eq!(rig.notes(), [model.clone(), Vec::new()]);
        assert!(rig.pool.place(model.len()).is_none());
        assert!(rig.pool.remove(model.len()).is_none());
    }
    assert!(model.len() > 5);
}

#[test]
fn two_places_are_lent_at_once_if_they_differ() {
    let mut rig = Rig::new(4);
    rig.play(1);
    rig.play(1);
    let places = [0, 1].map(|n| rig.pool.place(n).unwrap());
    let (a, b) = rig.pool.both(places[0], places[1]).unwrap();
    assert_eq!((a.identity.note, b.identity.note), (1, 2));
    assert!(rig.pool.both(places[0], places[0]).is_none());
    assert!(rig.pool.both(places[0], 999).is_none());
}

#[test]
fn the_lowest_priority_that_is_not_above_the_new_one_is_stolen() {
    let mut rig = Rig::new(4);
    for priority in [7, 3, 5, 3] {
        rig.play(priority);
    }
    assert_eq!(rig.play(2), None, "all are above");
    assert_eq!(rig.notes(), [[1, 2, 3, 4].to_vec(), [].to_vec()]);
    // Of two with the same the older one; the same priority is enough.
    assert_eq!(rig.play(3), Some(6));
    assert_eq!(rig.notes(), [[1, 3, 4, 6].to_vec(), [2].to_vec()]);
    assert_eq!(rig.play(9), Some(7));
    assert_eq!(rig.notes(), [[1, 3, 6, 7].to_vec(), [2, 4].to_vec()]);
}

#[test]
fn released_ones_go_first_and_of_these_the_quietest() {
    let mut rig = Rig::new(4);
    for _ in 0..4 {
        rig.play(1);
    }
    // 3 is released first and has fallen further; 1 is the oldest.
    rig.release(3);
    rig.pass(6400);
    rig.release(4);
    rig.pass(640);
    for (stolen, sound) in [(3, [1, 2, 4, 5]), (4, [1, 2, 5, 6]), (1, [2, 5, 6, 7])] {
        rig.play(1);
        let [sounding, fading] = rig.notes();
        assert_eq!(sounding, sound);
        assert!(fading.contains(&stolen));
    }
    // A lower priority counts before all that.
    rig.release(2);
    assert_eq!(rig.play(1), Some(8));
    let mut rig = Rig::new(2);
    rig.play(5);
    rig.play(4);
    rig.release(1);
    rig.pass(640);
    rig.play(6);
    assert_eq!(rig.notes(), [[1, 3].to_vec(), [2].to_vec()]);
}

/// The count of notes wraps; the oldest is still the oldest.
#[test]
fn ages_survive_the_end_of_the_count() {
    let mut rig = Rig::new(3);
    rig.notes = u32::MAX - 2;
    rig.play(1);
    rig.play(1);
    rig.notes = u32::MAX;
    let identity = |rig: &mut Rig| {
        rig.notes = rig.notes.wrapping_add(1);
        rig.layer(1)
    };
    assert!(identity(&mut rig));
    assert!(identity(&mut rig));
    assert_eq!(rig.notes()[1], [u32::MAX - 1]);
}

#[test]
fn a_note_takes_no_voice_of_its_own() {
    let mut rig = Rig::new(2);
    assert!(rig.play(1).is_some() && rig.layer(1));
    assert!(!rig.layer(1));
    assert_eq!(rig.notes(), [[1, 1].to_vec(), [].to_vec()]);
    assert!(rig.play(1).is_some() && rig.layer(1));
    assert_eq!(rig.notes(), [[2, 2].to_vec(), [1, 1].to_vec()]);
}

#[test]
fn a_full_pool_drops_only_what_is_hardly_heard() {
    let mut rig = Rig::new(4);
    for _ in 0..8 {
        rig.play(1);
    }
    assert_eq!(rig.pool.sounding(), 8);
    assert_eq!(rig.play(9), None, "what fades is still loud");
    assert_eq!(
        rig.notes(),
        [[5, 6, 7, 8].to_vec(), [1, 2, 3, 4].to_vec()],
        "nobody was cut off for it"
    );
    // 96 dB in 630 frames: 40 dB in 263.
    rig.pass(192);
    assert_eq!(rig.play(9), None);
    rig.pass(128);
    assert_eq!(rig.play(9), Some(11));
    assert_eq!(rig.pool.sounding(), 8);
    assert_eq!(rig.notes()[0], [6, 7, 8, 11]);
}

#[test]
fn who_is_cut_off_is_counted_once_and_can_be_hurried() {
    let mut rig = Rig::new(8);
    for _ in 0..4 {
        rig.play(1);
    }
    rig.pool.cut(Cut::ShutDown, |voice| voice.identity.note < 3);
    rig.pool.cut(Cut::ShutDown, |voice| voice.identity.note < 4);
    assert_eq!(rig.notes(), [[4].to_vec(), [1, 2, 3].to_vec()]);
    // A shutdown of ten seconds has hardly begun.
    rig.pass(640);
    let mut done = 0;
    rig.pool.each(|voice| done += usize::from(voice.is_done()));
    assert_eq!(done, 0);
    rig.pool.cut(Cut::Fade(FADE), |_| true);
    assert_eq!(rig.notes(), [[].to_vec(), [1, 2, 3, 4].to_vec()]);
    rig.pass(320);
    // Neither a shutdown nor another fade delays a fade.
    rig.pool.cut(Cut::ShutDown, |_| true);
    rig.pool.cut(Cut::Fade(FADE), |_| true);
    rig.pass(320);
    rig.pool.each(|voice| done += usize::from(voice.is_done()));
    assert_eq!(done, 4);
    while rig.pool.sounding() > 0 {
        rig.pool.remove(0);
    }
    assert_eq!((rig.pool.fading(), rig.pool.active()), (0, 0));
}
