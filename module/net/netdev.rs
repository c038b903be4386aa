// SPDX-License-Identifier: GPL-2.0

//! Network devices: a driver's port, the `struct net_device` that it owns, and its queues.
//!
//! A driver implements [`Operations`] for its port type, [`Poll`] for its queues, and of the traits
//! for other concerns those that it has something for; [`Table`] takes them together. The port owns a
//! [`Device`], and a [`Registration`] makes the two known to the stack. The order of life is:
//! `Device::new`, the port around it in an `Arc`, `Registration::new`, drop of the registration, drop
//! of the last `Arc`.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

mod adapter;
mod device;
mod features;
mod interface;
mod interrupt;
mod operations;
mod private;
mod queue;
mod queue_stats;
mod registration;
mod rtnl;
mod table;

pub use device::{
    Config,
    Device, //
};
pub use features::{
    FeatureCell,
    Features, //
};
pub use interface::NetDevice;
pub use operations::{
    Operations,
    Xmit, //
};
pub(crate) use private::{
    port,
    private, //
};
pub use queue::{
    Poll,
    PollContext, //
};
pub use queue_stats::QueueStats;
pub use registration::Registration;
pub use rtnl::{
    try_with_rtnl,
    with_rtnl,
    Rtnl, //
};
pub use table::Table;
