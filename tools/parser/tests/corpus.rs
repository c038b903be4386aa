// SPDX-License-Identifier: GPL-2.0

//! The parsers of `samples/parsers`.

mod common;

use common::{built, corpus};
use graph_json::{digest, dot, dump, Canonical, Names};
use parse_graph::{blob, Graph};

#[test]
fn each_sample_is_a_graph_and_has_the_name_of_its_file() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        assert_eq!(canonical.names().parser, name);
        let graph = canonical.graph().unwrap();
        eprintln!(
            "{name}: {:?}, {} bytes",
            graph.counts(),
            canonical.bytes().len()
        );
    }
}

#[test]
fn what_is_dumped_has_the_same_digest() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let graph = canonical.graph().unwrap();
        for names in [canonical.names().clone(), Names::default()] {
            let dumped = serde_json::to_string_pretty(&dump(&graph, &names)).unwrap();
            let again = built(&name, &dumped);
            assert!(again.bytes() == canonical.bytes(), "{name}");
            // And once more all is the same.
            let second = dump(&again.graph().unwrap(), again.names());
            assert!(
                serde_json::to_string_pretty(&second).unwrap() == dumped,
                "{name}"
            );
        }
        let dumped = dump(&graph, canonical.names());
        let again = Canonical::build(&dumped).unwrap();
        assert_eq!(again.names().nodes, canonical.names().nodes);
        // Tables that are shared without a name get one.
        let is_there = |table| again.names().tables.contains(table);
        assert!(canonical.names().tables.iter().all(is_there), "{name}");
    }
}

/// Wherever a bit is wrong: in the header, in the graph, among the names, in a digest.
#[test]
fn no_bit_of_a_file_may_be_wrong() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let blob = canonical.to_blob(Some(&digest(b"a dissector"))).unwrap();
        assert!(blob::parse(&blob, digest).is_ok(), "{name}");
        for bit in 0..8 * blob.len() {
            let mut wrong = blob.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(blob::parse(&wrong, digest).is_err(), "{name}: bit {bit}");
        }
    }
}

#[test]
fn a_drawing_has_all_nodes() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let drawing = dot(&canonical.graph().unwrap(), canonical.names(), &());
        for node in &canonical.names().nodes {
            assert!(
                drawing.contains(&format!("label=\"{node}\\n")),
                "{name}: {node}"
            );
        }
        assert_eq!(drawing.matches('{').count(), 1);
        assert!(drawing.contains("-> stop_"));
    }
}

/// Bytes that are a graph by chance may have nodes in an order that no file leads to: what is dumped of
/// them is a graph all the same, and from then on nothing changes.
#[test]
fn what_is_dumped_of_any_graph_is_one() {
    let mut count = 0;
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        // The largest ones take long.
        let bytes = canonical.bytes();
        for at in (0..bytes.len()).step_by(if bytes.len() > 3000 { 13 } else { 1 }) {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1 << (at % 8);
            let Ok(graph) = Graph::new(&bytes) else {
                continue;
            };
            let first = match Canonical::build(&dump(&graph, canonical.names())) {
                Ok(first) => first,
                // A key may have become one that nobody means.
                Err(error) if error.what.contains("byte-swapped?") => continue,
                Err(error) => panic!("{name}: byte {at}: {error}"),
            };
            let second = dump(&first.graph().unwrap(), first.names());
            let second = Canonical::build(&second).unwrap();
            assert!(second.bytes() == first.bytes(), "{name}: byte {at}");
            count += 1;
        }
    }
    assert!(count > 500, "{count}");
}

#[test]
fn a_changed_bit_of_a_file_to_flash_is_found() {
    for name in ["small", "srv6"] {
        let (_, text) = corpus().into_iter().find(|(each, _)| each == name).unwrap();
        let mut blob = built(name, &text).to_blob(None).unwrap();
        assert!(blob::parse(&blob, digest).is_ok());
        for bit in 0..8 * blob.len() {
            let (at, mask) = (bit / 8, 1 << (bit % 8));
            blob[at] ^= mask;
            assert!(blob::parse(&blob, digest).is_err(), "{name}: bit {bit}");
            blob[at] ^= mask;
        }
        for len in 0..blob.len() {
            assert!(blob::parse(&blob[..len], digest).is_err(), "{name}: {len}");
        }
    }
}

#[test]
fn the_example_of_the_documentation_is_a_graph() {
    let (_, rest) = graph_json::DIALECT.split_once("```json\n").unwrap();
    let (example, rest) = rest.split_once("```\n").unwrap();
    assert_eq!(built("example", example).names().nodes, ["ethernet"]);
    assert!(!rest.contains("```"), "one that is not tried");
}

/// Whoever has the file alone finds nodes by their names, as a device does.
#[test]
fn nodes_are_found_by_the_names_in_a_file() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let file = canonical.to_blob(None).unwrap();
        let blob = blob::parse(&file, digest).unwrap();
        for (number, node) in (0..).zip(&canonical.names().nodes) {
            assert_eq!(
                blob.node_named(node.as_bytes()),
                Some(number),
                "{name}: {node}"
            );
        }
        let count = canonical.names().nodes.len();
        for nobody in [
            "",
            "none",
            "nodes",
            &name.to_uppercase(),
            "node-0",
            &format!("node-{count}"),
        ] {
            assert_eq!(blob.node_named(nobody.as_bytes()), None, "{name}: {nobody}");
        }
    }
}

/// Those of a graph whose file tells fewer names than it has nodes have numbers, and a name may be anything.
#[test]
fn nodes_without_names_and_with_odd_ones() {
    let (name, text) = corpus().remove(0);
    let canonical = built(&name, &text);
    let graph = canonical.graph().unwrap();
    let [count, ..] = graph.counts();
    let with = |names: &'static [u8]| blob::Blob {
        graph,
        digest: canonical.digest(),
        dissector: None,
        names,
    };
    let number = |blob: &blob::Blob<'_>, name: &str| blob.node_named(name.as_bytes());
    for names in [
        &b""[..],
        b"{}",
        b"{\"nodes\":[]}",
        b"\"nodes\":[",
        b"\"nodes\":[\"a",
    ] {
        let blob = with(names);
        assert_eq!(number(&blob, "node-0"), Some(0));
        assert_eq!(
            number(&blob, &format!("node-{}", count - 1)),
            Some(count - 1)
        );
        for nobody in [
            "a",
            "node-",
            "node-00",
            "node-x",
            "node-99999",
            "node-111111",
        ] {
            assert_eq!(number(&blob, nobody), None, "{nobody}");
        }
        assert_eq!(number(&blob, &format!("node-{count}")), None);
    }
    // A name that has what stands before the list is written otherwise.
    let parser = serde_json::to_vec(&Names {
        parser: "\"nodes\":[\"x\"]\\".to_owned(),
        nodes: vec!["a\"b\\".to_owned(), "c".to_owned()],
        tables: Vec::new(),
    });
    let blob = with(parser.unwrap().leak());
    assert_eq!(number(&blob, "x"), None);
    assert_eq!(number(&blob, "c"), Some(1));
    assert_eq!(number(&blob, "node-1"), None);
    assert_eq!(number(&blob, "node-2"), Some(2));
    // More names than nodes.
    let many = vec!["n".to_owned(); usize::from(count)];
    let names = Names {
        parser: String::new(),
        nodes: [many, vec!["beyond".to_owned()]].concat(),
        tables: Vec::new(),
    };
    let blob = with(serde_json::to_vec(&names).unwrap().leak());
    assert_eq!(
        (number(&blob, "n"), number(&blob, "beyond")),
        (Some(0), None)
    );
}
