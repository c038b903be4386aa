// SPDX-License-Identifier: GPL-2.0

//! VLAN tags that are put into frames.

use engine::vlan::{insert, VlanTag, FRONT};

#[test]
fn a_tag_stands_between_addresses_and_ethertype() {
    for (protocol, tci) in [(0x8100, 0), (0x8100, 0xffff), (0x88a8, 0x2007)] {
        let frame: Vec<u8> = (0..64).collect();
        let mut bytes = [vec![0xee; 4], frame.clone()].concat();
        let front: &mut [u8; FRONT] = bytes.first_chunk_mut().expect("a frame");
        insert(front, VlanTag { protocol, tci });
        let [tpid, tci] = [protocol.to_be_bytes(), u16::to_be_bytes(tci)];
        let expected = [&frame[..12], &tpid, &tci, &frame[12..]].concat();
        assert_eq!(bytes, expected);
    }
}
