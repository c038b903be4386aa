// SPDX-License-Identifier: GPL-2.0

//! Who is told when the stack begins, or ceases, to be told what a device's parser finds, and when a device may
//! put frames together, or not any more.

use crate::port::{
    Permissions,
    Port, //
};
use net::{
    netdev::{
        with_rtnl,
        Rtnl, //
    },
    rcu,
    work::Work, //
};
use offload::Slot;

impl Port {
    /// Whether the stack is told what the parser finds that runs now.
    pub(super) fn has_permission(&self) -> bool {
        let guard = rcu::Guard::new();
        let parser = self.asic.card.parsers.load(&guard);
        parser.is_some_and(|parser| self.is_believed(parser, &guard))
    }

    /// Whether both permissions are as was told last.
    fn has_told(&self) -> bool {
        self.permission.is_told(self.has_permission())
            && self
                .gro_permission
                .is_told(!self.interface.gro_audit.has_ended())
    }

    /// Tells of the permissions that are others than was told of last.
    fn tell_of_permissions(&self, rtnl: &Rtnl<'_>) {
        let may_coalesce = !self.interface.gro_audit.has_ended();
        for (permission, slot, is_permitted) in [
            (&self.permission, Slot::Parser, self.has_permission()),
            (&self.gro_permission, Slot::Gro, may_coalesce),
        ] {
            if !permission.is_told(is_permitted) {
                permission.set_told(is_permitted);
                self.enforcer().permission(slot, is_permitted, rtnl);
            }
        }
    }
}

impl Work for Permissions {
    fn work(&self) -> bool {
        with_rtnl(|rtnl| {
            while let Some(port) = self.0.ports.find(|port| !port.has_told()) {
                port.tell_of_permissions(rtnl);
            }
        });
        false
    }
}
