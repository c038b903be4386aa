// SPDX-License-Identifier: GPL-2.0

//! What a hash says of the frame that it is of (`enum xdp_rss_hash_type`).

use crate::hash::{input, Fields, Symmetry};
use crate::packet::{Network, Packet, AH, ESP, SCTP, TCP, UDP};

pub(crate) const IPV4: u32 = 1;
pub(crate) const IPV6: u32 = 1 << 1;
pub(crate) const EXTENDED: u32 = 1 << 2;
pub(crate) const L4: u32 = 1 << 3;
pub(crate) const L4_TCP: u32 = 1 << 4;
pub(crate) const L4_UDP: u32 = 1 << 5;
pub(crate) const L4_SCTP: u32 = 1 << 6;
pub(crate) const L4_IPSEC: u32 = 1 << 7;

/// The type of the hash of `packet`, of which `fields` are hashed: addresses of IP, or those and what is
/// behind them; nothing if it has none of them.
pub(crate) fn rss_type(packet: &Packet, fields: &Fields) -> Option<u32> {
    if input(packet, fields, Symmetry::None).is_empty() {
        return None;
    }
    let (ip, is_extended) = match &packet.network {
        Network::Other(_) => return None,
        Network::V4 { options, .. } => (IPV4, *options > 0),
        Network::V6 { extensions, .. } => (IPV6, !extensions.is_empty() || packet.is_fragment),
    };
    let letters = fields.get(packet.flow()).copied().unwrap_or_default();
    let layer4 = match packet.protocol {
        _ if packet.known_ports().is_none() || !letters.contains(['f', 'n']) => 0,
        TCP => L4 | L4_TCP,
        UDP => L4 | L4_UDP,
        SCTP => L4 | L4_SCTP,
        AH | ESP => L4 | L4_IPSEC,
        _ => 0,
    };
    Some(ip | layer4 | if is_extended { EXTENDED } else { 0 })
}
