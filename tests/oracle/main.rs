//! Every structure, GUID, constant, method and function of ours that crosses the border to Windows, against what sources outside
//! this project say (abi section 9): Microsoft's metadata and mingw-w64's PortCls headers.
//!
//! `facts.tsv` is made by `cargo xtask oracle`. `pinned.tsv` has what neither source has, `exceptions.tsv` what is different on
//! purpose.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod constants;
mod facts;
mod layouts;
mod source;

use std::collections::BTreeSet;

use constants::Constant;
use facts::Facts;
use layouts::Layout;
use source::Interface;

/// What is wrong with our structures.
fn check_layouts(facts: &Facts, layouts: &[Layout]) -> Vec<String> {
    let mut wrong = Vec::new();
    for layout in layouts {
        let Layout {
            ours,
            theirs,
            size,
            align,
            fields,
        } = layout;
        if !facts.is_excepted("ours", "struct", ours, "") {
            expect(
                &mut wrong,
                ours,
                facts.pair("struct", theirs, ""),
                (*size, *align),
            );
        }
        for field in fields {
            let place = format!("{ours}.{}", field.ours);
            // `A+B.C`: C of what A is.
            let expected = match field.theirs.split_once('+') {
                None => facts.pair("field", theirs, field.theirs),
                Some((outer, inner)) => {
                    inner
                        .split_once('.')
                        .ok_or(place.clone())
                        .and_then(|(name, member)| {
                            let outer = facts.pair("field", theirs, outer)?;
                            let inner = facts.pair("field", name, member)?;
                            Ok((outer.0 + inner.0, inner.1))
                        })
                }
            };
            expect(&mut wrong, &place, expected, (field.offset, field.size));
        }
    }
    wrong
}

fn expect(
    wrong: &mut Vec<String>,
    what: &str,
    expected: Result<(u64, u64), String>,
    found: (usize, usize),
) {
    let found = (
        u64::try_from(found.0).unwrap(),
        u64::try_from(found.1).unwrap(),
    );
    match expected {
        Ok(expected) if expected == found => {}
        Ok(expected) => wrong.push(format!("{what} is {found:?}, not {expected:?}")),
        Err(cause) => wrong.push(format!("{what}: {cause}")),
    }
}

/// What is wrong with our constants.
fn check_constants(facts: &Facts, constants: &[Constant]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Constant {
        ours,
        theirs,
        bits,
        bytes,
    } in constants
    {
        let expected = match theirs.strip_prefix("sizeof ") {
            Some(name) => facts.pair("struct", name, "").map(|(size, _)| (size, 8)),
            None => facts.pair("value", theirs, ""),
        };
        match expected {
            // A constant may be wider or narrower than the header's; the bits that both have are equal, and the others are zero.
            Ok((value, width)) => {
                let bits_of_both = 8 * width.min(u64::try_from(*bytes).unwrap());
                let mask = u64::MAX >> (64 - bits_of_both);
                let rest_is_zero = (*bits | value) & !mask == 0;
                if value & mask != bits & mask || !rest_is_zero {
                    wrong.push(format!("{ours} is {bits:#x}, {theirs} is {value:#x}"));
                }
            }
            Err(cause) => wrong.push(format!("{ours}: {cause}")),
        }
    }
    wrong
}

/// What is wrong with our GUIDs. Those with our project's name are ours.
fn check_guids(facts: &Facts, guids: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, ours) in guids
        .iter()
        .filter(|(name, _)| !name.starts_with("DMUSMINI_"))
    {
        match facts.value("guid", name, "") {
            Ok(theirs) if theirs == *ours => {}
            Ok(theirs) => wrong.push(format!("{name} is {ours}, not {theirs}")),
            Err(cause) => wrong.push(cause),
        }
    }
    wrong
}

/// What is wrong with our interfaces: IIDs, the methods' slots and signatures.
fn check_interfaces(facts: &Facts, interfaces: &[Interface]) -> Vec<String> {
    let mut wrong = Vec::new();
    for interface in interfaces {
        let Interface {
            name, iid, methods, ..
        } = interface;
        if let Some(iid) = iid {
            wrong.extend(check_guids(facts, &[(format!("IID_{name}"), iid.clone())]));
        }
        let first = first_slot(interfaces, interface);
        for (slot, (method, signature)) in (first..).zip(methods) {
            let ours = format!("{slot} {signature}");
            match facts.value("method", name, method) {
                Ok(theirs) if theirs == ours => {}
                Ok(theirs) => wrong.push(format!("{name}::{method} is {ours:?}, not {theirs:?}")),
                Err(cause) => wrong.push(cause),
            }
        }
    }
    wrong
}

/// Behind the ancestors' methods; IUnknown has three.
fn first_slot(interfaces: &[Interface], of: &Interface) -> usize {
    let parent = interfaces
        .iter()
        .find(|interface| interface.name == of.parent);
    parent.map_or(3, |parent| {
        first_slot(interfaces, parent) + parent.methods.len()
    })
}

/// What is wrong with the declarations of foreign functions.
fn check_functions(facts: &Facts, functions: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, ours) in functions {
        match facts.value("function", name, "") {
            Ok(theirs) if theirs == *ours => {}
            Ok(theirs) => wrong.push(format!("{name} is {ours:?}, not {theirs:?}")),
            Err(cause) => wrong.push(cause),
        }
    }
    wrong
}

fn functions() -> Vec<(String, String)> {
    source::FUNCTIONS
        .iter()
        .flat_map(|text| source::functions(text))
        .collect()
}

fn guids() -> Vec<(String, String)> {
    source::GUIDS
        .iter()
        .flat_map(|text| source::guids(text))
        .collect()
}

const NONE: [String; 0] = [];

#[test]
fn structures_have_the_sizes_alignments_and_offsets_of_the_headers() {
    assert_eq!(check_layouts(&Facts::committed(), &layouts::all()), NONE);
}

#[test]
fn constants_have_the_values_of_the_headers() {
    assert_eq!(
        check_constants(&Facts::committed(), &constants::all()),
        NONE
    );
}

#[test]
fn guids_are_those_of_the_headers() {
    let guids = guids();
    assert!(guids.len() > 80, "{}", guids.len());
    assert_eq!(check_guids(&Facts::committed(), &guids), NONE);
}

#[test]
fn methods_are_in_their_slots_and_take_what_the_headers_say() {
    let interfaces = source::interfaces(source::INTERFACES);
    let methods: usize = interfaces
        .iter()
        .map(|interface| interface.methods.len())
        .sum();
    assert!(
        interfaces.len() >= 17 && methods >= 56,
        "{} {methods}",
        interfaces.len()
    );
    assert_eq!(check_interfaces(&Facts::committed(), &interfaces), NONE);
}

#[test]
fn functions_take_what_the_headers_say() {
    let functions = functions();
    assert!(functions.len() >= 38, "{}", functions.len());
    assert_eq!(check_functions(&Facts::committed(), &functions), NONE);
}

/// What a source declares is in the lists, with all its fields, or among the exceptions.
#[test]
fn nothing_of_ours_is_left_out() {
    let facts = Facts::committed();
    let layouts = layouts::all();
    let constants: BTreeSet<String> = constants::all()
        .into_iter()
        .map(|constant| constant.ours)
        .collect();
    let mut missing = Vec::new();
    let mut counted = 0;
    for (module, text) in source::SOURCES {
        let declared = source::declared(module, text);
        counted += declared.constants.len() + declared.structs.len();
        for path in declared.constants {
            if !constants.contains(&path) && !facts.is_excepted("ours", "value", &path, "") {
                missing.push(path);
            }
        }
        for (path, fields) in declared.structs {
            match layouts.iter().find(|layout| layout.ours == path) {
                None if facts.is_excepted("ours", "struct", &path, "") => {}
                None => missing.push(path),
                Some(layout) => missing.extend(
                    fields
                        .iter()
                        .filter(|field| !layout.fields.iter().any(|known| known.ours == *field))
                        .map(|field| format!("{path}.{field}")),
                ),
            }
        }
    }
    assert_eq!(missing, NONE);
    assert!(counted > 200, "{counted}");
    // Nor is an exception one too many.
    check_layouts(&facts, &layouts);
    assert_eq!(facts.unused_exceptions(), NONE);
}

/// Each comparison notices one wrong value.
#[test]
fn a_planted_error_is_found() {
    let facts = Facts::committed();
    let mut planted = layouts::all();
    let event = planted
        .iter_mut()
        .find(|layout| layout.theirs == "DMUS_KERNEL_EVENT")
        .unwrap();
    event.fields[4].offset += 2;
    event.fields[5].size = 4;
    event.align = 4;
    assert_eq!(
        check_layouts(&facts, &planted),
        [
            "dmusmini::portcls::abi::DmusKernelEvent is (40, 4), not (40, 8)",
            "dmusmini::portcls::abi::DmusKernelEvent.flags is (8, 2), not (6, 2)",
            "dmusmini::portcls::abi::DmusKernelEvent.presentation_time is (8, 4), not (8, 8)",
        ]
    );
    let mut planted = constants::all();
    let reverb = planted
        .iter_mut()
        .find(|constant| constant.theirs == "SYNTH_PC_REVERB")
        .unwrap();
    reverb.bits >>= 1;
    assert_eq!(
        check_constants(&facts, &planted),
        [
            "dmusmini::portcls::synth_abi::caps_flags::REVERB is 0x20000000, SYNTH_PC_REVERB is 0x40000000"
        ]
    );
    let mut planted = guids();
    planted[0].1.replace_range(0..1, "c");
    assert_eq!(
        check_guids(&facts, &planted),
        [
            "CLSID_PORT_DMUS is c7902fe9-fb0a-11d1-81b0-0060083316c1, not b7902fe9-fb0a-11d1-81b0-0060083316c1"
        ]
    );
    // A pointer where the header has a ULONG, as it was once.
    let once = source::INTERFACES.replacen("create_options: u32,", "create_options: *mut u32,", 1);
    assert_eq!(
        check_interfaces(&facts, &source::interfaces(&once)),
        [r#"IPort::new_registry_key is "5 4 8 8 4 4 8 8 8", not "5 4 8 8 4 4 8 4 8""#]
    );
    // Two methods that have changed places.
    let swapped = source::INTERFACES
        .replace("fn connect_output", "fn x")
        .replace("fn disconnect_output", "fn connect_output");
    let swapped = swapped.replace("fn x(", "fn disconnect_output(");
    assert_eq!(
        check_interfaces(&facts, &source::interfaces(&swapped)),
        [
            r#"IMxf::disconnect_output is "5 4 8", not "6 4 8""#,
            r#"IMxf::connect_output is "6 4 8", not "5 4 8""#
        ]
    );
    let planted = source::FUNCTIONS[0].replace("max_objects: u32", "max_objects: u64");
    assert_eq!(
        check_functions(&facts, &source::functions(&planted)),
        [r#"PcAddAdapterDevice is "4 8 8 8 8 4", not "4 8 8 8 4 4""#]
    );
}
