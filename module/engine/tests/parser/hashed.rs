// SPDX-License-Identifier: GPL-2.0

//! What the kernel is told to make its hash from. That the hash is the one which it makes by itself is
//! tested in the guest.

use engine::frame::VlanTag;
use engine::parser::{FlowKeys, FlowType, IpVersion};
use etherparse::PacketBuilder;

use super::kernel::MACHINE;

/// An UDP packet from 192.0.2.1 port 1000 to 192.0.2.2 port 53, with `tags` tags numbered from 1 on.
fn udp(tags: u16) -> Vec<u8> {
    let link = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let mut frame = Vec::new();
    let ip = link.ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64);
    ip.udp(1000, 53).write(&mut frame, &[0; 8]).expect("memory");
    for tag in (1..=tags).rev() {
        let tag = 0x7000 | tag;
        frame.splice(12..12, [0x81, 0, (tag >> 8) as u8, tag as u8]);
    }
    frame
}

fn keys(frame: &[u8], beside: Option<VlanTag>) -> Option<FlowKeys> {
    MACHINE.flow_keys_of(frame, beside)
}

#[test]
fn a_packet() {
    let found = keys(&udp(0), None).expect("all of it");
    assert_eq!(found.addresses, Some(IpVersion::V4));
    assert_eq!(found.address_bytes[..8], [192, 0, 2, 1, 192, 0, 2, 2]);
    assert_eq!(found.ether_type, [8, 0]);
    assert_eq!(found.ip_protocol, 17);
    assert_eq!(found.ports, [3, 232, 0, 53]);
    assert_eq!((found.vlan, found.flow_label), (None, 0));
    assert_eq!((found.flow(), found.have_layer4()), (FlowType::Udp4, true));
    // Where it breaks off within its ports there are none.
    let found = keys(&udp(0)[..36], None).expect("its addresses");
    assert_eq!((found.flow(), found.have_layer4()), (FlowType::Ipv4, false));
}

#[test]
fn a_tag_is_the_same_among_the_bytes_and_beside_them() {
    for behind in 0..2 {
        let among = udp(behind + 1);
        let found = keys(&among, None).expect("all of it");
        let tag = VlanTag {
            protocol: 0x8100,
            tci: 0x7001,
        };
        let mut bytes = among.clone();
        bytes.drain(12..16);
        assert_eq!(keys(&bytes, Some(tag)), Some(found));
        // The drop eligible indicator tells no flows apart.
        let (vlan, ether_type) = found.vlan.expect("a tag");
        assert_eq!((vlan.protocol, vlan.tci), (0x8100, 0x6001));
        let expected = [[8, 0], [0x81, 0]][usize::from(behind)];
        assert_eq!(ether_type, expected);
    }
}

#[test]
fn an_outer_address_is_left_behind_an_inner_one() {
    let mut frame = Vec::new();
    let link = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let inner = udp(0).split_off(14);
    let ip = link.ipv6([0x11; 16], [0x22; 16], 64);
    ip.write(&mut frame, 4.into(), &inner).expect("memory");
    let found = keys(&frame, None).expect("all of it");
    assert_eq!(found.addresses, Some(IpVersion::V4));
    assert_eq!(found.address_bytes[..8], [192, 0, 2, 1, 192, 0, 2, 2]);
    assert_eq!(found.address_bytes[8..16], [0x11; 8]);
    assert_eq!(found.address_bytes[16..], [0x22; 16]);
}

#[test]
fn what_is_the_kernels_alone() {
    let typed = |ether_type: u16| {
        let mut frame = udp(0);
        frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
        keys(&frame, None).is_some()
    };
    // ARP, and one that nobody knows; a length; TIPC, which the graph leaves out.
    assert_eq!([0x0806, 0x0600].map(typed), [true, true]);
    assert_eq!([0x05ff, 0x0004, 0x88ca].map(typed), [false, false, false]);
    // So many headers that it matters whether the tag is one of them.
    assert_eq!(
        [1, 10, 20].map(|tags| keys(&udp(tags), None).is_some()),
        [true, true, false]
    );
}
