//! `Makefile.toml`: what its script does before anything else, in a clone that was never built.

use std::fs;
use std::process::Command;

/// Stands in for wdk-build: makes its link where the published crate does, and fails as that does where `target` is missing.
const STAND_IN: &str = r#"
mod wdk_build {
    pub mod cargo_make {
        pub fn load_rust_driver_makefile() -> std::io::Result<()> {
            let root = std::env::var("CARGO_MAKE_WORKSPACE_WORKING_DIRECTORY").unwrap();
            std::fs::write(std::path::Path::new(&root).join("target/rust-driver-makefile.toml"), "")
        }
    }
}
"#;

#[test]
fn the_first_step_works_in_a_fresh_clone() {
    let makefile = include_str!("../../../Makefile.toml");
    let (_, script) = makefile.split_once("load_script = '''\n").unwrap();
    let (script, _) = script.split_once("'''").unwrap();
    // As rust-script does with a script that is an expression.
    let body: Vec<&str> = script
        .lines()
        .filter(|line| !line.starts_with("#!") && !line.starts_with("//!"))
        .collect();
    let program = format!(
        "fn main() -> Result<(), Box<dyn std::error::Error>> {{\nlet _result = {{\n{}\n}};\nOk(())\n}}\n{STAND_IN}",
        body.join("\n")
    );
    let clone = std::env::temp_dir().join(format!("dmusmini-makefile-{}", std::process::id()));
    let _ = fs::remove_dir_all(&clone);
    fs::create_dir_all(&clone).unwrap();
    fs::write(clone.join("script.rs"), program).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiled = Command::new(rustc)
        .args(["--edition", "2021", "-o", "script", "script.rs"])
        .current_dir(&clone)
        .output()
        .unwrap();
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    // Twice: the second time, the folder and the link are there.
    for _ in 0..2 {
        let output = Command::new(clone.join("script"))
            .env("CARGO_MAKE_WORKSPACE_WORKING_DIRECTORY", &clone)
            .current_dir(std::env::temp_dir())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(clone.join("target/rust-driver-makefile.toml").exists());
    }
    fs::remove_dir_all(&clone).unwrap();
}

/// `makecert -b` takes MM/DD/YYYY; without it, a certificate is valid from now on.
#[test]
fn the_certificate_of_cargo_make_is_valid_since_long() {
    let makefile = include_str!("../../../Makefile.toml");
    let (_, task) = makefile.split_once("[tasks.generate-certificate]").unwrap();
    let (_, date) = task.split_once("\"-b\",\n  \"").unwrap();
    let date = dmusmini_package::stamp::DriverVer::parse(&date[..10], "1.0.0.0")
        .unwrap()
        .date;
    let two_days_ago = time::OffsetDateTime::now_utc().date() - time::Duration::days(2);
    assert!(date < two_days_ago, "{date}");
}
