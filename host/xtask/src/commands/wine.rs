//! The Wine suite: the shipped image and package on a second, independent kernel interface, from
//! installation to removal. `docs/wine.md` is its transcript.

mod furnish;
mod remains;
mod scripts;
mod stop;
mod transcript;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::sys;
use crate::{
    process, programs,
    suite::Outcome,
    windows_gnu::WindowsGnu,
    wine::{Done, Prefix, Step, registry},
    workspace,
};
use furnish::{LATER, furnish};
use transcript::Transcript;

/// What the suite has found so far.
#[derive(Debug, Default)]
struct Checks {
    passed: u64,
    transcript: Transcript,
}

impl Checks {
    fn that(&mut self, holds: bool, what: &str) -> Result<()> {
        ensure!(holds, "not so: {what}");
        say!("  ok    {what}");
        self.transcript.check(what);
        self.passed += 1;
        Ok(())
    }

    /// Runs steps in one session and writes them down.
    fn session(&mut self, prefix: &Prefix, name: &str, steps: &[Step]) -> Result<Vec<Done>> {
        let done = prefix.session(name, steps)?;
        for (step, done) in steps.iter().zip(&done) {
            self.transcript.step(step, done);
        }
        Ok(done)
    }

    /// What the stand-in for PortCls wrote since the last call.
    fn take_log(&mut self, prefix: &Prefix) -> Result<String> {
        let path = prefix.file("dmusmini/portcls.log");
        let log = read(&path)?;
        fs::remove_file(&path)?;
        self.transcript.log(&log);
        let broken = log.lines().find(|line| line.contains("PANIC"));
        if let Some(line) = broken {
            bail!("in portcls.sys: {line}");
        }
        Ok(log)
    }
}

/// Runs everything; skipped only where Wine cannot be had.
pub(crate) fn run() -> Result<Outcome> {
    let windows = WindowsGnu::prepare()?;
    if let Err(error) = Prefix::install() {
        return Ok(Outcome::skip(format!("no Wine: {error:#}")));
    }
    let prefix = Prefix::fresh()?;
    furnish(&windows, &prefix)?;
    let mut checks = Checks::default();
    load(&prefix, &mut checks)?;
    // A first session has been, and left what sessions leave.
    let before = remains::before(&prefix)?;
    install(&prefix, &mut checks)?;
    play(&prefix, &mut checks)?;
    stop::run(&prefix, &mut checks)?;
    upgrade(&prefix, &mut checks)?;
    uninstall(&prefix, &mut checks)?;
    remains::check(&prefix, &before, &mut checks)?;
    checks
        .transcript
        .write(&workspace::root().join("docs/wine.md"))?;
    scripts::run(&prefix, &mut checks)?;
    Ok(Outcome::count(checks.passed))
}

/// The shipped version.
fn version() -> Result<String> {
    Ok(sys::package_version()?
        .map(|part| part.to_string())
        .join("."))
}

/// The driver as a bare service: Wine's loader, `DriverEntry`, `DriverUnload`.
fn load(prefix: &Prefix, checks: &mut Checks) -> Result<()> {
    checks
        .transcript
        .section("The image as a service without a device");
    let path = r"C:\dmusmini\package\dmusmini.sys";
    let create = [
        "sc", "create", "dmusmini", "type=", "kernel", "binPath=", path,
    ];
    let steps = [
        dmusctl("status", 20, &["status"]).may_fail(),
        Step::new("create", 20, &create),
        Step::new("start", 20, &["sc", "start", "dmusmini"]),
        Step::new("stop", 20, &["sc", "stop", "dmusmini"]),
        Step::new("delete", 20, &["sc", "delete", "dmusmini"]),
    ];
    let done = checks.session(prefix, "load", &steps)?;
    let status = done.first().context("no status")?;
    checks.that(
        status.code == Some(1) && status.output.contains("service: not installed"),
        "nothing is installed",
    )?;
    let log = checks.take_log(prefix)?;
    checks.that(
        log.starts_with(&format!("dmusmini.sys {} is loaded: ", version()?)),
        "Wine loads the shipped image",
    )?;
    checks.that(
        !log.contains("the simulated kernel has no "),
        "every import of the image is bound",
    )?;
    checks.that(
        log.contains("DriverEntry: PcInitializeAdapterDriver"),
        "DriverEntry runs",
    )?;
    checks.that(log.contains(CLEAN), "DriverUnload leaves nothing")
}

fn dmusctl(name: &'static str, seconds: u32, arguments: &[&str]) -> Step {
    let program = [r"C:\dmusmini\bin\dmusctl.exe", "--no-wait"];
    Step::new(name, seconds, &[&program, arguments].concat())
}

fn install_from(name: &'static str, inf: &str) -> Step {
    let arguments = ["install", "--inf", inf];
    let ids = [
        "--hardware-id",
        r"ROOT\dmusmini",
        "--hardware-id",
        "*PNPB006",
    ];
    dmusctl(name, 60, &[&arguments[..], &ids].concat())
}

/// Both devices from the shipped INF; what the registry says then; the self-test.
fn install(prefix: &Prefix, checks: &mut Checks) -> Result<()> {
    checks
        .transcript
        .section("Installing both devices, and the self-test");
    let mut steps = vec![
        install_from("install", r"C:\dmusmini\package\dmusmini.inf"),
        dmusctl("status", 20, &["status"]),
        dmusctl("list", 20, &["list"]),
    ];
    steps.extend(exports("installed"));
    steps.push(dmusctl("selftest", 60, &["selftest", "--loopback"]));
    let done = checks.session(prefix, "installed", &steps)?;
    let log = checks.take_log(prefix)?;
    for (id, name) in [(r"ROOT\dmusmini", "DMusic"), ("*PNPB006", "UART")] {
        checks.that(
            log.lines().any(|line| {
                line.starts_with(&format!("AddDevice {id}: ")) && line.ends_with(SUCCESS)
            }),
            &format!("AddDevice of {id} succeeds"),
        )?;
        checks.that(
            log.contains(&format!("PcRegisterSubdevice \"{name}\"")),
            &format!("{id} registers the subdevice {name}"),
        )?;
    }
    checks.that(
        count(&log, "IRP_MN_START_DEVICE: status 0x00000000") == 2,
        "START_DEVICE reaches both devices and succeeds",
    )?;
    let found = exported(prefix, "installed")?;
    let expected = workspace::root().join("host/wine/expected/registry.txt");
    if std::env::var_os("DMUSMINI_ACCEPT").is_some() {
        fs::write(&expected, found.join("\n") + "\n")?;
    }
    let expected: Vec<String> = read(&expected)?.lines().map(str::to_owned).collect();
    let differences = registry::difference(&found, &expected);
    for line in &differences {
        say!("  registry, {line}");
    }
    checks.that(
        differences.is_empty() && expected.len() > 50,
        "service, device, driver and interface keys are as expected (host/wine/expected/registry.txt)",
    )?;
    let table = done.last().context("no self-test")?;
    checks.that(
        table.output.contains(" passed, 0 failed, "),
        "the self-test passes through user-mode handles",
    )
}

/// A song through both devices, compared with the same song on Linux, played by another client.
fn play(prefix: &Prefix, checks: &mut Checks) -> Result<()> {
    checks
        .transcript
        .section("After a restart of the system: a song through both devices");
    let song = r"C:\dmusmini\song\demo.mid";
    let wav = r"C:\dmusmini\song\wine.wav";
    let bank = ["--bank", r"C:\dmusmini\song\demo.dls"];
    let steps = [
        dmusctl("status", 20, &["status"]),
        dmusctl(
            "render",
            120,
            &[&["render", song, "-o", wav][..], &bank].concat(),
        ),
        dmusctl("play", 60, &["play", song, "--filter", "UART"]),
    ];
    let file = |name: &str| prefix.file(&format!("dmusmini/song/{name}"));
    // Both at once: neither uses more than one processor.
    thread::scope(|scope| {
        let linux = scope.spawn(|| on_linux(&file));
        checks.session(prefix, "song", &steps)?;
        linux.join().map_err(|_| anyhow!("the thread for dmus"))?
    })?;
    let log = checks.take_log(prefix)?;
    checks.that(
        count(&log, "IRP_MN_START_DEVICE: status 0x00000000") == 2,
        "both devices start again with the system, without an installation",
    )?;
    let (wine, linux) = (samples(&file("wine.wav"))?, samples(&file("linux.wav"))?);
    checks.that(
        linux.iter().any(|&byte| byte != 0) && wine.starts_with(&linux),
        &format!(
            "the WAV file is bit-identical with the one that `dmus render` makes on Linux: {} frames",
            linux.len() / 4
        ),
    )?;
    checks.that(
        wine[linux.len()..].iter().all(|&byte| byte == 0),
        "after the end of that one, where `dmus` stops at silence, it is silent",
    )?;
    let (wine, linux) = (
        fs::read(prefix.file("dmusmini/wire.bin"))?,
        fs::read(file("linux.syx"))?,
    );
    checks.that(
        !linux.is_empty() && wine == linux,
        &format!(
            "the MPU-401 sends the {} bytes that it sends on Linux",
            linux.len()
        ),
    )
}

/// The same song, played by `dmus`.
fn on_linux(file: &(impl Fn(&str) -> PathBuf + Sync)) -> Result<()> {
    for (verb, output) in [("render", "linux.wav"), ("uart", "linux.syx")] {
        let mut dmus = programs::command("dmus");
        dmus.args([verb, "--quiet"]);
        if verb == "render" {
            dmus.arg("--bank").arg(file("demo.dls"));
        }
        dmus.arg("--output").arg(file(output)).arg(file("demo.mid"));
        process::run(&format!("dmus {verb}"), &mut dmus)?;
    }
    Ok(())
}

/// A higher DriverVer over the installed one.
fn upgrade(prefix: &Prefix, checks: &mut Checks) -> Result<()> {
    checks.transcript.section("Upgrading to a higher DriverVer");
    let steps = [
        // Without an id: what is driven already follows.
        dmusctl(
            "upgrade",
            60,
            &["install", "--inf", r"C:\dmusmini\upgrade\dmusmini.inf"],
        ),
        dmusctl("status", 20, &["status"]),
    ];
    let done = checks.session(prefix, "upgrade", &steps)?;
    checks.take_log(prefix)?;
    let installed = done.first().context("no installation")?;
    checks.that(
        installed.output.contains("restart the machine to finish"),
        "an image that is in use cannot be replaced at once in Wine, and the installation says so",
    )?;
    let status = done.last().context("no status")?;
    checks.that(
        count(&status.output, r"ROOT\MEDIA\") == 2,
        "the upgrade keeps the two nodes and makes no other",
    )?;
    let name = status
        .output
        .split_whitespace()
        .find(|word| word.starts_with("oem"))
        .context("the nodes name no upgraded INF")?;
    let inf = read(&prefix.file(&format!("windows/inf/{name}")))?;
    checks.that(
        count(&status.output, name) == 2
            && count(&status.output, LATER) == 2
            && inf.contains(&format!(",{LATER}\n")),
        "both nodes are installed from the INF with the higher DriverVer",
    )
}

/// Removal, and what is left after it.
fn uninstall(prefix: &Prefix, checks: &mut Checks) -> Result<()> {
    checks
        .transcript
        .section("After a restart of the system: uninstalling");
    let (from, to) = (
        r"C:\windows\system32\unknown\dmusmini.sys",
        r"C:\dmusmini\upgrade\installed.sys",
    );
    let steps = [
        dmusctl("status", 20, &["status"]),
        Step::new("copy", 20, &["cmd", "/c", "copy", from, to]).unsaid(),
        dmusctl("uninstall", 60, &["uninstall"]),
    ];
    checks.session(prefix, "uninstall", &steps)?;
    let log = checks.take_log(prefix)?;
    checks.that(
        count(&log, "IRP_MN_START_DEVICE: status 0x00000000") == 2,
        "both devices start from the upgraded package",
    )?;
    checks.that(
        log.starts_with(&format!("dmusmini.sys {LATER} is loaded: ")),
        "the image that is loaded is the one of the higher version",
    )?;
    let file = |path: &str| fs::read(prefix.file(path)).with_context(|| path.to_owned());
    let installed = file("dmusmini/upgrade/installed.sys")?;
    checks.that(
        installed == file("dmusmini/upgrade/dmusmini.sys")?
            && installed != file("dmusmini/package/dmusmini.sys")?,
        "the image that is installed is the one of the higher version",
    )?;
    checks.that(
        count(&log, "IRP_MN_REMOVE_DEVICE: status 0x00000000") == 2,
        "REMOVE_DEVICE reaches both devices and succeeds",
    )?;
    checks.that(
        log.contains(CLEAN),
        "the driver is unloaded: no leak, no lock, no rule broken",
    )?;
    let steps = [dmusctl("status", 20, &["status"]).may_fail()];
    let done = checks.session(prefix, "left", &steps)?;
    let status = done.first().context("no status")?;
    checks.that(
        status.code == Some(1) && status.output.contains("no device node"),
        "no node is left",
    )
}

/// Exports of the keys that an installation writes.
fn exports(session: &str) -> Vec<Step> {
    KEYS.iter()
        .map(|(name, key)| export(session, name, &format!(r"SYSTEM\CurrentControlSet\{key}")))
        .collect()
}

fn export(session: &str, name: &'static str, key: &str) -> Step {
    let key = format!(r"HKLM\{key}");
    let file = format!(r"C:\dmusmini\{session}\{name}.reg");
    Step::new(name, 30, &["reg", "export", &key, &file, "/y"]).unsaid()
}

/// What [`exports`] found, of our devices.
fn exported(prefix: &Prefix, session: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, _) in KEYS {
        let lines = registry::read(&prefix.file(&format!("dmusmini/{session}/{name}.reg")))?;
        // Other interfaces are Wine's.
        let ours = |line: &String| *name != "interfaces" || line.contains("#media#");
        found.extend(lines.into_iter().filter(ours));
    }
    let root = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\";
    Ok(found.iter().map(|line| line.replace(root, "")).collect())
}

/// What follows the header of a WAV file.
fn samples(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    ensure!(bytes.get(36..40) == Some(b"data"), "{}", path.display());
    Ok(bytes[44..].to_vec())
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

const KEYS: &[(&str, &str)] = &[
    ("service", r"Services\dmusmini"),
    ("nodes", r"Enum\ROOT\MEDIA"),
    (
        "drivers",
        r"Control\Class\{4d36e96c-e325-11ce-bfc1-08002be10318}",
    ),
    ("interfaces", r"Control\DeviceClasses"),
];
const SUCCESS: &str = "status 0x00000000";
const CLEAN: &str = "DriverUnload: no leak, no lock, PASSIVE";
