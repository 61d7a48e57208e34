//! Registry trees as `reg export` writes them, in a form that can be compared from run to run.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// Reads an export: UTF-16 or UTF-8, folded lines joined, sorted by key and by value.
pub(crate) fn read(path: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let text = match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => {
            let units: Vec<u16> = rest
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            String::from_utf16_lossy(&units)
        }
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    };
    Ok(lines(&text))
}

/// Reads one of the files that Wine keeps its registry in, in the same form.
pub(crate) fn hive(path: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(lines(&String::from_utf8_lossy(&bytes)))
}

/// One line a value, `KEY | NAME = DATA`, and one for a key that has none.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace("\\\n", "");
    let mut lines = Vec::new();
    let mut key = String::new();
    let mut empty = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = key_of(line) {
            if empty {
                lines.push(key);
            }
            key = name;
            empty = true;
        } else if let Some((name, data)) = split_value(line) {
            let data: Vec<&str> = data.split(',').map(str::trim).collect();
            lines.push(format!("{key} | {name} = {}", data.join(",")));
            empty = false;
        }
    }
    if empty {
        lines.push(key);
    }
    lines.sort_by_key(|line| line.to_lowercase());
    lines
}

/// `[KEY]`, or as Wine's own files have it: `[KEY] TIME`, with doubled backslashes.
fn key_of(line: &str) -> Option<String> {
    let (name, time) = line.strip_prefix('[')?.rsplit_once(']')?;
    if time.is_empty() {
        return Some(name.to_owned());
    }
    time.trim().parse::<u64>().ok()?;
    Some(name.replace(r"\\", r"\"))
}

/// `"NAME"=DATA` or `@=DATA`.
fn split_value(line: &str) -> Option<(&str, &str)> {
    if let Some(data) = line.strip_prefix("@=") {
        return Some(("@", data));
    }
    let rest = line.strip_prefix('"')?;
    let end = rest.find("\"=")?;
    Some((&rest[..end], &rest[end + 2..]))
}

/// What differs between what is there and what should be, a line each.
pub(crate) fn difference(found: &[String], expected: &[String]) -> Vec<String> {
    let missing = expected
        .iter()
        .filter(|line| !found.contains(line))
        .map(|line| format!("missing: {line}"));
    let surplus = found
        .iter()
        .filter(|line| !expected.contains(line))
        .map(|line| format!("not expected: {line}"));
    missing.chain(surplus).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_becomes_sorted_lines() {
        let text = "REGEDIT4\r\n\r\n[HKLM\\B]\r\n\"y\"=hex:01,\\\r\n  02\r\n@=\"d=\\\"e\"\r\n\r\n[HKLM\\A]\r\n\r\n";
        assert_eq!(
            lines(text),
            [
                "HKLM\\A",
                "HKLM\\B | @ = \"d=\\\"e\"",
                "HKLM\\B | y = hex:01,02"
            ]
        );
    }

    #[test]
    fn wines_own_files_are_read_too() {
        let text = "WINE REGISTRY Version 2\n;; All keys relative to \\\\Machine\n\n#arch=win64\n\n[B\\\\c] 1795419860\n#time=1dd\n\"x\"=\"[y] 1\"\n\n[A] 1\n";
        assert_eq!(lines(text), ["A", "B\\c | x = \"[y] 1\""]);
    }

    #[test]
    fn differences_are_named() {
        let lines = |text: &[&str]| text.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let found = lines(&["a", "b"]);
        let expected = lines(&["b", "c"]);
        assert_eq!(
            difference(&found, &expected),
            ["missing: c", "not expected: a"]
        );
    }
}
