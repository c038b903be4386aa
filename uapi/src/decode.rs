// SPDX-License-Identifier: GPL-2.0

//! From the bytes of a message's attributes to [`types`](crate::types), without a socket.
//!
//! Each function takes what stands behind the generic netlink header. None can be made to panic.

use crate::attributes::Attributes;
use crate::error::DecodeError;
use crate::netlink::{self, Command};
use crate::types::{
    Audit, CountedEdge, CountedNode, CountsPiece, CutDifference, Device, DeviceProgram, Digest,
    Event, FailedFrame, FoundKeys, GraphPiece, GroAudit, HashFields, ImagePiece, KeptFrame, Parsed,
    Parser, Program, Resource, SlotReport, Stats, Steered, Table, TableEntry, TableField,
};

/// An interface.
///
/// # Errors
///
/// [`DecodeError`] where the attributes are not those of the specification; so have the next ones.
pub fn device(bytes: &[u8]) -> Result<Device, DecodeError> {
    use netlink::dev::*;
    let all = Attributes::parse("dev", name, bytes)?;
    Ok(Device {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        ifname: all.need(IFNAME, all.string(IFNAME)?)?,
        driver: all.string(DRIVER)?,
        bus: all.string(BUS)?,
        device: all.string(DEVICE)?,
        policy: all.need(POLICY, all.named(POLICY)?)?,
        resources: all.each(RESOURCE).map(resource).collect::<Result<_, _>>()?,
    })
}

fn resource(bytes: &[u8]) -> Result<Resource, DecodeError> {
    use netlink::resource::*;
    let all = Attributes::parse("resource", name, bytes)?;
    Ok(Resource {
        name: all.need(NAME, all.string(NAME)?)?,
        unit: all.need(UNIT, all.named(UNIT)?)?,
        limit: all.need(LIMIT, all.uint(LIMIT)?)?,
        used: all.need(USED, all.uint(USED)?)?,
    })
}

fn digest(bytes: &[u8]) -> Result<Digest, DecodeError> {
    use netlink::digest::*;
    let all = Attributes::parse("digest", name, bytes)?;
    Ok(Digest {
        algorithm: all.need(ALGORITHM, all.named(ALGORITHM)?)?,
        value: all.need(VALUE, all.bytes(VALUE))?.to_vec(),
    })
}

fn program(bytes: &[u8]) -> Result<Program, DecodeError> {
    use netlink::program::*;
    let all = Attributes::parse("program", name, bytes)?;
    Ok(Program {
        kind: all.need(KIND, all.named(KIND)?)?,
        name: all.string(NAME)?.filter(|name| !name.is_empty()),
        id: all.u32(ID)?,
        digests: all.each(DIGEST).map(digest).collect::<Result<_, _>>()?,
        state: all.named(STATE)?,
        instructions: all.u32(INSTRUCTIONS)?,
        image_format: all.u32(IMAGE_FORMAT)?,
        image_size: all.u32(IMAGE_SIZE)?,
        operations: all.u32(OPERATIONS)?,
        memory: all.uint(MEMORY)?,
    })
}

/// A slot.
///
/// # Errors
///
/// As [`device`].
pub fn slot(bytes: &[u8]) -> Result<SlotReport, DecodeError> {
    use netlink::slot::*;
    let all = Attributes::parse("slot", name, bytes)?;
    Ok(SlotReport {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        slot: all.need(SLOT, all.named(SLOT)?)?,
        device: all.bytes(DEVICE).map(program).transpose()?,
        kernel: all.bytes(KERNEL).map(program).transpose()?,
        verdict: all.need(VERDICT, all.named(VERDICT)?)?,
        replaces_kernel: all.flag(REPLACES_KERNEL),
        in_kernel: all.flag(IN_KERNEL),
    })
}

/// A program in a device.
///
/// # Errors
///
/// As [`device`].
pub fn device_program(bytes: &[u8]) -> Result<DeviceProgram, DecodeError> {
    use netlink::device_program::*;
    let all = Attributes::parse("device-program", name, bytes)?;
    Ok(DeviceProgram {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        id: all.u32(ID)?,
        program: program(all.need(PROGRAM, all.bytes(PROGRAM))?)?,
    })
}

/// A piece of an image.
///
/// # Errors
///
/// As [`device`].
pub fn image_piece(bytes: &[u8]) -> Result<ImagePiece, DecodeError> {
    use netlink::image::*;
    let all = Attributes::parse("image", name, bytes)?;
    Ok(ImagePiece {
        format: all.need(FORMAT, all.u32(FORMAT)?)?,
        size: all.need(SIZE, all.u32(SIZE)?)?,
        offset: all.need(OFFSET, all.u32(OFFSET)?)?,
        bytes: all.need(CHUNK, all.bytes(CHUNK))?.to_vec(),
    })
}

/// The parser of a device.
///
/// # Errors
///
/// As [`device`].
pub fn parser(bytes: &[u8]) -> Result<Parser, DecodeError> {
    use netlink::parser::*;
    let all = Attributes::parse("parser", name, bytes)?;
    Ok(Parser {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        digest: all.need(DIGEST, all.bytes(DIGEST))?.to_vec(),
        nodes: all.need(NODES, all.u32(NODES)?)?,
        entries: all.need(ENTRIES, all.u32(ENTRIES)?)?,
        max_headers: all.need(MAX_HEADERS, all.u32(MAX_HEADERS)?)?,
        memory: all.need(MEMORY, all.uint(MEMORY)?)?,
        dissector: all.need(DISSECTOR, all.bytes(DISSECTOR))?.to_vec(),
        attested: all.bytes(ATTESTED).unwrap_or_default().to_vec(),
        size: all.need(SIZE, all.u32(SIZE)?)?,
        level: all.need(LEVEL, all.named(LEVEL)?)?,
        permitted: all.flag(PERMITTED),
        release: all.string(RELEASE)?,
        withheld: all.need(WITHHELD, all.uint(WITHHELD)?)?,
    })
}

/// A piece of a device's parse graph.
///
/// # Errors
///
/// As [`device`].
pub fn graph_piece(bytes: &[u8]) -> Result<GraphPiece, DecodeError> {
    use netlink::parser::*;
    let all = Attributes::parse("parser", name, bytes)?;
    Ok(GraphPiece {
        digest: all.need(DIGEST, all.bytes(DIGEST))?.to_vec(),
        size: all.need(SIZE, all.u32(SIZE)?)?,
        offset: all.need(OFFSET, all.u32(OFFSET)?)?,
        bytes: all.need(CHUNK, all.bytes(CHUNK))?.to_vec(),
    })
}

/// The audit of an interface.
///
/// # Errors
///
/// As [`device`].
pub fn audit(bytes: &[u8]) -> Result<Audit, DecodeError> {
    use netlink::audit::*;
    let all = Attributes::parse("audit", name, bytes)?;
    let first = all.bytes(FIRST).map(|nested| {
        let of_frame = Attributes::parse("parse", netlink::parse::name, nested)?;
        let frame = of_frame.bytes(netlink::parse::FRAME);
        let frame = of_frame.need(netlink::parse::FRAME, frame)?;
        Ok((frame.to_vec(), parsed(nested)?))
    });
    Ok(Audit {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        one_in: all.need(ONE_IN, all.u32(ONE_IN)?)?,
        ends_permission: all.need(ENDS_PERMISSION, all.u32(ENDS_PERMISSION)?)? != 0,
        ended: all.flag(ENDED),
        audited: all.need(AUDITED, all.uint(AUDITED)?)?,
        left_out: all.need(LEFT_OUT, all.uint(LEFT_OUT)?)?,
        different: all.need(DIFFERENT, all.uint(DIFFERENT)?)?,
        first: first.transpose()?,
    })
}

/// The audit of what the device of an interface puts together.
///
/// # Errors
///
/// As [`device`].
pub fn gro_audit(bytes: &[u8]) -> Result<GroAudit, DecodeError> {
    use netlink::gro_audit::*;
    let all = Attributes::parse("gro-audit", name, bytes)?;
    Ok(GroAudit {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        one_in: all.need(ONE_IN, all.u32(ONE_IN)?)?,
        ends_permission: all.need(ENDS_PERMISSION, all.u32(ENDS_PERMISSION)?)? != 0,
        ended: all.flag(ENDED),
        audited: all.need(AUDITED, all.uint(AUDITED)?)?,
        left_out: all.need(LEFT_OUT, all.uint(LEFT_OUT)?)?,
        lossy: all.need(LOSSY, all.uint(LOSSY)?)?,
        different: all.need(DIFFERENT, all.uint(DIFFERENT)?)?,
        first: all.bytes(FIRST).map(cut).transpose()?,
    })
}

fn cut(bytes: &[u8]) -> Result<CutDifference, DecodeError> {
    use netlink::cut::*;
    let all = Attributes::parse("cut", name, bytes)?;
    let kept = |len, bytes| {
        let len = all.need(len, all.u32(len)?)?;
        let data = all.need(bytes, all.bytes(bytes))?.to_vec();
        Ok(KeptFrame { len, data })
    };
    Ok(CutDifference {
        frames: all.need(FRAMES, all.u32(FRAMES)?)?,
        segments: all.need(SEGMENTS, all.u32(SEGMENTS)?)?,
        error: all.u32(ERROR)?,
        untrue: all.flag(UNTRUE),
        index: all.need(INDEX, all.u32(INDEX)?)?,
        offset: all.need(OFFSET, all.u32(OFFSET)?)?,
        wire: kept(WIRE_LEN, WIRE)?,
        cut: kept(CUT_LEN, CUT)?,
    })
}

/// A piece of what was counted of the frames of an interface.
///
/// # Errors
///
/// As [`device`].
pub fn counts(bytes: &[u8]) -> Result<CountsPiece, DecodeError> {
    use netlink::counts::*;
    let all = Attributes::parse("counts", name, bytes)?;
    let counting = all.need(COUNTING, all.u32(COUNTING)?)? != 0;
    let digest = if counting {
        all.need(DIGEST, all.bytes(DIGEST))?
    } else {
        &[]
    };
    Ok(CountsPiece {
        counting,
        digest: digest.to_vec(),
        frames: all.uint(FRAMES)?,
        nodes: all.each(NODE).map(counted_node).collect::<Result<_, _>>()?,
        edges: all.each(EDGE).map(counted_edge).collect::<Result<_, _>>()?,
    })
}

fn counted_node(bytes: &[u8]) -> Result<CountedNode, DecodeError> {
    use netlink::counted_node::*;
    let all = Attributes::parse("counted-node", name, bytes)?;
    let last = all.bytes(FRAME).map(|data| {
        Ok(FailedFrame {
            data: data.to_vec(),
            len: all.need(FRAME_LEN, all.u32(FRAME_LEN)?)?,
            offset: all.need(OFFSET, all.u32(OFFSET)?)?,
            broken: all.flag(FRAME_BROKEN),
        })
    });
    Ok(CountedNode {
        number: all.need(NUMBER, all.u32(NUMBER)?)?,
        visits: all.need(VISITS, all.uint(VISITS)?)?,
        failures: all.need(FAILURES, all.uint(FAILURES)?)?,
        broken: all.need(BROKEN, all.uint(BROKEN)?)?,
        last: last.transpose()?,
    })
}

fn counted_edge(bytes: &[u8]) -> Result<CountedEdge, DecodeError> {
    use netlink::counted_edge::*;
    let all = Attributes::parse("counted-edge", name, bytes)?;
    Ok(CountedEdge {
        from: all.need(FROM, all.u32(FROM)?)?,
        to: all.need(TO, all.u32(TO)?)?,
        taken: all.need(TAKEN, all.uint(TAKEN)?)?,
    })
}

/// What the device and the kernel find in a frame.
///
/// # Errors
///
/// As [`device`].
pub fn parsed(bytes: &[u8]) -> Result<Parsed, DecodeError> {
    use netlink::parse::*;
    let all = Attributes::parse("parse", name, bytes)?;
    let found = |verdict, keys, fields| -> Result<FoundKeys, DecodeError> {
        Ok(FoundKeys {
            verdict: all.need(verdict, all.named(verdict)?)?,
            keys: all.need(keys, all.bytes(keys))?.to_vec(),
            fields: all.need(fields, all.bytes(fields))?.to_vec(),
        })
    };
    let steps = all.need(STEPS, all.bytes(STEPS))?;
    let number = |low: u8, high: u8| u16::from_le_bytes([low, high]);
    Ok(Parsed {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        device: found(DEVICE_VERDICT, DEVICE_KEYS, DEVICE_FIELDS)?,
        steps: steps
            .chunks_exact(4)
            .map(|step| (number(step[0], step[1]), number(step[2], step[3])))
            .collect(),
        kernel: found(KERNEL_VERDICT, KERNEL_KEYS, KERNEL_FIELDS)?,
        kernel_program: all.flag(KERNEL_PROGRAM),
    })
}

/// What has happened at an interface.
///
/// # Errors
///
/// As [`device`].
pub fn stats(bytes: &[u8]) -> Result<Stats, DecodeError> {
    use netlink::stats::*;
    let all = Attributes::parse("stats", name, bytes)?;
    let count = |number| all.need(number, all.uint(number)?);
    Ok(Stats {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        comparisons: count(COMPARISONS)?,
        mismatches: count(MISMATCHES)?,
        faults: count(FAULTS)?,
        refusals: count(REFUSALS)?,
        activations: count(ACTIVATIONS)?,
        removals: count(REMOVALS)?,
    })
}

/// How a frame is steered.
///
/// # Errors
///
/// As [`device`].
pub fn steered(bytes: &[u8]) -> Result<Steered, DecodeError> {
    use netlink::steer::*;
    let all = Attributes::parse("steer", name, bytes)?;
    Ok(Steered {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        reason: all.need(REASON, all.named(REASON)?)?,
        queue: all.u32(QUEUE)?,
        rule: all.u32(RULE)?,
        table: all.u32(TABLE)?,
        context: all.u32(CONTEXT)?,
        entry: all.u32(ENTRY)?,
        entries: all.u32(ENTRIES)?,
        flow_type: all.named(FLOW_TYPE)?,
        hash: all.u32(HASH)?,
        hash_level: all.named(HASH_LEVEL)?,
        hash_fields: all.u32(HASH_FIELDS)?.map(HashFields),
        symmetry: all.named(SYMMETRY)?,
        programmed: all.flag(PROGRAMMED),
    })
}

/// A raw table.
///
/// # Errors
///
/// As [`device`].
pub fn table(bytes: &[u8]) -> Result<Table, DecodeError> {
    use netlink::table::*;
    let all = Attributes::parse("table", name, bytes)?;
    Ok(Table {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        table: all.need(TABLE, all.u32(TABLE)?)?,
        name: all.string(NAME)?.unwrap_or_default(),
        target: all.need(TARGET, all.named(TARGET)?)?,
        key: all.each(FIELD).map(table_field).collect::<Result<_, _>>()?,
        bits: all.need(KEY_BITS, all.u32(KEY_BITS)?)?,
        entries: all.need(ENTRIES, all.u32(ENTRIES)?)?,
    })
}

fn table_field(bytes: &[u8]) -> Result<TableField, DecodeError> {
    use netlink::table_field::*;
    let all = Attributes::parse("table-field", name, bytes)?;
    Ok(TableField {
        node: all.need(NODE, all.string(NODE)?)?,
        occurrence: all.need(OCCURRENCE, all.u32(OCCURRENCE)?)?,
        offset: all.need(OFFSET, all.u32(OFFSET)?)?,
        bits: all.need(BITS, all.u32(BITS)?)?,
    })
}

/// An entry of a raw table.
///
/// # Errors
///
/// As [`device`].
pub fn table_entry(bytes: &[u8]) -> Result<TableEntry, DecodeError> {
    use netlink::table_entry::*;
    let all = Attributes::parse("table-entry", name, bytes)?;
    Ok(TableEntry {
        ifindex: all.need(IFINDEX, all.u32(IFINDEX)?)?,
        table: all.need(TABLE, all.u32(TABLE)?)?,
        priority: all.need(PRIORITY, all.u32(PRIORITY)?)?,
        value: all.need(VALUE, all.bytes(VALUE))?.to_vec(),
        mask: all.need(MASK, all.bytes(MASK))?.to_vec(),
        action: all.need(ACTION, all.named(ACTION)?)?,
        queue: all.u32(QUEUE)?,
        context: all.u32(CONTEXT)?,
        hits: all.need(HITS, all.uint(HITS)?)?,
    })
}

/// A notification.
///
/// # Errors
///
/// As [`device`]. An operation that is not known is [`Event::Other`].
pub fn event(command: u8, bytes: &[u8]) -> Result<Event, DecodeError> {
    Ok(match Command::from_raw(command) {
        Some(Command::DevChangeNtf) => Event::DevChange(device(bytes)?),
        Some(Command::SlotActivateNtf) => Event::SlotActivate(slot(bytes)?),
        Some(Command::SlotRemoveNtf) => Event::SlotRemove(slot(bytes)?),
        Some(Command::SlotMismatchNtf) => Event::SlotMismatch(slot(bytes)?),
        Some(Command::SlotFaultNtf) => Event::SlotFault(slot(bytes)?),
        Some(Command::ProgramLoadNtf) => Event::ProgramLoad(device_program(bytes)?),
        Some(Command::ProgramUnloadNtf) => Event::ProgramUnload(device_program(bytes)?),
        _ => Event::Other { command },
    })
}

#[cfg(test)]
mod tests;
