// SPDX-License-Identifier: GPL-2.0

//! What the device gets from the machine that it is built from: time, chance, a way to user space.

use crate::map::MapRef;
use engine::{
    errno::EINVAL,
    exec::{
        Sample,
        Services, //
    }, //
};
use net::{
    machine,
    rcu, //
};

/// What the device asks of the machine that it is built from, on behalf of a program.
pub(crate) struct Machine<'a> {
    /// The program's maps.
    maps: &'a [MapRef],
    guard: &'a rcu::Guard,
}

impl<'a> Machine<'a> {
    /// For runs of a program with these maps.
    #[inline]
    pub(crate) const fn new(maps: &'a [MapRef], guard: &'a rcu::Guard) -> Self {
        Self { maps, guard }
    }
}

impl Services for Machine<'_> {
    fn ktime_get_ns(&self) -> u64 {
        machine::ktime_get_ns()
    }

    fn prandom_u32(&self) -> u32 {
        machine::random_u32()
    }

    fn processor_id(&self) -> u32 {
        machine::processor_id()
    }

    fn event_output(&self, map: u16, flags: u64, sample: &Sample<'_>) -> i64 {
        let array = self.maps.get(usize::from(map));
        array.map_or(-i64::from(EINVAL), |array| {
            array.output(flags, sample, self.guard)
        })
    }
}
