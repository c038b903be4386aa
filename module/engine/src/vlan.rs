// SPDX-License-Identifier: GPL-2.0

//! VLAN tags between a host, which has them beside its frames, and the wire, which has them in the
//! bytes.

use crate::fields::get16;
use crate::frame::tc::ADDRESSES;
pub use crate::frame::tc::VLAN_HLEN;
pub use crate::frame::VlanTag;
use crate::frame::{Frame, ETH_HLEN};
use crate::protocol::{ETH_P_8021AD, ETH_P_8021Q};

/// Bytes at the beginning of a frame that [`insert`] writes: addresses and tag.
pub const FRONT: usize = ADDRESSES + VLAN_HLEN;

/// Puts `tag` among the bytes of a frame, behind its addresses, as `__vlan_hwaccel_push_inside()` does.
/// `front` are the 4 bytes before the frame, which become a part of it, and the addresses.
pub fn insert(front: &mut [u8; FRONT], tag: VlanTag) {
    let [_, _, _, _, addresses @ ..] = *front;
    if let Some(to) = front.first_chunk_mut() {
        *to = addresses;
    }
    let ([p0, p1], [t0, t1]) = (tag.protocol.to_be_bytes(), tag.tci.to_be_bytes());
    if let Some(to) = front.last_chunk_mut() {
        *to = [p0, p1, t0, t1];
    }
}

/// Bytes at the beginning of a frame by which [`TagKinds::outermost`] goes: the stack wants two behind the
/// EtherType that follows a tag, and drops a frame that has not so many.
pub const LOOKED_AT: usize = ETH_HLEN + VLAN_HLEN + 2;

/// A kind of tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagKind {
    /// Those of 802.1Q.
    Customer,
    /// Those of 802.1ad.
    Service,
}

impl TagKind {
    /// The kind with EtherType `protocol`, if there is one.
    #[inline]
    pub const fn of(protocol: u16) -> Option<Self> {
        match protocol {
            ETH_P_8021Q => Some(Self::Customer),
            ETH_P_8021AD => Some(Self::Service),
            _ => None,
        }
    }
}

/// Kinds of tags, by which users choose what is done to the outermost one of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TagKinds {
    /// Those of 802.1Q.
    pub customer: bool,
    /// Those of 802.1ad.
    pub service: bool,
}

impl TagKinds {
    /// None.
    pub const NONE: Self = Self {
        customer: false,
        service: false,
    };

    /// The outermost tag of a frame with the bytes `front`, of which [`LOOKED_AT`] are enough, if it is one of
    /// these and complete: what the stack would take out of the frame (`skb_vlan_untag()`).
    #[inline]
    pub fn outermost(self, front: &[u8]) -> Option<VlanTag> {
        if self == Self::NONE || front.len() < LOOKED_AT {
            return None;
        }
        let protocol = get16(front, ADDRESSES)?;
        let is_wanted = match TagKind::of(protocol)? {
            TagKind::Customer => self.customer,
            TagKind::Service => self.service,
        };
        let tci = get16(front, ETH_HLEN)?;
        is_wanted.then_some(VlanTag { protocol, tci })
    }
}

/// Takes the outermost tag out of `frame`, in front of which lie `metadata` bytes that go with it. Gives
/// whether that could be done; if not, the frame is as it was.
pub(crate) fn take_out(frame: &mut Frame<'_>, metadata: u8) -> bool {
    frame.claim_metadata(metadata);
    frame.remove(ADDRESSES, VLAN_HLEN).is_ok()
}
