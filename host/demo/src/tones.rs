//! The sounds. Each [`Tone`] is a set of waves across the keyboard; each [`Drum`] is one wave.

mod blown;
mod cymbals;
mod ensemble;
mod plucked;
mod ringing;
mod skins;
mod steady;

use crate::wave::Wave;

/// A pitched sound, sampled at a few keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tone {
    Piano,
    ElectricPiano,
    NylonGuitar,
    SteelGuitar,
    Bass,
    Bar,
    Bell,
    Strings,
    Choir,
    Saw,
    Brass,
    Flute,
    Reed,
    Organ,
    Square,
    Wind,
}

/// A wave and the keys it is played on.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) low: u8,
    pub(crate) high: u8,
    pub(crate) wave: Wave,
}

impl Tone {
    pub(crate) const ALL: [Self; 16] = [
        Self::Piano,
        Self::ElectricPiano,
        Self::NylonGuitar,
        Self::SteelGuitar,
        Self::Bass,
        Self::Bar,
        Self::Bell,
        Self::Strings,
        Self::Choir,
        Self::Saw,
        Self::Brass,
        Self::Flute,
        Self::Reed,
        Self::Organ,
        Self::Square,
        Self::Wind,
    ];

    /// Makes the waves; together the zones cover all 128 keys.
    pub(crate) fn zones(self) -> Vec<Zone> {
        match self {
            Self::Piano => spread(&[28, 41, 54, 67, 79, 93], plucked::piano),
            Self::ElectricPiano => spread(&[43, 60, 77], ringing::electric_piano),
            Self::NylonGuitar => spread(&[43, 57, 72], plucked::nylon_guitar),
            Self::SteelGuitar => spread(&[43, 57, 72], plucked::steel_guitar),
            Self::Bass => spread(&[29, 40, 52], plucked::bass),
            Self::Bar => spread(&[60, 79], ringing::bar),
            Self::Bell => spread(&[67, 86], ringing::bell),
            Self::Strings => spread(&[43, 59, 76], ensemble::strings),
            Self::Choir => spread(&[50, 63, 75], ensemble::choir),
            Self::Saw => spread(&[36, 57, 78], ensemble::saw),
            Self::Brass => spread(&[46, 60, 73], blown::brass),
            Self::Flute => spread(&[65, 80], blown::flute),
            Self::Reed => spread(&[50, 63, 76], blown::reed),
            Self::Organ => spread(&[45, 62, 79], steady::organ),
            Self::Square => spread(&[36, 54, 72, 90], steady::square),
            Self::Wind => spread(&[60], steady::wind),
        }
    }
}

/// A sound of the drum kit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Drum {
    Kick,
    Snare,
    SoftSnare,
    Rim,
    Clap,
    Tom,
    Conga,
    ClosedHat,
    OpenHat,
    Crash,
    Ride,
    Cowbell,
    Tambourine,
    Shaker,
    Wood,
    Triangle,
}

impl Drum {
    pub(crate) const ALL: [Self; 16] = [
        Self::Kick,
        Self::Snare,
        Self::SoftSnare,
        Self::Rim,
        Self::Clap,
        Self::Tom,
        Self::Conga,
        Self::ClosedHat,
        Self::OpenHat,
        Self::Crash,
        Self::Ride,
        Self::Cowbell,
        Self::Tambourine,
        Self::Shaker,
        Self::Wood,
        Self::Triangle,
    ];

    pub(crate) fn wave(self) -> Wave {
        match self {
            Self::Kick => skins::kick(),
            Self::Snare => skins::snare(skins::Stroke::Hard),
            Self::SoftSnare => skins::snare(skins::Stroke::Soft),
            Self::Rim => skins::rim(),
            Self::Clap => skins::clap(),
            Self::Tom => skins::tom(),
            Self::Conga => skins::conga(),
            Self::ClosedHat => cymbals::closed_hat(),
            Self::OpenHat => cymbals::open_hat(),
            Self::Crash => cymbals::crash(),
            Self::Ride => cymbals::ride(),
            Self::Cowbell => cymbals::cowbell(),
            Self::Tambourine => cymbals::tambourine(),
            Self::Shaker => cymbals::shaker(),
            Self::Wood => skins::wood(),
            Self::Triangle => cymbals::triangle(),
        }
    }
}

/// One wave for each centre key; each key goes to the nearest centre.
fn spread(centres: &[u8], make: fn(u8) -> Wave) -> Vec<Zone> {
    let edge = |index: usize| u8::midpoint(centres[index], centres[index + 1]);
    (0..centres.len())
        .map(|index| Zone {
            low: if index == 0 { 0 } else { edge(index - 1) + 1 },
            high: if index + 1 == centres.len() {
                127
            } else {
                edge(index)
            },
            wave: make(centres[index]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_cover_every_key_once() {
        for tone in [Tone::Square, Tone::Organ] {
            let zones = tone.zones();
            for key in 0..=127 {
                assert_eq!(
                    zones
                        .iter()
                        .filter(|zone| (zone.low..=zone.high).contains(&key))
                        .count(),
                    1,
                    "{tone:?} {key}"
                );
            }
        }
    }
}
