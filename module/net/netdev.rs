// SPDX-License-Identifier: GPL-2.0

//! Network devices: a driver's port, the `struct net_device` that it owns, and its queues.
//!
//! A driver implements [`Operations`] for its port type, [`Poll`] for its queues, and of the traits
//! for other concerns those that it has something for; [`Table`] takes them together. The port owns a
//! [`Device`], and a [`Registration`] makes the two known to the stack. The order of life is:
//! `Device::new`, the port around it in an `Arc`, `Registration::new`, drop of the registration, drop
//! of the last `Arc`.
//!
//! # Context, locks, life
//!
//! | | context | locks | kept alive by |
//! |---|---|---|---|
//! | [`Device`] | `set_queues`: process, sleeps; `schedule`: softirq or bottom halves off | RTNL for queues that come and go | its port, which the registration keeps |
//! | [`NetDevice`] | any | an [`Rtnl`] or an [`rcu::Guard`](crate::rcu::Guard) where a method asks for one; what is read without may be changing | the [`Device`] around it, or whoever lent it |
//! | [`Operations`] | as each method says | RTNL for control, the lock of the transmit queue for `start_xmit`, NAPI's bit for `poll` | the registration, until `unregister_netdev()` has returned |
//! | [`Registration`] | process, RTNL not held; sleeps | takes RTNL; devlink's lock is held | whoever holds it; it holds the port |
//! | [`Rtnl`] | process | is the proof that RTNL is held | the callback or [`with_rtnl`], which it borrows |
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

mod adapter;
mod device;
mod features;
mod flow_steering;
mod interface;
mod operations;
mod private;
mod queue;
mod queue_stats;
mod receive_filter;
mod registration;
mod rtnl;
mod table;
mod vlan_filter;

pub use device::{
    Config,
    Device, //
};
pub use features::{
    FeatureCell,
    Features, //
};
pub use flow_steering::{
    FlowSteering,
    SteeredFlow, //
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
pub use queue::Poll;
pub use queue_stats::QueueStats;
pub use receive_filter::{
    AddressList,
    ReceiveFilter,
    ReceiveMode, //
};
pub use registration::Registration;
pub use rtnl::{
    try_with_rtnl,
    with_rtnl,
    Rtnl, //
};
pub use table::Table;
pub use vlan_filter::{
    Vlan,
    VlanFilter, //
};
