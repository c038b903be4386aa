// SPDX-License-Identifier: GPL-2.0

//! What the device does with one received frame.

use core::ops::Deref;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::descriptor::RxDescriptor;
use crate::exec::{Core, Program, Services, XdpVerdict};
use crate::fault::FaultCause;
use crate::frame::{Frame, XdpContext};
use crate::map::Map;
use crate::memory::Memory;

/// A counter that one queue advances and anyone reads.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many verdicts there are.
const XDP_VERDICTS: usize = 5;

/// What offloaded programs decided about the frames of a receive queue. Wrap around at 2^64.
#[derive(Default)]
pub struct XdpCounters {
    /// Frames by verdict, indexed as [`XdpVerdict`].
    packets: [Counter; XDP_VERDICTS],
    /// Their bytes, as they were received.
    bytes: [Counter; XDP_VERDICTS],
    /// Programs that the device stopped, by cause; their frames count as aborted.
    faults: [Counter; FaultCause::ALL.len()],
}

impl XdpCounters {
    /// Frames with verdict `verdict`.
    pub fn packets(&self, verdict: XdpVerdict) -> u64 {
        self.packets.get(verdict as usize).map_or(0, Counter::get)
    }

    /// Bytes of the frames with verdict `verdict`, as they were received.
    pub fn bytes(&self, verdict: XdpVerdict) -> u64 {
        self.bytes.get(verdict as usize).map_or(0, Counter::get)
    }

    /// Frames whose program the device stopped because of `cause`.
    pub fn faults(&self, cause: FaultCause) -> u64 {
        self.faults.get(cause as usize).map_or(0, Counter::get)
    }

    fn count(&self, verdict: XdpVerdict, bytes: usize) {
        if let (Some(packets), Some(total)) = (
            self.packets.get(verdict as usize),
            self.bytes.get(verdict as usize),
        ) {
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
                counters.count_fault(fault.cause);
                XdpVerdict::Aborted
            });
        counters.count(verdict, received);
        verdict
    });
    RxDescriptor {
        len: frame.len() as u32,
        // Metadata is at most 255 bytes long.
        meta_len: frame.metadata().len() as u8,
        queue: context.rx_queue_index,
        hash: None,
        verdict,
        redirect: context
            .redirect
            .filter(|_| verdict == Some(XdpVerdict::Redirect)),
    }
}
