// SPDX-License-Identifier: GPL-2.0

//! Frames that are to be routed.

use etherparse::PacketBuilder;

use engine::forward::IpAddress;

use super::model::{ROUTER, SENDER};

/// Where frames come from: behind the port, and nothing else.
pub(crate) const SOURCE4: [u8; 4] = [198, 51, 100, 9];
pub(crate) const SOURCE6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/// A frame with UDP to `address`.
pub(crate) fn to(address: IpAddress) -> Vec<u8> {
    with_payload(address, 12)
}

/// The same with so many bytes behind its UDP header.
pub(crate) fn with_payload(address: IpAddress, len: usize) -> Vec<u8> {
    let source = match address {
        IpAddress::V4(_) => IpAddress::V4(SOURCE4),
        IpAddress::V6(_) => IpAddress::V6(SOURCE6),
    };
    build(source, address, &vec![0x5a; len])
}

/// A frame with UDP from one address to another that has not long to live, but long enough.
pub(crate) fn between(source: IpAddress, destination: IpAddress) -> Vec<u8> {
    build(source, destination, &[0x5a; 12])
}

fn build(source: IpAddress, destination: IpAddress, payload: &[u8]) -> Vec<u8> {
    let link = PacketBuilder::ethernet2(SENDER, ROUTER);
    let packet = match (source, destination) {
        (IpAddress::V4(source), IpAddress::V4(destination)) => link.ipv4(source, destination, 2),
        (IpAddress::V6(source), IpAddress::V6(destination)) => link.ipv6(source, destination, 2),
        other => panic!("{other:?}"),
    };
    let packet = packet.udp(1234, 53);
    let mut frame = Vec::with_capacity(packet.size(payload.len()));
    packet
        .write(&mut frame, payload)
        .expect("a vector takes all");
    frame
}

/// The checksum of an IPv4 header, as RFC 791 has it: of all words but that itself.
pub(crate) fn checksum(header: &[u8]) -> u16 {
    let words = header
        .chunks(2)
        .enumerate()
        .filter(|(index, _)| *index != 5);
    let sum: u32 = words
        .map(|(_, word)| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

/// `frame` with the checksum of its IPv4 header made right.
pub(crate) fn summed(mut frame: Vec<u8>) -> Vec<u8> {
    let len = usize::from(frame[14] & 0xf) * 4;
    let sum = checksum(&frame[14..14 + len]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// `frame` with other bytes at `at`.
pub(crate) fn put(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}
