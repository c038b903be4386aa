// SPDX-License-Identifier: GPL-2.0

//! Device or software: decided for each frame by what it asks for and what the device can do.

use super::check::skb_csum_hwoffload_legacy_check;
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

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $name:literal,)*) => {
        /// Why the CPU does what the device could have been asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $reason,)*
        }

        impl Reason {
            /// All of them, in the order of their numbers.
            pub const ALL: [Self; [$(Self::$reason),*].len()] = [$(Self::$reason),*];

            /// A short name for statistics: lower case, words joined by `_`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// The device offers no checksums, or is set not to.
    NotOffered = "not_offered",
    /// The device does not cut super-frames of this kind.
    Kind = "kind",
    /// The super-frame is a list of packets with headers of their own; or it is to be cut where its
    /// fragments end, and the device can't.
    FragmentList = "fragment_list",
    /// The super-frame is a datagram to be sent as IP fragments.
    IpFragments = "ip_fragments",
    /// The super-frame is to be encrypted.
    Encrypted = "encrypted",
    /// The super-frame is in a tunnel in a tunnel.
    NestedTunnels = "nested_tunnels",
    /// A header that the device has to see does not lie in the linear part.
    HeaderNotLinear = "header_not_linear",
    /// The device looks for the checksum itself, and not in inner headers.
    Encapsulated = "encapsulated",
    /// As before, and not behind what lies between Ethernet and IP.
    LinkHeader = "link_header",
    /// As before, and not in fragments.
    Fragment = "fragment",
    /// As before, and not behind extension headers.
    ExtensionHeader = "extension_header",
    /// As before, and would take the address of the next hop for that of the destination.
    RoutingHeader = "routing_header",
    /// As before, and of other protocols than TCP and UDP.
    Transport = "transport",
    /// As before, and it is no CRC32c.
    Crc32c = "crc32c",
    /// As before, and the packet's length is not that of the frame.
    Length = "length",
    /// As before, and the checksum's field does not hold the sum of the pseudo header.
    PseudoHeader = "pseudo_header",
    /// The headers are not what the stack says that they are.
    Malformed = "malformed",
    /// More segments than the device cuts a super-frame into.
    TooManySegments = "too_many_segments",
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
