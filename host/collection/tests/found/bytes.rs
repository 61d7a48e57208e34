//! Chunks and files, byte by byte.

use dmusmini_collection::{Collection, Warning};

pub(crate) fn chunk(id: &str, data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).unwrap();
    let mut bytes = [id.as_bytes(), &size.to_le_bytes(), data].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

pub(crate) fn list(form: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    chunk("LIST", &[form.as_bytes(), &parts.concat()].concat())
}

pub(crate) fn riff(form: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    chunk("RIFF", &[form.as_bytes(), &parts.concat()].concat())
}

pub(crate) fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|n| n.to_le_bytes()).collect()
}

pub(crate) fn halves(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|n| n.to_le_bytes()).collect()
}

pub(crate) fn name(text: &str) -> Vec<u8> {
    let text = [text.as_bytes(), b"\0"].concat();
    list("INFO", &[chunk("INAM", &text)])
}

/// A condition that is a constant.
pub(crate) fn condition(value: u32) -> Vec<u8> {
    chunk("cdl ", &[&halves(&[16])[..], &words(&[value])].concat())
}

/// `WAVEFORMATEX` without its size field.
pub(crate) fn format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let frame = channels * (bits / 8);
    let mut bytes = halves(&[tag, channels]);
    bytes.extend(words(&[rate, rate.wrapping_mul(frame.into())]));
    bytes.extend(halves(&[frame, bits]));
    bytes
}

/// `WAVEFORMATEXTENSIBLE` of a sub-format that stands for a tag.
pub(crate) fn extensible(sub: u16, channels: u16, bits: u16) -> Vec<u8> {
    let mut bytes = format(0xFFFE, channels, 44_100, bits);
    bytes.extend(halves(&[22, bits]));
    bytes.extend(words(&[4]));
    bytes.extend(halves(&[sub]));
    bytes.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
    bytes
}

pub(crate) const PLAIN: fn() -> Vec<u8> = || format(1, 1, 44_100, 16);

/// A wave of this format whose data is `data`.
pub(crate) fn wave(title: &str, format: &[u8], data: &[u8]) -> Vec<u8> {
    let parts = [chunk("fmt ", format), chunk("data", data), name(title)];
    list("wave", &parts)
}

/// 100 frames of 16 bits.
pub(crate) fn good_wave() -> Vec<u8> {
    wave("good", &PLAIN(), &frames(100))
}

pub(crate) fn frames(count: i16) -> Vec<u8> {
    (0..count).flat_map(i16::to_le_bytes).collect()
}

pub(crate) fn link(wave: u32) -> Vec<u8> {
    chunk("wlnk", &[halves(&[0, 0]), words(&[1, wave])].concat())
}

pub(crate) fn head(low: u16, high: u16) -> Vec<u8> {
    chunk("rgnh", &halves(&[low, high, 0, 127, 0, 0]))
}

pub(crate) fn region(form: &str, wave: u32, more: &[Vec<u8>]) -> Vec<u8> {
    list(form, &[head(0, 127), link(wave), more.concat()])
}

pub(crate) fn instrument(
    bank: u32,
    program: u32,
    regions: &[Vec<u8>],
    more: &[Vec<u8>],
) -> Vec<u8> {
    let count = u32::try_from(regions.len()).unwrap();
    let head = chunk("insh", &words(&[count, bank, program]));
    list("ins ", &[head, list("lrgn", regions), more.concat()])
}

/// An instrument that plays wave 0 everywhere.
pub(crate) fn plain_instrument() -> Vec<u8> {
    instrument(0, 0, &[region("rgn ", 0, &[])], &[name("Plain")])
}

/// The parts of a collection, in order.
pub(crate) fn parts(instruments: &[Vec<u8>], waves: &[Vec<u8>]) -> [Vec<u8>; 4] {
    let count = u32::try_from(instruments.len()).unwrap();
    let mut cues = Vec::new();
    let mut at = 0;
    for wave in waves {
        cues.push(at);
        at += u32::try_from(wave.len()).unwrap();
    }
    [
        chunk("colh", &words(&[count])),
        list("lins", instruments),
        table(&cues),
        list("wvpl", waves),
    ]
}

pub(crate) fn table(cues: &[u32]) -> Vec<u8> {
    let count = u32::try_from(cues.len()).unwrap();
    chunk("ptbl", &[words(&[8, count]), words(cues)].concat())
}

pub(crate) fn file(instruments: &[Vec<u8>], waves: &[Vec<u8>]) -> Vec<u8> {
    riff("DLS ", &parts(instruments, waves))
}

/// The smallest collection that is right.
pub(crate) fn good() -> Vec<u8> {
    file(&[plain_instrument()], &[good_wave()])
}

pub(crate) fn read(bytes: &[u8]) -> Collection {
    Collection::from_bytes("x.dls", bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// The error of a file that is refused. It names file, byte and cause.
pub(crate) fn refused(bytes: &[u8]) -> String {
    let error = Collection::from_bytes("x.dls", bytes).expect_err("it is read");
    let text = error.to_string();
    assert!(text.starts_with("x.dls: byte 0x"), "{text}");
    text
}

pub(crate) fn said(collection: &Collection) -> Vec<String> {
    collection
        .warnings()
        .iter()
        .map(Warning::to_string)
        .collect()
}

/// Asserts that one warning has all these parts, and gives it.
pub(crate) fn expect_word<'a>(collection: &'a Collection, parts: &[&str]) -> &'a Warning {
    let has = |warning: &&Warning| parts.iter().all(|part| warning.to_string().contains(part));
    let found = collection.warnings().iter().find(has);
    found.unwrap_or_else(|| panic!("{parts:?} is not in {:#?}", said(collection)))
}

/// Reads a file that needs no word.
pub(crate) fn read_quietly(bytes: &[u8]) -> Collection {
    let collection = read(bytes);
    assert_eq!(said(&collection), [""; 0]);
    collection
}

/// Overwrites the little-endian word at `at`.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Where the first chunk of this name has its data.
pub(crate) fn find(bytes: &[u8], id: &str) -> usize {
    let at = bytes.windows(4).position(|four| four == id.as_bytes());
    at.unwrap() + 8
}
