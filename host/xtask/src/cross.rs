//! The cross-build: which tools, which environment, which directory Cargo runs in.
//!
//! Cargo is run in a *mirror* of the workspace, `target/sys/workspace`: symbolic links to every
//! entry of the root, but a `Cargo.lock` of its own. The stand-in `wdk-build` changes the lock
//! file (a path instead of a registry), and in the mirror it can do so without the committed lock
//! file ever being touched, whatever interrupts the build.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{imports, install, process, workspace};

/// The processor the driver is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    /// x86-64.
    Amd64,
    /// AArch64; has no I/O ports, so only the synthesizer.
    Arm64,
}

impl Architecture {
    /// Rust's name of the target.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-pc-windows-msvc",
            Self::Arm64 => "aarch64-pc-windows-msvc",
        }
    }

    /// Windows' name of the processor.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// Everything found and made that a cross-build needs.
#[derive(Debug)]
pub(crate) struct Cross {
    architecture: Architecture,
    clang: Clang,
    toolchain: Toolchain,
    mirror: PathBuf,
    libraries: PathBuf,
}

/// A libclang and its own headers.
#[derive(Debug)]
struct Clang {
    library: PathBuf,
    resources: PathBuf,
}

/// Who compiles for the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Toolchain {
    /// The Rust that runs us, with the target's standard library from rustup.
    Rustup,
    /// Debian's Rust, which has the library's source and compiles it for the target.
    Debian,
}

/// The oldest Rust that compiles the driver; the workspace has one for all its packages.
const RUST: &str = env!("CARGO_PKG_RUST_VERSION");

const DDK_INCLUDE: &str = "/usr/x86_64-w64-mingw32/include";

impl Cross {
    /// Installs what is missing, and prepares mirror and import libraries.
    pub(crate) fn prepare(architecture: Architecture) -> Result<Self> {
        let found = Clang::find();
        install::packages(&[
            install::Need {
                package: "libclang1-19",
                reason: "bindgen reads the DDK headers with it",
                present: found.is_some(),
            },
            install::Need {
                package: "libclang-common-19-dev",
                reason: "the compiler's own headers",
                present: found.is_some(),
            },
            install::Need {
                package: "mingw-w64-x86-64-dev",
                reason: "DDK headers",
                present: Path::new(DDK_INCLUDE).join("ddk/ntddk.h").is_file(),
            },
        ])?;
        let clang = found
            .or_else(Clang::find)
            .context("no libclang under /usr/lib/llvm-*")?;
        let toolchain = Toolchain::find(architecture.target())?;
        let base = workspace::target().join("sys");
        let libraries = base.join("import-libraries").join(architecture.name());
        imports::write_libraries(&libraries, architecture)?;
        let mirror = base.join("workspace");
        mirror_workspace(&workspace::root(), &mirror)?;
        Ok(Self {
            architecture,
            clang,
            toolchain,
            mirror,
            libraries,
        })
    }

    /// Cargo, about to do `verb` for the driver's target.
    pub(crate) fn cargo(&self, verb: &str) -> Command {
        let target = self.architecture.target();
        let mut command = match self.toolchain {
            Toolchain::Rustup => process::cargo(),
            Toolchain::Debian => debian_cargo(),
        };
        let stand_in = workspace::root().join("host/wdk-build");
        command
            .current_dir(&self.mirror)
            .args([
                verb,
                "--package",
                "dmusmini",
                "--lib",
                "--features",
                "cross-build",
            ])
            .args(["--target", target])
            .arg("--config")
            .arg(format!(
                "patch.crates-io.wdk-build.path={:?}",
                stand_in.display().to_string()
            ))
            .env("CARGO_TARGET_DIR", workspace::target().join("sys/build"))
            // There is no unwinding in the kernel; the development profile has it for tests.
            .env("CARGO_PROFILE_DEV_PANIC", "abort")
            .env("LIBCLANG_PATH", &self.clang.library)
            .env("DMUSMINI_CLANG_RESOURCES", &self.clang.resources)
            .env("DMUSMINI_DDK_INCLUDE", DDK_INCLUDE)
            // The build scripts of the wdk crates ask Cargo about the host: flags for all would
            // reach those calls too.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        let variable = |suffix: &str| {
            format!(
                "CARGO_TARGET_{}_{suffix}",
                target.to_uppercase().replace('-', "_")
            )
        };
        command.env(variable("LINKER"), linker(self.toolchain));
        command.env(variable("RUSTFLAGS"), self.flags().join(" "));
        if self.toolchain == Toolchain::Debian {
            command.args([
                "-Zbuild-std=core,alloc",
                "-Zbuild-std-features=compiler-builtins-mem",
            ]);
        }
        command
    }

    /// Where Cargo leaves the image of `profile`.
    pub(crate) fn output(&self, profile: &str) -> PathBuf {
        workspace::target()
            .join("sys/build")
            .join(self.architecture.target())
            .join(profile)
    }

    fn flags(&self) -> Vec<String> {
        let mut flags = vec![
            "-Ctarget-feature=+crt-static".to_owned(),
            "-Clinker-flavor=lld-link".to_owned(),
            format!("-Lnative={}", self.libraries.display()),
            // No path of this machine in the image: the same sources give the same bytes.
            format!("--remap-path-prefix={}=dmusmini", self.mirror.display()),
        ];
        let registry = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
        if let Some(home) = registry {
            flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
        }
        flags
    }
}

impl Toolchain {
    fn find(target: &str) -> Result<Self> {
        if install::rust_target(target) {
            return Ok(Self::Rustup);
        }
        say!("falling back on Debian's Rust, which compiles core and alloc for {target}");
        let usable = |version: &str| number(version) >= number(RUST);
        // An older one is brought up to date by the same command that installs it.
        let present = debian_rust().is_some_and(|version| usable(&version));
        install::packages(&[
            install::Need {
                package: "rustc-web",
                reason: "a Rust that carries its library's source",
                present,
            },
            install::Need {
                package: "cargo-web",
                reason: "its Cargo",
                present,
            },
            install::Need {
                package: "rust-web-src",
                reason: "core and alloc to compile for the target",
                present,
            },
            install::Need {
                package: "lld-19",
                reason: "a linker for Windows images",
                present: Path::new("/usr/bin/lld-link-19").exists(),
            },
        ])?;
        match debian_rust() {
            Some(version) if usable(&version) => Ok(Self::Debian),
            Some(version) => bail!(
                "rustup has no {target}, and this Debian's Rust is {version} where {RUST} is needed: \
                 rustc-web of its security updates (bookworm-security) is newer"
            ),
            None => bail!("neither rustup nor Debian can provide Rust for {target}"),
        }
    }
}

impl Clang {
    /// The newest libclang that has its headers beside it.
    fn find() -> Option<Self> {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib")
            .ok()?
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let number = path
                    .file_name()?
                    .to_str()?
                    .strip_prefix("llvm-")?
                    .parse()
                    .ok()?;
                Some((number, path))
            })
            .collect();
        versions.sort();
        versions.into_iter().rev().find_map(|(number, base)| {
            // Debian's layouts differ by release: llvm-19/lib/clang/19 and llvm-14/lib/clang/14.0.6.
            let resources = fs::read_dir(base.join("lib/clang"))
                .ok()?
                .filter_map(|entry| Some(entry.ok()?.path().join("include")))
                .find(|path| path.join("stddef.h").is_file())?;
            let library = base.join("lib");
            let has_library = fs::read_dir(&library).ok()?.any(|entry| {
                entry.is_ok_and(|entry| {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    name.starts_with("libclang")
                        && name.contains(".so")
                        && entry.path().exists()
                        && !name.starts_with("libclang-cpp")
                })
            });
            (has_library && number >= 16).then_some(Self { library, resources })
        })
    }
}

/// The version of Debian's Rust, if it is installed with its Cargo and the library's source.
fn debian_rust() -> Option<String> {
    let sysroot = process::ask("/usr/bin/rustc", &["--print", "sysroot"])?;
    let source = Path::new(&sysroot).join("lib/rustlib/src/rust/library/core/src/lib.rs");
    let whole = source.is_file() && Path::new("/usr/bin/cargo").exists();
    let version = process::ask("/usr/bin/rustc", &["--version"])?;
    whole.then(|| version.split(' ').nth(1).unwrap_or_default().to_owned())
}

/// `1.96.0` as something to compare.
fn number(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect()
}

fn debian_cargo() -> Command {
    let mut command = Command::new("/usr/bin/cargo");
    command
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1");
    command.env_remove("RUSTUP_TOOLCHAIN");
    command
}

/// `rust-lld` comes with rustup's toolchain; Debian's has none.
fn linker(toolchain: Toolchain) -> &'static str {
    match toolchain {
        Toolchain::Rustup => "rust-lld",
        Toolchain::Debian => "lld-link-19",
    }
}

/// Brings the mirror up to date: links to the root's entries, and a copy of a lock file that changed.
fn mirror_workspace(root: &Path, mirror: &Path) -> Result<()> {
    fs::create_dir_all(mirror).with_context(|| mirror.display().to_string())?;
    for entry in root
        .read_dir()
        .with_context(|| root.display().to_string())?
    {
        let entry = entry?;
        let name = entry.file_name();
        if ["Cargo.lock", "target", ".git"]
            .iter()
            .any(|own| name == *own)
        {
            continue;
        }
        let link = mirror.join(&name);
        if fs::read_link(&link).is_ok_and(|target| target == entry.path()) {
            continue;
        }
        // A workspace that was moved or copied with its target directory has links that lead to
        // where it was: what was built would not be what is here.
        match fs::remove_file(&link) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.with_context(|| link.display().to_string())?,
        }
        symlink(entry.path(), &link).with_context(|| link.display().to_string())?;
    }
    let committed = fs::read(root.join("Cargo.lock")).context("Cargo.lock")?;
    let seen = mirror.join("Cargo.lock.committed");
    if fs::read(&seen).is_ok_and(|bytes| bytes == committed) && mirror.join("Cargo.lock").exists() {
        return Ok(());
    }
    fs::write(mirror.join("Cargo.lock"), &committed).context("the mirror's Cargo.lock")?;
    fs::write(&seen, &committed).with_context(|| seen.display().to_string())
}

#[cfg(unix)]
use std::os::unix::fs::symlink;

/// Windows builds with the WDK itself: `cargo make`.
#[cfg(not(unix))]
fn symlink(_: PathBuf, _: &Path) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "on Windows, build with `cargo make`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(number("1.100.0") > number("1.95"));
        assert!(number("1.95.0") >= number(RUST));
        assert!(number("1.85.0") < number(RUST));
    }

    #[test]
    fn the_mirror_follows_the_lock_file_and_leaves_the_original_alone() {
        let base = std::env::temp_dir().join(format!("dmusmini-mirror-{}", std::process::id()));
        let (root, mirror) = (base.join("root"), base.join("mirror"));
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("Cargo.toml"), "manifest").unwrap();
        fs::write(root.join("Cargo.lock"), "one").unwrap();
        mirror_workspace(&root, &mirror).unwrap();
        assert_eq!(
            fs::read_to_string(mirror.join("Cargo.toml")).unwrap(),
            "manifest"
        );

        // What a build does to its own copy stays there, and survives the next build …
        fs::write(mirror.join("Cargo.lock"), "patched").unwrap();
        mirror_workspace(&root, &mirror).unwrap();
        assert_eq!(
            fs::read_to_string(mirror.join("Cargo.lock")).unwrap(),
            "patched"
        );
        assert_eq!(fs::read_to_string(root.join("Cargo.lock")).unwrap(), "one");

        // … until the committed lock changes.
        fs::write(root.join("Cargo.lock"), "two").unwrap();
        mirror_workspace(&root, &mirror).unwrap();
        assert_eq!(
            fs::read_to_string(mirror.join("Cargo.lock")).unwrap(),
            "two"
        );
        fs::remove_dir_all(&base).unwrap();
    }
}
