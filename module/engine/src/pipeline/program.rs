// SPDX-License-Identifier: GPL-2.0

//! The step of the pipeline that runs the offloaded program.

use core::ops::Deref;

use super::counters::{Counters, TcCounters, XdpCounters};
use super::wire::{Ingress, LengthLimit, Lost, OnWire, Watcher};
use crate::descriptor::{Outcome, RxDescriptor, TcDescriptor};
use crate::exec::{Core, Program, Services, TcVerdict, XdpVerdict};
use crate::frame::{Frame, TcContext, XdpContext};
use crate::limits::{MAX_SKB_LEN, XDP_PACKET_HEADROOM};
use crate::map::Map;
use crate::memory::Memory;

/// What a port's device runs on the frames that it receives.
pub enum Running<'a, M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static> {
    /// Nothing.
    Nothing,
    /// An XDP program.
    Xdp(&'a Program<M, R>),
    /// A classifier.
    Classifier {
        /// Its program.
        program: &'a Program<M, R>,
        /// Whether it returns classes (its filter is not `direct-action`).
        returns_class: bool,
    },
}

/// Bytes around a frame that a program may claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Room {
    /// Before it.
    pub before: usize,
    /// Behind it.
    pub behind: usize,
}

/// Where a wire frame has to lie for the program that runs on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Anywhere, in any number of pieces: no program looks at it.
    Anywhere,
    /// Where it lies, in one piece: the program only reads. Nothing need be copied for a frame that
    /// does not go to the host.
    AsItLies,
    /// In memory that is the receiver's alone, with room around it.
    Own(Room),
}

impl<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static> Clone for Running<'_, M, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static> Copy for Running<'_, M, R> {}

impl<'a, M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static> Running<'a, M, R> {
    /// Whether there is no program that sees the frames.
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// The map table of the program that runs.
    pub fn maps(&self) -> &'a [R] {
        match self {
            Self::Nothing => &[],
            Self::Xdp(program) | Self::Classifier { program, .. } => program.maps(),
        }
    }

    /// Where a wire frame of `len` bytes has to lie. `bytes` are those of the frame where they lie in
    /// one piece now.
    #[inline]
    pub fn place(&self, len: usize, bytes: Option<&[u8]>) -> Place {
        match self {
            Self::Nothing => Place::Anywhere,
            Self::Xdp(program) if bytes.is_some() && !program.image().writes_frame() => {
                Place::AsItLies
            }
            Self::Xdp(_) => Place::Own(xdp_room(len)),
            Self::Classifier { program, .. } => {
                // The tag leaves the frame before the program sees it.
                let is_tagged = bytes.is_none_or(TcContext::is_tagged);
                if is_tagged || program.image().writes_frame() {
                    Place::Own(classifier_room(program, len))
                } else {
                    Place::AsItLies
                }
            }
        }
    }

    /// Whether frames may be others than before, and for other queues, behind the program. What a
    /// classifier changes has no say in that: on the host, too, its queue is found before it.
    pub(super) fn may_move_frames(&self) -> bool {
        match self {
            Self::Xdp(program) => program.image().writes_frame(),
            Self::Nothing | Self::Classifier { .. } => false,
        }
    }

    /// Whether the program has to wait until the host polls: it matters which processor runs it.
    fn waits(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Xdp(program) | Self::Classifier { program, .. } => program.image().locates(),
        }
    }

    /// The room around a wire frame of `len` bytes that the device writes in one piece: as much as
    /// [`Self::place`] may want for it.
    pub fn room(&self, len: usize) -> Room {
        match self {
            Self::Nothing => Room::default(),
            Self::Xdp(program) if !program.image().writes_frame() => Room::default(),
            Self::Xdp(_) => xdp_room(len),
            Self::Classifier { program, .. } => classifier_room(program, len),
        }
    }
}

/// The step that runs programs, of one receive queue, for as long as a batch of frames takes.
pub struct Programs<'a, M, R, S>
where
    M: Memory,
    R: Deref<Target = Map<M>> + Send + Sync + 'static,
{
    /// Where the frames are received.
    pub ingress: Ingress,
    /// What runs.
    pub running: Running<'a, M, R>,
    /// What executes it.
    pub core: &'a mut Core<M>,
    /// What it may ask for.
    pub services: S,
    /// What it says is counted here.
    pub counters: &'a Counters,
}

/// What came of a frame that has met its program before the rest of the pipeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Met(pub(super) Result<RxDescriptor, Lost>);

impl Met {
    /// What the program said; `None` if the frame was lost on the way to it.
    #[inline]
    pub const fn descriptor(&self) -> Option<&RxDescriptor> {
        match &self.0 {
            Ok(descriptor) => Some(descriptor),
            Err(_) => None,
        }
    }

    /// The queue that the program has chosen for a frame that goes to the host, if that is another one
    /// than `own`, of the `in_use`.
    #[inline]
    pub fn leads_to(&self, own: u16, in_use: u16) -> Option<u16> {
        let descriptor = self.0.as_ref().ok()?;
        let chosen = descriptor.chosen_queue?;
        (chosen != own && chosen < in_use && descriptor.to_host()).then_some(chosen)
    }

    /// Whether that is the frame's end.
    #[inline]
    pub const fn is_end(&self) -> bool {
        match &self.0 {
            Ok(descriptor) => matches!(descriptor.outcome(), Outcome::Nowhere),
            Err(_) => true,
        }
    }
}

impl<M, R, S> Programs<'_, M, R, S>
where
    M: Memory,
    R: Deref<Target = Map<M>> + Send + Sync + 'static,
    S: Services,
{
    /// Has a frame that was sent as it is on the wire meet the program that runs, where it lies and
    /// before anything else, if the program only reads and may run on any processor. `None` if that
    /// is not so: the frame goes the [ordinary way](super::Pipeline::arrive). One that has met its program and is not at its
    /// [end](Met::is_end) [goes on](super::Pipeline::go_on), and counts as arrived by that. One that is
    /// longer than `limit` is at its end, and meets none.
    ///
    /// Context: bottom halves off; does not sleep or allocate.
    #[inline]
    pub fn meet<W: Watcher>(
        &mut self,
        watcher: &mut W,
        wire: &impl OnWire,
        limit: LengthLimit,
    ) -> Option<Met> {
        let bytes = wire.bytes()?;
        if !limit.takes(bytes.len()) {
            watcher.lost(Lost::TooLong);
            return Some(Met(Err(Lost::TooLong)));
        }
        let place = self.running.place(bytes.len(), Some(bytes));
        if place != Place::AsItLies || self.running.waits() {
            return None;
        }
        let met = Met(self.run(watcher, &mut Frame::read_only(bytes)));
        if met.is_end() {
            // CAST: A `usize` has at most 64 bits.
            watcher.arrived(1, bytes.len() as u64);
        }
        if let Err(why) = met.0 {
            watcher.lost(why);
        }
        Some(met)
    }

    /// Runs the program on a frame, whose bytes and bounds are afterwards as it left them, but for a
    /// frame that a classifier has sent, which has its VLAN tag again.
    #[inline]
    pub(super) fn run<W: Watcher>(
        &mut self,
        watcher: &mut W,
        frame: &mut Frame<'_>,
    ) -> Result<RxDescriptor, Lost> {
        match self.running {
            Running::Nothing => Ok(RxDescriptor::default()),
            Running::Xdp(program) => Ok(self.run_xdp(watcher, program, frame)),
            Running::Classifier {
                program,
                returns_class,
            } => self.run_tc(watcher, program, returns_class, frame),
        }
    }

    #[inline]
    fn run_xdp<W: Watcher>(
        &mut self,
        watcher: &mut W,
        program: &Program<M, R>,
        frame: &mut Frame<'_>,
    ) -> RxDescriptor {
        let mut context = XdpContext {
            ingress_ifindex: self.ingress.ifindex,
            rx_queue_index: self.ingress.queue.into(),
            chosen_queue: None,
            egress_ifindex: 0,
            redirect: None,
        };
        let (services, counters) = (&self.services, &self.counters.xdp);
        let descriptor = receive(self.core, program, frame, &mut context, services, counters);
        if descriptor.verdict == Some(XdpVerdict::Aborted) {
            self.note_stop(watcher);
        }
        descriptor
    }

    #[inline(never)]
    fn run_tc<W: Watcher>(
        &mut self,
        watcher: &mut W,
        program: &Program<M, R>,
        returns_class: bool,
        frame: &mut Frame<'_>,
    ) -> Result<RxDescriptor, Lost> {
        let port = &self.ingress;
        // The stack would drop it before.
        let context = TcContext::of_frame(frame, &port.address, port.ifindex, port.queue);
        let mut context = context.ok_or(Lost::Runt)?;
        context.returns_class = returns_class;
        let received = RxDescriptor {
            queue: port.queue.into(),
            ..RxDescriptor::default()
        };
        let descriptor = run_tc(
            self.core,
            program,
            frame,
            &mut context,
            &self.services,
            &self.counters.tc,
            received,
        );
        let is_shot = |tc: TcDescriptor| tc.verdict == TcVerdict::Shot;
        if descriptor.tc.is_some_and(is_shot) {
            self.note_stop(watcher);
        }
        Ok(descriptor)
    }

    /// Tells of the program's end, if the device had to stop it.
    fn note_stop<W: Watcher>(&mut self, watcher: &mut W) {
        if let Some(record) = self.core.take_fault() {
            watcher.stopped(record);
        }
    }
}

/// Room around a frame of `len` bytes for an XDP program: buffers are whole pages of 4 KiB with
/// `XDP_PACKET_HEADROOM` before the frame and what native XDP keeps for `skb_shared_info` at the end,
/// so that a frame grows to the same length in both.
fn xdp_room(len: usize) -> Room {
    const PAGE: usize = 4096;
    const SHARED_INFO: usize = 320;
    let used = (XDP_PACKET_HEADROOM + SHARED_INFO).wrapping_add(len);
    Room {
        before: XDP_PACKET_HEADROOM,
        behind: PAGE.wrapping_sub(used % PAGE) % PAGE,
    }
}

/// As [`xdp_room`], for a classifier: as much as an skb may get long, if it makes frames longer.
fn classifier_room<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static>(
    program: &Program<M, R>,
    len: usize,
) -> Room {
    let grows = program.image().grows_frame();
    Room {
        before: XDP_PACKET_HEADROOM,
        behind: if grows {
            MAX_SKB_LEN.saturating_sub(len)
        } else {
            0
        },
    }
}

/// Runs the offloaded XDP program on a frame. Any context; does not sleep or allocate.
///
/// `context` says where the frame arrived; the program may choose another receive queue in it. The
/// frame's bytes and bounds are afterwards as the program left them.
#[inline]
pub fn receive<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static>(
    core: &mut Core<M>,
    program: &Program<M, R>,
    frame: &mut Frame<'_>,
    context: &mut XdpContext,
    services: &impl Services,
    counters: &XdpCounters,
) -> RxDescriptor {
    let received = frame.len();
    let verdict = core
        .run_xdp(program, frame, context, services)
        .unwrap_or_else(|fault| {
            counters.0.count_fault(fault.cause);
            XdpVerdict::Aborted
        });
    counters.0.count(verdict as usize, received);
    RxDescriptor {
        len: frame.len() as u32,
        // Metadata is at most 255 bytes long.
        meta_len: frame.metadata().len() as u8,
        queue: context.rx_queue_index,
        chosen_queue: context
            .chosen_queue
            .map(|queue| u16::try_from(queue).unwrap_or(u16::MAX)),
        verdict: Some(verdict),
        redirect: context.redirect.filter(|_| verdict == XdpVerdict::Redirect),
        ..RxDescriptor::default()
    }
}

/// Takes a frame that `received` says goes to the host through the offloaded classifier. Any
/// context; does not sleep or allocate.
///
/// `context` comes from [`TcContext::of_frame`] on `frame`; the driver may have changed the class
/// that it begins with. The frame's bytes and bounds are afterwards as the program left them, but
/// for a frame to be sent, which has its VLAN tag again. If there is no room for that, the frame is
/// shot.
pub fn run_tc<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static>(
    core: &mut Core<M>,
    program: &Program<M, R>,
    frame: &mut Frame<'_>,
    context: &mut TcContext,
    services: &impl Services,
    counters: &TcCounters,
    received: RxDescriptor,
) -> RxDescriptor {
    let bytes = frame.len();
    let verdict = match core.run_tc(program, frame, context, services) {
        Ok(TcVerdict::Redirect) if context.insert_tag(frame).is_err() => TcVerdict::Shot,
        Ok(verdict) => verdict,
        Err(fault) => {
            counters.0.count_fault(fault.cause);
            TcVerdict::Shot
        }
    };
    counters.0.count(verdict as usize, bytes);
    let len = frame.len() as u32;
    RxDescriptor {
        len,
        meta_len: frame.metadata().len() as u8,
        tc: Some(TcDescriptor {
            verdict,
            redirect: context.redirect.filter(|_| verdict == TcVerdict::Redirect),
            protocol: context.protocol,
            pkt_type: context.pkt_type,
            network_offset: context.network_offset.min(len),
            vlan: context.vlan,
            mark: context.mark,
            priority: context.priority,
            tc_index: context.tc_index as u16,
            queue_mapping: context.queue_mapping as u16,
            hash_invalid: context.hash_invalid,
        }),
        ..received
    }
}
