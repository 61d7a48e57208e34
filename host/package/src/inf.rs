//! INF files: sections, lines, fields, strings.
//!
//! The general INI parsers treat a line without `=` as an error and a repeated key as a mistake;
//! an INF is full of both, and findings need line numbers. So this is a parser of its own, small
//! enough to be read: comments, quotes, continuation lines, `%tokens%`.

use std::collections::BTreeMap;
use std::fmt;

/// One line of a section: a key, if it has an equals sign, and comma-separated fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands, from 1.
    pub number: usize,
    /// What is in front of the equals sign.
    pub key: Option<String>,
    /// The fields, unquoted, tokens not replaced.
    pub fields: Vec<String>,
}

impl Line {
    /// Whether this is the line's key; keys have no case.
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        self.key
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(key))
    }

    /// The n-th field, empty where there is none.
    #[must_use]
    pub fn field(&self, index: usize) -> &str {
        self.fields.get(index).map_or("", String::as_str)
    }
}

/// One section: its name as written, and its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Where the heading stands.
    pub number: usize,
    /// The name as written.
    pub name: String,
    /// The lines.
    pub lines: Vec<Line>,
}

impl Section {
    /// The lines with this key, in order.
    pub fn keyed<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.has_key(key))
    }

    /// The first field of the first line with this key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        let line = self.lines.iter().find(|line| line.has_key(key))?;
        Some(line.field(0))
    }
}

/// A parsed INF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inf {
    /// The sections in their order. Sections of one name are merged, as Windows does.
    pub sections: Vec<Section>,
    /// The first line, from 1, that does not end in CR LF.
    pub bare_line_end: Option<usize>,
}

/// Why a text is not an INF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub cause: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.cause)
    }
}

impl std::error::Error for ParseError {}

impl Inf {
    /// Parses the bytes of a file: UTF-16 with a byte order mark, or ASCII.
    ///
    /// # Errors
    ///
    /// The first line that is not INF.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        let text = match bytes {
            [0xFF, 0xFE, rest @ ..] => {
                let units: Vec<u16> = rest
                    .chunks(2)
                    .map(|pair| {
                        u16::from(pair[0]) | pair.get(1).map_or(0, |&high| u16::from(high) << 8)
                    })
                    .collect();
                String::from_utf16(&units).map_err(|_| ParseError {
                    line: 1,
                    cause: "not valid UTF-16",
                })?
            }
            _ if bytes.is_ascii() => String::from_utf8_lossy(bytes).into_owned(),
            _ => {
                let line = 1 + bytes
                    .iter()
                    .take_while(|byte| byte.is_ascii())
                    .filter(|&&byte| byte == b'\n')
                    .count();
                return Err(ParseError {
                    line,
                    cause: "neither ASCII nor UTF-16 with a byte order mark",
                });
            }
        };
        Self::parse(&text)
    }

    /// Parses a text.
    ///
    /// # Errors
    ///
    /// The first line that is not INF.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let is_bare = |line: &str| !line.ends_with("\r\n");
        let mut inf = Self {
            sections: Vec::new(),
            bare_line_end: text
                .split_inclusive('\n')
                .position(is_bare)
                .map(|index| index + 1),
        };
        let mut current: Option<usize> = None;
        let mut lines = text.lines().enumerate();
        while let Some((index, first)) = lines.next() {
            let number = index + 1;
            let mut logical = strip_comment(first, number)?.trim_end().to_owned();
            while let Some(head) = logical.strip_suffix('\\') {
                let (next, more) = lines.next().ok_or(ParseError {
                    line: number,
                    cause: "the file ends in a continuation",
                })?;
                logical = format!("{}{}", head, strip_comment(more, next + 1)?.trim());
            }
            let logical = logical.trim();
            if logical.is_empty() {
                continue;
            }
            if let Some(heading) = logical.strip_prefix('[') {
                let name = heading.strip_suffix(']').ok_or(ParseError {
                    line: number,
                    cause: "a section heading without \"]\"",
                })?;
                current = Some(inf.open(name.trim(), number));
                continue;
            }
            let section = current.ok_or(ParseError {
                line: number,
                cause: "a line in front of the first section",
            })?;
            inf.sections[section]
                .lines
                .push(parse_line(logical, number)?);
        }
        Ok(inf)
    }

    /// A section by name; INF names have no case.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections
            .iter()
            .find(|section| section.name.eq_ignore_ascii_case(name))
    }

    /// The `[Strings]`, by lower-case name.
    #[must_use]
    pub fn strings(&self) -> BTreeMap<String, String> {
        let lines = self
            .section("Strings")
            .map_or(&[][..], |section| &section.lines);
        lines
            .iter()
            .filter_map(|line| {
                Some((
                    line.key.as_ref()?.to_ascii_lowercase(),
                    line.field(0).to_owned(),
                ))
            })
            .collect()
    }

    /// Replaces `%tokens%` by their strings; those that are not defined stay.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        let strings = self.strings();
        let mut out = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Percent => out.push('%'),
                Piece::Token(name) => {
                    if let Some(value) = strings.get(&name.to_ascii_lowercase()) {
                        out.push_str(value);
                    } else {
                        out.push('%');
                        out.push_str(name);
                        out.push('%');
                    }
                }
            }
        }
        out
    }

    fn open(&mut self, name: &str, number: usize) -> usize {
        let known = self
            .sections
            .iter()
            .position(|section| section.name.eq_ignore_ascii_case(name));
        known.unwrap_or_else(|| {
            self.sections.push(Section {
                number,
                name: name.to_owned(),
                lines: Vec::new(),
            });
            self.sections.len() - 1
        })
    }
}

/// The names between percent signs in a text.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Token(name) => Some(name),
        Piece::Text(_) | Piece::Percent => None,
    })
}

enum Piece<'a> {
    Text(&'a str),
    Token(&'a str),
    Percent,
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut parts = text.split('%').enumerate().peekable();
    std::iter::from_fn(move || {
        let (index, part) = parts.next()?;
        Some(if index % 2 == 0 {
            Piece::Text(part)
        } else if parts.peek().is_none() {
            // An odd percent sign at the end is text.
            Piece::Text(part)
        } else if part.is_empty() {
            Piece::Percent
        } else {
            Piece::Token(part)
        })
    })
}

/// Cuts a comment off, minding quotes.
fn strip_comment(line: &str, number: usize) -> Result<&str, ParseError> {
    let mut quoted = false;
    for (place, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ';' if !quoted => return Ok(&line[..place]),
            _ => {}
        }
    }
    if quoted {
        return Err(ParseError {
            line: number,
            cause: "a quotation mark without its partner",
        });
    }
    Ok(line)
}

fn parse_line(text: &str, number: usize) -> Result<Line, ParseError> {
    let equals = find_unquoted(text, '=');
    let (key, rest) = match equals {
        Some(place) => (Some(unquote(text[..place].trim())), &text[place + 1..]),
        None => (None, text),
    };
    if key.as_deref() == Some("") {
        return Err(ParseError {
            line: number,
            cause: "nothing in front of \"=\"",
        });
    }
    let mut fields = Vec::new();
    let mut rest = rest.trim();
    if !rest.is_empty() {
        while let Some(place) = find_unquoted(rest, ',') {
            fields.push(unquote(rest[..place].trim()));
            rest = rest[place + 1..].trim();
        }
        fields.push(unquote(rest));
    }
    Ok(Line {
        number,
        key,
        fields,
    })
}

fn find_unquoted(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(place, character)| {
        if character == '"' {
            quoted = !quoted;
        }
        (character == wanted && !quoted).then_some(place)
    })
}

/// Takes quotation marks off; a doubled one inside them is one.
fn unquote(text: &str) -> String {
    match text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    {
        Some(inner) => inner.replace("\"\"", "\""),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_keys_fields_and_numbers() {
        let inf =
            Inf::parse("; head\n[A] ; one\nkey = a, \"b, \"\"c\"\"\" , ; no d\nplain,,x\n[b]\n")
                .unwrap();
        let section = inf.section("a").unwrap();
        assert_eq!(section.lines[0].key.as_deref(), Some("key"));
        assert_eq!(section.lines[0].fields, ["a", "b, \"c\"", ""]);
        assert_eq!(section.lines[1].fields, ["plain", "", "x"]);
        assert_eq!((section.lines[0].number, section.lines[1].number), (3, 4));
        assert!(inf.section("B").unwrap().lines.is_empty());
    }

    #[test]
    fn bare_line_ends_are_found() {
        let bare = |text| Inf::parse(text).unwrap().bare_line_end;
        assert_eq!(bare("[A]\r\nx = 1\r\n"), None);
        assert_eq!(bare("[A]\r\nx = 1\ny = 2\r\n"), Some(2));
        assert_eq!(bare("[A]\r\nx = 1"), Some(2));
    }

    #[test]
    fn continuations_join_and_sections_merge() {
        let inf = Inf::parse("[A]\nx = 1, \\ ; why\n    2\n[B]\n[a]\ny = 3\n").unwrap();
        let section = inf.section("A").unwrap();
        assert_eq!(section.lines[0].fields, ["1", "2"]);
        assert_eq!(section.value("Y"), Some("3"));
    }

    #[test]
    fn tokens_are_found_and_replaced() {
        let inf = Inf::parse("[Strings]\nName = \"x\"\n").unwrap();
        assert_eq!(inf.expand("a%name%b%%c%none%"), "axb%c%none%");
        assert_eq!(
            tokens("%13%\\f.sys %x% 100%").collect::<Vec<_>>(),
            ["13", "x"]
        );
    }

    #[test]
    fn what_is_no_inf_is_named_with_its_line() {
        let error = |text| Inf::parse(text).unwrap_err();
        assert_eq!(error("x = 1").line, 1);
        assert_eq!(error("[A]\n[B\n").line, 2);
        assert_eq!(error("[A]\n= 1\n").cause, "nothing in front of \"=\"");
        assert_eq!(
            error("[A]\nx = \"1\n").cause,
            "a quotation mark without its partner"
        );
        assert_eq!(
            error("[A]\nx = 1 \\").cause,
            "the file ends in a continuation"
        );
        assert_eq!(Inf::from_bytes(b"[A]\nx = \xE4\n").unwrap_err().line, 2);
        let wide: Vec<u8> = "\u{feff}[A]\r\nx=1"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(
            Inf::from_bytes(&wide)
                .unwrap()
                .section("A")
                .unwrap()
                .value("x"),
            Some("1")
        );
    }
}
