//! Inputs from public bug reports, each with what is right: every row of `cases.tsv` through the command, in both builds.
//!
//! `DMUSMINI_CASES` names one more folder in the same format.
#![allow(clippy::cast_precision_loss, reason = "frequencies and times")]

mod common;
#[path = "common/spectrum.rs"]
mod spectrum;

use common::{Place, dmus};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The part of the sound that is judged, in seconds.
const FROM: f64 = 0.20;
const TO: f64 = 0.48;
/// How long a refusal may take.
const AT_ONCE: Duration = Duration::from_secs(2);
/// How far a gap between two packets may be off, in seconds.
const GAP: f64 = 0.010;

/// What a row expects; `README.md` of the cases defines it.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Partials(Vec<f64>),
    Silent,
    Word,
    Error,
    NoEscapes,
    Wire(Vec<u8>),
    Gaps(Vec<f64>),
}

/// A row of the table.
#[derive(Debug)]
struct Case {
    folder: PathBuf,
    song: String,
    bank: Option<String>,
    command: String,
    expected: Vec<Expected>,
    text: String,
}

impl Case {
    fn parse(folder: &Path, line: &str) -> Self {
        let columns: Vec<&str> = line.split('\t').collect();
        let [song, bank, command, expect, _why] = columns[..] else {
            panic!(
                "{}: a row has {} columns: {line}",
                folder.display(),
                columns.len()
            );
        };
        Self {
            folder: folder.to_owned(),
            song: song.to_owned(),
            bank: (bank != "-").then(|| bank.to_owned()),
            command: command.to_owned(),
            expected: expectations(expect),
            text: [song, bank, command, expect].join("  "),
        }
    }

    fn expects(&self, what: &Expected) -> bool {
        self.expected.contains(what)
    }
}

fn expectations(text: &str) -> Vec<Expected> {
    let mut expected: Vec<Expected> = Vec::new();
    let numbers = |text: &str, by: char| -> Vec<f64> {
        text.split(by)
            .map(|number| number.parse().unwrap())
            .collect()
    };
    for word in text.split_whitespace() {
        let next = match word.split_once(['=', '~']) {
            Some(("hz", partials)) => Expected::Partials(numbers(partials, '+')),
            Some(("gaps", gaps)) => Expected::Gaps(numbers(gaps, ',')),
            Some(("wire", bytes)) => Expected::Wire(hex(bytes)),
            _ => match word {
                "silent" => Expected::Silent,
                "word" => Expected::Word,
                "error" => Expected::Error,
                "noesc" => Expected::NoEscapes,
                _ => {
                    // The bytes of a wire have blanks between them.
                    let Some(Expected::Wire(bytes)) = expected.last_mut() else {
                        panic!("the expectation {word:?} is not known");
                    };
                    bytes.extend(hex(word));
                    continue;
                }
            },
        };
        expected.push(next);
    }
    assert!(!expected.is_empty(), "a row expects nothing");
    expected
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    assert!(digits.len().is_multiple_of(2), "{text}");
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// One run of the command.
struct Run {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    took: Duration,
}

impl Run {
    fn of(case: &Case, driver: &[String], output: &Path, more: &[&str]) -> Self {
        let mut command = dmus();
        command.arg(&case.command).arg(case.folder.join(&case.song));
        if let Some(bank) = &case.bank {
            command.arg("--bank").arg(case.folder.join(bank));
        }
        if matches!(case.command.as_str(), "render" | "uart" | "plot") {
            command.arg("-o").arg(output);
        }
        command.args(driver).args(more);
        let begun = Instant::now();
        let done = command.output().unwrap();
        Self {
            code: done.status.code(),
            stdout: done.stdout,
            stderr: done.stderr,
            took: begun.elapsed(),
        }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Runs a row; what is wrong, if anything.
fn judge(case: &Case, driver: &[String]) -> Result<(), String> {
    let place = Place::new();
    let name = if case.command == "uart" {
        "out.syx"
    } else {
        "out.wav"
    };
    let output = place.path(name);
    let run = Run::of(case, driver, &output, &["--json"]);
    let mut files = vec![case.song.as_str()];
    files.extend(case.bank.as_deref());
    if case.expects(&Expected::Error) {
        return refused(&run, &files, &place);
    }
    if run.code != Some(0) {
        return Err(format!(
            "exit code {:?}: {}",
            run.code,
            run.said().trim_end()
        ));
    }
    let report: Value = serde_json::from_slice(&run.stdout).map_err(|error| error.to_string())?;
    for expected in &case.expected {
        match expected {
            Expected::Partials(partials) => {
                let (rate, sound) = left(&output);
                spectrum::check(&sound, rate, partials)?;
            }
            Expected::Silent => {
                let loudest = left(&output)
                    .1
                    .into_iter()
                    .fold(0.0, |a: f64, b| a.max(b.abs()));
                ensure(loudest == 0.0, || format!("it sounds: {loudest}"))?;
            }
            Expected::Word => warned(&run, &report, &files)?,
            Expected::NoEscapes => {
                clean(&run)?;
                clean(&Run::of(case, driver, &output, &[]))?;
            }
            Expected::Wire(bytes) => {
                let wire = std::fs::read(&output).unwrap();
                let is_there = wire.windows(bytes.len()).any(|part| part == bytes);
                ensure(is_there, || format!("the wire has {wire:02X?}"))?;
                let listed: Vec<u8> = packets(&report)
                    .into_iter()
                    .flat_map(|(_, bytes)| bytes)
                    .collect();
                ensure(listed == wire, || {
                    format!("`wire` lists {listed:02X?}, sent was {wire:02X?}")
                })?;
            }
            Expected::Gaps(gaps) => {
                let times: Vec<f64> = packets(&report).iter().map(|(time, _)| *time).collect();
                let found: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
                let fits = found.len() >= gaps.len()
                    && gaps
                        .iter()
                        .zip(&found)
                        .all(|(gap, found)| (gap - found).abs() <= GAP);
                ensure(fits, || format!("the gaps are {found:?}"))?;
            }
            Expected::Error => {}
        }
    }
    Ok(())
}

fn ensure(is_so: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what()) }
}

/// Exit code 1 at once, a message with file and cause, and nothing left behind.
fn refused(run: &Run, files: &[&str], place: &Place) -> Result<(), String> {
    let said = run.said();
    ensure(run.code == Some(1), || {
        format!("exit code {:?}: {said}", run.code)
    })?;
    ensure(run.took < AT_ONCE, || format!("it took {:?}", run.took))?;
    let errors: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("warning: "))
        .collect();
    let [error] = errors[..] else {
        return Err(format!("not one line: {said}"));
    };
    let rest = error.strip_prefix("dmus: ").unwrap_or_default();
    let named = files
        .iter()
        .find_map(|file| rest.split_once(&format!("{file}: ")));
    let cause = named.map_or("", |(_, cause)| cause);
    ensure(cause.len() > 10, || format!("no file and cause: {error}"))?;
    place.holds_nothing_else(&[]);
    Ok(())
}

/// A warning in both places that names file or item, and a cause.
fn warned(run: &Run, report: &Value, files: &[&str]) -> Result<(), String> {
    let names = |text: &str| {
        let items = ["channel ", "program ", "instrument ", "wave ", "region "];
        files.iter().any(|file| text.contains(file)) || items.iter().any(|item| text.contains(item))
    };
    let said = run.said();
    let is_said = said.lines().any(|line| {
        line.strip_prefix("warning: ")
            .is_some_and(|text| names(text) && text.contains(": "))
    });
    ensure(is_said, || {
        format!("no warning on standard error: {said:?}")
    })?;
    let listed = report["warnings"].as_array().cloned().unwrap_or_default();
    let is_listed = listed.iter().any(|warning| names(&warning.to_string()));
    ensure(is_listed, || format!("no entry of `warnings`: {listed:?}"))
}

/// No control character on either output.
fn clean(run: &Run) -> Result<(), String> {
    for bytes in [&run.stdout, &run.stderr] {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        for character in text.chars() {
            let code = u32::from(character);
            let is_control = code < 0x20 && !matches!(character, '\n' | '\t')
                || matches!(code, 0x7F..=0x9F | 0x61C | 0x200E | 0x200F | 0x202A..=0x202E | 0x2066..=0x2069);
            ensure(!is_control, || format!("U+{code:04X} is printed: {text:?}"))?;
        }
    }
    Ok(())
}

/// Time and bytes of each packet that the report lists.
fn packets(report: &Value) -> Vec<(f64, Vec<u8>)> {
    let wire = report["wire"].as_array().cloned().unwrap_or_default();
    wire.iter()
        .map(|packet| {
            let time = packet["seconds"].as_f64().unwrap();
            (time, hex(packet["bytes"].as_str().unwrap()))
        })
        .collect()
}

/// Rate, and the judged part of the left channel; full scale is 1.
fn left(path: &Path) -> (f64, Vec<f64>) {
    let reader = hound::WavReader::open(path).unwrap();
    let spec = reader.spec();
    let rate = f64::from(spec.sample_rate);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "half a second"
    )]
    let frame = |seconds: f64| (seconds * rate).round() as usize;
    let samples: Vec<f64> = reader
        .into_samples::<i16>()
        .step_by(usize::from(spec.channels))
        .skip(frame(FROM))
        .take(frame(TO) - frame(FROM))
        .map(|sample| f64::from(sample.unwrap()) / 32_768.0)
        .collect();
    assert_eq!(
        samples.len(),
        frame(TO) - frame(FROM),
        "the sound is too short"
    );
    (rate, samples)
}

/// The rows of every folder there is.
fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = std::env::var_os("DMUSMINI_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let mut folders = Vec::new();
    let own = data.join("cases");
    if own.join("cases.tsv").exists() {
        folders.push(own);
    } else {
        println!("SKIPPED: no cases at {} (set DMUSMINI_DATA)", own.display());
    }
    // Asked for, so it must be there.
    folders.extend(std::env::var_os("DMUSMINI_CASES").map(PathBuf::from));
    let mut cases = Vec::new();
    for folder in folders {
        let table = folder.join("cases.tsv");
        let table = std::fs::read_to_string(&table)
            .unwrap_or_else(|error| panic!("{}: {error}", table.display()));
        let rows = table.lines().skip(1).filter(|line| !line.trim().is_empty());
        cases.extend(rows.map(|line| Case::parse(&folder, line)));
    }
    cases
}

/// Runs all rows with one build, and tells each.
fn run_all(build: &str, driver: &[String]) {
    let (mut wrong, cases) = (String::new(), cases());
    for case in &cases {
        let judged = judge(case, driver).map_err(|wrong| wrong.trim_end().replace('\n', " / "));
        let outcome = judged.as_ref().err().map_or("ok", String::as_str);
        println!("{build}: {}: {outcome}", case.text);
        if judged.is_err() {
            let _ = writeln!(wrong, "  {}: {outcome}", case.text);
        }
    }
    let count = wrong.lines().count();
    println!("{build}: {} rows, {count} wrong", cases.len());
    assert!(
        wrong.is_empty(),
        "{build}: {count} of {} rows are wrong:\n{wrong}",
        cases.len()
    );
}

#[test]
fn every_case_natively() {
    run_all("native", &["--native".to_owned()]);
}

#[test]
fn every_case_with_the_image() {
    let Some(image) = common::image() else { return };
    run_all("image", &["--sys".to_owned(), image.display().to_string()]);
}

#[test]
fn expectations_are_read_as_they_are_written() {
    assert_eq!(
        expectations("hz=441+1323 word"),
        [Expected::Partials(vec![441.0, 1323.0]), Expected::Word]
    );
    assert_eq!(
        expectations("silent wire~F5 02 90 3C gaps=0.25,0.5 noesc"),
        [
            Expected::Silent,
            Expected::Wire(vec![0xF5, 2, 0x90, 0x3C]),
            Expected::Gaps(vec![0.25, 0.5]),
            Expected::NoEscapes,
        ]
    );
    assert!(std::panic::catch_unwind(|| expectations("loud")).is_err());
}
