// SPDX-License-Identifier: GPL-2.0

//! How far a parser goes.

use graph_json::import::{Dialect, Options};
use serde_json::{json, Value};

use crate::{digest, imported, refused};

/// A tag can be behind a tag.
fn tags(max_nodes: u32, default: &str) -> Value {
    json!({
        "parsers": [{ "name": "tags", "root-node": "ethernet", "max-nodes": max_nodes }],
        "parse-nodes": [
            { "name": "ethernet", "min-hdr-length": 14, "next-proto": {
                "field-off": 12, "field-len": 2, "ents": [{ "key": "0x8100", "node": "tag" }]
            } },
            { "name": "tag", "min-hdr-length": 4, "next-proto": {
                "field-off": 2, "field-len": 2, "default": default,
                "ents": [{ "key": "0x8100", "node": "tag" }, { "key": "0x0800", "node": "ip" }]
            } },
            { "name": "ip", "min-hdr-length": 20 }
        ]
    })
}

/// The same as ours, with what is behind the last tag.
fn ours(max_headers: u32, default: &str, at_limit: &Value) -> String {
    json!({
        "parsers": [{ "name": "tags", "root-node": "ethernet", "max-headers": max_headers }],
        "parse-nodes": [
            {
                "name": "ethernet",
                "min-hdr-length": 14,
                "metadata": { "ents": [{ "type": "extract", "field": "n_proto", "hdr-src-off": 12 }] },
                "next-proto": {
                    "field-off": 12, "field-len": 2, "default": "stop_fail",
                    "ents": [{ "key": "0x8100", "node": "tag" }]
                }
            },
            {
                "name": "tag",
                "min-hdr-length": 4,
                "counted": true,
                "next-proto": {
                    "field-off": 2, "field-len": 2, "default": default,
                    "ents": [{ "key": "0x8100", "node": "tag" }, { "key": "0x0800", "node": "ip" }]
                },
                "at-limit": at_limit
            },
            { "name": "ip", "min-hdr-length": 20 }
        ]
    })
    .to_string()
}

#[test]
fn a_step_too_many_is_a_failure() {
    // Three steps: to a tag, to a second one, and to what is behind that. The third tag leads nowhere.
    let fails = json!({ "default": "stop_fail" });
    let (found, _) = imported(
        &tags(3, "stop_fail").to_string(),
        Dialect::Xdp2,
        &Options::default(),
    );
    assert_eq!(found, digest(&ours(2, "stop_fail", &fails)));
    let only_known = json!({
        "default": "stop_okay",
        "ents": [{ "key": "0x8100", "target": "stop_fail" }, { "key": "0x0800", "target": "stop_fail" }]
    });
    let (found, _) = imported(
        &tags(3, "stop_okay").to_string(),
        Dialect::Xdp2,
        &Options::default(),
    );
    assert_eq!(found, digest(&ours(2, "stop_okay", &only_known)));
}

#[test]
fn limits_of_ours_are_lower() {
    let all = refused(&tags(255, "stop_fail"), Dialect::Xdp2, &Options::default());
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(
        all[0].starts_with("parsers[0].max-nodes: a parser can take 255 steps"),
        "{all:?}"
    );
    let options = Options {
        max_headers: Some(7),
        ..Options::default()
    };
    let (found, warnings) = imported(&tags(255, "stop_fail").to_string(), Dialect::Xdp2, &options);
    let fails = json!({ "default": "stop_fail" });
    assert_eq!(found, digest(&ours(7, "stop_fail", &fails)));
    assert!(warnings
        .iter()
        .any(|told| told.starts_with("parsers[0].max-nodes: --max-headers")));
}

/// kParser's own limit is ten nodes, where nothing is said.
#[test]
fn limits_that_are_not_told_are_those_of_the_reader() {
    let mut value = tags(0, "stop_fail");
    value["parsers"][0]
        .as_object_mut()
        .unwrap()
        .remove("max-nodes");
    let (found, _) = imported(&value.to_string(), Dialect::Cpl, &Options::default());
    let fails = json!({ "default": "stop_fail" });
    assert_eq!(found, digest(&ours(9, "stop_fail", &fails)));
    let all = refused(&value, Dialect::Xdp2, &Options::default());
    assert!(all[0].contains("255 steps"), "{all:?}");
}

#[test]
fn encapsulations_that_would_count_are_refused() {
    let mut value = tags(3, "stop_fail");
    value["parse-nodes"][1]["encap"] = json!(true);
    let all = refused(&value, Dialect::Xdp2, &Options::default());
    assert_eq!(
        all,
        ["parse-nodes[1].encap: a graph of ours does not count encapsulations, of which 4 are the limit"]
    );
    value["parse-nodes"][2]["metadata"] = json!({ "ents": [{ "name": "ip_proto", "type": "extract", "md-off": 0, "hdr-src-off": 9, "length": 1 }] });
    let all = refused(&value, Dialect::Xdp2, &Options::default());
    assert_eq!(all.len(), 1);
    assert!(
        all[0].starts_with("parse-nodes[1].encap: a graph of ours has one frame of metadata"),
        "{all:?}"
    );
}
