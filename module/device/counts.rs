// SPDX-License-Identifier: GPL-2.0

//! What a parser's graph is counted in: which nodes the frames of a port come to, and how they go on.

use crate::{
    memory::{
        DeviceMemory,
        KernelMemory, //
    },
    parser::{
        Parser,
        Refusal, //
    },
};
use engine::parser::{
    Counts,
    EdgeCount,
    Failure,
    NodeCount,
    ASKED_OF_FLOWS,
    USUAL_HEADERS, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    skbuff::SkBuff,
    sync::with_bh_disabled, //
};
use parse_graph::blob::Digest;

/// What was counted of the frames of a port since it began to count, by the graph of one parser.
pub struct Counting {
    parser: Arc<Parser>,
    counts: Counts<KernelMemory>,
}

impl Counting {
    /// Nothing yet of what `parser` does, in memory of the device. Process context.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: it would take too much memory, or there is none.
    pub(crate) fn new(memory: &DeviceMemory, parser: Arc<Parser>) -> Result<Arc<Self>, Refusal> {
        // Its file was looked at when it was flashed.
        let contents = parser.contents().ok_or(Refusal::Memory)?;
        let counts = Counts::new(&memory.source(), &contents.graph)?;
        Ok(Arc::new(Self { parser, counts }, GFP_KERNEL)?)
    }

    /// Whether it is of `parser`, and no other one, be that of the same graph.
    #[inline]
    pub(crate) fn is_of(&self, parser: &Parser) -> bool {
        core::ptr::eq(&*self.parser, parser)
    }

    /// Counts a frame as it arrives. Context: bottom halves off, several at once.
    #[cold]
    #[inline(never)]
    pub(crate) fn count(&self, frame: &SkBuff) {
        let mut room = [0; USUAL_HEADERS];
        let bytes = frame.first_bytes(&mut room);
        // CAST: A frame is shorter than 4 GiB.
        let len = frame.len() as u32;
        self.counts
            .count(self.parser.machine(), bytes, len, ASKED_OF_FLOWS);
    }

    /// SHA-256 of the canonical form of the graph.
    pub fn digest(&self) -> Digest {
        self.parser.digest()
    }

    /// How many frames there were.
    pub fn frames(&self) -> u64 {
        self.counts.frames()
    }

    /// How many nodes the graph has.
    pub fn nodes(&self) -> usize {
        self.counts.nodes()
    }

    /// How many edges.
    pub fn edges(&self) -> usize {
        self.counts.edges()
    }

    /// What was counted of node number `node`, and the last frame that failed there. Process context.
    pub fn node(&self, node: u16) -> Option<(NodeCount, Option<Failure>)> {
        let count = self.counts.node(node)?;
        Some((count, with_bh_disabled(|| self.counts.failure(node))))
    }

    /// What was counted of edge number `index`, in the order of the nodes that they come from.
    pub fn edge(&self, index: u32) -> Option<EdgeCount> {
        self.counts.edge(index)
    }
}
