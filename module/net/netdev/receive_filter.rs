// SPDX-License-Identifier: GPL-2.0

//! Which frames the stack expects of a port, by the address that they are for.
//!
//! The stack tells it in process context, a moment after it has changed (`ndo_set_rx_mode_async`): the
//! form without a lock that spins is the one that will stay.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::{
    operations::Operations,
    private::port,
    rtnl::Rtnl,
    table::Table, //
};
use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    error::from_result,
    prelude::*, //
};

/// Bytes of an Ethernet address.
const ETH_ALEN: usize = bindings::ETH_ALEN as usize;

/// Addresses that the stack has noted.
///
/// # Invariants
///
/// `list` is valid for `'a`, of an Ethernet device, and nobody changes it.
pub struct AddressList<'a> {
    list: *const bindings::netdev_hw_addr_list,
    _list: PhantomData<&'a bindings::netdev_hw_addr_list>,
}

impl AddressList<'_> {
    /// # Safety
    ///
    /// The type invariants must hold for `list` for as long as the value is used.
    unsafe fn from_raw(list: *const bindings::netdev_hw_addr_list) -> Self {
        // INVARIANT: As the caller guarantees.
        Self {
            list,
            _list: PhantomData,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        // SAFETY: By the type invariants, the list is valid.
        unsafe { bindings::offload_nic_hw_addr_count(self.list) as usize }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them. Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn to_vec(&self) -> Result<KVVec<[u8; ETH_ALEN]>> {
        let mut addresses = KVVec::from_elem([0; ETH_ALEN], self.len(), GFP_KERNEL)?;
        // SAFETY: By the type invariants, the list is valid and does not change. No more addresses are
        // written than there is room for: the length is that of the vector.
        unsafe {
            let room = addresses.len() as u32; // CAST: It was a 32-bit number.
            bindings::offload_nic_hw_addr_copy(self.list, addresses.as_mut_ptr(), room);
        }
        Ok(addresses)
    }
}

/// What the stack expects of a port, beside frames for its own address and for everybody.
pub struct ReceiveMode<'a> {
    /// All frames.
    pub is_promiscuous: bool,
    /// All multicast frames.
    pub has_all_multicast: bool,
    /// Frames for these addresses.
    pub unicast: AddressList<'a>,
    /// Frames for these groups.
    pub multicast: AddressList<'a>,
}

/// A port that takes what the stack expects, and need not take anything else.
pub trait ReceiveFilter: Operations {
    /// The stack expects `mode` from now on. Called whenever that has changed while the interface is up,
    /// and when it has come up. Process context, RTNL held; may sleep.
    ///
    /// # Errors
    ///
    /// The stack asks again later. Until then the port must take at least what it is to take.
    fn set_receive_mode(&self, mode: &ReceiveMode<'_>, rtnl: &Rtnl<'_>) -> Result;
}

impl<T: ReceiveFilter> Table<T> {
    /// The port has a [`ReceiveFilter`], also for unicast addresses.
    pub const fn receive_filter(mut self) -> Self {
        self.netdev.ndo_set_rx_mode_async = Some(set_rx_mode::<T>);
        self.filters_unicast = true;
        self
    }
}

/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
unsafe extern "C" fn set_rx_mode<T: ReceiveFilter>(
    dev: *mut bindings::net_device,
    unicast: *mut bindings::netdev_hw_addr_list,
    multicast: *mut bindings::netdev_hw_addr_list,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held, and gives copies of its lists that
    // nobody else has.
    let (port, rtnl, flags, unicast, multicast) = unsafe {
        (
            port::<T>(dev),
            Rtnl::held(),
            bindings::offload_nic_rx_flags(dev),
            AddressList::from_raw(unicast),
            AddressList::from_raw(multicast),
        )
    };
    let mode = ReceiveMode {
        is_promiscuous: flags & bindings::net_device_flags_IFF_PROMISC != 0,
        has_all_multicast: flags & bindings::net_device_flags_IFF_ALLMULTI != 0,
        unicast,
        multicast,
    };
    from_result(|| port.set_receive_mode(&mode, &rtnl).map(|()| 0))
}
