//! A whole package from a small image: everything is there, listed, signed and verified.

use std::fs;
use std::path::{Path, PathBuf};

use dmusmini_package::assemble::{Architecture, Inputs, assemble};
use dmusmini_package::catalog::Catalog;
use dmusmini_package::sign::Certificate;
use dmusmini_package::stamp::DriverVer;

/// The smallest 64-bit image that hashing tools take: headers and one section.
fn tiny_image() -> Vec<u8> {
    let mut image = vec![0_u8; 0x400];
    let mut put =
        |offset: usize, bytes: &[u8]| image[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3C, &0x80_u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    put(0x84, &0x8664_u16.to_le_bytes());
    put(0x86, &1_u16.to_le_bytes());
    put(0x94, &240_u16.to_le_bytes());
    put(0x96, &0x2022_u16.to_le_bytes());
    let optional = 0x98;
    put(optional, &0x20B_u16.to_le_bytes());
    put(optional + 32, &0x1000_u32.to_le_bytes());
    put(optional + 36, &0x200_u32.to_le_bytes());
    put(optional + 56, &0x2000_u32.to_le_bytes());
    put(optional + 60, &0x200_u32.to_le_bytes());
    put(optional + 68, &1_u16.to_le_bytes());
    put(optional + 108, &16_u32.to_le_bytes());
    let section = optional + 240;
    put(section, b".text");
    put(section + 8, &0x200_u32.to_le_bytes());
    put(section + 12, &0x1000_u32.to_le_bytes());
    put(section + 16, &0x200_u32.to_le_bytes());
    put(section + 20, &0x200_u32.to_le_bytes());
    put(section + 36, &0x6000_0020_u32.to_le_bytes());
    image
}

fn scratch() -> PathBuf {
    let path = std::env::temp_dir().join(format!("dmusmini-package-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn has(program: &str) -> bool {
    std::process::Command::new(program)
        .arg("--version")
        .output()
        .is_ok()
}

#[test]
fn a_package_is_whole_and_verifies() {
    if !has("osslsigncode") {
        println!("SKIPPED: osslsigncode is not installed");
        return;
    }
    let root = scratch();
    let image = root.join("in.sys");
    fs::write(&image, tiny_image()).unwrap();
    let note = root.join("note.txt");
    fs::write(&note, "x").unwrap();
    let certificate = Certificate::in_directory(&root.join("certificate")).unwrap();
    let inputs = Inputs {
        architecture: Architecture::Amd64,
        inf_source: include_str!("../../../inf/dmusmini.inx"),
        driver_ver: DriverVer::parse("11/01/2026", "1.2.3.4").unwrap(),
        image: &image,
        extra: &[(note, "scripts/note.txt".to_owned())],
        certificate: &certificate,
    };
    let package = root.join("amd64");
    let lines = assemble(&inputs, &package).unwrap();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(root.join("amd64.zip").exists());
    certificate
        .verify(&package.join("dmusmini.cat"), &package.join("dmusmini.sys"))
        .unwrap();
    let catalog = Catalog::from_der(&fs::read(package.join("dmusmini.cat")).unwrap()).unwrap();
    assert_eq!(catalog.members.len(), 2);
    assert_eq!(catalog.hardware_ids.len(), 3);
    assert!(
        fs::read_to_string(package.join("dmusmini.inf"))
            .unwrap()
            .contains("1.2.3.4")
    );
    assert!(no_key(&package), "the key is in the package");

    // A changed image is not in the catalog.
    let mut other = tiny_image();
    other[0x300] ^= 1;
    fs::write(&image, other).unwrap();
    let changed = root.join("changed.sys");
    certificate.sign(&image, &changed).unwrap();
    assert!(
        certificate
            .verify(&package.join("dmusmini.cat"), &changed)
            .is_err()
    );
    fs::remove_dir_all(&root).unwrap();
}

fn no_key(package: &Path) -> bool {
    fs::read_dir(package).unwrap().all(|entry| {
        let path = entry.unwrap().path();
        path.is_dir() || !String::from_utf8_lossy(&fs::read(path).unwrap()).contains("PRIVATE KEY")
    })
}
