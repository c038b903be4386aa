// SPDX-License-Identifier: GPL-2.0

//! Which instructions a loader rewrites by the types of the kernel (CO-RE), from `.BTF.ext`.

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, Object as _, ObjectSection as _};

use super::parts::ObjectError;
use crate::canonical::INSN_SIZE;

/// `BTF_MAGIC`.
const MAGIC: u16 = 0xeb9f;
/// Where the headers of both sections have their own length.
const HEADER_LENGTH: usize = 4;
/// Where the header of `.BTF` tells where the names are.
const NAMES: usize = 16;
/// Where the header of `.BTF.ext` tells where the relocations are and how many bytes.
const RELOCATIONS: usize = 24;

/// The slots, by the name of their section.
pub(super) fn all(
    file: &ElfFile<'_, FileHeader64<Endianness>>,
) -> Result<Vec<(String, Vec<usize>)>, ObjectError> {
    let section = |name| {
        let found = file.section_by_name(name)?;
        let data = found.data().ok()?;
        let little = file.is_little_endian();
        Some(Bytes { data, little })
    };
    let (Some(types), Some(relocations)) = (section(".BTF"), section(".BTF.ext")) else {
        return Ok(Vec::new());
    };
    read(types, relocations).ok_or_else(|| ObjectError::broken(".BTF.ext", "it is cut off"))
}

fn read(types: Bytes<'_>, ext: Bytes<'_>) -> Option<Vec<(String, Vec<usize>)>> {
    if types.u16(0)? != MAGIC || ext.u16(0)? != MAGIC {
        return None;
    }
    let header = ext.u32(HEADER_LENGTH)?;
    // Old compilers do not know such relocations.
    if header < RELOCATIONS + 8 {
        return Some(Vec::new());
    }
    let start = header.checked_add(ext.u32(RELOCATIONS)?)?;
    let length = ext.u32(RELOCATIONS + 4)?;
    if length == 0 {
        return Some(Vec::new());
    }
    let names = types.u32(HEADER_LENGTH)?.checked_add(types.u32(NAMES)?)?;
    let end = start.checked_add(length)?;
    let record = ext.u32(start).filter(|record| *record >= 4)?;
    let mut at = start.checked_add(4)?;
    let mut found = Vec::new();
    while at < end {
        let name = types.text(names.checked_add(ext.u32(at)?)?)?;
        let count = ext.u32(at.checked_add(4)?)?;
        at = at.checked_add(8)?;
        let mut slots = Vec::new();
        for _ in 0..count {
            slots.push(ext.u32(at)? / INSN_SIZE);
            at = at.checked_add(record)?;
        }
        found.push((name, slots));
    }
    Some(found)
}

/// A section.
#[derive(Clone, Copy)]
struct Bytes<'a> {
    data: &'a [u8],
    little: bool,
}

impl Bytes<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.data.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    }

    fn u32(&self, at: usize) -> Option<usize> {
        let bytes = self.data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        let value = if self.little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        };
        usize::try_from(value).ok()
    }

    fn text(&self, at: usize) -> Option<String> {
        let text = self.data.get(at..)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}
