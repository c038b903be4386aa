// SPDX-License-Identifier: GPL-2.0

//! What a device has counted of the frames that its parser went through.

use offload_uapi::netlink::{
    STOP_FAIL,
    STOP_LEFT_OUT,
    STOP_OKAY, //
};
use parse_graph::Target;

/// What was counted of the frames of an interface, by the graph of one parser.
pub trait ParserCounts {
    /// SHA-256 of the canonical form of the graph.
    fn digest(&self) -> [u8; 32];

    /// How many frames there were.
    fn frames(&self) -> u64;

    /// How many nodes the graph has: they are numbered from 0 on.
    fn nodes(&self) -> u32;

    /// How many edges it has: they are numbered, too, by the nodes that they come from.
    fn edges(&self) -> u32;

    /// Shows `see` what was counted of node `number`.
    fn show_node(&self, number: u32, see: &mut dyn FnMut(&CountedNode<'_>));

    /// What was counted of edge `number`.
    fn edge(&self, number: u32) -> Option<CountedEdge>;
}

/// A node, and what was counted of it.
pub struct CountedNode<'a> {
    /// How often the parser came to it.
    pub visits: u64,
    /// How often a frame failed there.
    pub failures: u64,
    /// How often its header was broken.
    pub broken: u64,
    /// The last frame that failed there.
    pub last: Option<FailedFrame<'a>>,
}

/// A frame that failed at a node.
pub struct FailedFrame<'a> {
    /// Its first bytes.
    pub bytes: &'a [u8],
    /// How many it has.
    pub len: u32,
    /// Where the node's header begins.
    pub offset: u16,
    /// Whether that is broken.
    pub is_broken: bool,
}

/// An edge, and what was counted of it.
pub struct CountedEdge {
    /// The node that it comes from.
    pub from: u16,
    /// Where it leads.
    pub to: Target,
    /// How often it was taken.
    pub taken: u64,
}

// What is told of targets is what graphs have in their files.
const _: () = {
    assert!(Target::OKAY.raw() as usize == STOP_OKAY);
    assert!(Target::FAIL.raw() as usize == STOP_FAIL);
    assert!(Target::LEFT_OUT.raw() as usize == STOP_LEFT_OUT);
};
