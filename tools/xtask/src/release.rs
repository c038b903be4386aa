// SPDX-License-Identifier: GPL-2.0

//! Kernel versions.

use std::fmt;

use anyhow::{bail, Result};

/// The oldest kernel that the module builds for: the Rust abstractions it uses
/// change from release to release.
const OLDEST: Release = Release {
    version: 7,
    patchlevel: 2,
};

/// A kernel release, as far as interfaces depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    version: u32,
    patchlevel: u32,
}

impl Release {
    /// From `include/config/kernel.release`, such as "7.2.12-rc1-debug".
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split(|c: char| !c.is_ascii_digit());
        Some(Self {
            version: parts.next()?.parse().ok()?,
            patchlevel: parts.next()?.parse().ok()?,
        })
    }

    /// From the top Makefile of a kernel tree.
    pub(crate) fn from_makefile(text: &str) -> Option<Self> {
        let number = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .find(|(key, _)| key.trim() == name)
                .and_then(|(_, value)| value.trim().parse().ok())
        };
        Some(Self {
            version: number("VERSION")?,
            patchlevel: number("PATCHLEVEL")?,
        })
    }

    /// Refuses what is too old; `whose` begins the message.
    pub(crate) fn require(self, whose: &str) -> Result<()> {
        if self < OLDEST {
            bail!("{whose} is Linux {self}, and offload_nic needs {OLDEST} or newer");
        }
        Ok(())
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.version, self.patchlevel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_and_ordered() {
        let parse = |text| Release::parse(text).unwrap();
        assert!(parse("7.2.12-1~bpo\n") >= OLDEST);
        assert!(parse("7.10.0") > parse("7.2.0"));
        assert!(parse("6.18.44") < OLDEST);
        assert_eq!(Release::parse("next"), None);
    }

    #[test]
    fn makefile_is_read() {
        let text = "# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n";
        let release = Release::from_makefile(text).unwrap();
        let refusal = release.require("KDIR /k").unwrap_err().to_string();
        assert_eq!(
            refusal,
            "KDIR /k is Linux 6.12, and offload_nic needs 7.2 or newer"
        );
        assert_eq!(Release::from_makefile("all:\n"), None);
    }
}
