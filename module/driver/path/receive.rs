// SPDX-License-Identifier: GPL-2.0

//! Receive: from the card to the stack.

use crate::port::{
    Port,
    RxQueue, //
};
use core::sync::atomic::Ordering;
use device::{
    host::{
        HostFrame,
        Receive, //
    },
    lane::Lane,
    originals::Originals,
    receive::{
        Setup,
        Source, //
    }, //
};
use engine::{
    coalesce::{
        GroLimits,
        GroVerdict, //
    },
    descriptor::{
        Coalesced,
        RxDescriptor,
        TcDescriptor, //
    },
    exec::TcVerdict,
    parser::USUAL_HEADERS,
    pipeline::Tells,
    receive_checksum::RxChecksum,
    vlan::TagKinds, //
};
use net::{
    machine,
    napi::PollContext,
    netdev::Features,
    rcu,
    skbuff::{
        Classified,
        Received,
        UniqueSkBuff,
        VlanTag, //
    },
    stats::sum,
    xdp::NativeProgram, //
};
use offload::receive::skb_csum_rx_legacy_convert_unnecessary;

/// The host's end of a poll: what the frames go to that the device hands up.
pub(super) struct Poll<'a> {
    pub(super) port: &'a Port,
    pub(super) queue: u16,
    pub(super) rx: &'a RxQueue,
    pub(super) native: Option<&'a NativeProgram>,
    /// The program that is asked which frames are put together, if the device is not.
    pub(super) gro: Option<&'a NativeProgram>,
    /// Whether what was put together counts as the device's.
    pub(super) is_offloaded: bool,
    pub(super) context: &'a PollContext<'a>,
    pub(super) guard: &'a rcu::Guard,
}

impl Port {
    /// Takes frames from the card, up to the budget, and returns how many.
    pub(crate) fn receive(&self, queue: u16, context: &PollContext<'_>) -> usize {
        let Some(rx) = self.rx.get(usize::from(queue)) else {
            return 0;
        };
        let guard = rcu::Guard::new();
        let native = self.xdp_native.load(&guard);
        let setup = self.setup(native, context, &guard);
        let mut poll = Poll {
            port: self,
            queue,
            rx,
            native,
            gro: self.gro.run(&guard).filter(|_| setup.asks_host),
            is_offloaded: !setup.asks_host,
            context,
            guard: &guard,
        };
        let mut take = |lane, limit| {
            let source = Source { queue, lane, limit };
            let hardware = &self.hardware;
            hardware.receive(self, source, &setup, &mut poll, context, &guard)
        };
        let done = take(Lane::Ordinary, context.budget());
        let left = context.budget().saturating_sub(done);
        if left == 0 || !self.hardware.has_bouncing(queue) {
            return done;
        }
        // Where nobody takes what is sent back, that is the end of it: no reason to wait.
        let has_listener = self.hardware.has_carrier(&guard);
        let began = machine::ktime_get_ns();
        if let Some(left) = rx.pause.left(began).filter(|_| has_listener) {
            context.poll_after(left);
            return done;
        }
        let sent = self.sent_by_programs(queue, rx);
        let done = done.saturating_add(take(Lane::Bouncing, left));
        if self.sent_by_programs(queue, rx) != sent {
            // They go on, and would for ever: leave the CPU most of the time.
            let left = rx.pause.begin(began, machine::ktime_get_ns());
            context.poll_after(left);
        }
        done
    }

    /// What the card is to know for a poll. `native` is the program of the host's, if it runs one.
    fn setup(
        &self,
        native: Option<&NativeProgram>,
        context: &PollContext<'_>,
        guard: &rcu::Guard,
    ) -> Setup {
        let device = &self.device;
        let features = device.features_now();
        // The two differ in what the core lets them do, and in who counts.
        let coalesces = features.has_hardware_gro() || features.has_lro();
        let asks_host = !coalesces && features.has_gro() && self.gro.run(guard).is_some();
        let is_missed = self.gro.is_missed_by(self.interface.current_policy());
        let is_stopped = coalesces && (self.gro.is_faulted() || is_missed);
        let hardware_gro =
            ((coalesces || asks_host) && !is_stopped && self.may_coalesce()).then(|| {
                let (ipv4, ipv6) = device.gro_max_sizes();
                GroLimits {
                    ipv4,
                    ipv6,
                    // Those that LRO makes can't be sent on.
                    datagrams: !features.has_lro() && features.coalesces_datagrams(),
                }
            });
        Setup {
            checksums: features.receives_checksums(),
            flows: self.tells(features),
            gro: features.has_gro(),
            hardware_gro,
            asks_host,
            // As GRO has frames wait.
            patience: context.gro_flush_timeout().unwrap_or(0),
            audits: self.interface.gro_audit.is_on(),
            // One that takes no fragments may be on its way out while the user has frames split.
            split_above: match native {
                Some(program) if !program.takes_frags() => None,
                _ => self.splits.threshold(),
            },
            host_program: native.is_some(),
            strip: TagKinds {
                customer: features.strips_customer_tags(),
                service: features.strips_service_tags(),
            },
        }
    }

    /// Whether nothing speaks against what the device puts together.
    fn may_coalesce(&self) -> bool {
        let is_permitted = !self.interface.gro_audit.has_ended();
        if !self.gro_permission.is_told(is_permitted) {
            self.asic.tell_of_permissions_soon();
        }
        is_permitted
    }

    /// What the stack is to be told of flows.
    fn tells(&self, features: Features) -> Tells {
        if !features.receives_hashes() {
            Tells::Nothing
        } else if self.hashes_as_stack.load(Ordering::Relaxed) {
            Tells::Keys
        } else {
            Tells::Hash
        }
    }

    /// Frames that receive queue `queue` took and that left again without the stack: the device or a
    /// program of the host has sent them.
    fn sent_by_programs(&self, queue: u16, rx: &RxQueue) -> u64 {
        sum([
            self.hardware.sent_by_programs(queue),
            rx.native.sent_packets.get(),
            rx.native.redirect.get(),
        ])
    }
}

impl Receive for Poll<'_> {
    fn receive(&mut self, descriptor: &RxDescriptor, frame: HostFrame) {
        match (frame, self.native) {
            (HostFrame::Written(received), _) => self.deliver(descriptor, received),
            (HostFrame::Whole(skb), _) => self.deliver_whole(descriptor, skb),
            (HostFrame::Unwritten(skb, onward), Some(program)) => {
                self.rx.packets.add(1);
                self.rx.bytes.add(descriptor.len.into());
                self.rx.checksum_none.add(1);
                self.count_split(descriptor);
                self.run_native(descriptor, skb, onward, program);
            }
            // The card was told that there is no program.
            (HostFrame::Unwritten(..), None) => self.rx.no_buffer_drops.add(1),
        }
    }

    fn wants_originals(&mut self) -> bool {
        self.port.interface.gro_audit.is_due()
    }

    fn lacks_originals(&mut self) {
        self.port.interface.gro_audit.leave_out();
    }

    fn ask_gro(&self, pair: &mut [u8]) -> GroVerdict {
        let said = self.gro.map(|program| program.look(pair, self.context));
        let verdict = said.and_then(GroVerdict::from_action);
        verdict.unwrap_or(GroVerdict::Pass)
    }

    #[cold]
    fn doubts_gro(&mut self) {
        self.is_offloaded = false;
        self.port.gro.set_faulted();
        self.port.asic.tell_of_permissions_soon();
    }

    fn receive_with_originals(
        &mut self,
        descriptor: &RxDescriptor,
        frame: Received,
        originals: Originals,
    ) {
        match self.port.audit_super_frame(frame, originals, self.context) {
            Ok(frame) => self.deliver(descriptor, frame),
            Err(originals) => {
                for (descriptor, frame) in originals.into_frames() {
                    self.deliver(&descriptor, frame);
                }
            }
        }
    }
}

impl Poll<'_> {
    #[inline]
    fn count_split(&self, descriptor: &RxDescriptor) {
        if descriptor.header_len != 0 {
            self.rx.hds_packets.add(1);
        }
    }

    /// Hands a frame to the stack, with what the device says of it.
    fn deliver(&self, descriptor: &RxDescriptor, mut frame: Received) {
        let rx = self.rx;
        self.count_split(descriptor);
        if descriptor.coalesced.is_none() {
            let sum = match descriptor.checksum {
                RxChecksum::None => None,
                RxChecksum::Complete(sum) => Some(sum),
                RxChecksum::Verified => {
                    skb_csum_rx_legacy_convert_unnecessary(frame.bytes(), frame.len_in_pages())
                }
            };
            let count = if sum.is_some() {
                &rx.checksum_complete
            } else {
                &rx.checksum_none
            };
            count.add(1);
            frame.set_checksum(sum);
        }
        if let Some((hash, kind)) = self.port.told_hash(descriptor, self.guard) {
            frame.set_hash(hash, kind);
        }
        if self.port.interface.audit.is_due() {
            self.port.audit(frame.bytes(), self.guard);
        }
        if let Some(stamp) = descriptor.stamp {
            frame.set_time_stamp(stamp);
        }
        if let Some(tag) = descriptor.vlan {
            frame.set_vlan_tag(tag_beside(tag));
            let tags = descriptor.coalesced.map_or(1, |wire| wire.frames);
            rx.vlan_tags.add(tags.into());
        }
        let delivered = match &descriptor.tc {
            Some(found) => frame.deliver_classified(self.context, &classified(found)),
            None => {
                let queue = u16::try_from(descriptor.queue).unwrap_or(self.queue);
                frame.deliver(queue, self.context)
            }
        };
        match (delivered, descriptor.coalesced) {
            (Some(len), None) => {
                rx.packets.add(1);
                rx.bytes.add(len as u64);
            }
            (Some(len), Some(wire)) => self.count_coalesced(len as u64, wire),
            (None, _) => rx.runt_drops.add(1),
        }
    }

    /// Hands a super-frame to the stack that was several frames on the wire.
    fn deliver_whole(&self, descriptor: &RxDescriptor, skb: UniqueSkBuff) {
        let len = u64::from(descriptor.len);
        let wire = descriptor.coalesced.unwrap_or(Coalesced {
            frames: 1,
            bytes: len,
        });
        if self.port.interface.audit.is_due() {
            self.port
                .audit(skb.first_bytes(&mut [0; USUAL_HEADERS]), self.guard);
        }
        let hash = self.port.told_hash(descriptor, self.guard);
        if skb.receive(self.queue, hash, self.context) {
            self.count_coalesced(len, wire);
        } else {
            self.rx.no_buffer_drops.add(wire.frames.into());
        }
    }

    /// Counts a super-frame of `len` bytes that was `wire` on the wire.
    fn count_coalesced(&self, len: u64, wire: Coalesced) {
        let (rx, frames) = (self.rx, u64::from(wire.frames));
        rx.packets.add(frames);
        rx.bytes.add(wire.bytes);
        let count = if !self.is_offloaded {
            &rx.gro_prog
        } else if self.port.device.features_now().has_lro() {
            &rx.lro
        } else {
            &rx.whole
        };
        count.packets.add(1);
        count.bytes.add(len);
        count.wire_packets.add(frames);
        count.wire_bytes.add(wire.bytes);
    }
}

/// In the words of the stack.
pub(super) fn tag_beside(tag: engine::frame::VlanTag) -> VlanTag {
    VlanTag {
        protocol: tag.protocol,
        tci: tag.tci,
    }
}

/// What the stack is told.
fn classified(found: &TcDescriptor) -> Classified {
    Classified {
        protocol: found.protocol,
        pkt_type: found.pkt_type,
        network_offset: found.network_offset,
        vlan: found.vlan.map(tag_beside),
        mark: found.mark,
        priority: found.priority,
        tc_index: found.tc_index,
        queue_mapping: found.queue_mapping,
        is_final: found.verdict == TcVerdict::Ok,
    }
}
