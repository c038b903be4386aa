// SPDX-License-Identifier: GPL-2.0

//! VLAN tags that stand beside a frame (`skb->vlan_proto`, `skb->vlan_tci`).
//!
//! C header: [`include/linux/if_vlan.h`](srctree/include/linux/if_vlan.h)

use super::{
    SkBuff,
    UniqueSkBuff, //
};
use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Bytes of two addresses and a VLAN tag, with which the frame begins then.
const FRONT: usize = 2 * bindings::ETH_ALEN as usize + TAG;

/// Bytes of a VLAN tag.
const TAG: usize = bindings::VLAN_HLEN as usize;

/// A VLAN tag, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanTag {
    /// Its EtherType: `ETH_P_8021Q` or `ETH_P_8021AD`.
    pub protocol: u16,
    /// Priority, drop eligibility and number.
    pub tci: u16,
}

impl SkBuff {
    /// The tag that the stack has left to the device, if there is one.
    #[inline]
    pub fn vlan_tag(&self) -> Option<VlanTag> {
        // SAFETY: By the type invariants, the skb is valid.
        let tag = unsafe { bindings::offload_nic_skb_vlan_tag(self.as_ptr()) };
        // CAST: One half each.
        (tag != 0).then_some(VlanTag {
            protocol: (tag >> 16) as u16,
            tci: tag as u16,
        })
    }
}

impl UniqueSkBuff {
    /// Has the stack know the tag that the device has taken out of the frame.
    #[inline]
    pub(crate) fn set_vlan_tag(&mut self, tag: VlanTag) {
        // SAFETY: By the type invariants, nobody else has a reference to the skb.
        unsafe { bindings::offload_nic_skb_set_vlan_tag(self.as_ptr(), tag.protocol, tag.tci) };
    }

    /// Takes the VLAN tag behind the addresses out of the linear part; the `metadata` bytes before it stay
    /// right before the frame. Gives whether the linear part is long enough for that.
    ///
    /// # Safety
    ///
    /// No clone of the skb may have these bytes, of which there must be so many before the linear part.
    pub(super) unsafe fn take_out_vlan_tag(&mut self, metadata: u8) -> bool {
        if self.linear_len() < FRONT {
            return false;
        }
        let metadata = usize::from(metadata);
        // SAFETY: The bytes are ours by the function's contract, and within the linear part and what lies
        // before it; so is where they go, and what is pulled off.
        unsafe {
            let first = (*self.as_ptr()).data.sub(metadata);
            first.add(TAG).copy_from(first, metadata + FRONT - TAG);
            bindings::skb_pull(self.as_ptr(), TAG as u32); // CAST: 4.
        }
        true
    }

    /// Makes the tag that the stack has left to the device a part of the frame: `insert` gets 4 bytes
    /// of room, with which the frame begins from now on, and the addresses behind them. Context: any;
    /// does not sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if there is no room and no memory, `EINVAL` if the linear part has no addresses; then
    /// nothing has changed.
    pub fn insert_vlan_tag(&mut self, insert: impl FnOnce(&mut [u8; FRONT])) -> Result {
        if self.linear().len() < bindings::ETH_HLEN as usize {
            return Err(EINVAL);
        }
        // SAFETY: By the type invariants, nobody else has a reference to the skb: its head may be
        // moved.
        to_result(unsafe { bindings::offload_nic_skb_vlan_room(self.as_ptr()) })?;
        // SAFETY: The linear part has 4 bytes more now, which were written, so that it has as many as
        // that. No clone uses them: there is none, or it has promised to leave the headers to us, or
        // we got a copy. The slice ends before anybody asks for them by this object.
        let front = unsafe { &mut *(*self.as_ptr()).data.cast::<[u8; FRONT]>() };
        insert(front);
        // SAFETY: As above, nobody else has a reference.
        unsafe { bindings::offload_nic_skb_vlan_inserted(self.as_ptr()) };
        Ok(())
    }
}
