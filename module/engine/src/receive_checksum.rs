// SPDX-License-Identifier: GPL-2.0

//! What the device tells the host about the checksum of a received frame.

use crate::checksum::sum;
use crate::frame::ETH_HLEN;
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

/// What a device finds out about the checksums of received frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RxChecksums {
    /// Nothing.
    #[default]
    None,
    /// The sum of all bytes.
    Complete,
    /// Whether that of TCP or UDP is right.
    Verified,
}

impl RxChecksums {
    /// What such a device says of `frame`, whose packet begins at `network_offset`.
    pub fn of(self, frame: &[u8], network_offset: u32) -> RxChecksum {
        match self {
            Self::None => RxChecksum::None,
            Self::Complete => frame
                .get(network_offset as usize..)
                .map_or(RxChecksum::None, complete),
            // It looks for the Ethernet header and the tags by itself.
            Self::Verified if network_offset == ETH_HLEN as u32 && verify(frame) => {
                RxChecksum::Verified
            }
            Self::Verified => RxChecksum::None,
        }
    }
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
