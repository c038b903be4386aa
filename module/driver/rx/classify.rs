// SPDX-License-Identifier: GPL-2.0

//! What happens to a frame that the device has taken from the cable, if it runs a classifier.

use super::{
    poll::Poll,
    wire::{
        Wire,
        Written, //
    },
    RxCore, //
};
use crate::{
    redirect::Fit,
    services::Machine,
    tc::Classifier, //
};
use engine::{
    descriptor::TcDescriptor,
    exec::TcVerdict,
    frame::{
        Frame,
        TcContext, //
    },
    pipeline, //
};
use net::skbuff::{
    Classified,
    Room, //
};

impl Poll<'_> {
    /// Takes one frame through the classifier.
    #[inline(never)]
    pub(super) fn classify(&self, frame: Wire, classifier: &Classifier, core: &mut RxCore) {
        let writes = classifier.program().engine().image().writes_frame();
        let reads_here = |bytes| !writes && !TcContext::is_tagged(bytes);
        if frame.bytes().is_some_and(reads_here) {
            self.classify_in_place(frame, classifier, core);
        } else {
            self.classify_in_host_memory(frame, classifier, core);
        }
    }

    /// Runs a classifier that only reads on the frame where it lies.
    fn classify_in_place(&self, wire: Wire, classifier: &Classifier, core: &mut RxCore) {
        let mut frame = Frame::read_only(wire.bytes().unwrap_or_default());
        let Some(found) = self.run_classifier(classifier, &mut frame, core) else {
            self.rx.runt_drops.add(1);
            return;
        };
        match found.verdict {
            TcVerdict::Ok | TcVerdict::Unspec => {
                if let Some(written) = Written::from_wire(wire, Room::default(), self) {
                    self.deliver_classified(written, &found);
                }
            }
            TcVerdict::Redirect => self.redirect_classified(wire, &found),
            TcVerdict::Shot | TcVerdict::Stolen | TcVerdict::Trap => wire.consume(),
        }
    }

    /// Runs a classifier on the host's copy of the frame: it may write, and leaves a tag out.
    fn classify_in_host_memory(&self, wire: Wire, classifier: &Classifier, core: &mut RxCore) {
        let room = self.room(wire.len());
        let Some(mut written) = Written::from_wire(wire, room, self) else {
            return;
        };
        let Some(mut frame) = self.frame_in(&mut written) else {
            return;
        };
        let Some(found) = self.run_classifier(classifier, &mut frame, core) else {
            self.rx.runt_drops.add(1);
            return;
        };
        let range = frame.data_offset()..frame.end_offset();
        let written = written.with_range(range);
        let grows = classifier.program().engine().image().grows_frame();
        match found.verdict {
            TcVerdict::Ok | TcVerdict::Unspec if grows => {
                // The room that the frame might have grown into would count as the receiver's memory.
                let grown = Wire::Sent(written.into_sent().into());
                if let Some(written) = Written::from_wire(grown, Room::default(), self) {
                    self.deliver_classified(written, &found);
                }
            }
            TcVerdict::Ok | TcVerdict::Unspec => self.deliver_classified(written, &found),
            TcVerdict::Redirect => self.redirect_classified(Wire::Written(written), &found),
            TcVerdict::Shot | TcVerdict::Stolen | TcVerdict::Trap => {}
        }
    }

    /// Has the device run `classifier` on `frame`, and counts what comes out. `None` for a frame
    /// that the stack would drop before it gets to classifiers.
    fn run_classifier(
        &self,
        classifier: &Classifier,
        frame: &mut Frame<'_>,
        core: &mut RxCore,
    ) -> Option<TcDescriptor> {
        let (device, program) = (&self.port.device, classifier.program());
        let services = Machine::new(program, self.guard);
        let received = self.descriptor(None, frame, core, &services);
        let address = device.address();
        let mut context = TcContext::of_frame(frame, &address, device.ifindex(), self.queue)?;
        context.returns_class = !classifier.direct_action();
        let descriptor = pipeline::run_tc(
            &mut core.0,
            program.engine(),
            frame,
            &mut context,
            &services,
            &self.rx.tc,
            received,
        );
        let found = descriptor.tc?;
        if found.verdict == TcVerdict::Shot {
            if let Some(record) = core.0.take_fault() {
                self.rx.faults.note(record);
            }
        }
        Some(found)
    }

    /// Hands the frame up, with what the classifier has left of it.
    fn deliver_classified(&self, written: Written, found: &TcDescriptor) {
        let mut received = written.into_received(0);
        let sum = self.checksum(received.bytes(), found.network_offset as usize);
        received.set_checksum(sum);
        self.count_delivered(received.deliver_classified(self.context, &classified(found)));
    }

    /// Has the device send a frame where the classifier wants it.
    fn redirect_classified(&self, frame: Wire, found: &TcDescriptor) {
        let (target, redirects) = (found.redirect, &self.rx.tc_redirects);
        if let Some(skb) = frame.into_sent(self) {
            self.port
                .redirect(skb, target, Fit::Any, self.queue, redirects, self.guard);
        }
    }
}

/// What the stack is told.
fn classified(found: &TcDescriptor) -> Classified {
    Classified {
        protocol: found.protocol,
        pkt_type: found.pkt_type,
        network_offset: found.network_offset,
        vlan: found.vlan.map(|tag| (tag.protocol, tag.tci)),
        mark: found.mark,
        priority: found.priority,
        tc_index: found.tc_index,
        queue_mapping: found.queue_mapping,
        is_final: found.verdict == TcVerdict::Ok,
    }
}
