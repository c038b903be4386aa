// SPDX-License-Identifier: GPL-2.0

//! The messages of the family, as answers and as events.

use crate::{
    compare::Comparison,
    counts::ParserCounts,
    digest::Digest,
    parser::{
        fields_of,
        kernel_verdict,
        Parsed,
        Parser,
        ParserLevel, //
    },
    program::{
        DeviceProgram,
        KernelProgram, //
    },
    report::ReportPrograms,
    steer::Steered,
    Slot, //
};
use net::{
    bpf::{
        name_text,
        NAME_LEN, //
    },
    flow_dissector::Dissected,
    genl::{
        Full,
        Message, //
    },
    netdev::Rtnl, //
};
use offload_uapi::netlink::{
    self as uapi,
    DigestAlgorithm,
    MAX_CHUNK, //
};

type Written = Result<(), Full>;

/// The interface and the device behind it.
pub(crate) fn dev(
    message: &mut Message<'_>,
    interface: &dyn ReportPrograms,
    rtnl: &Rtnl<'_>,
) -> Written {
    let (net_device, kept) = (interface.net_device(), interface.interface());
    message.put_u32(uapi::dev::IFINDEX, net_device.ifindex())?;
    message.put_text(uapi::dev::IFNAME, net_device.c_name(rtnl))?;
    message.put_text(uapi::dev::DRIVER, kept.device.driver)?;
    message.put_text(uapi::dev::BUS, kept.device.bus)?;
    message.put_text(uapi::dev::DEVICE, &kept.device.name)?;
    message.put_u32(uapi::dev::POLICY, kept.policy(rtnl).raw())?;
    let mut result = Ok(());
    interface.resources(&mut |resource| {
        if result.is_ok() {
            result = message.nest(uapi::dev::RESOURCE, |message| {
                message.put_text(uapi::resource::NAME, resource.name)?;
                message.put_u32(uapi::resource::UNIT, resource.unit.raw())?;
                message.put_uint(uapi::resource::LIMIT, resource.limit)?;
                message.put_uint(uapi::resource::USED, resource.used)
            });
        }
    });
    result
}

/// A slot of an interface, and what the comparison says of it.
pub(crate) fn slot(
    message: &mut Message<'_>,
    ifindex: u32,
    slot: Slot,
    comparison: &Comparison,
) -> Written {
    message.put_u32(uapi::slot::IFINDEX, ifindex)?;
    message.put_u32(uapi::slot::SLOT, slot.raw())?;
    if let Some(program) = &comparison.device {
        message.nest(uapi::slot::DEVICE, |message| in_device(message, program))?;
    }
    if let Some(program) = &comparison.kernel {
        message.nest(uapi::slot::KERNEL, |message| in_kernel(message, program))?;
    }
    message.put_u32(uapi::slot::VERDICT, comparison.verdict.raw())?;
    if comparison.replaces_kernel {
        message.put_flag(uapi::slot::REPLACES_KERNEL)?;
    }
    if comparison.in_kernel {
        message.put_flag(uapi::slot::IN_KERNEL)?;
    }
    Ok(())
}

/// A program that lies in the device of an interface.
pub(crate) fn device_program(
    message: &mut Message<'_>,
    ifindex: u32,
    program: &DeviceProgram,
) -> Written {
    message.put_u32(uapi::device_program::IFINDEX, ifindex)?;
    if program.id != 0 {
        message.put_u32(uapi::device_program::ID, program.id)?;
    }
    message.nest(uapi::device_program::PROGRAM, |message| {
        in_device(message, program)
    })
}

/// Where a frame goes.
pub(crate) fn steer(message: &mut Message<'_>, ifindex: u32, steered: &Steered) -> Written {
    use uapi::steer::*;
    message.put_u32(IFINDEX, ifindex)?;
    message.put_u32(REASON, steered.reason.raw())?;
    let hash = steered.hash.as_ref();
    for (number, value) in [
        (QUEUE, steered.queue),
        (RULE, steered.rule),
        (TABLE, steered.table.map(u32::from)),
        (CONTEXT, steered.flow.map(|_| steered.context)),
        (ENTRY, steered.entry.map(|(entry, _)| entry)),
        (ENTRIES, steered.entry.map(|(_, entries)| entries)),
        (FLOW_TYPE, steered.flow.map(|flow| flow.raw())),
        (HASH, hash.map(|hash| hash.value)),
        (HASH_LEVEL, hash.map(|hash| hash.level.raw())),
        (HASH_FIELDS, hash.map(|hash| hash.fields)),
        (SYMMETRY, hash.map(|hash| hash.symmetry.raw())),
    ] {
        if let Some(value) = value {
            message.put_u32(number, value)?;
        }
    }
    if steered.programmed {
        message.put_flag(PROGRAMMED)?;
    }
    Ok(())
}

/// The parser of a device.
pub(crate) fn parser(message: &mut Message<'_>, ifindex: u32, parser: &Parser<'_>) -> Written {
    use uapi::parser::*;
    message.put_u32(IFINDEX, ifindex)?;
    message.put(DIGEST, &parser.digest)?;
    message.put_u32(NODES, parser.nodes)?;
    message.put_u32(ENTRIES, parser.entries)?;
    message.put_u32(MAX_HEADERS, parser.max_headers)?;
    // CAST: `usize` has at most 64 bits.
    message.put_uint(MEMORY, parser.memory as u64)?;
    message.put(DISSECTOR, &parser.reproduced)?;
    if let Some(attested) = &parser.attested {
        message.put(ATTESTED, attested)?;
    }
    // CAST: A graph has less than 4 GiB.
    message.put_u32(SIZE, parser.blob.len() as u32)?;
    message.put_u32(LEVEL, parser.level.raw())?;
    if parser.is_permitted {
        message.put_flag(PERMITTED)?;
    }
    let release = parser.release;
    if let Some(release) = release.filter(|_| parser.level == ParserLevel::Tested) {
        message.put_text(RELEASE, release)?;
    }
    message.put_uint(WITHHELD, parser.withheld)
}

/// A piece of the file of a device's parse graph from byte `offset` on, as large as there is room for. Gives
/// its length.
pub(crate) fn graph(
    message: &mut Message<'_>,
    ifindex: u32,
    parser: &Parser<'_>,
    offset: u32,
) -> Result<u32, Full> {
    use uapi::parser::*;
    message.put_u32(IFINDEX, ifindex)?;
    message.put(DIGEST, &parser.digest)?;
    // CAST: A graph has less than 4 GiB.
    message.put_u32(SIZE, parser.blob.len() as u32)?;
    message.put_u32(OFFSET, offset)?;
    piece(message, CHUNK, parser.blob, offset)
}

/// What a device and the kernel make of a frame.
pub(crate) fn parsed(
    message: &mut Message<'_>,
    ifindex: u32,
    device: &Parsed<'_>,
    kernel: &Dissected,
) -> Written {
    use uapi::parse::*;
    message.put_u32(IFINDEX, ifindex)?;
    message.put_u32(DEVICE_VERDICT, device.verdict.raw())?;
    message.put(DEVICE_KEYS, &device.keys)?;
    message.put(DEVICE_FIELDS, &device.fields)?;
    message.put(STEPS, device.steps)?;
    message.put_u32(KERNEL_VERDICT, kernel_verdict(kernel).raw())?;
    message.put(KERNEL_KEYS, &kernel.keys)?;
    message.put(KERNEL_FIELDS, &fields_of(kernel))?;
    if kernel.by_program {
        message.put_flag(KERNEL_PROGRAM)?;
    }
    Ok(())
}

/// The audit of an interface.
pub(crate) fn audit(
    message: &mut Message<'_>,
    interface: &dyn ReportPrograms,
    rtnl: &Rtnl<'_>,
) -> Written {
    use uapi::audit::*;
    let (ifindex, audit) = (
        interface.net_device().ifindex(),
        &interface.interface().audit,
    );
    let told = audit.told(rtnl);
    message.put_u32(IFINDEX, ifindex)?;
    message.put_u32(ONE_IN, told.one_in)?;
    message.put_u32(ENDS_PERMISSION, told.ends_permission.into())?;
    message.put_uint(AUDITED, told.audited)?;
    message.put_uint(LEFT_OUT, told.left_out)?;
    message.put_uint(DIFFERENT, told.different)?;
    if told.has_ended {
        message.put_flag(ENDED)?;
    }
    let Some(first) = audit.first() else {
        return Ok(());
    };
    message.nest(FIRST, |message| {
        message.put(uapi::parse::FRAME, &first.frame)?;
        parsed(message, ifindex, &first.device(), &first.kernel)
    })
}

/// The audit of what the device of an interface puts together.
pub(crate) fn gro_audit(
    message: &mut Message<'_>,
    interface: &dyn ReportPrograms,
    rtnl: &Rtnl<'_>,
) -> Written {
    use uapi::gro_audit::*;
    let audit = &interface.interface().gro_audit;
    let (told, lossy) = audit.told(rtnl);
    message.put_u32(IFINDEX, interface.net_device().ifindex())?;
    message.put_u32(ONE_IN, told.one_in)?;
    message.put_u32(ENDS_PERMISSION, told.ends_permission.into())?;
    message.put_uint(AUDITED, told.audited)?;
    message.put_uint(LEFT_OUT, told.left_out)?;
    message.put_uint(LOSSY, lossy)?;
    message.put_uint(DIFFERENT, told.different)?;
    if told.has_ended {
        message.put_flag(ENDED)?;
    }
    let Some(first) = audit.first() else {
        return Ok(());
    };
    message.nest(FIRST, |message| {
        use uapi::cut::*;
        message.put_u32(FRAMES, first.frames)?;
        message.put_u32(SEGMENTS, first.segments)?;
        message.put_u32(INDEX, first.index)?;
        message.put_u32(OFFSET, first.offset)?;
        message.put_u32(WIRE_LEN, first.wire.len)?;
        message.put_u32(CUT_LEN, first.cut.len)?;
        message.put(WIRE, &first.wire.bytes)?;
        message.put(CUT, &first.cut.bytes)?;
        if first.is_untrue {
            message.put_flag(UNTRUE)?;
        }
        if first.error != 0 {
            message.put_u32(ERROR, first.error)?;
        }
        Ok(())
    })
}

/// What was counted of the frames of an interface, from what is numbered `next` on, as much as there is room
/// for: with number 0 how many there were, and behind it the nodes and the edges. Gives what comes next, and
/// nothing if that is all.
pub(crate) fn counts(
    message: &mut Message<'_>,
    ifindex: u32,
    counts: Option<&dyn ParserCounts>,
    next: u32,
) -> Result<Option<u32>, Full> {
    use uapi::counts::*;
    message.put_u32(IFINDEX, ifindex)?;
    message.put_u32(COUNTING, counts.is_some().into())?;
    let Some(counts) = counts else {
        return Ok(None);
    };
    message.put(DIGEST, &counts.digest())?;
    if next == 0 {
        message.put_uint(FRAMES, counts.frames())?;
    }
    let first_edge = counts.nodes().saturating_add(1);
    let end = first_edge.saturating_add(counts.edges());
    for item in next.max(1)..end {
        let put = match item.checked_sub(first_edge) {
            None => counted_node(message, counts, item.saturating_sub(1)),
            Some(edge) => counted_edge(message, counts, edge),
        };
        if let Err(full) = put {
            // One has room in a message of its own.
            let is_some = item > next.max(1);
            return if is_some { Ok(Some(item)) } else { Err(full) };
        }
    }
    Ok(None)
}

fn counted_node(message: &mut Message<'_>, counts: &dyn ParserCounts, number: u32) -> Written {
    use uapi::counted_node::*;
    let mut result = Ok(());
    counts.show_node(number, &mut |node| {
        result = message.nest(uapi::counts::NODE, |message| {
            message.put_u32(NUMBER, number)?;
            message.put_uint(VISITS, node.visits)?;
            message.put_uint(FAILURES, node.failures)?;
            message.put_uint(BROKEN, node.broken)?;
            let Some(last) = &node.last else {
                return Ok(());
            };
            message.put(FRAME, last.bytes)?;
            message.put_u32(FRAME_LEN, last.len)?;
            message.put_u32(OFFSET, last.offset.into())?;
            if last.is_broken {
                message.put_flag(FRAME_BROKEN)?;
            }
            Ok(())
        });
    });
    result
}

fn counted_edge(message: &mut Message<'_>, counts: &dyn ParserCounts, number: u32) -> Written {
    use uapi::counted_edge::*;
    let Some(edge) = counts.edge(number) else {
        return Ok(());
    };
    message.nest(uapi::counts::EDGE, |message| {
        message.put_u32(FROM, edge.from.into())?;
        message.put_u32(TO, edge.to.raw().into())?;
        message.put_uint(TAKEN, edge.taken)
    })
}

/// What has happened at an interface.
pub(crate) fn stats(message: &mut Message<'_>, interface: &dyn ReportPrograms) -> Written {
    let statistics = &interface.interface().statistics;
    message.put_u32(uapi::stats::IFINDEX, interface.net_device().ifindex())?;
    for (number, count) in [
        (uapi::stats::COMPARISONS, &statistics.comparisons),
        (uapi::stats::MISMATCHES, &statistics.mismatches),
        (uapi::stats::FAULTS, &statistics.faults),
        (uapi::stats::REFUSALS, &statistics.refusals),
        (uapi::stats::ACTIVATIONS, &statistics.activations),
        (uapi::stats::REMOVALS, &statistics.removals),
    ] {
        message.put_uint(number, count.get())?;
    }
    Ok(())
}

/// The fewest bytes of an image or a graph that are worth a message, unless there are no more.
const LEAST_PIECE: usize = 512;

/// A piece of `image` from byte `offset` on, as large as there is room for. Gives its length.
pub(crate) fn image(
    message: &mut Message<'_>,
    (ifindex, id): (u32, u32),
    format: u32,
    image: &[u8],
    offset: u32,
) -> Result<u32, Full> {
    message.put_u32(uapi::image::IFINDEX, ifindex)?;
    message.put_u32(uapi::image::ID, id)?;
    message.put_u32(uapi::image::FORMAT, format)?;
    // CAST: An image has less than 4 GiB.
    message.put_u32(uapi::image::SIZE, image.len() as u32)?;
    message.put_u32(uapi::image::OFFSET, offset)?;
    piece(message, uapi::image::CHUNK, image, offset)
}

/// Puts a piece of `whole` from byte `offset` on, as large as there is room for, into attribute `number`.
/// Gives its length.
fn piece(message: &mut Message<'_>, number: u16, whole: &[u8], offset: u32) -> Result<u32, Full> {
    // CAST: `usize` has at least 32 bits.
    let rest = whole.get(offset as usize..).unwrap_or(&[]);
    let len = rest.len().min(MAX_CHUNK).min(message.room());
    if len < rest.len().min(LEAST_PIECE) {
        return Err(Full);
    }
    message.put(number, rest.get(..len).unwrap_or(rest))?;
    // CAST: At most `MAX_CHUNK`.
    Ok(len as u32)
}

/// A program in a device.
fn in_device(message: &mut Message<'_>, program: &DeviceProgram) -> Written {
    message.put_u32(uapi::program::KIND, program.kind.raw())?;
    name_and_id(message, &program.name, program.id)?;
    if let Some(digests) = &program.digests {
        sha256(message, &digests.sha256)?;
        digest(message, DigestAlgorithm::Sha1, &digests.sha1)?;
    }
    message.put_u32(uapi::program::STATE, program.state.raw())?;
    if let Some(image) = &program.image {
        message.put_u32(uapi::program::INSTRUCTIONS, image.instructions)?;
        message.put_u32(uapi::program::IMAGE_FORMAT, image.format)?;
        message.put_u32(uapi::program::IMAGE_SIZE, image.size)?;
        message.put_u32(uapi::program::OPERATIONS, image.operations)?;
        message.put_uint(uapi::program::MEMORY, image.memory)?;
    }
    Ok(())
}

/// A program of the kernel.
fn in_kernel(message: &mut Message<'_>, program: &KernelProgram) -> Written {
    message.put_u32(uapi::program::KIND, program.kind.raw())?;
    name_and_id(message, &program.name, program.id)?;
    match &program.digest {
        Some(digest) => sha256(message, digest),
        None => Ok(()),
    }
}

fn name_and_id(message: &mut Message<'_>, name: &[u8; NAME_LEN], id: u32) -> Written {
    let name = name_text(name);
    if !name.is_empty() {
        message.put_text(uapi::program::NAME, name)?;
    }
    if id != 0 {
        message.put_u32(uapi::program::ID, id)?;
    }
    Ok(())
}

fn sha256(message: &mut Message<'_>, value: &Digest) -> Written {
    digest(message, DigestAlgorithm::Sha256, &value.0)
}

fn digest(message: &mut Message<'_>, algorithm: DigestAlgorithm, value: &[u8]) -> Written {
    message.nest(uapi::program::DIGEST, |message| {
        message.put_u32(uapi::digest::ALGORITHM, algorithm.raw())?;
        message.put(uapi::digest::VALUE, value)
    })
}
