// SPDX-License-Identifier: GPL-2.0

//! What a device does with what it takes from the cable, and in which order.
//!
//! 1. *Segment.* What the sender's host has left to be done is done: [`arrive`].
//! 2. *Program.* The offloaded program runs on each wire frame.
//! 3. *Checksum.* Of what the program left, if it goes to the host: [`process`], as the step before.
//!
//! A parser, steering and coalescing of what came frame by frame will have their places between and
//! behind the last two: in here, as the order is nobody else's affair. Where bytes lie, and what they
//! are copied by, only the embedder knows: its half is a [`Receiver`].

mod counters;
mod program;

use core::ops::Deref;

use crate::coalesce::{is_made_by_gro, GroLimits};
use crate::descriptor::{RxDescriptor, TxCapability, TxDescriptor};
use crate::exec::{Core, Program, Services};
use crate::frame::{Frame, TcContext, XdpContext};
use crate::map::Map;
use crate::memory::Memory;
use crate::receive_checksum::RxChecksums;
use crate::transmit::{TxPlan, WireFrame};
pub use counters::{Counter, TcCounters, XdpCounters};
pub use program::{receive, run_tc, Place, Running};

/// What a receiving port is set to, for as long as a batch of frames takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port {
    /// Its Ethernet address.
    pub address: [u8; 6],
    /// Its interface index.
    pub ifindex: u32,
    /// The queue that receives.
    pub queue: u16,
    /// What the device finds out about checksums, and the host wants to be told.
    pub checksums: RxChecksums,
    /// Whether no program, of the device or of the host, sees the frames before the stack does.
    pub is_unseen: bool,
    /// Whether the host puts together again what was cut (GRO).
    pub merges: bool,
    /// Which super-frames may stay whole, if the user wants that (`rx-gro-hw`).
    pub whole: Option<GroLimits>,
}

impl Port {
    /// The super-frames that need not be cut: none if a program has to see each frame, or the device
    /// does not say of each that its checksum is right.
    fn whole(&self) -> Option<GroLimits> {
        let may = self.is_unseen && self.checksums == RxChecksums::Complete;
        self.whole.filter(|_| may)
    }

    /// Whether wire frames may go up in two pieces, headers and payload: nobody wants to see them in
    /// one, and the stack puts them together again, without which two pieces are more work than one.
    fn splits(&self, plan: &TxPlan) -> bool {
        self.is_unseen && self.merges && self.checksums != RxChecksums::Verified && plan.is_summed()
    }
}

/// What one place of a cable's ring holds: a frame, and what its sender has left to be done.
pub trait Sent {
    /// What is to be done; `None` if nothing is.
    fn descriptor(&self) -> Option<TxDescriptor>;

    /// The bytes of the linear part.
    fn headers(&self) -> &[u8];

    /// The fragments that the frame's list has (`frag_list`), each in one piece; an empty one stands
    /// for one that is not.
    fn fragments(&self) -> impl Iterator<Item = &[u8]>;

    /// Whether all bytes behind the first `header` lie where others may read them for as long as they
    /// like.
    fn has_stable_payload(&self, header: usize) -> bool;
}

/// The embedder's half of a receiving device: where bytes lie, and where frames go.
///
/// [`arrive`] calls it, in softirq context; nothing sleeps. Each frame that is taken from the cable
/// comes to an end in one of `whole`, `split`, `wire` and `unplanned`; the number of their frames
/// is that which [`arrive`] returns.
pub trait Receiver {
    /// A frame that was sent.
    type Sent: Sent;
    /// A frame with the bytes that are on the wire.
    type Wire;

    /// A frame to which nothing has to be done.
    fn as_it_is(&mut self, sent: Self::Sent) -> Self::Wire;

    /// A single frame with the checksum that `plan` says: by [`TxPlan::finish`] on its bytes where they
    /// lie, if they may be written there, else on a copy. `None`, and counted, if there is no memory
    /// for that.
    fn fill_in(&mut self, sent: Self::Sent, plan: &TxPlan, frame: &WireFrame)
        -> Option<Self::Wire>;

    /// Wire frame `frame` of a super-frame: a copy of the bytes that it says, finished by
    /// [`TxPlan::finish`]. Its payload is `fragment`, if there is one. `None`, and counted, if there is
    /// no memory for it.
    fn cut(
        &mut self,
        sent: &Self::Sent,
        fragment: Option<&[u8]>,
        plan: &TxPlan,
        frame: &WireFrame,
    ) -> Option<Self::Wire>;

    /// A frame has arrived: puts it where [`Running::place`] wants it, has it [processed](process), and
    /// brings it where the [`Outcome`](crate::descriptor::Outcome) says.
    fn wire(&mut self, wire: Self::Wire);

    /// A super-frame goes to the host whole. It counts as the frames of `plan`.
    fn whole(&mut self, sent: Self::Sent, plan: &TxPlan);

    /// Wire frame `frame` of a super-frame goes to the host with headers of its own, finished by
    /// [`TxPlan::finish_header`], which gives the sum of all, and a payload that stays where it is.
    fn split(&mut self, sent: &Self::Sent, plan: &TxPlan, frame: &WireFrame);

    /// A frame is lost: it can't be done what was agreed on. The sender has made the same plan, so
    /// there is none unless memory fails.
    fn unplanned(&mut self, sent: Self::Sent);

    /// All wire frames of a super-frame have been made.
    fn consume(&mut self, sent: Self::Sent);
}

/// Takes what one place of the ring holds through the device; how many frames on the wire that was.
///
/// Softirq context; does not sleep, and allocates only what the receiver does.
pub fn arrive<D: Receiver>(device: &mut D, port: &Port, sent: D::Sent) -> u32 {
    let Some(descriptor) = sent.descriptor() else {
        let wire = device.as_it_is(sent);
        device.wire(wire);
        return 1;
    };
    let lengths = sent.fragments().map(|bytes| bytes.len() as u32);
    let Ok(plan) = TxPlan::new(&descriptor, sent.headers(), lengths) else {
        device.unplanned(sent);
        return 1;
    };
    if descriptor.gso.is_some() {
        return segment(device, port, sent, &descriptor, &plan);
    }
    let Some(frame) = plan.wire_frames([]).next() else {
        device.unplanned(sent);
        return 1;
    };
    if let Some(wire) = device.fill_in(sent, &plan, &frame) {
        device.wire(wire);
    }
    1
}

/// The wire frames of a super-frame, unless it may stay as it is.
// What only super-frames need is not to lie on the stack of the others.
#[inline(never)]
fn segment<D: Receiver>(
    device: &mut D,
    port: &Port,
    sent: D::Sent,
    descriptor: &TxDescriptor,
    plan: &TxPlan,
) -> u32 {
    let agnostic = TxDescriptor {
        capability: TxCapability::Agnostic,
        ..*descriptor
    };
    let is_whole = port
        .whole()
        .is_some_and(|limits| is_made_by_gro(&agnostic, sent.headers(), &limits));
    if is_whole {
        let count = plan.frames();
        device.whole(sent, plan);
        return count;
    }
    let header = plan.header_len().unwrap_or(0);
    if port.splits(plan) && sent.has_stable_payload(header) {
        for frame in plan.wire_frames([]) {
            device.split(&sent, plan, &frame);
        }
    } else {
        let mut each = sent.fragments();
        let lengths = sent.fragments().map(|bytes| bytes.len() as u32);
        for frame in plan.wire_frames(lengths) {
            let fragment = each.next().filter(|_| plan.is_by_fragments());
            if let Some(wire) = device.cut(&sent, fragment, plan, &frame) {
                device.wire(wire);
            }
        }
    }
    device.consume(sent);
    plan.frames()
}

/// What programs have said so far, of one receive queue.
#[derive(Default)]
pub struct Counters {
    /// XDP programs.
    pub xdp: XdpCounters,
    /// Classifiers.
    pub tc: TcCounters,
}

/// Takes one frame with the bytes that are on the wire, and lie where [`Running::place`] wants them,
/// through the rest of the pipeline. Any context; does not sleep or allocate.
///
/// Its bytes and bounds are afterwards as the program left them, but for a frame that a classifier
/// has sent, which has its VLAN tag again. `None` if a classifier runs and the frame is too short for
/// one: the stack would drop it before. Of a program that the device had to stop, the core has the
/// [fault](Core::take_fault).
pub fn process<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static>(
    core: &mut Core<M>,
    running: Running<'_, M, R>,
    frame: &mut Frame<'_>,
    port: &Port,
    services: &impl Services,
    counters: &Counters,
) -> Option<RxDescriptor> {
    let program = |program: Option<&Program<M, R>>, core: &mut Core<M>, frame: &mut Frame<'_>| {
        let mut context = XdpContext {
            ingress_ifindex: port.ifindex,
            rx_queue_index: port.queue.into(),
            egress_ifindex: 0,
            redirect: None,
        };
        receive(core, program, frame, &mut context, services, &counters.xdp)
    };
    let received = match running {
        Running::Nothing => program(None, core, frame),
        Running::Xdp(xdp) => program(Some(xdp), core, frame),
        Running::Classifier {
            program: classifier,
            returns_class,
        } => {
            let received = program(None, core, frame);
            let mut context = TcContext::of_frame(frame, &port.address, port.ifindex, port.queue)?;
            context.returns_class = returns_class;
            let counters = &counters.tc;
            run_tc(
                core,
                classifier,
                frame,
                &mut context,
                services,
                counters,
                received,
            )
        }
    };
    if !received.to_host() {
        return Some(received);
    }
    let checksum = port.checksums.of(frame.data(), received.network_offset());
    Some(RxDescriptor {
        checksum,
        ..received
    })
}
