//! Which script is run how, and what is expected of it.

/// What is to be run, and how it has to end.
pub(super) struct Expected {
    pub(super) name: &'static str,
    pub(super) command: &'static str,
    pub(super) code: i32,
    pub(super) output: &'static str,
}

const fn expect(
    name: &'static str,
    command: &'static str,
    code: i32,
    output: &'static str,
) -> Expected {
    Expected {
        name,
        command,
        code,
        output,
    }
}

/// A script of a package whose `dmusctl` is a stand-in too, with the others found by `PATH`: the name,
/// how they are to end, the script with its arguments, the expected end.
macro_rules! stand_in {
    ($name:literal, $wish:literal, $script:literal, $code:literal, $output:literal) => {
        expect(
            $name,
            concat!(
                r"C:\dmusmini\stand-in\with.cmd ",
                $wish,
                r" C:\dmusmini\stand-in\package\scripts\",
                $script
            ),
            $code,
            $output,
        )
    };
}

/// The same from a folder with blanks, parentheses, an ampersand and a caret in its name, and with such a name for the
/// temporary files: browsers and users make such names. Not with a percent sign, which Wine's own cmd loses.
macro_rules! odd {
    ($name:literal, $wish:literal, $script:literal, $code:literal, $output:literal) => {
        expect(
            $name,
            concat!(r"C:\dmusmini\stand-in\odd.cmd ", $wish, " ", $script),
            $code,
            $output,
        )
    };
}

/// In this order, in one session: the key that says "elevated" lasts no longer in Wine.
pub(super) const STEPS: &[Expected] = &[
    expect("plain-install", "install.cmd", 2, "elevated"),
    expect("plain-uninstall", "uninstall.cmd", 2, "elevated"),
    expect("plain-upgrade", "upgrade.cmd", 2, "elevated"),
    expect("plain-stress", "stress.cmd", 2, "elevated"),
    expect("plain-sleep", "sleep.cmd", 2, "elevated"),
    expect("plain-verifier-on", "verifier-on.cmd", 2, "elevated"),
    expect("plain-verifier-off", "verifier-off.cmd", 2, "elevated"),
    expect("elevate", r"reg add HKU\S-1-5-19 /f", 0, ""),
    expect("unsigned", "install.cmd /check", 2, "test signing is off"),
    expect(
        "sign",
        r"reg add HKLM\SYSTEM\CurrentControlSet\Control /v SystemStartOptions /d TESTSIGNING /f",
        0,
        "",
    ),
    expect("can-install", "install.cmd /check", 0, "everything"),
    expect(
        "sleep-states",
        r"C:\dmusmini\package\dmusctl.exe sleep",
        0,
        "S4",
    ),
    expect("nothing-to-upgrade", "upgrade.cmd", 2, "no version"),
    expect("nothing-to-stress", "stress.cmd 1", 2, "no device"),
    expect("no-pwrtest", "sleep.cmd 1", 2, "pwrtest is not here"),
    expect("no-verifier", "verifier-on.cmd", 2, "verifier is not"),
    expect("no-verifier-off", "verifier-off.cmd", 2, "verifier is not"),
    expect(
        "bare",
        r"C:\dmusmini\stand-in\bare\scripts\install.cmd",
        2,
        "dmusmini.inf is not in the folder",
    ),
    expect(
        "bare-inf",
        r"C:\dmusmini\stand-in\inf\scripts\install.cmd",
        2,
        "dmusctl.exe is not in the folder",
    ),
    stand_in!("i-ok", "none", "install.cmd", 0, "installed and started"),
    stand_in!(
        "i-restart",
        "pnputil:3010",
        "install.cmd",
        1,
        "after a restart"
    ),
    stand_in!(
        "i-busy",
        "dmusctl.install:restart_the_machine",
        "install.cmd",
        1,
        "after a restart"
    ),
    stand_in!("i-idle", "pnputil:259", "install.cmd", 0, "started"),
    stand_in!("i-pnputil", "pnputil:5", "install.cmd", 1, "failed, see"),
    // ERROR_NO_CATALOG_FOR_OEM_INF, as a negative number.
    stand_in!(
        "i-catalog",
        "pnputil:-536870353",
        "install.cmd",
        1,
        "pnputil ended with -536870353"
    ),
    stand_in!("i-refused", "dmusctl.install:1", "install.cmd", 1, "failed"),
    stand_in!("i-status", "dmusctl.status:1", "install.cmd", 1, "failed"),
    stand_in!(
        "n-refused",
        "dmusctl.uninstall:1",
        "uninstall.cmd",
        1,
        "failed"
    ),
    stand_in!(
        "n-busy",
        "dmusctl.uninstall:restart_the_machine",
        "uninstall.cmd",
        1,
        "something has a device open"
    ),
    stand_in!("n-service", "none", "uninstall.cmd", 1, "still there"),
    expect("n-typo", "uninstall.cmd /y", 2, "usage: uninstall.cmd"),
    stand_in!("u-ok", "none", "upgrade.cmd", 0, "1.2.3.0 is installed"),
    stand_in!(
        "u-restart",
        "dmusctl.install:restart_the_machine",
        "upgrade.cmd",
        1,
        "restart"
    ),
    stand_in!(
        "u-refused",
        "dmusctl.install:1",
        "upgrade.cmd",
        1,
        "does not run"
    ),
    stand_in!(
        "u-status",
        "dmusctl.status:1",
        "upgrade.cmd",
        1,
        "does not run"
    ),
    stand_in!(
        "u-old",
        "dmusctl.version:1.2.4",
        "upgrade.cmd",
        1,
        "1.2.4.0 does not run"
    ),
    stand_in!(
        "u-mute",
        "dmusctl.version:_",
        "upgrade.cmd",
        2,
        "does not say its version"
    ),
    stand_in!("t-ok", "none", "stress.cmd 11", 0, "11 times, and it works"),
    expect("t-typo", "stress.cmd /checks", 2, "usage: stress.cmd"),
    expect("t-zero", "stress.cmd 0", 2, "usage: stress.cmd"),
    // STATUS_ACCESS_VIOLATION, as a program that crashes ends.
    stand_in!(
        "t-crash",
        "dmusctl.selftest:-1073741819",
        "stress.cmd 1",
        1,
        "after 1 times"
    ),
    stand_in!(
        "t-disable",
        "dmusctl.disable:1",
        "stress.cmd 1",
        1,
        "after 0 times"
    ),
    stand_in!(
        "t-enable",
        "dmusctl.enable:1",
        "stress.cmd 1",
        1,
        "after 0 times"
    ),
    stand_in!(
        "t-tenth",
        "dmusctl.selftest:1",
        "stress.cmd 12",
        1,
        "after 10 times"
    ),
    stand_in!(
        "t-end",
        "dmusctl.selftest:1",
        "stress.cmd 1",
        1,
        "after 1 times"
    ),
    stand_in!("s-can", "none", "sleep.cmd /check", 0, "everything"),
    stand_in!(
        "s-none",
        "dmusctl.status:1",
        "sleep.cmd 1",
        2,
        "no device is started"
    ),
    stand_in!(
        "s-no-sleep",
        "dmusctl.sleep:1",
        "sleep.cmd 1",
        2,
        "no sleep state"
    ),
    stand_in!(
        "s-both",
        "dmusctl.sleep:S3/dmusctl.sleep:S4",
        "sleep.cmd 2",
        0,
        "after all cycles"
    ),
    stand_in!(
        "s-hibernate",
        "dmusctl.sleep:S4",
        "sleep.cmd",
        0,
        "after all cycles"
    ),
    stand_in!(
        "s-standby",
        "dmusctl.sleep:modern_standby",
        "sleep.cmd 3",
        0,
        "after all cycles"
    ),
    stand_in!(
        "s-pwrtest",
        "pwrtest:1/dmusctl.sleep:S4",
        "sleep.cmd 1",
        1,
        "failed, see"
    ),
    stand_in!(
        "s-selftest",
        "dmusctl.selftest:-1073741819/dmusctl.sleep:S3",
        "sleep.cmd 1",
        1,
        "failed"
    ),
    stand_in!(
        "s-pwrtest-3",
        "pwrtest:1/dmusctl.sleep:S3",
        "sleep.cmd 1",
        1,
        "failed, see"
    ),
    stand_in!(
        "s-pwrtest-standby",
        "pwrtest:1/dmusctl.sleep:modern_standby",
        "sleep.cmd 1",
        1,
        "failed, see"
    ),
    stand_in!(
        "s-selftest-4",
        "dmusctl.selftest:1/dmusctl.sleep:S4",
        "sleep.cmd 1",
        1,
        "failed, see"
    ),
    stand_in!(
        "s-selftest-standby",
        "dmusctl.selftest:1/dmusctl.sleep:modern_standby",
        "sleep.cmd 1",
        1,
        "failed, see"
    ),
    stand_in!("v-can", "none", "verifier-on.cmd /check", 0, "everything"),
    stand_in!(
        "v-on",
        "none",
        "verifier-on.cmd",
        0,
        "on after the next restart"
    ),
    stand_in!(
        "v-on-2",
        "verifier:2",
        "verifier-on.cmd",
        0,
        "on after the next restart"
    ),
    stand_in!("v-on-1", "verifier:1", "verifier-on.cmd", 1, "refused"),
    stand_in!("o-can", "none", "verifier-off.cmd /check", 0, "everything"),
    stand_in!(
        "v-off",
        "none",
        "verifier-off.cmd",
        0,
        "off after the next restart"
    ),
    stand_in!(
        "v-off-2",
        "verifier:2",
        "verifier-off.cmd",
        0,
        "off after the next restart"
    ),
    stand_in!("v-off-1", "verifier:1", "verifier-off.cmd", 1, "refused"),
    odd!("d-install", "none", "install.cmd", 0, "started"),
    odd!(
        "d-refused",
        "dmusctl.install:1",
        "install.cmd",
        1,
        r"odd (1) & b\dmusmini-install.log"
    ),
    odd!(
        "d-upgrade",
        "none",
        "upgrade.cmd",
        0,
        "1.2.3.0 is installed"
    ),
    odd!("d-stress", "none", "stress.cmd 2", 0, "2 times"),
    odd!("d-uninstall", "none", "uninstall.cmd", 1, "still there"),
    expect("install", "install.cmd", 0, "installed and started"),
    expect("can-uninstall", "uninstall.cmd /check", 0, "everything"),
    expect("can-upgrade", "upgrade.cmd /check", 0, "everything"),
    expect("upgrade", "upgrade.cmd", 0, "is installed and started"),
    expect("can-stress", "stress.cmd /check", 0, "everything"),
    // Wine disables no device, and says so.
    expect("stress", "stress.cmd 1", 1, "did not come back after 0"),
    expect("uninstall", "uninstall.cmd", 0, "nothing is left"),
    expect("uninstall-again", "uninstall.cmd", 0, "nothing is left"),
];

/// What makes the prefix again what it was before [`STEPS`]; the key that says "elevated" goes by itself.
pub(super) const UNDO: &[Expected] = &[
    expect(
        "unsign",
        r"reg delete HKLM\SYSTEM\CurrentControlSet\Control /v SystemStartOptions /f",
        0,
        "",
    ),
    expect("undo", r"C:\dmusmini\package\dmusctl.exe uninstall", 0, ""),
];

/// What the stand-ins must have been called with.
pub(super) const CALLS: &[&str] = &[
    r"pnputil /add-driver C:\dmusmini\stand-in\package\scripts\..\dmusmini.inf /install",
    r"dmusctl install --inf C:\dmusmini\stand-in\package\scripts\..\dmusmini.inf",
    r"dmusctl install --inf C:\dmusmini\stand-in\odd (1) & b^c\scripts\..\dmusmini.inf",
    "pnputil /scan-devices",
    "dmusctl uninstall",
    "dmusctl disable",
    "dmusctl enable",
    "dmusctl sleep",
    "pwrtest /sleep /s:3 /c:2 /d:30 /p:30",
    "pwrtest /sleep /s:4 /c:2 /d:30 /p:60",
    "pwrtest /sleep /s:4 /c:5 /d:30 /p:60",
    "pwrtest /cs /c:3 /d:30 /p:30",
    "verifier /standard /driver dmusmini.sys",
    "verifier /querysettings",
    "verifier /query",
    "verifier /reset",
];

/// How often, over all steps: a loop that says more rounds than it makes is found out here.
pub(super) const COUNTS: &[(&str, usize)] = &[
    // 11 and 2 rounds that succeed, 10 up to the test that fails, 4 single ones.
    ("dmusctl disable", 27),
    // One round fails before.
    ("dmusctl enable", 26),
    // Those rounds: after the tenth, and at the end; and after each kind of sleep.
    ("dmusctl selftest", 13),
];

/// What the logs of the last runs must say.
pub(super) const LOGS: &[(&str, &str)] = &[
    ("install", r"created ROOT\"),
    ("uninstall", "nothing was installed"),
    ("upgrade", "is installed and started"),
    ("stress", "did not come back after 0"),
    ("sleep", "failed"),
    ("verifier-on", "refused"),
    ("verifier-off", "refused"),
];
