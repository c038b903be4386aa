// SPDX-License-Identifier: GPL-2.0

use object::write::{self, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolKind, SymbolScope,
};

use super::*;

/// `R_BPF_64_64` and `R_BPF_64_32`.
const R_64: u32 = 1;
const R_CALL: u32 = 10;

const EXIT: [u8; 8] = [0x95, 0, 0, 0, 0, 0, 0, 0];

/// `r0 = number`.
const fn set(number: u8) -> [u8; 8] {
    [0xb7, 0, 0, 0, number, 0, 0, 0]
}

fn call(imm: i32) -> [u8; 8] {
    let [a, b, c, d] = imm.to_le_bytes();
    [0x85, 0x10, 0, 0, a, b, c, d]
}

/// `r1 = ... ll`.
fn load(source: u8, imm: u8) -> [[u8; 8]; 2] {
    [[0x18, (source << 4) | 1, 0, 0, imm, 0, 0, 0], [0; 8]]
}

/// A file in the making.
struct File(write::Object<'static>);

impl File {
    fn new() -> Self {
        let elf = BinaryFormat::Elf;
        Self(write::Object::new(
            elf,
            Architecture::Bpf,
            Endianness::Little,
        ))
    }

    fn section(&mut self, name: &str, kind: SectionKind) -> write::SectionId {
        self.0
            .add_section(Vec::new(), name.as_bytes().to_vec(), kind)
    }

    fn symbol(
        &mut self,
        name: &str,
        section: SymbolSection,
        (value, size): (u64, u64),
        (kind, scope): (SymbolKind, SymbolScope),
    ) -> SymbolId {
        self.0.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value,
            size,
            kind,
            scope,
            weak: false,
            section,
            flags: object::SymbolFlags::None,
        })
    }

    /// A function at the end of a section.
    fn function(
        &mut self,
        section: write::SectionId,
        name: &str,
        scope: SymbolScope,
        slots: &[[u8; 8]],
    ) -> SymbolId {
        let bytes = slots.concat();
        let at = self.0.append_section_data(section, &bytes, 8);
        let place = (at, bytes.len() as u64);
        let kind = (SymbolKind::Text, scope);
        self.symbol(name, SymbolSection::Section(section), place, kind)
    }

    fn relocation(&mut self, section: write::SectionId, slot: u64, symbol: SymbolId, r_type: u32) {
        let relocation = write::Relocation {
            offset: slot * 8,
            symbol,
            addend: 0,
            flags: RelocationFlags::Elf { r_type },
        };
        self.0.add_relocation(section, relocation).unwrap();
    }

    fn parse(&self) -> Result<Object, ObjectError> {
        Object::parse(&self.0.write().unwrap())
    }

    fn programs(&self) -> Result<Vec<LinkedProgram>, ObjectError> {
        self.parse()?.programs().collect()
    }
}

const GLOBAL: SymbolScope = SymbolScope::Dynamic;
const LOCAL: SymbolScope = SymbolScope::Compilation;

#[test]
fn a_program_is_its_instructions() {
    let mut file = File::new();
    let xdp = file.section("xdp", SectionKind::Text);
    file.function(xdp, "first", GLOBAL, &[set(1), EXIT]);
    file.function(xdp, "second", GLOBAL, &[set(2), EXIT]);
    let programs = file.programs().unwrap();
    let found: Vec<_> = programs
        .iter()
        .map(|program| {
            (
                program.name.as_str(),
                program.section.as_str(),
                program.slots.clone(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("first", "xdp", vec![set(1), EXIT]),
            ("second", "xdp", vec![set(2), EXIT]),
        ]
    );
    assert_ne!(programs[0].digests(), programs[1].digests());
}

#[test]
fn functions_follow_in_the_order_of_the_first_call() {
    let mut file = File::new();
    let text = file.section(".text", SectionKind::Text);
    let xdp = file.section("xdp", SectionKind::Text);
    // Static: called by the section's symbol and the place in it, or without a relocation.
    file.function(text, "leaf", LOCAL, &[set(10), EXIT]);
    let unused = file.function(text, "unused", GLOBAL, &[set(11), EXIT]);
    file.function(text, "middle", LOCAL, &[set(12), call(-6), EXIT]);
    let other = file.function(text, "other", GLOBAL, &[set(13), EXIT]);
    file.function(
        xdp,
        "main",
        GLOBAL,
        &[call(-1), call(3), call(-1), set(1), EXIT],
    );
    let section = file.0.section_symbol(text);
    file.relocation(xdp, 0, other, R_CALL);
    file.relocation(xdp, 1, section, R_CALL);
    file.relocation(xdp, 2, other, R_CALL);
    let _ = unused;

    let programs = file.programs().unwrap();
    let [program] = programs.as_slice() else {
        panic!("{programs:?}")
    };
    let expected = [
        call(4),
        call(5),
        call(2),
        set(1),
        EXIT, // main
        set(13),
        EXIT, // other: called first
        set(12),
        call(1),
        EXIT, // middle
        set(10),
        EXIT, // leaf, which middle calls
    ];
    assert_eq!(program.slots, expected);
}

#[test]
fn loads_of_maps_and_variables_get_their_mark() {
    let mut file = File::new();
    let xdp = file.section("xdp", SectionKind::Text);
    let maps = file.section(".maps", SectionKind::Data);
    let constants = file.section(".rodata.str", SectionKind::ReadOnlyData);
    let data = (SymbolKind::Data, GLOBAL);
    let map = file.symbol("counts", SymbolSection::Section(maps), (0, 32), data);
    let text = file.symbol("text", SymbolSection::Section(constants), (0, 4), data);
    let slots = [load(0, 0), load(0, 8), [set(0), EXIT]].concat();
    file.function(xdp, "main", GLOBAL, &slots);
    file.relocation(xdp, 0, map, R_64);
    file.relocation(xdp, 2, text, R_64);
    let programs = file.programs().unwrap();
    let expected = [load(1, 0), load(2, 8), [set(0), EXIT]].concat();
    assert_eq!(programs[0].slots, expected);

    // The name of a map, and what its descriptor will be, make no difference.
    let digests = programs[0].digests();
    let loaded = [load(1, 77), load(2, 9), [set(0), EXIT]].concat();
    assert_eq!(Digests::of(ByteOrder::Little, &loaded), digests);
}

#[test]
fn the_name_of_a_map_makes_no_difference() {
    let digests = |name: &str, number: u8| {
        let mut file = File::new();
        let xdp = file.section("xdp", SectionKind::Text);
        let maps = file.section(".maps", SectionKind::Data);
        let data = (SymbolKind::Data, GLOBAL);
        let map = file.symbol(name, SymbolSection::Section(maps), (0, 32), data);
        let slots = [load(0, 0).to_vec(), vec![set(number), EXIT]].concat();
        file.function(xdp, "main", GLOBAL, &slots);
        file.relocation(xdp, 0, map, R_64);
        file.programs().unwrap()[0].digests()
    };
    assert_eq!(digests("counts", 2), digests("sums", 2));
    assert_ne!(digests("counts", 2), digests("counts", 1));
}

#[test]
fn addresses_of_functions_are_distances() {
    let mut file = File::new();
    let text = file.section(".text", SectionKind::Text);
    let xdp = file.section("xdp", SectionKind::Text);
    file.function(text, "before", GLOBAL, &[set(9), EXIT]);
    let callback = file.function(text, "callback", LOCAL, &[set(8), EXIT]);
    let slots = [load(0, 0).as_slice(), &[EXIT]].concat();
    file.function(xdp, "main", GLOBAL, &slots);
    file.relocation(xdp, 0, callback, R_64);
    let programs = file.programs().unwrap();
    let expected = [load(4, 2).as_slice(), &[EXIT, set(8), EXIT]].concat();
    assert_eq!(programs[0].slots, expected);
}

#[test]
fn what_depends_on_the_kernel_is_an_error() {
    let mut file = File::new();
    let xdp = file.section("xdp", SectionKind::Text);
    let kind = (SymbolKind::Unknown, GLOBAL);
    let function = file.symbol("bpf_xdp_metadata", SymbolSection::Undefined, (0, 0), kind);
    file.function(xdp, "main", GLOBAL, &[set(1), call(-1), EXIT]);
    file.relocation(xdp, 1, function, R_CALL);
    let error = file.programs().unwrap_err();
    assert!(
        matches!(error, ObjectError::Kernel { insn: 1, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("bpf_xdp_metadata"), "{error}");
}

#[test]
fn types_of_the_kernel_are_an_error() {
    let mut file = File::new();
    let xdp = file.section("xdp", SectionKind::Text);
    file.function(xdp, "first", GLOBAL, &[set(1), EXIT]);
    file.function(xdp, "second", GLOBAL, &[set(1), EXIT]);
    let number = |value: u32| value.to_le_bytes();
    let head = [0x9f, 0xeb, 1, 0];
    let types = file.section(".BTF", SectionKind::Other);
    let names = b"\0xdp\0";
    let header = [head, number(24), number(0), number(0), number(0), number(5)].concat();
    file.0
        .append_section_data(types, &[&header, names.as_slice()].concat(), 4);
    let ext = file.section(".BTF.ext", SectionKind::Other);
    let record = [number(24), number(1), number(1), number(0)].concat();
    let relocations = [number(16), number(1), number(1)].concat();
    let length = u32::try_from(relocations.len() + record.len()).unwrap();
    let zero = number(0);
    let header = [
        head,
        number(32),
        zero,
        zero,
        zero,
        zero,
        zero,
        number(length),
    ]
    .concat();
    file.0
        .append_section_data(ext, &[header, relocations, record].concat(), 4);

    let object = file.parse().unwrap();
    let mut programs = object.programs();
    assert!(programs.next().unwrap().is_ok());
    let error = programs.next().unwrap().unwrap_err();
    assert!(
        matches!(error, ObjectError::Kernel { insn: 1, .. }),
        "{error}"
    );
    assert!(programs.next().is_none());
}

#[test]
fn nonsense_is_an_error() {
    assert!(matches!(
        Object::parse(b"text"),
        Err(ObjectError::NotBpf(_))
    ));
    let elf = BinaryFormat::Elf;
    let other = write::Object::new(elf, Architecture::X86_64, Endianness::Little);
    let error = Object::parse(&other.write().unwrap()).unwrap_err();
    assert!(error.to_string().contains("machine 62"), "{error}");

    let mut file = File::new();
    let xdp = file.section("xdp", SectionKind::Text);
    file.function(xdp, "helper", LOCAL, &[EXIT]);
    let error = file.programs().unwrap_err();
    assert!(error.to_string().contains("static"), "{error}");

    let mut file = File::new();
    let xdp = file.section("xdp", SectionKind::Text);
    file.function(xdp, "main", GLOBAL, &[call(0), EXIT]);
    let error = file.programs().unwrap_err();
    assert!(error.to_string().contains("calls no function"), "{error}");
}

proptest::proptest! {
    #[test]
    fn another_instruction_makes_another_digest(
        slots in proptest::collection::vec(proptest::prelude::any::<[u8; 8]>(), 1..40),
        index in proptest::prelude::any::<proptest::sample::Index>(),
        bit in 0_usize..64,
    ) {
        // What no loader writes to, whatever the instruction in front of it.
        let mut slots = slots;
        for slot in &mut slots {
            slot[0] = 0xb7;
        }
        let digests = Digests::of(ByteOrder::Little, &slots);
        let mut changed = slots.clone();
        let slot = index.index(changed.len());
        changed[slot][bit / 8] ^= 1 << (bit % 8);
        if changed[slot][0] != 0x18 {
            assert_ne!(Digests::of(ByteOrder::Little, &changed), digests);
        }
    }

    #[test]
    fn nothing_panics(
        changes in proptest::collection::vec(
            (proptest::prelude::any::<proptest::sample::Index>(), 0u8..),
            1..6,
        ),
    ) {
        let mut file = File::new();
        let text = file.section(".text", SectionKind::Text);
        let xdp = file.section("xdp", SectionKind::Text);
        let other = file.function(text, "other", GLOBAL, &[set(13), EXIT]);
        file.function(xdp, "main", GLOBAL, &[call(-1), set(1), EXIT]);
        file.relocation(xdp, 0, other, R_CALL);
        let mut bytes = file.0.write().unwrap();
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        if let Ok(object) = Object::parse(&bytes) {
            object.programs().for_each(drop);
        }
    }
}
