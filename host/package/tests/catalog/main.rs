//! Catalogs have the bytes of Microsoft's (inf section 5.1), and read back as they were written.
//!
//! [`by_hand`] has the bytes of a catalog of that shape, written down from the table; [`reader`] reads any catalog and was written
//! from the same table. Neither uses the encoder or its types.

mod by_hand;
mod reader;

use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use dmusmini_package::catalog::{Catalog, Hashes, Kind, Member};

/// What [`by_hand::catalog`] says.
fn catalog() -> Catalog {
    let member = |name: &str, kind, sha_1, sha_256| Member {
        name: name.into(),
        kind,
        hashes: Hashes {
            sha_1: [sha_1; 20],
            sha_256: [sha_256; 32],
        },
    };
    Catalog {
        members: vec![
            member("dmusmini.inf", Kind::Flat, 0xB2, 0x11),
            member("dmusmini.sys", Kind::Image, 0x11, 0x5A),
        ],
        os_attribute: "2:10.0".into(),
        systems: "_v100_X64".into(),
        hardware_ids: vec!["acpi\\pnpb006".into(), "root\\dmusmini".into()],
    }
}

fn der() -> Vec<u8> {
    // 2026-09-21 14:13:20 UTC.
    let made = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    catalog().to_der([7; 16], made).unwrap()
}

#[test]
fn the_encoder_writes_what_is_written_by_hand() {
    let expected = by_hand::catalog();
    let found = der();
    let differs = expected
        .iter()
        .zip(&found)
        .position(|(one, other)| one != other);
    assert!(
        differs.is_none(),
        "byte {differs:?}: {expected:02X?}\n{found:02X?}"
    );
    assert_eq!(expected.len(), found.len());
}

#[test]
fn a_catalog_written_by_hand_is_encoded_again_byte_for_byte() {
    let bytes = by_hand::catalog();
    let read = Catalog::from_der(&bytes).unwrap();
    assert_eq!(read, catalog());
    let made = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    assert_eq!(read.to_der([7; 16], made).unwrap(), bytes);
}

/// Real files, through the reader: two subjects each, with the hashes that `sha1sum` and `sha256sum` give for the INF.
#[test]
fn every_file_is_two_subjects() {
    let inf = Member::of_file("dmusmini.inf", b"[Version]\r\n", Kind::Flat).unwrap();
    let mut made = catalog();
    made.members[0] = inf;
    let bytes = made
        .to_der([7; 16], UNIX_EPOCH + Duration::from_secs(1_790_000_000))
        .unwrap();
    let subjects = reader::subjects(&bytes);
    assert_eq!(subjects.len(), 4);
    let identifiers: Vec<&[u8]> = subjects
        .iter()
        .map(|subject| &subject.identifier[..])
        .collect();
    assert!(identifiers.is_sorted(), "{identifiers:02X?}");
    for (name, member_info, sha_1, sha_256, data) in [
        (
            "dmusmini.inf",
            [0x82, 0x00],
            hex("39488a95ff3bd1c8e34dc7b728bb935f5032e1ee"),
            hex("a03a00dc9daa79a0226061cdfcb53bc2db77190465f7ea2c84fe7a77509a9b55"),
            &[0xA2, 0x02, 0x80, 0x00][..],
        ),
        (
            "dmusmini.sys",
            [0x80, 0x00],
            vec![0x11; 20],
            vec![0x5A; 32],
            &[
                0x30, 0x0A, 0x03, 0x02, 0x05, 0xA0, 0xA0, 0x04, 0xA2, 0x02, 0x80, 0x00,
            ][..],
        ),
    ] {
        let of: Vec<_> = subjects
            .iter()
            .filter(|subject| subject.file == name)
            .collect();
        assert_eq!(of.len(), 2, "{name}");
        for subject in of {
            assert_eq!(subject.member_info, member_info, "{name}");
            assert_eq!(subject.os, "2:10.0");
            if subject.identifier.len() == 20 {
                assert_eq!(subject.identifier, sha_1, "{name}");
                assert_eq!(subject.indirect, None, "{name}");
            } else {
                assert_eq!(subject.identifier, sha_256, "{name}");
                let indirect = subject.indirect.as_ref().unwrap();
                assert_eq!(indirect.data, data, "{name}");
                assert_eq!(indirect.digest, sha_256, "{name}");
            }
        }
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn damage_is_noticed() {
    let good = der();
    assert!(Catalog::from_der(&good[..good.len() - 1]).is_err());
    let refused = |from: &[u8], to: &[u8]| {
        let place = good
            .windows(from.len())
            .position(|window| window == from)
            .unwrap();
        let mut bad = good.clone();
        bad[place..place + to.len()].copy_from_slice(to);
        format!("{:#}", Catalog::from_der(&bad).unwrap_err())
    };
    // The identifier comes before the hash in the indirect data; the two must agree.
    assert_eq!(
        refused(&[0x5A; 32], &[0x5B]),
        "dmusmini.sys has two different hashes"
    );
    assert_eq!(
        refused(&[0x11; 32], &[0xFF; 32]),
        "the subjects are not in the order of their identifiers"
    );
    assert_eq!(
        refused(&[0x31, 0x02, 0x82, 0x00], &[0x31, 0x02, 0x80, 0x00]),
        "dmusmini.inf is of two kinds"
    );
    // Microsoft's name for an image, and not what an older encoder of ours wrote.
    assert!(
        refused(&[0x31, 0x02, 0x82, 0x00], &[0x31, 0x02, 0x81, 0x00]).contains("of no known kind")
    );
}

#[test]
fn openssl_parses_it() {
    let path = std::env::temp_dir().join(format!("dmusmini-{}.cat", std::process::id()));
    std::fs::write(&path, der()).unwrap();
    let Ok(output) = Command::new("openssl")
        .args(["asn1parse", "-inform", "DER", "-in"])
        .arg(&path)
        .output()
    else {
        println!("SKIPPED: openssl is not installed");
        return;
    };
    let _ = std::fs::remove_file(&path);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("pkcs7-signedData"), "{text}");
    assert!(text.contains("1.3.6.1.4.1.311.10.1"), "{text}");
    assert!(
        text.contains("Microsoft Indirect Data") || text.contains("1.3.6.1.4.1.311.2.1.4"),
        "{text}"
    );
}
