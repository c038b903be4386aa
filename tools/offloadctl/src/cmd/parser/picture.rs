// SPDX-License-Identifier: GPL-2.0

//! Pictures of graphs.

use graph_json::{dot, svg, Names, Notes};
use parse_graph::Graph;

/// `graph` as SVG, or in the language of Graphviz.
pub(super) fn draw(as_svg: bool, graph: &Graph<'_>, names: &Names, notes: &impl Notes) -> String {
    if as_svg {
        svg(graph, names, notes)
    } else {
        dot(graph, names, notes)
    }
}
