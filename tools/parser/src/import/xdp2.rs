// SPDX-License-Identifier: GPL-2.0

//! The JSON that XDP2's compiler writes and its documents call PIR, and what its fork in Rust reads: that
//! has a few more keys, none of which the other uses for something else.

use parse_graph::Compare;

use super::convert::{Spelling, COUNTERS, OPTIONS};

/// How XDP2 writes things. Comparisons with a sign are not among them.
pub(super) const SPELLING: Spelling = Spelling {
    max_nodes: 255,
    max_encaps: 4,
    metadata_length: None,
    comparisons: &[
        ("equal", Compare::Equal),
        ("not_equal", Compare::NotEqual),
        ("ult", Compare::Less),
        ("ule", Compare::LessOrEqual),
        ("ugt", Compare::Greater),
        ("uge", Compare::GreaterOrEqual),
    ],
    has_lists: false,
    has_bare_nodes: true,
    dropped: &[
        (
            "tlv-nodes",
            "lists of options alone lead there, and none is taken over",
        ),
        (
            "tlv-tables",
            "lists of options alone lead there, and none is taken over",
        ),
        (
            "flag-fields-tables",
            "no node that is taken over leads there",
        ),
        ("counters", COUNTERS),
        ("metadata", "tells how a structure in C is laid out"),
    ],
    dropped_of_parser: &[
        ("file_name", "tells where the parser's source is"),
        ("num-counters", COUNTERS),
    ],
    dropped_of_node: &[("counter-actions", COUNTERS)],
    refused_of_node: &[
        ("tlvs-parse-node", OPTIONS),
        ("post-handler", "code in C can't be told by a graph"),
        (
            "array-parse-node",
            "an array of equal parts can't be told by a graph",
        ),
    ],
};
