// SPDX-License-Identifier: GPL-2.0

//! What the host asks of a NIC beside programs and frames: buses, ports, devlink, queues, resources.

mod bus;
mod devlink;
mod dpipe;
mod filter;
mod in_step;
mod interface;
mod lifecycle;
mod link;
mod loopback;
mod loopback_nic;
mod mac;
mod qstats;
mod queues;
mod resources;
mod split;
mod time;
mod vlan;
