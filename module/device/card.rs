// SPDX-License-Identifier: GPL-2.0

//! A card: what its ports share.

use crate::{
    clock::Clock,
    host::{
        Host,
        MAX_PORTS, //
    },
    memory::DeviceMemory,
    parser::Parsers,
    profile::ProfileCell,
    programs::Programs, //
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::rcu;

/// A card in a machine: programs and maps lie in it and serve all of its ports.
pub struct Card<H: Host>(Arc<Parts<H>>);

/// What a card consists of.
pub struct Parts<H: Host> {
    /// Where programs and maps lie.
    pub memory: DeviceMemory,
    /// What kind of device it is.
    pub profile: ProfileCell,
    /// The programs in its memory.
    pub programs: Programs<H::Label>,
    /// Its ports.
    pub ports: Ports<H>,
    /// What they stamp frames with.
    pub clock: Clock,
    /// How they find their way through frames.
    pub parsers: Parsers,
}

impl<H: Host> Card<H> {
    /// A card without ports. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        let memory = DeviceMemory::new()?;
        let parts = Parts {
            parsers: Parsers::new(&memory)?,
            memory,
            profile: ProfileCell::new(),
            programs: Programs::new()?,
            ports: Ports::new()?,
            clock: Clock::new()?,
        };
        Ok(Self(Arc::new(parts, GFP_KERNEL)?))
    }
}

impl<H: Host> Clone for Card<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: Host> Deref for Card<H> {
    type Target = Parts<H>;

    fn deref(&self) -> &Parts<H> {
        &self.0
    }
}

/// The ports of one card, by their numbers. Read under RCU.
pub struct Ports<H: Host>(KVec<rcu::Slot<H>>);

impl<H: Host> Ports<H> {
    /// No port yet, and room for as many as a card may have.
    fn new() -> Result<Self> {
        let mut slots = KVec::with_capacity(MAX_PORTS.into(), GFP_KERNEL)?;
        for _ in 0..MAX_PORTS {
            slots.push(rcu::Slot::empty(), GFP_KERNEL)?;
        }
        Ok(Self(slots))
    }

    /// Puts `port` in the place of its number, or takes away the one that is there. Process context.
    pub fn set(&self, index: u16, port: Option<Arc<H>>) {
        if let Some(slot) = self.0.get(usize::from(index)) {
            slot.replace(port);
        }
    }

    /// The port in place `index`, if there is one.
    pub(crate) fn at<'a>(&'a self, index: usize, guard: &'a rcu::Guard) -> Option<&'a H> {
        self.0.get(index)?.load(guard)
    }

    /// As [`Self::at`], for longer than a guard.
    pub(crate) fn get(&self, index: u16) -> Option<Arc<H>> {
        self.0.get(usize::from(index))?.load_arc(&rcu::Guard::new())
    }

    /// The ports that there are.
    pub fn iter<'a>(&'a self, guard: &'a rcu::Guard) -> impl Iterator<Item = &'a H> {
        self.0.iter().filter_map(move |slot| slot.load(guard))
    }

    /// The first port that `is_wanted`.
    pub fn find(&self, is_wanted: impl Fn(&H) -> bool) -> Option<Arc<H>> {
        let guard = rcu::Guard::new();
        let mut slots = self.0.iter();
        slots.find_map(|slot| slot.load_arc(&guard).filter(|port| is_wanted(port)))
    }
}
