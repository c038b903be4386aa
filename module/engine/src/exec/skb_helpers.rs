// SPDX-License-Identifier: GPL-2.0

//! The helper functions of classifiers.
//!
//! The kernel's work on `struct sk_buff`; ours do to a [`Frame`] and its [`TcContext`] what those do
//! to a linear one without a checksum of its own (`CHECKSUM_NONE`): so a flag that has them keep
//! such a checksum right has nothing to do. Bytes and results are the same for one that has
//! (`CHECKSUM_COMPLETE`): the host gets the sum of the bytes that the program leaves.

use core::ops::Deref;

use super::checksum;
use super::context::Context;
use super::helpers::{status, Arguments, BadArgument};
use super::machine::Machine;
use super::services::Services;
use crate::address;
use crate::errno;
use crate::fault::FaultCause;
use crate::frame::tc::{be16, ether_type, is_vlan, ADDRESSES, PACKET_OTHERHOST, VLAN_HLEN};
use crate::frame::{Frame, TcContext, VlanTag, ETH_HLEN};
use crate::helper::Helper;
use crate::limits::MAX_SKB_LEN;
use crate::map::Map;
use crate::memory::Memory;
use crate::protocol::ETH_P_8021Q;

/// Flags of the checksum helpers: how many bytes the field has that was replaced, or 0 for a
/// difference of sums.
const BPF_F_HDR_FIELD_MASK: u64 = 0xf;
/// And of `bpf_l4_csum_replace`. The first and the last are about checksums of the whole frame.
const BPF_F_PSEUDO_HDR: u64 = 0x10;
const BPF_F_MARK_MANGLED_0: u64 = 0x20;
const BPF_F_MARK_ENFORCE: u64 = 0x40;
const BPF_F_IPV6: u64 = 0x80;
/// What stands for a UDP checksum of 0, which means that there is none.
const CSUM_MANGLED_0: u16 = 0xffff;
/// Greatest offset that the checksum helpers, and relative loads, take.
const MAX_OFFSET: u32 = 0xffff;
/// Where `bpf_skb_load_bytes_relative` counts from.
const BPF_HDR_START_MAC: u32 = 0;
const BPF_HDR_START_NET: u32 = 1;

const ETH_P_IP: u16 = 0x0800;
const ETH_P_IPV6: u16 = 0x86dd;
/// How much longer an IPv6 header is than one of IPv4.
const IPV6_LONGER: usize = 20;
/// Bytes of an Ethernet header with one VLAN tag.
const VLAN_ETH_HLEN: usize = 18;

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'_, '_, R, S> {
    /// What `helper`, which only classifiers have, does to the frame and its context. The kernel's
    /// helpers take less than 64 bits of most arguments.
    fn on_skb(
        &mut self,
        helper: Helper,
        [skb, a, b, c, d]: Arguments,
        act: impl FnOnce(&mut TcContext, &mut Frame<'_>, [u64; 4]) -> Result<(), i32>,
    ) -> Result<u64, BadArgument> {
        if skb != address::CONTEXT {
            return Err((FaultCause::NotTheContext, skb));
        }
        if helper.writes_frame() && self.frame.is_read_only() {
            return Err((FaultCause::FrameReadOnly, skb));
        }
        let Context::Tc(context) = &mut self.context else {
            return Err((FaultCause::InvalidOperation, helper as u64));
        };
        Ok(status(act(context, self.frame, [a, b, c, d])))
    }

    pub(super) fn skb_load_bytes(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(Helper::SkbLoadBytes, arguments, |_, _, _| Ok(()))?;
        let [_, offset, to, len, _] = arguments;
        self.load_bytes(Some(offset as u32), to, len as u32)
    }

    pub(super) fn skb_load_bytes_relative(
        &mut self,
        arguments: Arguments,
    ) -> Result<u64, BadArgument> {
        let mut network_offset = 0;
        self.on_skb(Helper::SkbLoadBytesRelative, arguments, |context, _, _| {
            network_offset = context.network_offset;
            Ok(())
        })?;
        let [_, offset, to, len, start] = arguments;
        let start = match start as u32 {
            BPF_HDR_START_MAC => Some(0),
            BPF_HDR_START_NET => Some(network_offset),
            _ => None,
        };
        let start = start.filter(|_| offset as u32 <= MAX_OFFSET);
        let offset = start.and_then(|start| start.checked_add(offset as u32));
        self.load_bytes(offset, to, len as u32)
    }

    pub(super) fn skb_store_bytes(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(Helper::SkbStoreBytes, arguments, |_, _, _| Ok(()))?;
        let [_, offset, from, len, flags] = arguments;
        self.store_bytes(offset as u32, from, len as u32, flags)
    }

    pub(super) fn l3_csum_replace(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(
            Helper::L3CsumReplace,
            arguments,
            |_, frame, [offset, from, to, size]| {
                l3_csum_replace(frame, offset as u32, from, to, size)
            },
        )
    }

    pub(super) fn l4_csum_replace(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(
            Helper::L4CsumReplace,
            arguments,
            |_, frame, [offset, from, to, flags]| {
                l4_csum_replace(frame, offset as u32, from, to, flags)
            },
        )
    }

    pub(super) fn skb_pull_data(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(Helper::SkbPullData, arguments, |_, frame, [len, ..]| {
            if len as u32 as usize > frame.len() {
                return Err(errno::ENOMEM);
            }
            Ok(())
        })
    }

    pub(super) fn skb_change_tail(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(
            Helper::SkbChangeTail,
            arguments,
            |context, frame, [len, flags, ..]| change_tail(context, frame, len as u32, flags),
        )
    }

    pub(super) fn skb_change_head(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(
            Helper::SkbChangeHead,
            arguments,
            |context, frame, [len, flags, ..]| change_head(context, frame, len as u32, flags),
        )
    }

    pub(super) fn skb_change_proto(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(
            Helper::SkbChangeProto,
            arguments,
            |context, frame, [protocol, flags, ..]| {
                change_proto(context, frame, u16::from_be(protocol as u16), flags)
            },
        )
    }

    pub(super) fn skb_vlan_push(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(
            Helper::SkbVlanPush,
            arguments,
            |context, frame, [protocol, tci, ..]| {
                let protocol = u16::from_be(protocol as u16);
                let protocol = Some(protocol).filter(|protocol| is_vlan(*protocol));
                let tag = VlanTag {
                    protocol: protocol.unwrap_or(ETH_P_8021Q),
                    tci: tci as u16,
                };
                vlan_push(context, frame, tag)
            },
        )
    }

    pub(super) fn skb_vlan_pop(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(Helper::SkbVlanPop, arguments, |context, frame, _| {
            vlan_pop(context, frame)
        })
    }

    pub(super) fn skb_change_type(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(
            Helper::SkbChangeType,
            arguments,
            |context, _, [kind, ..]| {
                if kind as u32 > PACKET_OTHERHOST.into() {
                    return Err(errno::EINVAL);
                }
                context.pkt_type = kind as u8;
                Ok(())
            },
        )
    }

    pub(super) fn set_hash_invalid(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.on_skb(Helper::SetHashInvalid, arguments, |context, _, _| {
            context.hash_invalid = true;
            Ok(())
        })
    }
}

/// The checksum at byte `offset` of the frame, as its two bytes make a number on a little-endian
/// host, if a helper may replace it.
fn checksum_at(frame: &Frame<'_>, offset: u32) -> Result<u16, i32> {
    let is_even = offset <= MAX_OFFSET && offset % 2 == 0;
    let sum = be16(frame.data(), offset as usize).filter(|_| is_even);
    sum.map(u16::swap_bytes).ok_or(errno::EFAULT)
}

/// The checksum `sum` of data in which `from` became `to`, fields of `size` bytes; with size 0 the
/// sum of the data has become greater by `to`.
fn replaced(sum: u16, from: u64, to: u64, size: u64) -> Result<u16, i32> {
    let before = !u32::from(sum);
    let after = match size {
        0 if from != 0 => return Err(errno::EINVAL),
        0 => checksum::add(to as u32, before),
        4 => checksum::add(checksum::sub(before, from as u32), to as u32),
        _ => return Err(errno::EINVAL),
    };
    Ok(!checksum::fold(after))
}

/// `bpf_l3_csum_replace`.
fn l3_csum_replace(
    frame: &mut Frame<'_>,
    offset: u32,
    from: u64,
    to: u64,
    flags: u64,
) -> Result<(), i32> {
    if flags & !BPF_F_HDR_FIELD_MASK != 0 {
        return Err(errno::EINVAL);
    }
    let sum = checksum_at(frame, offset)?;
    let sum = match flags {
        // In 16 bits all the way, which may give the other one of the two zeros.
        2 => !checksum::add16(checksum::add16(!sum, !(from as u16)), to as u16),
        size => replaced(sum, from, to, size)?,
    };
    frame.put(offset as usize, &sum.to_le_bytes());
    Ok(())
}

/// `bpf_l4_csum_replace`.
fn l4_csum_replace(
    frame: &mut Frame<'_>,
    offset: u32,
    from: u64,
    to: u64,
    flags: u64,
) -> Result<(), i32> {
    let known = BPF_F_HDR_FIELD_MASK
        | BPF_F_PSEUDO_HDR
        | BPF_F_MARK_MANGLED_0
        | BPF_F_MARK_ENFORCE
        | BPF_F_IPV6;
    if flags & !known != 0 {
        return Err(errno::EINVAL);
    }
    let sum = checksum_at(frame, offset)?;
    let mangle = flags & BPF_F_MARK_MANGLED_0 != 0;
    if mangle && flags & BPF_F_MARK_ENFORCE == 0 && sum == 0 {
        return Ok(());
    }
    let sum = match flags & BPF_F_HDR_FIELD_MASK {
        2 => replaced(sum, from & 0xffff, to & 0xffff, 4)?,
        size => replaced(sum, from, to, size)?,
    };
    let sum = if mangle && sum == 0 {
        CSUM_MANGLED_0
    } else {
        sum
    };
    frame.put(offset as usize, &sum.to_le_bytes());
    Ok(())
}

/// `bpf_skb_change_tail`.
fn change_tail(
    context: &TcContext,
    frame: &mut Frame<'_>,
    len: u32,
    flags: u64,
) -> Result<(), i32> {
    // Where a tag left the frame, the kernel takes a transport header in front of the network
    // header for the limit, and an skb without a whole link-layer header breaks it.
    let transport = u32::try_from(context.transport_offset).unwrap_or(0);
    let shortest = transport.max(context.network_offset);
    if flags != 0 || len as usize > MAX_SKB_LEN || len < shortest {
        return Err(errno::EINVAL);
    }
    frame.resize(len as usize)
}

/// `bpf_skb_change_head`.
fn change_head(
    context: &mut TcContext,
    frame: &mut Frame<'_>,
    more: u32,
    flags: u64,
) -> Result<(), i32> {
    let len = frame.len().saturating_add(more as usize);
    if flags != 0 || more > i32::MAX as u32 || len > MAX_SKB_LEN {
        return Err(errno::EINVAL);
    }
    frame.insert(0, more as usize)?;
    context.network_offset = context.network_offset.wrapping_add(more);
    context.transport_offset = context.transport_offset.wrapping_add(more as i32);
    Ok(())
}

/// `bpf_skb_change_proto`: makes room for the header of the other IP, or takes it away.
fn change_proto(
    context: &mut TcContext,
    frame: &mut Frame<'_>,
    to: u16,
    flags: u64,
) -> Result<(), i32> {
    if flags != 0 {
        return Err(errno::EINVAL);
    }
    let network = context.network_offset as usize;
    let moved = match (context.protocol, to) {
        (ETH_P_IP, ETH_P_IPV6) => {
            frame.insert(network, IPV6_LONGER)?;
            IPV6_LONGER as i32
        }
        (ETH_P_IPV6, ETH_P_IP) => {
            frame.remove(network, IPV6_LONGER)?;
            -(IPV6_LONGER as i32)
        }
        _ => return Err(errno::ENOTSUPP),
    };
    // A transport header that was never found goes with the network header.
    if i64::from(context.transport_offset) != i64::from(context.network_offset) {
        context.transport_offset = context.transport_offset.wrapping_add(moved);
    }
    context.protocol = to;
    context.hash_invalid = true;
    Ok(())
}

/// `bpf_skb_vlan_push`: a tag that is there already goes into the bytes.
fn vlan_push(context: &mut TcContext, frame: &mut Frame<'_>, tag: VlanTag) -> Result<(), i32> {
    if let Some(inner) = context.vlan {
        context.insert_tag(frame)?;
        context.protocol = inner.protocol;
    }
    context.vlan = Some(tag);
    Ok(())
}

/// `bpf_skb_vlan_pop`: the tag in the bytes behind it takes its place.
fn vlan_pop(context: &mut TcContext, frame: &mut Frame<'_>) -> Result<(), i32> {
    if context.vlan.take().is_none() && is_vlan(context.protocol) {
        pop_inner(context, frame)?;
    }
    if is_vlan(context.protocol) {
        let protocol = context.protocol;
        let tci = pop_inner(context, frame)?;
        context.vlan = Some(VlanTag { protocol, tci });
    }
    Ok(())
}

/// Takes a tag out of the bytes; gives its TCI.
fn pop_inner(context: &mut TcContext, frame: &mut Frame<'_>) -> Result<u16, i32> {
    if frame.len() < VLAN_ETH_HLEN {
        return Err(errno::ENOMEM);
    }
    let tci = be16(frame.data(), ADDRESSES.wrapping_add(2)).ok_or(errno::ENOMEM)?;
    frame.remove(ADDRESSES, VLAN_HLEN)?;
    context.protocol = ether_type(frame.data()).unwrap_or(0);
    let network = context.network_offset.saturating_sub(VLAN_HLEN as u32);
    context.network_offset = network.max(ETH_HLEN as u32);
    context.transport_offset = context.transport_offset.wrapping_sub(VLAN_HLEN as i32);
    Ok(tci)
}
