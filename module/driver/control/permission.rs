// SPDX-License-Identifier: GPL-2.0

//! Who is told when the stack begins, or ceases, to be told what a device's parser finds, and when a device may
//! put frames together, or not any more.

use crate::port::{
    Permission,
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

    /// Its permissions: what was told of each, of which slot it is, and whether it is there.
    fn permissions(&self) -> [(&Permission, Slot, bool); 2] {
        let may_coalesce = !self.interface.gro_audit.has_ended();
        [
            (&self.permission, Slot::Parser, self.has_permission()),
            (&self.gro_permission, Slot::Gro, may_coalesce),
        ]
    }

    /// Whether all of them are as was told last.
    fn has_told(&self) -> bool {
        let mut all = self.permissions().into_iter();
        all.all(|(permission, _, is_permitted)| permission.is_told(is_permitted))
    }

    /// Tells of those that are others than was told of last.
    fn tell_of_permissions(&self, rtnl: &Rtnl<'_>) {
        for (permission, slot, is_permitted) in self.permissions() {
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
            while let Some(port) = self.0.ports.find(|port| port.has_doubts()) {
                port.condemn_rules();
                port.enforcer().take_out_faulted(rtnl);
            }
            while let Some(port) = self.0.ports.find(|port| !port.has_told()) {
                port.tell_of_permissions(rtnl);
            }
        });
        false
    }
}
