// SPDX-License-Identifier: GPL-2.0

//! The maps of a NIC, as user space reaches them.

use crate::{
    asic::Asic,
    memory::{
        Charge,
        DeviceMemory,
        KernelMemory, //
    }, //
};
use core::{
    fmt,
    ops::Deref, //
};
use engine::{
    map::{
        self,
        Map,
        MapError, //
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
use net::{
    bpf::{
        EventArray,
        MapKind,
        MapOffload,
        MapSpec, //
    },
    sync::with_bh_disabled, //
};

/// A map in the device.
pub(crate) struct DeviceMap {
    map: Map<KernelMemory>,
    /// What it takes of the device. Behind the map, so that it is free before it counts as free.
    _charges: [Option<Charge>; 3],
}

impl DeviceMap {
    /// What stands in the device for an array of events, which is the host's.
    pub(crate) fn event_array(device: &DeviceMemory) -> Result<Arc<Self>, OutOfMemory> {
        let this = Self {
            map: Map::event_array(&device.source())?,
            _charges: [None, None, None],
        };
        Arc::new(this, GFP_KERNEL).map_err(|_| OutOfMemory)
    }
}

/// A map in a program's table of maps.
#[derive(Clone)]
pub(crate) struct MapRef {
    map: Arc<DeviceMap>,
    events: Option<EventArray>,
}

impl MapRef {
    /// A map in the device.
    pub(crate) fn new(map: Arc<DeviceMap>) -> Self {
        Self { map, events: None }
    }

    /// An array of events, for which `map` stands in the device.
    pub(crate) fn with_events(map: Arc<DeviceMap>, events: EventArray) -> Self {
        Self {
            map,
            events: Some(events),
        }
    }

    /// Where samples go, if it is an array of events.
    pub(crate) fn events(&self) -> Option<&EventArray> {
        self.events.as_ref()
    }
}

impl Deref for MapRef {
    type Target = Map<KernelMemory>;

    fn deref(&self) -> &Self::Target {
        &self.map.map
    }
}

/// What the engine has no word for.
enum Refusal {
    Engine(MapError),
    Exhausted(Exhausted),
    Kind(u32),
    NumaNode(u32),
}

impl Refusal {
    fn errno(&self) -> i32 {
        match self {
            Self::Engine(error) => error.errno(),
            Self::Exhausted(exhausted) => exhausted.errno(),
            Self::Kind(_) => engine::errno::EOPNOTSUPP,
            Self::NumaNode(_) => engine::errno::EINVAL,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Exhausted(exhausted) => exhausted.fmt(f),
            Self::Kind(kind) => write!(
                f,
                "map type {kind}, the device has types 1 (hash) and 2 (array)"
            ),
            Self::NumaNode(node) => {
                write!(f, "NUMA node {node} asked for, device memory is on none")
            }
        }
    }
}

impl From<MapError> for Refusal {
    fn from(error: MapError) -> Self {
        Self::Engine(error)
    }
}

impl From<Exhausted> for Refusal {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}

/// The flag of an update that wants an element which is there already.
const BPF_EXIST: u64 = 2;

fn error(errno: i32) -> Error {
    Error::from_errno(-errno)
}

fn make(device: &DeviceMemory, spec: &MapSpec) -> Result<DeviceMap, Refusal> {
    if let Some(node) = spec.numa_node {
        return Err(Refusal::NumaNode(node));
    }
    let kind = match spec.kind {
        MapKind::Array => map::MapKind::Array,
        MapKind::Hash => map::MapKind::Hash,
        MapKind::Other(kind) => return Err(Refusal::Kind(kind)),
    };
    let spec = map::MapSpec {
        kind,
        key_size: spec.key_size,
        value_size: spec.value_size,
        max_entries: spec.max_entries,
        flags: spec.flags,
        hash_seed: net::machine::random_u64(),
    };
    let cpus = kernel::cpu::nr_cpu_ids() as usize;
    let bytes = spec.bytes(device.limits(), cpus)?;
    let memory = device.charge(Resource::Memory, bytes)?;
    let map_memory = device.charge(Resource::MapMemory, bytes)?;
    let entries = device.charge(Resource::MapEntries, spec.max_entries.into())?;
    Ok(DeviceMap {
        map: Map::new(&device.charged_source(), &spec, device.limits(), cpus)?,
        // Given back in this order: a part first, then the whole.
        _charges: [Some(entries), Some(map_memory), Some(memory)],
    })
}

/// Runs an operation of user space on the map. The data path takes the same locks in softirq
/// context.
fn operate(operation: impl FnOnce() -> Result<(), MapError>) -> Result {
    with_bh_disabled(operation).map_err(|refusal| error(refusal.errno()))
}

impl MapOffload for DeviceMap {
    type Device = Asic;

    fn alloc(device: &Asic, spec: &MapSpec) -> Result<Arc<Self>> {
        let map = make(&device.memory, spec).map_err(|refusal| {
            // BPF_MAP_CREATE has no log for a driver.
            device.log_refusal(
                format_args!(
                    "{:?} map (key_size {}, value_size {}, max_entries {})",
                    spec.kind, spec.key_size, spec.value_size, spec.max_entries
                ),
                &refusal,
            );
            error(refusal.errno())
        })?;
        Ok(Arc::new(map, GFP_KERNEL)?)
    }

    fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result {
        operate(|| self.map.lookup(key, value))
    }

    fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result {
        operate(|| match self.map.update(key, value, flags) {
            // An index beyond an array's end: programs get what they get from an array of the host.
            // Users of offload are told that there is no such element, as they asked for one.
            Err(MapError::Full { .. }) if flags == BPF_EXIST => Err(MapError::NotFound),
            result => result,
        })
    }

    fn delete(&self, key: &[u8]) -> Result {
        operate(|| self.map.delete(key))
    }

    fn get_next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result {
        operate(|| self.map.get_next_key(key, next))
    }
}
