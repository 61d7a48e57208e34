//! The program itself: exit codes, and what goes where. On a host that is not Windows every call to the
//! system is refused, which is an error like any other.
#![cfg(not(windows))]

use assert_cmd::Command;
use serde_json::Value;

fn dmusctl(words: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("dmusctl")
        .unwrap()
        .args(words)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn help_names_every_command() {
    let (code, out, _) = dmusctl(&["--help"]);
    assert_eq!(code, Some(0));
    for command in [
        "install",
        "uninstall",
        "status",
        "sleep",
        "list",
        "play",
        "capture",
        "download",
        "render",
        "selftest",
    ] {
        assert!(out.contains(command), "{command}: {out}");
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    for words in [&["tune"][..], &[], &["play"], &["render", "a.mid"]] {
        let (code, out, err) = dmusctl(words);
        assert_eq!(code, Some(2), "{words:?}");
        assert!(out.is_empty() && !err.is_empty(), "{words:?}");
    }
}

#[test]
fn a_wrong_command_line_is_an_object_too() {
    for words in [
        &["tune"][..],
        &[],
        &["play"],
        &["capture", "a", "--seconds", "x"],
    ] {
        let (code, out, err) = dmusctl(&[&["--json"], words].concat());
        assert_eq!((code, err.as_str()), (Some(2), ""), "{words:?}");
        let object: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(object["error"]["exit_code"], 2, "{words:?}");
        assert_ne!(object["error"]["message"], "", "{words:?}");
    }
    let (code, out, _) = dmusctl(&["--json", "--help"]);
    assert!(code == Some(0) && out.contains("Usage"), "{out}");
}

#[test]
fn errors_go_to_standard_error_or_are_one_object() {
    let (code, out, err) = dmusctl(&["list"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.starts_with("error: finding filters: "), "{err}");
    let (code, out, err) = dmusctl(&["--json", "list"]);
    assert_eq!((code, err.as_str()), (Some(1), ""));
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["error"]["win32"], 120);
    assert_eq!(object["error"]["exit_code"], 1);
}

#[test]
fn an_inf_that_is_not_there_is_a_precondition() {
    let (code, _, err) = dmusctl(&["install", "--inf", "no/dmusmini.inf"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("no/dmusmini.inf"), "{err}");
}
