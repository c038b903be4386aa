// SPDX-License-Identifier: GPL-2.0

//! Device or software: decided for each frame by what it asks for and what the device can do.

use super::{
    check::skb_csum_hwoffload_legacy_check,
    reason::Reason, //
};
use net::skbuff::{
    gso,
    Checksum,
    GsoRequest,
    OffloadRequest,
    GSO_BY_FRAGS, //
};

/// How a device fills in checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksums {
    /// Not at all.
    None,
    /// It looks for TCP and UDP headers by itself, and the driver gives it those frames alone that
    /// it gets right.
    ProtocolSpecific,
    /// The same device, and a driver that gives it all frames.
    ProtocolSpecificUnchecked,
    /// It sums from where it is told and stores where it is told, whatever the protocol.
    Agnostic,
}

/// What a device can do for the frames that it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Checksums.
    pub checksums: Checksums,
    /// The super-frames that it cuts: those with no other flags than these (see [`gso`]).
    pub gso_kinds: u32,
}

/// Whether the device can fill in `checksum` of a frame of `len` bytes, as far as its capabilities
/// tell. `headers` are those that lie in the linear part. Any context.
///
/// # Errors
///
/// Why software must do it.
#[inline]
pub fn check_checksum(
    request: &OffloadRequest,
    checksum: &Checksum,
    headers: &[u8],
    len: usize,
    capabilities: &Capabilities,
) -> Result<(), Reason> {
    match capabilities.checksums {
        Checksums::None => Err(Reason::NotOffered),
        Checksums::ProtocolSpecific => {
            skb_csum_hwoffload_legacy_check(request, checksum, headers, len)
        }
        Checksums::ProtocolSpecificUnchecked | Checksums::Agnostic => Ok(()),
    }
}

/// Whether the device can cut a super-frame of `len` bytes and fill in the checksums of its
/// segments, as far as its capabilities tell. `headers` are those that lie in the linear part. Any
/// context.
///
/// # Errors
///
/// Why software must do it.
pub fn check_segmentation(
    request: &OffloadRequest,
    gso: &GsoRequest,
    headers: &[u8],
    len: usize,
    capabilities: &Capabilities,
) -> Result<(), Reason> {
    if capabilities.checksums == Checksums::None {
        return Err(Reason::NotOffered);
    }
    let missing = gso.kind & !capabilities.gso_kinds;
    if missing != 0 {
        return Err(reason_of_kind(missing));
    }
    // What says that segments are fragments is SCTP's alone.
    if gso.size == GSO_BY_FRAGS && gso.kind & gso::SCTP == 0 {
        return Err(Reason::FragmentList);
    }
    match &request.checksum {
        Some(checksum) => check_checksum(request, checksum, headers, len, capabilities),
        None => Ok(()),
    }
}

/// Why a device that lacks `missing` does not cut a super-frame.
const fn reason_of_kind(missing: u32) -> Reason {
    if missing & (gso::FRAGLIST | gso::SCTP) != 0 {
        Reason::FragmentList
    } else if missing & gso::UDP != 0 {
        Reason::IpFragments
    } else if missing & gso::ESP != 0 {
        Reason::Encrypted
    } else {
        Reason::Kind
    }
}
