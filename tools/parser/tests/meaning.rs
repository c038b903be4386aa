// SPDX-License-Identifier: GPL-2.0

//! What changes the digest of a graph, and what does not.

mod common;

use common::{built, corpus, to_json};
use graph_json::model::Document;
use graph_json::{dump, Canonical};
use serde::Deserialize as _;
use serde_json::{json, Map, Value};

/// A step on the way to a value.
#[derive(Clone)]
enum Step {
    Key(String),
    At(usize),
}

/// All values in `value` that have no values in them, with their ways.
fn leaves(value: &Value, way: &mut Vec<Step>, found: &mut Vec<(Vec<Step>, Value)>) {
    match value {
        Value::Array(all) => {
            for (number, each) in all.iter().enumerate() {
                way.push(Step::At(number));
                leaves(each, way, found);
                way.pop();
            }
        }
        Value::Object(all) => {
            for (key, each) in all {
                way.push(Step::Key(key.clone()));
                leaves(each, way, found);
                way.pop();
            }
        }
        leaf => found.push((way.clone(), leaf.clone())),
    }
}

/// Whether a mask says the same as another, because what is different is shifted out.
fn is_shifted_out(value: &Value, way: &[Step], mask: &Value, other: &Value) -> bool {
    if key_of(way) != "mask" {
        return false;
    }
    let object = way[..way.len() - 1]
        .iter()
        .fold(value, |value, step| match step {
            Step::Key(key) => &value[key],
            Step::At(number) => &value[number],
        });
    let shift = object["right-shift"].as_u64().unwrap_or(0);
    let number = |mask: &Value| {
        let digits = mask.as_str().and_then(|text| text.strip_prefix("0x"));
        u64::from_str_radix(digits.unwrap(), 16).unwrap() >> shift
    };
    number(mask) == number(other)
}

fn put(value: &mut Value, way: &[Step], leaf: Value) {
    let place = way.iter().fold(value, |value, step| match step {
        Step::Key(key) => &mut value[key],
        Step::At(number) => &mut value[number],
    });
    *place = leaf;
}

/// What else could stand where `leaf` does, under `key`.
fn others(key: &str, leaf: &Value, targets: &[String]) -> Vec<Value> {
    let numbers = |number: u64| {
        let bits = [0, 3, 7];
        let flipped = bits.map(|bit| number ^ (1 << bit)).into_iter();
        let others = flipped.chain([number + 1]);
        others.filter(move |other| *other != number)
    };
    let words = |words: &[&str]| {
        let words = words.iter().filter(|word| leaf != *word);
        words.map(|word| json!(word)).collect()
    };
    match (key, leaf) {
        ("name", _) => Vec::new(),
        ("root-node", _) => Vec::new(),
        ("type", Value::String(text)) if !text.starts_with("0x") => words(&[
            "extract",
            "constant",
            "offset",
            "equal",
            "not_equal",
            "less_than",
            "less_or_equal",
            "greater_than",
            "greater_or_equal",
        ]),
        ("field", _) => words(&[
            "nhoff", "is_frag", "n_proto", "ipv4_src", "ipv6_src", "user0",
        ]),
        ("stop-if" | "stop-before-if" | "stop-unless", _) => words(&[
            "parse-1st-frag",
            "stop-at-flow-label",
            "stop-at-encap",
            "stop-before-encap",
            "is-frag",
        ]),
        // There are many of them, and they are all alike.
        ("key", Value::String(text)) => {
            let number = u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
            vec![json!(number ^ 8)]
        }
        (_, Value::Bool(flag)) => vec![json!(!flag)],
        (_, Value::Number(number)) => numbers(number.as_u64().unwrap())
            .map(|n| json!(n))
            .collect(),
        (_, Value::String(text)) => match text.strip_prefix("0x") {
            Some(digits) => {
                let number = u64::from_str_radix(digits, 16).unwrap();
                numbers(number)
                    .map(|number| json!(format!("{number:#x}")))
                    .collect()
            }
            None => {
                let targets = targets.iter().filter(|target| *target != text);
                targets.map(|target| json!(target)).collect()
            }
        },
        _ => panic!("{key}: {leaf}"),
    }
}

/// The key under which a value is, however deep in arrays.
fn key_of(way: &[Step]) -> &str {
    let keys = way.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::At(_) => None,
    });
    keys.unwrap()
}

#[test]
fn whatever_changes_what_a_parser_does_changes_the_digest() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let graph = canonical.graph().unwrap();
        let value = to_json(&dump(&graph, canonical.names()));
        let mut found = Vec::new();
        leaves(&value, &mut Vec::new(), &mut found);
        // Some of the nodes are enough.
        let mut targets: Vec<_> = canonical
            .names()
            .nodes
            .iter()
            .step_by(20)
            .cloned()
            .collect();
        targets.extend(["stop_okay", "stop_left_out"].map(String::from));
        let (mut built, mut refused) = (0, 0);
        for (way, leaf) in found {
            let key = key_of(&way);
            let mut mutated = value.clone();
            for other in others(key, &leaf, &targets) {
                if is_shifted_out(&value, &way, &leaf, &other) {
                    continue;
                }
                put(&mut mutated, &way, other.clone());
                match Document::deserialize(&mutated) {
                    Ok(document) => match Canonical::build(&document) {
                        Ok(mutant) => {
                            assert!(
                                mutant.digest() != canonical.digest(),
                                "{name}: {key}: {leaf} -> {other}"
                            );
                            built += 1;
                        }
                        Err(_) => refused += 1,
                    },
                    Err(_) => refused += 1,
                }
            }
        }
        // Many are no graphs; enough are.
        assert!(built > 100, "{name}: {built} built, {refused} refused");
    }
}

/// `value` with nodes, tables and entries of tables the other way around, with keys of objects in the
/// order of the alphabet, and with other names.
fn disguised(value: &Value, key: &str, names: &[String]) -> Value {
    let renamed = |text: &str| match names.iter().position(|name| name == text) {
        Some(number) => json!(format!("\u{fc}-{}", 1000 - number)),
        None => json!(text),
    };
    match value {
        Value::Object(all) => {
            let all = all
                .iter()
                .map(|(key, each)| (key.clone(), disguised(each, key, names)));
            let mut all: Map<String, Value> = all.collect();
            all.insert("comment".to_owned(), json!("Nothing of interest."));
            Value::Object(all)
        }
        Value::Array(all) => {
            let mut all: Vec<_> = all.iter().map(|each| disguised(each, key, names)).collect();
            let is_table = all.iter().all(|each| each.get("key").is_some());
            if is_table || matches!(key, "parse-nodes" | "proto-tables") {
                all.reverse();
            }
            Value::Array(all)
        }
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => json!(u32::from_str_radix(digits, 16).unwrap()),
            None if matches!(key, "type" | "field") => json!(text),
            None => renamed(text),
        },
        other => other.clone(),
    }
}

#[test]
fn names_and_order_and_space_do_not_change_the_digest() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let value: Value = serde_json::from_str(&text).unwrap();
        let names = &canonical.names().nodes;
        let disguise = disguised(&value, "", names);
        for text in [
            serde_json::to_string(&disguise).unwrap(),
            serde_json::to_string_pretty(&disguise).unwrap(),
        ] {
            let again = built(&name, &text);
            assert!(again.names().nodes != *names);
            assert!(again.bytes() == canonical.bytes(), "{name}");
        }
    }
}

#[test]
fn what_nothing_leads_to_does_not_change_the_digest() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let nodes = value["parse-nodes"].as_array_mut().unwrap();
        nodes.insert(0, json!({ "name": "lonely", "next-node": "lonely-2" }));
        nodes.push(json!({ "name": "lonely-2", "next-node": "lonely" }));
        let again = built(&name, &value.to_string());
        assert!(again.bytes() == canonical.bytes(), "{name}");
    }
}
