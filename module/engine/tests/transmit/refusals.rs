// SPDX-License-Identifier: GPL-2.0

//! What the device leaves to software, and that it says why.

use std::collections::BTreeSet;

use engine::descriptor::{Gso, GsoKind, InnerHeaders, TxCapability, TxChecksum, TxDescriptor};
use engine::transmit::{TxPlan, TxRefusal};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::packet::{Ip, Link, Packet, Transport, Tunnel};
use crate::random;

fn tcp(outer: Option<Tunnel>) -> Packet {
    Packet {
        link: Link::Ethernet,
        outer: outer.map(|tunnel| (Ip::v4(2), tunnel)),
        ip: Ip::v4(1),
        transport: Transport::Tcp {
            sequence: 1,
            flags: 0x10,
            words: 3,
            accurate_ecn: false,
        },
        payload: random::payload(300, 1),
    }
}

const GRE: Tunnel = Tunnel::Gre {
    checksum: false,
    key: None,
    sequence: None,
    ethernet: false,
};
const VXLAN: Tunnel = Tunnel::Udp {
    port: 1,
    checksum: false,
    header: 8,
    ethernet: true,
    partial: false,
};

/// What comes of a frame of `packet`, cut to segments of 100 bytes, after `change`.
#[track_caller]
fn refused(
    packet: &Packet,
    expected: TxRefusal,
    change: impl Fn(&mut TxDescriptor, &mut Gso, &mut Vec<u8>),
) {
    let mut descriptor = packet.descriptor(Some(100));
    let mut frame = packet.unfinished(100);
    TxPlan::new(&descriptor, &frame, []).expect("a frame to cut, before it is changed");
    let mut gso = descriptor.gso.expect("a frame to cut");
    change(&mut descriptor, &mut gso, &mut frame);
    descriptor.gso = Some(gso);
    assert_eq!(TxPlan::new(&descriptor, &frame, []), Err(expected));
}

#[test]
fn kinds() {
    for (bits, expected) in [
        (GsoKind::FRAGLIST, TxRefusal::FragmentList),
        (GsoKind::UDP, TxRefusal::IpFragmentation),
        (GsoKind::TUNNEL_REMCSUM, TxRefusal::RemoteChecksum),
        (GsoKind::ESP, TxRefusal::Esp),
        (GsoKind::FCOE, TxRefusal::Fcoe),
        (GsoKind::SCTP, TxRefusal::Kind),
        (GsoKind(1 << 20), TxRefusal::Kind),
        (GsoKind(1 << 3), TxRefusal::Kind),
        (GsoKind::TCPV6, TxRefusal::Kind),
        (GsoKind::UDP_L4, TxRefusal::Kind),
        (GsoKind::GRE, TxRefusal::Encapsulation),
        (GsoKind::IPXIP4, TxRefusal::Encapsulation),
        (GsoKind::UDP_TUNNEL, TxRefusal::Encapsulation),
    ] {
        refused(&tcp(None), expected, |_, gso, _| {
            gso.kind = gso.kind.and(bits)
        });
    }
    refused(&tcp(None), TxRefusal::Kind, |_, gso, _| {
        gso.kind = GsoKind(0)
    });
    refused(&tcp(None), TxRefusal::Kind, |_, gso, _| {
        gso.kind = GsoKind::DODGY
    });
    refused(&tcp(None), TxRefusal::Headers, |_, gso, _| {
        gso.kind = GsoKind::UDP_L4
    });
}

#[test]
fn tunnels() {
    let nested = TxRefusal::NestedTunnels;
    for (tunnel, bits) in [
        (GRE, GsoKind::UDP_TUNNEL),
        (GRE, GsoKind::IPXIP4),
        (VXLAN, GsoKind::GRE_CSUM),
        (Tunnel::Ip, GsoKind::GRE),
        (Tunnel::Ip, GsoKind::UDP_TUNNEL),
    ] {
        refused(&tcp(Some(tunnel)), nested, |_, gso, _| {
            gso.kind = gso.kind.and(bits)
        });
    }
    // Another header between the two of IP in IP.
    refused(&tcp(Some(GRE)), nested, |_, gso, _| {
        gso.kind = GsoKind::TCPV4.and(GsoKind::IPXIP4);
    });
    // What the outer header announces.
    refused(&tcp(Some(GRE)), nested, |_, _, frame| frame[14 + 9] = 4);
    refused(&tcp(Some(Tunnel::Ip)), TxRefusal::Headers, |_, _, frame| {
        frame[14 + 9] = 41
    });
    // The GRE header has a checksum, or it has not.
    refused(&tcp(Some(GRE)), TxRefusal::Headers, |_, gso, _| {
        gso.kind = GsoKind::TCPV4.and(GsoKind::GRE_CSUM);
    });
    refused(&tcp(Some(GRE)), TxRefusal::Headers, |_, _, frame| {
        frame[34] |= 0x80
    });
    // An inner header that begins in the outer one, or in the tunnel's.
    for network in [20, 35] {
        refused(&tcp(Some(GRE)), TxRefusal::Headers, |descriptor, _, _| {
            let transport = 58;
            descriptor.headers.inner = Some(InnerHeaders { network, transport });
        });
    }
    refused(
        &tcp(Some(GRE)),
        TxRefusal::Encapsulation,
        |descriptor, _, _| {
            descriptor.headers.inner = None;
        },
    );
    refused(&tcp(None), TxRefusal::Encapsulation, |descriptor, _, _| {
        descriptor.headers.inner = Some(InnerHeaders::default());
    });
}

#[test]
fn labels() {
    let labelled = |outer| Packet {
        link: Link::Mpls(2),
        ..tcp(outer)
    };
    for offset in [None, Some(0), Some(18), Some(23), Some(26)] {
        refused(&labelled(None), TxRefusal::Headers, |descriptor, _, _| {
            descriptor.headers.labelled = offset;
        });
    }
    let packet = labelled(Some(Tunnel::Ip));
    let plan = TxPlan::new(&packet.descriptor(Some(100)), &packet.unfinished(100), []);
    assert_eq!(plan, Err(TxRefusal::NestedTunnels));
}

#[test]
fn headers() {
    let packet = tcp(None);
    for (at, byte) in [
        (12, 0x86),      // an EtherType that is not IPv4's
        (14, 0x55),      // neither IPv4 nor IPv6
        (14, 0x44),      // an IPv4 header of 16 bytes
        (14 + 9, 17),    // UDP
        (34 + 12, 0x40), // a TCP header of 16 bytes
    ] {
        refused(&packet, TxRefusal::Headers, |_, _, frame| frame[at] = byte);
    }
    let short = TxRefusal::HeadersNotLinear;
    for len in [13, 14, 33, 46, 65] {
        refused(&packet, short, |_, _, frame| frame.truncate(len));
    }
    refused(&packet, short, |descriptor, _, _| {
        descriptor.headers.network = u16::MAX
    });
    refused(&packet, TxRefusal::Headers, |descriptor, _, _| {
        descriptor.headers.network = 1;
    });
    // Labels that never end.
    refused(&packet, short, |_, _, frame| {
        frame[12..14].copy_from_slice(&[0x88, 0x47]);
        frame[14..].fill(0);
    });
    // Beyond the end of the frame, whatever is linear.
    refused(&packet, short, |descriptor, _, _| descriptor.len = 65);
    // Extension headers that never end.
    let ipv6 = Packet {
        ip: Ip::v6(1),
        ..packet
    };
    refused(&ipv6, short, |_, _, frame| {
        frame[14 + 6] = 0;
        frame[54..].fill(0);
    });
}

#[test]
fn sizes_and_checksums() {
    let packet = tcp(None);
    for size in [0, u16::MAX] {
        refused(&packet, TxRefusal::SegmentSize, |_, gso, _| gso.size = size);
    }
    for size in [300, 301, u16::MAX - 1] {
        refused(&packet, TxRefusal::Payload, |_, gso, _| gso.size = size);
    }
    for checksum in [
        TxChecksum::None,
        TxChecksum::Crc32c {
            start: 34,
            offset: 16,
        },
        TxChecksum::Internet {
            start: 35,
            offset: 16,
        },
    ] {
        refused(&packet, TxRefusal::Checksum, |descriptor, _, _| {
            descriptor.checksum = checksum
        });
    }
}

#[test]
fn a_protocol_specific_device_segments_tcp_alone() {
    let specific = TxRefusal::ProtocolSpecific;
    let udp = Packet {
        transport: Transport::Udp,
        ..tcp(None)
    };
    let mpls = Packet {
        link: Link::Mpls(2),
        ..tcp(None)
    };
    for packet in [tcp(Some(VXLAN)), tcp(Some(Tunnel::Ip)), udp, mpls] {
        refused(&packet, specific, |descriptor, _, _| {
            descriptor.capability = TxCapability::ProtocolSpecific;
        });
    }
}

#[test]
fn wire_frames_that_are_not_of_the_plan() {
    let packet = tcp(None);
    let frame = packet.unfinished(100);
    let plan = |frame: &[u8]| TxPlan::new(&packet.descriptor(Some(100)), frame, []);
    let plan = plan(&frame).expect("a frame to cut");
    let longer = Packet {
        payload: random::payload(350, 1),
        ..packet.clone()
    };
    let other = longer.unfinished(100);
    let other = TxPlan::new(&longer.descriptor(Some(100)), &other, []).expect("a frame to cut");
    let of = |plan: &TxPlan, index| plan.wire_frames([]).nth(index).expect("a wire frame");
    let (first, fourth) = (of(&plan, 0), of(&other, 3));
    for (wire_frame, len) in [(&first, 165), (&first, 167), (&fourth, 116)] {
        let wire = &mut frame[..len].to_vec();
        let finished = plan.finish(wire_frame, wire);
        assert_eq!(
            finished,
            Err(TxRefusal::WireFrame),
            "{wire_frame:?}, {len} bytes"
        );
    }
    assert_eq!(plan.finish(&first, &mut frame[..166].to_vec()), Ok(()));
}

#[test]
fn names_are_fit_for_counters() {
    let names: BTreeSet<_> = TxRefusal::ALL
        .iter()
        .map(|refusal| refusal.name())
        .collect();
    assert_eq!(names.len(), TxRefusal::ALL.len());
    for (index, refusal) in TxRefusal::ALL.iter().enumerate() {
        assert_eq!(*refusal as usize, index);
        let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(refusal.name().bytes().all(fit), "{}", refusal.name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Whatever is wrong, it is refused or the wire frames have the bytes that were promised.
    #[test]
    fn hostile_headers(
        packet in random::packet(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        bits in 0_u32..32,
        offsets in vec((0_usize..5, any::<u8>()), 0..3),
        linear in any::<prop::sample::Index>(),
    ) {
        let packet = Packet { payload: random::payload(300, 1), ..packet };
        let mut frame = packet.unfinished(100);
        let mut descriptor = packet.descriptor(Some(100));
        for (at, byte) in changes {
            let headers = frame.len() - 300;
            frame[at.index(headers)] = byte;
        }
        if let Some(gso) = &mut descriptor.gso {
            gso.kind.0 ^= u32::from(bits % 2 == 0) << bits;
        }
        for (which, value) in offsets {
            let inner = descriptor.headers.inner.get_or_insert_default();
            match which {
                0 => descriptor.headers.network = value.into(),
                1 => inner.network = value.into(),
                2 => descriptor.len = value.into(),
                3 => descriptor.headers.inner = None,
                _ => descriptor.checksum = TxChecksum::Internet { start: value.into(), offset: 16 },
            }
        }
        frame.truncate(descriptor.len as usize);
        let headers = &frame[..frame.len() - linear.index(frame.len().min(300) + 1)];
        if let Ok(plan) = TxPlan::new(&descriptor, headers, []) {
            for wire_frame in plan.wire_frames([]) {
                let mut wire = frame[..wire_frame.header].to_vec();
                wire.extend(&frame[wire_frame.payload.clone()]);
                prop_assert_eq!(plan.finish(&wire_frame, &mut wire), Ok(()));
            }
        }
    }
}
