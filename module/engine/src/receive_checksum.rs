// SPDX-License-Identifier: GPL-2.0

//! What the device tells the host about the checksum of a received frame.

use crate::checksum::sum;
use crate::protocol;

/// What the device knows of a frame's checksums.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RxChecksum {
    /// Nothing (`CHECKSUM_NONE`).
    #[default]
    None,
    /// The ones' complement sum of everything behind the Ethernet header, folded to 16 bits but not
    /// complemented, in the order of the host's memory: as it is, it is a `__wsum`
    /// (`CHECKSUM_COMPLETE`).
    Complete(u16),
    /// The frame's TCP or UDP checksum is right, the device says (`CHECKSUM_UNNECESSARY`).
    Verified,
}

/// The sum of a frame's bytes behind its Ethernet header, as the host gets them. Protocol-agnostic:
/// the host makes of it whether any of the frame's checksums is right.
pub fn complete(bytes_behind_ethernet: &[u8]) -> RxChecksum {
    RxChecksum::Complete(sum(bytes_behind_ethernet).fold())
}

/// Whether a protocol-specific device calls the checksum of `frame`, which begins with its Ethernet
/// header, right: TCP or UDP directly behind IPv4 or IPv6, behind VLAN tags or none, not in
/// fragments, no extension headers. UDP without a checksum is not verified, nor are bytes that may
/// follow the IP packet part of what is.
pub fn verify(frame: &[u8]) -> bool {
    protocol::verify(frame)
}
