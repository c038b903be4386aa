// SPDX-License-Identifier: GPL-2.0

//! What can't be taken over, where it stands, and why.

use graph_json::import::{import, Dialect, Options};
use serde_json::{json, Value};

use crate::{cpl_options, refused, xdp2_options, CPL, XDP2};

/// Puts `value` where `pointer` points to in `text`; all that is refused then.
#[track_caller]
fn with(text: &str, pointer: &str, value: Value) -> Vec<String> {
    let (from, options) = if text == CPL {
        (Dialect::Cpl, cpl_options())
    } else {
        (Dialect::Xdp2, xdp2_options())
    };
    let mut all: Value = serde_json::from_str(text).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match all.pointer_mut(parent) {
        Some(Value::Object(object)) => drop(object.insert(key.to_owned(), value)),
        Some(Value::Array(array)) => array.insert(key.parse().unwrap(), value),
        other => panic!("{pointer}: {other:?}"),
    }
    refused(&all, from, &options)
}

/// One thing alone is refused, at `path`, for `why`.
#[track_caller]
fn one(all: &[String], path: &str, why: &str) {
    let [only] = all else {
        panic!("{all:#?}");
    };
    assert!(only.starts_with(&format!("{path}: ")), "{only}");
    assert!(only.contains(why), "{only}");
}

#[test]
fn what_is_code_or_counts_is_refused() {
    for (pointer, value, path, why) in [
        (
            "/parse-nodes/1/handler",
            json!("f"),
            "parse-nodes[1].handler",
            "code in C",
        ),
        (
            "/parse-nodes/1/handler",
            json!({ "name": "f" }),
            "parse-nodes[1].handler",
            "code in C",
        ),
        (
            "/parse-nodes/1/post-handler",
            json!("f"),
            "parse-nodes[1].post-handler",
            "code in C",
        ),
        (
            "/parse-nodes/1/metadata",
            json!("f"),
            "parse-nodes[1].metadata",
            "code in C",
        ),
        (
            "/parse-nodes/3/flag-fields-parse-node/ents/0/handler",
            json!("f"),
            "parse-nodes[3].flag-fields-parse-node.ents[0].handler",
            "code in C",
        ),
        (
            "/parse-nodes/1/tlvs-parse-node",
            json!({}),
            "parse-nodes[1].tlvs-parse-node",
            "malformed",
        ),
        (
            "/parse-nodes/1/array-parse-node",
            json!({}),
            "parse-nodes[1].array-parse-node",
            "array",
        ),
        (
            "/parse-nodes/1/unknown-proto-ret",
            json!(-4),
            "parse-nodes[1].unknown-proto-ret",
            "codes",
        ),
        (
            "/parse-nodes/1/metadata/ents/3/index",
            json!("c"),
            "parse-nodes[1].metadata.ents[3].index",
            "arrays",
        ),
        (
            "/parse-nodes/6/metadata",
            json!({ "ents": [{ "name": "user0", "type": "extract", "md-off": 0, "hdr-src-off": 0, "length": 4 }] }),
            "parsers[0].okay-target",
            "has ended",
        ),
    ] {
        let all = with(XDP2, pointer, value);
        // Both targets are that node.
        let all: Vec<_> = all
            .into_iter()
            .filter(|each| !each.contains("fail-target"))
            .collect();
        one(&all, path, why);
    }
    one(
        &with(CPL, "/parse-nodes/1/tlv-parse-node", json!({})),
        "parse-nodes[1].tlv-parse-node",
        "malformed",
    );
}

#[test]
fn what_ours_has_no_words_for_is_refused() {
    for (text, pointer, value, path, why) in [
        (
            XDP2,
            "/parse-nodes/1/cond-exprs/ents/0/type",
            json!("slt"),
            "parse-nodes[1].cond-exprs.ents[0].type",
            "slt",
        ),
        (
            XDP2,
            "/parse-nodes/1/cond-exprs/ents/1/type",
            json!("ult"),
            "parse-nodes[1].cond-exprs.ents[1].type",
            "--keys network",
        ),
        (
            XDP2,
            "/parse-nodes/1/cond-exprs/default-fail",
            json!("stop_okay"),
            "parse-nodes[1].cond-exprs.default-fail",
            "too short",
        ),
        (
            XDP2,
            "/parse-nodes/1/cond-exprs/type",
            json!("or"),
            "parse-nodes[1].cond-exprs.type",
            "must hold: or",
        ),
        (
            CPL,
            "/cond-exprs-list/0/type",
            json!("or"),
            "cond-exprs-list[0].type",
            "must hold: or",
        ),
        (
            XDP2,
            "/parse-nodes/0/next-proto/default",
            json!("stop_node"),
            "parse-nodes[0].next-proto.default",
            "stop_node",
        ),
        (
            CPL,
            "/parse-nodes/0/next-proto/default",
            json!("continue"),
            "parse-nodes[0].next-proto.default",
            "continue",
        ),
        (
            XDP2,
            "/parse-nodes/1/metadata/ents/3/type",
            json!("hdr_length"),
            "parse-nodes[1].metadata.ents[3].type",
            "hdr_length",
        ),
        (
            CPL,
            "/metadata-list/0/ents/3/type",
            json!("nibb_extract"),
            "metadata-list[0].ents[3].type",
            "nibb_extract",
        ),
        (
            CPL,
            "/metadata-list/0/ents/0/hdr-src-off",
            json!(2),
            "metadata-list[0].ents[0].hdr-src-off",
            "that of the header",
        ),
        (
            CPL,
            "/proto-tables/0/ents/0/encap",
            json!(true),
            "proto-tables[0].ents[0].encap",
            "encapsulation",
        ),
        (
            XDP2,
            "/parse-nodes/3/flag-fields-parse-node/flags-reverse-order",
            json!(false),
            "parse-nodes[3].flag-fields-parse-node.flags-reverse-order",
            "sorted",
        ),
        (
            XDP2,
            "/parse-nodes/3/flag-fields-parse-node/ents/0/mask",
            json!("0xc000"),
            "parse-nodes[3].flag-fields-parse-node.ents[0].mask",
            "all flags",
        ),
        (
            CPL,
            "/parse-nodes/3/flag-fields-parse-node/hdr-length/flag-fields-length",
            json!(false),
            "parse-nodes[3].flag-fields-parse-node.hdr-length",
            "longer",
        ),
        (
            XDP2,
            "/parse-nodes/1/hdr-length/field-len",
            json!(2),
            "parse-nodes[1].hdr-length.field-len",
            "endian-swap",
        ),
        (
            XDP2,
            "/parse-nodes/0/next-proto/endian-swap",
            json!(true),
            "parse-nodes[0].next-proto.endian-swap",
            "--keys",
        ),
        (
            XDP2,
            "/parse-nodes/0/wildcard",
            json!("x"),
            "parse-nodes[0].wildcard",
            "no such key",
        ),
        (
            CPL,
            "/parse-nodes/1/cond_exprs",
            json!({}),
            "parse-nodes[1].cond_exprs",
            "no such key",
        ),
        (
            XDP2,
            "/parse-nodes/1/min-hdr-length",
            json!("20"),
            "parse-nodes[1].min-hdr-length",
            "a number",
        ),
        (
            XDP2,
            "/parsers/1",
            json!({ "name": "b", "root-node": "v4" }),
            "parsers",
            "one parser in a file: 2",
        ),
        (
            XDP2,
            "/parsers/0/root-node",
            json!("nobody"),
            "parsers[0].root-node",
            "no such node",
        ),
        (
            CPL,
            "/metadata-list/1",
            json!({ "name": "addresses", "ents": [] }),
            "metadata-list[1].name",
            "twice: addresses",
        ),
        // What is ours and not a graph is told as of ours.
        (
            XDP2,
            "/proto-tables/0/ents/0/key",
            json!("0x10800"),
            "proto-tables[0].ents[0].key",
            "has more bits",
        ),
        (
            XDP2,
            "/parse-nodes/0/min-hdr-length",
            json!(15),
            "parse-nodes[0]",
            "is the first and no Ethernet header",
        ),
    ] {
        one(&with(text, pointer, value), path, why);
    }
}

#[test]
fn all_is_refused_at_once() {
    let mut value: Value = serde_json::from_str(XDP2).unwrap();
    value["parse-nodes"][0]["handler"] = json!("f");
    value["parse-nodes"][0]["next-proto"]["table"] = json!("nowhere");
    value["parse-nodes"][1]["metadata"]["ents"][3]["name"] = json!("somewhere");
    value["proto-tables"][1]["ents"][0]["node"] = json!("nobody");
    let all = refused(&value, Dialect::Xdp2, &xdp2_options());
    let paths: Vec<_> = all
        .iter()
        .filter_map(|each| Some(each.split_once(": ")?.0))
        .collect();
    assert_eq!(
        paths,
        [
            "parse-nodes[0].handler",
            "parse-nodes[1].metadata.ents[3]",
            "proto-tables[1].ents[0].node",
            "parse-nodes[0].next-proto.table",
        ]
    );
    assert!(all[1].contains("--field somewhere=FIELD"), "{all:?}");
}

/// Where nobody says in which order bytes are, nothing is guessed.
#[test]
fn an_order_that_is_not_told_is_refused() {
    let value: Value = serde_json::from_str(CPL).unwrap();
    let options = Options {
        keys: None,
        masks: None,
        ..cpl_options()
    };
    let all = refused(&value, Dialect::Cpl, &options);
    for (path, why) in [
        (
            "proto-tables[0].ents[0].key",
            "0x0800 as a little-endian machine reads it: --keys little-endian",
        ),
        ("proto-tables[0].ents[1].key", "0x6558 as"),
        ("cond-exprs-list[0].ents[1].mask", "--masks"),
        (
            "parse-nodes[3].flag-fields-parse-node.flags-length",
            "--masks",
        ),
    ] {
        let mut all = all.iter();
        let found = all.any(|each| each.starts_with(path) && each.contains(why));
        assert!(found, "{path}");
    }
    assert_eq!(all.len(), 4, "{all:#?}");
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let text = XDP2.replacen(
        "\"overlay\": true",
        "\"overlay\": true, \"overlay\": false",
        1,
    );
    let refused = import(&text, Dialect::Xdp2, &xdp2_options()).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("duplicate field `overlay` at line"),
        "{refused}"
    );
}
