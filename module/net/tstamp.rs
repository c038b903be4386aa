// SPDX-License-Identifier: GPL-2.0

//! Time stamps that a device takes of frames: which are taken, and by which clock.
//!
//! The stamps themselves go with the frames ([`skbuff`](crate::skbuff), [`xdp`](crate::xdp)).
//!
//! C header: [`include/linux/net_tstamp.h`](srctree/include/linux/net_tstamp.h)

use crate::{
    bindings,
    extack::Extack,
    netdev::{
        port,
        Operations,
        Rtnl,
        Table, //
    },
};
use kernel::{
    error::from_result,
    prelude::*, //
};

/// Which frames are stamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamping {
    /// Those that leave and whose sender asks for it (`HWTSTAMP_TX_ON`).
    pub sent: bool,
    /// All that arrive (`HWTSTAMP_FILTER_ALL`).
    pub received: bool,
}

/// A port whose device stamps frames as they leave and arrive.
///
/// Who asks for the stamps of some kinds of received frames gets those of all, as the core allows, and
/// is told so.
pub trait TimeStamps: Operations {
    /// Which frames are stamped now. RTNL is held.
    fn stamping(&self, rtnl: &Rtnl<'_>) -> Stamping;

    /// Has these frames stamped from now on. RTNL is held.
    fn set_stamping(&self, stamping: Stamping, rtnl: &Rtnl<'_>);

    /// The N of the `/dev/ptpN` that is the clock of the stamps, if there is one
    /// ([`ptp`](crate::ptp)). Any context.
    fn clock_index(&self) -> Option<i32>;
}

impl<T: TimeStamps> Table<T> {
    /// The port has [`TimeStamps`].
    pub const fn time_stamps(mut self) -> Self {
        self.netdev.ndo_hwtstamp_get = Some(hwtstamp_get::<T>);
        self.netdev.ndo_hwtstamp_set = Some(hwtstamp_set::<T>);
        self.ethtool.get_ts_info = Some(get_ts_info::<T>);
        self
    }
}

const TX_OFF: u32 = bindings::hwtstamp_tx_types_HWTSTAMP_TX_OFF;
const TX_ON: u32 = bindings::hwtstamp_tx_types_HWTSTAMP_TX_ON;
const FILTER_NONE: u32 = bindings::hwtstamp_rx_filters_HWTSTAMP_FILTER_NONE;
const FILTER_ALL: u32 = bindings::hwtstamp_rx_filters_HWTSTAMP_FILTER_ALL;
/// "Some" has no meaning that could be kept.
const FILTER_SOME: u32 = bindings::hwtstamp_rx_filters_HWTSTAMP_FILTER_SOME;
const FILTERS: u32 = bindings::hwtstamp_rx_filters___HWTSTAMP_FILTER_CNT;

impl Stamping {
    /// What the core has as `config`.
    ///
    /// # Errors
    ///
    /// `ERANGE` for what the device does not do.
    fn from_raw(config: &bindings::kernel_hwtstamp_config, extack: &Extack<'_>) -> Result<Self> {
        // CAST: Small numbers, which the core has checked.
        let (tx_type, rx_filter) = (config.tx_type as u32, config.rx_filter as u32);
        if tx_type != TX_OFF && tx_type != TX_ON {
            extack.fmt(fmt!(
                "tx_type {tx_type}: the device has {TX_OFF} (off) and {TX_ON} (on)"
            ));
            return Err(ERANGE);
        }
        if rx_filter == FILTER_SOME || rx_filter >= FILTERS {
            extack.fmt(fmt!(
                "rx_filter {rx_filter}: the device has {FILTER_NONE} (none) and {FILTER_ALL} (all)"
            ));
            return Err(ERANGE);
        }
        Ok(Self {
            sent: tx_type == TX_ON,
            received: rx_filter != FILTER_NONE,
        })
    }

    fn write(self, config: &mut bindings::kernel_hwtstamp_config) {
        // CAST: Small numbers.
        config.tx_type = if self.sent { TX_ON } else { TX_OFF } as i32;
        config.rx_filter = if self.received {
            FILTER_ALL
        } else {
            FILTER_NONE
        } as i32;
    }
}

/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
unsafe extern "C" fn hwtstamp_get<T: TimeStamps>(
    dev: *mut bindings::net_device,
    config: *mut bindings::kernel_hwtstamp_config,
) -> c_int {
    // SAFETY: The stack asks registered devices only, with RTNL held, and gives memory for the answer.
    let (port, config, rtnl) = unsafe { (port::<T>(dev), &mut *config, Rtnl::held()) };
    port.stamping(&rtnl).write(config);
    0
}

/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
unsafe extern "C" fn hwtstamp_set<T: TimeStamps>(
    dev: *mut bindings::net_device,
    config: *mut bindings::kernel_hwtstamp_config,
    extack: *mut bindings::netlink_ext_ack,
) -> c_int {
    // SAFETY: The stack asks registered devices only, with RTNL held, and gives a configuration that
    // it has checked, which the answer goes into.
    let (port, config, extack, rtnl) = unsafe {
        (
            port::<T>(dev),
            &mut *config,
            Extack::from_raw(extack),
            Rtnl::held(),
        )
    };
    from_result(|| {
        let stamping = Stamping::from_raw(config, &extack)?;
        port.set_stamping(stamping, &rtnl);
        stamping.write(config);
        Ok(0)
    })
}

/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
unsafe extern "C" fn get_ts_info<T: TimeStamps>(
    dev: *mut bindings::net_device,
    info: *mut bindings::kernel_ethtool_ts_info,
) -> c_int {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, info) = unsafe { (port::<T>(dev), &mut *info) };
    info.so_timestamping = [
        bindings::SOF_TIMESTAMPING_TX_HARDWARE,
        bindings::SOF_TIMESTAMPING_RX_HARDWARE,
        bindings::SOF_TIMESTAMPING_RAW_HARDWARE,
        bindings::SOF_TIMESTAMPING_TX_SOFTWARE,
        bindings::SOF_TIMESTAMPING_RX_SOFTWARE,
        bindings::SOF_TIMESTAMPING_SOFTWARE,
    ]
    .iter()
    .fold(0, |all, bit| all | bit);
    info.phc_index = port.clock_index().unwrap_or(-1);
    info.tx_types = 1 << TX_OFF | 1 << TX_ON;
    info.rx_filters = 1 << FILTER_NONE | 1 << FILTER_ALL;
    0
}
