// SPDX-License-Identifier: GPL-2.0

//! Who follows a parser on its way.

use parse_graph::Target;

use super::found::Step;

/// A node that a parser came to, and where it went from there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passed {
    /// The node, and where its header begins.
    pub step: Step,
    /// Where it went: to another node, or nowhere.
    pub to: Target,
    /// Whether the header is cut off, or not as the node says. That need be no failure: a graph may have
    /// another node for such headers.
    pub is_broken: bool,
    /// Whether it has stopped in front of the header, and has not looked at it.
    pub is_before: bool,
}

/// Who is told of a parser's way.
pub trait Trace {
    /// The parser has passed a node.
    fn passed(&mut self, passed: &Passed);
}

/// Nobody.
pub(super) struct Untraced;

impl Trace for Untraced {
    #[inline(always)]
    fn passed(&mut self, _: &Passed) {}
}

impl<F: FnMut(&Passed)> Trace for F {
    #[inline]
    fn passed(&mut self, passed: &Passed) {
        self(passed);
    }
}
