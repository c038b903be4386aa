// SPDX-License-Identifier: GPL-2.0

//! Which frames a port takes from the cable, by the address that they are for: its own, which the host
//! may change at any time, that of everybody, and those that the host has named.

use crate::memory::{
    DeviceMemory,
    KernelMemory, //
};
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use engine::filter::{
    is_group,
    Address,
    AddressSet,
    BROADCAST, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::rcu;

/// Which frames of a kind, unicast or multicast, a port is to take beside those that it always takes.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    /// All of them.
    All,
    /// Those for these addresses.
    For(&'a [Address]),
}

impl<'a> Wanted<'a> {
    fn is_all(self) -> bool {
        matches!(self, Self::All)
    }

    fn addresses(self) -> &'a [Address] {
        match self {
            Self::All => &[],
            Self::For(addresses) => addresses,
        }
    }
}

/// Addresses that the host has named, of both kinds.
struct Named(AddressSet<KernelMemory>);

/// The filter of a port. Who sets it has the host's lock for that; frames read it under RCU.
pub(crate) struct Filter {
    named: rcu::Slot<Named>,
    all_unicast: AtomicBool,
    all_multicast: AtomicBool,
}

impl Filter {
    /// Takes what a port always takes.
    pub(crate) const fn new() -> Self {
        Self {
            named: rcu::Slot::empty(),
            all_unicast: AtomicBool::new(false),
            all_multicast: AtomicBool::new(false),
        }
    }

    /// Whether frames for `address` are taken by a port whose address is `own`.
    #[inline]
    pub(crate) fn takes(&self, address: Address, own: Address, guard: &rcu::Guard) -> bool {
        if address == own || address == BROADCAST {
            return true;
        }
        // In this order: see `set`.
        let named = self.named.load(guard);
        let all = if is_group(address) {
            &self.all_multicast
        } else {
            &self.all_unicast
        };
        all.load(Ordering::Acquire) || named.is_some_and(|named| named.0.has(address))
    }

    /// Takes, beside what a port always takes, what is wanted. A frame that is wanted before and after
    /// is taken all the while.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then all frames are taken.
    pub(crate) fn set(
        &self,
        memory: &DeviceMemory,
        unicast: Wanted<'_>,
        multicast: Wanted<'_>,
    ) -> Result {
        let kinds = [
            (&self.all_unicast, unicast),
            (&self.all_multicast, multicast),
        ];
        let Ok(named) = named(memory, unicast.addresses(), multicast.addresses()) else {
            for (all, _) in kinds {
                all.store(true, Ordering::Release);
            }
            return Err(ENOMEM);
        };
        // Who finds the new addresses finds this, too.
        for (all, _) in kinds.iter().filter(|(_, wanted)| wanted.is_all()) {
            all.store(true, Ordering::Release);
        }
        // When it returns nobody looks at the old ones any more.
        self.named.publish(named);
        for (all, _) in kinds.iter().filter(|(_, wanted)| !wanted.is_all()) {
            all.store(false, Ordering::Release);
        }
        Ok(())
    }
}

/// The addresses as frames find them; nothing if there are none.
fn named(
    memory: &DeviceMemory,
    unicast: &[Address],
    multicast: &[Address],
) -> Result<Option<Arc<Named>>> {
    let len = unicast.len().saturating_add(multicast.len());
    if len == 0 {
        return Ok(None);
    }
    let mut addresses = KVVec::with_capacity(len, GFP_KERNEL)?;
    addresses.extend_from_slice(unicast, GFP_KERNEL)?;
    addresses.extend_from_slice(multicast, GFP_KERNEL)?;
    // A port has room of its own for them: it is none of what programs and maps share.
    let memory = memory.charged_source();
    let set = AddressSet::new(&memory, &addresses).map_err(|_| ENOMEM)?;
    Ok(Some(Arc::new(Named(set), GFP_KERNEL)?))
}
