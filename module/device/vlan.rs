// SPDX-License-Identifier: GPL-2.0

//! Which frames a port takes, by the VLAN that they are of.

use crate::{
    host::Host,
    port::Port,
    steer::Arriving, //
};
use engine::vlan::{
    TagKind,
    TagKinds, //
};

impl<H: Host> Port<H> {
    /// Has the port take frames of VLAN `number`, whose tags are of `kind`, where it does not take those of
    /// all VLANs ([`Host::filtered_tags`]), or take them no more. Any context.
    pub fn take_vlan(&self, kind: TagKind, number: u16, on: bool) {
        self.vlans.set(kind, number, on);
    }

    /// Whether `host`'s port takes frames of the VLAN of `frame`: that of its outermost tag. One whose tag is
    /// cut off is of none.
    #[inline]
    pub(crate) fn takes_vlan<F: Arriving + ?Sized>(&self, host: &H, frame: &F) -> bool {
        let filtered = host.filtered_tags();
        if filtered == TagKinds::NONE {
            return true;
        }
        let tag = frame.front().and_then(|front| filtered.outermost(&front));
        tag.is_none_or(|tag| {
            let kind = TagKind::of(tag.protocol);
            kind.is_none_or(|kind| self.vlans.take(kind, tag.tci))
        })
    }
}
