// SPDX-License-Identifier: GPL-2.0

//! Of a document: JSON, keys, names, tables, and how nodes lead to each other.

use graph_json::{read, Canonical};
use serde_json::json;

use crate::{base, refused, with, without};

#[test]
fn the_base_of_these_tests_is_a_graph() {
    let document = read(&base().to_string()).unwrap();
    assert_eq!(
        Canonical::build(&document).unwrap().names().nodes,
        ["ethernet", "ip", "gre"]
    );
}

#[test]
fn what_is_no_json_is_refused_with_its_line() {
    refused("{\n  \"parsers\": [,]\n}", "", "at line 2 column 15");
    refused("{\n", "", "at line 2");
    refused(
        "{ \"parsers\": [], \"parse-nodes\": [] } x",
        "",
        "trailing characters at line 1",
    );
}

#[test]
fn keys_are_known_and_there_once() {
    let text = with("/parse-nodes/1/hdr-len", json!({}));
    refused(&text, "parse-nodes[1].hdr-len", "unknown field `hdr-len`");
    let text =
        base()
            .to_string()
            .replacen("\"counted\":true", "\"counted\":true,\"counted\":false", 1);
    refused(&text, "parse-nodes[1]", "duplicate field `counted`");
    refused(
        &without("/parsers/0/root-node"),
        "parsers[0]",
        "missing field `root-node`",
    );
    refused(
        &without("/parse-nodes/1/name"),
        "parse-nodes[1]",
        "missing field `name`",
    );
}

#[test]
fn values_have_the_right_type() {
    let path = "parse-nodes[1].next-proto.ents[1].key";
    let pointer = "/parse-nodes/1/next-proto/ents/1/key";
    refused(&with(pointer, json!(-1)), path, "no number is below 0: -1");
    refused(&with(pointer, json!(4.5)), path, "floating point `4.5`");
    refused(
        &with(pointer, json!("47")),
        path,
        "a string like \"0x86dd\"",
    );
    refused(&with(pointer, json!(null)), path, "null");
    refused(
        &with(pointer, json!("0x100000000")),
        path,
        "the limit is 0xffffffff: 0x100000000",
    );
    refused(
        &with("/parse-nodes/1/metadata/ents/0/field", json!("sport")),
        "parse-nodes[1].metadata.ents[0].field",
        "no field has this name: sport (known: nhoff addr_proto",
    );
    refused(
        &with(
            "/parse-nodes/1/stop-if",
            json!(["stop-at-encap", "is-fragment"]),
        ),
        "parse-nodes[1].stop-if[1]",
        "no condition has this name: is-fragment",
    );
    refused(
        &with("/parse-nodes/1/cond-exprs/ents/0/type", json!("ugt")),
        "parse-nodes[1].cond-exprs.ents[0].type",
        "no comparison has this name: ugt (known: equal",
    );
}

#[test]
fn names_are_there_and_there_once() {
    let text = with("/parse-nodes/2/name", json!("ip"));
    refused(
        &text,
        "parse-nodes[2].name",
        "the name of number 1 as well: ip",
    );
    for name in ["", "stop_okay"] {
        let text = with("/parse-nodes/2/name", json!(name));
        refused(&text, "parse-nodes[2].name", "a name is not empty");
    }
    let text = with("/proto-tables/1", json!({ "name": "types", "ents": [] }));
    refused(
        &text,
        "proto-tables[1].name",
        "the name of number 0 as well: types",
    );
    refused(
        &with("/parsers/0/root-node", json!("eth")),
        "parsers[0].root-node",
        "no such node: eth",
    );
    refused(
        &with("/parsers/1", json!({ "name": "b", "root-node": "ip" })),
        "parsers",
        "one parser in a file: 2",
    );
    refused(
        &with("/parse-nodes/0/next-proto/table", json!("type")),
        "parse-nodes[0].next-proto.table",
        "no such table: type",
    );
    let no_node = "no such node, and no such way to stop: ipv4";
    for (pointer, path) in [
        (
            "/parse-nodes/1/next-proto/ents/0/node",
            "parse-nodes[1].next-proto.ents[0].node",
        ),
        (
            "/proto-tables/0/ents/0/node",
            "proto-tables[0].ents[0].node",
        ),
        (
            "/proto-tables/0/ents/1/target",
            "proto-tables[0].ents[1].target",
        ),
        (
            "/parse-nodes/0/next-proto/default",
            "parse-nodes[0].next-proto.default",
        ),
        ("/parse-nodes/1/default-fail", "parse-nodes[1].default-fail"),
        ("/parse-nodes/2/next-node", "parse-nodes[2].next-node"),
    ] {
        refused(&with(pointer, json!("ipv4")), path, no_node);
        refused(
            &with(pointer, json!("ethernet")),
            path,
            "a parser begins with this node",
        );
    }
    let text = with("/parse-nodes/1/at-limit", json!({ "default": "ipv4" }));
    refused(&text, "parse-nodes[1].at-limit.default", no_node);
}

#[test]
fn keys_of_tables_are_in_the_order_of_the_wire() {
    let swapped = |key: &str, is: &str| {
        let text = with("/proto-tables/0/ents/0/key", json!(key));
        let what = format!("byte-swapped? An EtherType is written as on the wire, {is}: ");
        refused(&text, "proto-tables[0].ents[0].key", &what);
    };
    swapped("0x8", "0x0800");
    swapped("0xdd86", "0x86dd");
    swapped("0x0081", "0x8100");
    swapped("0xa888", "0x88a8");
    swapped("0x0608", "0x0806");
    swapped("0x4788", "0x8847");
    refused(
        &with("/parse-nodes/1/metadata/ents/1/value", json!("0x0008")),
        "parse-nodes[1].metadata.ents[1].value",
        "byte-swapped? An EtherType is written as on the wire, 0x0800: 0x0008",
    );
    // A port may be what an EtherType is in the wrong order.
    let next =
        json!({ "field-off": 2, "field-len": 2, "ents": [{ "key": 8, "target": "stop_okay" }] });
    let mut base = base();
    base["parse-nodes"][2]
        .as_object_mut()
        .unwrap()
        .remove("next-node");
    base["parse-nodes"][2]["next-proto"] = next;
    assert!(Canonical::from_json(&base.to_string()).is_ok());
    let ents = base["parse-nodes"][2]["next-proto"]["ents"]
        .as_array_mut()
        .unwrap();
    ents.push(json!({ "key": "0xdd86", "target": "stop_okay" }));
    refused(
        &base.to_string(),
        "parse-nodes[2].next-proto.ents[0].key",
        "byte-swapped?",
    );
}

#[test]
fn keys_of_tables_fit_and_are_there_once() {
    let path = "parse-nodes[1].next-proto.ents[1].key";
    let pointer = "/parse-nodes/1/next-proto/ents/1/key";
    refused(
        &with(pointer, json!("0x12f")),
        path,
        "has more bits than 0xff, what can be left of 1 bytes at 9: 0x12f",
    );
    refused(
        &with(pointer, json!(4)),
        path,
        "this key is that of number 0 as well: 0x4",
    );
    let mask = with("/parse-nodes/1/next-proto/mask", json!("0x0f"));
    refused(
        &mask,
        path,
        "has more bits than 0xf, what can be left of 1 bytes at 9: 0x2f",
    );
    let both = with(
        "/parse-nodes/1/next-proto/ents/0/target",
        json!("stop_okay"),
    );
    refused(
        &both,
        "parse-nodes[1].next-proto.ents[0].target",
        "this or `node`, not both: stop_okay",
    );
    let none = without("/parse-nodes/1/next-proto/ents/0/node");
    refused(
        &none,
        "parse-nodes[1].next-proto.ents[0]",
        "neither `node` nor `target`",
    );
}

#[test]
fn lookups_have_one_table() {
    refused(
        &with("/parse-nodes/0/next-proto/ents", json!([])),
        "parse-nodes[0].next-proto.table",
        "this or `ents`, not both: types",
    );
    refused(
        &without("/parse-nodes/0/next-proto/table"),
        "parse-nodes[0].next-proto",
        "neither `table` nor `ents`",
    );
    refused(
        &with("/parse-nodes/1/next-node", json!("gre")),
        "parse-nodes[1].next-node",
        "this or `next-proto`, not both: gre",
    );
    let text = with("/parse-nodes/2/at-limit", json!({}));
    refused(
        &text,
        "parse-nodes[2].at-limit",
        "means something with `counted` alone",
    );
    let mut base = base();
    base["parse-nodes"][2]["counted"] = json!(true);
    base["parse-nodes"][2]["at-limit"] = json!({ "table": "types" });
    refused(
        &base.to_string(),
        "parse-nodes[2].at-limit",
        "looks up what `next-proto` does",
    );
}

#[test]
fn a_parser_comes_to_an_end() {
    let text = with("/parse-nodes/2/next-node", json!("gre"));
    refused(
        &text,
        "parse-nodes[2]",
        "no node of the circle is counted, so that a parser would not come to an end: gre -> gre",
    );
    let text = with("/parse-nodes/1/default-fail", json!("gre")).replace("\"stop_okay\"", "\"ip\"");
    // `ip` counts, but not where it fails.
    refused(&text, "parse-nodes[1]", "ip -> gre -> ip");
    let text = with("/parse-nodes/1/at-limit", json!({ "default": "ip" }));
    refused(&text, "parse-nodes[1]", "ip -> ip");
    assert!(read(&with(
        "/parse-nodes/1/at-limit",
        json!({ "default": "gre" })
    ))
    .is_ok());
}

#[test]
fn a_parser_begins_with_ethernet() {
    let what = "no Ethernet header of 14 bytes with the EtherType at offset 12";
    for (key, value) in [
        ("min-hdr-length", json!(16)),
        ("overlay", json!(true)),
        ("default-fail", json!("ip")),
    ] {
        refused(
            &with(&format!("/parse-nodes/0/{key}"), value),
            "parse-nodes[0]",
            what,
        );
    }
    refused(&without("/parse-nodes/0/metadata"), "parse-nodes[0]", what);
}
