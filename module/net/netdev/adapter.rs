// SPDX-License-Identifier: GPL-2.0

//! The tables of callbacks that the stack gets for a driver's port type.

use super::{
    device::Device,
    features::Features,
    operations::{
        Operations,
        Xmit, //
    },
    private::{
        port,
        private, //
    },
    rtnl::Rtnl,
    table::Table, //
};
use crate::{
    bindings,
    rcu,
    skbuff::SkBuff, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::error::from_result;

impl<T: Operations> Table<T> {
    /// What every net device does.
    ///
    /// The stack runs the operations under RTNL, and not under the instance lock of the device: one
    /// whose operations make the stack take that lock needs the `_locked` forms in `RxQueue`.
    pub const fn base() -> Self {
        Self {
            netdev: bindings::net_device_ops {
                ndo_init: Some(Adapter::<T>::init),
                ndo_uninit: Some(Adapter::<T>::uninit),
                ndo_open: Some(Adapter::<T>::open),
                ndo_stop: Some(Adapter::<T>::stop),
                ndo_start_xmit: Some(Adapter::<T>::start_xmit),
                // Two VLAN tags are no reason for the stack to do the work.
                ndo_features_check: Some(bindings::passthru_features_check),
                ndo_validate_addr: Some(bindings::eth_validate_addr),
                ndo_set_mac_address: Some(bindings::eth_mac_addr),
                ndo_change_mtu: Some(Adapter::<T>::change_mtu),
                ndo_get_stats64: Some(Adapter::<T>::get_stats64),
                ndo_fix_features: Some(Adapter::<T>::fix_features),
                ndo_set_features: Some(Adapter::<T>::set_features),
                ..pin_init::zeroed()
            },
            ethtool: bindings::ethtool_ops {
                get_drvinfo: Some(Adapter::<T>::get_drvinfo),
                get_link: Some(bindings::ethtool_op_get_link),
                get_ts_info: Some(bindings::ethtool_op_get_ts_info),
                ..pin_init::zeroed()
            },
            ethtool_bits: 0,
            stat: pin_init::zeroed(),
            hw_features: 0,
            filters_unicast: false,
            xdp_features: 0,
            has_xdp_metadata: false,
            has_socket_checksums: false,
            init: None,
            uninit: None,
            visit_statistics: None,
            private_flags: &[],
            _port: PhantomData,
        }
    }
}

/// The C side of `T`.
struct Adapter<T: Operations>(PhantomData<T>);

/// The [`Device`] behind a net device.
///
/// # Safety
///
/// As for [`private`].
pub(super) unsafe fn device<'a, T: Operations>(dev: *mut bindings::net_device) -> &'a Device<T> {
    // SAFETY: By the invariants of `Private`: the device is the port's.
    unsafe { &*private::<T>(dev).device.cast::<Device<T>>() }
}

impl<T: Operations> Adapter<T> {
    const TABLE: &'static Table<T> = &T::TABLE;

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn init(dev: *mut bindings::net_device) -> i32 {
        from_result(|| {
            if let Some(init) = Self::TABLE.init {
                // SAFETY: The private memory is set before `register_netdev`, which calls this, with
                // RTNL held.
                unsafe { init(dev) }?;
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name of a registered port of type `T`.
    unsafe extern "C" fn uninit(dev: *mut bindings::net_device) {
        if let Some(uninit) = Self::TABLE.uninit {
            // SAFETY: The port is there until `unregister_netdev` has returned, and RTNL is held;
            // `init` has run.
            unsafe { uninit(dev) };
        }
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
        let Some((skb, queue)) = (unsafe { SkBuff::from_stack(skb) }) else {
            return bindings::netdev_tx_NETDEV_TX_OK;
        };
        // SAFETY: The stack sends through registered devices only.
        let port = unsafe { port::<T>(dev) };
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
        wanted: bindings::netdev_features_t,
    ) -> i32 {
        // SAFETY: The stack passes a device that is registered or is being registered, with its
        // private memory set, and holds RTNL.
        let (port, now, rtnl) = unsafe {
            (
                port::<T>(dev),
                bindings::offload_nic_features(dev),
                Rtnl::held(),
            )
        };
        let (on, off) = (wanted & !now, now & !wanted);
        from_result(|| {
            let (on, off) = (Features::from_raw(on), Features::from_raw(off));
            port.switch_features(on, off, &rtnl).map(|()| 0)
        })
    }

    /// # Safety
    ///
    /// To be called by the stack, as the operation of that name.
    unsafe extern "C" fn get_drvinfo(
        _dev: *mut bindings::net_device,
        info: *mut bindings::ethtool_drvinfo,
    ) {
        // SAFETY: The stack gives memory for the answer. It has filled in the bus information.
        let driver = unsafe { &mut (*info).driver };
        for (place, byte) in driver.iter_mut().zip(T::DRIVER.to_bytes()) {
            *place = *byte;
        }
    }
}
