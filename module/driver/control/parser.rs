// SPDX-License-Identifier: GPL-2.0

//! What the device's parser does, in the words of the offload infrastructure.

use super::report::digests;
use crate::port::{
    see_parsed,
    tested_release,
    Port, //
};
use device::counts::Counting;
use kernel::prelude::*;
use net::{
    bpf::NAME_LEN,
    extack::Extack,
    netdev::Rtnl,
    rcu,
    stats::sum, //
};
use offload::{
    CountedEdge,
    CountedNode,
    DeviceProgram,
    FailedFrame,
    Parsed,
    Parser,
    ParserCounts,
    ProgramKind,
    State, //
};
use parse_graph::{
    blob::{
        Blob,
        Digest, //
    },
    Header, //
};

impl Port {
    /// The flow dissector that the device makes of its graph: what the kernel is to run, so that it finds the
    /// same.
    pub(super) fn parser_program(&self) -> Option<DeviceProgram> {
        let parser = self.asic.card.parsers.running()?;
        let insns = parser.dissector().ok()?;
        Some(DeviceProgram {
            kind: ProgramKind::FlowDissector,
            name: [0; NAME_LEN],
            id: 0,
            digests: Some(digests(insns.iter().copied())),
            state: if self.is_believed(&parser, &rcu::Guard::new()) {
                State::Active
            } else {
                State::Loaded
            },
            image: None,
        })
    }

    /// Shows `see` the parser that the device runs, if it has one.
    pub(super) fn show_parser(&self, see: &mut dyn FnMut(&Parser<'_>)) -> bool {
        let Some(parser) = self.asic.card.parsers.running() else {
            return false;
        };
        let Some(Blob { graph, .. }) = parser.contents() else {
            return false;
        };
        let level = self.level(&parser, &rcu::Guard::new());
        let [nodes, entries, ..]: [u16; Header::KINDS] = graph.counts();
        see(&Parser {
            blob: parser.blob(),
            digest: parser.digest(),
            reproduced: *parser.reproduced(),
            attested: parser.attested().copied(),
            nodes: nodes.into(),
            entries: entries.into(),
            max_headers: graph.max_headers().into(),
            memory: parser.memory(),
            level,
            is_permitted: self.permits(level),
            release: tested_release(),
            withheld: sum(self.hardware.rx().iter().map(|rx| rx.withheld_hashes.get())),
        });
        true
    }

    /// Shows `see` what the device would find in a frame that arrived now.
    pub(super) fn parse(&self, frame: &[u8], flags: u32, see: &mut dyn FnMut(&Parsed<'_>)) -> bool {
        let Some(parser) = self.asic.card.parsers.running() else {
            return false;
        };
        // CAST: The family takes no flag above.
        see_parsed(&parser.parse(frame, flags as u16), see);
        true
    }

    /// Has the device begin to count anew what its parser does for the port's frames, or end it. RTNL is the
    /// lock for that and for another parser.
    pub(super) fn set_counting(
        &self,
        is_on: bool,
        extack: &Extack<'_>,
        _rtnl: &Rtnl<'_>,
    ) -> Result {
        if !is_on {
            self.hardware.end_counting();
            return Ok(());
        }
        self.hardware.begin_counting().map_err(|refusal| {
            extack.fmt(fmt!("parser: counting: {refusal}"));
            refusal.into()
        })
    }

    /// Shows `see` what was counted, if something is.
    pub(super) fn show_counts(&self, see: &mut dyn FnMut(Option<&dyn ParserCounts>)) {
        match self.hardware.counting() {
            Some(counting) => see(Some(&Told(&counting))),
            None => see(None),
        }
    }
}

/// What was counted, in the words of the offload infrastructure.
struct Told<'a>(&'a Counting);

// CAST: A graph has at most 1,024 nodes, and has as many edges at most for each.
impl ParserCounts for Told<'_> {
    fn digest(&self) -> Digest {
        self.0.digest()
    }

    fn frames(&self) -> u64 {
        self.0.frames()
    }

    fn nodes(&self) -> u32 {
        self.0.nodes() as u32
    }

    fn edges(&self) -> u32 {
        self.0.edges() as u32
    }

    fn show_node(&self, number: u32, see: &mut dyn FnMut(&CountedNode<'_>)) {
        let node = u16::try_from(number).ok();
        let Some((count, failure)) = node.and_then(|node| self.0.node(node)) else {
            return;
        };
        see(&CountedNode {
            visits: count.visits,
            failures: count.failures,
            broken: count.broken,
            last: failure.as_ref().map(|failure| FailedFrame {
                bytes: failure.bytes(),
                len: failure.len,
                offset: failure.offset,
                is_broken: failure.is_broken,
            }),
        });
    }

    fn edge(&self, number: u32) -> Option<CountedEdge> {
        let edge = self.0.edge(number)?;
        Some(CountedEdge {
            from: edge.from,
            to: edge.to,
            taken: edge.taken,
        })
    }
}
