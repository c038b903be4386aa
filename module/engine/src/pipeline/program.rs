// SPDX-License-Identifier: GPL-2.0

//! The step of the pipeline that runs the offloaded program.

use core::ops::Deref;

use super::counters::{TcCounters, XdpCounters};
use crate::descriptor::{RxDescriptor, TcDescriptor};
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
        hash: received.hash.filter(|_| !context.hash_invalid),
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
        }),
        ..received
    }
}
