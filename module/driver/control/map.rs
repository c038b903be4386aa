// SPDX-License-Identifier: GPL-2.0

//! The maps of a NIC, as user space reaches them.

use super::store::Store;
use core::fmt;
use device::{
    map::{
        DeviceMap,
        Events,
        MapRefusal, //
    },
    memory::DeviceMemory, //
};
use engine::{
    exec::Sample,
    map::{
        self,
        MapError,
        MapKind, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    bpf::{
        EventArray,
        EventData,
        MapOffload,
        MapSpec, //
    },
    rcu,
    sync::with_bh_disabled, //
};

/// A map in the device.
pub(crate) struct OffloadedMap(Arc<DeviceMap>);

impl OffloadedMap {
    /// What lies in the device.
    pub(super) fn map(&self) -> &Arc<DeviceMap> {
        &self.0
    }
}

/// An array of events of the host's.
pub(super) struct HostEvents(pub(super) EventArray);

/// A sample of the engine's, as the kernel takes it.
struct ToUserSpace<'a>(&'a Sample<'a>);

impl EventData for ToUserSpace<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn read(&self, offset: usize, to: &mut [u8]) {
        self.0.read(offset, to);
    }
}

impl Events for HostEvents {
    fn output(&self, flags: u64, sample: &Sample<'_>, guard: &rcu::Guard) -> i64 {
        self.0.output(flags, &ToUserSpace(sample), guard)
    }
}

/// Why the device makes no map of what was asked for.
enum Refusal {
    Device(MapRefusal),
    Kind(u32),
    NumaNode(u32),
}

impl Refusal {
    fn errno(&self) -> i32 {
        match self {
            Self::Device(refusal) => refusal.errno(),
            Self::Kind(_) => engine::errno::EOPNOTSUPP,
            Self::NumaNode(_) => engine::errno::EINVAL,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(refusal) => refusal.fmt(f),
            Self::Kind(kind) => {
                write!(f, "map type {kind}, the device has")?;
                let mut separator = " ";
                for kind in MapKind::ALL {
                    // CAST: The discriminant is the number.
                    write!(f, "{separator}{} ({kind})", *kind as u32)?;
                    separator = ", ";
                }
                Ok(())
            }
            Self::NumaNode(node) => {
                write!(f, "NUMA node {node} asked for, device memory is on none")
            }
        }
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
    let spec = map::MapSpec {
        kind: MapKind::from_number(spec.kind).ok_or(Refusal::Kind(spec.kind))?,
        key_size: spec.key_size,
        value_size: spec.value_size,
        max_entries: spec.max_entries,
        flags: spec.flags,
        hash_seed: net::machine::random_u64(),
    };
    DeviceMap::new(device, &spec).map_err(Refusal::Device)
}

/// Runs an operation of user space on the map. The data path takes the same locks in softirq
/// context.
fn operate(operation: impl FnOnce() -> Result<(), MapError>) -> Result {
    with_bh_disabled(operation).map_err(|refusal| error(refusal.errno()))
}

impl MapOffload for OffloadedMap {
    type Device = Arc<Store>;

    fn alloc(store: &Arc<Store>, spec: &MapSpec) -> Result<Arc<Self>> {
        let map = make(&store.asic.card.memory, spec).map_err(|refusal| {
            // BPF_MAP_CREATE has no log for a driver.
            let kind = MapKind::from_number(spec.kind).map_or("unknown", MapKind::name);
            store.log_refusal(
                format_args!(
                    "{kind} map (key_size {}, value_size {}, max_entries {})",
                    spec.key_size, spec.value_size, spec.max_entries
                ),
                &refusal,
            );
            error(refusal.errno())
        })?;
        let map = Arc::new(map, GFP_KERNEL)?;
        Ok(Arc::new(Self(map), GFP_KERNEL)?)
    }

    fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result {
        operate(|| self.0.lookup(key, value))
    }

    fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result {
        operate(|| match self.0.update(key, value, flags) {
            // An index beyond an array's end: programs get what they get from an array of the host.
            // Users of offload are told that there is no such element, as they asked for one.
            Err(MapError::Full { .. }) if flags == BPF_EXIST => Err(MapError::NotFound),
            result => result,
        })
    }

    fn delete(&self, key: &[u8]) -> Result {
        operate(|| self.0.delete(key))
    }

    fn get_next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result {
        operate(|| self.0.get_next_key(key, next))
    }
}
