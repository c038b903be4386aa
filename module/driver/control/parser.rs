// SPDX-License-Identifier: GPL-2.0

//! What the device's parser does, in the words of the offload infrastructure.

use super::report::digests;
use crate::port::{
    tested_release,
    Port, //
};
use engine::parser::{
    Found,
    Verdict,
    STEPS, //
};
use net::{
    bpf::NAME_LEN,
    rcu,
    stats::sum, //
};
use offload::{
    permits,
    DeviceProgram,
    ParseVerdict,
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
            state: if self.has_permission() {
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
            is_permitted: permits(self.interface.current_policy(), level),
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
        let found: Found = parser.parse(frame, flags as u16);
        let mut steps = [0; STEPS * 4];
        let mut len = 0_usize;
        for (place, step) in steps.chunks_exact_mut(4).zip(found.steps()) {
            let [[n0, n1], [o0, o1]] = [step.node, step.offset].map(u16::to_le_bytes);
            place.copy_from_slice(&[n0, n1, o0, o1]);
            len = len.saturating_add(4);
        }
        see(&Parsed {
            verdict: match found.verdict {
                Verdict::Okay => ParseVerdict::Okay,
                Verdict::Fail => ParseVerdict::Fail,
                Verdict::LeftOut => ParseVerdict::LeftOut,
            },
            keys: found.flow_keys(),
            fields: found.device_fields(),
            steps: steps.get(..len).unwrap_or_default(),
        });
        true
    }
}
