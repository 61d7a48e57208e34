//! Bank numbers: `insh` has a `MIDILOCALE`, a patch is laid out otherwise (dls.md section 2).

use dmusmini_collection::{Bank, Instrument, Options, Region, Selection, Wave};

use crate::bytes::{
    expect_word, file, find, good_wave, instrument, name, plain_instrument, read, read_quietly,
    refused, region,
};

/// `ulBank`, `ulInstrument` and the patch: drum bit, CC0 << 16, CC32 << 8, program.
const LOCALES: [(u32, u32, u32); 9] = [
    (0, 0, 0),
    (0, 127, 127),
    (0x0800, 0, 0x0008_0000),
    (0x0003, 0, 0x0000_0300),
    (0x7F7F, 9, 0x007F_7F09),
    (0x8000_0000, 5, 0x8000_0005),
    // Mobile DLS: banks 121 and 120.
    (0x0000_7900, 0, 0x0079_0000),
    (0x8000_7800, 0, 0x8078_0000),
    (0x8000_0102, 1, 0x8001_0201),
];

#[test]
fn the_reader_takes_banks_from_where_dls_has_them() {
    for (bank, program, patch) in LOCALES {
        let bytes = file(
            &[instrument(bank, program, &[region("rgn ", 0, &[])], &[])],
            &[good_wave()],
        );
        let collection = read_quietly(&bytes);
        assert_eq!(collection.instruments()[0].patch, patch, "{bank:#x}");
        // `DMUS_INSTRUMENT.ulPatch` is the first word of the first entry of the offset table.
        let items = collection
            .bank()
            .download_set(&Selection::All, Options::default());
        let download = &items.last().unwrap().bytes;
        let word = |at: usize| u32::from_le_bytes(download[at..at + 4].try_into().unwrap());
        assert_eq!(word(word(16) as usize), patch, "{bank:#x}");
    }
}

#[test]
fn the_writer_puts_banks_where_dls_has_them() {
    for (bank, program, patch) in LOCALES {
        let bytes = Bank {
            name: String::new(),
            instruments: vec![Instrument {
                patch,
                regions: vec![Region::new(0)],
                ..Instrument::default()
            }],
            waves: vec![Wave::new("", 44_100, vec![1, 2])],
        }
        .to_dls();
        let at = find(&bytes, "insh");
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(
            (word(at), word(at + 4), word(at + 8)),
            (1, bank, program),
            "{patch:#x}"
        );
    }
}

#[test]
fn a_program_above_127_is_refused_by_name() {
    for program in [128, 255, 0x100, u32::MAX] {
        let odd = instrument(0, program, &[region("rgn ", 0, &[])], &[name("Odd one")]);
        let bytes = file(&[odd.clone(), plain_instrument()], &[good_wave()]);
        let collection = read(&bytes);
        assert_eq!(collection.instruments().len(), 1);
        assert_eq!(collection.instruments()[0].name, "Plain");
        let cause = format!("left out: program {program} is above 127");
        let word = expect_word(&collection, &["instrument 0 \"Odd one\"", &cause]);
        let at = usize::try_from(word.offset).unwrap();
        assert_eq!(bytes[at..at + 4], program.to_le_bytes(), "{word}");

        let alone = refused(&file(&[odd], &[good_wave()]));
        assert!(
            alone.contains("no instruments")
                && alone.contains("Odd one")
                && alone.contains("above 127"),
            "{alone}"
        );
    }
}

#[test]
fn bits_that_mean_nothing_are_told() {
    // As if CC0 stood where a patch has it, as an early writer of ours had it.
    let odd = instrument(0x0008_0003, 1, &[region("rgn ", 0, &[])], &[name("Odd")]);
    let collection = read(&file(&[odd], &[good_wave()]));
    assert_eq!(collection.instruments()[0].patch, 0x0301);
    expect_word(&collection, &["\"Odd\"", "bank 0x80003"]);
}
