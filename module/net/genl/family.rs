// SPDX-License-Identifier: GPL-2.0

//! A family, and what a driver does for it.

use super::{
    command::Commands,
    message::{
        self,
        Full,
        Message, //
    },
    request::{
        DumpAnswer,
        Request, //
    },
};
use crate::{
    bindings,
    netdev::{
        NetDevice,
        Rtnl, //
    }, //
};
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use kernel::{
    prelude::*,
    types::Opaque, //
};

/// What stands behind a family.
///
/// The calls come in process context, several at once, with neither RTNL nor a lock of the family
/// held.
pub trait Operations: Send + Sync + Sized + 'static {
    /// The family's name, of 15 bytes at the most.
    const NAME: &'static str;
    /// Its version.
    const VERSION: u8;
    /// The names of its multicast groups, of 15 bytes at the most. Whoever may open a netlink socket
    /// may listen.
    const GROUPS: &'static [&'static str];
    /// Where a dump stands between two of its answers: of 48 bytes at the most. It begins with the
    /// default value.
    type Cursor: Copy + Default + Send;

    /// Names the operations, in the order of their numbers.
    fn describe(commands: &mut Commands) -> Result;

    /// Does what `request`, one without `NLM_F_DUMP`, asks for.
    fn execute(family: &Family<Self>, request: &Request<'_>) -> Result;

    /// Writes the messages that `request`, one with `NLM_F_DUMP`, asks for, from `cursor` on. Is
    /// called again, with another answer, when it has returned [`Full`].
    fn dump(
        family: &Family<Self>,
        request: &Request<'_>,
        cursor: &mut Self::Cursor,
        answer: &mut DumpAnswer<'_>,
    ) -> Result;
}

/// A family, registered or not.
///
/// # Invariants
///
/// `family` refers to what `commands` and `groups` own, and to functions for a family that lies in a
/// `Self`. It is registered while `is_registered` says so.
#[pin_data]
pub struct Family<T: Operations> {
    #[pin]
    pub(super) family: Opaque<bindings::genl_family>,
    pub(super) commands: Commands,
    pub(super) groups: KVec<bindings::genl_multicast_group>,
    pub(super) is_registered: AtomicBool,
    pub(super) context: T,
}

// SAFETY: The core guards what is its own; `T` may be shared.
unsafe impl<T: Operations> Send for Family<T> {}
// SAFETY: As above.
unsafe impl<T: Operations> Sync for Family<T> {}

impl<T: Operations> Family<T> {
    /// What stands behind the family.
    pub fn context(&self) -> &T {
        &self.context
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::genl_family {
        self.family.get()
    }

    /// Tells the listeners of the group of number `group` in [`Operations::GROUPS`], in the namespace
    /// of `device`, of `command`. The message is what `fill` writes, which may be asked more than
    /// once.
    ///
    /// Process context. A listener for whom there is no memory gets `ENOBUFS` from its socket.
    pub fn multicast(
        &self,
        group: usize,
        command: u8,
        device: &NetDevice,
        _rtnl: &Rtnl<'_>,
        fill: impl Fn(&mut Message<'_>) -> Result<(), Full>,
    ) {
        if !self.is_registered.load(Ordering::Acquire) || group >= self.groups.len() {
            return;
        }
        // CAST: Below a number that fits into a `u8`.
        let group = group as u32;
        let family = self.as_ptr();
        // SAFETY: The device is valid, and RTNL keeps it in its namespace, which lives as long. The
        // family is registered, or was: then nobody listens.
        let net = unsafe {
            let net = bindings::offload_nic_dev_net(device.as_ptr());
            if !bindings::offload_nic_genl_has_listeners(family, net, group) {
                return;
            }
            net
        };
        match message::build(family, 0, 0, command, fill) {
            // SAFETY: As above; the core takes the message over.
            Ok(skb) => unsafe {
                bindings::offload_nic_genlmsg_multicast_netns(family, net, skb.as_ptr(), group);
            },
            // SAFETY: As above.
            Err(_) => unsafe { bindings::offload_nic_genl_set_err(family, net, group) },
        }
    }
}
