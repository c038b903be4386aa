// SPDX-License-Identifier: GPL-2.0

//! The memory of a receive queue's frames, and what programs can learn about the queue.

use crate::bindings;
use core::{
    cell::Cell,
    ptr::null_mut, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    types::Opaque, //
};

/// The pages of a receive queue, and the queue as XDP programs see it. There is nothing in it while
/// the queue is off.
///
/// # Invariants
///
/// `pool` is null, or a page pool that is registered as the memory of `info`, whose pages have addresses.
/// It changes only while the queue is off, under RTNL.
#[pin_data]
pub(crate) struct Memory {
    #[pin]
    info: Opaque<bindings::xdp_rxq_info>,
    pool: Cell<*mut bindings::page_pool>,
}

impl Memory {
    pub(crate) fn new() -> impl PinInit<Self> {
        // INVARIANT: No pool yet.
        pin_init!(Self {
            info: Opaque::new(pin_init::zeroed()),
            pool: Cell::new(null_mut()),
        })
    }

    /// Gets the memory of queue `index` of `dev`, for `frames` frames, from which the poll of `napi`
    /// takes.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `dev` must be registered and have such a queue, which is off, as is `napi`; RTNL is held, and
    /// [`Self::release`] follows while both are there.
    pub(crate) unsafe fn acquire(
        &self,
        dev: *mut bindings::net_device,
        napi: *mut bindings::napi_struct,
        index: u32,
        frames: u32,
    ) -> Result {
        // SAFETY: Both are valid. The pool forgets the instance when it is destroyed.
        let pool = from_err_ptr(unsafe {
            bindings::offload_nic_page_pool_create(napi, dev, index, frames)
        })?;
        // SAFETY: `info` is ours and stays in place; it is not registered. The pool is new.
        let result = unsafe {
            to_result(bindings::offload_nic_xdp_rxq_info_reg(
                self.info.get(),
                dev,
                index,
            ))
            .and_then(|()| {
                to_result(bindings::xdp_rxq_info_reg_mem_model(
                    self.info.get(),
                    bindings::xdp_mem_type_MEM_TYPE_PAGE_POOL,
                    pool.cast(),
                ))
                .inspect_err(|_| bindings::xdp_rxq_info_unreg(self.info.get()))
            })
        };
        if let Err(error) = result {
            // SAFETY: The pool is ours and nothing was taken out of it.
            unsafe { bindings::page_pool_destroy(pool) };
            return Err(error);
        }
        // INVARIANT: Registered above.
        self.pool.set(pool);
        Ok(())
    }

    /// Gives the memory back. What frames of the pool are still under way go back to it later, by way of
    /// no poll.
    ///
    /// # Safety
    ///
    /// The queue and its NAPI instance are off, and RTNL is held.
    pub(crate) unsafe fn release(&self) {
        let pool = self.pool.replace(null_mut());
        if !pool.is_null() {
            // SAFETY: By the type invariants the pool is registered with `info`; that drops one of
            // its two users, and we the other.
            unsafe {
                bindings::xdp_rxq_info_unreg(self.info.get());
                bindings::page_pool_destroy(pool);
            }
        }
    }

    pub(super) fn info(&self) -> *mut bindings::xdp_rxq_info {
        self.info.get()
    }

    /// The pool; null while the queue is off.
    pub(crate) fn pool(&self) -> *mut bindings::page_pool {
        self.pool.get()
    }
}
