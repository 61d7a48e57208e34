//! Names that a terminal would obey stay names.

use std::process::Command;

const NAME: &str = "\u{1b}[31m\u{7f}\u{9b}2J\u{202e}\u{2066}.x";

#[test]
fn no_control_character_of_a_name_is_printed() {
    let done = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg(NAME)
        .output()
        .unwrap();
    assert!(!done.status.success());
    let text = std::str::from_utf8(&done.stderr).unwrap();
    let strange = text.chars().find(|character| {
        let is_ours = matches!(character, '\n' | '\t');
        (character.is_control() && !is_ours) || matches!(character, '\u{202e}' | '\u{2066}')
    });
    assert_eq!(strange, None, "{text:?}");
    // The parser of a command line strips escape sequences.
    assert!(text.contains(".x"), "the name is told: {text}");
}
