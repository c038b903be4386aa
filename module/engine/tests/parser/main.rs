// SPDX-License-Identifier: GPL-2.0

//! The parser against what is known of frames from making them, and against another parser.

mod frame;
mod hashed;
mod kernel;
mod random;

use engine::parser::{FlowType, Keys, Layer4, Path};
use etherparse::{ip_number, Ipv6Header, LaxNetSlice, LaxSlicedPacket};
use etherparse::{LaxLinkExtSlice, TransportSlice};
use frame::{Extension, Frame, Net, Piece, Seen, Tag, Transport};
use kernel::parse;
use proptest::prelude::*;

/// That what is found is what is known of `frame`, whole and cut off anywhere.
fn check(frame: &Frame) -> Result<(), TestCaseError> {
    let told = frame.told();
    for len in 0..=told.bytes.len() {
        let parsed = parse(&told.bytes[..len]);
        let mut expected = told.by(len);
        // In the order of the list.
        expected.path = frame::PATHS
            .into_iter()
            .filter(|path| expected.path.contains(path))
            .collect();
        prop_assert_eq!(Seen::of(&parsed), expected, "{} bytes of {:?}", len, frame);
    }
    Ok(())
}

proptest! {
    #[test]
    fn it_finds_what_is_there_however_much_that_is(frame in random::frame()) {
        check(&frame)?;
    }

    /// As many headers as it goes through, one less, and more.
    #[test]
    fn it_ends_at_the_limit(frame in random::long()) {
        check(&frame)?;
    }

    /// Another parser finds the same in whole frames.
    #[test]
    fn etherparse_finds_the_same(frame in random::usual()) {
        let bytes = frame.told().bytes;
        let found = parse(&bytes);
        let other = LaxSlicedPacket::from_ethernet(&bytes).expect("an Ethernet header");
        let tags: Vec<_> = other
            .link_exts
            .iter()
            .map(|tag| match tag {
                LaxLinkExtSlice::Vlan(tag) => (tag.slice()[0], tag.slice()[1]),
                LaxLinkExtSlice::Macsec(_) => unreachable!("no such frame is made"),
            })
            .collect();
        prop_assert_eq!(found.path.has(Path::VLAN), !tags.is_empty());
        prop_assert_eq!(found.path.has(Path::VLAN_STACK), tags.len() > 1);
        if let Some((high, low)) = tags.first() {
            prop_assert_eq!(found.keys.vlan_tci, u16::from_be_bytes([*high, *low]));
        }
        let network = 14 + 4 * tags.len();
        let (behind, protocol) = match other.net.as_ref().expect("IP") {
            LaxNetSlice::Ipv4(ip) => {
                let header = ip.header();
                prop_assert_eq!(&found.keys.ip_source[..4], &header.source());
                prop_assert_eq!(&found.keys.ip_destination[..4], &header.destination());
                prop_assert_eq!(found.keys.tos, header.dcp().value() << 2 | header.ecn().value());
                prop_assert_eq!(found.path.has(Path::FRAGMENT), header.is_fragmenting_payload());
                prop_assert_eq!(found.path.has(Path::IPV4_OPTIONS), !header.options().is_empty());
                let start = network + header.slice().len();
                (&bytes[start..], header.protocol())
            }
            LaxNetSlice::Ipv6(ip) => {
                let header = ip.header();
                prop_assert_eq!(found.keys.ip_source, header.source());
                prop_assert_eq!(found.keys.ip_destination, header.destination());
                prop_assert_eq!(found.keys.flow_label, header.flow_label().value());
                prop_assert_eq!(found.keys.tos, header.traffic_class());
                let mut protocol = header.next_header();
                let mut rest = &bytes[network + 40..];
                while protocol != ip_number::AUTH
                    && Ipv6Header::is_skippable_header_extension(protocol)
                {
                    prop_assert!(found.path.has(Path::IPV6_EXTENSION));
                    (protocol, rest) = Ipv6Header::skip_header_extension_in_slice(rest, protocol)
                        .expect("a whole header");
                }
                (rest, protocol)
            }
            LaxNetSlice::Arp(_) => unreachable!("no such frame is made"),
        };
        prop_assert_eq!(found.keys.ip_protocol, protocol.0);
        if !behind.is_empty() {
            prop_assert_eq!(usize::from(found.transport_offset), bytes.len() - behind.len());
        }
        match other.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                prop_assert_eq!(&found.keys.ports[..], &tcp.slice()[..4]);
                prop_assert!(matches!(found.flow, FlowType::Tcp4 | FlowType::Tcp6));
            }
            Some(TransportSlice::Udp(udp)) => {
                prop_assert_eq!(&found.keys.ports[..], &udp.slice()[..4]);
                prop_assert!(matches!(found.flow, FlowType::Udp4 | FlowType::Udp6));
            }
            _ => {
                let protocol = found.keys.ip_protocol;
                let is_known = matches!(protocol, 6 | 17) && found.keys.layer4 == Layer4::Whole;
                // etherparse takes AH for an extension, and headers in the order of the RFC alone.
                prop_assert!(!is_known || other.stop_err.is_some(), "{:?}", other);
            }
        }
    }

    /// Bytes that are no frame: offsets within it, and never more by less of it.
    #[test]
    fn anything_is_parsed(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), v6 in any::<bool>()) {
        if let Some(ether_type) = bytes.get_mut(12..14) {
            ether_type.copy_from_slice(if v6 { &[0x86, 0xdd] } else { &[8, 0] });
        }
        let mut before = Seen::of(&parse(&[]));
        for len in 0..=bytes.len() {
            let seen = Seen::of(&parse(&bytes[..len]));
            prop_assert!(seen.transport_offset <= len);
            let lost = |path: &&Path| !seen.path.contains(path);
            prop_assert_eq!(before.path.iter().find(lost), None);
            before = seen;
        }
    }
}

/// A frame of TCP over IPv4.
fn tcp4() -> Frame {
    Frame {
        destination: [1; 6],
        source: [2; 6],
        tags: vec![],
        net: Net::V4 {
            tos: 0,
            addresses: ([10, 0, 0, 1], [10, 0, 0, 2]),
            options: 0,
            fragment: None,
        },
        transport: Transport::Tcp([0x12, 0x34, 0, 80]),
    }
}

/// TCP behind `tags` tags and, over IPv6, `extensions` extension headers.
fn stack(tags: usize, extensions: usize) -> Frame {
    let tag = Tag {
        is_service: false,
        tci: 5,
    };
    let extension = Extension { kind: 60, units: 0 };
    Frame {
        tags: vec![tag; tags],
        net: Net::V6 {
            class: 0,
            label: 0,
            addresses: ([1; 16], [2; 16]),
            extensions: vec![extension; extensions],
            fragment: None,
        },
        ..tcp4()
    }
}

/// The kernel's dissector goes on behind 15 tags and extension headers. Ports it looks for behind the
/// sixteenth as well, if that is an extension header.
#[test]
fn the_limit_is_the_kernels() {
    for (tags, extensions, flow, protocol) in [
        (15, 0, FlowType::Tcp6, 6),
        (15, 1, FlowType::Tcp6, 6),
        (15, 2, FlowType::Ipv6, 60),
        (0, 16, FlowType::Tcp6, 6),
        (0, 17, FlowType::Ipv6, 60),
        (8, 8, FlowType::Tcp6, 6),
        (8, 9, FlowType::Ipv6, 60),
        (16, 0, FlowType::Ether, 0),
    ] {
        let parsed = parse(&stack(tags, extensions).told().bytes);
        let found = (parsed.flow, parsed.keys.ip_protocol);
        assert_eq!(
            found,
            (flow, protocol),
            "{tags} tags, {extensions} extensions"
        );
        assert_eq!(parsed.keys.ether_type, 0x86dd);
    }
    let tagged = parse(&stack(17, 0).told().bytes);
    assert_eq!(tagged.keys.ether_type, 0x8100);
    assert_eq!(tagged.flow, FlowType::Ether);
}

#[test]
fn a_header_without_room_for_itself_is_none() {
    let whole = tcp4().told().bytes;
    let bad = |byte: u8, ether_type: [u8; 2]| {
        let mut bytes = whole.clone();
        bytes.extend([0; 40]);
        bytes[12..14].copy_from_slice(&ether_type);
        bytes[14] = byte;
        parse(&bytes)
    };
    for byte in [0x44, 0x40] {
        let ether_type = [8, 0];
        let parsed = bad(byte, ether_type);
        let expected = Keys {
            destination: [1; 6],
            source: [2; 6],
            ether_type: u16::from_be_bytes(ether_type),
            ..Keys::default()
        };
        assert_eq!(parsed.keys, expected, "{byte:#x}");
        assert_eq!(parsed.flow, FlowType::Ether);
        assert_eq!(parsed.transport_offset, 0);
        assert!(!parsed.path.has(Path::IPV4) && !parsed.path.has(Path::IPV6));
    }
    // As the kernel's dissector, it goes by the EtherType alone: others drop what is of another version.
    for byte in [0x45, 0x65, 0x05] {
        assert_eq!(bad(byte, [8, 0]).flow, FlowType::Tcp4);
    }
    for byte in [0x60, 0x45, 0x70] {
        assert_eq!(bad(byte, [0x86, 0xdd]).keys.ip_version, 6);
    }
}

/// Every piece of a packet is of the same flow, also the first, in which there are ports.
#[test]
fn pieces_of_a_packet_are_of_one_flow() {
    for (offset, has_more) in [(0, true), (100, true), (200, false)] {
        let piece = Some(Piece { offset, has_more });
        let mut v4 = tcp4();
        let mut v6 = stack(0, 1);
        for frame in [&mut v4, &mut v6] {
            match &mut frame.net {
                Net::V4 { fragment, .. } | Net::V6 { fragment, .. } => *fragment = piece,
                Net::Other(_) => {}
            }
        }
        for (frame, flow) in [(v4, FlowType::Ipv4), (v6, FlowType::Ipv6)] {
            let parsed = parse(&frame.told().bytes);
            assert_eq!(parsed.flow, flow);
            assert_eq!(parsed.keys.layer4, Layer4::Fragment);
            assert_eq!(parsed.keys.ports, [0; 4]);
            assert_eq!(parsed.keys.ip_protocol, 6);
        }
    }
}

/// A mask can choose each key by itself: no two of them share a bit of the words.
#[test]
fn each_key_has_bits_of_its_own() {
    let none = Keys::default();
    let each = [
        Keys {
            destination: [0xff; 6],
            ..none
        },
        Keys {
            source: [0xff; 6],
            ..none
        },
        Keys {
            ether_type: 0xffff,
            ..none
        },
        Keys {
            vlan_protocol: 0xffff,
            ..none
        },
        Keys {
            vlan_tci: 0xffff,
            ..none
        },
        Keys {
            ip_version: 0xff,
            ..none
        },
        Keys {
            ip_protocol: 0xff,
            ..none
        },
        Keys { tos: 0xff, ..none },
        Keys {
            layer4: Layer4::Whole,
            ..none
        },
        Keys {
            ip_source: [0xff; 16],
            ..none
        },
        Keys {
            ip_destination: [0xff; 16],
            ..none
        },
        Keys {
            ports: [0xff; 4],
            ..none
        },
    ];
    let mut taken = none.words();
    assert_eq!(taken, [0; Keys::WORDS]);
    for keys in each {
        for (taken, word) in taken.iter_mut().zip(keys.words()) {
            assert_eq!(*taken & word, 0, "{keys:?}");
            *taken |= word;
        }
    }
    let bits: u32 = taken.iter().map(|word| word.count_ones()).sum();
    // One of the byte that says what is known of layer 4.
    assert_eq!(bits, 8 * (12 + 6 + 3 + 32 + 4) + 1);
}
