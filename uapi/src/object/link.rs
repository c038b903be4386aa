// SPDX-License-Identifier: GPL-2.0

//! A program with all that it calls, as libbpf puts it together (`bpf_object__reloc_code()` and
//! `bpf_object__relocate_data()` in `tools/lib/bpf/libbpf.c`).

use std::collections::BTreeMap;

use super::parts::{Function, Object, ObjectError, Relocation};
use crate::canonical::{ByteOrder, INSN_SIZE};

/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;
/// `BPF_LD | BPF_IMM | BPF_DW`.
const LD_IMM64: u8 = 0x18;
/// `BPF_PSEUDO_CALL`: a call of a function of the program.
const PSEUDO_CALL: u8 = 1;
/// `BPF_PSEUDO_FUNC`: the address of one.
const PSEUDO_FUNC: u8 = 4;
/// `BPF_PSEUDO_MAP_FD`: a map.
const PSEUDO_MAP_FD: u8 = 1;
/// `BPF_PSEUDO_MAP_VALUE`: memory of a map's value.
const PSEUDO_MAP_VALUE: u8 = 2;

/// The section of maps.
const MAPS: &str = ".maps";
/// What sections of variables are named, with anything behind it.
const VARIABLES: [&str; 3] = [".data", ".rodata", ".bss"];

/// The slots of the program that begins with `entry`.
pub(super) fn program(
    object: &Object,
    entry: &Function,
) -> Result<Vec<[u8; INSN_SIZE]>, ObjectError> {
    let mut linker = Linker {
        object,
        entry,
        slots: Vec::new(),
        placed: BTreeMap::new(),
    };
    linker.append(entry)?;
    Ok(linker.slots)
}

struct Linker<'a> {
    object: &'a Object,
    entry: &'a Function,
    slots: Vec<[u8; INSN_SIZE]>,
    /// Where functions of `.text` are, by where they were.
    placed: BTreeMap<usize, usize>,
}

impl<'a> Linker<'a> {
    /// Puts a function behind what is there, and behind it what it calls and is not there yet.
    fn append(&mut self, function: &'a Function) -> Result<(), ObjectError> {
        self.not_by_types(function)?;
        let base = self.slots.len();
        self.slots.extend(&function.slots);
        for index in 0..function.slots.len() {
            let mut insn = self.insn(base + index);
            let relocation = self.relocation(function, index);
            let is_call = insn.code() == CALL && insn.source() == PSEUDO_CALL;
            let section = relocation.and_then(|relocation| relocation.section.as_ref());
            let is_of_text = section.is_some_and(|(section, _)| Some(*section) == self.object.text);
            let is_address = insn.code() == LD_IMM64 && is_of_text;
            if is_address {
                insn.set_source(PSEUDO_FUNC);
            }
            if is_call || is_address {
                let target = self.target(function, index, &insn, relocation)?;
                let place = match self.placed.get(&target.start) {
                    Some(place) => *place,
                    None => {
                        let place = self.slots.len();
                        self.placed.insert(target.start, place);
                        self.append(target)?;
                        place
                    }
                };
                let distance = i64::try_from(place)
                    .ok()
                    .zip(i64::try_from(base + index).ok());
                let distance = distance.map(|(place, here)| place - here - 1);
                let distance = distance.and_then(|distance| i32::try_from(distance).ok());
                insn.set_imm(distance.ok_or_else(|| self.broken(function, index, "is too far"))?);
            } else if let Some(relocation) = relocation {
                let source = self.data(function, index, &insn, relocation)?;
                insn.set_source(source);
            }
            self.slots[base + index] = insn.bytes;
        }
        Ok(())
    }

    fn insn(&self, index: usize) -> Insn {
        Insn {
            bytes: self.slots[index],
            order: self.object.order,
        }
    }

    fn relocation(&self, function: &Function, index: usize) -> Option<&'a Relocation> {
        let mut all = self.object.relocations.iter();
        let (_, all) = all.find(|(section, _)| *section == function.section)?;
        all.iter()
            .find(|relocation| relocation.slot == function.start + index)
    }

    /// The function that an instruction calls, or has the address of.
    fn target(
        &self,
        function: &Function,
        index: usize,
        insn: &Insn,
        relocation: Option<&Relocation>,
    ) -> Result<&'a Function, ObjectError> {
        let imm = i64::from(insn.imm());
        let slot = INSN_SIZE as i64;
        let start = match relocation {
            Some(relocation) => {
                match &relocation.section {
                    None => return Err(self.kernel(function, index, relocation)),
                    Some((section, _)) if Some(*section) == self.object.text => {}
                    Some((_, name)) => {
                        let what = format!("calls into section {name:?}, not into .text");
                        return Err(self.broken(function, index, &what));
                    }
                }
                let address = i64::try_from(relocation.address).unwrap_or(i64::MAX);
                if insn.code() == CALL {
                    // A global function's symbol is the function, and the immediate -1; that of a
                    // static one is the section.
                    (address / slot).checked_add(imm + 1)
                } else {
                    address.checked_add(imm).map(|address| address / slot)
                }
            }
            // A call within the section needs no relocation.
            None => i64::try_from(function.start + index)
                .ok()
                .map(|here| here + imm + 1),
        };
        let start = start.and_then(|start| usize::try_from(start).ok());
        let mut all = self.object.functions.iter();
        let found =
            all.find(|other| Some(other.section) == self.object.text && Some(other.start) == start);
        found.ok_or_else(|| self.broken(function, index, "calls no function of .text"))
    }

    /// The mark that a load of a map or of a variable gets.
    fn data(
        &self,
        function: &Function,
        index: usize,
        insn: &Insn,
        relocation: &Relocation,
    ) -> Result<u8, ObjectError> {
        let Some((_, section)) = &relocation.section else {
            return Err(self.kernel(function, index, relocation));
        };
        if insn.code() != LD_IMM64 {
            let what = format!("refers to {:?} and is no load", relocation.symbol);
            return Err(self.broken(function, index, &what));
        }
        if section == MAPS {
            Ok(PSEUDO_MAP_FD)
        } else if VARIABLES.iter().any(|name| section.starts_with(name)) {
            Ok(PSEUDO_MAP_VALUE)
        } else {
            let what = format!("refers to section {section:?}");
            Err(self.broken(function, index, &what))
        }
    }

    /// Whether no instruction of a function depends on the kernel's types.
    fn not_by_types(&self, function: &Function) -> Result<(), ObjectError> {
        let mut all = self.object.core_relocations.iter();
        let slots = all.find(|(section, _)| *section == function.section_name);
        let end = function.start + function.slots.len();
        let range = function.start..end;
        let found = slots.and_then(|(_, slots)| slots.iter().find(|slot| range.contains(slot)));
        match found {
            Some(slot) => Err(ObjectError::Kernel {
                program: self.entry.name.clone(),
                insn: slot - function.start,
                why: format!("a CO-RE relocation in {:?}", function.name),
            }),
            None => Ok(()),
        }
    }

    fn kernel(&self, function: &Function, insn: usize, relocation: &Relocation) -> ObjectError {
        ObjectError::Kernel {
            program: self.entry.name.clone(),
            insn,
            why: format!(
                "{:?} refers to {:?}, which is not in this file",
                function.name, relocation.symbol
            ),
        }
    }

    fn broken(&self, function: &Function, insn: usize, what: &str) -> ObjectError {
        ObjectError::broken(
            &self.entry.name,
            format!("instruction {insn} of {:?} {what}", function.name),
        )
    }
}

/// An instruction slot, with the parts that linking is about.
struct Insn {
    bytes: [u8; INSN_SIZE],
    order: ByteOrder,
}

impl Insn {
    fn code(&self) -> u8 {
        self.bytes[0]
    }

    fn source(&self) -> u8 {
        match self.order {
            ByteOrder::Little => self.bytes[1] >> 4,
            ByteOrder::Big => self.bytes[1] & 0x0f,
        }
    }

    fn set_source(&mut self, source: u8) {
        self.bytes[1] = match self.order {
            ByteOrder::Little => (self.bytes[1] & 0x0f) | (source << 4),
            ByteOrder::Big => (self.bytes[1] & 0xf0) | source,
        };
    }

    fn imm(&self) -> i32 {
        let [_, _, _, _, imm @ ..] = self.bytes;
        match self.order {
            ByteOrder::Little => i32::from_le_bytes(imm),
            ByteOrder::Big => i32::from_be_bytes(imm),
        }
    }

    fn set_imm(&mut self, imm: i32) {
        let imm = match self.order {
            ByteOrder::Little => imm.to_le_bytes(),
            ByteOrder::Big => imm.to_be_bytes(),
        };
        self.bytes[4..].copy_from_slice(&imm);
    }
}
