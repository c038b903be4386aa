// SPDX-License-Identifier: GPL-2.0

//! The walk over the graph of the kernel's own flow dissector, alone and with what steering wants to know.

use std::hint::black_box;

use engine::parser::Found;

use crate::kernel::{parse, MACHINE};
use crate::turns::Contestant;
use crate::{around, compete};

/// How many frames of each kind go around.
const FLOWS: u16 = 1024;

/// What is behind the Ethernet addresses of a frame: each kind with its name.
fn kinds() -> [(&'static str, Vec<u8>); 5] {
    let ipv4 = |protocol: u8, behind: &[u8]| {
        let start = [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, protocol, 0, 0];
        [&start, &[10, 7, 0, 2, 10, 7, 0, 1][..], behind].concat()
    };
    let ipv6 = |next: u8, behind: &[u8]| {
        let start = [0x60, 0, 0, 0, 0, 8, next, 64];
        [&start, &[0x20; 32][..], behind].concat()
    };
    let ports = [0x80, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 0];
    let tcp4 = ipv4(6, &ports);
    let behind = |ether_type: &[u8], header: &[u8]| [ether_type, header].concat();
    [
        ("TCP/IPv4", behind(&[8, 0], &tcp4)),
        ("UDP/IPv6", behind(&[0x86, 0xdd], &ipv6(17, &ports))),
        (
            "VLAN, IPv6",
            behind(&[0x81, 0, 0, 7, 0x86, 0xdd], &ipv6(17, &ports)),
        ),
        ("IPIP", behind(&[8, 0], &ipv4(4, &tcp4))),
        (
            "IPv6 ext.",
            behind(
                &[0x86, 0xdd],
                &ipv6(60, &[&[17, 0, 0, 0, 0, 0, 0, 0], &ports[..]].concat()),
            ),
        ),
    ]
}

/// Prints a row for each kind of frame, or only runs all.
pub(crate) fn table(is_bench: bool) {
    let mut has_head = false;
    for (name, behind) in kinds() {
        let frame = |flow: u16| {
            let [high, low] = flow.to_be_bytes();
            [&[2, 0, 0, 0, high, low, 2, 0, 0, 0, 0, 2], &behind[..]].concat()
        };
        let frames: Vec<_> = (0..FLOWS).map(frame).collect();
        let (mut walked, mut steered) = (around(&frames), around(&frames));
        let mut found = Found::default();
        let mut contestants = [
            Contestant::new("walk", || {
                MACHINE.parse_into(walked(), 0, &mut found);
                black_box(&found);
            }),
            Contestant::new("flow", || {
                black_box(&parse(steered()));
            }),
        ];
        compete(name, &mut contestants, is_bench, &mut has_head);
    }
}
