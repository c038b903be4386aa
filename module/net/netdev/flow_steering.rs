// SPDX-License-Identifier: GPL-2.0

//! Accelerated RFS: the stack has a flow come by the queue whose interrupt is handled near its reader.
//!
//! A kernel without `CONFIG_RFS_ACCEL` never asks for it.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::{
    interface::NetDevice,
    operations::Operations,
    table::Table, //
};
use crate::bindings;
use kernel::prelude::*;

/// A flow that the stack wants elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct SteeredFlow {
    /// The hash that the device has told of one of its frames.
    pub hash: u32,
    /// The receive queue that it is to come by.
    pub queue: u16,
    /// The stack's number for it.
    pub id: u32,
}

/// A port that takes flows from the stack (`ndo_rx_flow_steer`).
pub trait FlowSteering: Operations {
    /// Has `flow` come by its queue from now on, and gives a number for that, which is asked about in
    /// [`NetDevice::may_expire_flow`]. Called again with each frame of a flow that was refused.
    /// Context: softirq, in an RCU read side; several at once.
    ///
    /// # Errors
    ///
    /// The flow stays where it is.
    fn steer_flow(&self, flow: SteeredFlow) -> Result<u16>;
}

impl<T: FlowSteering> Table<T> {
    /// The port has [`FlowSteering`].
    pub const fn flow_steering(self) -> Self {
        #[cfg(CONFIG_RFS_ACCEL)]
        let this = {
            let mut this = self;
            this.netdev.ndo_rx_flow_steer = Some(rx_flow_steer::<T>);
            this
        };
        #[cfg(not(CONFIG_RFS_ACCEL))]
        let this = self;
        this
    }
}

/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
#[cfg(CONFIG_RFS_ACCEL)]
unsafe extern "C" fn rx_flow_steer<T: FlowSteering>(
    dev: *mut bindings::net_device,
    skb: *const bindings::sk_buff,
    queue: u16,
    id: u32,
) -> i32 {
    kernel::error::from_result(|| {
        let mut hash = 0;
        // SAFETY: The stack has the frame, and there is room for the answer.
        if !unsafe { bindings::offload_nic_skb_device_hash(skb, &raw mut hash) } {
            return Err(crate::error::not_supported());
        }
        // SAFETY: The stack asks registered devices only.
        let port = unsafe { super::private::port::<T>(dev) };
        port.steer_flow(SteeredFlow { hash, queue, id })
            .map(i32::from)
    })
}

impl NetDevice {
    /// Whether the stack has no use any more for what [`FlowSteering::steer_flow`] has given `filter` as a
    /// number for: `queue` and `id` are those of the flow. To be asked from time to time. Any context.
    pub fn may_expire_flow(&self, queue: u16, id: u32, filter: u16) -> bool {
        #[cfg(CONFIG_RFS_ACCEL)]
        // SAFETY: The device is valid, and no flow was steered to a queue that it does not have.
        let may_expire = unsafe { bindings::rps_may_expire_flow(self.as_ptr(), queue, id, filter) };
        #[cfg(not(CONFIG_RFS_ACCEL))]
        let may_expire = {
            let _ = (queue, id, filter);
            true
        };
        may_expire
    }
}
