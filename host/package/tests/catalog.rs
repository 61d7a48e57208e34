//! Catalogs read back as they were written, and an independent tool agrees.

use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use dmusmini_package::catalog::{Catalog, Kind, Member};

fn catalog() -> Catalog {
    let mut members = vec![
        Member {
            name: "dmusmini.sys".into(),
            kind: Kind::Image,
            hash: [0x5A; 32],
        },
        Member::of_file("dmusmini.inf", b"[Version]\r\n", Kind::Flat).unwrap(),
    ];
    members.sort_by_key(|member| member.hash);
    Catalog {
        members,
        os_attribute: "2:10.0".into(),
        systems: "_v100_X64".into(),
        hardware_ids: vec!["acpi\\pnpb006".into(), "root\\dmusmini".into()],
    }
}

fn der() -> Vec<u8> {
    catalog()
        .to_der([7; 16], UNIX_EPOCH + Duration::from_secs(1_790_000_000))
        .unwrap()
}

#[test]
fn a_catalog_reads_back() {
    assert_eq!(Catalog::from_der(&der()).unwrap(), catalog());
}

#[test]
fn damage_is_noticed() {
    let good = der();
    assert!(Catalog::from_der(&good[..good.len() - 1]).is_err());
    // The two copies of a hash must agree.
    let place = good
        .windows(32)
        .position(|window| window == [0x5A; 32])
        .unwrap();
    let mut bad = good.clone();
    bad[place] ^= 1;
    assert!(Catalog::from_der(&bad).is_err());
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
