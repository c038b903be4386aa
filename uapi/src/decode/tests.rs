// SPDX-License-Identifier: GPL-2.0

use netlink_packet_core::{DefaultNla, Emitable};
use proptest::prelude::*;

use super::*;
use crate::netlink::{
    DigestAlgorithm, FlowType, HashLevel, Policy, ProgramKind, Slot, State, SteerReason, Symmetry,
    Unit, Verdict,
};
use crate::types::Known;

/// Attributes as the kernel writes them.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn bytes(mut self, number: u16, value: &[u8]) -> Self {
        let nla = DefaultNla::new(number, value.to_vec());
        let start = self.0.len();
        self.0.resize(start + nla.buffer_len(), 0);
        nla.emit(&mut self.0[start..]);
        self
    }

    fn u32(self, number: u16, value: u32) -> Self {
        self.bytes(number, &value.to_ne_bytes())
    }

    fn maybe_u32(self, number: u16, value: Option<u32>) -> Self {
        match value {
            Some(value) => self.u32(number, value),
            None => self,
        }
    }

    /// As `nla_put_uint()`: short if it can be.
    fn uint(self, number: u16, value: u64) -> Self {
        match u32::try_from(value) {
            Ok(value) => self.u32(number, value),
            Err(_) => self.bytes(number, &value.to_ne_bytes()),
        }
    }

    fn text(self, number: u16, value: &str) -> Self {
        self.bytes(number, &[value.as_bytes(), b"\0"].concat())
    }

    fn nest(self, number: u16, inner: Self) -> Self {
        self.bytes(number | 0x8000, &inner.0)
    }
}

fn write_program(program: &Program) -> Writer {
    use netlink::program::*;
    let mut out = Writer::default().u32(KIND, raw(program.kind));
    if let Some(name) = &program.name {
        out = out.text(NAME, name);
    }
    out = out.maybe_u32(ID, program.id);
    for digest in &program.digests {
        let inner = Writer::default()
            .u32(netlink::digest::ALGORITHM, raw(digest.algorithm))
            .bytes(netlink::digest::VALUE, &digest.value);
        out = out.nest(DIGEST, inner);
    }
    out = out
        .maybe_u32(STATE, program.state.map(raw))
        .maybe_u32(INSTRUCTIONS, program.instructions)
        .maybe_u32(IMAGE_FORMAT, program.image_format)
        .maybe_u32(IMAGE_SIZE, program.image_size)
        .maybe_u32(OPERATIONS, program.operations);
    match program.memory {
        Some(memory) => out.uint(MEMORY, memory),
        None => out,
    }
}

fn write_slot(slot: &SlotReport) -> Writer {
    use netlink::slot::*;
    let mut out = Writer::default()
        .u32(IFINDEX, slot.ifindex)
        .u32(SLOT, raw(slot.slot));
    if let Some(program) = &slot.device {
        out = out.nest(DEVICE, write_program(program));
    }
    if let Some(program) = &slot.kernel {
        out = out.nest(KERNEL, write_program(program));
    }
    out = out.u32(VERDICT, raw(slot.verdict));
    if slot.replaces_kernel {
        out = out.bytes(REPLACES_KERNEL, &[]);
    }
    if slot.in_kernel {
        out = out.bytes(IN_KERNEL, &[]);
    }
    out
}

/// The number of a value, known or not.
fn raw<T: Into<u32> + Copy>(value: Known<T>) -> u32 {
    match value {
        Known::Is(known) => known.into(),
        Known::Other(raw) => raw,
    }
}

macro_rules! into_u32 {
    ($($name:ty),*) => {$(
        impl From<$name> for u32 {
            fn from(value: $name) -> u32 {
                value.raw()
            }
        }
    )*};
}

into_u32!(
    DigestAlgorithm,
    FlowType,
    HashLevel,
    Policy,
    ProgramKind,
    Slot,
    State,
    SteerReason,
    Symmetry,
    Unit,
    Verdict
);

fn write_steered(steered: &Steered) -> Writer {
    use netlink::steer::*;
    let out = Writer::default()
        .u32(IFINDEX, steered.ifindex)
        .u32(REASON, raw(steered.reason))
        .maybe_u32(QUEUE, steered.queue)
        .maybe_u32(RULE, steered.rule)
        .maybe_u32(TABLE, steered.table)
        .maybe_u32(CONTEXT, steered.context)
        .maybe_u32(ENTRY, steered.entry)
        .maybe_u32(ENTRIES, steered.entries)
        .maybe_u32(FLOW_TYPE, steered.flow_type.map(raw))
        .maybe_u32(HASH, steered.hash)
        .maybe_u32(HASH_LEVEL, steered.hash_level.map(raw))
        .maybe_u32(HASH_FIELDS, steered.hash_fields.map(|fields| fields.0))
        .maybe_u32(SYMMETRY, steered.symmetry.map(raw));
    if steered.programmed {
        out.bytes(PROGRAMMED, &[])
    } else {
        out
    }
}

fn known<T: crate::types::Named + std::fmt::Debug>() -> impl Strategy<Value = Known<T>> {
    prop_oneof![0u32..8, any::<u32>()].prop_map(Known::from_raw)
}

prop_compose! {
    fn programs()(
        kind in known(),
        name in proptest::option::of("[a-z_]{1,15}"),
        id in any::<Option<u32>>(),
        digests in proptest::collection::vec(
            (known(), proptest::collection::vec(any::<u8>(), 0..33)),
            0..3,
        ),
        state in proptest::option::of(known()),
        numbers in any::<[Option<u32>; 4]>(),
        memory in any::<Option<u64>>(),
    ) -> Program {
        let digests = digests.into_iter();
        let [instructions, image_format, image_size, operations] = numbers;
        Program {
            kind,
            name,
            id,
            digests: digests.map(|(algorithm, value)| Digest { algorithm, value }).collect(),
            state,
            instructions,
            image_format,
            image_size,
            operations,
            memory,
        }
    }
}

prop_compose! {
    fn slots()(
        ifindex in any::<u32>(),
        slot in known(),
        device in proptest::option::of(programs()),
        kernel in proptest::option::of(programs()),
        verdict in known(),
        replaces_kernel in any::<bool>(),
        in_kernel in any::<bool>(),
    ) -> SlotReport {
        SlotReport { ifindex, slot, device, kernel, verdict, replaces_kernel, in_kernel }
    }
}

prop_compose! {
    fn steered_frames()(
        ifindex: u32,
        reason in known(),
        numbers: [Option<u32>; 7],
        flow_type in proptest::option::of(known()),
        hash_level in proptest::option::of(known()),
        hash_fields: Option<u32>,
        symmetry in proptest::option::of(known()),
        programmed: bool,
    ) -> Steered {
        let [queue, rule, table, context, entry, entries, hash] = numbers;
        Steered {
            ifindex, reason, queue, rule, table, context, entry, entries, flow_type, hash, hash_level,
            hash_fields: hash_fields.map(HashFields), symmetry, programmed,
        }
    }
}

proptest! {
    #[test]
    fn a_steered_frame_is_read_as_it_was_written(expected in steered_frames()) {
        let bytes = write_steered(&expected).0;
        prop_assert_eq!(steered(&bytes), Ok(expected));
    }

    #[test]
    fn a_slot_is_read_as_it_was_written(expected in slots(), unknown in 100u16..0x3fff) {
        let bytes = write_slot(&expected).bytes(unknown, b"new").0;
        prop_assert_eq!(slot(&bytes), Ok(expected));
    }

    #[test]
    fn a_program_is_read_as_it_was_written(expected in programs(), ifindex: u32, id: Option<u32>) {
        use netlink::device_program::*;
        let bytes = Writer::default()
            .u32(IFINDEX, ifindex)
            .maybe_u32(ID, id)
            .nest(PROGRAM, write_program(&expected))
            .0;
        let expected = DeviceProgram { ifindex, id, program: expected };
        prop_assert_eq!(event(Command::ProgramLoadNtf.raw(), &bytes),
                        Ok(Event::ProgramLoad(expected)));
    }

    #[test]
    fn stats_are_read_as_they_were_written(ifindex: u32, counts: [u64; 6]) {
        use netlink::stats::*;
        let mut out = Writer::default().u32(IFINDEX, ifindex);
        for (number, count) in (COMPARISONS..).zip(counts) {
            out = out.uint(number, count);
        }
        let found = stats(&out.0).unwrap();
        let found_counts = [
            found.comparisons, found.mismatches, found.faults,
            found.refusals, found.activations, found.removals,
        ];
        prop_assert_eq!(found.ifindex, ifindex);
        prop_assert_eq!(found_counts, counts);
    }

    #[test]
    fn nothing_panics(command: u8, bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = event(command, &bytes);
        let _ = device(&bytes);
        let _ = image_piece(&bytes);
        let _ = stats(&bytes);
        let _ = steered(&bytes);
    }

    #[test]
    fn nothing_panics_near_the_truth(
        expected in slots(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = write_slot(&expected).0;
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        let _ = slot(&bytes);
        let _ = slot(&bytes[..end.index(bytes.len() + 1)]);
    }
}

#[test]
fn a_device_has_resources() {
    let resource = |text: &str, limit, used| {
        use netlink::resource::*;
        Writer::default()
            .text(NAME, text)
            .u32(UNIT, Unit::Byte.raw())
            .uint(LIMIT, limit)
            .uint(USED, used)
    };
    use netlink::dev::*;
    let bytes = Writer::default()
        .u32(IFINDEX, 3)
        .text(IFNAME, "onic0")
        .text(DRIVER, "offload_nic")
        .u32(POLICY, Policy::RequireEqual.raw())
        .nest(RESOURCE, resource("memory", 1 << 40, 5))
        .nest(RESOURCE, resource("programs", 16, 1))
        .0;
    let found = device(&bytes).unwrap();
    assert_eq!(
        (found.ifindex, found.ifname.as_str(), found.bus),
        (3, "onic0", None)
    );
    assert_eq!(found.policy, Policy::RequireEqual);
    let resources: Vec<_> = found
        .resources
        .iter()
        .map(|one| (one.limit, one.used))
        .collect();
    assert_eq!(resources, [(1 << 40, 5), (16, 1)]);
    assert_eq!(
        event(Command::DevChangeNtf.raw(), &bytes),
        Ok(Event::DevChange(device(&bytes).unwrap()))
    );
}

#[test]
fn errors_name_the_attribute() {
    use netlink::dev::*;
    let missing = device(&Writer::default().u32(IFINDEX, 3).0).unwrap_err();
    assert_eq!(missing.to_string(), "no attribute \"ifname\" in \"dev\"");
    let malformed = device(&Writer::default().bytes(IFINDEX, &[1]).0).unwrap_err();
    assert_eq!(
        malformed.to_string(),
        "attribute \"ifindex\" in \"dev\" with 1 bytes is not a u32"
    );
    assert!(matches!(
        device(&[1, 2, 3]),
        Err(DecodeError::Attributes(_))
    ));
    assert_eq!(event(200, &[1]), Ok(Event::Other { command: 200 }));
}

#[test]
fn a_piece_of_an_image_is_its_bytes() {
    use netlink::image::*;
    let bytes = Writer::default()
        .u32(FORMAT, 2)
        .u32(SIZE, 9)
        .u32(OFFSET, 4)
        .bytes(CHUNK, &[1, 2, 3, 4, 5])
        .0;
    let piece = image_piece(&bytes).unwrap();
    assert_eq!((piece.format, piece.size, piece.offset), (2, 9, 4));
    assert_eq!(piece.bytes, [1, 2, 3, 4, 5]);
}

/// A table and an entry, as the kernel writes them.
#[test]
fn tables_and_entries_are_read_as_they_were_written() {
    use netlink::{table as set, table_entry, table_field};
    let field = |node: &str, occurrence| {
        Writer::default()
            .bytes(table_field::NODE, &[node.as_bytes(), b"\0"].concat())
            .u32(table_field::OCCURRENCE, occurrence)
            .u32(table_field::OFFSET, 96)
            .u32(table_field::BITS, 32)
    };
    let bytes = Writer::default()
        .u32(set::IFINDEX, 3)
        .u32(set::TABLE, 7)
        .u32(set::TARGET, 1)
        .nest(set::FIELD, field("ipv4", 2))
        .nest(set::FIELD, field("udp", 1))
        .u32(set::KEY_BITS, 64)
        .u32(set::ENTRIES, 5);
    let found = table(&bytes.0).unwrap();
    let key: Vec<_> = found.key.iter().map(ToString::to_string).collect();
    assert_eq!(key, ["ipv4#2:96:32", "udp:96:32"]);
    assert_eq!((found.table, found.name.as_str(), found.bits), (7, "", 64));
    assert!(table(&Writer::default().u32(set::IFINDEX, 3).0).is_err());

    let bytes = Writer::default()
        .u32(table_entry::IFINDEX, 3)
        .u32(table_entry::TABLE, 7)
        .u32(table_entry::PRIORITY, 9)
        .bytes(table_entry::VALUE, &[1, 2])
        .bytes(table_entry::MASK, &[3, 4])
        .u32(table_entry::ACTION, 2)
        .u32(table_entry::CONTEXT, 1)
        .uint(table_entry::HITS, 1 << 40);
    let found = table_entry(&bytes.0).unwrap();
    assert_eq!((found.value, found.mask), (vec![1, 2], vec![3, 4]));
    assert_eq!((found.queue, found.context), (None, Some(1)));
    assert_eq!((found.priority, found.hits), (9, 1 << 40));
}
