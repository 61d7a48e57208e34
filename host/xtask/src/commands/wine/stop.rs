//! A stop and a start without a removal in between.

use anyhow::{Context, Result};

use super::{Checks, count, dmusctl};
use crate::wine::{Prefix, Step};

/// Stops both devices, looks, starts them again, tests them.
pub(super) fn run(prefix: &Prefix, checks: &mut Checks) -> Result<()> {
    checks
        .transcript
        .section("After a restart of the system: stopping both devices and starting them again");
    checks.transcript.paragraph(WHY);
    let pnp = |name, word| Step::new(name, 20, &[r"C:\dmusmini\bin\wine-pnp.exe", word]);
    let steps = [
        pnp("stop", "stop"),
        dmusctl("no-list", 20, &["list"]).may_fail(),
        pnp("start", "start"),
        dmusctl("selftest", 60, &["selftest", "--loopback"]),
    ];
    let done = checks.session(prefix, "stop", &steps)?;
    let log = checks.take_log(prefix)?;
    checks.that(
        count(&log, "IRP_MN_QUERY_STOP_DEVICE: status 0xc0000001") == 2,
        "QUERY_STOP_DEVICE reaches both devices and is refused: DMus devices are not rebalanced",
    )?;
    checks.that(
        count(&log, "IRP_MN_STOP_DEVICE: status 0x00000000") == 2,
        "STOP_DEVICE, sent all the same, reaches both devices and succeeds",
    )?;
    let list = done.get(1).context("no list")?;
    checks.that(
        list.code == Some(2) && list.output.contains("no device of dmusmini"),
        "a stopped device has no filter",
    )?;
    checks.that(
        count(&log, "IRP_MN_START_DEVICE: status 0x00000000") == 4,
        "START_DEVICE reaches both devices again and succeeds",
    )?;
    let table = done.last().context("no self-test")?;
    checks.that(
        table.output.contains(" passed, 0 failed, "),
        "the self-test passes after the start",
    )
}

const WHY: &str = "\
Wine 8 never stops a device: its PnP manager sends `START_DEVICE`, `SURPRISE_REMOVAL` and `REMOVE_DEVICE`, and
its SetupAPI refuses the parameters of `DIF_PROPERTYCHANGE`, so that `dmusctl disable` fails there. The requests below are built by the stand-in (`host/wine/src/manager.rs`) at the word of
`wine-pnp` and go through Wine's I/O manager, from the top of each device's stack to its bottom. What that
does not show is Windows' PnP manager deciding on a stop; `scripts\\stress.cmd` is for that.";
