// SPDX-License-Identifier: GPL-2.0

//! Features of an interface that users switch on and off (`ethtool -K`), and that stand for work
//! which the device does instead of the kernel.
//!
//! C header: [`include/linux/netdev_features.h`](srctree/include/linux/netdev_features.h)

use super::{
    interface::NetDevice,
    rtnl::Rtnl, //
};
use crate::bindings;
use core::{
    ops::{
        BitAnd,
        BitOr,
        Not, //
    },
    sync::atomic::{
        AtomicU64,
        Ordering, //
    }, //
};

/// A set of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(bindings::netdev_features_t);

const fn bit(number: u32) -> bindings::netdev_features_t {
    1 << number
}

impl Features {
    /// None.
    pub const NONE: Self = Self(0);
    /// Checksums of any protocol, from where the stack says, and CRC-32C of SCTP
    /// (`tx-checksum-ip-generic`, `tx-checksum-sctp`).
    pub const CHECKSUMS: Self =
        Self(bit(bindings::NETIF_F_HW_CSUM_BIT) | bit(bindings::NETIF_F_SCTP_CRC_BIT));
    /// The driver tells the stack of the checksums of received frames (`rx-checksumming`).
    pub const RX_CHECKSUMS: Self = Self(bit(bindings::NETIF_F_RXCSUM_BIT));
    /// The driver tells the stack of the hashes of received frames (`receive-hashing`).
    pub const RX_HASH: Self = Self(bit(bindings::NETIF_F_RXHASH_BIT));
    /// Rules of receive flow classification count (`ntuple-filters`).
    pub const NTUPLE: Self = Self(bit(bindings::NETIF_F_NTUPLE_BIT));
    /// Frames in several pieces, anywhere in memory (`tx-scatter-gather`, `tx-scatter-gather-fraglist`,
    /// `highdma`).
    pub const SCATTERED: Self = Self(
        bit(bindings::NETIF_F_SG_BIT)
            | bit(bindings::NETIF_F_FRAGLIST_BIT)
            | bit(bindings::NETIF_F_HIGHDMA_BIT),
    );
    /// VLAN tags that the stack has beside a frame are put into it, 802.1Q and 802.1ad
    /// (`tx-vlan-hw-insert`, `tx-vlan-stag-hw-insert`).
    pub const VLAN_INSERTION: Self = Self(
        bit(bindings::NETIF_F_HW_VLAN_CTAG_TX_BIT) | bit(bindings::NETIF_F_HW_VLAN_STAG_TX_BIT),
    );
    /// VLAN tags of received frames are taken out of them, 802.1Q and 802.1ad (`rx-vlan-hw-parse`,
    /// `rx-vlan-stag-hw-parse`).
    pub const VLAN_STRIPPING: Self = Self(
        bit(bindings::NETIF_F_HW_VLAN_CTAG_RX_BIT) | bit(bindings::NETIF_F_HW_VLAN_STAG_RX_BIT),
    );
    /// Frames of VLANs that the stack does not expect are not taken, 802.1Q and 802.1ad
    /// (`rx-vlan-filter`, `rx-vlan-stag-filter`).
    pub const VLAN_FILTERS: Self = Self(
        bit(bindings::NETIF_F_HW_VLAN_CTAG_FILTER_BIT)
            | bit(bindings::NETIF_F_HW_VLAN_STAG_FILTER_BIT),
    );
    /// Segmentation of FCoE (`tx-fcoe-segmentation`).
    pub const FCOE_SEGMENTATION: Self = Self(bit(bindings::NETIF_F_FSO_BIT));
    /// Filters may be offloaded (`hw-tc-offload`).
    pub const TC: Self = Self(bit(bindings::NETIF_F_HW_TC_BIT));
    /// What the port sends comes back to it (`loopback`).
    pub const LOOPBACK: Self = Self(bit(bindings::NETIF_F_LOOPBACK_BIT));
    /// All kinds of segmentation.
    pub const SEGMENTATION: Self =
        Self((bit(bindings::NETIF_F_GSO_LAST) << 1).wrapping_sub(bit(bindings::NETIF_F_GSO_SHIFT)));
    /// All kinds of coalescing by the device (`rx-gro-hw`, `large-receive-offload`).
    pub const COALESCING: Self =
        Self(bit(bindings::NETIF_F_GRO_HW_BIT) | bit(bindings::NETIF_F_LRO_BIT));

    pub(crate) const fn from_raw(features: bindings::netdev_features_t) -> Self {
        Self(features)
    }

    pub(crate) const fn raw(self) -> bindings::netdev_features_t {
        self.0
    }

    /// Those of either set.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that `other` does not have.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one is in it, by its number (`NETIF_F_*_BIT`).
    #[inline]
    const fn has(self, number: u32) -> bool {
        self.0 & bit(number) != 0
    }

    /// Whether the user wants to be told of the checksums of received frames (`rx-checksumming`).
    #[inline]
    pub const fn receives_checksums(self) -> bool {
        self.has(bindings::NETIF_F_RXCSUM_BIT)
    }

    /// Whether the user wants to be told of the hashes of received frames (`receive-hashing`).
    #[inline]
    pub const fn receives_hashes(self) -> bool {
        self.has(bindings::NETIF_F_RXHASH_BIT)
    }

    /// Whether the user wants 802.1Q tags to be taken out of received frames (`rx-vlan-hw-parse`).
    #[inline]
    pub const fn strips_customer_tags(self) -> bool {
        self.has(bindings::NETIF_F_HW_VLAN_CTAG_RX_BIT)
    }

    /// Whether the user wants 802.1ad tags to be taken out of received frames
    /// (`rx-vlan-stag-hw-parse`).
    #[inline]
    pub const fn strips_service_tags(self) -> bool {
        self.has(bindings::NETIF_F_HW_VLAN_STAG_RX_BIT)
    }

    /// Whether the user wants rules of receive flow classification to count (`ntuple-filters`).
    #[inline]
    pub const fn has_ntuple(self) -> bool {
        self.has(bindings::NETIF_F_NTUPLE_BIT)
    }

    /// Whether the stack puts received frames together (`generic-receive-offload`).
    #[inline]
    pub const fn has_gro(self) -> bool {
        self.has(bindings::NETIF_F_GRO_BIT)
    }

    /// Whether the user wants frames to be put together before the stack gets them
    /// (`rx-gro-hw`). The core keeps that off where checksums are, and where a generic XDP program is.
    #[inline]
    pub const fn has_hardware_gro(self) -> bool {
        self.has(bindings::NETIF_F_GRO_HW_BIT)
    }

    /// Whether GRO is to put datagrams of UDP together that are not for a socket of this host
    /// (`rx-udp-gro-forwarding`), and not as a list of packets (`rx-gro-list`).
    #[inline]
    pub const fn coalesces_datagrams(self) -> bool {
        self.has(bindings::NETIF_F_GRO_UDP_FWD_BIT) && !self.has(bindings::NETIF_F_GRO_FRAGLIST_BIT)
    }

    /// Whether the user wants that in the older way (`large-receive-offload`), which the core switches off
    /// where packets are forwarded.
    #[inline]
    pub const fn has_lro(self) -> bool {
        self.has(bindings::NETIF_F_LRO_BIT)
    }
}

/// A set of features that is kept under RTNL.
pub struct FeatureCell(AtomicU64);

impl FeatureCell {
    /// None.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The set.
    pub fn get(&self, _rtnl: &Rtnl<'_>) -> Features {
        Features(self.0.load(Ordering::Relaxed))
    }

    /// Makes it `features`.
    pub fn set(&self, features: Features, _rtnl: &Rtnl<'_>) {
        self.0.store(features.0, Ordering::Relaxed);
    }
}

impl Default for FeatureCell {
    fn default() -> Self {
        Self::new()
    }
}

impl BitAnd for Features {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Features {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for Features {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl NetDevice {
    /// The features that are on.
    pub fn features(&self, _rtnl: &Rtnl<'_>) -> Features {
        // RTNL keeps the answer true.
        self.features_now()
    }

    /// The features that are on at this moment. Who decides by several of them reads them once. Any
    /// context.
    #[inline]
    pub fn features_now(&self) -> Features {
        // SAFETY: The device is valid. They are read as one number.
        Features(unsafe { bindings::offload_nic_features(self.as_ptr()) })
    }

    /// The features that users can switch.
    pub fn switchable_features(&self, _rtnl: &Rtnl<'_>) -> Features {
        // SAFETY: The device is valid; RTNL keeps the answer true.
        Features(unsafe { (*self.as_ptr()).hw_features })
    }

    /// Has the stack ask again which of the features that the user wants can be on.
    pub fn update_features(&self, rtnl: &Rtnl<'_>) {
        if self.is_registered(rtnl) {
            // SAFETY: The device is registered, and RTNL is held.
            unsafe { bindings::netdev_update_features(self.as_ptr()) };
        }
    }
}
