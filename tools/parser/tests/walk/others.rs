// SPDX-License-Identifier: GPL-2.0

//! What the other samples find.

use parse_graph::Target;

use crate::{ethernet, find, frame, ipv4, ipv6, PORTS};

#[test]
fn small_leaves_out_what_is_not_usual() {
    let found = find(
        "small",
        &frame(&[&ethernet(0x0800), &ipv4(6, 0, 0), &PORTS]),
        0,
    );
    assert_eq!(
        (found.end, found.thoff, found.number("ports")),
        (Target::OKAY, 34, 0x1234_5678)
    );
    for rest in [
        ipv4(6, 0, 1),
        ipv4(6, 0x2000, 0),
        ipv4(1, 0, 0),
        ipv4(6, 0, 0)[..19].to_vec(),
    ] {
        let found = find("small", &frame(&[&ethernet(0x0800), &rest]), 0);
        assert_eq!(found.end, Target::LEFT_OUT);
    }
    let found = find(
        "small",
        &frame(&[&ethernet(0x86dd), &ipv6(6, 1), &PORTS]),
        0,
    );
    assert_eq!(found.end, Target::LEFT_OUT);
}

#[test]
fn reference_is_as_strict_as_the_sample_of_the_kernel() {
    let check = |parts: &[&[u8]], end, thoff, fields: &[(&str, u64)]| {
        let found = find("reference", &frame(parts), 0);
        assert_eq!((found.end, found.thoff), (end, thoff), "{found:?}");
        for (field, value) in fields {
            assert_eq!(found.number(field), *value, "{field}: {found:?}");
        }
    };
    let mut tcp = [0; 24];
    tcp[..4].copy_from_slice(&PORTS[..4]);
    tcp[12] = 0x60;
    let ports = [("ports", 0x1234_5678)];
    check(
        &[&ethernet(0x0800), &ipv4(6, 0, 0), &tcp],
        Target::OKAY,
        34,
        &ports,
    );
    check(
        &[&ethernet(0x0800), &ipv4(6, 0, 0), &tcp[..23]],
        Target::FAIL,
        34,
        &[("ports", 0)],
    );
    tcp[12] = 0x40;
    check(
        &[&ethernet(0x0800), &ipv4(6, 0, 0), &tcp],
        Target::FAIL,
        34,
        &[("ports", 0)],
    );
    check(
        &[&ethernet(0x0800), &ipv4(17, 0, 2)[..26]],
        Target::FAIL,
        40,
        &[("ip_proto", 17)],
    );
    check(
        &[&ethernet(0x0800), &ipv4(89, 0, 0)],
        Target::FAIL,
        34,
        &[("ip_proto", 89)],
    );
    let mut local = ipv4(17, 0, 0);
    local[12..16].copy_from_slice(&[127, 0, 0, 127]);
    check(
        &[&ethernet(0x0800), &local, &PORTS],
        Target::LEFT_OUT,
        14,
        &[],
    );
    let tag = [0, 1, 0x81, 0];
    let last = [0, 2, 8, 0];
    let fields = [("nhoff", 22), ("n_proto", 0x0800), ("ports", 0x1234_5678)];
    check(
        &[&ethernet(0x88a8), &tag, &last, &ipv4(17, 0, 0), &PORTS],
        Target::OKAY,
        42,
        &fields,
    );
    check(
        &[&ethernet(0x8100), &tag, &last],
        Target::FAIL,
        18,
        &[("nhoff", 18), ("n_proto", 0x8100)],
    );
    check(
        &[&ethernet(0x88a8), &last],
        Target::FAIL,
        14,
        &[("nhoff", 14), ("n_proto", 0x88a8)],
    );
    // 33 calls, and no more: the first one is that of the outer header.
    let ends = [(31, Target::OKAY), (32, Target::OKAY), (33, Target::FAIL)];
    for (count, end) in ends {
        let outer = ipv4(4, 0, 0).repeat(count);
        let found = find(
            "reference",
            &frame(&[&ethernet(0x0800), &outer, &ipv4(17, 0, 0), &PORTS]),
            0,
        );
        assert_eq!(found.end, end, "{count}");
    }
}

#[test]
fn overlay_finds_the_inner_packet() {
    let udp = |port: u16| [&[0xc0, 0][..], &port.to_be_bytes(), &[0; 4]].concat();
    let outer = |port| [ethernet(0x0800), ipv4(17, 0, 0), udp(port)].concat();
    let inner = [ipv6(6, 0), PORTS.to_vec()].concat();
    let check = |tunnel: &[u8], thoff, fields: &[(&str, u64)]| {
        let found = find("overlay", tunnel, 0);
        assert_eq!((found.end, found.thoff), (Target::OKAY, thoff), "{found:?}");
        for (field, value) in fields {
            assert_eq!(found.number(field), *value, "{field}: {found:?}");
        }
    };
    let found = [
        ("tunnel_id", 0x10203),
        ("is_encap", 1),
        ("n_proto", 0x86dd),
        ("ports", 0x1234_5678),
    ];
    let vxlan = [8, 0, 0, 0, 1, 2, 3, 0];
    check(
        &frame(&[&outer(4789), &vxlan, &ethernet(0x86dd), &inner]),
        104,
        &found,
    );
    let geneve = [2, 0, 0x65, 0x58, 1, 2, 3, 0, 1, 2, 0x80, 1, 0, 7, 0, 9];
    check(
        &frame(&[&outer(6081), &geneve, &ethernet(0x86dd), &inner]),
        112,
        &found,
    );
    let found = [
        ("tunnel_id", 5),
        ("is_encap", 1),
        ("n_proto", 0x86dd),
        ("ports", 0x1234_5678),
    ];
    let plain = [0x30, 0xff, 0, 0, 0, 0, 0, 5];
    check(&frame(&[&outer(2152), &plain, &inner]), 90, &found);
    let numbered = [0x32, 0xff, 0, 0, 0, 0, 0, 5, 0, 1, 0, 0x85];
    check(&frame(&[&outer(2152), &numbered, &inner]), 94, &found);
    let session = [0x34, 0xff, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0x85, 1, 0, 9, 0];
    check(
        &frame(&[&outer(2152), &session, &inner]),
        98,
        &[&found[..], &[("user1", 9)]].concat(),
    );
    // No tunnel: the ports are those of the packet.
    check(
        &frame(&[&outer(53), &[0; 8]]),
        34,
        &[("ports", 0xc000_0035), ("is_encap", 0)],
    );
}

#[test]
fn srv6_tells_how_many_segments_are_left() {
    let routing = |next, kind| [&[next, 2, kind, 3, 0, 0, 0, 8][..], &[0x33; 16]].concat();
    let parts: [&[u8]; 5] = [
        &ethernet(0x86dd),
        &ipv6(43, 0),
        &routing(4, 4),
        &ipv4(6, 0, 0),
        &PORTS,
    ];
    let found = find("srv6", &frame(&parts), 0);
    assert_eq!((found.end, found.thoff), (Target::OKAY, 98), "{found:?}");
    assert_eq!(
        [found.number("segments_left"), found.number("user0")],
        [3, 8]
    );
    assert_eq!(found.number("ports"), 0x1234_5678);
    let found = find(
        "srv6",
        &frame(&[&ethernet(0x86dd), &ipv6(43, 0), &routing(4, 2)]),
        0,
    );
    assert_eq!(found.end, Target::LEFT_OUT);
}
