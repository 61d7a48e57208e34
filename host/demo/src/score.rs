//! A small text notation for notes.
//!
//! `E5/4.` is a dotted quarter on E5, `F#3/8` an eighth, `R/2` a half rest, `[C4 E4 G4]/1` a chord; a missing duration
//! repeats the last one, `!` after a pitch or chord is an accent, `_` plays it short. `|` claims that a bar ends here, and a false
//! claim is an error: a slip of an eighth is found where it is made, not heard four bars later.

/// Ticks a quarter note.
pub(crate) const QUARTER: u32 = 480;
/// Ticks a bar of four quarters.
pub(crate) const BAR: u32 = 4 * QUARTER;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Ticks from the start of the text.
    pub(crate) start: u32,
    pub(crate) length: u32,
    pub(crate) key: u8,
    pub(crate) accent: bool,
}

/// Reads a line of notes.
pub(crate) fn parse(text: &str) -> Result<Vec<Note>, String> {
    let spaced = text.replace('|', " | ");
    let mut notes = Vec::new();
    let mut chord: Option<Vec<&str>> = None;
    let (mut now, mut length) = (0, QUARTER);
    for word in spaced.split_whitespace() {
        if word == "|" {
            if now % BAR != 0 {
                return Err(format!(
                    "bar {} ends {} ticks off in {text:?}",
                    now / BAR + 1,
                    now % BAR
                ));
            }
            continue;
        }
        let (word, opens) = word
            .strip_prefix('[')
            .map_or((word, false), |rest| (rest, true));
        if opens {
            chord = Some(Vec::new());
        }
        if let Some(pitches) = chord.as_mut() {
            let Some((last, rest)) = word.split_once(']') else {
                pitches.push(word);
                continue;
            };
            pitches.push(last);
            let slash = rest.find('/').unwrap_or(rest.len());
            let (marks, rest) = rest.split_at(slash);
            length = duration(rest, length)?;
            for pitch in pitches.drain(..) {
                notes.extend(sound(&format!("{pitch}{marks}"), now, length)?);
            }
            chord = None;
        } else {
            let (pitch, rest) = word
                .find('/')
                .map_or((word, ""), |slash| word.split_at(slash));
            length = duration(rest, length)?;
            notes.extend(sound(pitch, now, length)?);
        }
        now += length;
    }
    Ok(notes)
}

fn sound(pitch: &str, start: u32, length: u32) -> Result<Option<Note>, String> {
    if pitch == "R" {
        return Ok(None);
    }
    let plain = pitch.trim_end_matches(['!', '_']);
    let length = if pitch.contains('_') {
        length / 2
    } else {
        length
    };
    Ok(Some(Note {
        start,
        length,
        key: key(plain)?,
        accent: pitch.contains('!'),
    }))
}

/// `/4.` → 720; nothing → `last`.
fn duration(text: &str, last: u32) -> Result<u32, String> {
    let Some(digits) = text.strip_prefix('/') else {
        return if text.is_empty() {
            Ok(last)
        } else {
            Err(format!("not a duration: {text:?}"))
        };
    };
    let plain = digits.trim_end_matches('.');
    let share: u32 = plain
        .parse()
        .map_err(|_| format!("not a duration: {text:?}"))?;
    let whole = BAR
        .checked_div(share)
        .ok_or_else(|| format!("not a duration: {text:?}"))?;
    Ok(if plain.len() == digits.len() {
        whole
    } else {
        whole + whole / 2
    })
}

/// `C4` → 60.
pub(crate) fn key(name: &str) -> Result<u8, String> {
    let bad = || format!("not a pitch: {name:?}");
    let step = match name.chars().next() {
        Some('C') => 0,
        Some('D') => 2,
        Some('E') => 4,
        Some('F') => 5,
        Some('G') => 7,
        Some('A') => 9,
        Some('B') => 11,
        _ => return Err(bad()),
    };
    let (bend, octave) = match name.as_bytes().get(1) {
        Some(b'#') => (1, &name[2..]),
        Some(b'b') => (-1, &name[2..]),
        _ => (0, &name[1..]),
    };
    let octave: i32 = octave.parse().map_err(|_| bad())?;
    u8::try_from(12 * (octave + 1) + step + bend)
        .ok()
        .filter(|key| *key < 128)
        .ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_accents_and_chords() {
        let notes = parse("C4/4. Db4!/8 R/4 [E4 G4]_/4 |").unwrap();
        let shape: Vec<_> = notes
            .iter()
            .map(|note| (note.start, note.length, note.key, note.accent))
            .collect();
        assert_eq!(
            shape,
            [
                (0, 720, 60, false),
                (720, 240, 61, true),
                (1440, 240, 64, false),
                (1440, 240, 67, false)
            ]
        );
    }

    #[test]
    fn a_bar_that_does_not_add_up_is_refused() {
        assert!(parse("C4/4 D4 E4 | F4").unwrap_err().contains("bar 1"));
        assert!(parse("H4/4").unwrap_err().contains("pitch"));
        assert!(parse("C4/0").unwrap_err().contains("duration"));
    }
}
