// SPDX-License-Identifier: GPL-2.0

//! The poll of a receive queue: this card's half of the engine's pipeline.

use super::{
    ahead::Count,
    cut,
    sent::Sent,
    wire::{
        InPages,
        Shared,
        Wire,
        Written, //
    }, //
};
use crate::{
    cable::Taken,
    coalesce::{
        request,
        Aggregates,
        Waiting, //
    },
    host::{
        HostFrame,
        Receive, //
    },
    lane::{
        Lane,
        Passed,
        FROM_DEVICE, //
    },
    map::MapRef,
    memory::KernelMemory,
    port::{
        Plugged,
        Port, //
    },
    queue::RxQueue,
    rules::Watched,
    services::Machine, //
};
use engine::{
    checksum::Sum,
    coalesce::{
        End,
        GroVerdict, //
    },
    descriptor::{
        Coalesced,
        RxDescriptor,
        TxDescriptor, //
    },
    fault::FaultRecord,
    pipeline::{
        Lost,
        Moved,
        Owned,
        Payload,
        Pipeline,
        Receiver,
        Room,
        Watcher, //
    },
    receive_checksum::RxChecksum,
    steer::Reason,
    store::ProgramKind,
    transmit::{
        Finisher,
        GsoCounts,
        TxPlan,
        WireFrame, //
    },
    vlan::VlanTag, //
};
use kernel::prelude::*;
use net::{
    handover::Handed,
    napi::PollContext,
    rcu,
    skbuff::{
        Aggregate,
        Received,
        StablePayload,
        UniqueSkBuff, //
    }, //
};

/// Where the frames of one poll come from, and go to.
pub(super) struct Poll<'a, H: Plugged> {
    pub(super) port: &'a Port<H>,
    /// The machine that the port is plugged into.
    pub(super) machine: &'a H,
    pub(super) queue: u16,
    pub(super) rx: &'a RxQueue,
    /// Where the frame in hand goes if it is sent on.
    pub(super) onward: Lane,
    /// The transmit queue that waits until the frame in hand is taken, if one does: whoever has the
    /// frame then is to say so.
    pub(super) awaited_by: Option<u16>,
    /// Whether the host runs a program of its own.
    pub(super) has_host_program: bool,
    /// Whether the program that runs stands for that, too.
    pub(super) replaces_host: bool,
    /// Whether the host is not told the hashes that it wants to be told.
    pub(super) withholds_hashes: bool,
    /// Whether the host may want frames kept that are put together.
    pub(super) audits: bool,
    /// The frames of the queue that wait for more.
    pub(super) aggregates: Option<&'a mut Aggregates>,
    /// The program in the device by which frames are put together.
    pub(super) gro: Option<Watched<'a, H::Label>>,
    /// The program in the sender's device that is asked for the headers of segments.
    pub(super) gso: Option<(&'a H, Watched<'a, H::Label>)>,
    pub(super) host: &'a mut dyn Receive,
    pub(super) context: &'a PollContext<'a>,
    pub(super) guard: &'a rcu::Guard,
}

impl<H: Plugged> Poll<'_, H> {
    /// The frame as one that the device can send. `None`, and counted, if there is no memory for a
    /// frame that the sender has not let go of.
    fn unique(&self, wire: Wire) -> Option<UniqueSkBuff> {
        let skb = match wire {
            Wire::Sent(skb) => skb.share_check().ok(),
            Wire::Written(written) => Some(written.into_sent()),
        };
        if skb.is_none() {
            self.rx.no_buffer_drops.add(1);
        }
        skb
    }

    /// As `append`, of a frame that the host may want to be kept by itself, too.
    #[cold]
    #[inline(never)]
    fn append_and_keep(
        &mut self,
        slot: u16,
        frame: Written,
        descriptor: &RxDescriptor,
        header: usize,
    ) -> Result<(), Written> {
        let Some(aggregates) = &mut self.aggregates else {
            return Err(frame);
        };
        let next = (frame.bytes(), descriptor);
        aggregates.keep(slot, next, self.host, self.context);
        let Some(waiting) = aggregates.get_mut(slot) else {
            return Err(frame);
        };
        let appended = frame.append_to(&mut waiting.frame, header, self.context);
        if appended.is_err() {
            aggregates.forget_last(slot, self.context);
        }
        appended
    }

    /// Has a frame wait as number `slot`.
    #[inline]
    fn wait(&mut self, slot: u16, frame: Aggregate, descriptor: &RxDescriptor) {
        if let Some(aggregates) = &mut self.aggregates {
            aggregates.put(slot, Waiting::new(frame, descriptor));
        }
    }

    /// Gives the host a frame, and what there is to say of it.
    #[inline]
    fn up(&mut self, descriptor: &RxDescriptor, frame: HostFrame) {
        self.count_withheld(descriptor);
        self.host.receive(descriptor, frame);
    }

    #[inline]
    fn count_withheld(&self, descriptor: &RxDescriptor) {
        if self.withholds_hashes {
            let frames = descriptor.coalesced.map_or(1, |several| several.frames);
            self.rx.withheld_hashes.add(frames.into());
        }
    }
}

/// The frame on its way up, as `made` says.
// What that takes of the stack is free again when the frame goes up.
#[inline(never)]
fn complete(frame: Aggregate, made: &TxDescriptor) -> Received {
    frame.into_coalesced(request(made))
}

/// The pipeline of a queue.
type Receiving<'a> = Pipeline<'a, KernelMemory, MapRef, Machine<'a>>;

impl<H: Plugged> Poll<'_, H> {
    /// Takes at most `limit` frames up that others have handed over to this queue, and adds them to
    /// `taken`; how many.
    pub(super) fn take_over(
        &mut self,
        pipeline: &mut Receiving<'_>,
        taken: &mut Taken,
        sender: Option<&H>,
        limit: usize,
    ) -> usize {
        let mut done = 0;
        while done < limit {
            let Some((handed, stamp, passed)) = self.rx.handed.pop() else {
                break;
            };
            if let Some(sender) = sender.filter(|_| passed.from != FROM_DEVICE) {
                taken.add(passed.from, sender);
            }
            self.onward = passed.onward;
            let (wire, metadata) = match handed {
                Handed::Sent(skb) => (Wire::Sent(skb), 0),
                Handed::Written(buffer, range) => {
                    // CAST: What lies before the frame is the metadata.
                    let metadata = range.start as u8;
                    (Wire::Written(Written::from_parts(buffer, range)), metadata)
                }
            };
            if passed.has_met {
                // Another program may be there by now.
                let host_program = pipeline.port.host_program;
                pipeline.port.host_program = self.has_host_program && !passed.replaces_host;
                pipeline.hand_up(self, wire, metadata, stamp);
                pipeline.port.host_program = host_program;
            } else {
                pipeline.hand_in(self, wire, stamp);
            }
            done += 1;
        }
        done
    }
}

impl<H: Plugged> Watcher for Poll<'_, H> {
    #[inline]
    fn arrived(&mut self, frames: u32, bytes: u64) {
        Count(self.rx).arrived(frames, bytes);
    }

    #[cold]
    fn lost(&mut self, why: Lost) {
        Count(self.rx).lost(why);
    }

    #[cold]
    fn misdirected(&mut self) {
        Count(self.rx).misdirected();
    }

    #[cold]
    fn stopped(&mut self, record: FaultRecord) {
        Count(self.rx).stopped(record);
    }
}

impl<H: Plugged> Receiver for Poll<'_, H> {
    type Sent = Sent;
    type Wire = Wire;
    type Owned = Written;
    type InPages = InPages;
    type Shared = Shared;

    fn fill_in(&mut self, sent: Sent, plan: &TxPlan, frame: &WireFrame) -> Result<Wire, Sent> {
        cut::fill_in(sent, plan, frame)
    }

    fn cut(
        &mut self,
        sent: &Sent,
        fragment: Option<&[u8]>,
        plan: &mut Finisher<'_>,
        frame: &WireFrame,
        room: Room,
    ) -> Result<Written, Lost> {
        cut::cut(sent, fragment, plan, frame, room, self.context)
    }

    fn own(&mut self, wire: Wire, room: Room) -> Option<Written> {
        Written::from_wire(wire, room, self.context)
    }

    fn split<'t>(
        &mut self,
        sent: &Sent,
        payload: Payload<StablePayload<'_>>,
        plan: &mut Finisher<'_>,
        frame: &WireFrame,
        tag: Option<VlanTag>,
        tell: impl FnOnce(Sum) -> &'t RxDescriptor,
    ) -> Result<(), Lost> {
        let is_stripped = tag.is_some();
        let (received, sum) = cut::split(sent, payload, plan, frame, is_stripped, self.context)?;
        self.up(tell(sum), HostFrame::Written(received));
        Ok(())
    }

    fn put_in_pages(&mut self, wire: Wire, header: usize, meta_len: u8) -> Option<InPages> {
        InPages::from_wire(wire, header, meta_len, self.context)
    }

    fn pages_to_host(&mut self, frame: InPages, descriptor: &RxDescriptor) {
        let received = frame.into_received();
        self.up(descriptor, HostFrame::Written(received));
    }

    fn whole(&mut self, sent: Sent, descriptor: &RxDescriptor) -> Result<(), Sent> {
        // What the sender can still write to is not what was on the wire, and the time when it has
        // left the sender means nothing here.
        if sent.skb.has_lent_pages() || sent.skb.has_time_stamp() {
            return Err(sent);
        }
        // The receiver's stack writes to it.
        let (descriptor_sent, arrived) = (sent.descriptor, sent.arrived);
        let back = |skb| Sent {
            skb,
            descriptor: descriptor_sent,
            arrived,
        };
        let skb = sent.skb.try_into_unique().map_err(back)?;
        self.up(descriptor, HostFrame::Whole(skb));
        Ok(())
    }

    fn to_host(&mut self, frame: Written, descriptor: &RxDescriptor) {
        let received = frame.into_received(descriptor.meta_len);
        self.up(descriptor, HostFrame::Written(received));
    }

    fn hold(&mut self, slot: u16, frame: Written, descriptor: &RxDescriptor) {
        self.wait(slot, frame.into_aggregate(), descriptor);
    }

    fn held(&self, slot: u16) -> Option<(&[u8], &RxDescriptor)> {
        let waiting = self.aggregates.as_ref()?.get(slot)?;
        Some((waiting.frame.first(), &waiting.descriptor))
    }

    fn held_mut(&mut self, slot: u16) -> &mut [u8] {
        let waiting = self.aggregates.as_mut().and_then(|all| all.get_mut(slot));
        waiting.map_or(&mut [], |waiting| waiting.frame.first_mut())
    }

    fn append(
        &mut self,
        slot: u16,
        frame: Written,
        descriptor: &RxDescriptor,
        header: usize,
    ) -> Result<(), Written> {
        let waiting = self.aggregates.as_mut().and_then(|all| all.get_mut(slot));
        let appended = match waiting {
            Some(waiting) if self.audits || waiting.has_originals() => {
                self.append_and_keep(slot, frame, descriptor, header)
            }
            Some(waiting) => frame.append_to(&mut waiting.frame, header, self.context),
            None => Err(frame),
        };
        if appended.is_err() {
            self.rx.gro_no_buffer.add(1);
        }
        appended
    }

    fn release(&mut self, slot: u16, made: Option<(TxDescriptor, Coalesced)>, why: End) {
        let waiting = self.aggregates.as_mut().and_then(|all| all.take(slot));
        let Some((waiting, originals)) = waiting else {
            return;
        };
        let Waiting {
            mut frame,
            mut descriptor,
            ..
        } = waiting;
        match why {
            End::Flow => {}
            End::Room => self.rx.gro_evicted.add(1),
            End::Time => self.rx.gro_timed_out.add(1),
        }
        let Some((made, coalesced)) = made else {
            // The second one has found no memory.
            if let Some(originals) = originals {
                KBox::into_inner(originals).consume_in(self.context);
            }
            return self.up(&descriptor, HostFrame::Written(frame.into_received()));
        };
        descriptor.len = made.len;
        descriptor.checksum = RxChecksum::None;
        descriptor.coalesced = Some(coalesced);
        if self.gro.as_mut().is_some_and(|gro| !gro.is_intact()) {
            self.host.doubts_gro();
        }
        self.port.damaged_super_frame.befall(&mut frame);
        let received = complete(frame, &made);
        match originals {
            None => self.up(&descriptor, HostFrame::Written(received)),
            Some(originals) => {
                self.count_withheld(&descriptor);
                let originals = KBox::into_inner(originals);
                self.host
                    .receive_with_originals(&descriptor, received, originals);
            }
        }
    }

    #[inline]
    fn share(&mut self, sent: Sent, header: usize) -> Result<Shared, Sent> {
        // Those that the host wants to compare are kept in one piece.
        if self.audits {
            return Err(sent);
        }
        match Shared::from_sent(sent.skb, header, self.context) {
            Ok(shared) => Ok(shared),
            Err(skb) => Err(Sent { skb, ..sent }),
        }
    }

    #[inline]
    fn append_sent(&mut self, slot: u16, sent: Sent, header: usize) -> Result<(), Sent> {
        let waiting = self.aggregates.as_mut().and_then(|all| all.get_mut(slot));
        // As in `share` and `append_shared`.
        let waiting = waiting.filter(|waiting| !self.audits && !waiting.has_originals());
        let Some(waiting) = waiting else {
            return Err(sent);
        };
        let shared = match Shared::from_sent(sent.skb, header, self.context) {
            Ok(shared) => shared,
            Err(skb) => return Err(Sent { skb, ..sent }),
        };
        match shared.append_to(&mut waiting.frame, header, self.context) {
            Ok(()) => Ok(()),
            Err(shared) => Err(Sent {
                skb: shared.into_sent(),
                ..sent
            }),
        }
    }

    fn shared_to_host(&mut self, frame: Shared, descriptor: &RxDescriptor) {
        let received = frame.into_received();
        self.up(descriptor, HostFrame::Written(received));
    }

    fn hold_shared(&mut self, slot: u16, frame: Shared, descriptor: &RxDescriptor) {
        self.wait(slot, frame.into_aggregate(), descriptor);
    }

    fn append_shared(&mut self, slot: u16, frame: Shared, header: usize) -> Result<(), Shared> {
        let waiting = self.aggregates.as_mut().and_then(|all| all.get_mut(slot));
        match waiting {
            // Those that were kept of it would not be all.
            Some(waiting) if !waiting.has_originals() => {
                frame.append_to(&mut waiting.frame, header, self.context)
            }
            _ => Err(frame),
        }
    }

    fn ask_host(&self, pair: &mut [u8]) -> GroVerdict {
        self.host.ask_gro(pair)
    }

    #[cold]
    fn overruled(&mut self) {
        self.rx.gro_overruled.add(1);
    }

    fn is_gso_intact(&mut self) -> bool {
        let Some((sender, gso)) = &mut self.gso else {
            return false;
        };
        let is_intact = gso.is_intact();
        if !is_intact {
            sender.doubts_gso();
        }
        is_intact
    }

    fn segmented(&mut self, counts: GsoCounts) {
        if let Some((sender, _)) = &self.gso {
            sender.port().gso.add(counts);
        }
    }

    fn to_host_program(&mut self, wire: Wire, descriptor: &RxDescriptor) {
        let frame = HostFrame::Unwritten(wire.into_skb(), self.onward);
        self.up(descriptor, frame);
    }

    fn send_back(&mut self, wire: Wire) {
        if let Some(skb) = self.unique(wire) {
            self.bounce(skb);
        }
    }

    fn send(&mut self, wire: Wire, target: Option<u32>, by: ProgramKind) {
        if let Some(skb) = self.unique(wire) {
            self.redirect(skb, target, by);
        }
    }

    fn hand_over(&mut self, wire: Wire, moved: Moved) {
        let awaited_by = self.awaited_by.take();
        let passed = Passed {
            from: awaited_by.unwrap_or(FROM_DEVICE),
            onward: self.onward,
            has_met: moved.has_met,
            replaces_host: self.replaces_host,
        };
        let (machine, rx) = (self.machine, self.rx);
        if !self.port.hand_over(machine, rx, wire, moved, passed) {
            self.awaited_by = awaited_by;
        }
    }

    fn drop_steered(&mut self, wire: Wire, reason: Reason) {
        self.port.steered_nowhere.count(reason);
        self.consume(wire);
    }

    #[inline]
    fn consume(&mut self, wire: Wire) {
        if let Wire::Sent(skb) = wire {
            skb.consume_in(self.context);
        }
    }
}
