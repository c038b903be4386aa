// SPDX-License-Identifier: GPL-2.0

//! Receive coalescing: hardware GRO (`NETIF_F_GRO_HW`).
//!
//! A receiver's GRO puts TCP segments together that came one after the other, and UDP datagrams of one length.
//! A device that does so makes what the kernel's GRO makes, by the same rules: `dev_gro_receive()`,
//! `inet_gro_receive()`, `ipv6_gro_receive()`, `gre_gro_receive()`, `tcp_gro_receive()` and
//! `udp_gro_receive_segment()` of Linux 7.2 are the ground truth. So what it hands up can be cut again into the
//! frames that were on the wire, which the kernel demands of hardware GRO, but for what GRO itself
//! [does not look at](is_same_to_gro): urgent pointers that no flag speaks of, zero checksums of either kind, and
//! the identifications of outer IPv4 headers that are fixed while IPv6 is inside, and TCP in that.
//!
//! - A super-frame that was one frame at the sender [stays whole](is_made_by_gro) if GRO would make just
//!   that of it.
//! - Of any other frame [`Segment`] finds the headers, and whether GRO takes it at all.
//! - [`Held`] is what is known of a frame that waits for more, and its [`verdict`](Held::verdict) says what
//!   becomes of the two when one more comes. It is a function of two headers and a small record.
//! - A [program](GroVerdict) of the user's may narrow that: it is shown a [`Pair`].
//! - A stream's next segment is [`Expected`]: most are known by one comparison.
//! - [`Flows`] is where a queue holds frames: so many flows, the oldest first.
//!
//! Not coalesced, and so left to the host's GRO: what is behind PPPoE or a tunnel with UDP, Ethernet that is in
//! Ethernet directly; packets with another version where IPv6 is to be, which the kernel's GRO merges and IPv6
//! drops; and what would be longer than [`LONGEST`].
//!
//! Otherwise than in the kernel's GRO, so that all can be cut again and nothing overtakes others of its flow:
//!
//! - A super-frame in GRE with a checksum is said to have one (`SKB_GSO_GRE_CSUM`). The kernel's says
//!   `SKB_GSO_GRE`, and cut again all have the first one's.
//! - GRE with a key and a checksum is left alone, and GRE with anything in the reserved field behind the
//!   checksum. The kernel's GRO takes the checksum for the key, and segmentation clears the field.
//! - In GRE frames are not put together if the identification of one IPv4 header is fixed and that of the other
//!   is not, as segmentation goes by `SKB_GSO_TCP_FIXEDID` for both. With IPv6 outside or inside that bit tells
//!   of the one IPv4 header that there is.
//! - Super-frames of UDP have the bits of fixed identifications, which segmentation minds in all protocols. The
//!   kernel's have not.
//! - A datagram that is empty, padded, of a wrong length or without a checksum ends its flow. In the kernel's
//!   GRO it goes past what is held.
//! - Sockets do not matter. The kernel's GRO leaves datagrams alone that are for a socket without `UDP_GRO` or
//!   for a tunnel, while it looks for sockets at all; what the device has made is cut again for these.

mod expected;
mod flows;
mod gre;
mod headers;
mod held;
mod program;
mod restored;
mod segment;
mod verdict;
mod whole;

pub use expected::Expected;
pub use flows::{End, Flows};
pub use held::{FixedIds, Held};
pub use program::{GroVerdict, Pair};
pub use restored::{is_complete, is_same_to_gro};
pub use segment::Segment;
pub use verdict::Verdict;
pub use whole::is_made_by_gro;

/// The longest packet that the device makes, in bytes from the IP header on: 64 KiB less one, whatever the
/// user lets GRO make. More does not fit into the pages of a frame.
pub const LONGEST: u32 = 65_535;

/// How long the packets get that the receiver's GRO makes: in bytes from the IP header on, and less
/// than this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroLimits {
    /// IPv4 packets (`gro_ipv4_max_size`).
    pub ipv4: u32,
    /// IPv6 packets (`gro_max_size`).
    pub ipv6: u32,
    /// Whether datagrams of UDP are put together, too, as the host is to send them on
    /// (`rx-udp-gro-forwarding`).
    pub datagrams: bool,
}

impl GroLimits {
    /// Whether `segment` is of what is put together.
    pub(crate) fn takes(&self, segment: &Segment) -> bool {
        self.datagrams || !segment.is_datagram()
    }
}
