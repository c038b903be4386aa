// SPDX-License-Identifier: GPL-2.0

//! An interface as the stack and the driver both see it.

use super::Rtnl;
use crate::{
    bindings,
    rcu::Guard, //
};
use kernel::{
    prelude::*,
    types::Opaque, //
};

/// A `struct net_device` in whatever state of registration.
#[repr(transparent)]
pub struct NetDevice(Opaque<bindings::net_device>);

// SAFETY: The methods below may be called from any task and CPU.
unsafe impl Send for NetDevice {}
// SAFETY: As above.
unsafe impl Sync for NetDevice {}

impl NetDevice {
    pub(crate) fn as_ptr(&self) -> *mut bindings::net_device {
        self.0.get()
    }

    /// Whether the interface is registered. RTNL keeps the answer true: who gets it before the
    /// interface goes away has all of the interface's end still to come.
    pub fn is_registered(&self, _rtnl: &Rtnl<'_>) -> bool {
        self.registration() == bindings::netdev_reg_state_NETREG_REGISTERED
    }

    /// As [`Self::is_registered`], or it was, and it is going just now.
    pub fn was_registered(&self, rtnl: &Rtnl<'_>) -> bool {
        self.is_registered(rtnl)
            || self.registration() == bindings::netdev_reg_state_NETREG_UNREGISTERING
    }

    /// The state of registration, which others may be reading and the core changing.
    fn registration(&self) -> u32 {
        // SAFETY: The device is valid. A plain number that may be changing, read once.
        u32::from(unsafe { (&raw const (*self.as_ptr()).reg_state).read_volatile() })
    }

    /// The interface's index; 0 before it is registered. It changes when the interface goes to a
    /// namespace where another one has it.
    #[inline]
    pub fn ifindex(&self) -> u32 {
        // SAFETY: The device is valid. A plain number that may be changing, read once.
        let index = unsafe { (&raw const (*self.as_ptr()).ifindex).read_volatile() };
        // No interface has a negative one.
        index.unsigned_abs()
    }

    /// The interface's MAC address, which may be changing.
    #[inline]
    pub fn address(&self) -> [u8; 6] {
        // SAFETY: The device is valid, and an Ethernet device's address has 6 bytes; they lie in
        // the device itself or in a buffer that lives as long. One that is being changed is read
        // as a mixture.
        unsafe { (*self.as_ptr()).dev_addr.cast::<[u8; 6]>().read_volatile() }
    }

    /// As [`Self::shares_namespace_with`], for who has RTNL.
    pub fn is_beside(&self, other: &Self, _rtnl: &Rtnl<'_>) -> bool {
        // SAFETY: Both devices are valid, and RTNL keeps them from being moved.
        unsafe {
            bindings::offload_nic_dev_net(self.as_ptr())
                == bindings::offload_nic_dev_net(other.as_ptr())
        }
    }

    /// Whether both interfaces are in the same network namespace.
    #[inline]
    pub fn shares_namespace_with(&self, other: &Self, _guard: &Guard) -> bool {
        // SAFETY: Both devices are valid, and the guard holds the read side of RCU.
        unsafe { bindings::offload_nic_same_net(self.as_ptr(), other.as_ptr()) }
    }

    /// Length in bytes, from the Ethernet header on, of the longest frame that the kernel lets XDP
    /// programs of other interfaces send by this one (`xdp_ok_fwd_dev()`).
    #[inline]
    pub fn longest_forwarded(&self) -> usize {
        // SAFETY: The device is valid.
        unsafe { bindings::offload_nic_longest_forwarded(self.as_ptr()) as usize }
    }

    /// The longest packets of IPv4 and IPv6 that the user lets GRO make, in bytes from the IP header
    /// on: they stay below that.
    #[inline]
    pub fn gro_max_sizes(&self) -> (u32, u32) {
        // SAFETY: The device is valid; plain numbers that may be changing.
        unsafe {
            let dev = self.as_ptr();
            (
                (&raw const (*dev).gro_ipv4_max_size).read_volatile(),
                (&raw const (*dev).gro_max_size).read_volatile(),
            )
        }
    }

    /// Number of transmit queues.
    pub fn tx_queues(&self) -> u16 {
        // SAFETY: The device is valid. At most `u16::MAX`, as `Device::new` was given a `u16`.
        unsafe { (*self.as_ptr()).num_tx_queues as u16 }
    }

    /// The MTU in bytes, which may be changing unless RTNL is held.
    #[inline]
    pub fn mtu(&self) -> u32 {
        // SAFETY: The device is valid. A plain number, read once.
        unsafe { bindings::offload_nic_mtu(self.as_ptr()) }
    }

    /// The interface's name, for a line of the kernel log.
    pub fn name<'a>(&'a self, rtnl: &'a Rtnl<'_>) -> &'a str {
        self.c_name(rtnl).to_str().unwrap_or_default()
    }

    /// The interface's name, for as long as RTNL keeps it from being changed.
    pub fn c_name<'a>(&'a self, _rtnl: &'a Rtnl<'_>) -> &'a CStr {
        // SAFETY: The device is valid for `'a`; its name ends with a zero, and RTNL, which is held
        // for `'a`, keeps it from changing.
        unsafe { CStr::from_char_ptr((&raw const (*self.as_ptr()).name).cast()) }
    }

    /// Whether the interface is up, as the administrator set it.
    pub fn is_running(&self, _rtnl: &Rtnl<'_>) -> bool {
        // SAFETY: The device is valid; RTNL keeps the answer true.
        unsafe { bindings::offload_nic_netif_running(self.as_ptr()) }
    }

    /// Reports that there is (or is no) signal on the cable.
    pub fn set_carrier(&self, on: bool, rtnl: &Rtnl<'_>) {
        // Reporting a device that is not registered any more would give the link watch a pointer
        // to it.
        if !self.is_registered(rtnl) {
            return;
        }
        // SAFETY: The device is valid, and RTNL keeps it registered.
        unsafe {
            if on {
                bindings::netif_carrier_on(self.as_ptr());
            } else {
                bindings::netif_carrier_off(self.as_ptr());
            }
        }
    }

    /// Tells the stack not to send on transmit queue `queue`, until it is woken.
    pub fn stop_tx_queue(&self, queue: u16) {
        if queue < self.tx_queues() {
            // SAFETY: The device is valid and has such a queue.
            unsafe { bindings::offload_nic_netif_stop_subqueue(self.as_ptr(), queue) };
        }
    }

    /// Lets the stack send on transmit queue `queue` again.
    pub fn wake_tx_queue(&self, queue: u16) {
        if queue < self.tx_queues() {
            // SAFETY: The device is valid and has such a queue. Nothing happens if the device was
            // never registered. After it was unregistered the queue's qdisc is the one that drops
            // everything, so that there is nothing to run.
            unsafe { bindings::offload_nic_netif_wake_subqueue(self.as_ptr(), queue) };
        }
    }
}
