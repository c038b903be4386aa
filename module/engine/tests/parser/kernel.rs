// SPDX-License-Identifier: GPL-2.0

//! The parser that each card comes with: it does what the kernel's own flow dissector does.

use std::sync::LazyLock;

use engine::memory::HostMemory;
use engine::parser::{Machine, Parsed};
use graph_json::Canonical;

const KERNEL: &str = include_str!("../../../../samples/parsers/kernel.json");

/// That parser.
pub(crate) static MACHINE: LazyLock<Machine<HostMemory>> = LazyLock::new(|| {
    let canonical = Canonical::from_json(KERNEL).expect("a graph");
    let graph = canonical.graph().expect("what was built");
    Machine::new(&HostMemory, &graph).expect("memory")
});

/// What it finds in `frame`.
#[allow(dead_code)]
pub(crate) fn parse(frame: &[u8]) -> Parsed {
    MACHINE.flow_of(frame)
}
