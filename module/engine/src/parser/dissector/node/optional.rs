// SPDX-License-Identifier: GPL-2.0

//! Fields behind the fixed part of a header that are there if its flags say so.

use parse_graph::{limits, Graph, Node, Optional, Piece, Target};

use super::{copied_header, Apart, Writer, SAVED};
use crate::insn::{alu, jump};
use crate::parser::dissector::assembler::{Label, END, FLAGS, KEY, R1, STACK};
use crate::parser::dissector::number;

/// No header ends behind this offset.
const MAX_END: u32 = (limits::OFFSET as u32).wrapping_add(limits::HEADER_LENGTH);

/// The labels of the optional fields of a node.
#[derive(Clone, Copy)]
pub(super) struct Labels(Label);

impl Labels {
    fn apart(self, field: usize) -> Apart {
        let first = self.0.later(field.saturating_mul(3));
        Apart {
            slow: first,
            there: first.later(1),
        }
    }

    /// Behind the field with a number.
    fn behind(self, field: usize) -> Label {
        self.0.later(field.saturating_mul(3)).later(2)
    }
}

/// The optional fields of a node, each with its number.
fn fields<'g>(graph: &Graph<'g>, node: &Node) -> impl Iterator<Item = (usize, Optional)> + use<'g> {
    (0..usize::from(node.optional.count)).zip(graph.optional(node.optional))
}

impl Writer<'_, '_, '_> {
    /// Whether something is to be done with the optional fields: not with those of an overlay from which
    /// nothing is stored.
    pub(super) fn has_optional(&self) -> bool {
        let mut all = self.graph.optional(self.node.optional);
        let is_overlay = self.node.has(Node::OVERLAY);
        all.any(|each| !is_overlay || each.stores.count > 0)
    }

    /// Goes through the optional fields, from where [`END`] is; leaves it behind them.
    pub(super) fn optional(&mut self) -> Labels {
        let (graph, present) = (self.graph, &self.node.present);
        let labels = Labels(self.assembler.label());
        for _ in 1..usize::from(self.node.optional.count).saturating_mul(3) {
            self.assembler.label();
        }
        // Flags are compared as they lie in the header.
        let raw = Piece {
            mask: Piece::all(present.size),
            ..*present
        };
        number::field(self.assembler, FLAGS, &raw);
        for (field, optional) in fields(self.graph, self.node) {
            let Optional {
                flags,
                length,
                stores,
            } = optional;
            if field > 0 {
                // So far it never is. Without that, the verifier would go through all that comes for each set
                // of fields that there may be.
                let too_far = self.assembler.target(Target::FAIL, false);
                self.assembler.jump_if(jump::JGT, END, MAX_END, too_far);
                self.assembler.alu(alu::AND, END, u16::MAX.into());
            }
            let flags = number::in_header(present, flags);
            self.assembler.copy(R1, FLAGS);
            self.assembler.alu(alu::AND, R1, flags);
            self.assembler
                .jump_if(jump::JNE, R1, flags, labels.behind(field));
            if stores.count > 0 {
                self.read(END, length, labels.apart(field));
                for store in graph.stores(stores) {
                    number::store(self.assembler, &store);
                }
            }
            self.assembler.add_number(END, length.into());
            self.assembler.bind(labels.behind(field));
        }
        labels
    }

    /// Asks for the optional fields that lie apart.
    pub(super) fn ask_for_optional(&mut self, labels: Labels, has_key: bool) {
        let [first, second, third] = SAVED;
        let saved = [(FLAGS, first), (END, second)].into_iter();
        let saved = saved.chain(has_key.then_some((KEY, third)));
        for (field, optional) in fields(self.graph, self.node) {
            if optional.stores.count == 0 {
                continue;
            }
            let apart = labels.apart(field);
            let len = optional.length;
            self.assembler.bind(apart.slow);
            for (register, at) in saved.clone() {
                self.assembler.store(8, STACK, at, register);
            }
            self.ask(END, copied_header(len), len);
            for (register, at) in saved.clone() {
                self.assembler.load(8, register, STACK, at);
            }
            self.take(copied_header(len), apart);
        }
    }
}
