// SPDX-License-Identifier: GPL-2.0

//! Addresses, and prefixes of them.

use super::log::Family;
use super::lpm::MAX_BYTES;

/// An address of IPv4 or IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IpAddress {
    /// IPv4.
    V4([u8; 4]),
    /// IPv6.
    V6([u8; 16]),
}

impl IpAddress {
    /// Which version it is of.
    #[inline]
    pub const fn family(&self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(_) => Family::V6,
        }
    }

    /// Its bytes.
    #[inline]
    pub const fn bytes(&self) -> &[u8] {
        match self {
            Self::V4(bytes) => bytes,
            Self::V6(bytes) => bytes,
        }
    }

    /// As 16 bytes, of which those that it has not are zero.
    #[inline]
    pub(super) const fn widened(&self) -> [u8; MAX_BYTES] {
        match *self {
            Self::V4([a, b, c, d]) => [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            Self::V6(bytes) => bytes,
        }
    }

    /// That with the first ones of `bytes`.
    pub(super) const fn of(family: Family, bytes: [u8; MAX_BYTES]) -> Self {
        match (family, bytes) {
            (Family::V4, [a, b, c, d, ..]) => Self::V4([a, b, c, d]),
            (Family::V6, bytes) => Self::V6(bytes),
        }
    }
}

/// The halves of `address` as numbers.
#[inline]
pub(super) const fn halves(address: &IpAddress) -> [u64; 2] {
    let bits = u128::from_be_bytes(address.widened());
    // CAST: Both halves.
    [(bits >> 64) as u64, bits as u64]
}

/// The addresses that begin with some bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// The first of them.
    pub address: IpAddress,
    /// How many bits.
    pub bits: u8,
}

impl Prefix {
    /// Whether it has no more bits than an address, and no others are set.
    pub(super) fn is_sound(&self) -> bool {
        let bytes = self.address.bytes();
        let mut left = u32::from(self.bits);
        // CAST: 4 or 16.
        if left > (bytes.len() as u32).wrapping_mul(8) {
            return false;
        }
        bytes.iter().all(|byte| {
            let here = left.min(8);
            left = left.wrapping_sub(here);
            u32::from(*byte).wrapping_shl(here) & 0xff == 0
        })
    }
}
