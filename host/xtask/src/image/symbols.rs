//! Which function an address belongs to, from the linker's map file.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// The functions of an image by address.
#[derive(Debug)]
pub(crate) struct Symbols {
    by_address: Vec<(u32, String)>,
}

impl Symbols {
    /// Reads the map that lies beside `image`.
    pub(crate) fn beside(image: &Path) -> Result<Self> {
        let path = image.with_extension("map");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Lines are `section:offset  name  address  object`; the header tells the preferred base.
    fn parse(text: &str) -> Result<Self> {
        let base = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Preferred load address is "))
            .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
            .context("no preferred load address")?;
        let mut by_address: Vec<(u32, String)> = text
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                words.next().filter(|place| place.contains(':'))?;
                let name = words.next()?;
                let address = u64::from_str_radix(words.next()?, 16).ok()?;
                let address = u32::try_from(address.checked_sub(base)?).ok()?;
                Some((address, format!("{:#}", rustc_demangle::demangle(name))))
            })
            .collect();
        by_address.sort();
        Ok(Self { by_address })
    }

    /// The name at `address`, or the nearest before it.
    pub(crate) fn name(&self, address: u32) -> &str {
        let after = self
            .by_address
            .partition_point(|(start, _)| *start <= address);
        after
            .checked_sub(1)
            .map_or("?", |index| &self.by_address[index].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = " Preferred load address is 0000000140000000

 0001:00000000 00000120H .text  CODE
 0001:00000000  DriverEntry  0000000140001000     x.o
 0001:00000040  _ZN4core9panicking5panic17h0123456789abcdefE  0000000140001040     x.o
";

    #[test]
    fn an_address_has_the_name_before_it() {
        let symbols = Symbols::parse(MAP).unwrap();
        assert_eq!(symbols.name(0x1000), "DriverEntry");
        assert_eq!(symbols.name(0x103F), "DriverEntry");
        assert_eq!(symbols.name(0x1041), "core::panicking::panic");
        assert_eq!(symbols.name(0x0FFF), "?");
    }
}
