// SPDX-License-Identifier: GPL-2.0

//! Generic netlink: a family of messages by which user space asks and sets, and is told of events.
//!
//! A driver implements [`Operations`] for what stands behind the family and makes a [`Family`] of it.
//! What user space sends has been checked against the rules of the operation ([`Rule`]) before the
//! driver sees it: an attribute that no rule allows, or of another length or range, is refused by
//! the core, which tells the sender which one it was.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

mod adapter;
mod command;
mod message;
mod request;

use crate::{
    bindings,
    netdev::{
        NetDevice,
        Rtnl, //
    }, //
};
use adapter::Adapter;
pub use command::{
    Commands,
    Permission,
    Rule, //
};
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};
pub use message::{
    Full,
    Message, //
};
pub use request::{
    DumpAnswer,
    Request, //
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
    family: Opaque<bindings::genl_family>,
    commands: Commands,
    groups: KVec<bindings::genl_multicast_group>,
    is_registered: AtomicBool,
    context: T,
}

// SAFETY: The core guards what is its own; `T` may be shared.
unsafe impl<T: Operations> Send for Family<T> {}
// SAFETY: As above.
unsafe impl<T: Operations> Sync for Family<T> {}

/// `text` with zeroes behind it.
fn name(text: &str) -> Result<[u8; 16]> {
    let mut name = [0; 16];
    if text.len() >= name.len() {
        return Err(EINVAL);
    }
    for (place, byte) in name.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
    Ok(name)
}

impl<T: Operations> Family<T> {
    /// Makes a family of `module` with `context` behind it, which user space does not see yet.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a name is too long or the operations are not in order, `ENOMEM`.
    pub fn new(context: T, module: &'static ThisModule) -> Result<Arc<Self>> {
        let mut commands = Commands::new(Adapter::<T>::one(), Adapter::<T>::dump());
        T::describe(&mut commands)?;
        let mut groups = KVec::with_capacity(T::GROUPS.len(), GFP_KERNEL)?;
        for group in T::GROUPS {
            let group = bindings::genl_multicast_group {
                name: name(group)?,
                flags: 0,
            };
            groups.push(group, GFP_KERNEL)?;
        }
        let operations = commands.operations();
        let mut family = bindings::genl_family {
            name: name(T::NAME)?,
            version: T::VERSION.into(),
            n_split_ops: u8::try_from(operations.len())?,
            split_ops: operations.as_ptr(),
            n_mcgrps: u8::try_from(groups.len())?,
            mcgrps: groups.as_ptr(),
            module: module.as_ptr().cast(),
            ..pin_init::zeroed()
        };
        family.set_netnsok(1);
        family.set_parallel_ops(1);
        // INVARIANT: What `family` refers to stays where it is when the vectors are moved, and is
        // not changed any more. It is not registered.
        Arc::pin_init(
            pin_init!(Self {
                family: Opaque::new(family),
                commands,
                groups,
                is_registered: AtomicBool::new(false),
                context,
            }),
            GFP_KERNEL,
        )
    }

    /// What stands behind the family.
    pub fn context(&self) -> &T {
        &self.context
    }

    fn as_ptr(&self) -> *mut bindings::genl_family {
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

/// The registration of a family: dropping it takes the family away from user space.
///
/// # Invariants
///
/// The family is registered.
pub struct Registration<T: Operations>(Arc<Family<T>>);

impl<T: Operations> Registration<T> {
    /// Registers `family`. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is a family of that name, `EBUSY` if this one is registered, `ENOMEM`.
    pub fn new(family: Arc<Family<T>>) -> Result<Self> {
        if family.is_registered.swap(true, Ordering::AcqRel) {
            return Err(EBUSY);
        }
        // SAFETY: The family is complete and stays where it is; it is not registered.
        if let Err(error) = to_result(unsafe { bindings::genl_register_family(family.as_ptr()) }) {
            family.is_registered.store(false, Ordering::Release);
            return Err(error);
        }
        // INVARIANT: Registered above.
        Ok(Self(family))
    }
}

impl<T: Operations> Drop for Registration<T> {
    fn drop(&mut self) {
        let family = self.0.as_ptr();
        self.0.is_registered.store(false, Ordering::Release);
        // SAFETY: By the type invariant it is registered. When this returns no operation runs but
        // for dumps that are under way.
        let is_going = unsafe {
            bindings::genl_unregister_family(family);
            let module = (*family).module;
            !module.is_null() && (*module).state == bindings::module_state_MODULE_STATE_GOING
        };
        // A dump that waits for its reader keeps the module from going, and uses the family to its
        // end. So there is none if the module is going; if its initialisation has failed, there may
        // be one, whose end nobody tells in time.
        if !is_going {
            core::mem::forget(self.0.clone());
        }
    }
}
