// SPDX-License-Identifier: GPL-2.0

//! What is no parse graph, where, and what is said of it.

mod document;
mod header;
mod public;

use graph_json::{Canonical, Error};
use serde_json::{json, Value};

/// Why `text` is none.
fn refusal(text: &str) -> Error {
    match Canonical::from_json(text) {
        Ok(_) => panic!("this is a parse graph: {text}"),
        Err(error) => error,
    }
}

#[track_caller]
fn refused(text: &str, path: &str, what: &str) {
    let error = refusal(text);
    assert_eq!(error.path, path, "{error}");
    assert!(error.what.contains(what), "{error}");
}

/// A graph with a node of each kind.
fn base() -> Value {
    json!({
        "parsers": [{ "name": "base", "root-node": "ethernet" }],
        "parse-nodes": [
            {
                "name": "ethernet",
                "min-hdr-length": 14,
                "metadata": { "ents": [{ "type": "extract", "field": "n_proto", "hdr-src-off": 12 }] },
                "next-proto": {
                    "field-off": 12, "field-len": 2, "table": "types", "default": "stop_fail"
                }
            },
            {
                "name": "ip",
                "min-hdr-length": 20,
                "hdr-length": { "field-off": 0, "field-len": 1, "mask": "0x0f", "multiplier": 4 },
                "counted": true,
                "cond-exprs": { "ents": [
                    { "type": "equal", "field-off": 0, "field-len": 1, "mask": "0xf0", "value": "0x40" }
                ] },
                "metadata": { "ents": [
                    { "type": "offset", "field": "nhoff" },
                    { "type": "constant", "field": "addr_proto", "value": "0x0800" },
                    { "type": "extract", "field": "ipv6_src", "hdr-src-off": 4 }
                ] },
                "next-proto": {
                    "field-off": 9, "field-len": 1,
                    "ents": [{ "key": 4, "node": "ip" }, { "key": 47, "node": "gre" }]
                }
            },
            {
                "name": "gre",
                "min-hdr-length": 4,
                "flag-fields": {
                    "flags-offset": 0, "flags-length": 2,
                    "ents": [{
                        "flag": "0x2000", "field-len": 4,
                        "metadata": { "ents": [{ "type": "extract", "field": "gre_key" }] }
                    }]
                },
                "tlvs": {
                    "start-offset": 4,
                    "min-tlv-length": 2,
                    "tlv-type": { "field-off": 0, "field-len": 1 },
                    "tlv-length": { "field-off": 1, "field-len": 1 },
                    "pad1": 1, "eol": 0, "max-tlvs": 8,
                    "ents": [{
                        "type": 5,
                        "metadata": { "ents": [{ "type": "extract", "field": "user0", "hdr-src-off": 2 }] }
                    }]
                },
                "next-node": "stop_okay"
            }
        ],
        "proto-tables": [
            { "name": "types", "ents": [
                { "key": "0x0800", "node": "ip" }, { "key": "0x86dd", "target": "stop_okay" }
            ] }
        ]
    })
}

/// Puts `value` where `pointer` points to in the graph.
fn with(pointer: &str, value: Value) -> String {
    let mut base = base();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match base.pointer_mut(parent) {
        Some(Value::Object(all)) => drop(all.insert(key.to_owned(), value)),
        Some(Value::Array(all)) => all.insert(key.parse().unwrap(), value),
        other => panic!("{pointer}: {other:?}"),
    }
    base.to_string()
}

/// Takes away what `pointer` points to.
fn without(pointer: &str) -> String {
    let mut base = base();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = base.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    assert!(parent.remove(key).is_some(), "{pointer}");
    base.to_string()
}
