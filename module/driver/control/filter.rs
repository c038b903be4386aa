// SPDX-License-Identifier: GPL-2.0

//! Which frames a port takes: those that the stack expects.

use crate::port::Port;
use device::filter::Wanted;
use engine::vlan::TagKind;
use kernel::prelude::*;
use net::netdev::{
    AddressList,
    ReceiveFilter,
    ReceiveMode,
    Rtnl,
    Vlan,
    VlanFilter, //
};
use offload_uapi::limits::MAX_FILTER_ADDRESSES;

impl ReceiveFilter for Port {
    fn set_receive_mode(&self, mode: &ReceiveMode<'_>, _rtnl: &Rtnl<'_>) -> Result {
        let all_multicast = mode.is_promiscuous || mode.has_all_multicast;
        let unicast = addresses(mode.is_promiscuous, &mode.unicast);
        let multicast = addresses(all_multicast, &mode.multicast);
        let (unicast, multicast) = match (&unicast, &multicast) {
            (Ok(unicast), Ok(multicast)) => (wanted(unicast), wanted(multicast)),
            // Rather too many frames than too few, until the stack asks again.
            _ => {
                self.hardware.take_frames(Wanted::All, Wanted::All)?;
                return Err(ENOMEM);
            }
        };
        self.hardware.take_frames(unicast, multicast)
    }
}

/// The addresses of `list`; `None` if all frames of its kind are to be taken: because that is wanted, or
/// because the device has no room for so many.
fn addresses(is_all: bool, list: &AddressList<'_>) -> Result<Option<KVVec<[u8; 6]>>> {
    // CAST: A `usize` has at least 32 bits in the kernel.
    if is_all || list.len() > MAX_FILTER_ADDRESSES as usize {
        return Ok(None);
    }
    list.to_vec().map(Some)
}

fn wanted(addresses: &Option<KVVec<[u8; 6]>>) -> Wanted<'_> {
    addresses.as_deref().map_or(Wanted::All, Wanted::For)
}

impl VlanFilter for Port {
    fn vlan_added(&self, vlan: Vlan, _rtnl: &Rtnl<'_>) -> Result {
        let kind = TagKind::of(vlan.protocol).ok_or(EINVAL)?;
        self.hardware.take_vlan(kind, vlan.number, true);
        Ok(())
    }

    fn vlan_removed(&self, vlan: Vlan, _rtnl: &Rtnl<'_>) {
        if let Some(kind) = TagKind::of(vlan.protocol) {
            self.hardware.take_vlan(kind, vlan.number, false);
        }
    }
}
