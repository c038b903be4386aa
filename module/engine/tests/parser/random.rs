// SPDX-License-Identifier: GPL-2.0

//! Random frames.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::frame::{Extension, Frame, Net, Piece, Tag, Transport};

fn tag() -> impl Strategy<Value = Tag> {
    (any::<bool>(), any::<u16>()).prop_map(|(is_service, tci)| Tag { is_service, tci })
}

fn piece() -> impl Strategy<Value = Piece> {
    let some = (0_u16..1 << 13, any::<bool>());
    some.prop_map(|(offset, has_more)| Piece {
        offset,
        // That it is one at all.
        has_more: has_more || offset == 0,
    })
}

fn extension() -> impl Strategy<Value = Extension> {
    let units = prop_oneof![20 => 0_u8..3, 1 => any::<u8>()];
    (select(vec![0, 43, 60]), units).prop_map(|(kind, units)| Extension { kind, units })
}

/// What may be behind IP; behind IPv6 if `v6`.
fn transport(v6: bool) -> impl Strategy<Value = Transport> {
    let known = (0..5_u8, any::<[u8; 4]>()).prop_map(|(kind, first)| match kind {
        0 => Transport::Tcp(first),
        1 => Transport::Udp(first),
        2 => Transport::Sctp(first),
        3 => Transport::Ah(first),
        _ => Transport::Esp(first),
    });
    let others = if v6 {
        vec![1, 2, 4, 41, 47, 58, 136, 255]
    } else {
        // The numbers of extension headers mean nothing there.
        vec![0, 1, 2, 4, 41, 43, 44, 47, 59, 60, 255]
    };
    let other = (select(others), any::<[u8; 4]>())
        .prop_map(|(protocol, first)| Transport::Other(protocol, first));
    let none = if v6 { 1 } else { 0 };
    prop_oneof![6 => known, 2 => other, none => Just(Transport::None)]
}

fn v4() -> impl Strategy<Value = (Net, Transport)> {
    let addresses = any::<([u8; 4], [u8; 4])>();
    let net = (
        any::<u8>(),
        addresses,
        0..=10_u8,
        option::weighted(0.2, piece()),
    );
    let net = net.prop_map(|(tos, addresses, options, fragment)| Net::V4 {
        tos,
        addresses,
        options,
        fragment,
    });
    (net, transport(false))
}

fn v6(
    extensions: impl Strategy<Value = Vec<Extension>>,
) -> impl Strategy<Value = (Net, Transport)> {
    let addresses = any::<([u8; 16], [u8; 16])>();
    let fragment = option::weighted(0.2, piece());
    let net = (any::<u8>(), 0_u32..1 << 20, addresses, extensions, fragment);
    let net = net.prop_map(|(class, label, addresses, extensions, fragment)| Net::V6 {
        class,
        label,
        addresses,
        extensions,
        fragment,
    });
    (net, transport(true))
}

fn behind(
    tags: impl Strategy<Value = Vec<Tag>>,
    net: impl Strategy<Value = (Net, Transport)>,
) -> impl Strategy<Value = Frame> {
    let all = (any::<[u8; 6]>(), any::<[u8; 6]>(), tags, net);
    all.prop_map(|(destination, source, tags, (net, transport))| Frame {
        destination,
        source,
        tags,
        net,
        transport,
    })
}

/// Any frame, most often one with few headers.
pub(crate) fn frame() -> impl Strategy<Value = Frame> {
    let other = select(vec![
        0_u16, 60, 0x0806, 0x8847, 0x8864, 0x9100, 0x88cc, 0xffff,
    ]);
    let other = other.prop_map(|ether_type| (Net::Other(ether_type), Transport::None));
    let net = prop_oneof![1 => other, 4 => v4(), 4 => v6(vec(extension(), 0..4))];
    behind(vec(tag(), 0..4), net)
}

/// A frame that both parsers know: IP, and no more tags than etherparse takes.
pub(crate) fn usual() -> impl Strategy<Value = Frame> {
    let net = prop_oneof![v4(), v6(vec(extension(), 0..4))];
    behind(vec(tag(), 0..=3), net)
}

/// A frame with about as many tags and extension headers as the parser goes through.
pub(crate) fn long() -> impl Strategy<Value = Frame> {
    let short = Extension { kind: 60, units: 0 };
    (0..=18_usize, 0..=4_usize).prop_flat_map(move |(tags, beyond)| {
        let extensions = (14 + beyond).saturating_sub(tags);
        let extension = prop_oneof![3 => Just(short), 1 => extension()];
        let v6 = v6(vec(extension, extensions..=extensions));
        behind(vec(tag(), tags..=tags), prop_oneof![1 => v4(), 4 => v6])
    })
}
