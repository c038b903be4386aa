// SPDX-License-Identifier: GPL-2.0

//! What the device's parser does, in the words of the offload infrastructure.

use super::report::digests;
use crate::port::{
    see_parsed,
    tested_release,
    Port, //
};
use net::{
    bpf::NAME_LEN,
    rcu,
    stats::sum, //
};
use offload::{
    DeviceProgram,
    Parsed,
    Parser,
    ProgramKind,
    State, //
};
use parse_graph::{
    blob::Blob,
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
}
