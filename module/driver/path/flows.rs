// SPDX-License-Identifier: GPL-2.0

//! Accelerated RFS: flows that the stack wants on the queue near their readers.

use crate::port::{
    Expiry,
    Port, //
};
use kernel::prelude::*;
use net::{
    netdev::SteeredFlow,
    rcu,
    work::Work, //
};

impl Port {
    /// Has the device steer a flow as the stack wants it, and gives the number of the filter. Context:
    /// softirq, several at once.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the queue is not in use, `ENOSPC` if there is no room for the flow.
    pub(crate) fn steer_flow(&self, flow: SteeredFlow) -> Result<u16> {
        if flow.queue >= self.device.queues_in_use() {
            return Err(EINVAL);
        }
        let filter = self.hardware.steer_flow(flow.hash, flow.queue, flow.id);
        let filter = filter.ok_or(ENOSPC)?;
        self.asic.expire_flows_soon();
        Ok(filter)
    }
}

impl Work for Expiry {
    /// Long enough for a flow that is slow to be asked about seldom.
    const PAUSE: u32 = 500;

    fn work(&self) -> bool {
        let guard = rcu::Guard::new();
        let mut is_left = false;
        for port in self.0.ports.iter(&guard) {
            is_left |= port
                .hardware
                .expire_flows(|queue, id, filter| port.device.may_expire_flow(queue, id, filter));
        }
        is_left
    }
}
