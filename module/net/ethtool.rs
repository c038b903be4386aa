// SPDX-License-Identifier: GPL-2.0

//! What `ethtool` asks of a driver.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

mod coalescing;
mod contexts;
mod flow;
mod hash;
mod link;
mod mac;
mod private_flags;
mod resize;
mod rings;
mod rss;
mod rules;
mod strings;

pub use coalescing::Moderation;
pub use contexts::RssContexts;
pub use flow::{
    Action,
    Ether,
    Extension,
    FlowMatch,
    FlowRule,
    Ip4,
    Ip6,
    Ipsec4,
    Ipsec6,
    Location,
    Masked,
    Transport4,
    Transport6, //
};
pub use hash::{
    HashFields,
    HashedFlow, //
};
pub use link::{
    Duplex,
    Link,
    LinkDown,
    LinkMode,
    LinkModes,
    LinkRequest,
    LinkSettings, //
};
pub use mac::{
    MacFrames,
    MacStatistics,
    MAX_LENGTH_RANGES, //
};
pub use private_flags::PrivateFlags;
pub use resize::Resize;
pub use rings::{
    HeaderSplit,
    RingSizes,
    Rings, //
};
pub use rss::{
    default_key,
    Rss,
    RssChange,
    RssTables,
    Symmetry, //
};
pub use rules::FlowRules;

use crate::{
    bindings,
    netdev::{
        port,
        private,
        Operations,
        Rtnl,
        Table, //
    },
};
use core::marker::PhantomData;
use kernel::{
    error::from_result,
    fmt,
    prelude::*, //
};

/// How Ethernet's flow control is set (`ethtool -a`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PauseParameters {
    /// Whether the two ends agree on the rest.
    pub autoneg: bool,
    /// Whether the port waits when the other end wants it.
    pub rx: bool,
    /// Whether the port has the other end wait.
    pub tx: bool,
}

/// How often a sender had to wait for the other end of the cable, or was told to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// This end had to wait.
    pub received: u64,
    /// The other end had to wait.
    pub sent: u64,
}

/// A code for forward error correction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fec {
    /// None.
    Off,
    /// Reed-Solomon.
    Rs,
    /// Fire code.
    BaseR,
}

impl Fec {
    fn bit(self) -> u32 {
        1 << match self {
            Self::Off => bindings::ethtool_fec_config_bits_ETHTOOL_FEC_OFF_BIT,
            Self::Rs => bindings::ethtool_fec_config_bits_ETHTOOL_FEC_RS_BIT,
            Self::BaseR => bindings::ethtool_fec_config_bits_ETHTOOL_FEC_BASER_BIT,
        }
    }
}

/// What forward error correction has come to.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FecStats {
    /// Blocks that were corrected.
    pub corrected_blocks: u64,
    /// Blocks that could not be.
    pub uncorrectable_blocks: u64,
    /// Bits that were corrected.
    pub corrected_bits: u64,
}

/// A port with queue pairs whose number users see and set.
pub trait Channels: Operations {
    /// How many queue pairs there are (`ethtool -l`).
    fn max_queues(&self) -> u16;

    /// How many queue pairs are in use (`ethtool -l`).
    fn queues(&self) -> u16;

    /// Changes how many queue pairs are in use (`ethtool -L`), from 1 to [`Self::max_queues`]. On an
    /// error the old number stays.
    fn set_queues(&self, count: u16, rtnl: &Rtnl<'_>) -> Result;
}

/// A port with flow control.
pub trait Pause: Operations {
    /// How it is set (`ethtool -a`).
    fn pause(&self) -> PauseParameters;

    /// How often the port was made to pause, and had the other end pause (`ethtool -I -a`). RTNL is
    /// held.
    fn pauses(&self) -> Pauses;
}

/// A port whose link has forward error correction.
pub trait ErrorCorrection: Operations {
    /// Codewords are counted by how many of their symbols had to be corrected: the ranges of these
    /// numbers, the smallest and the largest of each, sixteen at most.
    const BINS: &'static [(u16, u16)];

    /// The code that is set, which is the one in use (`ethtool --show-fec`).
    fn fec(&self) -> Fec;

    /// What it has come to (`ethtool -I --show-fec`). May be called at any time.
    fn fec_stats(&self) -> FecStats;

    /// How many codewords the port has received that are counted in the range with this index. May be
    /// called at any time.
    fn codewords(&self, bin: usize) -> u64;
}

/// A port with counters of its own.
pub trait Statistics: Operations {
    /// Calls `visit` with the name and the value of each counter (`ethtool -S`), always the same
    /// names in the same order. RTNL is held.
    fn visit_statistics(&self, visit: &mut dyn FnMut(fmt::Arguments<'_>, u64));
}

// `ETHTOOL_OP_NEEDS_RTNL_*`: macros that bindgen does not see.
const NEEDS_RTNL_SCHANNELS: u32 = 1 << 3;
const NEEDS_RTNL_RSS: u32 = 1 << 7;

impl<T: Channels> Table<T> {
    /// The port has [`Channels`].
    pub const fn channels(mut self) -> Self {
        self.ethtool.op_needs_rtnl |= NEEDS_RTNL_SCHANNELS;
        self.ethtool.get_channels = Some(get_channels::<T>);
        self.ethtool.set_channels = Some(set_channels::<T>);
        self
    }
}

impl<T: Pause> Table<T> {
    /// The port has [`Pause`].
    pub const fn pause(mut self) -> Self {
        self.ethtool.get_pauseparam = Some(get_pauseparam::<T>);
        self.ethtool.get_pause_stats = Some(get_pause_stats::<T>);
        self
    }
}

impl<T: ErrorCorrection> Table<T> {
    /// The port has [`ErrorCorrection`].
    pub const fn error_correction(mut self) -> Self {
        self.ethtool.get_fecparam = Some(get_fecparam::<T>);
        self.ethtool.get_fec_stats = Some(get_fec_stats::<T>);
        self
    }
}

impl<T: Statistics> Table<T> {
    /// The port has [`Statistics`].
    pub const fn statistics(mut self) -> Self {
        self.ethtool.get_ethtool_stats = Some(get_ethtool_stats::<T>);
        self.visit_statistics = Some(T::visit_statistics);
        self.strings()
    }
}

/// # Safety
///
/// To be called by the stack, as `get_channels` of a registered port of type `T`.
unsafe extern "C" fn get_channels<T: Channels>(
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
unsafe extern "C" fn set_channels<T: Channels>(
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

/// # Safety
///
/// To be called by the stack, as `get_pauseparam` of a registered port of type `T`.
unsafe extern "C" fn get_pauseparam<T: Pause>(
    dev: *mut bindings::net_device,
    pause: *mut bindings::ethtool_pauseparam,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, pause) = unsafe { (port::<T>(dev), &mut *pause) };
    let parameters = port.pause();
    pause.autoneg = parameters.autoneg.into();
    pause.rx_pause = parameters.rx.into();
    pause.tx_pause = parameters.tx.into();
}

/// # Safety
///
/// To be called by the stack, as `get_pause_stats` of a registered port of type `T`.
unsafe extern "C" fn get_pause_stats<T: Pause>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::ethtool_pause_stats,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, stats) = unsafe { (port::<T>(dev), &mut *stats) };
    let pauses = port.pauses();
    stats.__bindgen_anon_1.__bindgen_anon_1.rx_pause_frames = pauses.received;
    stats.__bindgen_anon_1.__bindgen_anon_1.tx_pause_frames = pauses.sent;
}

/// # Safety
///
/// To be called by the stack, as `get_fecparam` of a registered port of type `T`.
unsafe extern "C" fn get_fecparam<T: ErrorCorrection>(
    dev: *mut bindings::net_device,
    param: *mut bindings::ethtool_fecparam,
) -> i32 {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, param) = unsafe { (port::<T>(dev), &mut *param) };
    param.fec = port.fec().bit();
    param.active_fec = param.fec;
    0
}

/// The ranges of a port's codewords, as the stack wants them.
struct Bins<T>(PhantomData<T>);

/// The most ranges that the stack takes, without the one that ends them.
const MOST_BINS: usize = 16;

impl<T: ErrorCorrection> Bins<T> {
    /// A range of zeros ends the list.
    const RANGES: &'static [bindings::ethtool_fec_hist_range; MOST_BINS + 1] = &{
        assert!(T::BINS.len() <= MOST_BINS);
        let mut ranges = [bindings::ethtool_fec_hist_range { low: 0, high: 0 }; MOST_BINS + 1];
        let mut index = 0;
        while index < T::BINS.len() {
            let (low, high) = T::BINS[index];
            ranges[index] = bindings::ethtool_fec_hist_range { low, high };
            index += 1;
        }
        ranges
    };
}

/// # Safety
///
/// To be called by the stack, as `get_fec_stats` of a registered port of type `T`.
unsafe extern "C" fn get_fec_stats<T: ErrorCorrection>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::ethtool_fec_stats,
    hist: *mut bindings::ethtool_fec_hist,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answers.
    let (port, stats, hist) = unsafe { (port::<T>(dev), &mut *stats, &mut *hist) };
    let found = port.fec_stats();
    stats.corrected_blocks.total = found.corrected_blocks;
    stats.uncorrectable_blocks.total = found.uncorrectable_blocks;
    stats.corrected_bits.total = found.corrected_bits;
    hist.ranges = Bins::<T>::RANGES.as_ptr();
    for (bin, value) in hist.values.iter_mut().enumerate().take(T::BINS.len()) {
        value.sum = port.codewords(bin);
    }
}

/// # Safety
///
/// To be called by the stack, as `get_ethtool_stats` of a registered port of type `T`.
unsafe extern "C" fn get_ethtool_stats<T: Statistics>(
    dev: *mut bindings::net_device,
    _stats: *mut bindings::ethtool_stats,
    data: *mut u64,
) {
    // SAFETY: The stack asks registered devices only.
    let (port, room) = unsafe { (port::<T>(dev), private::<T>(dev).statistics) };
    let mut index = 0usize;
    port.visit_statistics(&mut |_, value| {
        if index < room {
            // SAFETY: There is room for as many values as `get_sset_count` said.
            unsafe { data.add(index).write(value) };
            index += 1;
        }
    });
}
