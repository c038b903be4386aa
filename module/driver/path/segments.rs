// SPDX-License-Identifier: GPL-2.0

//! Segments that software has cut: the GSO program that the device would ask has its say there, too.

use crate::port::Port;
use device::send::plan;
use engine::{
    descriptor::TxDescriptor,
    transmit::{
        GsoCounts,
        Heard,
        TxPlan,
        SHOWN_HEADERS, //
    }, //
};
use kernel::prelude::*;
use net::{
    rcu,
    skbuff::SkBuff,
    xdp::NativeProgram, //
};

/// A super-frame that software cuts.
pub(super) struct Segments<'a> {
    port: &'a Port,
    queue: u16,
    program: &'a NativeProgram,
    /// What the device would do.
    plan: TxPlan,
    /// The first bytes of the super-frame, which is gone when it is cut.
    headers: [u8; SHOWN_HEADERS],
    filled: usize,
    /// The number of the next segment.
    index: u32,
    /// What of the payload is in those before.
    before: usize,
}

impl<'a> Segments<'a> {
    /// Those of `frame`, which the stack has given to transmit queue `queue` of `port`, as `descriptor` says.
    /// `None` if nobody is asked: there is no program that the driver runs, or it is of a kind of frames that
    /// programs are not shown; or if there is no memory. Context: as of `ndo_start_xmit`; does not sleep.
    #[inline]
    pub(super) fn of(
        frame: &SkBuff,
        descriptor: impl FnOnce() -> TxDescriptor,
        (port, queue): (&'a Port, u16),
        guard: &'a rcu::Guard,
    ) -> Option<KBox<Self>> {
        let program = port.gso.run(guard)?;
        Self::with(program, frame, &descriptor(), (port, queue))
    }

    #[inline(never)]
    fn with(
        program: &'a NativeProgram,
        frame: &SkBuff,
        descriptor: &TxDescriptor,
        (port, queue): (&'a Port, u16),
    ) -> Option<KBox<Self>> {
        let plan = plan(frame, descriptor).ok()?;
        let mut headers = [0; SHOWN_HEADERS];
        let filled = frame.linear().len().min(SHOWN_HEADERS);
        for (to, from) in headers.iter_mut().zip(frame.linear()) {
            *to = *from;
        }
        let unsaid = plan.frames();
        let segments = Self {
            port,
            queue,
            program,
            plan,
            headers,
            filled,
            index: 0,
            before: 0,
        };
        let kept = KBox::new(segments, GFP_ATOMIC);
        if kept.is_err() {
            port.hardware.gso.add(GsoCounts {
                unsaid,
                ..GsoCounts::default()
            });
        }
        kept.ok()
    }

    /// Has the program have its say of the next segment.
    #[inline(never)]
    pub(super) fn next(&mut self, segment: SkBuff) -> SkBuff {
        // Who else has it would see it change. Nobody has.
        let mut segment = match segment.try_into_unique() {
            Ok(segment) => segment,
            Err(segment) => return segment,
        };
        let frame = self.plan.segment_at(self.index, self.before, segment.len());
        let (program, device, queue) = (self.program, &self.port.device, self.queue);
        let headers = self.headers.get(..self.filled).unwrap_or_default();
        let heard = match (&frame, segment.linear_mut()) {
            (Some(frame), Ok(wire)) => self.plan.consult(frame, headers, wire, &mut |shown| {
                program.looks_good(shown, device, queue)
            }),
            _ => Heard::Nothing,
        };
        let mut counts = GsoCounts::default();
        counts.add(heard);
        self.port.hardware.gso.add(counts);
        self.index = self.index.saturating_add(1);
        if let Some(frame) = frame {
            self.before = self.before.saturating_add(frame.payload.len());
        }
        segment.into()
    }
}
