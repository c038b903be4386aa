// SPDX-License-Identifier: GPL-2.0

//! What a router changes in a packet that it sends on.

use super::log::Family;
use crate::fields::{get, put};
use crate::filter::Address;
use crate::frame::ETH_HLEN;

/// Offsets of the time to live and of the checksum in an IPv4 header, and of the hop limit in one of IPv6.
pub(super) const TTL: usize = 8;
pub(super) const CHECKSUM: usize = 10;
pub(super) const HOP_LIMIT: usize = 7;

/// What is changed: the addresses of Ethernet, and one less hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rewrite {
    /// The station that it is for.
    pub destination: Address,
    /// The port from which it comes.
    pub source: Address,
    /// What it is.
    pub family: Family,
}

impl Rewrite {
    /// Bytes at the beginning of a frame that are changed or looked at.
    pub const LEN: usize = ETH_HLEN + 20;

    /// Changes the frame that begins with `bytes`, as `ip_forward()` or `ip6_forward()` does and
    /// `neigh_output()` after that. `None` if these are not [`LEN`](Self::LEN); it is as it was then. Any context.
    #[inline]
    pub fn apply(&self, bytes: &mut [u8]) -> Option<()> {
        let front: &mut [u8; Self::LEN] = bytes.first_chunk_mut()?;
        let (link, packet) = front.split_at_mut_checked(ETH_HLEN)?;
        put(link, 0, self.destination)?;
        put(link, 6, self.source)?;
        let hops = match self.family {
            Family::V4 => {
                let checksum = with_one_less(get(packet, CHECKSUM)?);
                put(packet, CHECKSUM, checksum)?;
                TTL
            }
            Family::V6 => HOP_LIMIT,
        };
        let [left] = get(packet, hops)?;
        put(packet, hops, [left.wrapping_sub(1)])
    }
}

/// The checksum of an IPv4 header with one less of its time to live, as `ip_decrease_ttl()` computes it: of the
/// two zeros that ones' complement has, the same.
const fn with_one_less(checksum: [u8; 2]) -> [u8; 2] {
    let sum = (u16::from_be_bytes(checksum) as u32).wrapping_add(0x100);
    // CAST: What is carried was added.
    (sum.wrapping_add((sum >= 0xffff) as u32) as u16).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::with_one_less;

    /// `ip_decrease_ttl()` of `include/net/ip.h`, on a little-endian host.
    fn of_linux(checksum: [u8; 2]) -> [u8; 2] {
        let check = u32::from(u16::from_le_bytes(checksum)) + u32::from(0x0100_u16.swap_bytes());
        ((check + u32::from(check >= 0xffff)) as u16).to_le_bytes()
    }

    #[test]
    fn checksums_are_those_of_linux() {
        for checksum in 0..=u16::MAX {
            let checksum = checksum.to_be_bytes();
            assert_eq!(with_one_less(checksum), of_linux(checksum), "{checksum:x?}");
        }
    }
}
