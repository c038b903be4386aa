// SPDX-License-Identifier: GPL-2.0

//! A received frame in the driver's buffers.

use super::NativeProgram;
use crate::{
    bindings,
    napi::PollContext,
    skbuff::{
        nanoseconds,
        HashKind,
        SkBuff,
        Stamp,
        UniqueSkBuff,
        VlanTag, //
    }, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// Length in bytes of the longest frame that fits into one buffer: a page, less what stays free
/// before the frame and what the stack keeps for itself at the end.
pub const SINGLE_BUFFER: usize = bindings::offload_nic_xdp_OFFLOAD_NIC_XDP_SINGLE_BUFFER as usize;

/// What a program of the host said about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeAction {
    /// The program gave up, or said nothing that is an action: the frame is lost.
    Aborted,
    /// The frame is dropped.
    Drop,
    /// The frame goes up the stack.
    Pass,
    /// The frame goes back out of the interface.
    Tx,
    /// The frame goes where the program's redirect helper said.
    Redirect,
}

/// What of a frame a hash was made of, as programs learn it (`enum xdp_rss_hash_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RssType(u32);

impl RssType {
    /// Of IPv4.
    pub const IPV4: Self = Self(bindings::xdp_rss_hash_type_XDP_RSS_L3_IPV4);
    /// Of IPv6.
    pub const IPV6: Self = Self(bindings::xdp_rss_hash_type_XDP_RSS_L3_IPV6);
    /// With options or extension headers.
    pub const DYNAMIC_HEADER: Self = Self(bindings::xdp_rss_hash_type_XDP_RSS_L3_DYNHDR);
    /// Of what is behind IP, too.
    pub const L4: Self = Self(bindings::xdp_rss_hash_type_XDP_RSS_L4);
    /// Which is TCP.
    pub const TCP: Self = Self(bindings::xdp_rss_hash_type_XDP_RSS_L4_TCP);
    /// Which is UDP.
    pub const UDP: Self = Self(bindings::xdp_rss_hash_type_XDP_RSS_L4_UDP);
    /// Which is SCTP.
    pub const SCTP: Self = Self(bindings::xdp_rss_hash_type_XDP_RSS_L4_SCTP);
    /// Which is IPsec.
    pub const IPSEC: Self = Self(bindings::xdp_rss_hash_type_XDP_RSS_L4_IPSEC);

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a device says of the flow of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RssHash {
    /// The hash, 32 bits as the host has numbers.
    pub value: u32,
    /// The innermost layer whose fields it was made of.
    pub kind: HashKind,
    /// What it was made of, if programs can be told: nothing of IP has no name for them.
    pub rss_type: Option<RssType>,
}

/// A frame in the memory of a receive queue.
///
/// # Invariants
///
/// `buffer.xdp` is set up for the queue that `context` polls, and its buffers, which are that queue's
/// pages, are owned by this object. `buffer` tells programs what they ask of the frame.
pub struct XdpBuffer<'a> {
    buffer: bindings::offload_nic_xdp_buff,
    told: Told,
    context: &'a PollContext<'a>,
}

/// What a device says of a frame, to programs that ask for it and to the stack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// The hash of its flow.
    pub hash: Option<RssHash>,
    /// When it arrived.
    pub stamp: Option<Stamp>,
    /// The VLAN tag that goes beside it: the frame has it among its bytes, and loses it when it is copied.
    pub vlan: Option<VlanTag>,
}

impl<'a> XdpBuffer<'a> {
    /// Copies `frame` into the memory of the polled queue: into one buffer if it fits, else into
    /// several. Programs that ask, and the stack, get what is `told` of it. If `header` is not 0, that many
    /// bytes of what is copied, or as many as fit, are in the first one alone. `None` if there is no memory,
    /// or the frame has more bytes than an skb can hold. Context: NAPI poll.
    pub fn copy_of(
        frame: &SkBuff,
        header: u32,
        told: Told,
        context: &'a PollContext<'a>,
    ) -> Option<Self> {
        let memory = context.memory();
        if memory.pool().is_null() {
            return None;
        }
        let hash = told.hash.and_then(|it| Some((it.value, it.rss_type?.0)));
        let (hash, hash_type) = hash.unwrap_or((0, 0));
        let (vlan_proto, vlan_tci) = told.vlan.map_or((0, 0), |it| (it.protocol, it.tci));
        let mut buffer = bindings::offload_nic_xdp_buff {
            hash,
            hash_type,
            timestamp: nanoseconds(told.stamp),
            vlan_proto,
            vlan_tci,
            ..bindings::offload_nic_xdp_buff::default()
        };
        // SAFETY: The queue is on, so that its memory is there, and this is its poll function. The
        // frame is valid.
        let done = unsafe {
            bindings::offload_nic_xdp_buff_from_skb(
                &mut buffer.xdp,
                memory.info(),
                memory.pool(),
                frame.as_ptr(),
                told.vlan.is_some(),
                header,
            )
        };
        // INVARIANT: On success the buffers are ours.
        (done == 0).then_some(Self {
            buffer,
            told,
            context,
        })
    }

    /// Whether the frame lies in more than one buffer.
    pub fn has_frags(&self) -> bool {
        // SAFETY: By the type invariants.
        unsafe { bindings::offload_nic_xdp_buff_has_frags(&self.buffer.xdp) }
    }

    /// Runs `program` on the frame.
    pub fn run(&mut self, program: &NativeProgram) -> NativeAction {
        // What programs ask of the frame is beside the part that they get.
        let xdp = (&raw mut self.buffer).cast::<bindings::xdp_buff>();
        // SAFETY: Program and buffer are valid. In a NAPI poll bottom halves are off, the read side
        // of RCU is held and the context of BPF helpers for networking is set up.
        let action = unsafe { bindings::offload_nic_bpf_prog_run_xdp(program.as_ptr(), xdp) };
        match action {
            bindings::xdp_action_XDP_PASS => NativeAction::Pass,
            bindings::xdp_action_XDP_DROP => NativeAction::Drop,
            bindings::xdp_action_XDP_TX => NativeAction::Tx,
            bindings::xdp_action_XDP_REDIRECT => NativeAction::Redirect,
            action => {
                if action != bindings::xdp_action_XDP_ABORTED {
                    // SAFETY: The device is valid: it is being polled.
                    unsafe {
                        bindings::bpf_warn_invalid_xdp_action(
                            self.device(),
                            program.as_ptr(),
                            action,
                        )
                    };
                }
                report_loss(self.context, program, action);
                NativeAction::Aborted
            }
        }
    }

    fn device(&self) -> *mut bindings::net_device {
        device(self.context)
    }

    /// Tells tracers that the frame could not be sent back.
    pub fn report_unsent(context: &PollContext<'_>, program: &NativeProgram) {
        report_loss(context, program, bindings::xdp_action_XDP_TX);
    }

    /// An skb around the buffers, its data behind the Ethernet header.
    fn into_skb(self) -> Option<UniqueSkBuff> {
        // SAFETY: By the type invariants. On success the buffers are the skb's.
        let skb = unsafe { bindings::xdp_build_skb_from_buff(&self.buffer.xdp) };
        let skb = NonNull::new(skb)?;
        let _buffers_are_given_away = ManuallyDrop::new(self);
        // SAFETY: A new skb whose only reference is ours.
        Some(unsafe { UniqueSkBuff::from_raw(skb) })
    }

    /// Hands the frame to the stack, through GRO. `None` if there is no memory for it.
    pub fn deliver(self) -> Option<()> {
        let (context, told) = (self.context, self.told);
        let mut skb = self.into_skb()?;
        if let Some(stamp) = told.stamp {
            skb.set_time_stamp(stamp);
        }
        // The program may have changed what the stack's own hash would be made from.
        let is_devices = |hash: &RssHash| !matches!(hash.kind, HashKind::OfStack { .. });
        if let Some(hash) = told.hash.filter(is_devices) {
            skb.set_hash(hash.value, hash.kind);
        }
        if let Some(tag) = told.vlan {
            skb.set_vlan_tag(tag);
        }
        let skb = skb.into_raw();
        // SAFETY: The skb is ours and set up for the stack; the context proves that this is the
        // poll function of `napi`.
        unsafe { bindings::offload_nic_napi_gro_receive(context.napi(), skb.as_ptr()) };
        Some(())
    }

    /// Makes the frame one that can be sent. `None` if there is no memory for it.
    pub fn into_sent(self) -> Option<UniqueSkBuff> {
        let skb = self.into_skb()?;
        // SAFETY: The skb is valid and ours, and its data begins right behind its Ethernet header.
        unsafe { bindings::skb_push(skb.as_ptr(), bindings::ETH_HLEN) };
        Some(skb)
    }

    /// Sends the frame where the program's redirect helper said.
    ///
    /// # Errors
    ///
    /// What `xdp_do_redirect()` gives, which has told tracers (`xdp:xdp_redirect_err`); the frame is
    /// lost.
    pub fn redirect(mut self, program: &NativeProgram) -> Result {
        let device = self.device();
        // SAFETY: All are valid, and the program that said so has just run. On success the buffers
        // belong to whoever sends the frame.
        kernel::error::to_result(unsafe {
            bindings::xdp_do_redirect(device, &mut self.buffer.xdp, program.as_ptr())
        })?;
        self.context.note_redirect();
        let _buffers_are_given_away = ManuallyDrop::new(self);
        Ok(())
    }
}

/// The device that is being polled.
fn device(context: &PollContext<'_>) -> *mut bindings::net_device {
    // SAFETY: The context proves that the NAPI instance is valid.
    unsafe { (*context.napi()).dev }
}

/// Tells those who trace `xdp:xdp_exception` that a frame is lost.
fn report_loss(context: &PollContext<'_>, program: &NativeProgram, action: u32) {
    // SAFETY: Both are valid.
    unsafe { bindings::offload_nic_trace_xdp_exception(device(context), program.as_ptr(), action) };
}

impl Drop for XdpBuffer<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the buffers are ours, and this is the poll function of
        // their queue.
        unsafe { bindings::xdp_return_buff(&mut self.buffer.xdp) };
    }
}
