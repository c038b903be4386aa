// SPDX-License-Identifier: GPL-2.0

//! The flow dissector of a graph, and as an object file, which libbpf and `bpftool` load as it is.

use anyhow::Result;
use engine::memory::HostMemory;
use engine::parser::dissector;
use object::write::{Object, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};
use parse_graph::Graph;

/// The section, by which libbpf knows the program's type.
const SECTION: &[u8] = b"flow_dissector";
/// The name of the program, by which this tool knows it again in the kernel.
pub(super) const NAME: &[u8] = b"parse_graph";

/// The instructions of the flow dissector of a graph.
pub(super) fn instructions(graph: &Graph<'_>) -> Result<Vec<u8>> {
    let insns = dissector::translate(&HostMemory, graph);
    // Errors of the engine are text alone.
    let insns = insns.map_err(|unfit| anyhow::anyhow!("{unfit}"))?;
    Ok(insns.iter().flat_map(|insn| insn.to_le_bytes()).collect())
}

/// An object file with the instructions `insns`.
pub(super) fn object(insns: &[u8]) -> Result<Vec<u8>> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let section = object.add_section(Vec::new(), SECTION.to_vec(), SectionKind::Text);
    object.append_section_data(section, insns, 8);
    object.add_symbol(Symbol {
        name: NAME.to_vec(),
        value: 0,
        size: u64::try_from(insns.len())?,
        kind: SymbolKind::Text,
        scope: SymbolScope::Dynamic,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    });
    let license = object.add_section(Vec::new(), b"license".to_vec(), SectionKind::Data);
    object.append_section_data(license, b"GPL\0", 1);
    Ok(object.write()?)
}
