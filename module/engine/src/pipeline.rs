// SPDX-License-Identifier: GPL-2.0

//! What the device does with one received frame.

use core::ops::Deref;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::descriptor::{RxDescriptor, TcDescriptor};
use crate::exec::{Core, Program, Services, TcVerdict, XdpVerdict};
use crate::fault::FaultCause;
use crate::frame::{Frame, TcContext, XdpContext};
use crate::map::Map;
use crate::memory::Memory;

/// A counter that one queue advances and anyone reads.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many verdicts XDP has.
const XDP_VERDICTS: usize = 5;

/// What offloaded programs decided about the frames of a receive queue, by `VERDICTS` verdicts. Wrap
/// around at 2^64.
struct Counters<const VERDICTS: usize> {
    packets: [Counter; VERDICTS],
    bytes: [Counter; VERDICTS],
    faults: [Counter; FaultCause::ALL.len()],
}

impl<const VERDICTS: usize> Default for Counters<VERDICTS> {
    fn default() -> Self {
        Self {
            packets: [const { Counter::new() }; VERDICTS],
            bytes: [const { Counter::new() }; VERDICTS],
            faults: Default::default(),
        }
    }
}

impl<const VERDICTS: usize> Counters<VERDICTS> {
    fn count(&self, verdict: usize, bytes: usize) {
        if let (Some(packets), Some(total)) = (self.packets.get(verdict), self.bytes.get(verdict)) {
            packets.add(1);
            total.add(bytes as u64);
        }
    }

    fn count_fault(&self, cause: FaultCause) {
        if let Some(faults) = self.faults.get(cause as usize) {
            faults.add(1);
        }
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $verdict:ident, $count:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Default)]
            pub struct $name(Counters<{ $count }>);

            impl $name {
                /// Frames with verdict `verdict`.
                pub fn packets(&self, verdict: $verdict) -> u64 {
                    self.0.packets.get(verdict as usize).map_or(0, Counter::get)
                }

                /// Bytes of the frames with verdict `verdict`, as their programs got them.
                pub fn bytes(&self, verdict: $verdict) -> u64 {
                    self.0.bytes.get(verdict as usize).map_or(0, Counter::get)
                }

                /// Frames whose program the device stopped because of `cause`.
                pub fn faults(&self, cause: FaultCause) -> u64 {
                    self.0.faults.get(cause as usize).map_or(0, Counter::get)
                }
            }
        )*
    };
}

counters! {
    /// What offloaded XDP programs decided about the frames of a receive queue. Frames whose program
    /// the device stopped count as aborted, too. Wrap around at 2^64.
    XdpCounters: XdpVerdict, XDP_VERDICTS;
    /// What offloaded classifiers decided about the frames of a receive queue. Frames whose program
    /// the device stopped count as shot, too. Wrap around at 2^64.
    TcCounters: TcVerdict, TcVerdict::ALL.len();
}

/// Takes one frame through the receive pipeline: the offloaded program, if there is one. Any
/// context; does not sleep or allocate.
///
/// `context` says where the frame arrived; the program may choose another receive queue in it. The
/// frame's bytes and bounds are afterwards as the program left them.
pub fn receive<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static>(
    core: &mut Core<M>,
    program: Option<&Program<M, R>>,
    frame: &mut Frame<'_>,
    context: &mut XdpContext,
    services: &impl Services,
    counters: &XdpCounters,
) -> RxDescriptor {
    let received = frame.len();
    let verdict = program.map(|program| {
        let verdict = core
            .run_xdp(program, frame, context, services)
            .unwrap_or_else(|fault| {
                counters.0.count_fault(fault.cause);
                XdpVerdict::Aborted
            });
        counters.0.count(verdict as usize, received);
        verdict
    });
    RxDescriptor {
        len: frame.len() as u32,
        // Metadata is at most 255 bytes long.
        meta_len: frame.metadata().len() as u8,
        queue: context.rx_queue_index,
        verdict,
        redirect: context
            .redirect
            .filter(|_| verdict == Some(XdpVerdict::Redirect)),
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
