// SPDX-License-Identifier: GPL-2.0

//! What a device does with what it takes from the cable, and in which order.
//!
//! 1. *Segment.* What the sender's host has left to be done is done. A wire frame that is longer than the
//!    port takes is lost here, and is none of those that have arrived.
//! 2. *Program.* The offloaded program runs on each wire frame.
//! 3. *Queue.* Which one a frame is for was found out when it arrived ([`steer`](crate::steer)), but for
//!    frames that arrived at once and are told apart by what they carry: those find it out before the
//!    second step, and a frame that is for another queue meets its program there ([`Queues`]). An XDP
//!    program may choose another one, or make another frame of it, which is steered as what it is then.
//! 4. *Hash, tag and checksum.* Of what the program left, if it goes to the host: of the very bytes that
//!    the host gets, which are nobody else's by then. The outermost VLAN tag leaves them, if the host wants
//!    that, behind the hash, which it may be a part of, and before the sum, which it is none of. Where the
//!    host wants payload in pages of their own, it is brought there just before.
//!
//! 5. *Coalesce.* What the host's GRO would put together is put together, if the user wants that: it waits
//!    for more, as long as a batch of frames takes and a little longer, and goes up as one. What comes from
//!    other queues does so in the one that hands it up.
//!
//! The time when a frame arrived, which was noted then if anybody wants to know, goes with it to the
//! host; of several that are one then, that of the first.
//!
//! A frame that is for another queue is handed over to that behind the third step, and
//! [`Pipeline::hand_up`] has the last two there: no program sees it again. [`Pipeline::arrive`] is all of
//! it; [`Pipeline::end_older`] ends what has waited long enough. Where bytes lie, and what they are copied by, only the embedder knows: its half is a
//! [`Receiver`].
//!
//! A frame of which nothing has to be written for that may meet its program before the host is asked
//! for anything ([`Programs::meet`]): most that meet one which drops are at their end there. For the
//! others [`Pipeline::go_on`] takes up where it stopped.

mod candidate;
mod coalesce;
mod counters;
mod judge;
mod program;
mod queues;
mod rules;
mod segmenting;
mod split;
mod wire;

use core::num::NonZeroU64;
use core::ops::Deref;

use crate::checksum::Sum;
use crate::coalesce::{is_made_by_gro, End, GroLimits, GroVerdict};
use crate::descriptor::{Coalesced, Outcome, RxDescriptor, ToldFlow, TxDescriptor};
use crate::exec::Services;
use crate::frame::{Frame, ETH_HLEN};
use crate::map::Map;
use crate::memory::Memory;
use crate::parser::Machine;
use crate::receive_checksum::{RxChecksum, RxChecksums};
use crate::steer::Reason;
use crate::store::ProgramKind;
use crate::transmit::{Finisher, GsoCounts, TxPlan, WireFrame};
use crate::verdict::XdpVerdict;
use crate::vlan::{take_out, TagKinds, VlanTag, LOOKED_AT, VLAN_HLEN};
pub use counters::{Counter, Counters, TcCounters, XdpCounters};
pub use program::{receive, run_tc, Met, Place, Programs, Room, Running};
use queues::Next;
pub use queues::{Queues, Tells};
pub use rules::{Coalescing, Rules, Segmenting};
pub use wire::{InPages, Ingress, LengthLimit, Lost, OnWire, Owned, Payload, Shared, Watcher};

/// What a receiving port is set to, for as long as a batch of frames takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port {
    /// What the device finds out about checksums, and the host wants to be told.
    pub checksums: RxChecksums,
    /// Whether the host runs an XDP program of its own on the frames that it gets, in memory of its
    /// own.
    pub host_program: bool,
    /// Whether the host puts together again what was cut (GRO).
    pub merges: bool,
    /// Up to which length super-frames stay whole, and frames are put together, if the user wants that
    /// (`rx-gro-hw`).
    pub whole: Option<GroLimits>,
    /// Which VLAN tags the host gets beside its frames.
    pub strip: TagKinds,
    /// Which frames are too long for it.
    pub limit: LengthLimit,
    /// Of frames of TCP that are longer than so many bytes, what is behind the headers goes to the host
    /// in pages of its own, if the user wants that (`tcp-data-split`).
    pub split_above: Option<u32>,
}

impl Port {
    /// Up to which length frames are put together that came one by one, if they are: not if the host runs a
    /// program, which is to see each, or wants payload in pages of its own; nor if the device does not know
    /// of each whether its checksum is right.
    #[inline]
    pub fn coalesces(&self) -> Option<GroLimits> {
        let is_known = self.checksums == RxChecksums::Complete;
        let is_seen = self.host_program || self.split_above.is_some();
        self.whole.filter(|_| is_known && !is_seen)
    }
}

/// Which queue a frame goes to that does not stay in its own, and with what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Whether it has met its program.
    pub has_met: bool,
    /// The queue.
    pub queue: u16,
    /// Why.
    pub reason: Reason,
    /// Bytes of metadata before the frame.
    pub meta_len: u8,
    /// When it arrived, if that was noted.
    pub stamp: Option<NonZeroU64>,
}

/// What one place of a cable's ring holds: a frame, and what its sender has left to be done.
pub trait Sent {
    /// Bytes that lie where others may read them for as long as they like.
    type Stable<'a>: Copy
    where
        Self: 'a;

    /// What is to be done; `None` if nothing is.
    fn descriptor(&self) -> Option<&TxDescriptor>;

    /// When it arrived, if that was noted: so did all the wire frames that it is.
    fn stamp(&self) -> Option<NonZeroU64>;

    /// The bytes of the linear part.
    fn headers(&self) -> &[u8];

    /// The fragments that the frame's list has (`frag_list`), each in one piece; an empty one stands
    /// for one that is not.
    fn fragments(&self) -> impl Iterator<Item = &[u8]>;

    /// All bytes behind the first `header`, if they are stable.
    fn stable_payload(&self, header: usize) -> Option<Self::Stable<'_>>;
}

/// The embedder's half of a receiving device: where bytes lie, and where frames go.
///
/// [`Pipeline::arrive`] calls it, in softirq context; nothing sleeps.
pub trait Receiver: Watcher {
    /// A frame that was sent.
    type Sent: Sent;
    /// One with the bytes that are on the wire: also one that was sent, and asks for nothing.
    type Wire: OnWire + From<Self::Sent> + From<Self::Owned>;
    /// One in memory of the receiver's.
    type Owned: Owned;
    /// One there that lies in pieces.
    type InPages: InPages;
    /// One that was sent, of which the receiver has the headers alone.
    type Shared: Shared;

    /// A single frame with the checksum that `plan` says, by [`TxPlan::finish`] on its bytes where they
    /// lie. Gives it back if they may not be written there.
    fn fill_in(
        &mut self,
        sent: Self::Sent,
        plan: &TxPlan,
        frame: &WireFrame,
    ) -> Result<Self::Wire, Self::Sent>;

    /// Wire frame `frame` of one that was sent: a copy of the bytes that it says, finished by
    /// [`Finisher::finish`], with `room` around it. Its payload is `fragment`, if there is one.
    fn cut(
        &mut self,
        sent: &Self::Sent,
        fragment: Option<&[u8]>,
        plan: &mut Finisher<'_>,
        frame: &WireFrame,
        room: Room,
    ) -> Result<Self::Owned, Lost>;

    /// The frame in memory of the receiver's, with at least `room` around it, if it was not there yet:
    /// what was [cut](Self::cut) has the room that the same pipeline wants. `None` if there is no
    /// memory.
    fn own(&mut self, wire: Self::Wire, room: Room) -> Option<Self::Owned>;

    /// Wire frame `frame` of a super-frame goes to the host with headers of its own, finished by
    /// [`Finisher::finish_header`], and its payload apart from them. Their `tag` leaves the headers, if
    /// there is one. `tell` gives what to say of the frame, from the sum of all that is behind its Ethernet
    /// header then.
    fn split<'t>(
        &mut self,
        sent: &Self::Sent,
        payload: Payload<<Self::Sent as Sent>::Stable<'_>>,
        plan: &mut Finisher<'_>,
        frame: &WireFrame,
        tag: Option<VlanTag>,
        tell: impl FnOnce(Sum) -> &'t RxDescriptor,
    ) -> Result<(), Lost>;

    /// The frame in memory of the receiver's: its first `header` bytes, behind `meta_len` bytes of
    /// metadata, and the rest in pages. `None` if there is no memory.
    fn put_in_pages(
        &mut self,
        wire: Self::Wire,
        header: usize,
        meta_len: u8,
    ) -> Option<Self::InPages>;

    /// A frame that lies in pieces goes to the host.
    fn pages_to_host(&mut self, frame: Self::InPages, descriptor: &RxDescriptor);

    /// A super-frame goes to the host whole. Gives it back if others may still write to it.
    fn whole(&mut self, sent: Self::Sent, descriptor: &RxDescriptor) -> Result<(), Self::Sent>;

    /// A frame goes to the host.
    fn to_host(&mut self, frame: Self::Owned, descriptor: &RxDescriptor);

    /// A frame waits for others that go to the host with it, as number `slot`, of which there is none.
    fn hold(&mut self, slot: u16, frame: Self::Owned, descriptor: &RxDescriptor);

    /// The frame that waits as number `slot`: its first bytes, at least those of its headers, and its
    /// descriptor.
    fn held(&self, slot: u16) -> Option<(&[u8], &RxDescriptor)>;

    /// The first bytes of the frame that waits as number `slot`, to be changed. Empty if there is none.
    fn held_mut(&mut self, slot: u16) -> &mut [u8];

    /// What is behind the first `header` bytes of `frame` goes behind the frame that waits as number `slot`.
    /// The descriptor is that of the frame by itself. Gives the frame back if there is no memory for that;
    /// then nothing has changed.
    fn append(
        &mut self,
        slot: u16,
        frame: Self::Owned,
        descriptor: &RxDescriptor,
        header: usize,
    ) -> Result<(), Self::Owned>;

    /// The frame that waits as number `slot` goes to the host, because of `why`. If it has become several
    /// its headers are complete, but for the checksum; `made` says how it is to be cut again, and what it was
    /// on the wire.
    fn release(&mut self, slot: u16, made: Option<(TxDescriptor, Coalesced)>, why: End);

    /// The frame as it lies, if its first `header` bytes can be the receiver's without being copied, and what is
    /// behind them is [stable](Sent::stable_payload). Gives it back if not, or if frames are wanted in one piece.
    fn share(&mut self, sent: Self::Sent, header: usize) -> Result<Self::Shared, Self::Sent>;

    /// A frame that shares its payload goes to the host.
    fn shared_to_host(&mut self, frame: Self::Shared, descriptor: &RxDescriptor);

    /// As [`hold`](Self::hold), of a frame that shares its payload.
    fn hold_shared(&mut self, slot: u16, frame: Self::Shared, descriptor: &RxDescriptor);

    /// As [`append`](Self::append), of a frame that shares its payload. Gives it back, too, if it can't go behind
    /// what waits there.
    fn append_shared(
        &mut self,
        slot: u16,
        frame: Self::Shared,
        header: usize,
    ) -> Result<(), Self::Shared>;

    /// As [`share`](Self::share) and [`append_shared`](Self::append_shared) together: gives the frame back if either
    /// would.
    fn append_sent(&mut self, slot: u16, sent: Self::Sent, header: usize)
        -> Result<(), Self::Sent>;

    /// What the host's GRO program says of a new frame, of which `pair` is what it is
    /// [shown](crate::coalesce::Pair). Asked where the [`Rules`] say so.
    fn ask_host(&self, pair: &mut [u8]) -> GroVerdict;

    /// A GRO program wanted more than may be.
    fn overruled(&mut self);

    /// Whether the GSO program of the sender's port is what it was when it was set. Asked for each super-frame,
    /// if there is a program.
    fn is_gso_intact(&mut self) -> bool;

    /// What became of what that program has said of the segments of a super-frame.
    fn segmented(&mut self, counts: GsoCounts);

    /// A frame goes to the program that the host runs, in whatever memory it is.
    fn to_host_program(&mut self, wire: Self::Wire, descriptor: &RxDescriptor);

    /// A frame goes back to the cable that it came from.
    fn send_back(&mut self, wire: Self::Wire);

    /// A frame goes out of the port with interface index `target`, if there is such a port and the
    /// program, of type `by`, has named one.
    fn send(&mut self, wire: Self::Wire, target: Option<u32>, by: ProgramKind);

    /// A frame goes to another queue of the same port, which takes it [up](Pipeline::hand_up), or
    /// [in](Pipeline::hand_in) if it has not met its program.
    fn hand_over(&mut self, wire: Self::Wire, moved: Moved);

    /// A frame that its program has changed, or that arrived with others, is dropped for `reason`.
    fn drop_steered(&mut self, wire: Self::Wire, reason: Reason);

    /// A frame went where its program wanted it: nowhere.
    fn consume(&mut self, wire: Self::Wire);
}

/// A receive queue of the device, for as long as a batch of frames takes.
pub struct Pipeline<'a, M, R, S>
where
    M: Memory,
    R: Deref<Target = Map<M>> + Send + Sync + 'static,
{
    /// The port.
    pub port: Port,
    /// The step that runs programs.
    pub programs: Programs<'a, M, R, S>,
    /// What says for which queue frames are; without, they stay in theirs, and have no hash.
    pub queues: Option<Queues<'a, M>>,
    /// What looks at headers.
    pub parser: &'a Machine<M>,
    /// When the frame in hand arrived, if that was noted.
    pub stamp: Option<NonZeroU64>,
    /// The program that is asked for the headers of segments.
    pub segmenting: Option<Segmenting<'a, M, R, S>>,
    /// What holds frames until more of their flows come; without, none waits.
    pub coalescing: Option<Coalescing<'a, M, R, S>>,
}

impl<M, R, S> Pipeline<'_, M, R, S>
where
    M: Memory,
    R: Deref<Target = Map<M>> + Send + Sync + 'static,
    S: Services,
{
    /// Takes what one place of the ring holds through the device; how many frames that was, of which
    /// one that stays whole is one.
    ///
    /// Softirq context; does not sleep, and allocates only what the receiver does.
    #[inline]
    pub fn arrive<D: Receiver>(&mut self, device: &mut D, sent: D::Sent) -> u32 {
        self.stamp = sent.stamp();
        match sent.descriptor() {
            None => {
                let wire = D::Wire::from(sent);
                if self.port.limit.takes(wire.frame_len()) {
                    // CAST: A `usize` has at most 64 bits.
                    device.arrived(1, wire.frame_len() as u64);
                    self.receive(device, wire);
                } else {
                    device.lost(Lost::TooLong);
                    device.consume(wire);
                }
                1
            }
            Some(descriptor) if descriptor.gso.is_some() => self.segment(device, sent),
            Some(_) => {
                let taken = match self.take_expected(device, sent) {
                    Err(sent) if self.coalesces() => self.take_open(device, sent),
                    taken => taken,
                };
                if let Err(sent) = taken {
                    self.fill_in(device, sent);
                }
                1
            }
        }
    }

    /// Takes a frame that has arrived at the time `stamp`, if that was noted, and has
    /// [met](Programs::meet) its program through the rest of the device.
    ///
    /// Context: as [`Self::arrive`].
    pub fn go_on<D: Receiver>(
        &mut self,
        device: &mut D,
        wire: D::Wire,
        met: &mut Met,
        stamp: Option<NonZeroU64>,
    ) {
        self.stamp = stamp;
        // CAST: A `usize` has at most 64 bits.
        device.arrived(1, wire.frame_len() as u64);
        self.send_on(device, wire, &mut met.0);
    }

    /// Takes a frame up that another queue has [handed over](Receiver::hand_over) to this one, with
    /// `meta_len` bytes of metadata. It has arrived there, at the time of `stamp`, if that was noted.
    ///
    /// Context: as [`Self::arrive`].
    pub fn hand_up<D: Receiver>(
        &mut self,
        device: &mut D,
        wire: D::Wire,
        meta_len: u8,
        stamp: Option<NonZeroU64>,
    ) {
        self.stamp = stamp;
        let mut descriptor = RxDescriptor {
            // CAST: A frame is shorter than 4 GiB.
            len: wire.frame_len() as u32,
            meta_len,
            queue: self.programs.ingress.queue.into(),
            verdict: Some(XdpVerdict::Pass),
            ..RxDescriptor::default()
        };
        self.bring(device, wire, &mut descriptor, None);
    }

    /// Takes a frame in that another queue has [handed over](Receiver::hand_over) to this one before it has
    /// met its program. It has arrived there, at the time of `stamp`, if that was noted.
    ///
    /// Context: as [`Self::arrive`].
    pub fn hand_in<D: Receiver>(
        &mut self,
        device: &mut D,
        wire: D::Wire,
        stamp: Option<NonZeroU64>,
    ) {
        self.stamp = stamp;
        self.run(device, wire);
    }

    /// A frame whose checksum is left to the device.
    // What only some frames need is not to lie on the stack of the others.
    #[inline(never)]
    fn fill_in<D: Receiver>(&mut self, device: &mut D, sent: D::Sent) {
        match self.filled_in(device, sent) {
            Ok(wire) => self.receive(device, wire),
            Err(why) => device.lost(why),
        }
    }

    #[inline(never)]
    fn filled_in<D: Receiver>(&mut self, device: &mut D, sent: D::Sent) -> Result<D::Wire, Lost> {
        // It stays where it was made: to move it takes as long as to make it.
        let plan = &plan(&sent);
        let plan = plan.as_ref().ok_or(Lost::Unplanned)?;
        let frame = plan.wire_frames([]).next().ok_or(Lost::Unplanned)?;
        if !self.port.limit.takes(frame.len()) {
            device.consume(sent.into());
            return Err(Lost::TooLong);
        }
        // CAST: A `usize` has at most 64 bits.
        device.arrived(1, frame.len() as u64);
        // Where it lies, if nobody else has it: one that no host gets is hardly ever copied.
        let sent = match device.fill_in(sent, plan, &frame) {
            Ok(wire) => return Ok(wire),
            Err(sent) => sent,
        };
        let room = self.programs.running.room(frame.len());
        let owned = device.cut(&sent, None, &mut Finisher::new(plan, None), &frame, room);
        device.consume(sent.into());
        owned.map(D::Wire::from)
    }

    /// A super-frame: its wire frames, one by one, unless it may stay as it is. Gives their number.
    #[inline(never)]
    fn segment<D: Receiver>(&mut self, device: &mut D, sent: D::Sent) -> u32 {
        let Some(plan) = plan(&sent) else {
            device.lost(Lost::Unplanned);
            return 1;
        };
        self.check_segmenting(device);
        let is_split = self.is_split(&plan, sent.headers());
        let sent = match self.keep_whole(device, sent, &plan, is_split) {
            Ok(()) => return 1,
            Err(sent) => sent,
        };
        if let Some(payload) = self.payload(&plan, &sent, is_split) {
            let in_pages = matches!(payload, Payload::Copied);
            // Of which only the length and the sum differ from frame to frame: most of a frame's time
            // here is that of many small things.
            let vlan = self.port.strip.outermost(sent.headers());
            let mut descriptor = RxDescriptor {
                queue: self.programs.ingress.queue.into(),
                flow: self.flow(sent.headers(), None),
                vlan,
                stamp: self.stamp,
                ..RxDescriptor::default()
            };
            let is_told = self.port.checksums == RxChecksums::Complete;
            for frame in plan.wire_frames([]) {
                if !self.port.limit.takes(frame.len()) {
                    device.lost(Lost::TooLong);
                    continue;
                }
                if in_pages && !self.is_long(frame.len()) {
                    self.cut(device, &sent, None, &plan, &frame);
                    continue;
                }
                // CAST: A `usize` has at most 64 bits.
                device.arrived(1, frame.len() as u64);
                if in_pages {
                    descriptor.header_len = without(vlan, frame.header);
                }
                descriptor.len = without(vlan, frame.len());
                let told = &mut descriptor;
                let split = self.made(device, (&plan, sent.headers()), |device, finisher| {
                    device.split(&sent, payload, finisher, &frame, vlan, |sum| {
                        if is_told {
                            told.checksum = RxChecksum::Complete(sum.fold());
                        }
                        &*told
                    })
                });
                if let Err(why) = split {
                    device.lost(why);
                }
            }
        } else {
            let mut each = sent.fragments();
            for frame in plan.wire_frames(lengths(&sent)) {
                let fragment = each.next().filter(|_| plan.is_by_fragments());
                if !self.port.limit.takes(frame.len()) {
                    device.lost(Lost::TooLong);
                    continue;
                }
                self.cut(device, &sent, fragment, &plan, &frame);
            }
        }
        self.tell_of_segments(device);
        device.consume(sent.into());
        plan.frames()
    }

    /// Wire frame `frame` of a super-frame, in memory of its own. Its payload is `fragment`, if there is
    /// one.
    #[inline]
    fn cut<D: Receiver>(
        &mut self,
        device: &mut D,
        sent: &D::Sent,
        fragment: Option<&[u8]>,
        plan: &TxPlan,
        frame: &WireFrame,
    ) {
        // CAST: A `usize` has at most 64 bits.
        device.arrived(1, frame.len() as u64);
        let room = self.programs.running.room(frame.len());
        let cut = self.made(device, (plan, sent.headers()), |device, finisher| {
            device.cut(sent, fragment, finisher, frame, room)
        });
        match cut {
            Ok(owned) => self.receive(device, owned.into()),
            Err(why) => device.lost(why),
        }
    }

    /// Hands a super-frame up that need not be cut; gives it back if it has to be. None need not if a
    /// program has to see each frame, if the device does not say of each that its checksum is right, or
    /// says of each when it arrived, or puts what they carry into pages of the host's (`is_split`), or if
    /// some are too long, or may go different ways, or a program says what is put together, or what the headers
    /// of segments are. What is held of its flow is not put together with it.
    #[inline(never)]
    fn keep_whole<D: Receiver>(
        &mut self,
        device: &mut D,
        sent: D::Sent,
        plan: &TxPlan,
        is_split: bool,
    ) -> Result<(), D::Sent> {
        let is_said = self.port.checksums == RxChecksums::Complete;
        let is_seen = !self.is_unseen() || self.may_part();
        let is_judged = self.is_judged() || self.segmenting.is_some();
        let is_alike = is_said && !is_seen && self.stamp.is_none() && !is_split && !is_judged;
        let limits = self.port.whole.filter(|_| is_alike);
        let (Some(limits), Some(descriptor)) = (limits, sent.descriptor()) else {
            return Err(sent);
        };
        // None is longer than the first.
        let first = plan.wire_frames([]).next();
        let is_taken = first.is_some_and(|frame| self.port.limit.takes(frame.len()));
        if !is_taken || !is_made_by_gro(descriptor, sent.headers(), &limits) {
            return Err(sent);
        }
        let coalesced = Coalesced {
            frames: plan.frames(),
            bytes: plan.wire_bytes(),
        };
        let descriptor = RxDescriptor {
            len: descriptor.len,
            queue: self.programs.ingress.queue.into(),
            flow: self.flow(sent.headers(), None),
            coalesced: Some(coalesced),
            ..RxDescriptor::default()
        };
        self.end_flow_of(device, sent.headers());
        device.whole(sent, &descriptor)?;
        device.arrived(coalesced.frames, coalesced.bytes);
        Ok(())
    }

    /// Where the payload of wire frames begins that may go up in two pieces, headers and payload:
    /// nobody wants to see them in one, and the stack puts them together again, without which two
    /// pieces are more work than one. Where the device does that instead it wants them in one.
    fn splits(&self, plan: &TxPlan) -> Option<usize> {
        let is_wanted = self.is_unseen()
            && self.port.merges
            && !self.coalesces()
            && self.port.checksums != RxChecksums::Verified
            && plan.is_summed();
        plan.header_len().filter(|_| is_wanted)
    }

    /// Whether no program, of the device or of the host, sees the frames before the stack does.
    fn is_unseen(&self) -> bool {
        self.programs.running.is_nothing() && !self.port.host_program
    }

    /// Whether frames that have arrived at once may go different ways.
    #[inline]
    fn may_part(&self) -> bool {
        self.queues.as_ref().is_some_and(Queues::look_closer)
    }

    /// Takes one frame with the bytes that are on the wire through the rest of the device.
    #[inline]
    fn receive<D: Receiver>(&mut self, device: &mut D, wire: D::Wire) {
        if self.may_part() {
            return self.receive_alone(device, wire);
        }
        self.run(device, wire);
    }

    /// As [`Self::receive`], of a frame that may go another way than those that have arrived with it.
    #[inline(never)]
    fn receive_alone<D: Receiver>(&mut self, device: &mut D, wire: D::Wire) {
        let own = self.programs.ingress.queue;
        let queues = self.queues.as_ref();
        match queues.map_or(Next::Here(None), |queues| {
            queues.alone(self.parser, own, &wire)
        }) {
            Next::Here(_) => self.run(device, wire),
            Next::There(queue, reason) => {
                let moved = Moved {
                    has_met: false,
                    queue,
                    reason,
                    meta_len: 0,
                    stamp: self.stamp,
                };
                device.hand_over(wire, moved);
            }
            Next::Nowhere(reason) => device.drop_steered(wire, reason),
        }
    }

    /// Takes a frame that stays in this queue through the rest of the device.
    #[inline]
    fn run<D: Receiver>(&mut self, device: &mut D, wire: D::Wire) {
        match self.programs.running.place(wire.frame_len(), wire.bytes()) {
            Place::Anywhere => {
                let mut descriptor = RxDescriptor {
                    // CAST: A frame is shorter than 4 GiB.
                    len: wire.frame_len() as u32,
                    queue: self.programs.ingress.queue.into(),
                    ..RxDescriptor::default()
                };
                self.bring(device, wire, &mut descriptor, None);
            }
            Place::AsItLies => self.run_in_place(device, wire),
            Place::Own(room) => self.run_in_own(device, wire, room),
        }
    }

    /// Runs a program that only reads where the frame lies.
    #[inline(never)]
    fn run_in_place<D: Receiver>(&mut self, device: &mut D, wire: D::Wire) {
        let mut frame = Frame::read_only(wire.bytes().unwrap_or_default());
        let mut ran = self.programs.run(device, &mut frame);
        self.send_on(device, wire, &mut ran);
    }

    /// Runs a program in memory of the receiver's: it may write, or the frame lies in several pieces.
    #[inline(never)]
    fn run_in_own<D: Receiver>(&mut self, device: &mut D, wire: D::Wire, room: Room) {
        let Some(mut owned) = device.own(wire, room) else {
            return device.lost(Lost::NoBuffer);
        };
        let Some(mut frame) = owned.frame() else {
            return device.lost(Lost::NoBuffer);
        };
        let mut ran = self.programs.run(device, &mut frame);
        let (start, end) = (frame.data_offset(), frame.end_offset());
        owned.set_bounds(start, end);
        self.send_on(device, owned.into(), &mut ran);
    }

    /// Brings a frame where the program wants it.
    // The result is not moved: it is as much to copy as all that a short program does.
    #[inline]
    fn send_on<D: Receiver>(
        &mut self,
        device: &mut D,
        wire: D::Wire,
        ran: &mut Result<RxDescriptor, Lost>,
    ) {
        let descriptor = match ran {
            Ok(descriptor) => descriptor,
            Err(why) => return device.lost(*why),
        };
        match descriptor.outcome() {
            Outcome::Nowhere => device.consume(wire),
            Outcome::Host => self.go_up(device, wire, descriptor),
            Outcome::Back => device.send_back(wire),
            Outcome::Port(target) => {
                let by = match descriptor.tc {
                    Some(_) => ProgramKind::SchedCls,
                    None => ProgramKind::Xdp,
                };
                device.send(wire, target, by);
            }
        }
    }

    /// Brings a frame that has met its program to the host, by the queue that it is for now.
    #[inline]
    fn go_up<D: Receiver>(&mut self, device: &mut D, wire: D::Wire, descriptor: &mut RxDescriptor) {
        let may_move = self.programs.running.may_move_frames();
        if descriptor.chosen_queue.is_none() && !may_move {
            return self.bring(device, wire, descriptor, None);
        }
        match self.next(device, &wire, descriptor.chosen_queue, may_move) {
            Next::Here(flow) => self.bring(device, wire, descriptor, flow),
            Next::There(queue, reason) => {
                let moved = Moved {
                    has_met: true,
                    queue,
                    reason,
                    meta_len: descriptor.meta_len,
                    stamp: self.stamp,
                };
                device.hand_over(wire, moved);
            }
            Next::Nowhere(reason) => device.drop_steered(wire, reason),
        }
    }

    /// Where a frame goes for which the program has `chosen` a queue, or which it may have changed.
    fn next<D: Receiver>(
        &self,
        device: &mut D,
        wire: &D::Wire,
        chosen: Option<u16>,
        may_move: bool,
    ) -> Next {
        let own = self.programs.ingress.queue;
        let Some(queues) = &self.queues else {
            return Next::Here(None);
        };
        match chosen {
            Some(queue) if queue == own => return Next::Here(None),
            Some(queue) if queue < queues.in_use => return Next::There(queue, Reason::Program),
            Some(_) => device.misdirected(),
            None => {}
        }
        match wire.bytes() {
            Some(bytes) if may_move => queues.next(self.parser, own, bytes),
            _ => Next::Here(None),
        }
    }

    /// Brings a frame to the host, with what is told of its `flow` if that is known. The rest of its
    /// descriptor is written where that is: to copy what the program has said would take longer.
    #[inline]
    fn bring<D: Receiver>(
        &mut self,
        device: &mut D,
        wire: D::Wire,
        descriptor: &mut RxDescriptor,
        flow: Option<Option<ToldFlow>>,
    ) {
        if wire.frame_len() < ETH_HLEN {
            return device.lost(Lost::Runt);
        }
        let header = self.header(&wire, descriptor.network_offset());
        if self.port.host_program {
            let found = || wire.bytes().and_then(|bytes| self.flow(bytes, None));
            descriptor.flow = flow.unwrap_or_else(found);
            let vlan = match self.port.strip {
                TagKinds::NONE => None,
                strip => strip.outermost(wire.first_bytes(&mut [0; LOOKED_AT])),
            };
            descriptor.len = without(vlan, descriptor.len as usize);
            descriptor.vlan = vlan;
            descriptor.stamp = self.stamp;
            descriptor.header_len = header.map_or(0, |header| without(vlan, header));
            return device.to_host_program(wire, descriptor);
        }
        if let Some(header) = header {
            return self.bring_in_pages(device, wire, header, descriptor, flow);
        }
        let Some(mut owned) = device.own(wire, Room::default()) else {
            return device.lost(Lost::NoBuffer);
        };
        let network_offset = descriptor.network_offset();
        // CAST: An offset in a frame.
        if owned.bytes().len() < network_offset as usize {
            return device.lost(Lost::Runt);
        }
        descriptor.flow = match descriptor.tc {
            Some(tc) if tc.hash_invalid => None,
            tc => flow.unwrap_or_else(|| self.flow(owned.bytes(), tc.and_then(|tc| tc.vlan))),
        };
        // What a classifier has left has had its tag beside it all the time.
        let vlan = match descriptor.tc {
            None => self.take_tag(&mut owned, descriptor.meta_len),
            Some(_) => None,
        };
        descriptor.len = without(vlan, descriptor.len as usize);
        descriptor.checksum = self.port.checksums.of(owned.bytes(), network_offset);
        descriptor.vlan = vlan;
        descriptor.stamp = self.stamp;
        self.hold_or_deliver(device, owned, descriptor);
    }

    /// Takes the VLAN tag out of a frame, with `metadata` bytes before it, that the host gets beside it.
    #[inline]
    fn take_tag<O: Owned>(&self, owned: &mut O, metadata: u8) -> Option<VlanTag> {
        let tag = self.port.strip.outermost(owned.bytes())?;
        let mut frame = owned.frame()?;
        if !take_out(&mut frame, metadata) {
            return None;
        }
        let (start, end) = (frame.data_offset(), frame.end_offset());
        owned.set_bounds(start, end);
        Some(tag)
    }

    /// What the host is told of the flow of a frame that begins with `bytes`, with the VLAN tag `beside`
    /// not among them, if it wants to be told.
    #[inline]
    fn flow(&self, bytes: &[u8], beside: Option<VlanTag>) -> Option<ToldFlow> {
        self.queues.as_ref()?.flow(self.parser, bytes, beside)
    }
}

/// The length of a frame of `len` bytes when `tag` has left it.
#[inline]
fn without(tag: Option<VlanTag>, len: usize) -> u32 {
    let tag = tag.map_or(0, |_| VLAN_HLEN);
    // CAST: A frame is shorter than 4 GiB.
    len.saturating_sub(tag) as u32
}

/// What the device is to do for a frame.
fn plan<F: Sent>(sent: &F) -> Option<TxPlan> {
    TxPlan::new(sent.descriptor()?, sent.headers(), lengths(sent)).ok()
}

/// The lengths of the fragments that the frame's list has.
fn lengths<F: Sent>(sent: &F) -> impl Iterator<Item = u32> + '_ {
    // CAST: A frame is shorter than 4 GiB.
    sent.fragments().map(|bytes| bytes.len() as u32)
}
