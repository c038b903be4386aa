// SPDX-License-Identifier: GPL-2.0

//! Super-frames that stay whole: the sender's host has made one, the receiver's would make the same
//! one of its segments, and nobody between the two looks at these.

use super::{
    Poll,
    RxChecksums, //
};
use crate::tx::descriptor;
use engine::{
    coalesce::{
        is_made_by_gro,
        GroLimits, //
    },
    descriptor::TxCapability,
    transmit::TxPlan, //
};
use net::{
    skbuff::SkBuff,
    stats::Counter, //
};

/// The super-frames of a receive queue that stayed whole. Belongs to the queue's poll.
#[derive(Default)]
pub(crate) struct WholeCounters {
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    /// The frames on the wire that they stand for.
    pub(crate) wire_packets: Counter,
    pub(crate) wire_bytes: Counter,
}

impl Poll<'_> {
    /// Which super-frames may stay whole: none if a program has to see each frame, or the device
    /// does not say of each that its checksum is right.
    pub(super) fn keeps_whole(&self) -> Option<GroLimits> {
        let device = &self.port.device;
        if !self.is_unseen()
            || self.checksums != RxChecksums::Complete
            || !device.has_hardware_gro()
        {
            return None;
        }
        let (ipv4, ipv6) = device.gro_max_sizes();
        Some(GroLimits { ipv4, ipv6 })
    }

    /// Hands a super-frame up that need not be cut; gives it back if it has to be.
    pub(super) fn receive_whole(&self, skb: SkBuff, plan: &TxPlan) -> Result<(), SkBuff> {
        let Some(limits) = &self.whole else {
            return Err(skb);
        };
        let descriptor = descriptor(&skb, &skb.offload_request(), TxCapability::Agnostic);
        if !is_made_by_gro(&descriptor, skb.linear(), limits) {
            return Err(skb);
        }
        // The receiver's stack writes to it.
        let skb = skb.try_into_unique()?;
        let (rx, len) = (self.rx, skb.len() as u64);
        let (wire_packets, wire_bytes) = (u64::from(plan.frames()), plan.wire_bytes());
        rx.device_frames.add(wire_packets);
        rx.device_bytes.add(wire_bytes);
        if !skb.receive(self.queue, self.context) {
            rx.no_buffer_drops.add(wire_packets);
            return Ok(());
        }
        rx.packets.add(wire_packets);
        rx.bytes.add(wire_bytes);
        rx.whole.packets.add(1);
        rx.whole.bytes.add(len);
        rx.whole.wire_packets.add(wire_packets);
        rx.whole.wire_bytes.add(wire_bytes);
        Ok(())
    }
}
