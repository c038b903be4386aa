// SPDX-License-Identifier: GPL-2.0

//! The audits of the device: frames for the stack in which the kernel looks as well, and super-frames that the
//! kernel cuts again.

use crate::port::{
    see_parsed,
    Port, //
};
use device::originals::Originals;
use engine::coalesce::{
    is_complete,
    is_same_to_gro, //
};
use net::{
    flow_dissector::dissect,
    napi::PollContext,
    rcu,
    skbuff::Received, //
};
use offload::{
    SuperFrame,
    AUDITED, //
};

impl Port {
    /// Has the kernel find its way through a frame that is due, which begins with `bytes` as the stack gets
    /// it, and compares that with what the device finds. Context: the poll of the queue.
    #[inline(never)]
    pub(super) fn audit(&self, bytes: &[u8], guard: &rcu::Guard) {
        let bytes = bytes.get(..AUDITED).unwrap_or(bytes);
        let Some(parser) = self.asic.card.parsers.load(guard) else {
            return;
        };
        // One that there is no memory for goes by unseen.
        let Ok(kernel) = dissect(&self.device, bytes, 0, guard) else {
            return;
        };
        let audit = &self.interface.audit;
        let found = parser.parse(bytes, 0);
        see_parsed(&found, &mut |device| audit.compare(bytes, device, &kernel));
    }

    /// Has the kernel cut `frame`, which was put together of `originals`, and gives it if these come out. Else
    /// it is gone, and they are to go up. Context: the poll of the queue.
    #[cold]
    #[inline(never)]
    pub(super) fn audit_super_frame(
        &self,
        mut frame: Received,
        originals: Originals,
        context: &PollContext<'_>,
    ) -> Result<Received, Originals> {
        let cut = frame.cut_again(context);
        let audit = &self.interface.gro_audit;
        let bytes = frame.bytes();
        let len = bytes.len().saturating_add(frame.len_in_pages());
        let made = SuperFrame {
            bytes,
            is_complete: is_complete(bytes, len),
            is_same_to_gro,
        };
        let is_same = audit.compare(&mut originals.bytes(), &made, cut);
        if is_same {
            originals.consume_in(context);
            return Ok(frame);
        }
        frame.consume_in(context);
        if !self.gro_permission.is_told(!audit.has_ended()) {
            self.asic.tell_of_permissions_soon();
        }
        Err(originals)
    }
}
