//! Microsoft's metadata, through windows-bindgen: a file of Rust, and a program made from it that prints sizes and offsets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{Fact, run};

/// As `windows-bindgen`'s own notes on the files that it contains have it.
pub(crate) const ORIGIN: &str = "Microsoft.Windows.SDK.Win32Metadata 63.0.31 and Microsoft.Windows.WDK.Win32Metadata 0.13.25, \
                                 as in windows-bindgen 0.65.0 (MIT or Apache-2.0)";

/// What is asked for.
const NAMES: &str = include_str!("../names.txt");

pub(crate) fn facts(folder: &Path) -> Result<Vec<Fact>> {
    let generated = folder.join("metadata.rs");
    let out = generated.to_string_lossy().into_owned();
    let names: Vec<&str> = NAMES.lines().collect();
    let mut arguments = vec![
        "--out",
        &out,
        "--flat",
        "--sys",
        "--no-deps",
        "--no-comment",
        "--filter",
    ];
    arguments.extend(&names);
    let warnings = windows_bindgen::bindgen(arguments);
    ensure!(warnings.is_empty(), "windows-bindgen: {warnings}");
    let text = std::fs::read_to_string(&generated)?;
    let program = probe(&text, &names)?;
    let source = folder.join("probe.rs");
    std::fs::write(&source, program)?;
    let probe = folder.join("probe");
    run(Command::new("rustc")
        .args(["--edition", "2021", "-A", "warnings", "-o"])
        .arg(&probe)
        .arg(&source))?;
    let printed = run(&mut Command::new(&probe))?;
    printed
        .lines()
        .map(|line| {
            let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
            fields
                .try_into()
                .ok()
                .context("the probe printed something else")
        })
        .collect()
}

/// The generated file with a `main` that prints what is asked for.
fn probe(generated: &str, names: &[&str]) -> Result<String> {
    let structs = structures(generated);
    let mut declarations = String::new();
    let mut main = String::new();
    for line in generated.lines() {
        if line.starts_with("#![allow(") {
            continue;
        }
        match line
            .strip_prefix("windows_link::link!(")
            .and_then(|rest| rest.split_once(" fn "))
        {
            Some((_, rest)) => {
                let rest = rest
                    .strip_suffix(");")
                    .context("a function of another form")?;
                let (name, signature) = rest
                    .split_once('(')
                    .context("a function without arguments")?;
                if names.contains(&name) {
                    writeln!(
                        declarations,
                        "type Of{name} = unsafe extern \"system\" fn({signature};"
                    )?;
                    writeln!(
                        main,
                        "println!(\"function\\t{name}\\t\\t{{}}\", <Of{name} as Signature>::text());"
                    )?;
                }
            }
            None => {
                // The generated file's own list of allowed lints is several lines; its remains are no Rust.
                declarations.push_str(line);
                declarations.push('\n');
            }
        }
    }
    let declarations = declarations
        .split_once(")]\n")
        .map_or("", |(_, rest)| rest)
        .to_owned();
    for name in names {
        if structs.contains_key(name) {
            writeln!(
                main,
                "println!(\"struct\\t{name}\\t\\t{{}} {{}}\", size_of::<{name}>(), align_of::<{name}>());"
            )?;
            members(&structs, name, name, "", &mut main)?;
        } else if generated.contains(&format!("pub const {name}: GUID =")) {
            writeln!(
                main,
                "println!(\"guid\\t{name}\\t\\t{{}}\", text(&{name}));"
            )?;
        } else if generated.contains(&format!("pub const {name}: ")) {
            writeln!(
                main,
                "println!(\"value\\t{name}\\t\\t{{:#x}} {{}}\", {name} as i128 as u128 & !0 >> (128 - 8 * size_of_val(&{name})), size_of_val(&{name}));"
            )?;
        } else {
            ensure!(
                generated.contains(&format!(" fn {name}(")),
                "{name} is not in the metadata"
            );
        }
    }
    Ok(format!(
        "{declarations}\n{SUPPORT}\nfn main() {{\n{main}}}\n"
    ))
}

/// Prints the fields of `name` as such of `whole`; those of unnamed parts too, by their path.
fn members(
    structs: &BTreeMap<&str, Vec<(&str, &str)>>,
    whole: &str,
    name: &str,
    path: &str,
    main: &mut String,
) -> Result<()> {
    for (field, kind) in &structs[name] {
        let place = if path.is_empty() {
            (*field).to_owned()
        } else {
            format!("{path}.{field}")
        };
        writeln!(
            main,
            "{{ let size = size(|it: &{whole}| unsafe {{ &raw const it.{place} }}); println!(\"field\\t{whole}\\t{place}\\t{{}} {{}}\", std::mem::offset_of!({whole}, {place}), size); }}"
        )?;
        let unnamed = kind
            .strip_prefix(whole)
            .is_some_and(|rest| rest.starts_with('_'));
        if unnamed && structs.contains_key(kind) {
            members(structs, whole, kind, &place, main)?;
        }
    }
    Ok(())
}

/// Structures and unions with their fields and the fields' types; not those of 32-bit systems.
fn structures(generated: &str) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut structs = BTreeMap::new();
    let mut lines = generated.lines();
    let mut x86 = false;
    while let Some(line) = lines.next() {
        if line.starts_with("#[cfg(") {
            x86 = line == "#[cfg(target_arch = \"x86\")]";
        }
        let Some(rest) = line
            .strip_prefix("pub struct ")
            .or_else(|| line.strip_prefix("pub union "))
        else {
            continue;
        };
        let mut fields = Vec::new();
        if let Some(name) = rest.strip_suffix(" {") {
            for line in lines.by_ref().take_while(|line| *line != "}") {
                fields.extend(
                    line.trim()
                        .strip_prefix("pub ")
                        .and_then(|line| line.trim_end_matches(',').split_once(": ")),
                );
            }
            if !x86 {
                structs.insert(name, fields);
            }
        }
        x86 = false;
    }
    structs
}

/// What the probe needs: the texts of GUIDs and signatures, and the size of a field.
const SUPPORT: &str = r#"
use std::mem::{align_of, size_of, size_of_val};

fn size<T, F>(_: fn(&T) -> *const F) -> usize {
    size_of::<F>()
}

impl Default for GUID {
    fn default() -> Self {
        Self::from_u128(0)
    }
}

fn text(guid: &GUID) -> String {
    let [a, b, rest @ ..] = guid.data4;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{:08x}-{:04x}-{:04x}-{a:02x}{b:02x}-{rest}", guid.data1, guid.data2, guid.data3)
}

trait Signature {
    fn text() -> String;
}

macro_rules! signatures {
    ($($name:ident)*) => {
        impl<R, $($name),*> Signature for unsafe extern "system" fn($($name),*) -> R {
            fn text() -> String {
                let sizes: &[usize] = &[size_of::<R>(), $(size_of::<$name>()),*];
                sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
            }
        }
    };
}
signatures!();
signatures!(A);
signatures!(A B);
signatures!(A B C);
signatures!(A B C D);
signatures!(A B C D E);
signatures!(A B C D E F);
signatures!(A B C D E F G);
signatures!(A B C D E F G H);
"#;
