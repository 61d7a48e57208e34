//! What an installation leaves behind when it is removed.

use anyhow::Result;

use super::Checks;
use crate::wine::{Prefix, snapshot::Snapshot};

/// All of the system before the installation.
pub(super) fn before(prefix: &Prefix) -> Result<Snapshot> {
    Snapshot::of(prefix, OWN)
}

/// The prefix has nothing that it had not before the installation, or it is named here, with its reason.
pub(super) fn check(prefix: &Prefix, before: &Snapshot, checks: &mut Checks) -> Result<()> {
    let left = Snapshot::of(prefix, OWN)?.since(before);
    let strangers: Vec<_> = left
        .iter()
        .filter(|line| !LEFT.iter().any(|(what, _)| is_allowed(line, what)))
        .collect();
    for line in &strangers {
        say!("  left: {line}");
    }
    let (files, values) = before.size();
    checks.that(
        strangers.is_empty() && files > 500 && values > 10_000,
        "all files of the system and all of its registry are as before the installation",
    )?;
    for (what, reason) in LEFT {
        checks
            .transcript
            .remark(&format!("except `{what}`, if it is there: {reason}"));
    }
    Ok(())
}

/// Whether a line is this one, or begins with it where that ends with an asterisk.
fn is_allowed(line: &str, what: &str) -> bool {
    match what.strip_suffix('*') {
        Some(beginning) => line.starts_with(beginning),
        None => line == what,
    }
}

/// What the test itself keeps on drive C is no installation.
const OWN: &str = "dmusmini";
/// What may be there afterwards, and why.
const LEFT: &[(&str, &str)] = &[
    (
        r"HKLM\System\CurrentControlSet\Control\Class\{4D36E968-E325-11CE-BFC1-08002BE10318}\0000 | DriverDateData*",
        "Wine dates its display adapter anew with each session",
    ),
    (
        r"HKCU\Software\Microsoft\Windows\CurrentVersion\ThemeManager*",
        "Wine's uxtheme.dll, when SetupAPI first loads it",
    ),
    (
        r"HKCU\Control Panel*",
        "Wine's uxtheme.dll, when SetupAPI first loads it",
    ),
    (
        r"HKLM\System\CurrentControlSet\Control\Class\{4D36E96C-E325-11CE-BFC1-08002BE10318}",
        "a key without values: the class of media devices, which Windows has from the beginning",
    ),
    (
        r"HKLM\System\CurrentControlSet\Control\DeviceClasses\{2EB07EA0-7E70-11D0-A5D6-28DB04C10000}",
        "a key without values: KSCATEGORY_DATATRANSFORM",
    ),
    (
        r"HKLM\System\CurrentControlSet\Control\DeviceClasses\{65E8773D-8F56-11D0-A3B9-00A0C9223196}",
        "a key without values: KSCATEGORY_CAPTURE",
    ),
    (
        r"HKLM\System\CurrentControlSet\Control\DeviceClasses\{65E8773E-8F56-11D0-A3B9-00A0C9223196}",
        "a key without values: KSCATEGORY_RENDER",
    ),
    (
        r"HKLM\System\CurrentControlSet\Control\DeviceClasses\{6994AD04-93EF-11D0-A3CC-00A0C9223196}",
        "a key without values: KSCATEGORY_AUDIO",
    ),
    (
        r"HKLM\System\CurrentControlSet\Control\DeviceClasses\{DFF220F3-F70F-11D0-B917-00A0C9223196}",
        "a key without values: KSCATEGORY_SYNTHESIZER",
    ),
];
