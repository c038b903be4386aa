// SPDX-License-Identifier: GPL-2.0

//! The common parser language of kParser, as its schema and its examples have it.

use parse_graph::Compare;

use super::convert::{Spelling, COUNTERS, OPTIONS};

/// How kParser writes things.
pub(super) const SPELLING: Spelling = Spelling {
    max_nodes: 10,
    max_encaps: 1,
    metadata_length: Some(2),
    comparisons: &[
        ("equal", Compare::Equal),
        ("not-equal", Compare::NotEqual),
        ("not_equal", Compare::NotEqual),
        ("less-than", Compare::Less),
        ("less_than", Compare::Less),
        ("less_or_equal", Compare::LessOrEqual),
        ("greater-than", Compare::Greater),
        ("greater_than", Compare::Greater),
        ("greater_or_equal", Compare::GreaterOrEqual),
    ],
    has_lists: true,
    has_bare_nodes: false,
    dropped: &[
        (
            "tlv-nodes",
            "lists of options alone lead there, and none is taken over",
        ),
        ("counters", COUNTERS),
        (
            "metadata-objects",
            "lists of lists alone lead there, and none is taken over",
        ),
    ],
    dropped_of_parser: &[],
    dropped_of_node: &[("counter-actions", COUNTERS), ("counter_actions", COUNTERS)],
    refused_of_node: &[("tlv-parse-node", OPTIONS), ("tlvs-parse-node", OPTIONS)],
};
