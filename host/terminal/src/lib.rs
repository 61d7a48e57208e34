//! Text on its way to a terminal: no control character of a file gets there.
//!
//! Names and titles are other people's bytes. [`text`] is for the one place where a tool prints, [`line()`] for a name inside
//! a line, [`json`] for JSON. Macros that print, [`say!`] and [`complain!`], pass through it.

use clap::Parser;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::process::ExitCode;

/// What a tool prints. Line feeds and tabs are its own; every other control character is escaped, as `\u{1b}`. A carriage
/// return before a line feed, as Windows programs write it, goes.
pub fn text(text: &str) -> Cow<'_, str> {
    let is_hidden = |character| !matches!(character, '\n' | '\t') && is_control(character);
    if text.contains("\r\n") {
        let text = text.replace("\r\n", "\n");
        return Cow::Owned(escaped(&text, is_hidden).into_owned());
    }
    escaped(text, is_hidden)
}

/// A name or a title within a line: it cannot begin a line of its own.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_control)
}

/// JSON as it may be printed: what a JSON writer leaves as it is, though a terminal would obey it, becomes `\uXXXX`.
pub fn json(text: &str) -> Cow<'_, str> {
    let is_hidden = |character| !matches!(character, '\n' | '\t') && is_control(character);
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            // All of them are below U+10000, and none stands outside of a string.
            let _ = write!(shown, "\\u{:04x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// The command line of this process; else what `main` returns. What is wrong with it repeats its words, so it is printed
/// here and not by the parser.
///
/// # Errors
///
/// The exit code, after the parser's words were printed.
pub fn parse<T: Parser>() -> Result<T, ExitCode> {
    T::try_parse().map_err(|error| refuse(&error))
}

/// Prints what a command line's parser has to say; the exit code.
pub fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        complain!("{}", error.render().to_string().trim_end());
    } else {
        // Help and version: no word of the command line is in them.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Whether a terminal might obey a character instead of showing it.
pub fn is_control(character: char) -> bool {
    // `is_control` is C0, DEL and C1.
    character.is_control()
        || matches!(
            character,
            '\u{61C}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}'
        )
}

fn escaped(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// A line on standard output, if anybody reads it: `println!` panics where its reader is gone, as at the end of a pipe.
#[macro_export]
macro_rules! say {
    ($($what:tt)*) => {{
        use ::std::io::Write as _;
        let what = ::std::format!($($what)*);
        let _ = ::std::writeln!(::std::io::stdout(), "{}", $crate::text(&what));
    }};
}

/// A line on standard error, if anybody reads it.
#[macro_export]
macro_rules! complain {
    ($($what:tt)*) => {{
        use ::std::io::Write as _;
        let what = ::std::format!($($what)*);
        let _ = ::std::writeln!(::std::io::stderr(), "{}", $crate::text(&what));
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_character_is_escaped_and_nothing_else() {
        for code in 0..=0x10_FFFF_u32 {
            let Some(character) = char::from_u32(code) else {
                continue;
            };
            // The list of the requirement, spelt out.
            let is_hidden = matches!(code, 0..=0x1F | 0x7F..=0x9F | 0x61C | 0x200E | 0x200F)
                || matches!(code, 0x2028..=0x202E | 0x2066..=0x2069);
            let mut buffer = [0; 4];
            let one = &*character.encode_utf8(&mut buffer);
            if is_hidden {
                assert_eq!(line(one), format!("\\u{{{code:x}}}"));
                assert_eq!(
                    text(one) == one,
                    matches!(character, '\n' | '\t'),
                    "{code:x}"
                );
            } else {
                assert!(
                    line(one) == one && text(one) == one && json(one) == one,
                    "{code:x}"
                );
            }
        }
    }

    #[test]
    fn words_around_stay() {
        assert_eq!(text("a\u{1b}[31mb\tc\nd"), "a\\u{1b}[31mb\tc\nd");
        assert_eq!(text("a\r\nb\rc"), "a\nb\\u{d}c");
        assert_eq!(line("a\nwarning: b"), "a\\u{a}warning: b");
        assert_eq!(
            json("{\n\t\"a\": \"\u{9b}\u{7f}\u{202e}é\"\n}"),
            "{\n\t\"a\": \"\\u009b\\u007f\\u202eé\"\n}"
        );
        assert!(matches!(text("plain"), Cow::Borrowed(_)));
    }
}
