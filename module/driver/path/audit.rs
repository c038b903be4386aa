// SPDX-License-Identifier: GPL-2.0

//! The audit of the device's parser: frames for the stack in which the kernel looks as well.

use crate::port::{
    see_parsed,
    Port, //
};
use net::{
    flow_dissector::dissect,
    rcu, //
};
use offload::AUDITED;

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
}
