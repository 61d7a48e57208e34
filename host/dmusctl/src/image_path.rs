//! Where a service's image is, as text: the service manager spells paths in its own ways.

/// A path of the service manager's as programs spell it; `windows` is the folder that Windows is in.
#[must_use]
pub fn dos_path(image: &str, windows: &str) -> Option<String> {
    let image = image.trim().trim_matches('"');
    let image = image.strip_prefix(r"\??\").unwrap_or(image);
    if image.is_empty() {
        return None;
    }
    let lower = image.to_ascii_lowercase();
    let relative = [r"\systemroot\", r"%systemroot%\"]
        .into_iter()
        .find(|root| lower.starts_with(root))
        .and_then(|root| image.get(root.len()..))
        // Without a drive, it counts from the folder of Windows.
        .or_else(|| (!image.contains(':')).then_some(image));
    Some(match relative {
        Some(relative) => format!(r"{}\{relative}", windows.trim_end_matches('\\')),
        None => image.to_owned(),
    })
}

/// Whether a file lies in the folder of Windows but outside the driver store: there, only an
/// installation can have put it, and no removal of a package takes it away.
#[must_use]
pub fn is_stray(file: &str, windows: &str) -> bool {
    let [file, windows] = [file, windows].map(str::to_ascii_lowercase);
    file.strip_prefix(windows.trim_end_matches('\\'))
        .is_some_and(|inside| inside.starts_with('\\') && !inside.contains(r"\driverstore\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: &str = r"C:\Windows";

    #[test]
    fn every_spelling_becomes_one() {
        for image in [
            r"\SystemRoot\System32\x.sys",
            r"%SystemRoot%\System32\x.sys",
            r"\??\C:\Windows\System32\x.sys",
            r#""C:\Windows\System32\x.sys""#,
            r"System32\x.sys",
        ] {
            let path = dos_path(image, WINDOWS);
            assert_eq!(
                path.as_deref(),
                Some(r"C:\Windows\System32\x.sys"),
                "{image}"
            );
        }
        assert_eq!(dos_path(" ", WINDOWS), None);
    }

    #[test]
    fn only_what_lies_loose_under_windows_is_stray() {
        assert!(is_stray(
            r"c:\windows\system32\unknown\dmusmini.sys",
            WINDOWS
        ));
        assert!(!is_stray(
            r"C:\Windows\System32\DriverStore\FileRepository\dmusmini.inf_amd64_1\dmusmini.sys",
            WINDOWS
        ));
        assert!(!is_stray(r"C:\Windows2\dmusmini.sys", WINDOWS));
        assert!(!is_stray(r"D:\work\dmusmini.sys", WINDOWS));
    }
}
