// SPDX-License-Identifier: GPL-2.0

//! What the device refused where the request has no log for the reason, as `devlink health` tells
//! it: maps (`BPF_MAP_CREATE` has none), and programs whose verifier log was closed already.

use core::fmt;
use device::memory::DeviceMemory;
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::Mutex, //
};
use net::devlink::{
    Message,
    Report, //
};

/// The last refusal.
pub(crate) struct Refusals {
    last: Pin<KBox<Mutex<Option<Refusal>>>>,
    memory: DeviceMemory,
}

struct Refusal {
    what: CString,
    reason: CString,
}

impl Refusals {
    /// None yet, by the device with this memory.
    pub(crate) fn new(memory: DeviceMemory) -> Result<Self> {
        let last = KBox::pin_init(new_mutex!(None, "offload_nic_refusals"), GFP_KERNEL)?;
        Ok(Self { last, memory })
    }

    /// Notes that `what` was refused. Process context.
    pub(crate) fn set(&self, what: fmt::Arguments<'_>, reason: &dyn fmt::Display) {
        let refusal = || -> Result<Refusal> {
            Ok(Refusal {
                what: CString::try_from_fmt(what)?,
                reason: CString::try_from_fmt(format_args!("{reason}"))?,
            })
        };
        // Rather nothing than an older one.
        *self.last.lock() = refusal().ok();
    }
}

impl Report for Refusals {
    const NAME: &'static CStr = c"bpf";
    const EVENT: &'static CStr = c"the device refused a map or a program";

    fn write(&self, message: &mut Message<'_>) {
        if let Some(refusal) = &*self.last.lock() {
            message.text(c"request", fmt!("{}", &*refusal.what));
            message.text(c"reason", fmt!("{}", &*refusal.reason));
        }
        let memory = self.memory.usage();
        message.number(c"memory_used", memory.used);
        message.number(c"memory_limit", memory.size);
    }
}
