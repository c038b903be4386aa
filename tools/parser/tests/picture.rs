// SPDX-License-Identifier: GPL-2.0

//! Pictures of graphs: both languages tell the same, and what is drawn can be read.

mod common;

use std::collections::BTreeSet;

use common::{built, corpus};
use graph_json::{dot, svg, Canonical, Notes};
use parse_graph::Target;
use roxmltree::{Document, Node};

fn both(canonical: &Canonical) -> (String, String) {
    with(canonical, &())
}

fn with(canonical: &Canonical, notes: &impl Notes) -> (String, String) {
    let (graph, names) = (canonical.graph().unwrap(), canonical.names());
    (dot(&graph, names, notes), svg(&graph, names, notes))
}

/// Something to say of each node, and of each edge that there may be.
struct Everywhere;

impl Notes for Everywhere {
    fn node(&self, node: u16) -> Option<String> {
        Some(format!("of node {node}"))
    }

    fn edge(&self, from: u16, to: Target) -> Option<String> {
        let to = to.as_node().map_or("stop".to_owned(), |to| to.to_string());
        Some(format!("from {from} to {to}"))
    }
}

/// The lines of all labels of a picture in the language of Graphviz.
fn labels(dot: &str) -> BTreeSet<String> {
    let labels = dot.split("label=\"").skip(1);
    let labels = labels.map(|rest| rest.split_once("\"").unwrap().0);
    labels
        .flat_map(|label| label.split("\\n"))
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

fn texts(svg: &Document<'_>) -> BTreeSet<String> {
    let texts = svg.descendants().filter(|node| node.has_tag_name("text"));
    texts
        .filter_map(|text| text.text().map(str::to_owned))
        .collect()
}

/// Left, top, right and bottom.
fn place(rect: &Node<'_, '_>) -> [i64; 4] {
    let [x, y, width, height] = ["x", "y", "width", "height"]
        .map(|name| rect.attribute(name).map_or(0, |text| text.parse().unwrap()));
    [x, y, x + width, y + height]
}

#[test]
fn all_that_one_picture_says_the_other_does() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let (dot, svg) = both(&canonical);
        let svg = Document::parse(&svg).unwrap();
        let texts = texts(&svg);
        for label in labels(&dot) {
            assert!(texts.contains(&label), "{name}: {label}");
        }
        for node in &canonical.names().nodes {
            assert!(texts.contains(node), "{name}: {node}");
        }
        // A line for each edge that leads to a node, with its ends and its keys.
        let titles = svg.descendants().filter(|node| node.has_tag_name("title"));
        let edges = dot.lines().filter(|line| line.contains(" -> n"));
        assert_eq!(titles.count(), edges.count(), "{name}");
    }
}

#[test]
fn boxes_do_not_lie_over_each_other_nor_outside() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let (_, svg) = both(&canonical);
        let svg = Document::parse(&svg).unwrap();
        let rects = svg.descendants().filter(|node| node.has_tag_name("rect"));
        let rects: Vec<_> = rects.map(|rect| place(&rect)).collect();
        let Some(([left, top, right, bottom], boxes)) = rects.split_first() else {
            panic!("{name}: no rectangle");
        };
        assert_eq!(boxes.len(), canonical.names().nodes.len(), "{name}");
        for (number, one) in boxes.iter().enumerate() {
            let inside = one[0] >= *left && one[1] >= *top && one[2] <= *right && one[3] <= *bottom;
            assert!(inside, "{name}: {one:?}");
            for other in &boxes[number + 1..] {
                let apart = one[2] <= other[0]
                    || other[2] <= one[0]
                    || one[3] <= other[1]
                    || other[3] <= one[1];
                assert!(apart, "{name}: {one:?} {other:?}");
            }
        }
    }
}

/// Names may be anything.
#[test]
fn names_are_no_markup() {
    let (_, text) = corpus()
        .into_iter()
        .find(|(name, _)| name == "small")
        .unwrap();
    let (name, odd) = ("\"ipv6\"", "\"<&'\\\"\\u0007>\"");
    assert_eq!(
        text.matches(name).count(),
        2,
        "a node, and the key that leads there"
    );
    let text = text.replace(name, odd);
    let (_, svg) = both(&built("small", &text));
    let svg = Document::parse(&svg).unwrap();
    // XML has no way to say the bell.
    let name = "<&'\"\u{fffd}>";
    assert!(texts(&svg).contains(name), "{:?}", texts(&svg));
}

#[test]
fn notes_are_drawn_once_for_each_edge() {
    for (name, text) in corpus() {
        let canonical = built(&name, &text);
        let (dot, svg) = with(&canonical, &Everywhere);
        let svg = Document::parse(&svg).unwrap();
        let drawn = texts(&svg);
        let labels = labels(&dot);
        for node in 0..canonical.names().nodes.len() {
            // Each node may fail, and be stopped at.
            for note in [format!("of node {node}"), format!("from {node} to stop")] {
                assert!(
                    labels.contains(&note) && drawn.contains(&note),
                    "{name}: {note}"
                );
            }
        }
        let edges = dot.lines().filter_map(|line| line.split_once(" -> "));
        let ends: Vec<_> = edges
            .map(|(from, rest)| (from, rest.split(' ').next()))
            .collect();
        let different: BTreeSet<_> = ends.iter().collect();
        assert_eq!(dot.matches("from ").count(), different.len(), "{name}");
    }
}
