// SPDX-License-Identifier: GPL-2.0

//! The devices of a bus, as far as the bus knows them.

use crate::bindings;
use core::sync::atomic::{
    AtomicUsize,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::Completion,
    types::Opaque, //
};

/// A bus and its driver, on which devices are registered.
///
/// # Invariants
///
/// `count` counts the devices whose memory was not given back yet, and one more until the bus is
/// closed. When it reaches zero `all_gone` is completed, and it stays there.
#[pin_data]
pub struct Devices {
    #[pin]
    pub(super) bus: Opaque<bindings::bus_type>,
    #[pin]
    driver: Opaque<bindings::device_driver>,
    count: AtomicUsize,
    #[pin]
    all_gone: Completion,
}

// SAFETY: The driver core guards what is its own.
unsafe impl Send for Devices {}
// SAFETY: As above.
unsafe impl Sync for Devices {}

impl Devices {
    /// A bus with these files, which the core does not know yet, and no device on it.
    pub(super) fn new(
        name: &'static CStr,
        files: &'static [*const bindings::attribute_group; 2],
        module: &'static ThisModule,
    ) -> impl PinInit<Self> {
        let bus = bindings::bus_type {
            name: name.as_char_ptr(),
            dev_name: name.as_char_ptr(),
            bus_groups: files.as_ptr().cast_mut().cast(),
            ..pin_init::zeroed()
        };
        let driver = bindings::device_driver {
            name: name.as_char_ptr(),
            owner: module.as_ptr().cast(),
            // Devices come and go with the files of the bus and not by being bound.
            suppress_bind_attrs: true,
            probe_type: bindings::probe_type_PROBE_FORCE_SYNCHRONOUS,
            ..pin_init::zeroed()
        };
        // INVARIANT: No device, and not closed.
        pin_init!(Self {
            bus: Opaque::new(bus),
            driver: Opaque::new(driver),
            count: AtomicUsize::new(1),
            all_gone <- Completion::new(),
        })
    }

    pub(super) fn bus(&self) -> *mut bindings::bus_type {
        self.bus.get()
    }

    pub(super) fn driver(&self) -> *mut bindings::device_driver {
        self.driver.get()
    }

    /// Counts one more device, unless the bus is closed.
    pub(super) fn hold(&self) -> Result {
        let one_more = |count: usize| (count > 0).then(|| count.saturating_add(1));
        self.count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map_err(|_| ENODEV)?;
        Ok(())
    }

    /// Counts one device less. The bus may be gone on return.
    pub(super) fn release(&self) {
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.all_gone.complete_all();
        }
    }

    /// Lets no more devices come and waits until the memory of all has been given back. To be called
    /// once. Process context.
    pub(super) fn close(&self) {
        self.release();
        self.all_gone.wait_for_completion();
    }
}
