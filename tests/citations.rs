//! Every section of the specification that the tree cites exists.
//!
//! A citation is the name of a file of `docs/spec`, with or without `.md`, and the sections: "contract section 5.7",
//! "abi sections 3.4, 5.4 and 6", "`dls.md` section 4.1", "contract 6.9". The last part of a number may also
//! be that of an item of a numbered list: "contract 6.9" is item 9 of section 6.
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where citations are looked for, and in which files.
const PLACES: &[&str] = &[
    "src",
    "host",
    "crates",
    "tests",
    "fuzz",
    "inf",
    "build",
    "docs",
    "examples",
    "README.md",
];
const ENDINGS: &[&str] = &["rs", "md", "toml", "inx", "cmd", "def"];

/// The sections of one specification file: numbers as they are cited.
type Sections = BTreeSet<String>;

/// One citation: file, section, and the words in which it stands.
#[derive(Debug, PartialEq, Eq)]
struct Citation {
    spec: String,
    section: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The sections that a specification's text has: its numbered headings, and below them the items of numbered lists.
fn sections_of(text: &str) -> Sections {
    let mut sections = Sections::new();
    let mut current = String::new();
    for line in text.lines() {
        let heading = line.trim_start_matches('#').trim_start();
        let number: String = heading
            .chars()
            .take_while(|&c| c.is_ascii_digit() || c == '.')
            .collect();
        let number = number.trim_end_matches('.');
        if number.is_empty() {
            if line.starts_with('#') {
                current.clear();
            }
            continue;
        }
        if line.starts_with('#') {
            number.clone_into(&mut current);
            sections.insert(current.clone());
        } else if !current.is_empty() && line.starts_with(number) {
            sections.insert(format!("{current}.{number}"));
        }
    }
    sections
}

/// The words of a text, without the marks that begin a comment's line.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        let line = line.trim_start_matches(['/', '!', '#', ';', '*', '|']);
        words.extend(line.split_whitespace());
    }
    words
}

/// The number that a word begins with, if that is a section's, and whether another may follow.
fn number(word: &str) -> Option<(String, bool)> {
    let word = word.trim_start_matches(['(', '§', '`']);
    let digits: String = word
        .chars()
        .take_while(|&c| c.is_ascii_digit() || c == '.')
        .collect();
    let section = digits.trim_end_matches('.');
    let rest = word.get(section.len()..)?;
    // "3-10", "2x" and "0x1F" are no sections.
    let ends = rest.is_empty() || rest.starts_with([',', '.', ')', ':', ';', '`', '\'', '"', '|']);
    (!section.is_empty() && ends).then(|| (section.to_owned(), rest == ","))
}

/// Everything that a text cites of the specifications called `names`.
fn citations(text: &str, names: &[String]) -> Vec<Citation> {
    let words = words(text);
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let bare = word.trim_end_matches(".md");
        let name = bare.to_ascii_lowercase();
        // A name that ends a sentence cites nothing.
        if !names.contains(&name) || words[index].ends_with(['.', ':', ')']) {
            continue;
        }
        let mut rest = words
            .get(index.saturating_add(1)..)
            .unwrap_or_default()
            .iter();
        let mut next = rest.next().copied();
        if next.is_some_and(|word| word == "section" || word == "sections") {
            next = rest.next().copied();
        } else if bare == word && name != "contract" && name != "abi" {
            // "inf 2" might be anything.
            continue;
        }
        let mut first = true;
        while let Some(word) = next {
            if let Some((section, more)) = number(word) {
                let spec = name.clone();
                found.push(Citation { spec, section });
                let follows = rest.next().copied();
                if !more && !matches!(follows, Some("and" | "to")) {
                    break;
                }
                next = follows;
            } else if !first && matches!(word, "and" | "to") {
                next = rest.next().copied();
            } else {
                break;
            }
            first = false;
        }
    }
    found
}

fn files_below(place: &Path, files: &mut Vec<PathBuf>) {
    if place.is_dir() {
        let name = place.file_name().unwrap_or_default();
        if name == "target" || name == "corpus" {
            return;
        }
        for entry in fs::read_dir(place).unwrap() {
            files_below(&entry.unwrap().path(), files);
        }
    } else if place
        .extension()
        .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
    {
        files.push(place.to_owned());
    }
}

fn specifications() -> BTreeMap<String, Sections> {
    let mut specifications = BTreeMap::new();
    for entry in fs::read_dir(root().join("docs/spec")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        specifications.insert(name, sections_of(&text));
    }
    specifications
}

/// The sections of its own file that a specification cites: "§7.2" without a file's name before it.
fn own_citations(text: &str, name: &str, names: &[String]) -> Vec<Citation> {
    let words = words(text);
    let mut found = Vec::new();
    let mut foreign = false;
    for word in words {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if let Some((section, _)) = number(word).filter(|_| word.contains('§') && !foreign) {
            found.push(Citation {
                spec: name.to_owned(),
                section,
            });
        }
        let is_name = names
            .iter()
            .any(|name| bare.trim_end_matches(".md") == name);
        // "`dls.md` §3, §4" names the file once.
        foreign = is_name || (foreign && word.starts_with('§') && word.ends_with(','));
    }
    found
}

#[test]
fn every_section_that_is_cited_exists() {
    let specifications = specifications();
    let names: Vec<String> = specifications.keys().cloned().collect();
    let mut files = Vec::new();
    for place in PLACES {
        let place = root().join(place);
        if place.exists() {
            files_below(&place, &mut files);
        }
    }
    let mut count = 0;
    let mut missing = Vec::new();
    for file in files {
        if file.ends_with("tests/citations.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let mut cited = citations(&text, &names);
        if file
            .parent()
            .is_some_and(|folder| folder.ends_with("docs/spec"))
        {
            let name = file.file_stem().unwrap().to_str().unwrap();
            cited.append(&mut own_citations(&text, name, &names));
        }
        for Citation { spec, section } in cited {
            count += 1;
            if !specifications[&spec].contains(&section) {
                let file = file.strip_prefix(root()).unwrap().display();
                missing.push(format!("{file}: {spec} section {section}"));
            }
        }
    }
    println!("{count} citations of {} files", names.len());
    assert!(
        missing.is_empty(),
        "no such section:\n{}",
        missing.join("\n")
    );
    // There were over 300 when this test was written: it must not have become blind.
    assert!(count > 300, "only {count} citations were found");
}

#[test]
fn sections_are_headings_and_items_of_lists() {
    let text = "# Title\n## 2. First\n1. an item\n2. another\n### 2.7 Deep – x\n## Open questions\n1. no section\n";
    let sections: Vec<String> = sections_of(text).into_iter().collect();
    assert_eq!(sections, ["2", "2.1", "2.2", "2.7"]);
}

#[test]
fn citations_of_every_form_are_found() {
    let names = ["abi", "contract", "dls"].map(String::from);
    let found = |text: &str| -> Vec<String> {
        citations(text, &names)
            .into_iter()
            .map(|c| format!("{} {}", c.spec, c.section))
            .collect()
    };
    assert_eq!(found("as in (contract section 5.7)."), ["contract 5.7"]);
    assert_eq!(
        found("abi sections 3.4, 5.4 and 6: so"),
        ["abi 3.4", "abi 5.4", "abi 6"]
    );
    assert_eq!(found("`dls.md` section\n/// 4.1 says"), ["dls 4.1"]);
    assert_eq!(
        found("Contract sections 13.1 to 13.3. Next"),
        ["contract 13.1", "contract 13.3"]
    );
    assert_eq!(found("contract 6.9"), ["contract 6.9"]);
    assert!(found("see `contract.md`.\n## 0. Begin").is_empty());
    assert_eq!(found("`contract.md` §9.2 and"), ["contract 9.2"]);
    assert!(found("the contract has 3-10 lines; dls 2 files; a contract").is_empty());
}
