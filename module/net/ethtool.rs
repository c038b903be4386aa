// SPDX-License-Identifier: GPL-2.0

//! What `ethtool` asks of a driver.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use crate::{
    bindings,
    extack::Extack,
    netdev::{
        port,
        statistics,
        Operations,
        Rtnl, //
    },
};
use core::ptr::addr_of_mut;
use kernel::{
    error::from_result,
    fmt,
    prelude::*,
    str::CString, //
};

/// The sizes of a port's rings, in frames.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RingSizes {
    /// Receive ring of each queue.
    pub rx: u32,
    /// Transmit ring of each queue.
    pub tx: u32,
}

/// How often a sender had to wait for the other end of the cable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// This end had to wait.
    pub received: u64,
    /// The other end had to wait.
    pub sent: u64,
}

/// What a driver tells to `ethtool`.
pub trait EthtoolOperations {
    /// The driver's name (`ethtool -i`).
    const DRIVER: &'static CStr;
    /// The largest rings.
    const MAX_RINGS: RingSizes;

    /// The sizes of the rings (`ethtool -g`). RTNL is held.
    fn rings(&self) -> RingSizes;

    /// Changes the sizes of the rings (`ethtool -G`). The stack has checked them against
    /// [`Self::MAX_RINGS`]. On an error the old sizes stay.
    fn set_rings(&self, rings: RingSizes, extack: &Extack<'_>, rtnl: &Rtnl<'_>) -> Result;

    /// How many queue pairs there are (`ethtool -l`).
    fn max_queues(&self) -> u16;

    /// How many queue pairs are in use (`ethtool -l`).
    fn queues(&self) -> u16;

    /// Changes how many queue pairs are in use (`ethtool -L`), from 1 to [`Self::max_queues`]. On an
    /// error the old number stays.
    fn set_queues(&self, count: u16, rtnl: &Rtnl<'_>) -> Result;

    /// How often the port was made to pause, and had the other end pause, because a ring was full
    /// (`ethtool -I -a`). May be called at any time.
    fn pauses(&self) -> Pauses;

    /// How many codewords of forward error correction the port has received, all without an error
    /// (`ethtool -I --show-fec`). The link is modelled as one with RS(544,514), whose codewords carry
    /// 640 bytes of frames each, and nothing between frames. May be called at any time.
    fn codewords(&self) -> u64;

    /// Calls `visit` with the name and the value of each counter (`ethtool -S`), always the same
    /// names in the same order. RTNL is held.
    fn visit_statistics(&self, visit: &mut dyn FnMut(fmt::Arguments<'_>, u64));
}

/// The table of callbacks for `T`.
pub(crate) const fn operations<T: Operations>() -> bindings::ethtool_ops {
    // `ETHTOOL_OP_NEEDS_RTNL_*`: macros that bindgen does not see.
    const NEEDS_RTNL_SRINGPARAM: u32 = 1 << 2;
    const NEEDS_RTNL_SCHANNELS: u32 = 1 << 3;

    bindings::ethtool_ops {
        op_needs_rtnl: NEEDS_RTNL_SRINGPARAM | NEEDS_RTNL_SCHANNELS,
        get_drvinfo: Some(get_drvinfo::<T>),
        get_link: Some(bindings::ethtool_op_get_link),
        get_ringparam: Some(get_ringparam::<T>),
        set_ringparam: Some(set_ringparam::<T>),
        get_channels: Some(get_channels::<T>),
        set_channels: Some(set_channels::<T>),
        get_pauseparam: Some(get_pauseparam),
        get_pause_stats: Some(get_pause_stats::<T>),
        get_fecparam: Some(get_fecparam),
        get_fec_stats: Some(get_fec_stats::<T>),
        get_sset_count: Some(get_sset_count::<T>),
        get_strings: Some(get_strings::<T>),
        get_ethtool_stats: Some(get_ethtool_stats::<T>),
        get_ts_info: Some(bindings::ethtool_op_get_ts_info),
        ..pin_init::zeroed()
    }
}

/// # Safety
///
/// To be called by the stack, as `get_drvinfo` of a registered port of type `T`.
unsafe extern "C" fn get_drvinfo<T: Operations>(
    _dev: *mut bindings::net_device,
    info: *mut bindings::ethtool_drvinfo,
) {
    // SAFETY: The stack gives memory for the answer. It has filled in the bus information.
    let driver = unsafe { &mut (*info).driver };
    for (place, byte) in driver.iter_mut().zip(T::DRIVER.to_bytes()) {
        *place = *byte;
    }
}

/// # Safety
///
/// To be called by the stack, as `get_ringparam` of a registered port of type `T`.
unsafe extern "C" fn get_ringparam<T: Operations>(
    dev: *mut bindings::net_device,
    ring: *mut bindings::ethtool_ringparam,
    _kernel_ring: *mut bindings::kernel_ethtool_ringparam,
    _extack: *mut bindings::netlink_ext_ack,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, ring) = unsafe { (port::<T>(dev), &mut *ring) };
    let sizes = port.rings();
    ring.rx_pending = sizes.rx;
    ring.tx_pending = sizes.tx;
    ring.rx_max_pending = T::MAX_RINGS.rx;
    ring.tx_max_pending = T::MAX_RINGS.tx;
}

/// # Safety
///
/// To be called by the stack, as `set_ringparam` of a registered port of type `T`.
unsafe extern "C" fn set_ringparam<T: Operations>(
    dev: *mut bindings::net_device,
    ring: *mut bindings::ethtool_ringparam,
    _kernel_ring: *mut bindings::kernel_ethtool_ringparam,
    extack: *mut bindings::netlink_ext_ack,
) -> i32 {
    // SAFETY: The stack asks registered devices only, and gives valid parameters; RTNL is held.
    let (port, ring, extack, rtnl) = unsafe {
        (
            port::<T>(dev),
            &*ring,
            Extack::from_raw(extack),
            Rtnl::held(),
        )
    };
    let sizes = RingSizes {
        rx: ring.rx_pending,
        tx: ring.tx_pending,
    };
    from_result(|| port.set_rings(sizes, &extack, &rtnl).map(|()| 0))
}

/// # Safety
///
/// To be called by the stack, as `get_channels` of a registered port of type `T`.
unsafe extern "C" fn get_channels<T: Operations>(
    dev: *mut bindings::net_device,
    channels: *mut bindings::ethtool_channels,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, channels) = unsafe { (port::<T>(dev), &mut *channels) };
    channels.max_combined = port.max_queues().into();
    channels.combined_count = port.queues().into();
}

/// # Safety
///
/// To be called by the stack, as `set_channels` of a registered port of type `T`, with numbers
/// within the limits.
unsafe extern "C" fn set_channels<T: Operations>(
    dev: *mut bindings::net_device,
    channels: *mut bindings::ethtool_channels,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held.
    let (port, channels, rtnl) = unsafe { (port::<T>(dev), &*channels, Rtnl::held()) };
    from_result(|| {
        let count = u16::try_from(channels.combined_count)?;
        port.set_queues(count, &rtnl).map(|()| 0)
    })
}

/// A sender waits when the ring at the other end is full; that can't be switched off.
///
/// # Safety
///
/// To be called by the stack, as the operation of that name.
unsafe extern "C" fn get_pauseparam(
    _dev: *mut bindings::net_device,
    pause: *mut bindings::ethtool_pauseparam,
) {
    // SAFETY: The stack gives memory for the answer.
    let pause = unsafe { &mut *pause };
    pause.autoneg = 0;
    pause.rx_pause = 1;
    pause.tx_pause = 1;
}

/// # Safety
///
/// To be called by the stack, as `get_pause_stats` of a registered port of type `T`.
unsafe extern "C" fn get_pause_stats<T: Operations>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::ethtool_pause_stats,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, stats) = unsafe { (port::<T>(dev), &mut *stats) };
    let pauses = port.pauses();
    stats.__bindgen_anon_1.__bindgen_anon_1.rx_pause_frames = pauses.received;
    stats.__bindgen_anon_1.__bindgen_anon_1.tx_pause_frames = pauses.sent;
}

/// The model of the link: Reed-Solomon code, see [`EthtoolOperations::codewords`].
///
/// # Safety
///
/// To be called by the stack, as the operation of that name.
unsafe extern "C" fn get_fecparam(
    _dev: *mut bindings::net_device,
    param: *mut bindings::ethtool_fecparam,
) -> i32 {
    // SAFETY: The stack gives memory for the answer.
    let param = unsafe { &mut *param };
    param.fec = 1 << bindings::ethtool_fec_config_bits_ETHTOOL_FEC_RS_BIT;
    param.active_fec = param.fec;
    0
}

/// Codewords by the number of their symbols that had to be corrected: none, or as many as RS(544,514)
/// can. A range of zeros ends the list.
static FEC_BINS: [bindings::ethtool_fec_hist_range; 3] = {
    const fn bin(low: u16, high: u16) -> bindings::ethtool_fec_hist_range {
        bindings::ethtool_fec_hist_range { low, high }
    }
    [bin(0, 0), bin(1, 15), bin(0, 0)]
};

/// A cable that is a queue in memory has no bit errors: nothing is ever corrected.
///
/// # Safety
///
/// To be called by the stack, as `get_fec_stats` of a registered port of type `T`.
unsafe extern "C" fn get_fec_stats<T: Operations>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::ethtool_fec_stats,
    hist: *mut bindings::ethtool_fec_hist,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answers.
    let (port, stats, hist) = unsafe { (port::<T>(dev), &mut *stats, &mut *hist) };
    stats.corrected_blocks.total = 0;
    stats.uncorrectable_blocks.total = 0;
    stats.corrected_bits.total = 0;
    hist.ranges = FEC_BINS.as_ptr();
    for (value, codewords) in hist.values.iter_mut().zip([port.codewords(), 0]) {
        value.sum = codewords;
    }
}

/// How many counters `port` visits.
pub(crate) fn count_statistics<T: Operations>(port: &T) -> usize {
    let mut count = 0usize;
    port.visit_statistics(&mut |_, _| count = count.saturating_add(1));
    count
}

/// # Safety
///
/// To be called by the stack, as `get_sset_count` of a registered port of type `T`.
unsafe extern "C" fn get_sset_count<T: Operations>(
    dev: *mut bindings::net_device,
    set: i32,
) -> i32 {
    // CAST: A small enumeration.
    if set as u32 != bindings::ethtool_stringset_ETH_SS_STATS {
        // CAST: A small number.
        return -(bindings::EOPNOTSUPP as i32);
    }
    // SAFETY: The stack asks registered devices only.
    let count = unsafe { statistics::<T>(dev) };
    i32::try_from(count).unwrap_or(0)
}

/// # Safety
///
/// To be called by the stack, as `get_strings` of a registered port of type `T`.
unsafe extern "C" fn get_strings<T: Operations>(
    dev: *mut bindings::net_device,
    set: u32,
    data: *mut u8,
) {
    if set != bindings::ethtool_stringset_ETH_SS_STATS {
        return;
    }
    let mut next = data;
    // SAFETY: The stack asks registered devices only.
    let (port, mut room) = unsafe { (port::<T>(dev), statistics::<T>(dev)) };
    port.visit_statistics(&mut |name, _| {
        if room == 0 {
            return;
        }
        room -= 1;
        let name = CString::try_from_fmt(name);
        let text = name.as_deref().unwrap_or(c"unnamed (no memory)");
        // SAFETY: There is room for as many strings as `get_sset_count` said, and no more are
        // written; the text ends with a zero.
        unsafe { bindings::ethtool_puts(addr_of_mut!(next), text.as_char_ptr()) };
    });
}

/// # Safety
///
/// To be called by the stack, as `get_ethtool_stats` of a registered port of type `T`.
unsafe extern "C" fn get_ethtool_stats<T: Operations>(
    dev: *mut bindings::net_device,
    _stats: *mut bindings::ethtool_stats,
    data: *mut u64,
) {
    // SAFETY: The stack asks registered devices only.
    let (port, room) = unsafe { (port::<T>(dev), statistics::<T>(dev)) };
    let mut index = 0usize;
    port.visit_statistics(&mut |_, value| {
        if index < room {
            // SAFETY: There is room for as many values as `get_sset_count` said.
            unsafe { data.add(index).write(value) };
            index += 1;
        }
    });
}
