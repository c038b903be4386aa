// SPDX-License-Identifier: GPL-2.0

//! What happens to a frame if a classifier runs in the device.

use super::{
    poll::Poll,
    program::Fit,
    wire::{
        Wire,
        Written, //
    }, //
};
use crate::{
    port::Plugged,
    program::Program,
    services::Machine, //
};
use engine::{
    descriptor::RxDescriptor,
    exec::TcVerdict,
    frame::{
        Frame,
        TcContext, //
    },
    pipeline, //
};
use net::skbuff::UniqueSkBuff;

impl<H: Plugged> Poll<'_, H> {
    /// Takes one frame through the classifier.
    #[inline(never)]
    pub(super) fn classify(
        &mut self,
        frame: Wire,
        program: &Program<H::Label>,
        direct_action: bool,
    ) {
        let writes = program.image().writes_frame();
        let reads_here = |bytes| !writes && !TcContext::is_tagged(bytes);
        if frame.bytes().is_some_and(reads_here) {
            self.classify_in_place(frame, program, direct_action);
        } else {
            self.classify_in_host_memory(frame, program, direct_action);
        }
    }

    /// Runs a classifier that only reads on the frame where it lies.
    fn classify_in_place(&mut self, wire: Wire, program: &Program<H::Label>, direct_action: bool) {
        let mut frame = Frame::read_only(wire.bytes().unwrap_or_default());
        let found = self.run_classifier(program, direct_action, &mut frame);
        let Some((verdict, descriptor)) = found else {
            self.rx.runt_drops.add(1);
            return;
        };
        match verdict {
            TcVerdict::Ok | TcVerdict::Unspec => {
                if let Some(written) = Written::from_wire(wire, self) {
                    self.deliver(written.into_received(0), &descriptor);
                }
            }
            TcVerdict::Redirect => {
                if let Some(skb) = wire.into_sent(self) {
                    self.redirect_classified(skb, &descriptor);
                }
            }
            TcVerdict::Shot | TcVerdict::Stolen | TcVerdict::Trap => wire.consume(),
        }
    }

    /// Runs a classifier on the host's copy of the frame: it may write, and leaves a tag out.
    fn classify_in_host_memory(
        &mut self,
        wire: Wire,
        program: &Program<H::Label>,
        direct_action: bool,
    ) {
        let room = self.room(wire.len());
        let Some(mut written) = Written::with_room(wire, room, self) else {
            return;
        };
        let Some(mut frame) = self.frame_in(&mut written) else {
            return;
        };
        let found = self.run_classifier(program, direct_action, &mut frame);
        let Some((verdict, descriptor)) = found else {
            self.rx.runt_drops.add(1);
            return;
        };
        let range = frame.data_offset()..frame.end_offset();
        let written = written.with_range(range);
        match verdict {
            TcVerdict::Ok | TcVerdict::Unspec if program.image().grows_frame() => {
                // The room that the frame might have grown into would count as the receiver's memory.
                let grown = Wire::Sent(written.into_sent().into());
                if let Some(written) = Written::from_wire(grown, self) {
                    self.deliver(written.into_received(0), &descriptor);
                }
            }
            TcVerdict::Ok | TcVerdict::Unspec => {
                self.deliver(written.into_received(0), &descriptor)
            }
            TcVerdict::Redirect => self.redirect_classified(written.into_sent(), &descriptor),
            TcVerdict::Shot | TcVerdict::Stolen | TcVerdict::Trap => {}
        }
    }

    /// Has the device run the classifier `program` on `frame`, and counts what comes out. `None` for a
    /// frame that the stack would drop before it gets to classifiers.
    fn run_classifier(
        &mut self,
        program: &Program<H::Label>,
        direct_action: bool,
        frame: &mut Frame<'_>,
    ) -> Option<(TcVerdict, RxDescriptor)> {
        let services = Machine::new(program, self.guard);
        let (address, ifindex) = (&self.setup.address, self.setup.ifindex);
        let mut context = TcContext::of_frame(frame, address, ifindex, self.queue)?;
        context.returns_class = !direct_action;
        let received = self.plain_descriptor();
        let descriptor = pipeline::run_tc(
            &mut self.core.0,
            program.engine(),
            frame,
            &mut context,
            &services,
            &self.rx.tc,
            received,
        );
        let verdict = descriptor.tc?.verdict;
        if verdict == TcVerdict::Shot {
            self.note_fault();
        }
        Some((verdict, descriptor))
    }

    /// Has the device send a frame where the classifier wants it.
    fn redirect_classified(&self, skb: UniqueSkBuff, descriptor: &RxDescriptor) {
        let target = descriptor.tc.and_then(|found| found.redirect);
        self.redirect(skb, target, Fit::Any, &self.rx.tc_redirects);
    }
}
