// SPDX-License-Identifier: GPL-2.0

//! Frames as they are met, each with its name.

/// Behind it: ports, or what else there is.
const DATA: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

fn ethernet(ether_type: u16, data: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    [&addresses, &ether_type.to_be_bytes()[..], data].concat()
}

fn vlan(tci: u16, ether_type: u16, data: &[u8]) -> Vec<u8> {
    [&tci.to_be_bytes(), &ether_type.to_be_bytes()[..], data].concat()
}

/// IPv4 with so many words of options.
fn ipv4(protocol: u8, fragment: u16, options: u8, data: &[u8]) -> Vec<u8> {
    let mut header = vec![0x45 + options, 4, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
    header[6..8].copy_from_slice(&fragment.to_be_bytes());
    header.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    header.resize(header.len() + 4 * usize::from(options), 1);
    header.extend(data);
    header
}

fn ipv6(next: u8, label: u16, data: &[u8]) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    header[2..4].copy_from_slice(&label.to_be_bytes());
    header.extend([0x11; 16]);
    header.extend([0x22; 16]);
    header.extend(data);
    header
}

/// An extension header of 8 bytes and so many more units of that.
fn extension(next: u8, units: u8, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut header = vec![next, units, kind, 1];
    header.resize(8 + 8 * usize::from(units), 0);
    header.extend(data);
    header
}

fn gre(flags: u16, ether_type: u16, data: &[u8]) -> Vec<u8> {
    let fields = 4 * (flags & 0xb000).count_ones() as usize;
    let mut header = [flags.to_be_bytes(), ether_type.to_be_bytes()].concat();
    header.resize(4 + fields, 7);
    header.extend(data);
    header
}

fn udp(port: u16, data: &[u8]) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    [&[0x80, 1, high, low, 0, 0, 0, 0], data].concat()
}

fn tcp() -> Vec<u8> {
    let mut header = vec![0x80, 1, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x12, 0, 9];
    header.extend([0, 0, 0, 0]);
    header.extend([1, 1, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4]);
    header
}

/// All of them.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let tcp4 = ipv4(6, 0x4000, 0, &tcp());
    let tcp6 = ipv6(6, 0, &tcp());
    let inner = ethernet(0x0800, &tcp4);
    let routed = extension(6, 2, 4, &tcp());
    let chain = extension(43, 0, 0, &extension(60, 2, 4, &extension(44, 1, 0, &DATA)));
    let geneve_options = [0, 1, 0x80, 1, 9, 9, 9, 9, 0, 1, 2, 0];
    let geneve = [&[3, 0, 0x65, 0x58, 0, 0, 7, 0], &geneve_options[..], &inner].concat();
    let vxlan = [&[8, 0, 0, 0, 0, 0, 7, 0], &inner[..]].concat();
    let gtp = [&[0x34, 255, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0], &tcp4[..]].concat();
    let tags = vlan(1, 0x8100, &vlan(0x2002, 0x86dd, &tcp6));
    let pppoe = [&[0x11, 0, 0, 1, 0, 9, 0, 0x57], &tcp6[..]].concat();
    vec![
        ("TCP over IPv4", ethernet(0x0800, &tcp4)),
        ("TCP over IPv6", ethernet(0x86dd, &tcp6)),
        (
            "UDP with a flow label",
            ethernet(0x86dd, &ipv6(17, 9, &udp(53, &DATA))),
        ),
        (
            "options of IPv4",
            ethernet(0x0800, &ipv4(17, 0, 10, &udp(9, &DATA))),
        ),
        (
            "first fragment",
            ethernet(0x0800, &ipv4(17, 0x2000, 0, &udp(9, &DATA))),
        ),
        (
            "later fragment",
            ethernet(0x0800, &ipv4(17, 0x2005, 0, &DATA)),
        ),
        ("a tag", ethernet(0x8100, &vlan(5, 0x0800, &tcp4))),
        ("tags", ethernet(0x88a8, &tags)),
        ("extension headers", ethernet(0x86dd, &ipv6(0, 0, &chain))),
        ("segments", ethernet(0x86dd, &ipv6(43, 0, &routed))),
        ("no next header", ethernet(0x86dd, &ipv6(59, 0, &DATA))),
        ("IPv4 in IPv4", ethernet(0x0800, &ipv4(4, 0, 0, &tcp4))),
        ("IPv6 in IPv4", ethernet(0x0800, &ipv4(41, 0, 1, &tcp6))),
        ("IPv4 in IPv6", ethernet(0x86dd, &ipv6(4, 3, &tcp4))),
        (
            "GRE",
            ethernet(0x0800, &ipv4(47, 0, 0, &gre(0, 0x86dd, &tcp6))),
        ),
        (
            "GRE with fields",
            ethernet(0x0800, &ipv4(47, 0, 0, &gre(0xb000, 0x0800, &tcp4))),
        ),
        (
            "Ethernet in GRE",
            ethernet(0x86dd, &ipv6(47, 0, &gre(0x2000, 0x6558, &inner))),
        ),
        (
            "VXLAN",
            ethernet(0x0800, &ipv4(17, 0, 0, &udp(4789, &vxlan))),
        ),
        (
            "GENEVE",
            ethernet(0x86dd, &ipv6(17, 0, &udp(6081, &geneve))),
        ),
        ("GTP", ethernet(0x0800, &ipv4(17, 0, 0, &udp(2152, &gtp)))),
        (
            "MPLS",
            ethernet(0x8847, &[&[0, 1, 0x11, 64], &tcp4[..]].concat()),
        ),
        ("PPPoE", ethernet(0x8864, &pppoe)),
        ("ESP", ethernet(0x0800, &ipv4(50, 0, 0, &DATA))),
        ("AH", ethernet(0x86dd, &ipv6(51, 0, &DATA))),
        ("ICMP", ethernet(0x86dd, &ipv6(58, 0, &DATA))),
        ("ARP", ethernet(0x0806, &DATA)),
        ("another version", ethernet(0x0800, &tcp6)),
        (
            "a length too short",
            ethernet(0x0800, &[&[0x44], &tcp4[1..]].concat()),
        ),
    ]
}
