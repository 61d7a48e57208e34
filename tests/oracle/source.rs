//! Our sources, read for what is declared there: nothing must be left out of the comparison, and GUIDs, methods and functions are
//! compared as they are written.

/// What a source declares.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// Paths of public constants and of enumerators with values.
    pub(crate) constants: Vec<String>,
    /// Paths of `repr(C)` structures and their public fields.
    pub(crate) structs: Vec<(String, Vec<String>)>,
}

/// Module path and text.
pub(crate) const SOURCES: &[(&str, &str)] = &[
    (
        "dmusmini::portcls::abi",
        include_str!("../../src/portcls/abi.rs"),
    ),
    (
        "dmusmini::portcls::abi",
        include_str!("../../src/portcls/abi/filter.rs"),
    ),
    (
        "dmusmini::portcls::abi",
        include_str!("../../src/portcls/abi/format.rs"),
    ),
    (
        "dmusmini::portcls::abi",
        include_str!("../../src/portcls/abi/property.rs"),
    ),
    (
        "dmusmini::portcls::abi",
        include_str!("../../src/portcls/abi/resource.rs"),
    ),
    (
        "dmusmini::portcls::abi",
        include_str!("../../src/portcls/abi/stream.rs"),
    ),
    (
        "dmusmini::portcls::synth_abi",
        include_str!("../../src/portcls/synth_abi.rs"),
    ),
    (
        "dmusmini::kernel::nt",
        include_str!("../../src/kernel/nt.rs"),
    ),
    ("dmusmini::com::guid", include_str!("../../src/com/guid.rs")),
    ("dmusmini::com", include_str!("../../src/com/status.rs")),
    (
        "dmusmini_ks::buffer",
        include_str!("../../host/ks/src/buffer.rs"),
    ),
    (
        "dmusmini_ks::format",
        include_str!("../../host/ks/src/format.rs"),
    ),
    (
        "dmusmini_ks::guid",
        include_str!("../../host/ks/src/guid.rs"),
    ),
    (
        "dmusmini_ks::ioctl",
        include_str!("../../host/ks/src/ioctl.rs"),
    ),
    ("dmusmini_ks::pin", include_str!("../../host/ks/src/pin.rs")),
    (
        "dmusmini_ks::property",
        include_str!("../../host/ks/src/property.rs"),
    ),
    (
        "dmusmini_ks::stream",
        include_str!("../../host/ks/src/stream.rs"),
    ),
    (
        "dmusmini_ks::synth",
        include_str!("../../host/ks/src/synth.rs"),
    ),
];

/// The GUIDs of both sides.
pub(crate) const GUIDS: [&str; 2] = [
    include_str!("../../src/portcls/guids.rs"),
    include_str!("../../host/ks/src/guids.rs"),
];

/// The interfaces.
pub(crate) const INTERFACES: &str = include_str!("../../src/portcls/interfaces.rs");

/// The functions of PortCls and the kernel.
pub(crate) const FUNCTIONS: [&str; 2] = [
    include_str!("../../src/portcls/imports.rs"),
    include_str!("../../src/kernel/nt.rs"),
];

/// Reads a source as rustfmt leaves it: blocks begin and end in the first column.
pub(crate) fn declared(module: &str, text: &str) -> Declared {
    let mut declared = Declared::default();
    let mut block: Option<String> = None;
    let mut repr = "";
    let mut in_struct = false;
    for line in text.lines() {
        let inner = line
            .strip_prefix("    ")
            .filter(|inner| !inner.starts_with(' '));
        let name_of = |rest: &str| -> String {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        };
        let path = |name: &str| match &block {
            Some(block) => format!("{module}::{block}::{name}"),
            None => format!("{module}::{name}"),
        };
        if line == "}" {
            (block, in_struct, repr) = (None, false, "");
        } else if line.starts_with("#[repr(") {
            repr = line;
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            if repr.starts_with("#[repr(C") {
                declared.structs.push((path(&name_of(rest)), Vec::new()));
                in_struct = line.ends_with('{');
            }
            repr = "";
        } else if let Some(rest) = line
            .strip_prefix("pub mod ")
            .or_else(|| line.strip_prefix("pub enum "))
        {
            let is_counted = line.starts_with("pub mod") || repr.starts_with("#[repr(");
            block = (line.ends_with('{') && is_counted).then(|| name_of(rest));
        } else if let Some(rest) = line
            .strip_prefix("statuses! {")
            .map(|_| "Status")
            .or_else(|| line.strip_prefix("impl "))
        {
            block = Some(name_of(rest));
        } else if let Some(rest) = line.strip_prefix("impl<T> ") {
            block = Some(name_of(rest));
        } else if let Some(rest) = line
            .strip_prefix("pub const ")
            .filter(|rest| !rest.starts_with("fn "))
        {
            declared.constants.push(path(&name_of(rest)));
        } else if let Some(inner) = inner {
            if let Some(rest) = inner
                .strip_prefix("pub const ")
                .filter(|rest| !rest.starts_with("fn ") && !rest.starts_with("unsafe "))
            {
                declared.constants.push(path(&name_of(rest)));
            } else if in_struct && let Some(rest) = inner.strip_prefix("pub ") {
                // Padding is ours alone.
                let field = name_of(rest);
                if field != "padding"
                    && let Some(open) = declared.structs.last_mut()
                {
                    open.1.push(field);
                }
            } else if let Some((name, _)) = inner.split_once(" = ")
                && block.is_some()
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            {
                declared.constants.push(path(name));
            }
        }
    }
    declared
}

/// `NAME = "guid";` lines.
pub(crate) fn guids(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" = \"")?;
        Some((name.to_owned(), rest.strip_suffix("\";")?.to_owned()))
    });
    lines.collect()
}

/// An interface as it is declared.
#[derive(Debug)]
pub(crate) struct Interface {
    /// Its name.
    pub(crate) name: String,
    /// What it inherits from.
    pub(crate) parent: String,
    /// Its IID, if it has one.
    pub(crate) iid: Option<String>,
    /// Its own methods: name and signature, the latter as sizes.
    pub(crate) methods: Vec<(String, String)>,
}

/// The `interface!` blocks.
pub(crate) fn interfaces(text: &str) -> Vec<Interface> {
    let blocks = text.split("\ninterface! {\n").skip(1);
    blocks
        .map(|block| {
            let block = block.split("\n}\n").next().unwrap();
            let code: Vec<&str> = block
                .lines()
                .map(str::trim)
                .filter(|line| !line.starts_with("///"))
                .collect();
            let code = code.join(" ");
            let mut statements = code.split(';');
            let head = statements.next().unwrap();
            let (name, rest) = head.strip_prefix("pub ").unwrap().split_once('(').unwrap();
            let (_, rest) = rest.split_once("):").unwrap();
            let parent = rest.trim().split('(').next().unwrap();
            let iid = head
                .split_once("iid(\"")
                .map(|(_, rest)| rest[..36].to_owned());
            let methods = statements.filter_map(|statement| {
                let (_, rest) = statement.split_once("fn ")?;
                Some(function(rest))
            });
            Interface {
                name: name.to_owned(),
                parent: parent.to_owned(),
                iid,
                methods: methods.collect(),
            }
        })
        .collect()
}

/// The declarations of foreign functions with a public name of Microsoft's.
pub(crate) fn functions(text: &str) -> Vec<(String, String)> {
    let pieces = text.split("pub fn ").skip(1);
    pieces
        .filter(|piece| piece.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|piece| {
            function(
                &piece
                    .split(';')
                    .next()
                    .unwrap()
                    .lines()
                    .map(str::trim)
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        })
        .collect()
}

/// `name(argument: Type, …) -> Type`, as the name and the sizes of the result and the arguments.
fn function(text: &str) -> (String, String) {
    let (name, rest) = text.split_once('(').unwrap();
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    let (arguments, rest) = rest.split_at(end.unwrap());
    let mut sizes = vec![
        rest[1..]
            .trim()
            .strip_prefix("->")
            .map_or(0, |result| register(result.trim())),
    ];
    let mut depth = 0;
    let parts = arguments.split(|c| {
        depth += i32::from(matches!(c, '<' | '(')) - i32::from(matches!(c, '>' | ')'));
        c == ',' && depth == 0
    });
    sizes.extend(
        parts
            .filter_map(|part| part.split_once(':'))
            .map(|(_, kind)| register(kind.trim())),
    );
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    (name.trim().to_owned(), sizes.join(" "))
}

/// Bytes of an argument of this type.
fn register(kind: &str) -> u32 {
    let kind = kind.trim_end_matches(',');
    match kind {
        "u8" | "i8" => 1,
        "u16" => 2,
        "u32" | "i32" | "Status" | "KsState" | "StreamType" | "PowerState"
        | "InterruptSyncMode" => 4,
        "u64" | "i64" | "usize" => 8,
        // Pointers, and what is one.
        _ => {
            let is_pointer = ["*", "In<", "OutRef<", "Option<", "NonNull<"]
                .iter()
                .any(|start| kind.starts_with(start));
            let is_routine = kind.ends_with("Routine")
                || kind.ends_with("Callback")
                || ["AddDevice", "StartDevice"].contains(&kind);
            assert!(is_pointer || is_routine, "{kind} is of no known size");
            8
        }
    }
}
