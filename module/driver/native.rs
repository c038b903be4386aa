// SPDX-License-Identifier: GPL-2.0

//! Native XDP: the program of the host that sees each frame first that the device hands up, and
//! frames that such programs send by this port.

use crate::{
    port::Port,
    rx::{
        Poll,
        ETH_HLEN, //
    },
    tx::Unsent, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    extack::Extack,
    machine,
    netdev::Rtnl,
    rcu,
    skbuff::{
        SkBuff,
        UniqueSkBuff, //
    },
    stats::{
        sum,
        Counter, //
    },
    xdp::{
        NativeAction,
        NativeProgram,
        XdpBuffer,
        XdpFrames,
        SINGLE_BUFFER, //
    },
};

use offload::Slot;

/// The largest MTU with which each frame fits into one buffer.
// CAST: Below the size of a page.
const SINGLE_BUFFER_MTU: u32 = (SINGLE_BUFFER - ETH_HLEN) as u32;

/// What the programs of the host said about the frames of a receive queue. Belongs to the queue's
/// poll.
#[derive(Default)]
pub(crate) struct NativeCounters {
    pub(crate) pass: Counter,
    pub(crate) drop: Counter,
    pub(crate) tx: Counter,
    pub(crate) redirect: Counter,
    pub(crate) aborted: Counter,
    /// Of those to be sent back: sent.
    pub(crate) sent_packets: Counter,
    pub(crate) sent_bytes: Counter,
    /// Of those to be sent back: the far ring had no room.
    pub(crate) tx_ring_full_drops: Counter,
    /// Of those to be sent back: the other end of the cable is missing or down.
    pub(crate) tx_no_carrier_drops: Counter,
    /// Of those to be redirected: the kernel could not.
    pub(crate) redirect_drops: Counter,
    /// Frames that needed more than one buffer when the program takes only one.
    pub(crate) too_long_drops: Counter,
    /// Frames for which there was no memory, before or after the program has run.
    pub(crate) no_buffer_drops: Counter,
}

impl NativeCounters {
    /// Frames that were lost on the way back.
    pub(crate) fn tx_drops(&self) -> u64 {
        sum([
            self.tx_ring_full_drops.get(),
            self.tx_no_carrier_drops.get(),
        ])
    }

    /// Frames that were lost though the program wanted something else.
    pub(crate) fn drops(&self) -> u64 {
        sum([
            self.redirect_drops.get(),
            self.too_long_drops.get(),
            self.no_buffer_drops.get(),
        ])
    }
}

impl Poll<'_> {
    /// Hands `frame`, which the host has received, to `program`, and does what it says.
    #[inline(never)]
    pub(crate) fn run_native(&self, frame: SkBuff, program: &NativeProgram) {
        let counters = &self.rx.native;
        let Some(mut buffer) = XdpBuffer::copy_of(&frame, self.context) else {
            counters.no_buffer_drops.add(1);
            return;
        };
        frame.consume();
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
                    Some(skb) => self.send_back(skb, program),
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

    fn send_back(&self, skb: UniqueSkBuff, program: &NativeProgram) {
        let counters = &self.rx.native;
        let lost = match self.port.send_from_device(skb, self.queue, self.guard) {
            Ok(len) => {
                counters.sent_packets.add(1);
                counters.sent_bytes.add(len as u64);
                return;
            }
            Err(Unsent::NoCarrier) => &counters.tx_no_carrier_drops,
            Err(Unsent::RingFull) => &counters.tx_ring_full_drops,
        };
        lost.add(1);
        XdpBuffer::report_unsent(self.context, program);
    }
}

impl Port {
    /// Attaches `program`, in place of the one that is there, or takes that one away.
    pub(crate) fn attach_native(
        &self,
        program: Option<NativeProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let Some(program) = program else {
            self.xdp_native.publish(None);
            return Ok(());
        };
        if self.tc_hw.is_taken() {
            extack
                .msg(c"offload_nic: XDP would run behind the offloaded TC filter: delete it first");
            return Err(EBUSY);
        }
        let mtu = self.device.mtu();
        if !fits(mtu, &program) {
            extack.msg(c"offload_nic: MTU too large w/ XDP enabled");
            pr_info!(
                "{}: XDP program refused: it has no support for fragments and takes an MTU of at \
                 most {SINGLE_BUFFER_MTU}, and the MTU is {mtu}\n",
                self.device.name(rtnl)
            );
            return Err(EINVAL);
        }
        let kernel = program.facts().into();
        self.reporter()
            .permit_kernel(Slot::Xdp, kernel, extack, rtnl)?;
        // Whoever takes a program out of the device that this one is to stand in for finds all
        // frames see it.
        self.xdp_native
            .publish(Some(Arc::new(program, GFP_KERNEL)?));
        Ok(())
    }

    /// Whether the program that is attached, if any, can live with an MTU of `mtu` bytes.
    pub(crate) fn check_native_mtu(&self, mtu: u32, rtnl: &Rtnl<'_>) -> Result {
        let guard = rcu::Guard::new();
        match self.xdp_native.load(&guard) {
            Some(program) if !fits(mtu, program) => {
                pr_err!(
                    "{}: MTU {mtu} refused: the attached XDP program has no support for fragments \
                     and takes an MTU of at most {SINGLE_BUFFER_MTU}\n",
                    self.device.name(rtnl)
                );
                Err(EINVAL)
            }
            _ => Ok(()),
        }
    }

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
        let Some(far) = self
            .listening_peer(&guard)
            .and_then(|peer| peer.rx_queue_for(queue))
        else {
            return;
        };
        while !far.1.ring.is_full() {
            let Some(skb) = frames.next() else { return };
            match self.send_from_device(skb, queue, &guard) {
                Ok(len) => tx.count_redirected(len),
                Err(_) => {
                    tx.count_redirect_drop();
                    return;
                }
            }
        }
    }
}

fn fits(mtu: u32, program: &NativeProgram) -> bool {
    mtu <= SINGLE_BUFFER_MTU || program.takes_frags()
}
