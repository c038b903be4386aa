// SPDX-License-Identifier: GPL-2.0

//! Numbers the nodes of a graph, by nothing but how they hang together.
//!
//! Nodes are first discovered: from the root, depth first, a node before those that it leads to, and
//! those in the order of entries by key, default, the same at the limit, failure. Then they are sorted
//! such that whatever leads to a node without counting comes before it; where that leaves a choice, the
//! one that was discovered first comes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::draft::{Draft, Node};

/// The nodes that a parser can come to, as numbers of those in `draft`, in the order of the canonical
/// form; or, if there are some that lead to each other without counting, those.
pub(crate) fn order(draft: &Draft) -> Result<Vec<usize>, Vec<usize>> {
    let discovered = discover(draft);
    let mut rank = vec![None; draft.nodes.len()];
    for (number, node) in discovered.iter().enumerate() {
        rank[*node] = Some(number);
    }

    let mut waits_for = vec![0_usize; draft.nodes.len()];
    for node in &discovered {
        for child in draft.nodes[*node].uncounted() {
            waits_for[child] += 1;
        }
    }
    let mut ready: BinaryHeap<_> = discovered
        .iter()
        .filter(|node| waits_for[**node] == 0)
        .map(|node| Reverse((rank[*node], *node)))
        .collect();
    let mut ordered = Vec::with_capacity(discovered.len());
    while let Some(Reverse((_, node))) = ready.pop() {
        ordered.push(node);
        for child in draft.nodes[node].uncounted() {
            waits_for[child] -= 1;
            if waits_for[child] == 0 {
                ready.push(Reverse((rank[child], child)));
            }
        }
    }
    if ordered.len() == discovered.len() {
        return Ok(ordered);
    }
    Err(circle(&draft.nodes, &discovered, &waits_for))
}

/// All nodes that a parser can come to, in the order in which it does.
fn discover(draft: &Draft) -> Vec<usize> {
    let mut seen = vec![false; draft.nodes.len()];
    let (mut discovered, mut to_do) = (Vec::new(), vec![draft.root]);
    while let Some(node) = to_do.pop() {
        if std::mem::replace(&mut seen[node], true) {
            continue;
        }
        discovered.push(node);
        // The last one in is the first one out.
        let children: Vec<_> = draft.nodes[node].children().collect();
        to_do.extend(children.into_iter().rev());
    }
    discovered
}

/// A circle among the nodes that still wait for others, in the order in which they lead to each other,
/// from the one that was discovered first.
fn circle(nodes: &[Node], discovered: &[usize], waits_for: &[usize]) -> Vec<usize> {
    let waits = |node: &usize| waits_for[*node] > 0;
    // Each of them waits for another of them: who goes back from one to the next comes around.
    let mut way: Vec<usize> = discovered.iter().copied().filter(waits).take(1).collect();
    while let Some(last) = way.last().copied() {
        let leads_here = |from: &&usize| nodes[**from].uncounted().any(|child| child == last);
        let Some(from) = discovered
            .iter()
            .filter(|node| waits(node))
            .find(leads_here)
        else {
            break;
        };
        if let Some(start) = way.iter().position(|node| node == from) {
            way.drain(..start);
            way.reverse();
            break;
        }
        way.push(*from);
    }
    let rank = |node: &usize| discovered.iter().position(|each| each == node);
    let first = way.iter().enumerate().min_by_key(|(_, node)| rank(node));
    let first = first.map_or(0, |(number, _)| number);
    way.rotate_left(first);
    way
}
