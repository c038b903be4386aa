// SPDX-License-Identifier: GPL-2.0

//! Who is told when the stack begins, or ceases, to be told what a device's parser finds.

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

impl Port {
    /// Whether the stack is told what the parser finds that runs now.
    pub(super) fn has_permission(&self) -> bool {
        let guard = rcu::Guard::new();
        let parser = self.asic.card.parsers.load(&guard);
        parser.is_some_and(|parser| self.is_believed(parser, &guard))
    }

    /// Tells of the permission, if that is another one than was told of last.
    fn tell_of_permission(&self, rtnl: &Rtnl<'_>) {
        let is_permitted = self.has_permission();
        if !self.permission.is_told(is_permitted) {
            self.permission.set_told(is_permitted);
            self.enforcer().parser_permission(is_permitted, rtnl);
        }
    }
}

impl Work for Permissions {
    fn work(&self) -> bool {
        with_rtnl(|rtnl| {
            let is_untold = |port: &Port| !port.permission.is_told(port.has_permission());
            while let Some(port) = self.0.ports.find(is_untold) {
                port.tell_of_permission(rtnl);
            }
        });
        false
    }
}
