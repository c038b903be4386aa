// SPDX-License-Identifier: GPL-2.0

//! The maps in the device's memory.

use crate::memory::{
    Charge,
    DeviceMemory,
    KernelMemory, //
};
use core::{
    fmt,
    ops::Deref, //
};
use engine::{
    errno::EINVAL,
    exec::Sample,
    map::{
        Map,
        MapError,
        MapSpec, //
    },
    memory::OutOfMemory,
    resources::{
        Exhausted,
        Resource, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::rcu;

/// A map in the device.
pub struct DeviceMap {
    map: Map<KernelMemory>,
    /// What it takes of the device. Behind the map, so that it is free before it counts as free.
    _charges: [Option<Charge>; 3],
}

/// Why the device makes no map of what was asked for.
pub enum MapRefusal {
    /// The engine has none like it.
    Engine(MapError),
    /// There is not enough left of what the device has.
    Exhausted(Exhausted),
}

impl MapRefusal {
    /// The error number for it, positive.
    pub fn errno(&self) -> i32 {
        match self {
            Self::Engine(error) => error.errno(),
            Self::Exhausted(exhausted) => exhausted.errno(),
        }
    }
}

impl fmt::Display for MapRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Exhausted(exhausted) => exhausted.fmt(f),
        }
    }
}

impl From<MapError> for MapRefusal {
    fn from(error: MapError) -> Self {
        Self::Engine(error)
    }
}

impl From<Exhausted> for MapRefusal {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}

impl DeviceMap {
    /// Makes a map. Process context.
    ///
    /// # Errors
    ///
    /// [`MapRefusal`]; then nothing is taken of the device.
    pub fn new(device: &DeviceMemory, spec: &MapSpec) -> Result<Self, MapRefusal> {
        // CAST: A number of processors.
        let cpus = kernel::cpu::nr_cpu_ids() as usize;
        let bytes = spec.bytes(device.limits(), cpus)?;
        let memory = device.charge(Resource::Memory, bytes)?;
        let map_memory = device.charge(Resource::MapMemory, bytes)?;
        let entries = device.charge(Resource::MapEntries, spec.max_entries.into())?;
        Ok(Self {
            map: Map::new(&device.charged_source(), spec, device.limits(), cpus)?,
            // Given back in this order: a part first, then the whole.
            _charges: [Some(entries), Some(map_memory), Some(memory)],
        })
    }

    /// What stands in the device for an array of events, which is the host's.
    fn event_array(device: &DeviceMemory) -> Result<Self, OutOfMemory> {
        Ok(Self {
            map: Map::event_array(&device.source())?,
            _charges: [None, None, None],
        })
    }
}

impl Deref for DeviceMap {
    type Target = Map<KernelMemory>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

/// Where a program's samples go: an array of events of the host's.
pub trait Events: Send + Sync + 'static {
    /// Sends `sample` to the place that `flags` name (see [`engine::exec::Services::event_output`]),
    /// and gives 0 or a negative error number. Context: softirq.
    fn output(&self, flags: u64, sample: &Sample<'_>, guard: &rcu::Guard) -> i64;
}

/// A map in a program's table of maps.
#[derive(Clone)]
pub struct MapRef {
    map: Arc<DeviceMap>,
    events: Option<Arc<dyn Events>>,
}

impl MapRef {
    /// A map in the device.
    pub fn new(map: Arc<DeviceMap>) -> Self {
        Self { map, events: None }
    }

    /// An array of events, for which a map of the device stands.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn to_events(device: &DeviceMemory, events: Arc<dyn Events>) -> Result<Self, OutOfMemory> {
        let map = DeviceMap::event_array(device)?;
        Ok(Self {
            map: Arc::new(map, GFP_KERNEL).map_err(|_| OutOfMemory)?,
            events: Some(events),
        })
    }

    /// Sends `sample` where those of this array go; `-EINVAL` if it is no array of events.
    pub(crate) fn output(&self, flags: u64, sample: &Sample<'_>, guard: &rcu::Guard) -> i64 {
        let events = self.events.as_ref();
        events.map_or(-i64::from(EINVAL), |events| {
            events.output(flags, sample, guard)
        })
    }
}

impl Deref for MapRef {
    type Target = Map<KernelMemory>;

    fn deref(&self) -> &Self::Target {
        &self.map.map
    }
}
