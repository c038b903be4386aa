// SPDX-License-Identifier: GPL-2.0

//! The fields of `struct __sk_buff`, the context of a classifier.

use crate::frame::{Frame, TcContext};
use crate::insn::{class, Insn};
use crate::refusal::Rule;

/// Scratch space of the program.
pub(crate) const CB: u64 = 48;
/// Its length in bytes.
pub(crate) const CB_BYTES: u64 = 20;
/// First byte of the frame.
pub(crate) const DATA: u64 = 76;
/// Behind its last byte.
pub(crate) const DATA_END: u64 = 80;
/// First byte of the metadata in front of it.
pub(crate) const DATA_META: u64 = 140;

const LEN: u64 = 0;
const PKT_TYPE: u64 = 4;
const MARK: u64 = 8;
const QUEUE_MAPPING: u64 = 12;
const PROTOCOL: u64 = 16;
const VLAN_PRESENT: u64 = 20;
const VLAN_TCI: u64 = 24;
const VLAN_PROTO: u64 = 28;
const PRIORITY: u64 = 32;
const INGRESS_IFINDEX: u64 = 36;
const IFINDEX: u64 = 40;
const TC_INDEX: u64 = 44;
const TC_CLASSID: u64 = 72;
const WIRE_LEN: u64 = 160;
const GSO_SEGS: u64 = 164;
const GSO_SIZE: u64 = 176;

/// The number that stands for "no queue": it can't be stored to `queue_mapping`.
const NO_QUEUE_MAPPING: u64 = 0xffff;

/// The 32-bit field at `offset`, with how many bytes of it the kernel's `struct sk_buff` holds;
/// `None` if the device does not have it.
pub(crate) fn field(context: &TcContext, frame: &Frame<'_>, offset: u64) -> Option<(u32, usize)> {
    let vlan = context.vlan;
    Some(match offset {
        LEN => (frame.len() as u32, 4),
        PKT_TYPE => (context.pkt_type.into(), 1),
        MARK => (context.mark, 4),
        QUEUE_MAPPING => (context.queue_mapping & 0xffff, 2),
        PROTOCOL => (context.protocol.to_be().into(), 2),
        VLAN_PRESENT => (vlan.is_some().into(), 4),
        VLAN_TCI => (vlan.map_or(0, |tag| tag.tci).into(), 2),
        VLAN_PROTO => (vlan.map_or(0, |tag| tag.protocol.to_be()).into(), 2),
        PRIORITY => (context.priority, 4),
        INGRESS_IFINDEX | IFINDEX => (context.ifindex, 4),
        TC_INDEX => (context.tc_index & 0xffff, 2),
        TC_CLASSID => (context.tc_classid & 0xffff, 2),
        WIRE_LEN => (context.wire_len, 4),
        // What comes from the cable is no super-frame.
        GSO_SEGS | GSO_SIZE => (0, 2),
        _ => return None,
    })
}

/// Sets the 32-bit field at `offset`, as far as the kernel's `struct sk_buff` holds it; `None` if it
/// can't be written.
pub(crate) fn set_field(context: &mut TcContext, offset: u64, value: u64) -> Option<()> {
    let half = u32::from(value as u16);
    match offset {
        MARK => context.mark = value as u32,
        PRIORITY => context.priority = value as u32,
        TC_INDEX => context.tc_index = half,
        TC_CLASSID => context.tc_classid = half,
        // Numbers that are no queue change nothing.
        QUEUE_MAPPING if value < NO_QUEUE_MAPPING => context.queue_mapping = half,
        QUEUE_MAPPING => {}
        _ => return None,
    }
    Some(())
}

/// The fields that the device does not have: where each begins and ends, its name, and why. What is
/// in none of them and in none of ours, the verifier refuses by itself.
const LACKING: &[(u64, u64, &str, &str)] = &[
    (68, 72, "hash", "the device computes no receive hash"),
    (
        84,
        88,
        "napi_id",
        "the host's polling contexts are not known to the device",
    ),
    (
        152,
        160,
        "tstamp",
        "the host stamps frames, after the device",
    ),
    (168, 176, "sk", "sockets are on the host"),
    (
        180,
        181,
        "tstamp_type",
        "the host stamps frames, after the device",
    ),
    (184, 192, "hwtstamp", "the device does not stamp frames"),
];

/// Checks that the device has what `insn`, a load or store, accesses at `offset`.
pub(crate) fn check_access(insn: Insn, offset: i64) -> Result<(), Rule> {
    let within = |first: u64, end: u64| {
        u64::try_from(offset).is_ok_and(|offset| (first..end).contains(&offset))
    };
    let field = |name, reason| {
        Err(Rule::ContextField {
            name,
            offset,
            reason,
        })
    };
    let lacking = LACKING.iter().find(|(first, end, ..)| within(*first, *end));
    if let Some((_, _, name, reason)) = lacking {
        return field(name, reason);
    }
    // The kernel compares such a constant as a negative number and stores it, and a register as a
    // large one and does not.
    let is_queue = within(QUEUE_MAPPING, PROTOCOL);
    if insn.class() == class::ST && insn.imm < 0 && is_queue {
        return field("queue_mapping", "a negative constant is no queue");
    }
    Ok(())
}
