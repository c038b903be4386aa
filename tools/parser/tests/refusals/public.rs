// SPDX-License-Identifier: GPL-2.0

//! Of files with the faults that public ones have: they were made for other readers, or by hand.

use serde_json::{json, Value};

use crate::{base, refused, with};

/// A little-endian machine's way to read an EtherType, and a node that is not there.
#[test]
fn a_simple_parser_has_keys_of_a_little_endian_machine() {
    let mut base = base();
    base["proto-tables"][0]["ents"] = json!([
        { "key": "0x8", "node": "ip" },
        { "key": "0xdd86", "node": "ip" }
    ]);
    refused(
        &base.to_string(),
        "proto-tables[0].ents[0].key",
        "byte-swapped?",
    );
    let text = with(
        "/parse-nodes/1/next-proto/ents/2",
        json!({ "key": 6, "node": "port_node" }),
    );
    refused(
        &text,
        "parse-nodes[1].next-proto.ents[2].node",
        "no such node, and no such way to stop: port_node",
    );
}

/// Underscores, keys of another object, and a mask that is wider than its field.
#[test]
fn a_big_parser_is_invalid_against_its_own_schema() {
    let text = with("/parse-nodes/1/cond_exprs", json!({ "ents": [] }));
    refused(
        &text,
        "parse-nodes[1].cond_exprs",
        "unknown field `cond_exprs`",
    );
    let text = with(
        "/parse-nodes/2/tlvs/tlv-type",
        json!({ "offset": 0, "field-len": 1 }),
    );
    refused(
        &text,
        "parse-nodes[2].tlvs.tlv-type.offset",
        "unknown field `offset`",
    );
    let text = with("/parse-nodes/1/next-proto/mask", json!("0x3fff"));
    refused(
        &text,
        "parse-nodes[1].next-proto.mask",
        "is wider than its field of 1 bytes",
    );
    // The key of ARP for IPv6, where that of ARP is, too.
    let text = with(
        "/proto-tables/0/ents/2",
        json!({ "key": "0x0806", "node": "ip" }),
    );
    let text = text.replace("\"0x86dd\"", "\"0x0806\"");
    refused(
        &text,
        "proto-tables[0].ents[2].key",
        "this key is that of number 1 as well: 0x806",
    );
    // The length of TCP is the upper half of a byte: without a shift it is 16 times as long.
    let length = json!({ "field-off": 12, "field-len": 1, "mask": "0xf0", "multiplier": 64 });
    let text = with("/parse-nodes/1/hdr-length", length);
    refused(
        &text,
        "parse-nodes[1].hdr-length",
        "the longest header is above the limit of 4096: 15360",
    );
}

/// Types of metadata that tell something of the parser, not of the frame.
#[test]
fn metadata_of_other_readers_is_not_known() {
    for kind in [
        "hdrdata",
        "oknode",
        "numencaps",
        "timestamp",
        "bit_offset",
        "nibb_extract",
    ] {
        let entry = json!({ "type": kind, "field": "user0" });
        let text = with("/parse-nodes/1/metadata/ents/0", entry);
        let path = "parse-nodes[1].metadata.ents[0].type";
        refused(&text, path, &format!("unknown variant `{kind}`"));
    }
}

/// What can't be data, and what has another place.
#[test]
fn keys_of_other_readers_are_not_known() {
    let keys: [(&str, Value); 6] = [
        ("handler", json!("parse_ip")),
        ("encap", json!(true)),
        ("counter-actions", json!([])),
        ("tlvs-parse-node", json!({})),
        ("flag-fields-parse-node", json!({})),
        ("wildcard-node", json!("ip")),
    ];
    for (key, value) in keys {
        let text = with(&format!("/parse-nodes/1/{key}"), value);
        refused(
            &text,
            &format!("parse-nodes[1].{key}"),
            &format!("unknown field `{key}`"),
        );
    }
    for key in ["okay-target", "max-nodes", "metameta-size", "file_name"] {
        let text = with(&format!("/parsers/0/{key}"), json!(1));
        refused(
            &text,
            &format!("parsers[0].{key}"),
            &format!("unknown field `{key}`"),
        );
    }
    let text = with("/parse-nodes/1/next-proto/endian-swap", json!(true));
    refused(
        &text,
        "parse-nodes[1].next-proto.endian-swap",
        "unknown field `endian-swap`",
    );
}

/// Text that was made to be read by people.
#[test]
fn prose_is_no_json() {
    let text = base().to_string();
    refused(&text.replacen('"', "\u{201c}", 1), "", "at line 1");
    refused(&text.replacen('{', "{ # A parser", 1), "", "at line 1");
    refused(
        &text.replacen("}]", "},]", 1),
        "",
        "trailing comma at line 1",
    );
}
