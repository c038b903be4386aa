// SPDX-License-Identifier: GPL-2.0

//! Network devices: a driver's port, the `struct net_device` that it owns, and its queues.
//!
//! A driver implements [`Operations`] for its port type. The port owns a [`Device`], and a
//! [`Registration`] makes the two known to the stack. The order of life is: `Device::new`, the port
//! around it in an `Arc`, `Registration::new`, drop of the registration, drop of the last `Arc`.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

mod adapter;
mod features;
mod interrupt;
mod queue;

use crate::{
    bindings,
    bpf::{
        AttachedProgram,
        OffloadDevice,
        ProgramOffload, //
    },
    devlink::{
        self,
        DevlinkPort, //
    },
    ethtool::EthtoolOperations,
    extack::Extack,
    rcu::{
        self,
        Guard, //
    },
    skbuff::SkBuff,
    stats::{
        LinkStats,
        RxQueueStats,
        TxQueueStats, //
    },
    tc::FilterChange,
    xdp::{
        NativeProgram,
        XdpFrames, //
    },
};
use adapter::Adapter;
pub(crate) use adapter::{
    port,
    statistics, //
};
use core::{
    marker::PhantomData,
    ops::Deref,
    ptr::NonNull,
    sync::atomic::{
        AtomicBool,
        AtomicU16,
        Ordering, //
    },
};
pub use features::{
    FeatureCell,
    Features, //
};
use kernel::{
    device,
    error::to_result,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    types::Opaque, //
};
pub use queue::PollContext;
use queue::RxQueue;

/// Evidence that RTNL is held.
///
/// Made by the adapters of callbacks that run under it.
pub struct Rtnl<'a>(PhantomData<(&'a (), *mut ())>);

impl Rtnl<'_> {
    /// # Safety
    ///
    /// RTNL must be held for all of the lifetime that is chosen.
    pub(crate) unsafe fn held() -> Self {
        Self(PhantomData)
    }
}

/// Runs `f` with RTNL held. Process context, RTNL not held yet.
///
/// Lock order: the devlink instance, then RTNL, then the core's lock of BPF offload.
pub fn with_rtnl<R>(f: impl FnOnce(&Rtnl<'_>) -> R) -> R {
    // SAFETY: Paired with the call below; there is no way out of `f` between them, as the kernel
    // does not unwind.
    unsafe { bindings::rtnl_lock() };
    // SAFETY: RTNL was taken above and is kept until after the last use of this.
    let result = f(&unsafe { Rtnl::held() });
    // SAFETY: RTNL was taken above.
    unsafe { bindings::rtnl_unlock() };
    result
}

/// As [`with_rtnl`], for a system call whose end somebody may be waiting for with RTNL held: if it is
/// held, the error that is returned has the kernel make the system call again.
///
/// # Errors
///
/// What the system call must return.
pub fn try_with_rtnl<R>(f: impl FnOnce(&Rtnl<'_>) -> R) -> Result<R> {
    // SAFETY: Process context. Paired with the call below, as in `with_rtnl`.
    if unsafe { bindings::rtnl_trylock() } == 0 {
        // SAFETY: The task is in a system call.
        return Err(Error::from_errno(unsafe {
            bindings::offload_nic_restart_syscall()
        }));
    }
    // SAFETY: RTNL was taken above and is kept until after the last use of this.
    let result = f(&unsafe { Rtnl::held() });
    // SAFETY: RTNL was taken above.
    unsafe { bindings::rtnl_unlock() };
    Ok(result)
}

/// What became of a frame that the stack gave to the driver.
pub enum Xmit {
    /// The driver has it, or has dropped and counted it.
    Taken,
    /// There is no room; the stack keeps the frame, which must be the one that it gave. The queue
    /// must have been stopped.
    Busy(SkBuff),
}

/// What a driver does for the stack. One value is one port.
pub trait Operations: EthtoolOperations + Send + Sync + Sized + 'static {
    /// State that belongs to the poll of one receive queue and to nobody else.
    type RxQueue: Send;
    /// The programs that can be offloaded to the port's device.
    type Program: ProgramOffload;

    /// The port's net device.
    fn device(&self) -> &Device<Self>;

    /// The interface is going up; its queues are on already. RTNL is held.
    fn open(&self, rtnl: &Rtnl<'_>) -> Result;

    /// The interface is going down; its transmit queues are off, receive queues still on. RTNL is
    /// held.
    fn stop(&self, rtnl: &Rtnl<'_>);

    /// Takes a frame to be sent, which may be one whose checksum is still to be filled in, or one to
    /// be cut, of whatever protocols: all of that is announced, and the user switches it on and off.
    /// Context: softirq or bottom halves off, the lock of transmit queue `queue` held.
    fn start_xmit(&self, skb: SkBuff, queue: u16) -> Xmit;

    /// Handles up to `context.budget()` received frames of queue `queue` and returns how many. Less
    /// than the budget is a promise that there was no other: then the queue is not polled again until
    /// it is scheduled.
    /// Context: NAPI poll, one at a time for each queue.
    fn poll(&self, queue: u16, state: &mut Self::RxQueue, context: &PollContext<'_>) -> usize;

    /// Takes note of the frames that transmit queue `queue` has sent, for which the stack may have to
    /// be let send again, and returns how many.
    /// Context: NAPI poll of receive queue `queue`, or netpoll with interrupts off, on several CPUs
    /// at once.
    fn complete_tx(&self, queue: u16) -> usize;

    /// Totals for `ip -s link`. May be called at any time, in any context.
    fn link_stats(&self) -> LinkStats;

    /// Counters of one receive queue. RTNL is held.
    fn rx_queue_stats(&self, queue: u16) -> RxQueueStats;

    /// Counters of one transmit queue. RTNL is held.
    fn tx_queue_stats(&self, queue: u16) -> TxQueueStats;

    /// Whether the MTU may become `mtu` bytes. RTNL is held.
    ///
    /// # Errors
    ///
    /// `EINVAL` if what is attached to the port can't handle frames that long; the kernel log says
    /// what.
    fn check_mtu(&self, mtu: u32, rtnl: &Rtnl<'_>) -> Result;

    /// Sends frames that XDP programs of other interfaces redirect to this one, as many as there is
    /// room for. Context: softirq, on several CPUs at once.
    fn xdp_xmit(&self, frames: &mut XdpFrames<'_>);

    /// Makes `program` the one of the host that sees each received frame first, or takes it away.
    /// RTNL is held.
    ///
    /// On an error the old one stays.
    fn xdp_setup(
        &self,
        program: Option<NativeProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;

    /// Whether a map may be made through this port now. RTNL is held.
    fn may_make_map(&self) -> Result;

    /// Makes `program` the one that the device runs for each received frame, or takes it away.
    /// RTNL is held.
    ///
    /// On an error the old one stays.
    fn xdp_setup_hw(
        &self,
        program: Option<&AttachedProgram<'_, Self::Program>>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;

    /// A BPF classifier at the port's ingress is new, goes, or is replaced; the port's features
    /// and the filter's chain allow the offload.
    ///
    /// On an error all is as before.
    fn tc_filter_changed(
        &self,
        change: &FilterChange<'_, Self::Program>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;

    /// The user wants no more filters to be offloaded (`hw-tc-offload off`). On an error they may
    /// be as before.
    fn tc_offload_off(&self, rtnl: &Rtnl<'_>) -> Result;

    /// Which of the features in `wanted`, which the user wants on and which are off, have to stay
    /// off; the kernel log says why. RTNL is held. Asked again whenever a feature is switched.
    fn refused_features(&self, wanted: Features, rtnl: &Rtnl<'_>) -> Features;

    /// The interface goes: nothing more will be asked of it when this returns and RTNL is given up.
    /// RTNL is held; no program is attached, and the device's programs have gone to another
    /// interface or are destroyed.
    fn going(&self, rtnl: &Rtnl<'_>);
}

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
        // SAFETY: The device is valid.
        let state = u32::from(unsafe { (*self.as_ptr()).reg_state });
        state == bindings::netdev_reg_state_NETREG_REGISTERED
    }

    /// As [`Self::is_registered`], or it was, and it is going just now.
    pub fn was_registered(&self, rtnl: &Rtnl<'_>) -> bool {
        // SAFETY: The device is valid.
        let state = u32::from(unsafe { (*self.as_ptr()).reg_state });
        self.is_registered(rtnl) || state == bindings::netdev_reg_state_NETREG_UNREGISTERING
    }

    /// The interface's index; 0 before it is registered.
    pub fn ifindex(&self) -> u32 {
        // SAFETY: The device is valid; an `int` that is never negative.
        unsafe { (*self.as_ptr()).ifindex as u32 }
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

    /// Whether a feature is on, by its number (`NETIF_F_*_BIT`).
    #[inline]
    fn has_feature(&self, bit: u32) -> bool {
        // SAFETY: The device is valid.
        let features = unsafe { bindings::offload_nic_features(self.as_ptr()) };
        features & (1 << bit) != 0
    }

    /// Whether the user wants to be told of the checksums of received frames (`rx-checksumming`).
    #[inline]
    pub fn receives_checksums(&self) -> bool {
        self.has_feature(bindings::NETIF_F_RXCSUM_BIT)
    }

    /// Whether the stack puts received frames together (`generic-receive-offload`).
    #[inline]
    pub fn has_gro(&self) -> bool {
        self.has_feature(bindings::NETIF_F_GRO_BIT)
    }

    /// Whether the user wants frames to be put together before the stack gets them
    /// (`rx-gro-hw`). The core keeps that off where checksums are, and where a generic XDP program is.
    #[inline]
    pub fn has_hardware_gro(&self) -> bool {
        self.has_feature(bindings::NETIF_F_GRO_HW_BIT)
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

    /// The MTU in bytes.
    pub fn mtu(&self) -> u32 {
        // SAFETY: The device is valid. A plain number, which RTNL guards.
        unsafe { bindings::offload_nic_mtu(self.as_ptr()) }
    }

    /// The interface's name, for a line of the kernel log.
    pub fn name(&self, rtnl: &Rtnl<'_>) -> &str {
        self.c_name(rtnl).to_str().unwrap_or_default()
    }

    /// The interface's name.
    pub fn c_name(&self, _rtnl: &Rtnl<'_>) -> &CStr {
        // SAFETY: The device is valid; its name ends with a zero, and RTNL keeps it from changing.
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

/// What a driver with [`Operations`] can do for XDP.
const XDP_FEATURES: u32 = bindings::netdev_xdp_act_NETDEV_XDP_ACT_BASIC
    | bindings::netdev_xdp_act_NETDEV_XDP_ACT_REDIRECT
    | bindings::netdev_xdp_act_NETDEV_XDP_ACT_NDO_XMIT
    | bindings::netdev_xdp_act_NETDEV_XDP_ACT_RX_SG
    | bindings::netdev_xdp_act_NETDEV_XDP_ACT_NDO_XMIT_SG
    | bindings::netdev_xdp_act_NETDEV_XDP_ACT_HW_OFFLOAD;

/// The most segments of a super-frame that the stack leaves to a driver.
pub const MAX_SEGMENTS: u32 = bindings::offload_nic_gso_OFFLOAD_NIC_MAX_SEGMENTS;

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
}

/// A `struct net_device` that its port owns, with the port's receive queues.
///
/// # Invariants
///
/// `ptr` came from `alloc_etherdev_mqs` with room for a `Private<T>` and was not freed. What lies
/// there is zero until a `Registration` is made, and then points to the port that the registration
/// keeps alive, and to this device in it.
/// Those of `queues` that are on are in the device's list of NAPI instances, and are taken out of it
/// before the registration ends.
pub struct Device<T: Operations> {
    ptr: NonNull<bindings::net_device>,
    queues: KVec<Pin<KBox<RxQueue<T>>>>,
    /// How many of them are in use; the others are off. Written under RTNL.
    active: AtomicU16,
    offload_device: Arc<OffloadDevice<T::Program>>,
    /// Set when a registration was made: a net device can be registered once.
    registered: AtomicBool,
    _parent: ARef<device::Device>,
}

// SAFETY: A `net_device` may be used and freed by any task; `T::RxQueue` is `Send`.
unsafe impl<T: Operations> Send for Device<T> {}
// SAFETY: What `&Device` allows may be done by several tasks at once: see `NetDevice`. The state of
// a receive queue is reachable only from its poll.
unsafe impl<T: Operations> Sync for Device<T> {}

impl<T: Operations> Device<T> {
    /// Makes a net device with a random MAC address, and its receive queues: `rx_queue(i)` is the
    /// state of queue `i`. Programs and maps are offloaded to `offload_device`, which several ports
    /// may share.
    pub fn new(
        config: &Config<'_>,
        offload_device: Arc<OffloadDevice<T::Program>>,
        rx_queue: impl Fn(u16) -> Result<T::RxQueue>,
    ) -> Result<Self> {
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
            offload_device,
            registered: AtomicBool::new(false),
            _parent: config.parent.into(),
        };
        // `device::Device` is a transparent wrapper of `struct device`.
        let parent = core::ptr::from_ref(config.parent).cast_mut().cast();
        // SAFETY: The device is valid and nobody else knows it yet. All tables live for ever, as
        // does the code in them until the module is unloaded, which needs all devices gone. The
        // parent stays as long as the device: a reference to it is kept.
        unsafe {
            (*ptr).netdev_ops = &Adapter::<T>::NETDEV_OPS;
            (*ptr).ethtool_ops = &Adapter::<T>::ETHTOOL_OPS;
            (*ptr).stat_ops = &Adapter::<T>::STAT_OPS;
            (*ptr).min_mtu = config.min_mtu;
            (*ptr).max_mtu = config.max_mtu;
            (*ptr).dev_port = config.port;
            (*ptr).xdp_features = XDP_FEATURES;
            (*ptr).hw_features |= adapter::FEATURE_TC;
            bindings::offload_nic_eth_hw_addr_random(ptr);
            bindings::offload_nic_set_priv_flags(ptr);
            bindings::offload_nic_set_offload_features(ptr);
            bindings::offload_nic_set_netdev_dev(ptr, parent);
            bindings::netif_carrier_off(ptr);
            for (i, byte) in config.name.to_bytes_with_nul().iter().enumerate() {
                if let Some(place) = (*ptr).name.get_mut(i) {
                    *place = *byte;
                }
            }
        }
        for index in 0..config.queues {
            let queue = KBox::pin_init(RxQueue::new(index, rx_queue(index)?), GFP_KERNEL)?;
            queue.as_ref().prepare();
            device.queues.push(queue, GFP_KERNEL)?;
        }
        Ok(device)
    }

    /// Has the receive queues that are at rest polled at once. Process context, RTNL held.
    pub fn end_rests(&self, _rtnl: &Rtnl<'_>) {
        for queue in self.queues.iter() {
            queue.end_rest();
        }
    }

    /// The receive queues that are in use.
    fn active(&self) -> &[Pin<KBox<RxQueue<T>>>] {
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
}

impl<T: Operations> Device<T> {
    /// Whether the poll of receive queue `queue` is put off for a time that it has asked for
    /// ([`PollContext::rest`]). Before such a pause [`Operations::complete_tx`] is called.
    ///
    /// Who makes something for that to find, and has a full memory barrier behind it, misses no pause.
    #[inline]
    pub fn is_at_rest(&self, queue: u16) -> bool {
        let queue = self.queues.get(usize::from(queue));
        queue.is_some_and(|queue| queue.is_at_rest())
    }
}

impl<T: Operations> Deref for Device<T> {
    type Target = NetDevice;

    fn deref(&self) -> &NetDevice {
        // SAFETY: By the type invariants, `ptr` is valid as long as `self`. `NetDevice` is a
        // transparent wrapper.
        unsafe { self.ptr.cast::<NetDevice>().as_ref() }
    }
}

impl<T: Operations> Drop for Device<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the device was allocated and not freed. No registration
        // exists: it keeps the port alive, and the port owns `self`. Process context, as ports are
        // released there only. None of its NAPI instances is in its list any more.
        unsafe { bindings::free_netdev(self.ptr.as_ptr()) };
    }
}

/// What a net device's private memory holds.
pub(crate) struct Private<T: Operations> {
    /// How many counters `ethtool -S` shows: what the stack's buffers are made for.
    pub(crate) statistics: usize,
    port: *const T,
    device: *const Device<T>,
}

/// The registration of a port with the stack and with devlink.
///
/// [`Self::end`] takes both away. Dropping it takes the interface away alone, and leaves devlink with
/// a port that nobody can take away any more.
///
/// # Invariants
///
/// `device` is `port`'s registered net device, whose private pointer is `port`, on `place`.
pub struct Registration<T: Operations> {
    port: Arc<T>,
    device: NonNull<bindings::net_device>,
    place: Option<DevlinkPort>,
}

// SAFETY: A registration may be ended by any task.
unsafe impl<T: Operations> Send for Registration<T> {}
// SAFETY: A shared registration only gives access to the port, which is `Sync`.
unsafe impl<T: Operations> Sync for Registration<T> {}

impl<T: Operations> Registration<T> {
    /// Registers `port` as one of `devlink` and its net device in that instance's namespace. The
    /// interface can be used at once.
    ///
    /// Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the device is or was registered or its number is taken, else what
    /// `register_netdev` gives.
    pub fn new<D: devlink::Operations>(
        port: Arc<T>,
        devlink: &devlink::Locked<'_, D>,
    ) -> Result<Self> {
        let device = port.device();
        if device.registered.swap(true, Ordering::Relaxed) {
            return Err(EBUSY);
        }
        let ptr = device.ptr;
        let private = Private {
            statistics: crate::ethtool::count_statistics(&*port),
            port: Arc::as_ptr(&port),
            device,
        };
        // SAFETY: The device is valid.
        let place = DevlinkPort::new(unsafe { (*ptr.as_ptr()).dev_port }, devlink)?;
        // SAFETY: The device is valid and its private memory has room for this. Nobody reads it
        // before `register_netdev`. `port` is kept until after `unregister_netdev`, and what it
        // lent, `device`, stays where it is as long. `place` stays until after that, too. The
        // namespace can't end before devlink has moved the instance, which needs the lock.
        let result = to_result(unsafe {
            bindings::offload_nic_netdev_priv(ptr.as_ptr())
                .cast::<Private<T>>()
                .write(private);
            bindings::offload_nic_dev_net_set(
                ptr.as_ptr(),
                bindings::devlink_net(devlink.as_ptr()),
            );
            (*ptr.as_ptr()).devlink_port = place.as_ptr();
            // The device is set up and was never registered: `registered` was clear.
            bindings::register_netdev(ptr.as_ptr())
        });
        if let Err(error) = result {
            // SAFETY: The net device is not registered.
            unsafe { place.unregister(devlink) };
            return Err(error);
        }
        // INVARIANT: It is registered now.
        Ok(Self {
            port,
            device: ptr,
            place: Some(place),
        })
    }

    /// The registered port.
    pub fn port(&self) -> &Arc<T> {
        &self.port
    }

    /// Takes the interface away, and the port from `devlink`, where it was registered. Process
    /// context, RTNL not held.
    pub fn end<D: devlink::Operations>(mut self, devlink: &devlink::Locked<'_, D>) {
        let place = self.place.take();
        drop(self);
        if let Some(place) = place {
            // SAFETY: The net device that was on it is not registered any more.
            unsafe { place.unregister(devlink) };
        }
    }
}

impl<T: Operations> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the device is registered. When this returns no callback
        // runs or will run, so that the port may be released.
        unsafe { bindings::unregister_netdev(self.device.as_ptr()) };
    }
}
