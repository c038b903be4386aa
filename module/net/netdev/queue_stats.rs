// SPDX-License-Identifier: GPL-2.0

//! Counters of single queues (`qstats-get`).
//!
//! C header: [`include/net/netdev_queues.h`](srctree/include/net/netdev_queues.h)

use super::{
    adapter::device,
    operations::Operations,
    private::port,
    table::Table, //
};
use crate::{
    bindings,
    stats::{
        RxQueueStats,
        TxQueueStats, //
    }, //
};

/// A port that counts by queue.
pub trait QueueStats: Operations {
    /// Counters of one receive queue. RTNL is held.
    fn rx_queue_stats(&self, queue: u16) -> RxQueueStats;

    /// Counters of one transmit queue. RTNL is held.
    fn tx_queue_stats(&self, queue: u16) -> TxQueueStats;
}

impl<T: QueueStats> Table<T> {
    /// The port has [`QueueStats`].
    pub const fn queue_stats(mut self) -> Self {
        self.stat.get_queue_stats_rx = Some(get_queue_stats_rx::<T>);
        self.stat.get_queue_stats_tx = Some(get_queue_stats_tx::<T>);
        self.stat.get_base_stats = Some(get_base_stats::<T>);
        self
    }
}

/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
unsafe extern "C" fn get_queue_stats_rx<T: QueueStats>(
    dev: *mut bindings::net_device,
    queue: i32,
    stats: *mut bindings::netdev_queue_stats_rx,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, stats) = unsafe { (port::<T>(dev), &mut *stats) };
    if let Ok(queue) = u16::try_from(queue) {
        port.rx_queue_stats(queue).fill(stats);
    }
}

/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
unsafe extern "C" fn get_queue_stats_tx<T: QueueStats>(
    dev: *mut bindings::net_device,
    queue: i32,
    stats: *mut bindings::netdev_queue_stats_tx,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, stats) = unsafe { (port::<T>(dev), &mut *stats) };
    if let Ok(queue) = u16::try_from(queue) {
        port.tx_queue_stats(queue).fill(stats);
    }
}

/// What was counted by queues that are not in use.
///
/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
unsafe extern "C" fn get_base_stats<T: QueueStats>(
    dev: *mut bindings::net_device,
    rx: *mut bindings::netdev_queue_stats_rx,
    tx: *mut bindings::netdev_queue_stats_tx,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, device, rx, tx) = unsafe { (port::<T>(dev), device::<T>(dev), &mut *rx, &mut *tx) };
    let (mut rx_total, mut tx_total) = (RxQueueStats::default(), TxQueueStats::default());
    // CAST: A device has at most `u16::MAX` queues.
    for queue in device.active().len() as u16..device.queues.len() as u16 {
        rx_total.add(&port.rx_queue_stats(queue));
        tx_total.add(&port.tx_queue_stats(queue));
    }
    rx_total.fill(rx);
    tx_total.fill(tx);
}
