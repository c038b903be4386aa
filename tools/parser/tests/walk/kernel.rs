// SPDX-License-Identifier: GPL-2.0

//! What the kernel's own dissector finds: tags, IP, ports.

use parse_graph::{stop, Target};

use crate::walker::Found;
use crate::{ethernet, find, frame, ipv4, ipv6, PORTS};

#[track_caller]
pub(crate) fn check(
    parts: &[&[u8]],
    flags: u16,
    end: Target,
    thoff: usize,
    fields: &[(&str, u64)],
) -> Found {
    let found = find("kernel", &frame(parts), flags);
    assert_eq!((found.end, found.thoff), (end, thoff), "{found:?}");
    for (field, value) in fields {
        assert_eq!(found.number(field), *value, "{field}: {found:?}");
    }
    found
}

pub(crate) const OKAY: Target = Target::OKAY;
pub(crate) const FAIL: Target = Target::FAIL;
pub(crate) const LEFT_OUT: Target = Target::LEFT_OUT;
pub(crate) const PORTS_NUMBER: u64 = 0x1234_5678;

#[test]
fn ports_are_read_where_they_are() {
    for protocol in [6, 17, 33, 50, 132, 136] {
        let fields = [
            ("nhoff", 14),
            ("addr_proto", 0x0800),
            ("n_proto", 0x0800),
            ("ip_proto", protocol.into()),
            ("ipv4_src", 0x0a00_0001),
            ("ipv4_dst", 0x0a00_0002),
            ("tos", 0x10),
            ("ttl", 64),
            ("ports", PORTS_NUMBER),
            ("is_extended", 0),
        ];
        check(
            &[&ethernet(0x0800), &ipv4(protocol, 0x4000, 0), &PORTS],
            0,
            OKAY,
            34,
            &fields,
        );
        // Too short for ports: all is well without them.
        check(
            &[&ethernet(0x0800), &ipv4(protocol, 0, 0), &PORTS[..3]],
            0,
            OKAY,
            34,
            &[("ports", 0)],
        );
    }
    let ah = [&[0; 4][..], &PORTS].concat();
    check(
        &[&ethernet(0x0800), &ipv4(51, 0, 0), &ah],
        0,
        OKAY,
        34,
        &[("ports", PORTS_NUMBER)],
    );
    check(
        &[&ethernet(0x0800), &ipv4(89, 0, 0), &PORTS],
        0,
        OKAY,
        34,
        &[("ports", 0), ("ip_proto", 89)],
    );
    // What are extension headers of IPv6 are none here.
    for protocol in [0, 43, 44, 60] {
        check(
            &[&ethernet(0x0800), &ipv4(protocol, 0, 0), &PORTS],
            0,
            OKAY,
            34,
            &[("is_frag", 0)],
        );
    }
}

#[test]
fn ipv4_headers_are_looked_at_in_the_kernels_order() {
    let options = [
        ("is_extended", 1),
        ("ports", PORTS_NUMBER),
        ("ip_proto", 6),
        ("ttl", 64),
    ];
    check(
        &[&ethernet(0x0800), &ipv4(6, 0, 2), &PORTS],
        0,
        OKAY,
        42,
        &options,
    );
    // Options that are cut off do no harm; a header that is, or says to be, too short does.
    check(
        &[&ethernet(0x0800), &ipv4(6, 0, 2)[..21]],
        0,
        OKAY,
        35,
        &[("ip_proto", 6)],
    );
    check(
        &[&ethernet(0x0800), &ipv4(6, 0, 0)[..19]],
        0,
        FAIL,
        14,
        &[("ip_proto", 0), ("addr_proto", 0)],
    );
    let mut short = ipv4(6, 0, 0);
    short[0] = 0x44;
    check(
        &[&ethernet(0x0800), &short, &PORTS],
        0,
        FAIL,
        14,
        &[("addr_proto", 0), ("is_extended", 0)],
    );
}

#[test]
fn fragments_have_no_ports() {
    let first = [
        ("is_frag", 1),
        ("is_first_frag", 1),
        ("ports", 0),
        ("ip_proto", 17),
    ];
    let later = [
        ("is_frag", 1),
        ("is_first_frag", 0),
        ("ports", 0),
        ("ip_proto", 17),
    ];
    for flags in [0, stop::PARSE_1ST_FRAG] {
        check(
            &[&ethernet(0x0800), &ipv4(17, 0x2000, 0), &PORTS],
            flags,
            OKAY,
            34,
            &first,
        );
        check(
            &[&ethernet(0x0800), &ipv4(17, 0x2001, 1), &PORTS],
            flags,
            OKAY,
            38,
            &later,
        );
        let header = [17, 0, 0, 1, 0, 0, 0, 0];
        check(
            &[&ethernet(0x86dd), &ipv6(44, 0), &header, &PORTS],
            flags,
            OKAY,
            62,
            &first,
        );
        let header = [17, 0, 0, 9, 0, 0, 0, 0];
        check(
            &[&ethernet(0x86dd), &ipv6(44, 0), &header, &PORTS],
            flags,
            OKAY,
            62,
            &later,
        );
    }
    // What is behind is looked at if the caller wants it.
    let fields = [("is_encap", 1), ("ip_proto", 6), ("ports", 0)];
    let flags = stop::PARSE_1ST_FRAG;
    check(
        &[
            &ethernet(0x0800),
            &ipv4(4, 0x2000, 0),
            &ipv4(6, 0, 0),
            &PORTS,
        ],
        flags,
        OKAY,
        54,
        &fields,
    );
}

#[test]
fn flow_labels_are_stored_and_may_be_the_end() {
    let fields = [
        ("flow_label", 0x12345),
        ("tos", 0xab),
        ("ttl", 63),
        ("ports", PORTS_NUMBER),
    ];
    check(
        &[&ethernet(0x86dd), &ipv6(6, 0x12345), &PORTS],
        0,
        OKAY,
        54,
        &fields,
    );
    let flags = stop::STOP_AT_FLOW_LABEL;
    check(
        &[&ethernet(0x86dd), &ipv6(6, 0x12345), &PORTS],
        flags,
        OKAY,
        54,
        &[("ports", 0)],
    );
    check(
        &[&ethernet(0x86dd), &ipv6(6, 0), &PORTS],
        flags,
        OKAY,
        54,
        &[("ports", PORTS_NUMBER)],
    );
    // That of an outer header stays.
    let fields = [
        ("flow_label", 0x12345),
        ("nhoff", 54),
        ("ports", PORTS_NUMBER),
    ];
    check(
        &[&ethernet(0x86dd), &ipv6(41, 0x12345), &ipv6(6, 0), &PORTS],
        0,
        OKAY,
        94,
        &fields,
    );
}

#[test]
fn tags_of_vlan_are_told_apart() {
    let tag = |tci: u16, kind: u16| [tci.to_be_bytes(), kind.to_be_bytes()].concat();
    let outer = tag(0x2064, 0x8100);
    let fields = [
        ("vlan_tpid", 0x88a8),
        ("vlan_tci", 0x2064),
        ("cvlan_tpid", 0x8100),
        ("cvlan_tci", 7),
        ("n_proto", 0x0800),
        ("nhoff", 26),
        ("ports", PORTS_NUMBER),
    ];
    let more = tag(9, 0x0800);
    check(
        &[
            &ethernet(0x88a8),
            &outer,
            &tag(7, 0x8100),
            &more,
            &ipv4(6, 0, 0),
            &PORTS,
        ],
        0,
        OKAY,
        46,
        &fields,
    );
    check(
        &[&ethernet(0x8100), &outer, &[0, 7, 8]],
        0,
        FAIL,
        18,
        &[("n_proto", 0x8100), ("cvlan_tpid", 0)],
    );
    check(
        &[&ethernet(0x8100), &tag(1, 0x1234)],
        0,
        FAIL,
        18,
        &[("n_proto", 0x1234), ("vlan_tci", 1)],
    );
    // Fifteen are counted, and the next one is the end.
    let tags = tag(1, 0x8100).repeat(15);
    check(
        &[&ethernet(0x8100), &tags, &tag(1, 0x1234)],
        0,
        OKAY,
        78,
        &[("n_proto", 0x1234)],
    );
    let tags = tag(1, 0x8100).repeat(14);
    check(
        &[&ethernet(0x8100), &tags, &tag(1, 0x1234)],
        0,
        FAIL,
        74,
        &[("n_proto", 0x1234)],
    );
}

#[test]
fn extension_headers_end_with_ports() {
    let header = |next| [next, 0, 0, 0, 0, 0, 0, 0];
    let fields = [("ip_proto", 6), ("is_extended", 1), ("ports", PORTS_NUMBER)];
    check(
        &[
            &ethernet(0x86dd),
            &ipv6(0, 0),
            &header(43),
            &header(60),
            &header(6),
            &PORTS,
        ],
        0,
        OKAY,
        78,
        &fields,
    );
    // The sixteenth is one too many, but for ports.
    let headers = header(60).repeat(15);
    check(
        &[
            &ethernet(0x86dd),
            &ipv6(60, 0),
            &headers,
            &header(6),
            &PORTS,
        ],
        0,
        OKAY,
        182,
        &fields,
    );
    let fields = [("ip_proto", 4), ("is_encap", 0)];
    check(
        &[
            &ethernet(0x86dd),
            &ipv6(60, 0),
            &headers,
            &header(4),
            &ipv4(6, 0, 0),
        ],
        0,
        OKAY,
        182,
        &fields,
    );
    check(
        &[&ethernet(0x86dd), &ipv6(60, 0), &[6]],
        0,
        FAIL,
        54,
        &[("ip_proto", 60)],
    );
}
