// SPDX-License-Identifier: GPL-2.0

//! Further configurations of receive-side scaling, for the frames that a rule gives them.

use super::rss::{
    change,
    values_mut,
    Rss,
    RssChange,
    RssTables,
    Symmetry,
    TOEPLITZ, //
};
use crate::{
    bindings,
    extack::Extack,
    netdev::{
        port,
        Rtnl,
        Table, //
    },
};
use kernel::{
    error::from_result,
    prelude::*, //
};

/// A port with further configurations, each with a table, a key and fields of its own.
///
/// The core gives them their numbers and keeps what their tables are: it asks nothing but the
/// fields ([`Rss::hash_fields`]) again. It does not remove one that a rule names. All run with RTNL
/// and the core's mutex for RSS held.
pub trait RssContexts: Rss {
    /// The most of them: their numbers are from 1 to this.
    const MAX_CONTEXTS: u32;

    /// Makes configuration `context` (`ethtool -X X context new`), writes its tables and says what
    /// is done to its fields: all that `change` has not is the driver's choice, for instance the main
    /// configuration's. The table must be one of queues, and the key must not be zero.
    ///
    /// On an error there is no such configuration.
    fn create_context(
        &self,
        context: u32,
        change: &RssChange<'_>,
        tables: RssTables<'_>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result<Symmetry>;

    /// Changes configuration `context` (`ethtool -X X context N`). On an error the old one stays.
    fn modify_context(
        &self,
        context: u32,
        change: &RssChange<'_>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;

    /// Removes configuration `context` (`ethtool -X X context N delete`); when the interface goes, of
    /// each that is left, in the order of their numbers and before [`Operations::going`].
    ///
    /// [`Operations::going`]: crate::netdev::Operations::going
    ///
    /// # Errors
    ///
    /// Why it stays.
    fn remove_context(&self, context: u32, extack: &Extack<'_>, rtnl: &Rtnl<'_>) -> Result;
}

impl<T: RssContexts> Table<T> {
    /// The port has [`RssContexts`].
    pub const fn rss_contexts(self) -> Self {
        const { assert!(T::MAX_CONTEXTS > 0 && T::MAX_CONTEXTS < u32::MAX) };
        let mut table = self.with_ethtool_bits(
            1 << bindings::offload_nic_ethtool_bits_OFFLOAD_NIC_RXFH_PER_CTX_FIELDS
                | 1 << bindings::offload_nic_ethtool_bits_OFFLOAD_NIC_RXFH_PER_CTX_KEY,
        );
        // One more than the largest number.
        table.ethtool.rxfh_max_num_contexts = T::MAX_CONTEXTS + 1;
        table.ethtool.create_rxfh_context = Some(create_rxfh_context::<T>);
        table.ethtool.modify_rxfh_context = Some(modify_rxfh_context::<T>);
        table.ethtool.remove_rxfh_context = Some(remove_rxfh_context::<T>);
        table
    }
}

/// # Safety
///
/// To be called by the stack, as `create_rxfh_context` of a registered port of type `T`.
unsafe extern "C" fn create_rxfh_context<T: RssContexts>(
    dev: *mut bindings::net_device,
    context: *mut bindings::ethtool_rxfh_context,
    param: *const bindings::ethtool_rxfh_param,
    extack: *mut bindings::netlink_ext_ack,
) -> i32 {
    let create =
        |port: &T, number: u32, change: &RssChange<'_>, extack: &Extack<'_>, rtnl: &Rtnl<'_>| {
            // SAFETY: The context is a new one, zeroed, and has room behind it for a table and a key of
            // these lengths, which are not those of `param`. Nobody else uses it: the mutex for RSS is
            // held.
            let tables = unsafe {
                RssTables {
                    indirection: values_mut(
                        bindings::offload_nic_rxfh_context_indir(context),
                        (*context).indir_size,
                    ),
                    key: values_mut(
                        bindings::offload_nic_rxfh_context_key(context),
                        (*context).key_size,
                    ),
                }
            };
            let symmetry = port.create_context(number, change, tables, extack, rtnl)?;
            // SAFETY: As above; the tables are not in use any more.
            unsafe {
                (*context).hfunc = TOEPLITZ;
                (*context).input_xfrm = symmetry.raw();
            }
            Ok(())
        };
    // SAFETY: As of this function.
    unsafe { change(dev, param, extack, create) }
}

/// # Safety
///
/// To be called by the stack, as `modify_rxfh_context` of a registered port of type `T`.
unsafe extern "C" fn modify_rxfh_context<T: RssContexts>(
    dev: *mut bindings::net_device,
    _context: *mut bindings::ethtool_rxfh_context,
    param: *const bindings::ethtool_rxfh_param,
    extack: *mut bindings::netlink_ext_ack,
) -> i32 {
    // SAFETY: As of this function.
    unsafe {
        change(
            dev,
            param,
            extack,
            |port: &T, number, change, extack, rtnl| {
                port.modify_context(number, change, extack, rtnl)
            },
        )
    }
}

/// # Safety
///
/// To be called by the stack, as `remove_rxfh_context` of a registered port of type `T`.
unsafe extern "C" fn remove_rxfh_context<T: RssContexts>(
    dev: *mut bindings::net_device,
    _context: *mut bindings::ethtool_rxfh_context,
    number: u32,
    extack: *mut bindings::netlink_ext_ack,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held. The acknowledgement is that of this
    // call.
    let (port, rtnl, extack) = unsafe { (port::<T>(dev), Rtnl::held(), Extack::from_raw(extack)) };
    from_result(|| port.remove_context(number, &extack, &rtnl).map(|()| 0))
}
