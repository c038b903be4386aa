// SPDX-License-Identifier: GPL-2.0

//! The `struct net_device` that a port owns, with its queues.

use super::{
    features::Features,
    interface::NetDevice,
    private::Private,
    queue::{
        Poll,
        RxQueue, //
    },
    rtnl::Rtnl, //
};
use crate::{
    bindings,
    napi::Coalescing,
    rcu, //
};
use core::{
    ops::Deref,
    ptr::NonNull,
    sync::atomic::{
        AtomicBool,
        AtomicU16,
        Ordering, //
    },
};
use kernel::{device, error::to_result, prelude::*, sync::aref::ARef};

/// How a [`Device`] is to be made.
pub struct Config<'a> {
    /// The device that the interface is a port of: `/sys/class/net/X/device`.
    pub parent: &'a device::Device,
    /// Name of the interface, `%d` for the next free number.
    pub name: &'static CStr,
    /// Number of the port on its device.
    pub port: u16,
    /// Number of transmit queues and of receive queues.
    pub queues: u16,
    /// Smallest MTU in bytes.
    pub min_mtu: u32,
    /// Largest MTU in bytes.
    pub max_mtu: u32,
    /// What the device does for the stack, also for frames in tunnels, in VLANs and with MPLS labels.
    /// All of it is on from the beginning.
    pub features: Features,
    /// What it does if the user wants it.
    pub optional_features: Features,
    /// The most segments of a super-frame that the stack leaves to the driver.
    pub max_segments: u16,
}

impl<'a> Config<'a> {
    /// The first port of `parent`, with one queue of each direction, Ethernet's MTU and nothing that
    /// it does for the stack.
    pub fn new(parent: &'a device::Device, name: &'static CStr) -> Self {
        Self {
            parent,
            name,
            port: 0,
            queues: 1,
            min_mtu: bindings::ETH_MIN_MTU,
            max_mtu: bindings::ETH_DATA_LEN,
            features: Features::NONE,
            optional_features: Features::NONE,
            max_segments: 1,
        }
    }
}

/// A `struct net_device` that its port owns, with the port's receive queues.
///
/// # Invariants
///
/// `ptr` came from `alloc_etherdev_mqs` with room for a `Private<T>` and was not freed. What lies
/// there is zero until a `Registration` is made, and then points to the port that the registration
/// keeps alive, and to this device in it; so do the tables of callbacks.
/// Those of `queues` that are on are in the device's list of NAPI instances, and are taken out of it
/// before the registration ends.
pub struct Device<T: Poll> {
    pub(super) ptr: NonNull<bindings::net_device>,
    pub(super) queues: KVec<Pin<KBox<RxQueue<T>>>>,
    /// How many of them are in use; the others are off. Written under RTNL.
    active: AtomicU16,
    /// Set when a registration was made: a net device can be registered once.
    pub(super) registered: AtomicBool,
    _parent: ARef<device::Device>,
}

// SAFETY: A `net_device` may be used and freed by any task.
unsafe impl<T: Poll> Send for Device<T> {}
// SAFETY: What `&Device` allows may be done by several tasks at once: see `NetDevice`.
unsafe impl<T: Poll> Sync for Device<T> {}

impl<T: Poll> Device<T> {
    /// Makes a net device with a random MAC address, and its receive queues.
    pub fn new(config: &Config<'_>) -> Result<Self> {
        // CAST: The size of a few pointers.
        let private = core::mem::size_of::<Private<T>>() as i32;
        let queues = u32::from(config.queues);
        let slots = KVec::with_capacity(usize::from(config.queues), GFP_KERNEL)?;
        // SAFETY: No requirement.
        let ptr = unsafe { bindings::alloc_etherdev_mqs(private, queues, queues) };
        // INVARIANT: A new device, its private memory zeroed; no queue yet.
        let mut device = Self {
            ptr: NonNull::new(ptr).ok_or(ENOMEM)?,
            queues: slots,
            active: AtomicU16::new(config.queues),
            registered: AtomicBool::new(false),
            _parent: config.parent.into(),
        };
        // `device::Device` is a transparent wrapper of `struct device`.
        let parent = core::ptr::from_ref(config.parent).cast_mut().cast();
        // SAFETY: The device is valid and nobody else knows it yet. The parent stays as long as the
        // device: a reference to it is kept.
        unsafe {
            (*ptr).min_mtu = config.min_mtu;
            (*ptr).max_mtu = config.max_mtu;
            (*ptr).dev_port = config.port;
            bindings::offload_nic_eth_hw_addr_random(ptr);
            bindings::offload_nic_set_priv_flags(ptr);
            bindings::offload_nic_set_features(
                ptr,
                config.features.raw(),
                config.optional_features.raw(),
                config.max_segments,
            );
            bindings::offload_nic_set_netdev_dev(ptr, parent);
            bindings::netif_carrier_off(ptr);
            for (i, byte) in config.name.to_bytes_with_nul().iter().enumerate() {
                if let Some(place) = (*ptr).name.get_mut(i) {
                    *place = *byte;
                }
            }
        }
        for index in 0..config.queues {
            let queue = KBox::pin_init(RxQueue::new(index), GFP_KERNEL)?;
            queue.as_ref().prepare();
            device.queues.push(queue, GFP_KERNEL)?;
        }
        // SAFETY: The device is valid, and nobody else knows it yet.
        to_result(unsafe {
            // Interrupts are spread over the CPUs, and keep their affinity when the interface is down.
            bindings::netif_set_affinity_auto(ptr);
            bindings::netif_enable_cpu_rmap(ptr, queues)
        })?;
        Ok(device)
    }

    /// Number of the port on its device.
    pub(crate) fn number(&self) -> u16 {
        // SAFETY: The device is valid; set when it was made.
        unsafe { (*self.ptr.as_ptr()).dev_port }
    }

    /// As [`Self::schedule`], of all queues.
    pub fn schedule_all(&self) {
        for queue in self.queues.iter() {
            queue.schedule();
        }
    }

    /// The receive queues that are in use.
    pub(super) fn active(&self) -> &[Pin<KBox<RxQueue<T>>>] {
        let count = usize::from(self.queues_in_use());
        self.queues.get(..count).unwrap_or(&self.queues)
    }

    /// How many queues of each direction are in use: the first ones.
    #[inline]
    pub fn queues_in_use(&self) -> u16 {
        self.active.load(Ordering::Relaxed)
    }

    /// Uses the first `count` queues, of both directions, and no others. Process context: waits until
    /// nobody who has asked [`Self::queues_in_use`] before is still at work.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are not so many queues, `ENOMEM`; then nothing has changed.
    pub fn set_queues(&self, count: u16, rtnl: &Rtnl<'_>) -> Result {
        let old = self.queues_in_use();
        let is_running = self.is_running(rtnl);
        let range = |from: u16, to: u16| {
            let range = usize::from(from)..usize::from(to.max(from));
            self.queues.get(range).ok_or(EINVAL)
        };
        let (more, fewer) = (range(old, count)?, range(count, old)?);
        let mut enabled = 0;
        let result = more.iter().filter(|_| is_running).try_for_each(|queue| {
            queue.enable(self)?;
            enabled += 1;
            Ok(())
        });
        let result = result.and_then(|()| {
            let count = u32::from(count);
            // SAFETY: The device is valid and has so many queues; RTNL is held.
            to_result(unsafe { bindings::netif_set_real_num_queues(self.as_ptr(), count, count) })
        });
        if let Err(error) = result {
            for queue in more.iter().take(enabled) {
                queue.disable(self);
            }
            rcu::synchronize_net();
            return Err(error);
        }
        self.active.store(count, Ordering::Relaxed);
        rcu::synchronize_net();
        for queue in fewer.iter().filter(|_| is_running) {
            queue.disable(self);
        }
        rcu::synchronize_net();
        Ok(())
    }

    /// Raises the interrupt of receive queue `queue` and of the transmit queue of the same number,
    /// which asks for a poll: at once, or as late as the user wants it (`napi_defer_hard_irqs`).
    ///
    /// Context: softirq or bottom halves off. Nothing happens while the interface is down.
    #[inline]
    pub fn schedule(&self, queue: u16) {
        if let Some(queue) = self.queues.get(usize::from(queue)) {
            queue.schedule();
        }
    }

    /// How the interrupt of queue pair `queue` is moderated. Any context.
    pub fn coalescing(&self, queue: u16) -> Option<Coalescing> {
        let queue = self.queues.get(usize::from(queue))?;
        Some(queue.coalescing())
    }

    /// Has the interrupt of queue pair `queue` moderated otherwise from the next event on. Any context.
    pub fn set_coalescing(&self, queue: u16, coalescing: Coalescing) {
        if let Some(queue) = self.queues.get(usize::from(queue)) {
            queue.set_coalescing(coalescing);
        }
    }

    /// Has the queues of that number polled at once, however long the user wants their interrupts
    /// deferred. Context and the rest as [`Self::schedule`].
    pub fn poll_now(&self, queue: u16) {
        if let Some(queue) = self.queues.get(usize::from(queue)) {
            queue.poll_now();
        }
    }
}

impl<T: Poll> Deref for Device<T> {
    type Target = NetDevice;

    fn deref(&self) -> &NetDevice {
        // SAFETY: By the type invariants, `ptr` is valid as long as `self`. `NetDevice` is a
        // transparent wrapper.
        unsafe { self.ptr.cast::<NetDevice>().as_ref() }
    }
}

impl<T: Poll> Drop for Device<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the device was allocated and not freed. No registration
        // exists: it keeps the port alive, and the port owns `self`. Process context, as ports are
        // released there only. None of its NAPI instances is in its list any more.
        unsafe { bindings::free_netdev(self.ptr.as_ptr()) };
    }
}
