// SPDX-License-Identifier: GPL-2.0

//! Of what a header tells: numbers, lengths, metadata, optional fields, options.

use serde_json::{json, Value};

use crate::{base, refused, with};

#[test]
fn numbers_of_headers_lie_within_them() {
    let path = "parse-nodes[1].next-proto.";
    let pointer = "/parse-nodes/1/next-proto/";
    let at = |key: &str, value: Value, what: &str| {
        refused(
            &with(&format!("{pointer}{key}"), value),
            &format!("{path}{key}"),
            what,
        );
    };
    at("field-len", json!(3), "a number has 1, 2 or 4 bytes: 3");
    at("field-len", json!(0), "a number has 1, 2 or 4 bytes: 0");
    at(
        "field-off",
        json!(20),
        "reads beyond the 20 bytes that must be there: 1 bytes at 20",
    );
    at(
        "mask",
        json!("0x3fff"),
        "is wider than its field of 1 bytes, whose limit is 0xff: 0x3fff",
    );
    at(
        "mask",
        json!(0),
        "leaves no bit of its field, shifted by 0: 0x0",
    );
    at("right-shift", json!(8), "is above the limit of 7: 8");
    let text = with("/parse-nodes/1/min-hdr-length", json!(129));
    refused(
        &text,
        "parse-nodes[1].min-hdr-length",
        "is above the limit of 128: 129",
    );
    let text = with("/parse-nodes/1/cond-exprs/ents/0/value", json!("0x1ff"));
    refused(
        &text,
        "parse-nodes[1].cond-exprs.ents[0].value",
        "above what can be left of the field, 0xf0: 0x1ff",
    );
}

#[test]
fn lengths_can_be() {
    let at = |key: &str, value: Value, path: &str, what: &str| {
        let text = with(&format!("/parse-nodes/1/hdr-length{key}"), value);
        refused(&text, &format!("parse-nodes[1].hdr-length{path}"), what);
    };
    at("/multiplier", json!(0), ".multiplier", "is at least 1: 0");
    at(
        "/multiplier",
        json!(4096),
        "",
        "the longest header is above the limit of 4096: 61440",
    );
    at(
        "/add",
        json!(5000),
        ".add",
        "is above the limit of 4096: 5000",
    );
    at(
        "",
        json!({ "add": 19 }),
        ".add",
        "is below the 20 bytes that must be there: 19",
    );
    at("", json!({}), "", "tells neither a field nor what to add");
    at(
        "",
        json!({ "mask": 15, "add": 20 }),
        ".mask",
        "needs `field-off` and `field-len`",
    );
    let text = with("/parsers/0/max-headers", json!(65));
    refused(
        &text,
        "parsers[0].max-headers",
        "is above the limit of 64: 65",
    );
}

#[test]
fn metadata_can_be_stored() {
    let path = "parse-nodes[1].metadata.ents[2]";
    let at = |value: Value, key: &str, what: &str| {
        let mut base = base();
        base["parse-nodes"][1]["metadata"]["ents"][2] = value;
        refused(&base.to_string(), &format!("{path}{key}"), what);
    };
    at(
        json!({ "type": "extract", "field": "ipv6_src", "hdr-src-off": 5 }),
        ".hdr-src-off",
        "16 bytes at 5",
    );
    at(
        json!({ "type": "extract", "field": "ipv6_src", "length": 8 }),
        ".length",
        "ipv6_src has 16 bytes: 8",
    );
    at(
        json!({ "type": "extract", "field": "eth_src", "mask": 1 }),
        ".mask",
        "eth_src is copied as a whole",
    );
    at(
        json!({ "type": "extract", "field": "tos", "length": 2 }),
        ".length",
        "leaves more than tos has room for, 0xff: up to 0xffff",
    );
    at(
        json!({ "type": "extract", "field": "nhoff" }),
        ".field",
        "what a header tells can't be stored there: nhoff",
    );
    at(
        json!({ "type": "offset", "field": "n_proto" }),
        ".field",
        "an offset can't be stored there: n_proto",
    );
    at(
        json!({ "type": "offset", "field": "nhoff", "value": 1 }),
        ".value",
        "means nothing with this `type`",
    );
    at(
        json!({ "type": "constant", "field": "is_frag" }),
        ".value",
        "a constant has a value",
    );
    at(
        json!({ "type": "constant", "field": "is_frag", "value": 256 }),
        ".value",
        "is_frag has room for at most 0xff: 0x100",
    );
    at(
        json!({ "type": "constant", "field": "eth_src", "value": 0 }),
        ".field",
        "eth_src more: 6",
    );
}

#[test]
fn optional_fields_can_be() {
    let at = |key: &str, value: Value, path: &str, what: &str| {
        let text = with(&format!("/parse-nodes/2/flag-fields/{key}"), value);
        refused(&text, &format!("parse-nodes[2].flag-fields.{path}"), what);
    };
    at(
        "flags-offset",
        json!(3),
        "flags-offset",
        "beyond the 4 bytes that must be there: 2 bytes at 3",
    );
    at(
        "flags-length",
        json!(8),
        "flags-length",
        "a number has 1, 2 or 4 bytes: 8",
    );
    at("ents", json!([]), "ents", "there is at least one: 0");
    at(
        "ents/0/flag",
        json!("0x12000"),
        "ents[0].flag",
        "has bits of 0xffff, at least one and no other: 0x12000",
    );
    at(
        "ents/0/field-len",
        json!(0),
        "ents[0].field-len",
        "is at least 1: 0",
    );
    at(
        "ents/0/field-len",
        json!(2),
        "ents[0].metadata.ents[0].hdr-src-off",
        "4 bytes at 0",
    );
}

#[test]
fn lists_can_be() {
    let at = |key: &str, value: Value, path: &str, what: &str| {
        let text = with(&format!("/parse-nodes/2/tlvs/{key}"), value);
        refused(&text, &format!("parse-nodes[2].tlvs.{path}"), what);
    };
    at(
        "max-tlvs",
        json!(65),
        "max-tlvs",
        "is above the limit of 64: 65",
    );
    at("max-tlvs", json!(0), "max-tlvs", "is at least 1: 0");
    at(
        "min-tlv-length",
        json!(1),
        "tlv-length.field-off",
        "1 bytes at 1",
    );
    at("pad1", json!(256), "pad1", "is above the limit of 255: 256");
    at(
        "ents/0/type",
        json!(256),
        "ents[0].type",
        "is above the limit of 255: 256",
    );
    at(
        "ents/0/metadata/ents/0/field",
        json!("ports"),
        "ents[0].metadata.ents[0].field",
        "a flow dissector would have to tell, too: ports",
    );
    let twice = json!({ "type": 5, "metadata": { "ents": [] } });
    at(
        "ents/0",
        twice,
        "ents[1].type",
        "this type is there twice: 0x5",
    );
}
