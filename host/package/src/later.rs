//! A later release of an image: the same code with higher numbers in its version resource.
//!
//! It is what an upgrade is tested with: another file, with another hash, that says which it is. The
//! numbers are overwritten in place, so the new ones take as many characters as the old.

use anyhow::{Context, Result, ensure};

/// The image with this version.
///
/// # Errors
///
/// It has no version resource of the usual form, or its version has another number of characters.
pub fn with_version(image: &[u8], version: [u16; 4]) -> Result<Vec<u8>> {
    let key = utf16("VS_VERSION_INFO");
    let start = find(image, &key, 0).context("there is no version resource")?;
    ensure!(
        find(image, &key, start + 1).is_none(),
        "there are several version resources"
    );
    let fixed = find(image, &SIGNATURE.to_le_bytes(), start)
        .filter(|at| at - start < 64)
        .context("the version resource has no fixed part")?;
    let field = |at: usize| -> Option<u16> {
        let bytes = image.get(fixed + at..)?.first_chunk()?;
        Some(u16::from_le_bytes(*bytes))
    };
    let mut old = [0; 4];
    for (number, at) in old.iter_mut().zip(NUMBERS) {
        *number = field(at).context("the version resource is cut off")?;
    }
    let (old_text, text) = (utf16(&dotted(old)), utf16(&dotted(version)));
    ensure!(
        old_text.len() == text.len(),
        "version {} takes not as many characters as {}",
        dotted(version),
        dotted(old)
    );
    let mut later = image.to_vec();
    // File version, then product version.
    for base in [0, 8] {
        for (number, at) in version.iter().zip(NUMBERS) {
            let at = fixed + base + at;
            let field = later.get_mut(at..at + 2);
            let field = field.context("the version resource is cut off")?;
            field.copy_from_slice(&number.to_le_bytes());
        }
    }
    for name in ["FileVersion", "ProductVersion"] {
        let name_at = find(image, &utf16(name), fixed).with_context(|| format!("no {name}"))?;
        let at = find(image, &old_text, name_at)
            .filter(|at| at - name_at < 64)
            .with_context(|| format!("{name} is not {}", dotted(old)))?;
        later[at..at + text.len()].copy_from_slice(&text);
    }
    Ok(later)
}

fn dotted(version: [u16; 4]) -> String {
    version.map(|number| number.to_string()).join(".")
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let at = rest.windows(what.len()).position(|part| part == what)?;
    Some(from + at)
}

/// `VS_FIXEDFILEINFO.dwSignature`.
const SIGNATURE: u32 = 0xFEEF_04BD;
/// Where its file version's four numbers are.
const NUMBERS: [usize; 4] = [10, 8, 14, 12];

#[cfg(test)]
mod tests {
    use super::*;

    /// As much of a version resource as is looked at.
    fn resource(version: [u16; 4], text: &str) -> Vec<u8> {
        let mut bytes = vec![0xCC; 10];
        bytes.extend(utf16("VS_VERSION_INFO\0\0"));
        bytes.extend(SIGNATURE.to_le_bytes());
        bytes.extend(0x0001_0000_u32.to_le_bytes());
        let [a, b, c, d] = version;
        for number in [b, a, d, c, b, a, d, c] {
            bytes.extend(number.to_le_bytes());
        }
        for name in ["FileVersion", "ProductVersion"] {
            bytes.extend(utf16(&format!("{name}\0\0{text}\0")));
        }
        bytes.push(0xCC);
        bytes
    }

    #[test]
    fn numbers_and_texts_change_and_nothing_else() {
        let old = resource([0, 1, 2, 0], "0.1.2.0");
        let later = with_version(&old, [9, 8, 7, 6]).unwrap();
        assert_eq!(later, resource([9, 8, 7, 6], "9.8.7.6"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |bytes: &[u8], version| with_version(bytes, version).unwrap_err().to_string();
        let old = resource([0, 1, 2, 0], "0.1.2.0");
        assert_eq!(
            refused(&old, [10, 1, 2, 0]),
            "version 10.1.2.0 takes not as many characters as 0.1.2.0"
        );
        assert_eq!(refused(b"MZ", [9, 9, 9, 9]), "there is no version resource");
        let twice = [old.clone(), old.clone()].concat();
        assert_eq!(
            refused(&twice, [9, 9, 9, 9]),
            "there are several version resources"
        );
        assert_eq!(
            refused(&resource([0, 1, 2, 0], "0.1.3.0"), [9, 9, 9, 9]),
            "FileVersion is not 0.1.2.0"
        );
        assert!(with_version(&old[..60], [9, 9, 9, 9]).is_err());
    }
}
