// SPDX-License-Identifier: GPL-2.0

//! The clock of a NIC, as user space has it, and which frames its ports stamp with it.

use crate::port::{
    Asic,
    Port,
    NAME, //
};
use core::sync::atomic::Ordering;
use engine::clock::{
    OutOfRange,
    MAX_ADJUSTMENT,
    MAX_TIME, //
};
use kernel::{
    device,
    fmt,
    prelude::*, //
};
use net::{
    log,
    netdev::Rtnl,
    ptp,
    tstamp::{
        Stamping,
        TimeStamps, //
    }, //
};

/// The clock of a NIC, `/dev/ptpN`: nothing where the kernel has no such clocks, and the ports stamp
/// frames all the same.
pub(super) struct NicClock {
    asic: Asic,
    _registration: Option<ptp::Registration<Asic>>,
}

impl NicClock {
    /// Registers the clock of `asic`'s card as one of `parent`. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what registering a device gives.
    pub(super) fn new(asic: &Asic, parent: &device::Device) -> Result<Self> {
        let registration = ptp::Registration::new(asic.clone(), parent)?;
        if let Some(registration) = &registration {
            asic.clock_index
                .store(registration.index(), Ordering::Relaxed);
        }
        Ok(Self {
            asic: asic.clone(),
            _registration: registration,
        })
    }
}

impl Drop for NicClock {
    fn drop(&mut self) {
        self.asic.clock_index.store(-1, Ordering::Relaxed);
    }
}

/// The error for a clock that can't become what was asked for, with the reason in the kernel log:
/// `clock_adjtime()` and `clock_settime()` have no text.
fn refuse(nic: u32, what: fmt::Arguments<'_>) -> Error {
    if log::ratelimit() {
        pr_err!("clock of offload_nic{nic}: {what}\n");
    }
    ERANGE
}

impl ptp::Clock for Asic {
    const NAME: &'static CStr = NAME;
    const MAX_ADJUSTMENT: i32 = MAX_ADJUSTMENT;

    fn time_at(&self, counter: &mut dyn FnMut() -> u64) -> u64 {
        self.card.clock.time_at(counter)
    }

    fn set_time(&self, time: u64) -> Result {
        self.card.clock.set(time).map_err(|OutOfRange| {
            refuse(
                self.nic,
                fmt!("can't be set to {time} ns since 1970: the limit is {MAX_TIME}"),
            )
        })
    }

    fn shift(&self, delta: i64) -> Result {
        self.card.clock.shift(delta).map_err(|OutOfRange| {
            refuse(
                self.nic,
                fmt!("can't be moved by {delta} ns: it has to stay within 0 to {MAX_TIME} ns since 1970"),
            )
        })
    }

    fn adjust(&self, scaled_ppm: i64) -> Result {
        self.card.clock.adjust(scaled_ppm).map_err(|OutOfRange| {
            refuse(
                self.nic,
                fmt!("can't be {scaled_ppm} / 65536 ppm faster: the limit is {MAX_ADJUSTMENT} ppb"),
            )
        })
    }
}

impl TimeStamps for Port {
    fn stamping(&self, _rtnl: &Rtnl<'_>) -> Stamping {
        Stamping {
            sent: self.hardware.stamps_leaving(),
            received: self.hardware.stamps_arriving(),
        }
    }

    fn set_stamping(&self, stamping: Stamping, _rtnl: &Rtnl<'_>) {
        self.hardware.set_stamping(stamping.sent, stamping.received);
    }

    fn clock_index(&self) -> Option<i32> {
        let index = self.asic.clock_index.load(Ordering::Relaxed);
        (index >= 0).then_some(index)
    }
}
