// SPDX-License-Identifier: GPL-2.0

//! The JSON Schema of the files, for editors and for who writes them by program: `schema.json`, made of
//! what the reader reads.

use std::path::Path;

use schemars::generate::SchemaSettings;
use serde_json::{json, Value};

use crate::model::Document;
use crate::{read, Canonical};

/// Set, the test writes the schema.
const WRITE: &str = "WRITE_SCHEMA";

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the reader refuses: that something is there and `null`.
fn without_null(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(without_null),
        Value::Object(all) => {
            if let Some(Value::Array(types)) = all.get_mut("type") {
                types.retain(|each| each != "null");
                if let [only] = types.as_slice() {
                    all["type"] = only.clone();
                }
            }
            if all.get("default") == Some(&Value::Null) {
                all.remove("default");
            }
            let rest = all
                .get_mut("anyOf")
                .and_then(Value::as_array_mut)
                .and_then(|any| {
                    any.retain(|each| *each != json!({ "type": "null" }));
                    let only = (any.len() == 1).then(|| any.remove(0))?;
                    only.as_object().cloned()
                });
            if let Some(rest) = rest {
                all.remove("anyOf");
                all.extend(rest);
            }
            all.values_mut().for_each(without_null);
        }
        _ => {}
    }
}

fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Document>().to_value();
    without_null(&mut schema);
    schema["title"] = json!("Parse graph");
    schema["properties"]["parsers"]["minItems"] = json!(1);
    schema["properties"]["parsers"]["maxItems"] = json!(1);
    schema
}

fn corpus() -> impl Iterator<Item = (String, Value)> {
    let dir = here().join("../../samples/parsers");
    let all = std::fs::read_dir(dir).expect("the samples");
    let paths = all.map(|entry| entry.expect("a sample").path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a text");
            let value = serde_json::from_str(&text).expect("JSON");
            (path.display().to_string(), value)
        })
}

#[test]
fn the_schema_is_that_of_the_reader() {
    let path = here().join("schema.json");
    let made = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == there,
        "run this test with {WRITE}=1 to write the schema anew"
    );
}

#[test]
fn the_samples_are_what_the_schema_says() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let mut count = 0;
    for (name, value) in corpus() {
        if let Err(error) = validator.validate(&value) {
            panic!("{name}: {}: {error}", error.instance_path);
        }
        let document = read(&value.to_string()).unwrap();
        let canonical = Canonical::build(&document).unwrap();
        let dumped = crate::dump(&canonical.graph().unwrap(), canonical.names());
        let dumped = serde_json::to_value(dumped).unwrap();
        if let Err(error) = validator.validate(&dumped) {
            panic!("{name}, dumped: {}: {error}", error.instance_path);
        }
        count += 1;
    }
    assert_eq!(count, 5);
}

/// What is wrong by its form alone is refused by both.
#[test]
fn the_schema_refuses_what_the_reader_does() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let base = json!({
        "parsers": [{ "name": "p", "root-node": "ethernet" }],
        "parse-nodes": [{ "name": "ethernet" }]
    });
    assert!(validator.is_valid(&base) && read(&base.to_string()).is_ok());
    let node = |key: &str, value: Value| {
        let mut base = base.clone();
        base["parse-nodes"][0][key] = value;
        base
    };
    let broken = [
        json!([]),
        json!({ "parsers": [] }),
        node("name", json!(null)),
        node("name", json!(7)),
        node("min-hdr-length", json!(null)),
        node("min-hdr-length", json!(-1)),
        node("min-hdr-length", json!(1.5)),
        node("min-hdr-length", json!("14")),
        node("min-hdr-length", json!(4294967296_u64)),
        node("min-hdr-length", json!("0x100000000")),
        node("overlay", json!(1)),
        node("stop-if", json!(["is-fragment"])),
        node("stop_if", json!([])),
        node(
            "metadata",
            json!({ "ents": [{ "type": "extract", "field": "thoff" }] }),
        ),
        node("metadata", json!({ "ents": [{ "type": "extract" }] })),
        node(
            "metadata",
            json!({ "ents": [{ "type": "timestamp", "field": "user0" }] }),
        ),
        node("next-proto", json!({ "field-off": 12 })),
        node("handler", json!("f")),
    ];
    for value in broken {
        assert!(read(&value.to_string()).is_err(), "{value}");
        assert!(!validator.is_valid(&value), "{value}");
    }
}
