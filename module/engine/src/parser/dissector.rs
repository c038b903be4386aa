// SPDX-License-Identifier: GPL-2.0

//! From a parse graph to a flow dissector: a program of type `BPF_PROG_TYPE_FLOW_DISSECTOR` with which the
//! kernel finds in a frame what the graph says.
//!
//! The same graph always gives the same instructions: the SHA-256 of them, which the kernel keeps as the
//! program's digest, says whether the program that it runs is that of a graph. The program is one
//! function and has no maps, so that nothing but its instructions decides what it does.
//!
//! Each [node](node) becomes a block of instructions. They come in the order of the nodes' numbers, and a
//! jump leads from each to the next one of the frame: forward, or back where the node counts. Live from
//! one block to the next are four registers alone:
//!
//! | Register | What it has |
//! |---|---|
//! | r6 | the context |
//! | r7 | the flow keys |
//! | r8 | the offset of the header |
//! | r9 | how many headers were counted |
//!
//! All else is read again where it is needed, and the offset is brought into one range wherever it has
//! changed: the kernel's verifier then finds at most blocks, for each count, that it knows the state there already.
//!
//! A header is read where it lies, if that is in the linear part of the socket buffer; if not, it is
//! copied to the stack by `bpf_skb_load_bytes`.

mod assembler;
mod lookup;
mod node;
mod number;

use core::fmt;

use parse_graph::Graph;

use self::assembler::{Assembler, Marks};
use crate::insn::Insn;
use crate::memory::{Memory, OutOfMemory};

/// Instructions of one dissector: so far does a jump lead.
pub const MAX_INSNS: usize = 1 << 15;

/// Why a graph has no dissector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// It would have this many instructions, or more: above [`MAX_INSNS`].
    TooLong(usize),
    /// There is no memory for them.
    Memory(OutOfMemory),
}

impl From<OutOfMemory> for Unfit {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}

impl fmt::Display for Unfit {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(insns) => write!(
                f,
                "the flow dissector of the graph has {insns} instructions or more, which are at most {MAX_INSNS}"
            ),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

/// The flow dissector of `graph`. Process context; may sleep.
///
/// # Errors
///
/// Why it has none.
pub fn translate<M: Memory>(memory: &M, graph: &Graph<'_>) -> Result<M::Buffer<Insn>, Unfit> {
    let (marks, labels) = survey(graph)?;
    let mut labels = memory.allocate(labels, |_| 0_u16)?;
    // Where the labels are has to be known before the first jump is written.
    let len = write(graph, Assembler::new(&mut labels, &mut [], marks));
    fitting(len)?;
    let mut insns = memory.allocate(len, |_| Insn::default())?;
    write(graph, Assembler::new(&mut labels, &mut insns, marks));
    Ok(insns)
}

fn fitting(insns: usize) -> Result<(), Unfit> {
    if insns <= MAX_INSNS {
        Ok(())
    } else {
        Err(Unfit::TooLong(insns))
    }
}

/// Finds out which nodes a parser can come to, and how many labels there are. The kernel refuses
/// programs with instructions that nothing leads to.
fn survey(graph: &Graph<'_>) -> Result<(Marks, usize), Unfit> {
    let mut assembler = Assembler::new(&mut [], &mut [], Marks::default());
    node::enter(&mut assembler, graph);
    let mut seen = Marks::default();
    loop {
        let mut is_done = true;
        for (number, node) in (0..u16::MAX).zip(graph.nodes()) {
            if !assembler.marks().is_entered(number) || seen.is_entered(number) {
                continue;
            }
            seen.enter(number);
            is_done = false;
            node::write(&mut assembler, graph, number, &node);
            // Few tables can make many instructions: they may be shared.
            fitting(assembler.len())?;
        }
        if is_done {
            return Ok((assembler.marks(), assembler.labels()));
        }
    }
}

/// Writes all of the program; its length.
fn write(graph: &Graph<'_>, mut assembler: Assembler<'_>) -> usize {
    node::enter(&mut assembler, graph);
    for (number, node) in (0..u16::MAX).zip(graph.nodes()) {
        if assembler.marks().is_entered(number) {
            node::write(&mut assembler, graph, number, &node);
        }
    }
    node::leave(&mut assembler);
    assembler.len()
}
