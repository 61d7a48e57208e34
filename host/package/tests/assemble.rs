//! A whole package from a small image: everything is there, listed, signed and verified.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dmusmini_package::assemble::{Architecture, Inputs, assemble};
use dmusmini_package::catalog::{Catalog, Kind, Member};
use dmusmini_package::sign::Certificate;
use dmusmini_package::stamp::DriverVer;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

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

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("dmusmini-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[test]
fn a_package_is_whole_and_verifies() {
    if !has("osslsigncode") {
        println!("SKIPPED: osslsigncode is not installed");
        return;
    }
    let root = scratch("package");
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
    // The INF ends its lines in CR LF, and its hashes are those of the bytes that are shipped.
    let inf = fs::read(package.join("dmusmini.inf")).unwrap();
    let text = String::from_utf8(inf.clone()).unwrap();
    assert!(text.contains("1.2.3.4"));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    let shipped = Member::of_file("dmusmini.inf", &inf, Kind::Flat).unwrap();
    assert!(catalog.members.contains(&shipped), "{catalog:?}");
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

/// A machine whose clock is behind refuses a certificate that is not valid yet (0x800B0101).
#[test]
fn the_certificate_has_been_valid_for_two_days() {
    if !has("osslsigncode") {
        println!("SKIPPED: osslsigncode and openssl are not installed");
        return;
    }
    let root = scratch("certificate");
    let before = OffsetDateTime::now_utc();
    let certificate = Certificate::in_directory(&root.join("made")).unwrap();
    let der = certificate.der().unwrap();
    // Validity is the only sequence of two UTCTimes, YYMMDDHHMMSSZ.
    let times: Vec<PrimitiveDateTime> = der
        .windows(15)
        .filter(|window| window.starts_with(&[0x17, 0x0D]) && window.ends_with(b"Z"))
        .map(|window| {
            let text = format!("20{}", std::str::from_utf8(&window[2..]).unwrap());
            let format = format_description!("[year][month][day][hour][minute][second]Z");
            PrimitiveDateTime::parse(&text, format).unwrap()
        })
        .collect();
    let [from, to] = times.as_slice() else {
        panic!("{times:?}");
    };
    let age = before - from.assume_utc();
    assert!(
        (Duration::hours(47) + Duration::minutes(59)..Duration::hours(49)).contains(&age),
        "{age}"
    );
    assert!(to.assume_utc() - before > Duration::days(3600), "{to}");
    // It is kept: a machine that trusts it need not be set up again.
    let again = Certificate::in_directory(&root.join("made")).unwrap();
    assert_eq!(again.der().unwrap(), der);
    // For signing code and nothing else, and no authority.
    let output = Command::new("openssl")
        .args([
            "x509",
            "-noout",
            "-subject",
            "-ext",
            "basicConstraints,keyUsage,extendedKeyUsage",
            "-in",
        ])
        .arg(root.join("made/test.pem"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for expected in [
        "CN = dmusmini test certificate",
        "CA:FALSE",
        "Digital Signature",
        "Code Signing",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    fs::remove_dir_all(&root).unwrap();
}

fn no_key(package: &Path) -> bool {
    fs::read_dir(package).unwrap().all(|entry| {
        let path = entry.unwrap().path();
        path.is_dir() || !String::from_utf8_lossy(&fs::read(path).unwrap()).contains("PRIVATE KEY")
    })
}
