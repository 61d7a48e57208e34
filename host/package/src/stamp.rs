//! DriverVer: the date and the version that a package command writes into the INF.

use anyhow::{Context, Result, bail};
use time::Date;
use time::macros::format_description;

/// A driver's date and version as an INF has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverVer {
    /// The date.
    pub date: Date,
    /// Four numbers of 16 bits.
    pub version: [u16; 4],
}

impl DriverVer {
    /// Parses `MM/DD/YYYY,w.x.y.z` from its two fields.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn parse(date: &str, version: &str) -> Result<Self> {
        let format = format_description!("[month]/[day]/[year]");
        let date =
            Date::parse(date, format).with_context(|| format!("{date:?} is not MM/DD/YYYY"))?;
        let parts: Vec<&str> = version.split('.').collect();
        let [a, b, c, d] = parts.as_slice() else {
            bail!("{version:?} does not have four parts");
        };
        let number = |part: &str| {
            part.parse::<u16>()
                .with_context(|| format!("{part:?} is not 0 to 65535"))
        };
        Ok(Self {
            date,
            version: [number(a)?, number(b)?, number(c)?, number(d)?],
        })
    }
}

impl std::fmt::Display for DriverVer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, revision, build] = self.version;
        let (year, month, day) = (
            self.date.year(),
            u8::from(self.date.month()),
            self.date.day(),
        );
        write!(
            f,
            "{month:02}/{day:02}/{year:04},{major}.{minor}.{revision}.{build}"
        )
    }
}

/// Replaces the DriverVer of an INF source; everything else stays, with CR LF line ends.
///
/// # Errors
///
/// When the source has no DriverVer line, or several.
pub fn stamp(source: &str, driver_ver: DriverVer) -> Result<String> {
    let mut stamped = 0;
    let mut out = String::new();
    for line in source.lines() {
        let is_driver_ver = line
            .split_once('=')
            .is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case("DriverVer"));
        if is_driver_ver {
            stamped += 1;
            out.push_str("DriverVer   = ");
            out.push_str(&driver_ver.to_string());
        } else {
            out.push_str(line);
        }
        out.push_str("\r\n");
    }
    if stamped != 1 {
        bail!("the INF source has {stamped} DriverVer lines, not one");
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn dates_and_versions() {
        let stamp = DriverVer::parse("11/01/2026", "1.2.3.65535").unwrap();
        assert_eq!(
            stamp,
            DriverVer {
                date: date!(2026 - 11 - 01),
                version: [1, 2, 3, 65535]
            }
        );
        assert_eq!(stamp.to_string(), "11/01/2026,1.2.3.65535");
        for (date, version) in [
            ("2026-11-01", "1.0.0.0"),
            ("13/01/2026", "1.0.0.0"),
            ("11/01/2026", "1.0.0"),
            ("11/01/2026", "1.0.0.65536"),
        ] {
            assert!(DriverVer::parse(date, version).is_err(), "{date} {version}");
        }
    }

    #[test]
    fn one_line_changes() {
        let stamp = DriverVer::parse("11/01/2026", "1.0.0.0").unwrap();
        let text = super::stamp("[Version]\ndriverver=01/01/2000,0.0.0.0\n; x\n", stamp).unwrap();
        assert_eq!(
            text,
            "[Version]\r\nDriverVer   = 11/01/2026,1.0.0.0\r\n; x\r\n"
        );
        assert!(super::stamp("[Version]\n", stamp).is_err());
    }
}
