// SPDX-License-Identifier: GPL-2.0

//! Whom the frames of the packet generator are from.

use std::net::Ipv4Addr;

/// Whom the frames are from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// All from one address.
    One,
    /// From each address in turn.
    Each(Addresses),
    /// Each from one of the addresses, by chance.
    Random(Addresses),
}

/// A range of IPv4 addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    first: Ipv4Addr,
    count: u32,
}

impl Addresses {
    /// The first `count` addresses of 10/8, at most 2^24.
    pub(crate) fn first(count: u32) -> Self {
        Self {
            first: Ipv4Addr::new(10, 0, 0, 0),
            count,
        }
    }

    fn at(self, index: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.first.to_bits() + index)
    }
}

impl Source {
    /// What the generator is told.
    pub(crate) fn settings(self) -> Vec<String> {
        let (addresses, last, flag) = match self {
            Self::One => return Vec::new(),
            // The generator takes them up to the last one in turn, but draws from those before it.
            Self::Each(addresses) => (addresses, addresses.count - 1, "!IPSRC_RND"),
            Self::Random(addresses) => (addresses, addresses.count, "IPSRC_RND"),
        };
        vec![
            format!("src_min {}", addresses.at(0)),
            format!("src_max {}", addresses.at(last)),
            format!("flag {flag}"),
        ]
    }
}
