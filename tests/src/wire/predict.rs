// SPDX-License-Identifier: GPL-2.0

//! What a protocol-specific device that nobody checks gets wrong, as "Linux Networking Offload
//! Infrastructure" tells it in its section 2.6: it looks for the headers itself, knows no others than
//! TCP and UDP, and takes the address of the IP header for that of the pseudo header, and its length for
//! that of the packet.

use super::matrix::{Combination, Fields, Layer2, Network, Transport, Work};
use super::tunnels::OuterChecksum;

/// Whether the wire shows other bytes than it should.
pub fn is_wrong(c: &Combination) -> bool {
    if c.work == Work::Nothing || c.is_finished_before_tunnel() {
        // All that is left is the checksum of the header that the tunnel put in front.
        return c
            .tunnel
            .is_some_and(|tunnel| tunnel.checksum == OuterChecksum::Gre);
    }
    if c.frames() == 0 {
        return false;
    }
    let is_misled = match c.fields {
        Fields::Right => false,
        Fields::NoSeed | Fields::OtherSeed => true,
        // Each segment gets a length of its own.
        Fields::Longer | Fields::Shorter => c.work == Work::Checksum,
    };
    // It looks at the outermost headers, and the checksum that is left is behind the inner ones.
    is_misled
        || c.tunnel.is_some()
        || c.layer2 == Layer2::Mpls
        || c.network.is_fragment()
        || c.network == Network::V6SegmentsLeft
        || !matches!(
            c.transport,
            Transport::Tcp | Transport::TcpTimestamp | Transport::Udp
        )
}
