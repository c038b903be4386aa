// SPDX-License-Identifier: GPL-2.0

//! Receive-side scaling: a hash of each received frame, and a table that turns it into a queue.
//!
//! # Locks
//!
//! The core runs all of this with RTNL held, and nearly all with its mutex for RSS (`rss_lock`, inside
//! RTNL) held, too: for `indirection_size` it is not. That RTNL is held is true of the devices of this
//! crate, and not of one with queue management or shapers, whose operations the core puts under a
//! lock of the device's own.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use super::{
    hash::{
        HashFields,
        HashedFlow, //
    },
    NEEDS_RTNL_RSS, //
};
use crate::{
    bindings,
    error::not_supported,
    extack::Extack,
    netdev::{
        port,
        private,
        Operations,
        Rtnl,
        Table, //
    },
};
use kernel::{
    error::from_result,
    prelude::*, //
};

/// What is done to the two ends of a flow before they are hashed, so that both directions have the
/// same hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symmetry {
    /// Nothing.
    #[default]
    Off,
    /// Source and destination are both replaced by their exclusive or.
    Xor,
    /// One is replaced by their or, the other by their exclusive or.
    OrXor,
}

impl Symmetry {
    pub(super) const ALL: u32 = bindings::RXH_XFRM_SYM_XOR | bindings::RXH_XFRM_SYM_OR_XOR;

    fn from_raw(transform: u8) -> Result<Self> {
        match u32::from(transform) {
            0 => Ok(Self::Off),
            bindings::RXH_XFRM_SYM_XOR => Ok(Self::Xor),
            bindings::RXH_XFRM_SYM_OR_XOR => Ok(Self::OrXor),
            _ => Err(EINVAL),
        }
    }

    pub(super) fn raw(self) -> u8 {
        let transform = match self {
            Self::Off => 0,
            Self::Xor => bindings::RXH_XFRM_SYM_XOR,
            Self::OrXor => bindings::RXH_XFRM_SYM_OR_XOR,
        };
        // CAST: One of three small numbers.
        transform as u8
    }
}

/// What a user changes of a configuration; what is not there stays as it is, or, in one that is being
/// made, is the driver's choice.
///
/// The core has checked that tables and keys have the length that the driver has said, and that all
/// queues of a table are in use.
#[derive(Clone, Copy)]
pub struct RssChange<'a> {
    /// For each value of the hash, modulo the number of entries, the queue.
    pub indirection: Option<&'a [u32]>,
    /// The key of the hash function.
    pub key: Option<&'a [u8]>,
    /// What is done to the fields.
    pub symmetry: Option<Symmetry>,
}

/// Where a driver writes the tables of a configuration: each has the length that the driver has said,
/// or is empty if nobody asks for it. They begin as zeros.
pub struct RssTables<'a> {
    /// For each value of the hash, modulo the number of entries, the queue.
    pub indirection: &'a mut [u32],
    /// The key of the hash function.
    pub key: &'a mut [u8],
}

impl RssTables<'_> {
    /// Writes what is asked for: `indirection` in the order of its entries, and `key`.
    pub fn write(self, indirection: impl IntoIterator<Item = u32>, key: &[u8]) {
        for (place, queue) in self.indirection.iter_mut().zip(indirection) {
            *place = queue;
        }
        for (place, byte) in self.key.iter_mut().zip(key) {
            *place = *byte;
        }
    }
}

/// The first `N` bytes of the key that all devices of the host begin with, made at random once
/// (`netdev_rss_key_fill`). Process context.
pub fn default_key<const N: usize>() -> [u8; N] {
    const { assert!(N <= bindings::NETDEV_RSS_KEY_LEN as usize) };
    let mut key = [0; N];
    // SAFETY: There is room for `N` bytes, which are no more than there are.
    unsafe { bindings::netdev_rss_key_fill(key.as_mut_ptr().cast(), N) };
    key
}

/// A port with receive-side scaling, by the Toeplitz hash function.
///
/// The fields of a frame that are hashed, the key and the indirection table make up a configuration.
/// The main one, number 0, is for all frames that no rule gives to another (see
/// [`RssContexts`](super::RssContexts)).
pub trait Rss: Operations {
    /// The most entries that the indirection table can have, at least 1.
    const MAX_INDIRECTION: u32;

    /// Length of the key in bytes.
    const KEY_LEN: u16;

    /// How many entries the indirection tables have now: from 1 to [`Self::MAX_INDIRECTION`]. May
    /// change only while RTNL is held by who changes it, by
    /// [`Resize`](super::Resize). RTNL is held.
    fn indirection_size(&self) -> u32;

    /// Writes the main configuration's tables, and says what is done to its fields (`ethtool -x`).
    fn rss(&self, tables: RssTables<'_>, rtnl: &Rtnl<'_>) -> Symmetry;

    /// Changes the main configuration (`ethtool -X`). On an error the old one stays.
    ///
    /// A user who sets the table by an old system call (`ETHTOOL_SRXFHINDIR`) has
    /// [`Symmetry::Off`] set with it, as the core leaves that field 0.
    fn set_rss(&self, change: &RssChange<'_>, extack: &Extack<'_>, rtnl: &Rtnl<'_>) -> Result;

    /// The fields that are hashed of frames of type `flow`, in the configuration numbered `context`
    /// (`ethtool -n X rx-flow-hash`). Asked for all types one after another whenever somebody looks.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if such frames are not told apart, `ENOENT` if there is no such configuration: the
    /// core has not checked it.
    fn hash_fields(&self, flow: HashedFlow, context: u32, rtnl: &Rtnl<'_>) -> Result<HashFields>;

    /// Changes them (`ethtool -N X rx-flow-hash`). The core has checked that they treat both ends
    /// alike if there is a [`Symmetry`], by the main configuration's if the request comes by the old
    /// system call, which has no reader for `extack` either. On an error the old ones stay.
    ///
    /// # Errors
    ///
    /// As of [`Self::hash_fields`]; `EINVAL` for fields that can't be hashed in frames of this type.
    fn set_hash_fields(
        &self,
        flow: HashedFlow,
        context: u32,
        fields: HashFields,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;
}

impl<T: Rss> Table<T> {
    /// The port has [`Rss`].
    pub const fn rss(self) -> Self {
        const { assert!(T::MAX_INDIRECTION > 0) };
        // CAST: A few bits.
        let mut table = self.with_ethtool_bits(
            (Symmetry::ALL as u16) << bindings::offload_nic_ethtool_bits_OFFLOAD_NIC_INPUT_XFRM,
        );
        table.ethtool.op_needs_rtnl |= NEEDS_RTNL_RSS;
        table.ethtool.rxfh_indir_space = T::MAX_INDIRECTION;
        table.ethtool.get_rx_ring_count = Some(get_rx_ring_count::<T>);
        table.ethtool.get_rxfh_indir_size = Some(get_rxfh_indir_size::<T>);
        table.ethtool.get_rxfh_key_size = Some(get_rxfh_key_size::<T>);
        table.ethtool.get_rxfh = Some(get_rxfh::<T>);
        table.ethtool.set_rxfh = Some(set_rxfh::<T>);
        table.ethtool.get_rxfh_fields = Some(get_rxfh_fields::<T>);
        table.ethtool.set_rxfh_fields = Some(set_rxfh_fields::<T>);
        table
    }
}

/// The number of the hash function.
pub(super) const TOEPLITZ: u8 = 1 << bindings::ETH_RSS_HASH_TOP_BIT;

/// `len` values at `data`, if there are any.
///
/// # Safety
///
/// `data` must be null or point to so many values, which nobody changes for `'a`.
unsafe fn values<'a, V>(data: *const V, len: u32) -> Option<&'a [V]> {
    // SAFETY: By the function's contract.
    (!data.is_null()).then(|| unsafe { core::slice::from_raw_parts(data, len as usize) })
}

/// As [`values`], to be written; without any, none.
///
/// # Safety
///
/// `data` must be null or point to so many values, which nobody else uses for `'a`.
pub(super) unsafe fn values_mut<'a, V>(data: *mut V, len: u32) -> &'a mut [V] {
    if data.is_null() {
        return &mut [];
    }
    // SAFETY: By the function's contract.
    unsafe { core::slice::from_raw_parts_mut(data, len as usize) }
}

impl<'a> RssChange<'a> {
    /// What the core has as `param`.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` for another hash function than Toeplitz, `EINVAL` for an unknown transformation.
    ///
    /// # Safety
    ///
    /// `param`'s tables must be null or as long as it says, and not change for `'a`.
    pub(super) unsafe fn from_raw(
        param: &bindings::ethtool_rxfh_param,
        extack: &Extack<'_>,
    ) -> Result<Self> {
        // CAST: 0.
        if param.hfunc != bindings::ETH_RSS_HASH_NO_CHANGE as u8 && param.hfunc != TOEPLITZ {
            let asked = param.hfunc;
            extack.fmt(fmt!(
                "hash function {asked} is none that the device has, which is Toeplitz ({TOEPLITZ})"
            ));
            return Err(not_supported());
        }
        let symmetry = (u32::from(param.input_xfrm) != bindings::RXH_XFRM_NO_CHANGE)
            .then(|| Symmetry::from_raw(param.input_xfrm))
            .transpose()?;
        // SAFETY: By the function's contract.
        let (indirection, key) = unsafe {
            (
                values(param.indir.cast_const(), param.indir_size),
                values(param.key.cast_const(), param.key_size),
            )
        };
        Ok(Self {
            indirection,
            key,
            symmetry,
        })
    }
}

/// # Safety
///
/// To be called by the stack, as `get_rx_ring_count` of a registered port of type `T`.
unsafe extern "C" fn get_rx_ring_count<T: Rss>(dev: *mut bindings::net_device) -> u32 {
    // SAFETY: The stack asks registered devices only.
    unsafe { port::<T>(dev) }.device().queues_in_use().into()
}

/// # Safety
///
/// To be called by the stack, as `get_rxfh_indir_size` of a registered port of type `T`.
unsafe extern "C" fn get_rxfh_indir_size<T: Rss>(dev: *mut bindings::net_device) -> u32 {
    // SAFETY: The stack asks registered devices only, with RTNL held.
    let (port, private) = unsafe { (port::<T>(dev), private::<T>(dev)) };
    // The core divides by it, and has room for no more.
    let size = port.indirection_size().clamp(1, T::MAX_INDIRECTION);
    private.indirection_size.set(size);
    size
}

/// # Safety
///
/// To be called by the stack, as `get_rxfh_key_size`.
unsafe extern "C" fn get_rxfh_key_size<T: Rss>(_dev: *mut bindings::net_device) -> u32 {
    T::KEY_LEN.into()
}

/// # Safety
///
/// To be called by the stack, as `get_rxfh` of a registered port of type `T`.
unsafe extern "C" fn get_rxfh<T: Rss>(
    dev: *mut bindings::net_device,
    param: *mut bindings::ethtool_rxfh_param,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held, and gives memory for the
    // answer.
    let (port, private, param, rtnl) =
        unsafe { (port::<T>(dev), private::<T>(dev), &mut *param, Rtnl::held()) };
    // `ethtool_get_max_rxfh_channel()` does not say how long its table is. It has just asked.
    let entries = match param.indir_size {
        0 => private.indirection_size.get(),
        entries => entries,
    };
    // SAFETY: The tables are null or as long as the stack says, or as it was told since it holds
    // RTNL; it has zeroed them, and waits.
    let tables = unsafe {
        RssTables {
            indirection: values_mut(param.indir, entries),
            key: values_mut(param.key, param.key_size),
        }
    };
    param.hfunc = TOEPLITZ;
    param.input_xfrm = port.rss(tables, &rtnl).raw();
    0
}

/// # Safety
///
/// To be called by the stack, as `set_rxfh` of a registered port of type `T`.
unsafe extern "C" fn set_rxfh<T: Rss>(
    dev: *mut bindings::net_device,
    param: *mut bindings::ethtool_rxfh_param,
    extack: *mut bindings::netlink_ext_ack,
) -> i32 {
    // SAFETY: As of this function.
    unsafe {
        change(dev, param, extack, |port: &T, _, change, extack, rtnl| {
            port.set_rss(change, extack, rtnl)
        })
    }
}

/// Has `make` change a configuration, by the port, its number and what is to be changed; the answer to
/// the stack.
///
/// # Safety
///
/// To be called with what the stack gives to the operation of a registered port of type `T` that sets,
/// makes or changes a configuration.
pub(super) unsafe fn change<T: Rss>(
    dev: *mut bindings::net_device,
    param: *const bindings::ethtool_rxfh_param,
    extack: *mut bindings::netlink_ext_ack,
    make: impl FnOnce(&T, u32, &RssChange<'_>, &Extack<'_>, &Rtnl<'_>) -> Result,
) -> i32 {
    // SAFETY: The stack asks registered devices only, and gives valid parameters; RTNL is held.
    let (port, param, extack, rtnl) = unsafe {
        (
            port::<T>(dev),
            &*param,
            Extack::from_raw(extack),
            Rtnl::held(),
        )
    };
    from_result(|| {
        // SAFETY: The stack's tables are as long as it says, and it waits.
        let change = unsafe { RssChange::from_raw(param, &extack) }?;
        make(port, param.rss_context, &change, &extack, &rtnl).map(|()| 0)
    })
}

/// # Safety
///
/// To be called by the stack, as `get_rxfh_fields` of a registered port of type `T`.
unsafe extern "C" fn get_rxfh_fields<T: Rss>(
    dev: *mut bindings::net_device,
    fields: *mut bindings::ethtool_rxfh_fields,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held, and gives memory for the
    // answer.
    let (port, fields, rtnl) = unsafe { (port::<T>(dev), &mut *fields, Rtnl::held()) };
    from_result(|| {
        let flow = HashedFlow::from_raw(fields.flow_type).ok_or_else(not_supported)?;
        fields.data = port.hash_fields(flow, fields.rss_context, &rtnl)?.raw();
        Ok(0)
    })
}

/// # Safety
///
/// To be called by the stack, as `set_rxfh_fields` of a registered port of type `T`.
unsafe extern "C" fn set_rxfh_fields<T: Rss>(
    dev: *mut bindings::net_device,
    fields: *const bindings::ethtool_rxfh_fields,
    extack: *mut bindings::netlink_ext_ack,
) -> i32 {
    // SAFETY: The stack asks registered devices only, and gives valid parameters; RTNL is held.
    let (port, request, extack, rtnl) = unsafe {
        (
            port::<T>(dev),
            &*fields,
            Extack::from_raw(extack),
            Rtnl::held(),
        )
    };
    from_result(|| {
        let flow = HashedFlow::from_raw(request.flow_type).ok_or_else(not_supported)?;
        let fields = HashFields::from_raw(request.data).ok_or(EINVAL)?;
        if fields.contains(HashFields::IP6_FLOW_LABEL) && !flow.is_ip6() {
            extack.msg(c"only IPv6 has flow labels");
            return Err(EINVAL);
        }
        port.set_hash_fields(flow, request.rss_context, fields, &extack, &rtnl)
            .map(|()| 0)
    })
}
