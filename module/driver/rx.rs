// SPDX-License-Identifier: GPL-2.0

//! Receive: from the cable through the device to the stack.

use crate::{
    fault::FaultLog,
    memory::{
        DeviceMemory,
        KernelMemory, //
    },
    native::NativeCounters,
    port::Port,
    program::LoadedProgram,
    ration,
    services::Machine,
    tx::FROM_DEVICE, //
};
use engine::{
    descriptor::RxDescriptor,
    exec::{
        Core,
        XdpVerdict, //
    },
    frame::{
        Frame,
        XdpContext, //
    },
    limits::XDP_PACKET_HEADROOM,
    pipeline::{
        self,
        XdpCounters, //
    },
};
use kernel::prelude::*;
use net::{
    machine,
    netdev::PollContext,
    rcu,
    ring::FrameRing,
    skbuff::{
        FrameBuffer,
        Received,
        SkBuff, //
    },
    stats::{
        sum,
        Counter,
        LinkStats,
        RxQueueStats,
        TxQueueStats, //
    },
    sync::with_bh_disabled,
    xdp::NativeProgram,
};

/// Bytes of an Ethernet header: a shorter frame is none.
pub(crate) const ETH_HLEN: usize = 14;

/// A receive queue, as both ends of the cable see it. Its counters belong to its poll, but for what
/// is counted under RTNL.
pub(crate) struct RxQueue {
    /// Frames that are on the cable.
    pub(crate) ring: Pin<KBox<FrameRing>>,
    /// Frames that the device took from the cable.
    pub(crate) device_frames: Counter,
    /// Their bytes.
    pub(crate) device_bytes: Counter,
    /// What the device's programs said.
    pub(crate) xdp: XdpCounters,
    /// What the programs of the host said.
    pub(crate) native: NativeCounters,
    /// Frames handed to the host.
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    /// Frames that the device sent back (XDP_TX).
    pub(crate) bounced_packets: Counter,
    pub(crate) bounced_bytes: Counter,
    /// What is left of the last program that the device had to stop.
    pub(crate) faults: Pin<KBox<FaultLog>>,
    /// Lost: no memory for the frame on the host.
    pub(crate) no_buffer_drops: Counter,
    /// Lost: shorter than an Ethernet header.
    pub(crate) runt_drops: Counter,
    /// Lost on the way back: the far ring had no room.
    pub(crate) bounce_ring_full_drops: Counter,
    /// Lost on the way back: the other end of the cable is missing or down.
    pub(crate) bounce_no_carrier_drops: Counter,
    /// Frames that the device sent by the port that the program named (XDP_REDIRECT).
    pub(crate) redirected_packets: Counter,
    /// Lost instead: the program named no port of this NIC in its namespace.
    pub(crate) redirect_no_port_drops: Counter,
    /// Lost instead: that port, or the other end of its cable, is missing or down.
    pub(crate) redirect_down_drops: Counter,
    /// Lost instead: longer than that port's MTU lets through.
    pub(crate) redirect_too_long_drops: Counter,
    /// Lost instead: the far ring had no room.
    pub(crate) redirect_ring_full_drops: Counter,
    /// Lost: in the ring when the port went down. Counted under RTNL.
    pub(crate) down_drops: Counter,
    /// Lost: in the ring when it was made smaller. Counted under RTNL.
    pub(crate) resize_drops: Counter,
}

impl RxQueue {
    pub(crate) fn new(ring_size: u32) -> Result<Self> {
        Ok(Self {
            ring: KBox::pin_init(FrameRing::new(ring_size), GFP_KERNEL)?,
            device_frames: Counter::new(),
            device_bytes: Counter::new(),
            xdp: XdpCounters::default(),
            native: NativeCounters::default(),
            packets: Counter::new(),
            bytes: Counter::new(),
            bounced_packets: Counter::new(),
            bounced_bytes: Counter::new(),
            faults: KBox::pin_init(FaultLog::new(), GFP_KERNEL)?,
            no_buffer_drops: Counter::new(),
            runt_drops: Counter::new(),
            bounce_ring_full_drops: Counter::new(),
            bounce_no_carrier_drops: Counter::new(),
            redirected_packets: Counter::new(),
            redirect_no_port_drops: Counter::new(),
            redirect_down_drops: Counter::new(),
            redirect_too_long_drops: Counter::new(),
            redirect_ring_full_drops: Counter::new(),
            down_drops: Counter::new(),
            resize_drops: Counter::new(),
        })
    }

    /// Frames that were lost after the device took them, or in its ring.
    fn drops(&self) -> u64 {
        sum([
            self.no_buffer_drops.get(),
            self.runt_drops.get(),
            self.down_drops.get(),
            self.resize_drops.get(),
            self.native.drops(),
            self.redirect_no_port_drops.get(),
            self.redirect_down_drops.get(),
            self.redirect_too_long_drops.get(),
            self.redirect_ring_full_drops.get(),
        ])
    }

    /// Frames that left again without the stack: the device or a program of the host has sent them.
    fn sent_by_programs(&self) -> u64 {
        sum([
            self.bounced_packets.get(),
            self.redirected_packets.get(),
            self.native.sent_packets.get(),
            self.native.redirect.get(),
        ])
    }

    /// Frames that were lost on the way back.
    fn bounce_drops(&self) -> u64 {
        sum([
            self.bounce_ring_full_drops.get(),
            self.bounce_no_carrier_drops.get(),
            self.native.tx_drops(),
        ])
    }

    pub(crate) fn link_stats(&self) -> LinkStats {
        LinkStats {
            rx_packets: self.packets.get(),
            rx_bytes: self.bytes.get(),
            rx_dropped: self.drops(),
            tx_packets: self.returned_packets(),
            tx_bytes: self.returned_bytes(),
            tx_dropped: self.bounce_drops(),
        }
    }

    /// Frames that went back to the cable that they came from.
    fn returned_packets(&self) -> u64 {
        sum([self.bounced_packets.get(), self.native.sent_packets.get()])
    }

    fn returned_bytes(&self) -> u64 {
        sum([self.bounced_bytes.get(), self.native.sent_bytes.get()])
    }

    /// Adds what went back without the stack to what a transmit queue reports.
    pub(crate) fn add_bounced_to(&self, stats: &mut TxQueueStats) {
        stats.packets = sum([stats.packets, self.returned_packets()]);
        stats.bytes = sum([stats.bytes, self.returned_bytes()]);
        stats.hw_drops = sum([stats.hw_drops, self.bounce_drops()]);
    }

    pub(crate) fn stats(&self) -> RxQueueStats {
        RxQueueStats {
            packets: self.packets.get(),
            bytes: self.bytes.get(),
            alloc_fail: self.no_buffer_drops.get(),
            hw_drops: sum([
                self.drops(),
                self.xdp.packets(XdpVerdict::Drop),
                self.xdp.packets(XdpVerdict::Aborted),
            ]),
        }
    }
}

/// The device core of a receive queue: what executes programs for it. Belongs to the queue's poll.
pub(crate) struct RxCore(Core<KernelMemory>);

impl RxCore {
    /// Process context.
    pub(crate) fn new(memory: &DeviceMemory) -> Result<Self> {
        Core::new(&memory.source(), memory.limits())
            .map(Self)
            .map_err(|_| ENOMEM)
    }
}

/// The poll of one queue: what each of its frames needs.
pub(crate) struct Poll<'a> {
    pub(crate) port: &'a Port,
    pub(crate) queue: u16,
    pub(crate) rx: &'a RxQueue,
    program: Option<&'a LoadedProgram>,
    native: Option<&'a NativeProgram>,
    pub(crate) context: &'a PollContext<'a>,
    pub(crate) guard: &'a rcu::Guard,
}

impl Poll<'_> {
    /// Takes one frame through the device.
    fn receive(&self, skb: SkBuff, core: &mut RxCore) {
        self.rx.device_frames.add(1);
        self.rx.device_bytes.add(skb.len() as u64);
        match self.program {
            None => self.hand_up(skb),
            Some(program) if skb.is_linear() && !program.engine().image().writes_frame() => {
                self.run_in_place(skb, program, core)
            }
            Some(program) => self.run_in_host_memory(skb, program, core),
        }
    }

    /// Runs a program that only reads on the frame where it lies. Nothing is copied for a frame that
    /// does not go to the host.
    fn run_in_place(&self, skb: SkBuff, program: &LoadedProgram, core: &mut RxCore) {
        let mut frame = Frame::read_only(skb.linear());
        let descriptor = self.execute(program, &mut frame, core);
        match descriptor.verdict {
            Some(XdpVerdict::Tx | XdpVerdict::Redirect) => self.send(skb, &descriptor),
            _ if descriptor.to_host() => self.hand_up(skb),
            _ => skb.consume(),
        }
    }

    /// Runs a program that may write: on the host's copy, as the sender's bytes are not ours.
    fn run_in_host_memory(&self, skb: SkBuff, program: &LoadedProgram, core: &mut RxCore) {
        let len = skb.len();
        let tailroom = tailroom(len);
        let copy = FrameBuffer::copy_of(&skb, XDP_PACKET_HEADROOM, tailroom, self.context);
        let Some(mut buffer) = copy else {
            self.rx.no_buffer_drops.add(1);
            return;
        };
        skb.consume();
        let end = XDP_PACKET_HEADROOM.saturating_add(len);
        let Some(mut frame) = Frame::writable(buffer.bytes_mut(), XDP_PACKET_HEADROOM, end) else {
            self.rx.no_buffer_drops.add(1);
            return;
        };
        let descriptor = self.execute(program, &mut frame, core);
        let range = frame.data_offset()..frame.end_offset();
        match descriptor.verdict {
            Some(XdpVerdict::Tx | XdpVerdict::Redirect) => {
                self.send(buffer.into_sent(range), &descriptor)
            }
            _ if descriptor.to_host() && self.native.is_some() => {
                self.hand_up(buffer.into_sent(range))
            }
            _ if descriptor.to_host() => {
                self.deliver(buffer.into_received(range, descriptor.meta_len))
            }
            _ => {}
        }
    }

    /// Has the device send a frame, where the program wants it.
    fn send(&self, skb: SkBuff, descriptor: &RxDescriptor) {
        let (port, rx) = (self.port, self.rx);
        if descriptor.verdict == Some(XdpVerdict::Redirect) {
            port.redirect(skb, descriptor.redirect, self.queue, rx, self.guard);
        } else {
            port.bounce(skb, self.queue, rx, self.guard);
        }
    }

    /// Has the device run `program` on `frame`, and counts what comes out.
    fn execute(
        &self,
        program: &LoadedProgram,
        frame: &mut Frame<'_>,
        core: &mut RxCore,
    ) -> RxDescriptor {
        let mut context = XdpContext {
            ingress_ifindex: self.port.device.ifindex(),
            rx_queue_index: u32::from(self.queue),
            egress_ifindex: 0,
            redirect: None,
        };
        let descriptor = pipeline::receive(
            &mut core.0,
            Some(program.engine()),
            frame,
            &mut context,
            &Machine::new(program, self.guard),
            &self.rx.xdp,
        );
        if descriptor.verdict == Some(XdpVerdict::Aborted) {
            if let Some(record) = core.0.take_fault() {
                self.rx.faults.note(record);
            }
        }
        descriptor
    }

    /// Copies the frame to the host as it is, where a program may see it first.
    fn hand_up(&self, skb: SkBuff) {
        let len = skb.len();
        if let Some(program) = self.native {
            if len < ETH_HLEN {
                self.rx.runt_drops.add(1);
                return;
            }
            self.rx.packets.add(1);
            self.rx.bytes.add(len as u64);
            self.run_native(skb, program);
            return;
        }
        match FrameBuffer::copy_of(&skb, 0, 0, self.context) {
            Some(buffer) => {
                skb.consume();
                self.deliver(buffer.into_received(0..len, 0));
            }
            None => self.rx.no_buffer_drops.add(1),
        }
    }

    fn deliver(&self, frame: Received) {
        match frame.deliver(self.queue, self.context) {
            Some(len) => {
                self.rx.packets.add(1);
                self.rx.bytes.add(len as u64);
            }
            None => self.rx.runt_drops.add(1),
        }
    }
}

/// Room behind a frame of `len` bytes for `bpf_xdp_adjust_tail`: buffers are whole pages of 4 KiB
/// with `XDP_PACKET_HEADROOM` before the frame and what native XDP keeps for `skb_shared_info` at
/// the end, so that a frame grows to the same length in both.
fn tailroom(len: usize) -> usize {
    const PAGE: usize = 4096;
    const SHARED_INFO: usize = 320;
    let used = (XDP_PACKET_HEADROOM + SHARED_INFO).wrapping_add(len);
    PAGE.wrapping_sub(used % PAGE) % PAGE
}

impl Port {
    /// The receive queue for what transmit queue `queue` of the other end sends, and its number.
    #[inline]
    pub(crate) fn rx_queue_for(&self, queue: u16) -> Option<(u16, &RxQueue)> {
        let queue = queue.checked_rem(self.active_queues())?;
        Some((queue, self.rx.get(usize::from(queue))?))
    }

    /// Takes frames from the cable, up to the budget, and returns how many.
    pub(crate) fn receive(
        &self,
        queue: u16,
        core: &mut RxCore,
        context: &PollContext<'_>,
    ) -> usize {
        let Some(rx) = self.rx.get(usize::from(queue)) else {
            return 0;
        };
        let guard = rcu::Guard::new();
        let peer = self.peer.load(&guard);
        let poll = Poll {
            port: self,
            queue,
            rx,
            program: self.xdp_hw.load(&guard),
            native: self.xdp_native.load(&guard),
            context,
            guard: &guard,
        };
        let began = machine::ktime_get_ns();
        let sent = rx.sent_by_programs();
        let mut from_device = false;
        let mut done = 0;
        while done < context.budget() {
            let frames = rx.ring.pop_batch(context.budget().saturating_sub(done));
            if frames.is_empty() {
                break;
            }
            done = frames.len().saturating_add(done);
            for skb in frames {
                from_device |= skb.queue() == FROM_DEVICE;
                if let Some(peer) = peer {
                    peer.complete(skb.queue());
                }
                poll.receive(skb, core);
            }
        }
        if from_device && rx.sent_by_programs() != sent {
            // Frames go to and fro, and would for ever: leave the CPU most of the time.
            context.rest(ration::rest(began, machine::ktime_get_ns()));
        }
        if done > 0 {
            if let Some(peer) = peer {
                peer.resume(self, usize::from(queue));
            }
        }
        done
    }

    /// Empties the rings. Nobody may be filling them; RTNL is held.
    pub(crate) fn flush(&self) {
        self.empty_rings(0, |rx| &rx.down_drops);
    }

    /// Empties the rings of the queues that are not in use. Nobody may be filling them; RTNL is held.
    pub(crate) fn flush_unused(&self) {
        self.empty_rings(self.active_queues().into(), |rx| &rx.resize_drops);
    }

    /// Empties the rings from number `first` on. What was in them is counted as lost.
    fn empty_rings(&self, first: usize, lost: fn(&RxQueue) -> &Counter) {
        let guard = rcu::Guard::new();
        let peer = self.peer.load(&guard);
        for (index, rx) in self.rx.iter().enumerate().skip(first) {
            while let Some(skb) = with_bh_disabled(|| rx.ring.pop()) {
                lost(rx).add(1);
                if let Some(peer) = peer {
                    peer.complete(skb.queue());
                }
            }
            if let Some(peer) = peer {
                with_bh_disabled(|| peer.resume(self, index));
            }
        }
    }
}
