// SPDX-License-Identifier: GPL-2.0

//! The programs of a BPF object file, with the instructions that a loader gives to the kernel.
//!
//! So a build knows the digest of a program before any device has it:
//!
//! ```no_run
//! use offload_uapi::object::Object;
//! use offload_uapi::types::hex;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = std::fs::read("firewall.bpf.o")?;
//! for program in Object::parse(&file)?.programs() {
//!     let program = program?;
//!     println!("{} {}", hex(&program.digests().sha256), program.name);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What is done is what libbpf does without knowing the kernel: loads of maps get the mark of a map,
//! functions of `.text` are put behind the program that calls them, in the order of the first call.
//! What only a kernel can tell makes the instructions depend on it, and is an error here: relocations
//! by the types of the kernel (CO-RE), kernel functions and variables.

mod core_relocations;
mod link;
mod parts;

use object::elf::{FileHeader64, SHF_EXECINSTR, STT_FUNC};
use object::read::elf::{ElfFile, FileHeader as _};
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionFlags,
    SectionIndex, SymbolFlags, SymbolIndex,
};

use crate::canonical::{ByteOrder, INSN_SIZE};
use crate::digest::Digests;
use parts::{Function, Relocation};
pub use parts::{Object, ObjectError};

/// The section of functions that programs call.
const TEXT: &str = ".text";

/// A program as it is given to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedProgram {
    /// The name of its function.
    pub name: String,
    /// The section that it is in.
    pub section: String,
    /// The byte order of the machines that it is for.
    pub order: ByteOrder,
    /// Its instruction slots. Loads of maps have zeros for immediates.
    pub slots: Vec<[u8; INSN_SIZE]>,
}

impl LinkedProgram {
    /// Its digests.
    pub fn digests(&self) -> Digests {
        Digests::of(self.order, &self.slots)
    }
}

impl Object {
    /// Takes a file apart.
    ///
    /// # Errors
    ///
    /// [`ObjectError::NotBpf`] for other files, [`ObjectError::Broken`] for nonsense in them.
    pub fn parse(bytes: &[u8]) -> Result<Self, ObjectError> {
        let not_bpf = |error: &dyn std::fmt::Display| ObjectError::NotBpf(error.to_string());
        let file: ElfFile<'_, FileHeader64<Endianness>> =
            ElfFile::parse(bytes).map_err(|error| not_bpf(&error))?;
        let machine = file.elf_header().e_machine(file.endian());
        if machine != object::elf::EM_BPF {
            return Err(not_bpf(&format!("it is for machine {machine}")));
        }
        let order = if file.is_little_endian() {
            ByteOrder::Little
        } else {
            ByteOrder::Big
        };
        let mut object = Self {
            order,
            text: None,
            functions: Vec::new(),
            relocations: Vec::new(),
            core_relocations: core_relocations::all(&file)?,
        };
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else {
                continue;
            };
            if sh_flags & u64::from(SHF_EXECINSTR) == 0 || section.size() == 0 {
                continue;
            }
            let name = section.name().map_err(|error| not_bpf(&error))?;
            if name == TEXT {
                object.text = Some(section.index());
            }
            let data = section.data().map_err(|error| not_bpf(&error))?;
            for symbol in file.symbols() {
                let SymbolFlags::Elf { st_info, .. } = symbol.flags() else {
                    continue;
                };
                if symbol.section_index() == Some(section.index()) && st_info & 0xf == STT_FUNC {
                    let function = function(&symbol, section.index(), name, data)?;
                    object.functions.push(function);
                }
            }
            let relocations = section
                .relocations()
                .map(|(offset, relocation)| {
                    let RelocationTarget::Symbol(index) = relocation.target() else {
                        let what = format!("a relocation of byte {offset} without a symbol");
                        return Err(ObjectError::broken(name, what));
                    };
                    self::relocation(&file, name, offset, index)
                })
                .collect::<Result<Vec<_>, _>>()?;
            object.relocations.push((section.index(), relocations));
        }
        object
            .functions
            .sort_by_key(|function| (function.section.0, function.start));
        Ok(object)
    }

    /// The programs, in the order of the file: all functions that are not in `.text`.
    pub fn programs(&self) -> impl Iterator<Item = Result<LinkedProgram, ObjectError>> + '_ {
        let entries = self.functions.iter();
        entries
            .filter(|function| Some(function.section) != self.text)
            .map(|function| self.link(function))
    }

    fn link(&self, entry: &Function) -> Result<LinkedProgram, ObjectError> {
        if entry.is_local {
            let what = "a static function is no program (only those of .text can be called)";
            return Err(ObjectError::broken(&entry.name, what));
        }
        Ok(LinkedProgram {
            name: entry.name.clone(),
            section: entry.section_name.clone(),
            order: self.order,
            slots: link::program(self, entry)?,
        })
    }
}

/// The function that `symbol` names.
fn function<'a>(
    symbol: &impl object::ObjectSymbol<'a>,
    section: SectionIndex,
    section_name: &str,
    data: &[u8],
) -> Result<Function, ObjectError> {
    let name = symbol.name().unwrap_or_default().to_owned();
    let broken = |what: &str| ObjectError::broken(&name, what);
    let start = usize::try_from(symbol.address());
    let size = usize::try_from(symbol.size());
    let (start, size) = start
        .and_then(|start| Ok((start, size?)))
        .map_err(|_| broken("it is longer than this machine's memory"))?;
    if start % INSN_SIZE != 0 || size % INSN_SIZE != 0 {
        return Err(broken("it does not begin and end with an instruction"));
    }
    let end = start.checked_add(size);
    let bytes = end.and_then(|end| data.get(start..end));
    let bytes = bytes.ok_or_else(|| broken("it crosses the end of its section"))?;
    let slots = bytes.chunks_exact(INSN_SIZE);
    let is_local = symbol.is_local();
    Ok(Function {
        section,
        section_name: section_name.to_owned(),
        start: start / INSN_SIZE,
        slots: slots.filter_map(|slot| slot.try_into().ok()).collect(),
        is_local,
        name,
    })
}

/// The relocation of the byte `offset` of `section`.
fn relocation(
    file: &ElfFile<'_, FileHeader64<Endianness>>,
    section: &str,
    offset: u64,
    symbol: SymbolIndex,
) -> Result<Relocation, ObjectError> {
    let broken = |error: &dyn std::fmt::Display| {
        ObjectError::broken(section, format!("relocation of byte {offset}: {error}"))
    };
    let symbol = file
        .symbol_by_index(symbol)
        .map_err(|error| broken(&error))?;
    let target = symbol.section_index().map(|index| {
        let found = file.section_by_index(index)?;
        Ok::<_, object::Error>((index, found.name()?.to_owned()))
    });
    Ok(Relocation {
        slot: usize::try_from(offset).map_err(|error| broken(&error))? / INSN_SIZE,
        section: target.transpose().map_err(|error| broken(&error))?,
        address: symbol.address(),
        symbol: symbol.name().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests;
