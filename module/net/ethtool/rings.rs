// SPDX-License-Identifier: GPL-2.0

//! Rings: their sizes, and how received frames are laid out in memory.

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

/// The sizes of a port's rings, in frames.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RingSizes {
    /// Receive ring of each queue.
    pub rx: u32,
    /// Transmit ring of each queue.
    pub tx: u32,
}

/// Which received frames have their headers and what these carry in different memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeaderSplit {
    /// Whether any do (`tcp-data-split`). What the user leaves to the driver (`auto`) is none.
    pub is_on: bool,
    /// Those that are longer than so many bytes, from the Ethernet header on (`hds-thresh`).
    pub threshold: u32,
}

/// A port with rings that users see and set.
pub trait Rings: Operations {
    /// The largest rings.
    const MAX_RINGS: RingSizes;
    /// The largest [`HeaderSplit::threshold`].
    const MAX_THRESHOLD: u32;

    /// The sizes of the rings (`ethtool -g`). RTNL is held.
    fn rings(&self) -> RingSizes;

    /// Changes the sizes of the rings, and which frames are split (`ethtool -G`). The stack has checked
    /// them against [`Self::MAX_RINGS`] and [`Self::MAX_THRESHOLD`], and has seen that no XDP program is
    /// attached which takes no fragments if frames are to be split. On an error all stays as it is.
    fn set_rings(
        &self,
        rings: RingSizes,
        split: HeaderSplit,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;
}

// `ETHTOOL_OP_NEEDS_RTNL_SRINGPARAM`: a macro that bindgen does not see.
const NEEDS_RTNL_SRINGPARAM: u32 = 1 << 2;

impl<T: Rings> Table<T> {
    /// The port has [`Rings`].
    pub const fn rings(mut self) -> Self {
        self.ethtool.op_needs_rtnl |= NEEDS_RTNL_SRINGPARAM;
        self.ethtool.supported_ring_params =
            bindings::ethtool_supported_ring_param_ETHTOOL_RING_USE_TCP_DATA_SPLIT
                | bindings::ethtool_supported_ring_param_ETHTOOL_RING_USE_HDS_THRS;
        self.ethtool.get_ringparam = Some(get_ringparam::<T>);
        self.ethtool.set_ringparam = Some(set_ringparam::<T>);
        self
    }
}

/// # Safety
///
/// To be called by the stack, as `get_ringparam` of a registered port of type `T`.
unsafe extern "C" fn get_ringparam<T: Rings>(
    dev: *mut bindings::net_device,
    ring: *mut bindings::ethtool_ringparam,
    kernel_ring: *mut bindings::kernel_ethtool_ringparam,
    _extack: *mut bindings::netlink_ext_ack,
) {
    // SAFETY: The stack asks registered devices only, and gives memory for the answers.
    let (port, ring, kernel_ring) = unsafe { (port::<T>(dev), &mut *ring, &mut *kernel_ring) };
    let sizes = port.rings();
    ring.rx_pending = sizes.rx;
    ring.tx_pending = sizes.tx;
    ring.rx_max_pending = T::MAX_RINGS.rx;
    ring.tx_max_pending = T::MAX_RINGS.tx;
    kernel_ring.hds_thresh_max = T::MAX_THRESHOLD;
    // What the user has set stands here; what he has left to the driver means nothing is split.
    // CAST: A small enumeration.
    if u32::from(kernel_ring.tcp_data_split)
        == bindings::ethtool_tcp_data_split_ETHTOOL_TCP_DATA_SPLIT_UNKNOWN
    {
        kernel_ring.tcp_data_split =
            bindings::ethtool_tcp_data_split_ETHTOOL_TCP_DATA_SPLIT_DISABLED as u8;
    }
}

/// # Safety
///
/// To be called by the stack, as `set_ringparam` of a registered port of type `T`.
unsafe extern "C" fn set_ringparam<T: Rings>(
    dev: *mut bindings::net_device,
    ring: *mut bindings::ethtool_ringparam,
    kernel_ring: *mut bindings::kernel_ethtool_ringparam,
    extack: *mut bindings::netlink_ext_ack,
) -> i32 {
    // SAFETY: The stack asks registered devices only, and gives valid parameters; RTNL is held.
    let (port, ring, kernel_ring, extack, rtnl) = unsafe {
        (
            port::<T>(dev),
            &*ring,
            &*kernel_ring,
            Extack::from_raw(extack),
            Rtnl::held(),
        )
    };
    let sizes = RingSizes {
        rx: ring.rx_pending,
        tx: ring.tx_pending,
    };
    // The ioctl, which knows nothing of it, brings what is set.
    let split = HeaderSplit {
        is_on: u32::from(kernel_ring.tcp_data_split)
            == bindings::ethtool_tcp_data_split_ETHTOOL_TCP_DATA_SPLIT_ENABLED,
        threshold: kernel_ring.hds_thresh,
    };
    from_result(|| port.set_rings(sizes, split, &extack, &rtnl).map(|()| 0))
}
