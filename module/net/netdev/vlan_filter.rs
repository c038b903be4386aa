// SPDX-License-Identifier: GPL-2.0

//! Of which VLANs the stack expects frames.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::{
    interface::NetDevice,
    operations::Operations,
    private::port,
    rtnl::Rtnl,
    table::Table, //
};
use crate::bindings;
use kernel::{
    error::from_result,
    prelude::*, //
};

/// A VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vlan {
    /// EtherType of its tags in host byte order: `ETH_P_8021Q` or `ETH_P_8021AD`.
    pub protocol: u16,
    /// Its number, below 4096.
    pub number: u16,
}

/// A port that takes frames of those VLANs that the stack has told it of, and need not take those of others,
/// while the user wants that ([`NetDevice::filtered_tags`]). It needs the
/// [feature](super::Features::VLAN_FILTERS).
///
/// The stack tells it of all that there are when the feature is switched on, and takes them back when it is
/// switched off. It may say nothing of number 0, which stands for no VLAN.
pub trait VlanFilter: Operations {
    /// The stack expects frames of `vlan`. RTNL is held.
    ///
    /// # Errors
    ///
    /// The VLAN can't be made, or the feature not be switched on.
    fn vlan_added(&self, vlan: Vlan, rtnl: &Rtnl<'_>) -> Result;

    /// It expects them no more. RTNL is held.
    fn vlan_removed(&self, vlan: Vlan, rtnl: &Rtnl<'_>);
}

impl<T: VlanFilter> Table<T> {
    /// The port has a [`VlanFilter`].
    pub const fn vlan_filter(mut self) -> Self {
        self.netdev.ndo_vlan_rx_add_vid = Some(add::<T>);
        self.netdev.ndo_vlan_rx_kill_vid = Some(kill::<T>);
        self
    }
}

fn vlan(protocol: bindings::__be16, number: u16) -> Vlan {
    Vlan {
        protocol: u16::from_be(protocol),
        number,
    }
}

/// # Safety
///
/// To be called by the stack, as `ndo_vlan_rx_add_vid` of a registered port of type `T`.
unsafe extern "C" fn add<T: VlanFilter>(
    dev: *mut bindings::net_device,
    protocol: bindings::__be16,
    number: u16,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held.
    let (port, rtnl) = unsafe { (port::<T>(dev), Rtnl::held()) };
    from_result(|| {
        port.vlan_added(vlan(protocol, number), &rtnl)?;
        Ok(0)
    })
}

/// # Safety
///
/// To be called by the stack, as `ndo_vlan_rx_kill_vid` of a registered port of type `T`.
unsafe extern "C" fn kill<T: VlanFilter>(
    dev: *mut bindings::net_device,
    protocol: bindings::__be16,
    number: u16,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held.
    let (port, rtnl) = unsafe { (port::<T>(dev), Rtnl::held()) };
    port.vlan_removed(vlan(protocol, number), &rtnl);
    0
}

impl NetDevice {
    /// Whether frames with tags of 802.1Q, and with those of 802.1ad, are to be taken only if they are of a
    /// VLAN that the stack has told of (`rx-vlan-filter`, `rx-vlan-stag-filter`). A promiscuous interface
    /// takes all. Any context.
    #[inline]
    pub fn filtered_tags(&self) -> (bool, bool) {
        // SAFETY: The device is valid.
        let filters = unsafe { bindings::offload_nic_vlan_filters(self.as_ptr()) };
        let has = |bit: u32| filters & (1 << bit) != 0;
        (
            has(bindings::NETIF_F_HW_VLAN_CTAG_FILTER_BIT),
            has(bindings::NETIF_F_HW_VLAN_STAG_FILTER_BIT),
        )
    }
}
