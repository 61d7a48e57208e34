//! The program itself.

use std::process::{Command, Stdio};

#[test]
fn a_reader_that_is_gone_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dmusmini-package"))
        .arg("inf")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
