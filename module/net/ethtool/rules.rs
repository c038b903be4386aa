// SPDX-License-Identifier: GPL-2.0

//! Receive flow classification: a table of rules that say to which queue a received frame goes.
//!
//! All requests come by the ioctl, with RTNL held, and have no reader for a text: a driver that
//! refuses a rule says in the kernel log what is wrong with it.

use super::flow::FlowRule;
use crate::{
    bindings,
    error::not_supported,
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

/// A port with rules of receive flow classification (`ethtool -N`).
///
/// The rules count while [`Features::NTUPLE`](crate::netdev::Features::NTUPLE) is on, if the port has
/// that feature; the core does not look at it. That a rule's queue is in use is the driver's to
/// check, the core looks at the rules only when queues go out of use.
pub trait FlowRules: Operations {
    /// Whether a rule with a configuration of receive-side scaling may also have a number that is
    /// added to the queue. Without, the core refuses those.
    const ADDS_QUEUES: bool;

    /// How many locations the table of rules has, less than 2^31; they are numbered from 0.
    fn rule_slots(&self, rtnl: &Rtnl<'_>) -> u32;

    /// Calls `visit` with the location of each rule, from the lowest up. Also called while a
    /// configuration of receive-side scaling is being removed, the core's mutex for them held.
    fn visit_rules(&self, visit: &mut dyn FnMut(u32), rtnl: &Rtnl<'_>);

    /// The rule at `location`, as it was inserted (`ethtool -u X rule N`). Context as of
    /// [`Self::visit_rules`].
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none.
    fn rule(&self, location: u32, rtnl: &Rtnl<'_>) -> Result<FlowRule>;

    /// Inserts `rule` (`ethtool -N X flow-type ...`) and returns where it is. A rule that is at
    /// its location is replaced. The core has checked that its configuration of receive-side scaling
    /// exists.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a location or a queue that there is not, `ENOSPC` if the table is full,
    /// `EOPNOTSUPP` for a rule that the port can't have. Then nothing has changed.
    fn insert_rule(&self, rule: &FlowRule, rtnl: &Rtnl<'_>) -> Result<u32>;

    /// Removes the rule at `location` (`ethtool -N X delete N`).
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none.
    fn remove_rule(&self, location: u32, rtnl: &Rtnl<'_>) -> Result;
}

impl<T: FlowRules> Table<T> {
    /// The port has [`FlowRules`].
    pub const fn flow_rules(self) -> Self {
        let bit = bindings::offload_nic_ethtool_bits_OFFLOAD_NIC_CAP_RSS_RXNFC_ADDS;
        let mut table = self.with_ethtool_bits((T::ADDS_QUEUES as u16) << bit);
        table.ethtool.get_rxnfc = Some(get_rxnfc::<T>);
        table.ethtool.set_rxnfc = Some(set_rxnfc::<T>);
        table
    }
}

/// # Safety
///
/// To be called by the stack, as `get_rxnfc` of a registered port of type `T`.
unsafe extern "C" fn get_rxnfc<T: FlowRules>(
    dev: *mut bindings::net_device,
    info: *mut bindings::ethtool_rxnfc,
    locations: *mut u32,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held, and gives memory for the
    // answer. It may be followed by the locations, which are not part of the type.
    let (port, info, rtnl) = unsafe { (port::<T>(dev), &mut *info, Rtnl::held()) };
    from_result(|| {
        match info.cmd {
            bindings::ETHTOOL_GRXCLSRLCNT => {
                info.__bindgen_anon_1.rule_cnt = count(port, &rtnl);
                info.data = u64::from(port.rule_slots(&rtnl) | bindings::RX_CLS_LOC_SPECIAL);
            }
            bindings::ETHTOOL_GRXCLSRULE => get_rule(port, info, &rtnl)?,
            bindings::ETHTOOL_GRXCLSRLALL => {
                // SAFETY: A plain number, which is what this command comes with.
                let room = unsafe { info.__bindgen_anon_1.rule_cnt };
                // SAFETY: The stack gives memory for so many locations, zeroed, or for none.
                let places = unsafe { super::rss::values_mut(locations, room) };
                let count = count(port, &rtnl);
                if count as usize > places.len() {
                    return Err(EMSGSIZE);
                }
                let mut places = places.iter_mut();
                port.visit_rules(
                    &mut |location| {
                        if let Some(place) = places.next() {
                            *place = location;
                        }
                    },
                    &rtnl,
                );
                info.__bindgen_anon_1.rule_cnt = count;
                info.data = port.rule_slots(&rtnl).into();
            }
            _ => return Err(not_supported()),
        }
        Ok(0)
    })
}

/// How many rules `port` has.
fn count<T: FlowRules>(port: &T, rtnl: &Rtnl<'_>) -> u32 {
    let mut count = 0u32;
    port.visit_rules(&mut |_| count = count.saturating_add(1), rtnl);
    count
}

/// Writes the rule at the location in `info` to it.
fn get_rule<T: FlowRules>(port: &T, info: &mut bindings::ethtool_rxnfc, rtnl: &Rtnl<'_>) -> Result {
    let location = info.fs.location;
    let rule = port.rule(location, rtnl)?;
    rule.write(&mut info.fs);
    info.fs.location = location;
    if let Some(context) = rule.context {
        info.__bindgen_anon_1.rss_context = context;
        // When queues go out of use, `ethtool_get_max_rxnfc_channel()` looks here, and not in the
        // rule, whether it has to add the table's largest queue. There is no such table for the main
        // configuration, which it looks at apart.
        if context != 0 {
            info.flow_type |= bindings::FLOW_RSS;
        }
    }
    Ok(())
}

/// # Safety
///
/// To be called by the stack, as `set_rxnfc` of a registered port of type `T`.
unsafe extern "C" fn set_rxnfc<T: FlowRules>(
    dev: *mut bindings::net_device,
    info: *mut bindings::ethtool_rxnfc,
) -> i32 {
    // SAFETY: The stack asks registered devices only, with RTNL held, and gives valid parameters.
    let (port, info, rtnl) = unsafe { (port::<T>(dev), &mut *info, Rtnl::held()) };
    from_result(|| {
        match info.cmd {
            bindings::ETHTOOL_SRXCLSRLINS => {
                // SAFETY: A plain number.
                let context = unsafe { info.__bindgen_anon_1.rss_context };
                let rule = FlowRule::from_raw(&info.fs, context)?;
                info.fs.location = port.insert_rule(&rule, &rtnl)?;
            }
            bindings::ETHTOOL_SRXCLSRLDEL => port.remove_rule(info.fs.location, &rtnl)?,
            _ => return Err(not_supported()),
        }
        Ok(0)
    })
}
