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
mod family;
mod message;
mod request;

use crate::bindings;
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
pub use family::{
    Family,
    Operations, //
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
    Nest,
    Request, //
};

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
