// SPDX-License-Identifier: GPL-2.0

//! Receive queues: a NAPI instance and the memory that its frames are put into.

use super::{
    interface::NetDevice,
    private::port, //
};
use crate::{
    bindings,
    napi::{
        Coalescing,
        Napi,
        PollContext, //
    },
    xdp::Memory, //
};
use core::marker::PhantomData;
use kernel::{
    container_of,
    prelude::*, //
};

/// How many frames the memory of a queue keeps for the next ones.
const POOL_FRAMES: u32 = 256;

/// What a driver does in the poll of its queues.
pub trait Poll: Send + Sync + Sized + 'static {
    /// Handles up to `context.budget()` received frames of queue `queue` and returns how many. Less
    /// than the budget is a promise that there was no other: then the queue is not polled again until
    /// it is scheduled.
    /// Context: NAPI poll, one at a time for each queue.
    fn poll(&self, queue: u16, context: &PollContext<'_>) -> usize;

    /// Takes note of the frames that transmit queue `queue` has sent, for which the stack may have to
    /// be let send again, and returns how many. Without this, there are never any.
    /// Context: NAPI poll of receive queue `queue`, or netpoll with interrupts off, on several CPUs
    /// at once.
    fn complete_tx(&self, _queue: u16) -> usize {
        0
    }
}

/// A receive queue of a port of type `T`.
#[pin_data]
pub(super) struct RxQueue<T: Poll> {
    #[pin]
    napi: Napi,
    #[pin]
    memory: Memory,
    index: u16,
    _port: PhantomData<fn(&T)>,
}

impl<T: Poll> RxQueue<T> {
    /// Queue number `index`. Process context.
    ///
    /// # Errors
    ///
    /// As [`Napi::new`].
    pub(super) fn new(index: u16) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            napi <- Napi::new(index),
            memory <- Memory::new(),
            index,
            _port: PhantomData,
        })
    }

    /// Makes the queue ready to be put on; nobody else knows it yet. It is off.
    pub(super) fn prepare(&self) {
        self.napi.prepare();
    }

    /// Puts the queue on: frames are polled when it is scheduled. None may come before this returns.
    ///
    /// Only queues that are on are in the device's list of NAPI instances: whoever changes all in
    /// that list, as a write to `threaded` in sysfs does, waits for each to be idle, and one that is
    /// off never is.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what `request_irq()` gives; the queue is off then.
    pub(super) fn enable(&self, device: &NetDevice) -> Result {
        let index = u32::from(self.index);
        let (dev, napi) = (device.as_ptr(), self.napi.as_ptr());
        // SAFETY: `device` is registered and has such a queue, which is off with its instance. RTNL is
        // held by the caller, which puts queues on.
        unsafe { self.memory.acquire(dev, napi, index, POOL_FRAMES)? };
        // SAFETY: `device` is registered, and RTNL held as above. The instance is off, and stays in place
        // until `disable` has freed the interrupt.
        if let Err(error) = unsafe { self.napi.request_interrupt(dev) } {
            // SAFETY: The queue is off: nobody has taken anything of its memory.
            unsafe { self.memory.release() };
            return Err(error);
        }
        // It was masked if the queue was put off while its interrupts were deferred.
        self.napi.interrupt().unmask();
        // SAFETY: The instance is in no list, and stays in place until `disable` has taken it out
        // of the device's. RTNL is held as above.
        unsafe {
            bindings::offload_nic_napi_add_config(
                dev,
                napi,
                Some(Self::poll_callback),
                i32::from(self.index),
            );
            self.napi.tell_interrupt();
            bindings::napi_enable(napi);
            for kind in [
                bindings::netdev_queue_type_NETDEV_QUEUE_TYPE_RX,
                bindings::netdev_queue_type_NETDEV_QUEUE_TYPE_TX,
            ] {
                bindings::netif_queue_set_napi(device.as_ptr(), index, kind, napi);
            }
        }
        Ok(())
    }

    /// Puts the queue off, and waits until it is not polled any more. It must not be put on again
    /// before a grace period: others may be looking through the device's list.
    pub(super) fn disable(&self, device: &NetDevice) {
        let index = u32::from(self.index);
        let napi = self.napi.as_ptr();
        // SAFETY: The instance is one of `device`'s and is on. RTNL is held by the caller, which
        // puts queues off. The timer is stopped when nobody can start it any more; if it raises the
        // interrupt before, nothing comes of it, as with any other.
        unsafe {
            for kind in [
                bindings::netdev_queue_type_NETDEV_QUEUE_TYPE_RX,
                bindings::netdev_queue_type_NETDEV_QUEUE_TYPE_TX,
            ] {
                bindings::netif_queue_set_napi(device.as_ptr(), index, kind, core::ptr::null_mut());
            }
            bindings::napi_disable(napi);
            self.napi.free_interrupt();
            self.napi.stop_timer();
            bindings::offload_nic_napi_del_without_wait(napi);
            self.memory.release();
        }
    }

    pub(super) fn poll_now(&self) {
        self.napi.schedule();
    }

    #[inline]
    pub(super) fn schedule(&self) {
        self.napi.raise();
    }

    /// How its interrupt is moderated. Any context.
    pub(super) fn coalescing(&self) -> Coalescing {
        self.napi.moderated().coalescing()
    }

    /// Has its interrupt moderated otherwise from the next event on. Any context.
    pub(super) fn set_coalescing(&self, coalescing: Coalescing) {
        self.napi.moderated().set_coalescing(coalescing);
    }

    /// # Safety
    ///
    /// Called by the stack only: `napi` is the instance in an `RxQueue<T>` of a registered device.
    unsafe extern "C" fn poll_callback(napi: *mut bindings::napi_struct, budget: i32) -> i32 {
        // SAFETY: `napi` is that of an `RxQueue<T>`, as `enable` alone gives out this function, which
        // is pinned and stays while it is on.
        let queue = unsafe {
            let napi = core::ptr::from_ref(Napi::of(napi));
            Pin::new_unchecked(&*container_of!(napi, Self, napi))
        };
        let interrupt = queue.napi.interrupt();
        // SAFETY: The instance's device is registered: a queue is on only while its interface is
        // up.
        let port = unsafe { port::<T>((*napi).dev) };
        // A poll with no budget is netpoll's, which wants transmit completions only. It may come at
        // any time, and is not what the interrupt has asked for.
        if budget > 0 {
            interrupt.mask();
        }
        let completed = port.complete_tx(queue.index);
        let Some(budget) = usize::try_from(budget).ok().filter(|budget| *budget > 0) else {
            return 0;
        };
        // SAFETY: This is the poll function of `napi`, which belongs to a registered device.
        let context = unsafe { PollContext::new(napi, budget, &queue.memory) };
        let done = port.poll(queue.index, &context).min(budget);
        if context.has_redirected() {
            // SAFETY: The end of a NAPI poll in which frames were redirected.
            unsafe { bindings::xdp_do_flush() };
        }
        if let Some(nanoseconds) = context.wanted_after() {
            // SAFETY: This is the poll; `disable` stops the timer. The field is pinned as its queue.
            unsafe {
                let napi = queue.map_unchecked(|queue| &queue.napi);
                napi.raise_after(nanoseconds);
            }
        }
        if done < budget {
            // Completions are not on the budget, but an instance that has some is not idle.
            let work = done.max(completed.min(budget - 1));
            // SAFETY: Less than the budget was used, in the poll function.
            // CAST: Below `budget`, which came from an `i32`.
            let is_done = unsafe { bindings::napi_complete_done(napi, work as i32) };
            if is_done && interrupt.unmask() {
                queue.schedule();
            }
        }
        // CAST: At most `budget`, which came from an `i32`.
        done as i32
    }
}
