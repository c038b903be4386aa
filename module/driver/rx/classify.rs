// SPDX-License-Identifier: GPL-2.0

//! What happens to a frame that the device has taken from the cable, if it runs a classifier.

use super::{
    poll::Poll,
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
    limits::MAX_SKB_LEN,
    pipeline, //
};
use net::skbuff::{
    Classified,
    FrameBuffer,
    SkBuff, //
};

impl Poll<'_> {
    /// Takes one frame through the classifier.
    pub(super) fn classify(&self, skb: SkBuff, classifier: &Classifier, core: &mut RxCore) {
        let writes = classifier.program().engine().image().writes_frame();
        if writes || !skb.is_linear() || TcContext::is_tagged(skb.linear()) {
            self.classify_in_host_memory(skb, classifier, core);
        } else {
            self.classify_in_place(skb, classifier, core);
        }
    }

    /// Runs a classifier that only reads on the frame where it lies.
    fn classify_in_place(&self, skb: SkBuff, classifier: &Classifier, core: &mut RxCore) {
        let mut frame = Frame::read_only(skb.linear());
        let Some(found) = self.run_classifier(classifier, &mut frame, core) else {
            self.rx.runt_drops.add(1);
            return;
        };
        match found.verdict {
            TcVerdict::Ok | TcVerdict::Unspec => self.deliver_classified(skb, &found),
            TcVerdict::Redirect => self.redirect_classified(skb, &found),
            TcVerdict::Shot | TcVerdict::Stolen | TcVerdict::Trap => skb.consume(),
        }
    }

    /// Runs a classifier on the host's copy of the frame: it may write, and leaves a tag out.
    fn classify_in_host_memory(&self, skb: SkBuff, classifier: &Classifier, core: &mut RxCore) {
        let grows = classifier.program().engine().image().grows_frame();
        let len = skb.len();
        let tailroom = if grows {
            MAX_SKB_LEN.saturating_sub(len)
        } else {
            0
        };
        let Some(mut buffer) = self.copy_for_program(skb, tailroom) else {
            return;
        };
        let Some(mut frame) = self.frame_in(&mut buffer, len) else {
            return;
        };
        let Some(found) = self.run_classifier(classifier, &mut frame, core) else {
            self.rx.runt_drops.add(1);
            return;
        };
        let range = frame.data_offset()..frame.end_offset();
        match found.verdict {
            // The room that the frame might have grown into would count as the receiver's memory.
            TcVerdict::Ok | TcVerdict::Unspec if grows => {
                self.deliver_classified(buffer.into_sent(range), &found)
            }
            TcVerdict::Ok | TcVerdict::Unspec => {
                let received = buffer.into_received(range, 0);
                let found = classified(&found);
                self.count_delivered(received.deliver_classified(self.context, &found));
            }
            TcVerdict::Redirect => self.redirect_classified(buffer.into_sent(range), &found),
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

    /// Copies the frame to the host, with what the classifier has left of it.
    fn deliver_classified(&self, skb: SkBuff, found: &TcDescriptor) {
        let len = skb.len();
        let Some(buffer) = FrameBuffer::copy_of(&skb, 0, 0, self.context) else {
            self.rx.no_buffer_drops.add(1);
            return;
        };
        skb.consume();
        let received = buffer.into_received(0..len, 0);
        self.count_delivered(received.deliver_classified(self.context, &classified(found)));
    }

    /// Has the device send a frame where the classifier wants it.
    fn redirect_classified(&self, skb: SkBuff, found: &TcDescriptor) {
        let (target, redirects) = (found.redirect, &self.rx.tc_redirects);
        self.port
            .redirect(skb, target, Fit::Any, self.queue, redirects, self.guard);
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
