//! A bank as the buffers that DirectMusic sends to a port (abi section 5.5).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::bank::{Bank, Block, Instrument, Region, Sample, Wave, destination, patch_text, source};
use crate::report::quoted;
use crate::write::connection_list;

/// Which instruments to download.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    #[default]
    All,
    /// Those with one of these patches.
    Patches(Vec<u32>),
}

/// Which form instruments take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// `DMUS_DOWNLOADINFO_INSTRUMENT` with `DMUS_ARTICPARAMS`: what level 2 adds is lost.
    One,
    /// `DMUS_DOWNLOADINFO_INSTRUMENT2` with connection lists.
    #[default]
    Two,
}

/// How to download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The form of the instruments.
    pub level: Level,
    /// The first download id; the others follow. Ids must differ between the banks of one port.
    pub first_id: u32,
    /// Whether the instruments are the General MIDI set, which any other instrument overrides.
    pub is_gm: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: Level::Two,
            first_id: 1,
            is_gm: false,
        }
    }
}

/// One download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `dwDLId`.
    pub id: u32,
    /// What it is.
    pub kind: ItemKind,
    /// Its name in the collection, for messages.
    pub name: String,
    /// The whole `DMUS_DOWNLOADINFO` buffer.
    pub bytes: Vec<u8>,
}

/// What a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A wave.
    Wave,
    /// An instrument.
    Instrument {
        /// Its patch.
        patch: u32,
    },
}

/// What an instrument loses with a wave that the port does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The instrument's patch.
    pub patch: u32,
    /// Its name.
    pub name: String,
    /// How many of its regions play the wave.
    pub regions: usize,
    /// Whether it has no other regions, so that it is not downloaded at all.
    pub silent: bool,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = quoted(&self.name);
        match self.kind {
            ItemKind::Wave => write!(f, "wave{name} (download {})", self.id),
            ItemKind::Instrument { patch } => {
                write!(f, "instrument{name} ({})", patch_text(patch))
            }
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = quoted(&self.name);
        let place = patch_text(self.patch);
        if self.silent {
            write!(f, "instrument{name} ({place}) has no wave left")
        } else {
            write!(
                f,
                "instrument{name} ({place}) loses {} region(s)",
                self.regions
            )
        }
    }
}

/// The downloads of a bank, made one after the other: the waves that are played, then the
/// instruments.
#[derive(Clone, Debug)]
pub struct Downloads<'a> {
    bank: &'a Bank,
    instruments: Vec<&'a Instrument>,
    /// Download ids by wave; none where the port did not take the wave.
    waves: BTreeMap<usize, Option<u32>>,
    /// The waves in the order of their ids.
    order: Vec<usize>,
    made: usize,
    options: Options,
}

impl Downloads<'_> {
    /// Leaves the wave with this download id out of the instruments that follow: the port does not
    /// take it, and would take no instrument that names it. Returns what is lost with it.
    pub fn leave_out(&mut self, id: u32) -> Vec<Loss> {
        let Some((&wave, entry)) = self.waves.iter_mut().find(|(_, known)| **known == Some(id))
        else {
            return Vec::new();
        };
        *entry = None;
        let waves = &self.waves;
        let lost = |instrument: &&&Instrument| {
            let regions = instrument.regions.iter().filter(|r| r.wave == wave).count();
            (regions > 0).then(|| Loss {
                patch: instrument.patch,
                name: instrument.name.clone(),
                regions,
                silent: !has_a_wave(instrument, waves),
            })
        };
        self.instruments.iter().filter_map(|i| lost(&i)).collect()
    }

    fn wave(&self, number: usize, wave: usize) -> Item {
        let id = self.id(number);
        let wave = &self.bank.waves[wave];
        Item {
            id,
            kind: ItemKind::Wave,
            name: wave.name.clone(),
            bytes: wave.to_download(id),
        }
    }

    fn id(&self, number: usize) -> u32 {
        let number = u32::try_from(number).expect("a bank has fewer than 2^32 downloads");
        self.options.first_id.wrapping_add(number)
    }
}

impl Iterator for Downloads<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let number = self.made;
            self.made += 1;
            if let Some(&wave) = self.order.get(number) {
                return Some(self.wave(number, wave));
            }
            let instrument = *self.instruments.get(number - self.order.len())?;
            // One without regions is the bank's own wish; one that lost them all is not.
            if instrument.regions.is_empty() || has_a_wave(instrument, &self.waves) {
                let id = self.id(number);
                return Some(Item {
                    id,
                    kind: ItemKind::Instrument {
                        patch: instrument.patch,
                    },
                    name: instrument.name.clone(),
                    bytes: self
                        .bank
                        .instrument_download(instrument, id, &self.waves, self.options),
                });
            }
        }
    }
}

fn has_a_wave(instrument: &Instrument, waves: &BTreeMap<usize, Option<u32>>) -> bool {
    let mut regions = instrument.regions.iter();
    regions.any(|region| waves.get(&region.wave).is_some_and(Option::is_some))
}

impl Bank {
    /// The downloads for the selected instruments: the waves they play, then the instruments.
    ///
    /// # Panics
    ///
    /// If a region names a wave that the bank does not have, or a download exceeds 4 GiB.
    pub fn download_set(&self, selection: &Selection, options: Options) -> Vec<Item> {
        self.downloads(selection, options).collect()
    }

    /// The same, each made when it is asked for.
    ///
    /// # Panics
    ///
    /// As [`download_set`](Self::download_set), when the item in question is asked for.
    pub fn downloads(&self, selection: &Selection, options: Options) -> Downloads<'_> {
        let selected = |instrument: &&Instrument| match selection {
            Selection::All => true,
            Selection::Patches(patches) => patches.contains(&instrument.patch),
        };
        let instruments: Vec<_> = self.instruments.iter().filter(selected).collect();
        let used: BTreeSet<usize> = instruments
            .iter()
            .flat_map(|i| i.regions.iter().map(|r| r.wave))
            .collect();
        let mut downloads = Downloads {
            bank: self,
            instruments,
            waves: BTreeMap::new(),
            order: used.into_iter().collect(),
            made: 0,
            options,
        };
        let ids = downloads.order.iter().enumerate();
        downloads.waves = ids
            .map(|(number, wave)| (*wave, Some(downloads.id(number))))
            .collect();
        downloads
    }

    fn instrument_download(
        &self,
        instrument: &Instrument,
        id: u32,
        waves: &BTreeMap<usize, Option<u32>>,
        options: Options,
    ) -> Vec<u8> {
        let mut table = Table::with_first(24);
        let mut articulations = Articulations::new(options.level);
        // The port puts a region's blocks over the instrument's. Where a region is to have its own
        // alone, the instrument gets none, and its blocks go to each of the other regions.
        let alone = instrument.regions.iter().any(|r| r.articulation_alone);
        let common = if alone {
            &[]
        } else {
            instrument.articulation.as_slice()
        };
        // Level 2's defaults hold where the collection says nothing, but a download must have an
        // articulation all the same: an empty one.
        let global = articulations.entry(&mut table, &[], common);
        let first = table.next_index();
        let playable = instrument
            .regions
            .iter()
            .filter_map(|region| Some((region, (*waves.get(&region.wave)?)?)));
        let count = playable.clone().count();
        let mut regions = Vec::new();
        for (number, (region, wave_id)) in playable.enumerate() {
            let next = if number + 1 < count {
                table.next_index() + 1
            } else {
                0
            };
            let wave = &self.waves[region.wave];
            let mut sample = region.sample.or(wave.sample).unwrap_or(Sample::new(60));
            if options.level == Level::One {
                fold_statics(
                    &mut sample,
                    instruments_part(instrument, region),
                    &region.articulation,
                );
            }
            let own = RegionEntry {
                region,
                sample,
                wave_id,
                next,
            };
            regions.push((table.push(own.to_bytes()), region));
        }
        // Articulations come after the regions, so that region entries are consecutive.
        for (entry, region) in regions {
            let base = instruments_part(instrument, region);
            let index = if alone {
                let all = [base, &region.articulation].concat();
                articulations.entry(&mut table, &[], &all)
            } else if region.articulation.is_empty() {
                0
            } else {
                articulations.entry(&mut table, base, &region.articulation)
            };
            table.set(entry, 12, index);
        }
        table.set(0, 0, instrument.patch);
        table.set(0, 4, if count == 0 { 0 } else { first });
        table.set(0, 8, global);
        table.set(0, 20, u32::from(options.is_gm));
        let kind = match options.level {
            Level::One => 1,
            Level::Two => 3,
        };
        table.finish(kind, id)
    }
}

/// The instrument's blocks, as far as they are for this region.
fn instruments_part<'a>(instrument: &'a Instrument, region: &Region) -> &'a [Block] {
    if region.articulation_alone {
        &[]
    } else {
        &instrument.articulation
    }
}

impl Wave {
    fn to_download(&self, id: u32) -> Vec<u8> {
        let mut table = Table::with_first(32);
        let data = self.frames.to_bytes();
        let mut block = size(&data).to_le_bytes().to_vec();
        block.extend(data);
        let data = table.push(block);
        table.set(0, 8, data);
        let format = self.format();
        table.entries[0][12..12 + format.len()].copy_from_slice(&format);
        table.finish(2, id)
    }
}

/// What a `DMUS_REGION` is made of.
struct RegionEntry<'a> {
    region: &'a Region,
    sample: Sample,
    wave_id: u32,
    next: u32,
}

impl RegionEntry<'_> {
    fn to_bytes(&self) -> Vec<u8> {
        let region = self.region;
        let mut bytes = [
            region.keys.0.into(),
            region.keys.1.into(),
            region.velocities.0.into(),
            region.velocities.1.into(),
            u16::from(region.self_non_exclusive),
            region.key_group,
        ]
        .map(u16::to_le_bytes)
        .concat();
        // The articulation (set later), the next region, no extension chunk.
        bytes.extend([0, self.next, 0].map(u32::to_le_bytes).concat());
        // WAVELINK: no options, no phase group, left channel.
        bytes.extend([0, 1, self.wave_id].map(u32::to_le_bytes).concat());
        bytes.extend(self.sample.to_bytes());
        bytes
    }
}

/// The articulations of one download, each distinct one once.
struct Articulations {
    level: Level,
    known: HashMap<Vec<Block>, u32>,
}

impl Articulations {
    fn new(level: Level) -> Self {
        Self {
            level,
            known: HashMap::new(),
        }
    }

    /// The entry of the articulation with `own` blocks over the instrument's.
    fn entry(&mut self, table: &mut Table, instrument: &[Block], own: &[Block]) -> u32 {
        let blocks = match self.level {
            // The port puts a region's blocks over the instrument's.
            Level::Two => own.to_vec(),
            Level::One => [instrument, own].concat(),
        };
        if let Some(&entry) = self.known.get(&blocks) {
            return entry;
        }
        let (data, words) = match self.level {
            Level::One => (level_1_params(&blocks), 2),
            Level::Two => (connection_list(&blocks), 3),
        };
        let data = table.push(data);
        let entry = table.push(vec![0; 4 * words]);
        table.set(entry, 0, data);
        self.known.insert(blocks, entry);
        entry
    }
}

/// The offset table and what it points to. References are by index, so entries can be made in any
/// order.
struct Table {
    entries: Vec<Vec<u8>>,
}

impl Table {
    fn with_first(length: usize) -> Self {
        Self {
            entries: vec![vec![0; length]],
        }
    }

    fn next_index(&self) -> u32 {
        size(&self.entries)
    }

    fn push(&mut self, entry: Vec<u8>) -> u32 {
        let index = self.next_index();
        self.entries.push(entry);
        index
    }

    /// Stores `value` at byte `at` of an entry.
    fn set(&mut self, entry: u32, at: usize, value: u32) {
        self.entries[entry as usize][at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn finish(self, kind: u32, id: u32) -> Vec<u8> {
        let mut body = Vec::new();
        let mut offsets = Vec::new();
        let start = 16 + 4 * self.next_index();
        for entry in &self.entries {
            offsets.push(start + size(&body));
            body.extend(entry);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let header = [kind, id, size(&offsets), start + size(&body)];
        let mut bytes = header.map(u32::to_le_bytes).concat();
        bytes.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
        bytes.extend(body);
        bytes
    }
}

/// Static tuning and gain have no place in `DMUS_ARTICPARAMS`, but the wave's own do as well.
fn fold_statics(sample: &mut Sample, instrument: &[Block], region: &[Block]) {
    let blocks = [instrument, region].concat();
    let fixed = |destination| value(&blocks, (source::NONE, source::NONE, destination));
    let cents = fixed(destination::PITCH).unwrap_or(0) >> 16;
    let cents = i32::from(sample.fine_tune).saturating_add(cents);
    sample.fine_tune = i16::try_from(cents).unwrap_or(sample.fine_tune);
    sample.gain = sample
        .gain
        .saturating_add(fixed(destination::GAIN).unwrap_or(0));
}

/// `DMUS_ARTICPARAMS`: what of these blocks level 1 can say.
fn level_1_params(blocks: &[Block]) -> Vec<u8> {
    LEVEL_1
        .iter()
        .flat_map(|&(triple, default)| value(blocks, triple).unwrap_or(default).to_le_bytes())
        .collect()
}

/// The scale of the last block with this source, control and destination.
fn value(blocks: &[Block], (source, control, destination): (u16, u16, u16)) -> Option<i32> {
    let wanted = Block::new(source, control, destination, 0, 0);
    blocks
        .iter()
        .rev()
        .find(|block| block.same_triple(&wanted))
        .map(|block| block.scale)
}

fn size<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).expect("a download is smaller than 4 GiB")
}

/// The fields of `DMUS_ARTICPARAMS` in order, with their defaults.
const LEVEL_1: [((u16, u16, u16), i32); 20] = {
    use destination as dst;
    use source as src;
    const NO_TIME: i32 = i32::MIN;
    const FULL: i32 = 1000 << 16;
    [
        ((src::NONE, src::NONE, dst::LFO_FREQUENCY), -851 << 16),
        ((src::NONE, src::NONE, dst::LFO_DELAY), -7973 << 16),
        ((src::LFO, src::NONE, dst::GAIN), 0),
        ((src::LFO, src::NONE, dst::PITCH), 0),
        ((src::LFO, src::CC1, dst::GAIN), 0),
        ((src::LFO, src::CC1, dst::PITCH), 0),
        ((src::NONE, src::NONE, dst::EG1_ATTACK), NO_TIME),
        ((src::NONE, src::NONE, dst::EG1_DECAY), NO_TIME),
        ((src::NONE, src::NONE, dst::EG1_SUSTAIN), FULL),
        ((src::NONE, src::NONE, dst::EG1_RELEASE), NO_TIME),
        ((src::VELOCITY, src::NONE, dst::EG1_ATTACK), 0),
        ((src::KEY, src::NONE, dst::EG1_DECAY), 0),
        ((src::NONE, src::NONE, dst::EG2_ATTACK), NO_TIME),
        ((src::NONE, src::NONE, dst::EG2_DECAY), NO_TIME),
        ((src::NONE, src::NONE, dst::EG2_SUSTAIN), FULL),
        ((src::NONE, src::NONE, dst::EG2_RELEASE), NO_TIME),
        ((src::VELOCITY, src::NONE, dst::EG2_ATTACK), 0),
        ((src::KEY, src::NONE, dst::EG2_DECAY), 0),
        ((src::EG2, src::NONE, dst::PITCH), 0),
        ((src::NONE, src::NONE, dst::PAN), 0),
    ]
};
