//! An instrument download: `DMUS_INSTRUMENT`, its regions and their articulations.
//!
//! Two passes over the same walk: the first checks everything and counts, the second fills
//! buffers of exactly that size.
#![forbid(unsafe_code)]

use super::articulation::Articulation;
use super::connection::{Connection, Destination, Source};
use super::download::{DownloadError, Fault, Table};
use super::reader::View;
use super::region::{Loop, LoopKind, Range, Region};
use super::resolve::Resolver;
use super::units::Gain;
use super::work::Work;
use crate::mem::{Buffer, OutOfMemory};

/// A bank and program: `ulPatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch(u32);

impl Patch {
    /// The patch that `ulPatch` names; bits without a meaning are dropped.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & 0x807F_7F7F)
    }

    /// Bank MSB << 16, bank LSB << 8, program, and bit 31 for a drum kit.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether this is a drum kit.
    #[must_use]
    pub const fn is_drums(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }
}

/// An instrument: regions, and the articulations and connections that they share.
#[derive(Debug)]
pub struct Instrument {
    /// Download id (`dwDLId`).
    pub id: u32,
    /// Where a program change finds it.
    pub patch: Patch,
    /// Whether it belongs to the General MIDI set and so is searched last.
    pub is_gm: bool,
    /// In the collection's order.
    pub regions: Buffer<Region>,
    /// What [`Region::articulation`] indexes.
    pub articulations: Buffer<Articulation>,
    connections: Buffer<Connection>,
}

impl Instrument {
    /// How a region sounds.
    #[must_use]
    pub fn articulation(&self, region: &Region) -> &Articulation {
        // A region that is not ours sounds with the defaults rather than not at all.
        usize::try_from(region.articulation)
            .ok()
            .and_then(|index| self.articulations.get(index))
            .unwrap_or(&Articulation::DEFAULT)
    }

    /// The connections of one of this instrument's articulations, those to the key number first:
    /// defaults included, replaced ones gone, no two with the same source, control and destination, none with scale 0, none
    /// with source and control both "none".
    #[must_use]
    pub fn connections(&self, articulation: &Articulation) -> &[Connection] {
        let bounds = (
            usize::try_from(articulation.first_connection),
            usize::try_from(articulation.connections),
        );
        let (Ok(first), Ok(count)) = bounds else {
            return &[];
        };
        let rest = self.connections.get(first..).unwrap_or(&[]);
        rest.get(..count).unwrap_or(&[])
    }

    /// The connections of all articulations, one after the other.
    #[must_use]
    pub fn all_connections(&self) -> &[Connection] {
        &self.connections
    }

    pub(super) fn parse(table: &Table<'_>, level: Level) -> Result<Self, DownloadError> {
        let header = table.entry(0, 24)?;
        let out_of_memory = |_: OutOfMemory| header.fault(Fault::OutOfMemory);
        let mut walk = Walk::new(table, level, header)?;
        table.check_extensions(header.u32(12)?)?;
        table.check_copyright(header.u32(16)?)?;

        let mut count = Count::default();
        walk.run(&mut count)?;
        let allowance = table.allowance();
        let mut fill = Fill {
            regions: allowance
                .buffer(count.regions, |_| SILENT)
                .map_err(out_of_memory)?,
            articulations: allowance
                .buffer(count.articulations, |_| Articulation::DEFAULT)
                .map_err(out_of_memory)?,
            connections: allowance
                .buffer(count.connections, |_| UNUSED)
                .map_err(out_of_memory)?,
            done: Count::default(),
        };
        walk.run(&mut fill)?;
        Ok(Self {
            id: table.id(),
            patch: Patch::from_bits(header.u32(0)?),
            is_gm: header.u32(20)? & GM_INSTRUMENT != 0,
            regions: fill.regions,
            articulations: fill.articulations,
            connections: fill.connections,
        })
    }
}

/// Which structures articulations have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// `DMUS_ARTICULATION` and `DMUS_ARTICPARAMS`; a region's replaces the instrument's.
    One,
    /// `DMUS_ARTICULATION2` and connection lists; a region's blocks go over the instrument's.
    Two,
}

/// What a walk hands its findings to.
trait Visit {
    fn articulation(&mut self, resolved: &Resolver);
    fn region(&mut self, region: Region);
}

/// The first pass: how much there is.
#[derive(Debug, Default)]
struct Count {
    regions: usize,
    articulations: usize,
    connections: usize,
}

impl Visit for Count {
    fn articulation(&mut self, resolved: &Resolver) {
        self.articulations = self.articulations.saturating_add(1);
        let more = resolved.connections().count();
        self.connections = self.connections.saturating_add(more);
    }

    fn region(&mut self, _: Region) {
        self.regions = self.regions.saturating_add(1);
    }
}

/// The second pass: the same findings, kept.
#[derive(Debug)]
struct Fill {
    regions: Buffer<Region>,
    articulations: Buffer<Articulation>,
    connections: Buffer<Connection>,
    done: Count,
}

impl Visit for Fill {
    fn articulation(&mut self, resolved: &Resolver) {
        let first = self.done.connections;
        let room = self.connections.iter_mut().skip(first);
        for (slot, connection) in room.zip(resolved.connections()) {
            *slot = *connection;
        }
        let slot = self.articulations.get_mut(self.done.articulations);
        self.done.articulation(resolved);
        let count = self.done.connections.saturating_sub(first);
        if let (Some(slot), Ok(first), Ok(count)) =
            (slot, u32::try_from(first), u32::try_from(count))
        {
            *slot = resolved.articulation(first, count);
        }
    }

    fn region(&mut self, region: Region) {
        if let Some(slot) = self.regions.get_mut(self.done.regions) {
            *slot = region;
        }
        self.done.region(region);
    }
}

/// One walk along the region list. Repeated for both passes, with the same result.
struct Walk<'a> {
    reader: Reader<'a>,
    first_region: u32,
    /// The instrument's own blocks over the defaults, and its entry.
    base: Resolver,
    global: u32,
    /// The articulation that is being worked out.
    current: Resolver,
    /// For each entry of the offset table the number of the articulation it became.
    known: Buffer<u32>,
}

/// Reads articulations, and keeps account of the work.
struct Reader<'a> {
    table: &'a Table<'a>,
    level: Level,
    work: Work,
}

impl<'a> Walk<'a> {
    fn new(table: &'a Table<'a>, level: Level, header: View<'a>) -> Result<Self, DownloadError> {
        let entries =
            usize::try_from(table.entries()).map_err(|_| header.fault(Fault::OutOfMemory))?;
        let out_of_memory = |_: OutOfMemory| header.fault(Fault::OutOfMemory);
        let allowance = table.allowance();
        // For the two resolvers.
        allowance
            .admit(Resolver::POOL_BYTES.saturating_mul(2))
            .map_err(out_of_memory)?;
        let mut walk = Self {
            reader: Reader {
                table,
                level,
                work: Work::for_size(table.size()),
            },
            first_region: header.u32(4)?,
            base: Resolver::try_new().map_err(out_of_memory)?,
            global: header.u32(8)?,
            current: Resolver::try_new().map_err(out_of_memory)?,
            known: allowance
                .buffer(entries, |_| UNKNOWN)
                .map_err(out_of_memory)?,
        };
        if walk.global != 0 {
            walk.reader.resolve(walk.global, &mut walk.base)?;
        }
        Ok(walk)
    }

    fn run(&mut self, visit: &mut impl Visit) -> Result<(), DownloadError> {
        self.known.fill(UNKNOWN);
        let mut articulations = 0;
        let mut index = self.first_region;
        let table = self.reader.table;
        let mut left = table.entries();
        let mut room = MOST_REGIONS;
        while index != 0 {
            let region = table.entry(index, REGION_SIZE)?;
            left = left.checked_sub(1).ok_or(region.fault(Fault::Cycle))?;
            room = room
                .checked_sub(1)
                .ok_or(region.fault(Fault::TooManyRegions))?;
            self.reader.work.spend(1, &region)?;
            self.reader.check_extensions(region.u32(20)?, &region)?;

            let own = region.u32(12)?;
            let entry = if own == 0 { self.global } else { own };
            let number = match self.known_number(entry, &region)? {
                UNKNOWN => {
                    visit.articulation(self.articulation(entry, &region)?);
                    self.remember(entry, articulations);
                    articulations
                }
                number => number,
            };
            articulations = articulations.max(number.saturating_add(1));
            visit.region(parse_region(&region, self.reader.level, number)?);
            index = region.u32(16)?;
        }
        Ok(())
    }

    /// The number of the articulation that `entry` became, or [`UNKNOWN`].
    fn known_number(&self, entry: u32, region: &View<'a>) -> Result<u32, DownloadError> {
        if entry == 0 {
            return Err(region.fault(Fault::NoArticulation));
        }
        usize::try_from(entry)
            .ok()
            .and_then(|slot| self.known.get(slot))
            .copied()
            .ok_or(region.fault(Fault::BadIndex))
    }

    fn remember(&mut self, entry: u32, number: u32) {
        let slot = usize::try_from(entry).ok();
        if let Some(slot) = slot.and_then(|slot| self.known.get_mut(slot)) {
            *slot = number;
        }
    }

    /// What a region with the articulation `entry` sounds like.
    fn articulation(&mut self, entry: u32, region: &View<'a>) -> Result<&Resolver, DownloadError> {
        self.reader.work.spend(self.base.weight(), region)?;
        if entry == self.global {
            return Ok(&self.base);
        }
        match self.reader.level {
            Level::One => self.current.reset(),
            Level::Two => self.current.copy(&self.base),
        }
        self.reader.resolve(entry, &mut self.current)?;
        Ok(&self.current)
    }
}

impl<'a> Reader<'a> {
    /// Applies the articulation at `entry`, and in level 2 those that follow it.
    fn resolve(&mut self, entry: u32, into: &mut Resolver) -> Result<(), DownloadError> {
        let mut index = entry;
        let mut left = self.table.entries();
        while index != 0 {
            let size = match self.level {
                Level::One => 8,
                Level::Two => 12,
            };
            let articulation = self.table.entry(index, size)?;
            left = left
                .checked_sub(1)
                .ok_or(articulation.fault(Fault::Cycle))?;
            self.work.spend(1, &articulation)?;
            self.check_extensions(articulation.u32(4)?, &articulation)?;
            let data = articulation.u32(0)?;
            index = match self.level {
                Level::One => {
                    if data != 0 {
                        apply_params(&self.table.entry(data, PARAMS_SIZE)?, into)?;
                    }
                    0
                }
                Level::Two => {
                    if data != 0 {
                        self.apply_list(&self.table.entry(data, 8)?, into)?;
                    }
                    articulation.u32(8)?
                }
            };
        }
        Ok(())
    }

    /// Applies a `CONNECTIONLIST`.
    fn apply_list(&mut self, list: &View<'a>, into: &mut Resolver) -> Result<(), DownloadError> {
        let (header, count) = (list.u32(0)?, list.u32(4)?);
        if header < 8 {
            return Err(list.fault(Fault::Truncated));
        }
        let size = count.checked_mul(12).ok_or(list.fault(Fault::Truncated))?;
        list.bytes(header, size)?;
        let blocks = list.at(header);
        for block in 0..count {
            // Below `size`, which fits.
            let block = blocks.at(block.saturating_mul(12));
            self.work.spend(1, &block)?;
            let connection = Connection::from_codes(
                block.u16(0)?,
                block.u16(2)?,
                block.u16(4)?,
                block.u16(6)?,
                block.i32(8)?,
            );
            if let Some(connection) = connection {
                into.apply(&connection)
                    .map_err(|_| block.fault(Fault::TooManyConnections))?;
            }
        }
        Ok(())
    }

    /// Checks a list of extension chunks that nobody reads, at the cost of its length.
    fn check_extensions(&mut self, first: u32, from: &View<'a>) -> Result<(), DownloadError> {
        let length = self.table.check_extensions(first)?;
        self.work.spend(length, from)
    }
}

/// Reads a `DMUS_REGION`.
fn parse_region(
    region: &View<'_>,
    level: Level,
    articulation: u32,
) -> Result<Region, DownloadError> {
    let range =
        |view: View<'_>| Range::new(view.u16(0)?, view.u16(2)?).ok_or(view.fault(Fault::BadRange));
    let velocities = match (level, region.u16(6)?) {
        // Level 1 has no velocity ranges, and many collections leave the field 0 in either level:
        // nothing could ever sound there.
        (Level::One, _) | (_, 0) => Range::ALL,
        (Level::Two, _) => range(region.at(4))?,
    };
    let link = region.at(24);
    if link.u32(4)? != CHANNEL_LEFT {
        return Err(link.fault(Fault::NotMono));
    }
    let sample = region.at(36);
    if sample.u32(0)? != 20 {
        return Err(sample.fault(Fault::BadSampleHeader));
    }
    Ok(Region {
        keys: range(region.at(0))?,
        velocities,
        self_non_exclusive: region.u16(8)? & SELF_NON_EXCLUSIVE != 0,
        key_group: region.u16(10)?,
        wave: link.u32(8)?,
        unity_key: u8::try_from(sample.u16(4)?.min(127)).unwrap_or(127),
        fine_tune: sample.i16(6)?,
        gain: Gain(sample.i32(8)?).within(Gain::from_tenths(-960), Gain::from_tenths(960)),
        wave_loop: match sample.u32(16)? {
            0 => None,
            1 => Some(parse_loop(&region.at(REGION_SIZE))?),
            _ => return Err(sample.fault(Fault::BadLoop)),
        },
        articulation,
    })
}

/// Reads a `WLOOP`.
fn parse_loop(view: &View<'_>) -> Result<Loop, DownloadError> {
    let kind = match (view.u32(0)?, view.u32(4)?) {
        (16, 0) => LoopKind::Forward,
        // Files from before Windows XP have 2 (abi section 6).
        (16, 1 | 2) => LoopKind::UntilRelease,
        _ => return Err(view.fault(Fault::BadLoop)),
    };
    let (start, length) = (view.u32(8)?, view.u32(12)?);
    if length == 0 || start.checked_add(length).is_none() {
        return Err(view.fault(Fault::BadLoop));
    }
    Ok(Loop {
        kind,
        start,
        length,
    })
}

/// Applies level 1's fixed set of parameters (`DMUS_ARTICPARAMS`), each as the block it stands for.
fn apply_params(params: &View<'_>, into: &mut Resolver) -> Result<(), DownloadError> {
    for (field, &(source, control, destination)) in (0_u32..).zip(LEVEL_1_PARAMS) {
        let at = params.at(field.saturating_mul(4));
        let mut block =
            Connection::from_codes(0, 0, 1, 0, at.i32(0)?).ok_or(at.fault(Fault::Truncated))?;
        block.source = source;
        block.control = control;
        block.destination = destination;
        block.source_input.bipolar = source == Source::ModLfo;
        into.apply(&block)
            .map_err(|_| at.fault(Fault::TooManyConnections))?;
    }
    Ok(())
}

/// The fields of `DMUS_ARTICPARAMS` in their order, all 32 bits wide.
const LEVEL_1_PARAMS: &[(Source, Source, Destination)] = &[
    // DMUS_LFOPARAMS
    (Source::None, Source::None, Destination::ModLfoFrequency),
    (Source::None, Source::None, Destination::ModLfoDelay),
    (Source::ModLfo, Source::None, Destination::Gain),
    (Source::ModLfo, Source::None, Destination::Pitch),
    (Source::ModLfo, Source::Cc1, Destination::Gain),
    (Source::ModLfo, Source::Cc1, Destination::Pitch),
    // DMUS_VEGPARAMS
    (Source::None, Source::None, Destination::Eg1Attack),
    (Source::None, Source::None, Destination::Eg1Decay),
    (Source::None, Source::None, Destination::Eg1Sustain),
    (Source::None, Source::None, Destination::Eg1Release),
    (Source::Velocity, Source::None, Destination::Eg1Attack),
    (Source::Key, Source::None, Destination::Eg1Decay),
    // DMUS_PEGPARAMS
    (Source::None, Source::None, Destination::Eg2Attack),
    (Source::None, Source::None, Destination::Eg2Decay),
    (Source::None, Source::None, Destination::Eg2Sustain),
    (Source::None, Source::None, Destination::Eg2Release),
    (Source::Velocity, Source::None, Destination::Eg2Attack),
    (Source::Key, Source::None, Destination::Eg2Decay),
    (Source::Eg2, Source::None, Destination::Pitch),
    // DMUS_MSCPARAMS
    (Source::None, Source::None, Destination::Pan),
];

/// Regions of one instrument at most: each note looks at all of them, under the synthesizer's lock.
/// The level 2 text asks for 1,024 in a whole device.
const MOST_REGIONS: u32 = 32_768;
/// Size of `DMUS_REGION` up to its loop.
const REGION_SIZE: u32 = 56;
/// Size of `DMUS_ARTICPARAMS`.
const PARAMS_SIZE: u32 = 80;
/// `DMUS_INSTRUMENT_GM_INSTRUMENT`.
const GM_INSTRUMENT: u32 = 1;
/// `WAVELINK_CHANNEL_LEFT`.
const CHANNEL_LEFT: u32 = 1;
/// `F_RGN_OPTION_SELFNONEXCLUSIVE`.
const SELF_NON_EXCLUSIVE: u16 = 1;
/// No articulation has this number: there are fewer than entries.
const UNKNOWN: u32 = u32::MAX;

/// Fill buffers until the second pass overwrites them.
const SILENT: Region = Region {
    keys: Range::ALL,
    velocities: Range::ALL,
    self_non_exclusive: false,
    key_group: 0,
    wave: 0,
    unity_key: 60,
    fine_tune: 0,
    gain: Gain(0),
    wave_loop: None,
    articulation: 0,
};
const UNUSED: Connection = Connection {
    source: Source::None,
    control: Source::None,
    destination: Destination::Gain,
    source_input: super::connection::Input::PLAIN,
    control_input: super::connection::Input::PLAIN,
    scale: 0,
};
