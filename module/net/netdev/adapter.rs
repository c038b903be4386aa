// SPDX-License-Identifier: GPL-2.0

//! The tables of callbacks that the stack gets for a driver's port type.

use super::{
    Device,
    Features,
    Operations,
    Private,
    Rtnl,
    Xmit, //
};
use crate::{
    bindings,
    bpf::ndo,
    ethtool,
    rcu,
    skbuff::SkBuff,
    stats::{
        RxQueueStats,
        TxQueueStats, //
    },
    tc,
    xdp::XdpFrames, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::from_result,
    prelude::*, //
};

/// The C side of `T`.
pub(super) struct Adapter<T: Operations>(PhantomData<T>);

/// Filters may be offloaded.
pub(super) const FEATURE_TC: bindings::netdev_features_t = Features::TC.raw();

/// The port behind a net device.
///
/// # Safety
///
/// `dev` must be the net device of a registered port of type `T`, and stay registered for all of
/// the lifetime that is chosen.
#[inline]
pub(crate) unsafe fn port<'a, T: Operations>(dev: *mut bindings::net_device) -> &'a T {
    // SAFETY: By the invariants of `Registration`, the private memory holds a pointer to the port,
    // which lives as long as the registration.
    unsafe { &*(*bindings::offload_nic_netdev_priv(dev).cast::<Private<T>>()).port }
}

/// How many counters a registered port has for `ethtool -S`.
///
/// # Safety
///
/// As for [`port`].
pub(crate) unsafe fn statistics<T: Operations>(dev: *mut bindings::net_device) -> usize {
    // SAFETY: As in `port`.
    unsafe { (*bindings::offload_nic_netdev_priv(dev).cast::<Private<T>>()).statistics }
}

/// The [`Device`] behind a net device.
///
/// # Safety
///
/// As for [`port`].
unsafe fn device<'a, T: Operations>(dev: *mut bindings::net_device) -> &'a Device<T> {
    // SAFETY: As in `port`: the device is a part of it.
    unsafe { &*(*bindings::offload_nic_netdev_priv(dev).cast::<Private<T>>()).device }
}

impl<T: Operations> Adapter<T> {
    /// The stack runs these under RTNL, and not under the instance lock of the device: one whose
    /// operations make the stack take that lock needs the `_locked` forms in `RxQueue`.
    pub(super) const NETDEV_OPS: bindings::net_device_ops = bindings::net_device_ops {
        ndo_init: Some(Self::init),
        ndo_uninit: Some(Self::uninit),
        ndo_open: Some(Self::open),
        ndo_stop: Some(Self::stop),
        ndo_start_xmit: Some(Self::start_xmit),
        // Two VLAN tags are no reason for the stack to do the work.
        ndo_features_check: Some(bindings::passthru_features_check),
        ndo_validate_addr: Some(bindings::eth_validate_addr),
        ndo_set_mac_address: Some(bindings::eth_mac_addr),
        ndo_change_mtu: Some(Self::change_mtu),
        ndo_get_stats64: Some(Self::get_stats64),
        ndo_bpf: Some(Self::bpf),
        ndo_xdp_xmit: Some(Self::xdp_xmit),
        ndo_setup_tc: Some(Self::setup_tc),
        ndo_fix_features: Some(Self::fix_features),
        ndo_set_features: Some(Self::set_features),
        ..pin_init::zeroed()
    };

    pub(super) const ETHTOOL_OPS: bindings::ethtool_ops = ethtool::operations::<T>();

    pub(super) const STAT_OPS: bindings::netdev_stat_ops = bindings::netdev_stat_ops {
        get_queue_stats_rx: Some(Self::get_queue_stats_rx),
        get_queue_stats_tx: Some(Self::get_queue_stats_tx),
        get_base_stats: Some(Self::get_base_stats),
    };

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn init(dev: *mut bindings::net_device) -> i32 {
        // SAFETY: The private memory is set before `register_netdev`, which calls this.
        let device = unsafe { device::<T>(dev) };
        // SAFETY: `dev` is valid and its `ndo_bpf` is ours; `uninit` follows, and the device holds a
        // reference to its offload device all the time.
        from_result(|| unsafe { device.offload_device.register_netdev(dev) }.map(|()| 0))
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn uninit(dev: *mut bindings::net_device) {
        // SAFETY: The port is there until `unregister_netdev` has returned.
        let device = unsafe { device::<T>(dev) };
        // SAFETY: RTNL is held; `init` has registered `dev`, and the core takes attached programs
        // away before it calls this.
        unsafe { device.offload_device.unregister_netdev(dev) };
        // SAFETY: As above.
        unsafe { port::<T>(dev).going(&Rtnl::held()) };
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn open(dev: *mut bindings::net_device) -> i32 {
        // SAFETY: Callbacks of a registered device.
        let (port, device) = unsafe { (port::<T>(dev), device::<T>(dev)) };
        // SAFETY: `ndo_open` runs under RTNL.
        let rtnl = unsafe { Rtnl::held() };
        let mut enabled = 0;
        let result = device.active().iter().try_for_each(|queue| {
            queue.enable(device)?;
            enabled += 1;
            Ok(())
        });
        if let Err(error) = result.and_then(|()| port.open(&rtnl)) {
            for queue in device.active().iter().take(enabled) {
                queue.disable(device);
            }
            rcu::synchronize_net();
            return error.to_errno();
        }
        // SAFETY: The device is valid, and its queues are ready.
        unsafe { bindings::offload_nic_netif_tx_start_all_queues(dev) };
        0
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn stop(dev: *mut bindings::net_device) -> i32 {
        // SAFETY: Callbacks of a registered device.
        let (port, device) = unsafe { (port::<T>(dev), device::<T>(dev)) };
        // SAFETY: `ndo_stop` runs under RTNL.
        let rtnl = unsafe { Rtnl::held() };
        // SAFETY: The device is valid; process context.
        unsafe { bindings::offload_nic_netif_tx_disable(dev) };
        port.stop(&rtnl);
        for queue in device.active().iter() {
            queue.disable(device);
        }
        rcu::synchronize_net();
        0
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn start_xmit(
        skb: *mut bindings::sk_buff,
        dev: *mut bindings::net_device,
    ) -> bindings::netdev_tx_t {
        let Some(skb) = NonNull::new(skb) else {
            return bindings::netdev_tx_NETDEV_TX_OK;
        };
        // SAFETY: The stack gives the frame to the driver to be sent, with the reference that goes
        // with it.
        let skb = unsafe { SkBuff::from_raw(skb) };
        // SAFETY: The stack sends through registered devices only.
        let port = unsafe { port::<T>(dev) };
        let queue = skb.queue();
        let given = skb.as_ptr();
        match port.start_xmit(skb, queue) {
            Xmit::Busy(skb) if skb.as_ptr() == given => {
                // The stack takes its reference back.
                skb.into_raw();
                bindings::netdev_tx_NETDEV_TX_BUSY
            }
            // A driver that gives another frame back, a clone for instance, has taken the one that
            // it was given.
            Xmit::Busy(_) | Xmit::Taken => bindings::netdev_tx_NETDEV_TX_OK,
        }
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn change_mtu(dev: *mut bindings::net_device, mtu: i32) -> i32 {
        // SAFETY: The stack asks registered devices only, with RTNL held.
        let (port, rtnl) = unsafe { (port::<T>(dev), Rtnl::held()) };
        from_result(|| {
            port.check_mtu(u32::try_from(mtu)?, &rtnl)?;
            // SAFETY: The device is valid. Others read the field without a lock.
            unsafe { bindings::offload_nic_set_mtu(dev, mtu as u32) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn xdp_xmit(
        dev: *mut bindings::net_device,
        n: i32,
        frames: *mut *mut bindings::xdp_frame,
        flags: u32,
    ) -> i32 {
        if flags & !bindings::XDP_XMIT_FLUSH != 0 {
            return EINVAL.to_errno();
        }
        let count = usize::try_from(n).unwrap_or(0);
        // SAFETY: The stack passes `n` valid frames, which are the driver's when it says so by what
        // it returns, and sends by registered devices only. Softirq.
        let (port, mut frames) = unsafe {
            let frames = core::slice::from_raw_parts(frames, count);
            (port::<T>(dev), XdpFrames::new(frames, dev))
        };
        port.xdp_xmit(&mut frames);
        // CAST: At most `n`.
        frames.taken() as i32
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn get_stats64(
        dev: *mut bindings::net_device,
        storage: *mut bindings::rtnl_link_stats64,
    ) {
        // SAFETY: The stack asks registered devices only, and gives memory for the answer.
        let (port, storage) = unsafe { (port::<T>(dev), &mut *storage) };
        port.link_stats().fill(storage);
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn get_queue_stats_rx(
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
    unsafe extern "C" fn get_queue_stats_tx(
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
    unsafe extern "C" fn get_base_stats(
        dev: *mut bindings::net_device,
        rx: *mut bindings::netdev_queue_stats_rx,
        tx: *mut bindings::netdev_queue_stats_tx,
    ) {
        // SAFETY: The stack asks registered devices only, and gives memory for the answer.
        let (port, device, rx, tx) =
            unsafe { (port::<T>(dev), device::<T>(dev), &mut *rx, &mut *tx) };
        let (mut rx_total, mut tx_total) = (RxQueueStats::default(), TxQueueStats::default());
        // CAST: A device has at most `u16::MAX` queues.
        for queue in device.active().len() as u16..device.queues.len() as u16 {
            rx_total.add(&port.rx_queue_stats(queue));
            tx_total.add(&port.tx_queue_stats(queue));
        }
        rx_total.fill(rx);
        tx_total.fill(tx);
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn bpf(
        dev: *mut bindings::net_device,
        command: *mut bindings::netdev_bpf,
    ) -> i32 {
        // SAFETY: The stack asks registered devices only.
        let (port, device) = unsafe { (port::<T>(dev), device::<T>(dev)) };
        // SAFETY: `command` is valid, and RTNL is held: the contract of `ndo_bpf`. `init` has
        // registered `dev` with this offload device.
        from_result(|| unsafe { ndo::ndo_bpf(port, &device.offload_device, command) }.map(|()| 0))
    }
    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn setup_tc(
        dev: *mut bindings::net_device,
        kind: bindings::tc_setup_type,
        data: *mut c_void,
    ) -> i32 {
        // SAFETY: By the function's contract.
        from_result(|| unsafe { tc::setup::<T>(dev, kind, data) }.map(|()| 0))
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn fix_features(
        dev: *mut bindings::net_device,
        wanted: bindings::netdev_features_t,
    ) -> bindings::netdev_features_t {
        // SAFETY: The stack passes a device that is registered or is being registered, with its
        // private memory set, and holds RTNL.
        let (port, now, rtnl) = unsafe {
            (
                port::<T>(dev),
                bindings::offload_nic_features(dev),
                Rtnl::held(),
            )
        };
        let new = Features::from_raw(wanted & !now);
        let refused = new & port.refused_features(new, &rtnl);
        wanted & !refused.raw()
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn set_features(
        dev: *mut bindings::net_device,
        features: bindings::netdev_features_t,
    ) -> i32 {
        // SAFETY: The stack passes a registered device, and holds RTNL.
        let (port, now, rtnl) = unsafe {
            (
                port::<T>(dev),
                bindings::offload_nic_features(dev),
                Rtnl::held(),
            )
        };
        if now & !features & FEATURE_TC == 0 {
            return 0;
        }
        from_result(|| port.tc_offload_off(&rtnl).map(|()| 0))
    }
}
