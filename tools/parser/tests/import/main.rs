// SPDX-License-Identifier: GPL-2.0

//! Graphs of other programmable parsers: what they are as ours, and what is refused of them.

mod limits;
mod refusals;

use graph_json::import::{field, import, ByteOrder, Dialect, Imported, Options, Refused};
use graph_json::Canonical;
use serde_json::{json, Value};

const OURS: &str = include_str!("files/ours.json");
const CPL: &str = include_str!("files/cpl.json");
const XDP2: &str = include_str!("files/xdp2.json");
const FORK: &str = include_str!("files/fork.json");

/// Fields for metadata, as `NAME=FIELD`.
fn fields(all: &[&str]) -> Vec<(String, parse_graph::Field)> {
    let all = all.iter().map(|each| each.split_once('=').unwrap());
    all.map(|(name, ours)| (name.to_owned(), field(ours).unwrap()))
        .collect()
}

fn digest(text: &str) -> [u8; 32] {
    Canonical::from_json(text).unwrap().digest()
}

/// What `text` is, the digest of the JSON that is written for it, and what is told besides.
#[track_caller]
fn imported(text: &str, from: Dialect, options: &Options) -> ([u8; 32], Vec<String>) {
    let Imported { document, warnings } = match import(text, from, options) {
        Ok(imported) => imported,
        Err(refused) => panic!("{refused}"),
    };
    let written = serde_json::to_string(&document).unwrap();
    (
        digest(&written),
        warnings.iter().map(ToString::to_string).collect(),
    )
}

/// All that is refused of `value`.
#[track_caller]
fn refused(value: &Value, from: Dialect, options: &Options) -> Vec<String> {
    match import(&value.to_string(), from, options) {
        Ok(_) => panic!("this is a graph: {value}"),
        Err(Refused { refused, .. }) => refused.iter().map(ToString::to_string).collect(),
    }
}

fn cpl_options() -> Options {
    Options {
        keys: Some(ByteOrder::LittleEndian),
        masks: Some(ByteOrder::LittleEndian),
        fields: fields(&[
            "at=nhoff",
            "kind=addr_proto",
            "v4/source=ipv4_src",
            "@40=gre_key",
        ]),
        ..Options::default()
    }
}

fn xdp2_options() -> Options {
    Options {
        masks: Some(ByteOrder::Network),
        fields: fields(&["v4/@0=nhoff", "source=ipv4_src", "dest=ipv4_dst"]),
        ..Options::default()
    }
}

#[test]
fn a_graph_of_kparser_in_little_endian_order_is_ours() {
    let (found, warnings) = imported(CPL, Dialect::Cpl, &cpl_options());
    assert_eq!(found, digest(OURS));
    for path in [
        "comment",
        "okay-target",
        "counters",
        "parse-nodes[2].counter-actions",
        "parse-nodes[0]: is the root",
    ] {
        let is_told = warnings.iter().any(|told| told.starts_with(path));
        assert!(is_told, "{path}: {warnings:?}");
    }
}

#[test]
fn a_graph_of_xdp2_is_ours() {
    let (found, warnings) = imported(XDP2, Dialect::Xdp2, &xdp2_options());
    assert_eq!(found, digest(OURS));
    for path in [
        "metadata",
        "parsers[0].file_name",
        "parsers[0].metameta-size",
        "parsers[0].frame-size",
        "parsers[0].max-nodes",
        "parsers[0].max-encaps",
        "parsers[0].max-frames",
        "parsers[0].okay-target",
        "parsers[0].fail-target",
        "parse-nodes[3].encap",
        "parse-nodes[3].next-proto.default",
    ] {
        let is_told = warnings.iter().any(|told| told.starts_with(path));
        assert!(is_told, "{path}: {warnings:?}");
    }
}

/// It has more keys, and writes those that say nothing.
#[test]
fn a_graph_of_the_fork_is_ours() {
    let ours = json!({
        "parsers": [{ "name": "fork", "root-node": "ethernet" }],
        "parse-nodes": [
            {
                "name": "ethernet",
                "min-hdr-length": 14,
                "metadata": { "ents": [{ "type": "extract", "field": "n_proto", "hdr-src-off": 12 }] },
                "next-proto": {
                    "field-off": 12, "field-len": 2,
                    "ents": [{ "key": "0x0800", "node": "ipip" }],
                    "default": "other"
                }
            },
            {
                "name": "ipip",
                "min-hdr-length": 20,
                "hdr-length": { "field-off": 0, "field-len": 1, "mask": "0x0f", "multiplier": 4 },
                "whole": true,
                "next-proto": {
                    "field-off": 9, "field-len": 1,
                    "ents": [{ "key": 17, "node": "other" }],
                    "default": "stop_fail"
                }
            },
            { "name": "other", "min-hdr-length": 2 }
        ]
    });
    let (found, _) = imported(FORK, Dialect::Xdp2, &Options::default());
    assert_eq!(found, digest(&ours.to_string()));
}

/// The same file, with keys and masks as on the wire and in the other order.
#[test]
fn the_order_of_bytes_is_that_of_the_options() {
    let wire = CPL
        .replace("\"0x8\"", "\"0x0800\"")
        .replace("0x5865", "0x6558")
        .replace("\"value\": 8 ", "\"value\": 2048 ")
        .replace("0xff3f", "0x3fff")
        .replace("\"0x80\"", "\"0x8000\"")
        .replace("\"0x20\"", "\"0x2000\"");
    let network = Options {
        keys: Some(ByteOrder::Network),
        masks: Some(ByteOrder::Network),
        ..cpl_options()
    };
    assert_eq!(imported(&wire, Dialect::Cpl, &network).0, digest(OURS));
    // Keys that do not look swapped need no option; masks do.
    let options = Options {
        keys: None,
        ..network
    };
    assert_eq!(imported(&wire, Dialect::Cpl, &options).0, digest(OURS));
}

#[test]
fn what_is_to_be_left_out_is_and_is_told() {
    let mut value: Value = serde_json::from_str(XDP2).unwrap();
    value["parse-nodes"][2]["handler"] = json!({ "name": "count", "watchers": "0x1" });
    value["parse-nodes"][2]["tlvs-parse-node"] = json!({ "max-tlvs": 3 });
    let metadata = &mut value["parse-nodes"][1]["metadata"]["ents"];
    let timestamp = json!({ "type": "timestamp", "md-off": 50 });
    metadata.as_array_mut().unwrap().push(timestamp);
    let all = refused(&value, Dialect::Xdp2, &xdp2_options());
    assert_eq!(all.len(), 3, "{all:?}");
    let paths = [
        "handler",
        "tlvs-parse-node",
        "parse-nodes[1].metadata.ents[5]",
    ];
    let options = Options {
        leave_out: paths.map(str::to_owned).to_vec(),
        ..xdp2_options()
    };
    let (found, warnings) = imported(&value.to_string(), Dialect::Xdp2, &options);
    assert_eq!(found, digest(OURS));
    for path in [
        "parse-nodes[2].handler: left out",
        "parse-nodes[2].tlvs-parse-node: left out",
        "parse-nodes[1].metadata.ents[5]: left out",
    ] {
        let is_told = warnings.iter().any(|told| told.starts_with(path));
        assert!(is_told, "{path}: {warnings:?}");
    }
}
