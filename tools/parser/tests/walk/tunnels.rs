// SPDX-License-Identifier: GPL-2.0

//! What the kernel's own dissector finds: packets in packets, and headers that are not IP.

use parse_graph::stop;

use crate::kernel::{check, FAIL, LEFT_OUT, OKAY, PORTS_NUMBER};
use crate::{ethernet, ipv4, ipv6, PORTS};

#[test]
fn encapsulations_are_where_callers_stop() {
    let parts: [&[u8]; 4] = [&ethernet(0x0800), &ipv4(41, 0, 0), &ipv6(6, 0), &PORTS];
    let fields = [
        ("is_encap", 1),
        ("n_proto", 0x86dd),
        ("ports", PORTS_NUMBER),
        ("nhoff", 34),
    ];
    check(&parts, 0, OKAY, 74, &fields);
    check(
        &parts,
        stop::STOP_AT_ENCAP,
        OKAY,
        34,
        &[("is_encap", 1), ("n_proto", 0x86dd), ("nhoff", 14)],
    );
    check(
        &parts,
        stop::STOP_BEFORE_ENCAP,
        OKAY,
        34,
        &[("is_encap", 0), ("n_proto", 0x0800)],
    );
    let label = [0; 4];
    check(
        &[&ethernet(0x0800), &ipv4(137, 0, 0), &label],
        0,
        OKAY,
        38,
        &[("n_proto", 0x8847), ("is_encap", 0)],
    );
}

#[test]
fn gre_has_optional_fields_and_versions() {
    let inner = [ipv4(6, 0, 0), PORTS.to_vec()].concat();
    let outer = [ethernet(0x0800), ipv4(47, 0, 0)].concat();
    let all = [0xb0, 0, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1];
    let fields = [
        ("gre_key", 9),
        ("is_encap", 1),
        ("n_proto", 0x0800),
        ("ports", PORTS_NUMBER),
    ];
    check(&[&outer, &all, &inner], 0, OKAY, 70, &fields);
    check(
        &[&outer, &all, &inner],
        stop::STOP_AT_ENCAP,
        OKAY,
        50,
        &[("gre_key", 9), ("ports", 0)],
    );
    check(
        &[&outer, &all, &inner],
        stop::STOP_BEFORE_ENCAP,
        OKAY,
        34,
        &[("n_proto", 0x0800), ("is_encap", 0)],
    );
    check(&[&outer, &all[..10]], 0, LEFT_OUT, 34, &[]);
    check(&[&outer, &all[..3]], 0, FAIL, 34, &[("is_encap", 0)]);
    let plain = [0, 0, 0x86, 0xdd];
    check(
        &[&outer, &plain, &ipv6(6, 0), &PORTS],
        0,
        OKAY,
        78,
        &[("ports", PORTS_NUMBER), ("n_proto", 0x86dd)],
    );
    check(
        &[&outer, &[0, 0, 0x12, 0x34]],
        0,
        FAIL,
        38,
        &[("is_encap", 1), ("n_proto", 0x1234)],
    );
    // Version 1, a routing flag, version 2.
    check(&[&outer, &[0x20, 1, 0x88, 0x0b]], 0, LEFT_OUT, 34, &[]);
    check(
        &[&outer, &[0x40, 1, 8, 0], &inner],
        0,
        OKAY,
        34,
        &[("is_encap", 0), ("n_proto", 0x0800)],
    );
    check(
        &[&outer, &[0, 2, 8, 0], &inner],
        0,
        OKAY,
        34,
        &[("is_encap", 0)],
    );
    // Ethernet inside.
    let bridge = [0x20, 0, 0x65, 0x58, 0, 0, 0, 5];
    let fields = [
        ("gre_key", 5),
        ("n_proto", 0x0800),
        ("nhoff", 56),
        ("ports", PORTS_NUMBER),
    ];
    check(
        &[&outer, &bridge, &ethernet(0x0800), &inner],
        0,
        OKAY,
        76,
        &fields,
    );
    let fields = [("n_proto", 0x0800), ("is_encap", 1), ("ports", 0)];
    check(
        &[&outer, &bridge, &ethernet(0x0800), &inner],
        stop::STOP_AT_ENCAP,
        OKAY,
        56,
        &fields,
    );
    check(
        &[&outer, &bridge, &ethernet(0x0800)[..13]],
        0,
        LEFT_OUT,
        42,
        &[],
    );
}

#[test]
fn other_headers_are_where_they_end() {
    let session = |kind: u16| [&[0x11, 0, 0, 1, 0, 0][..], &kind.to_be_bytes()].concat();
    let fields = [("n_proto", 0x0800), ("ports", PORTS_NUMBER), ("nhoff", 22)];
    check(
        &[&ethernet(0x8864), &session(0x21), &ipv4(6, 0, 0), &PORTS],
        0,
        OKAY,
        42,
        &fields,
    );
    check(
        &[&ethernet(0x8864), &session(0x57), &ipv6(6, 0)],
        0,
        OKAY,
        62,
        &[("n_proto", 0x86dd)],
    );
    check(
        &[&ethernet(0x8864), &session(0x283), &[0; 4]],
        0,
        OKAY,
        26,
        &[("n_proto", 0x8848)],
    );
    check(
        &[&ethernet(0x8864), &session(0xc021)],
        0,
        OKAY,
        22,
        &[("n_proto", 0x8864)],
    );
    check(
        &[&ethernet(0x8864), &session(0x2145)],
        0,
        FAIL,
        22,
        &[("n_proto", 0x8864)],
    );
    check(
        &[&ethernet(0x8864), &[0x11, 9, 0, 1, 0, 0, 0, 0x21]],
        0,
        FAIL,
        14,
        &[],
    );
    for kind in [0x88fb, 0x892f] {
        let tag = [0, 0, 0, 0, 8, 0];
        check(
            &[&ethernet(kind), &tag, &ipv4(6, 0, 0), &PORTS],
            0,
            OKAY,
            40,
            &[("n_proto", 0x0800)],
        );
        check(
            &[&ethernet(kind), &tag[..5]],
            0,
            FAIL,
            14,
            &[("n_proto", kind.into())],
        );
    }
    check(&[&ethernet(0x88f7), &[0; 34]], 0, OKAY, 48, &[]);
    check(&[&ethernet(0x88f7), &[0; 33]], 0, FAIL, 14, &[]);
    for kind in [0x0806, 0x8035, 0x8902] {
        check(&[&ethernet(kind)], 0, OKAY, 14, &[("n_proto", kind.into())]);
    }
    for kind in [0x8847, 0x8848] {
        check(
            &[&ethernet(kind), &[0; 8]],
            0,
            OKAY,
            18,
            &[("n_proto", kind.into())],
        );
        check(&[&ethernet(kind), &[0; 2]], 0, OKAY, 16, &[]);
    }
    for kind in [0x4305, 0x88ca, 0x8906] {
        check(&[&ethernet(kind)], 0, LEFT_OUT, 14, &[]);
    }
    check(
        &[&ethernet(0x1234)],
        0,
        FAIL,
        14,
        &[("n_proto", 0x1234), ("eth_src", 0x0200_0000_0002)],
    );
}
