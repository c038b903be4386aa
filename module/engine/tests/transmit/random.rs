// SPDX-License-Identifier: GPL-2.0

//! Packets of every kind that the device cuts.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::packet::{Extension, Ip, Link, Packet, Transport, Tunnel};

pub(crate) fn link() -> impl Strategy<Value = Link> {
    prop_oneof![
        Just(Link::Ethernet),
        Just(Link::Vlan),
        Just(Link::QinQ),
        (1_u8..4).prop_map(Link::Mpls),
    ]
}

fn extensions() -> impl Strategy<Value = Vec<Extension>> {
    let first = proptest::option::of((0_u8..4).prop_map(Extension::HopByHop));
    let other = prop_oneof![
        (0_u8..4).prop_map(Extension::Destination),
        any::<[u8; 16]>().prop_map(Extension::Segments),
    ];
    // One routing header is the last stop's.
    let others = vec(other, 0..3).prop_map(|mut others| {
        let mut routed = false;
        others.retain(|extension| match extension {
            Extension::Segments(_) => !std::mem::replace(&mut routed, true),
            _ => true,
        });
        others
    });
    (first, others).prop_map(|(first, others)| first.into_iter().chain(others).collect())
}

pub(crate) fn ip() -> impl Strategy<Value = Ip> {
    let v4 = (any::<[u8; 8]>(), any::<u16>(), 0_u8..11, any::<bool>()).prop_map(
        |(addresses, id, options, fixed_id)| {
            let mut ip = Ip::v4(0);
            ip.from[..4].copy_from_slice(&addresses[..4]);
            ip.to[..4].copy_from_slice(&addresses[4..]);
            Ip {
                id,
                options,
                fixed_id,
                ..ip
            }
        },
    );
    let v6 = (any::<([u8; 16], [u8; 16])>(), extensions(), any::<bool>()).prop_map(
        |((from, to), extensions, fixed_id)| Ip {
            from,
            to,
            extensions,
            fixed_id,
            ..Ip::v6(0)
        },
    );
    prop_oneof![v4, v6]
}

fn tunnel() -> impl Strategy<Value = Tunnel> {
    let udp = (any::<u16>(), any::<[bool; 3]>(), 0_u8..24).prop_map(
        |(port, [checksum, ethernet, partial], header)| Tunnel::Udp {
            port,
            checksum,
            header,
            ethernet,
            partial,
        },
    );
    let gre = (
        any::<[bool; 2]>(),
        any::<Option<u32>>(),
        any::<Option<u32>>(),
    )
        .prop_map(|([checksum, ethernet], key, sequence)| Tunnel::Gre {
            checksum,
            key,
            sequence,
            ethernet,
        });
    prop_oneof![Just(Tunnel::Ip), udp, gre]
}

pub(crate) fn transport() -> impl Strategy<Value = Transport> {
    let tcp = (any::<u32>(), any::<u8>(), 0_u8..11, any::<bool>()).prop_map(
        |(sequence, flags, words, accurate_ecn)| Transport::Tcp {
            sequence,
            flags,
            words,
            accurate_ecn,
        },
    );
    prop_oneof![tcp, Just(Transport::Udp)]
}

/// Bytes that differ from place to place, and from `seed` to `seed`.
pub(crate) fn payload(len: usize, seed: u64) -> Vec<u8> {
    let byte = |at: usize| {
        (seed
            .wrapping_add(at as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            >> 56) as u8
    };
    (0..len).map(byte).collect()
}

/// A segment size and a payload that needs more than one segment: by a byte, all but one, or
/// anything.
pub(crate) fn cut() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let around = (1_u16..1500, 1_usize..7, 0_usize..3)
        .prop_map(|(size, count, extra)| (size, count * usize::from(size) + extra - 1));
    let anything = (1_u16..9000, 2_usize..20_000);
    (prop_oneof![around, anything], any::<u64>())
        .prop_filter("more than one segment", |((size, len), _)| {
            *len > usize::from(*size) && len / usize::from(*size) < 500
        })
        .prop_map(|((size, len), seed)| (size, payload(len, seed)))
}

/// A packet in a tunnel or in none, without payload.
pub(crate) fn packet() -> impl Strategy<Value = Packet> {
    let outer = proptest::option::of((ip(), tunnel()));
    (link(), outer, ip(), transport()).prop_map(|(link, mut outer, mut ip, transport)| {
        if let Link::Mpls(_) = link {
            // The device does not cut what is in both.
            outer = None;
        }
        if let Some((outer, Tunnel::Udp { .. } | Tunnel::Gre { .. })) = &outer {
            // One bit stands for both.
            ip.fixed_id = outer.fixed_id;
        }
        Packet {
            link,
            outer,
            ip,
            transport,
            payload: Vec::new(),
        }
    })
}
