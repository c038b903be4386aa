// SPDX-License-Identifier: GPL-2.0

//! Native XDP: the program of the host that sees each frame first that the device hands up, and
//! frames that such programs send by this port.

use super::receive::{
    tag_beside,
    Poll, //
};
use crate::port::Port;
use device::{
    cable::Unsent,
    lane::Lane, //
};
use engine::{
    descriptor::RxDescriptor,
    frame::ETH_HLEN, //
};
use net::{
    machine, rcu,
    skbuff::{
        SkBuff,
        UniqueSkBuff, //
    },
    xdp::{
        NativeAction,
        NativeProgram,
        Told,
        XdpBuffer,
        XdpFrames,
        SINGLE_BUFFER, //
    },
};

/// The largest MTU with which each frame fits into one buffer.
// CAST: Below the size of a page.
pub(crate) const SINGLE_BUFFER_MTU: u32 = (SINGLE_BUFFER - ETH_HLEN) as u32;

impl Poll<'_> {
    /// Hands `frame`, of which the device says what stands in `descriptor`, to `program`, and does what
    /// it says. It goes by `onward` if it is sent back.
    #[inline(never)]
    pub(super) fn run_native(
        &self,
        descriptor: &RxDescriptor,
        frame: SkBuff,
        onward: Lane,
        program: &NativeProgram,
    ) {
        let counters = &self.rx.native;
        let told = Told {
            hash: self.port.rss_hash(descriptor, self.guard),
            stamp: descriptor.stamp,
            vlan: descriptor.vlan.map(tag_beside),
        };
        let header = descriptor.header_len;
        let Some(mut buffer) = XdpBuffer::copy_of(&frame, header, told, self.context) else {
            counters.no_buffer_drops.add(1);
            return;
        };
        if told.vlan.is_some() {
            self.rx.vlan_tags.add(1);
        }
        frame.consume_in(self.context);
        if buffer.has_frags() && !program.takes_frags() {
            counters.too_long_drops.add(1);
            return;
        }
        match buffer.run(program) {
            NativeAction::Pass => {
                counters.pass.add(1);
                if buffer.deliver().is_none() {
                    counters.no_buffer_drops.add(1);
                }
            }
            NativeAction::Tx => {
                counters.tx.add(1);
                match buffer.into_sent() {
                    Some(skb) => self.send_back(skb, onward, program),
                    None => counters.no_buffer_drops.add(1),
                }
            }
            NativeAction::Redirect => {
                counters.redirect.add(1);
                if buffer.redirect(program).is_err() {
                    counters.redirect_drops.add(1);
                }
            }
            NativeAction::Drop => counters.drop.add(1),
            NativeAction::Aborted => counters.aborted.add(1),
        }
    }

    fn send_back(&self, skb: UniqueSkBuff, onward: Lane, program: &NativeProgram) {
        let counters = &self.rx.native;
        let hardware = &self.port.hardware;
        let lost = match hardware.send_back(skb, self.queue, onward, self.guard) {
            Ok(len) => {
                counters.sent_packets.add(1);
                counters.sent_bytes.add(len);
                return;
            }
            Err(Unsent::NoCarrier) => &counters.tx_no_carrier_drops,
            Err(Unsent::RingFull(_)) => &counters.tx_ring_full_drops,
        };
        lost.add(1);
        XdpBuffer::report_unsent(self.context, program);
    }
}

impl Port {
    /// Puts frames that programs of other interfaces have redirected to this one on the cable.
    pub(crate) fn transmit_redirected(&self, frames: &mut XdpFrames<'_>) {
        let guard = rcu::Guard::new();
        let count = u32::from(self.device.queues_in_use());
        // Any queue will do: the ring takes frames from several CPUs.
        let queue = machine::processor_id().checked_rem(count).unwrap_or(0);
        let Some(tx) = self.tx.get(queue as usize) else {
            return;
        };
        // CAST: Below the number of queues, a `u16`.
        let queue = queue as u16;
        // Nobody says where they come from: their program may send them here again and again.
        let lane = Lane::Bouncing;
        loop {
            let has_room = |bytes| self.hardware.can_send_bytes(bytes, lane, &guard).is_ok();
            if !frames.peek().is_some_and(has_room) {
                return;
            }
            let Some(skb) = frames.next() else { return };
            let sent = self.hardware.send_redirected(skb, queue, lane, &guard);
            if sent.is_err() {
                tx.count_redirect_drop();
                return;
            }
        }
    }
}
