// SPDX-License-Identifier: GPL-2.0

//! VLAN tags between a host, which has them beside its frames, and the wire, which has them in the
//! bytes.

use crate::frame::tc::{ADDRESSES, VLAN_HLEN};
pub use crate::frame::VlanTag;

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
