// SPDX-License-Identifier: GPL-2.0

//! Moderation of interrupts: `ethtool -c`, `ethtool -C`, and both for single queues (`ethtool -Q`).

use crate::{
    bindings,
    error::not_supported,
    extack::Extack,
    napi::Coalescing,
    netdev::{
        port,
        Operations,
        Rtnl,
        Table, //
    }, //
};
use kernel::{
    error::from_result,
    fmt,
    prelude::*, //
};

/// A port whose queue pairs have an interrupt each, which may be moderated.
pub trait Moderation: Operations {
    /// The longest that an interrupt waits, in microseconds.
    const MAX_USECS: u32;
    /// The most events that an interrupt waits for.
    const MAX_FRAMES: u32;

    /// How many queue pairs there are; those that are not in use as well. RTNL is held.
    fn interrupts(&self) -> u16;

    /// How the interrupt of queue pair `queue` is moderated. RTNL is held.
    fn coalescing(&self, queue: u16) -> Option<Coalescing>;

    /// Has the interrupt of queue pair `queue` moderated in this way, which is within the limits. RTNL is
    /// held.
    fn set_coalescing(&self, queue: u16, coalescing: Coalescing, rtnl: &Rtnl<'_>);

    /// Has the kernel log say why a queue pair can't have what the user wants: for a single one there is
    /// no other way to tell. RTNL is held.
    fn refused_coalescing(&self, queue: u16, why: fmt::Arguments<'_>, rtnl: &Rtnl<'_>);
}

// `ETHTOOL_COALESCE_*`: macros that bindgen does not see.
const RX_USECS: u32 = 1 << 0;
const RX_MAX_FRAMES: u32 = 1 << 1;
const USE_ADAPTIVE_RX: u32 = 1 << 9;
// `ETHTOOL_OP_NEEDS_RTNL_SCOALESCE`.
const NEEDS_RTNL_SCOALESCE: u32 = 1 << 4;

impl<T: Moderation> Table<T> {
    /// The port has [`Moderation`].
    pub const fn moderation(mut self) -> Self {
        self.ethtool.op_needs_rtnl |= NEEDS_RTNL_SCOALESCE;
        self.ethtool.supported_coalesce_params = RX_USECS | RX_MAX_FRAMES | USE_ADAPTIVE_RX;
        self.ethtool.get_coalesce = Some(get_coalesce::<T>);
        self.ethtool.set_coalesce = Some(set_coalesce::<T>);
        self.ethtool.get_per_queue_coalesce = Some(get_per_queue_coalesce::<T>);
        self.ethtool.set_per_queue_coalesce = Some(set_per_queue_coalesce::<T>);
        self
    }
}

/// What the user wants. Gives `why` the reason if he can't have it.
fn wanted<T: Moderation>(
    coalesce: &bindings::ethtool_coalesce,
    why: impl Fn(fmt::Arguments<'_>),
) -> Result<Coalescing> {
    let wanted = Coalescing {
        usecs: coalesce.rx_coalesce_usecs,
        frames: coalesce.rx_max_coalesced_frames,
    };
    if coalesce.use_adaptive_rx_coalesce != 0 {
        why(fmt!(
            "adaptive-rx is not supported: the device does not choose by itself"
        ));
        return Err(not_supported());
    }
    let limits = [
        ("rx-usecs", wanted.usecs, T::MAX_USECS),
        ("rx-frames", wanted.frames, T::MAX_FRAMES),
    ];
    for (name, value, limit) in limits {
        if value > limit {
            why(fmt!("{name} {value} is too large: the limit is {limit}"));
            return Err(EINVAL);
        }
    }
    if wanted.usecs == 0 && wanted.frames != Coalescing::NONE.frames {
        why(fmt!(
            "rx-usecs 0 needs rx-frames 1, not {}: nothing else would end the wait of the last frames",
            wanted.frames
        ));
        return Err(EINVAL);
    }
    Ok(wanted)
}

/// Fills in what the user sees of queue pair `queue`.
fn show<T: Moderation>(
    port: &T,
    queue: u16,
    coalesce: &mut bindings::ethtool_coalesce,
) -> Result<i32> {
    let coalescing = port.coalescing(queue).ok_or(EINVAL)?;
    coalesce.rx_coalesce_usecs = coalescing.usecs;
    coalesce.rx_max_coalesced_frames = coalescing.frames;
    Ok(0)
}

/// Number `queue` of the user's as one of `port`'s.
fn number<T: Moderation>(port: &T, queue: u32) -> Result<u16> {
    let number = u16::try_from(queue)?;
    if number < port.interrupts() {
        Ok(number)
    } else {
        Err(EINVAL)
    }
}

/// # Safety
///
/// To be called by the stack, as `get_coalesce` of a registered port of type `T`.
unsafe extern "C" fn get_coalesce<T: Moderation>(
    dev: *mut bindings::net_device,
    coalesce: *mut bindings::ethtool_coalesce,
    _kernel_coalesce: *mut bindings::kernel_ethtool_coalesce,
    _extack: *mut bindings::netlink_ext_ack,
) -> i32 {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, coalesce) = unsafe { (port::<T>(dev), &mut *coalesce) };
    from_result(|| show(port, 0, coalesce))
}

/// # Safety
///
/// To be called by the stack, as `set_coalesce` of a registered port of type `T`, with RTNL held.
unsafe extern "C" fn set_coalesce<T: Moderation>(
    dev: *mut bindings::net_device,
    coalesce: *mut bindings::ethtool_coalesce,
    _kernel_coalesce: *mut bindings::kernel_ethtool_coalesce,
    extack: *mut bindings::netlink_ext_ack,
) -> i32 {
    // SAFETY: The stack asks registered devices only, and gives valid parameters; RTNL is held.
    let (port, coalesce, extack, rtnl) = unsafe {
        (
            port::<T>(dev),
            &*coalesce,
            Extack::from_raw(extack),
            Rtnl::held(),
        )
    };
    from_result(|| {
        let wanted = wanted::<T>(coalesce, |why| extack.fmt(why))?;
        for queue in 0..port.interrupts() {
            port.set_coalescing(queue, wanted, &rtnl);
        }
        Ok(0)
    })
}

/// # Safety
///
/// To be called by the stack, as `get_per_queue_coalesce` of a registered port of type `T`.
unsafe extern "C" fn get_per_queue_coalesce<T: Moderation>(
    dev: *mut bindings::net_device,
    queue: u32,
    coalesce: *mut bindings::ethtool_coalesce,
) -> i32 {
    // SAFETY: The stack asks registered devices only, and gives memory for the answer.
    let (port, coalesce) = unsafe { (port::<T>(dev), &mut *coalesce) };
    from_result(|| show(port, number(port, queue)?, coalesce))
}

/// # Safety
///
/// To be called by the stack, as `set_per_queue_coalesce` of a registered port of type `T`, with RTNL
/// held.
unsafe extern "C" fn set_per_queue_coalesce<T: Moderation>(
    dev: *mut bindings::net_device,
    queue: u32,
    coalesce: *mut bindings::ethtool_coalesce,
) -> i32 {
    // SAFETY: The stack asks registered devices only, and gives valid parameters; RTNL is held.
    let (port, coalesce, rtnl) = unsafe { (port::<T>(dev), &*coalesce, Rtnl::held()) };
    from_result(|| {
        let queue = number(port, queue)?;
        let refused = |why: fmt::Arguments<'_>| port.refused_coalescing(queue, why, &rtnl);
        port.set_coalescing(queue, wanted::<T>(coalesce, refused)?, &rtnl);
        Ok(0)
    })
}
