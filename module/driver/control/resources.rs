// SPDX-License-Identifier: GPL-2.0

//! What the device has a limited amount of, as `devlink resource` shows it and divides it.
//!
//! A size that was asked for counts from the next reload on. The device's memory itself is what it
//! was built with.

use super::ports::Ports;
use device::port::MAX_FLOWS;
use engine::resources::Resource;
use kernel::prelude::*;
use net::{
    devlink::{
        self,
        Locked, //
    },
    extack::Extack, //
};
use offload_uapi::limits::{
    MAX_CONTEXTS,
    MAX_INDIRECTION,
    MAX_PORTS,
    MAX_RAW_RULES,
    MAX_RAW_TABLES,
    MAX_RULES, //
};

/// The resources of a NIC, in the order of [`Resource::ALL`].
pub(crate) struct DeviceResources;

const TABLE: [devlink::Resource; Resource::ALL.len()] = {
    let mut table = [const { row(Resource::Memory) }; Resource::ALL.len()];
    let mut index = 0;
    while index < table.len() {
        table[index] = row(Resource::ALL[index]);
        index += 1;
    }
    table
};

/// What the administrator may do with `resource`.
const fn row(resource: Resource) -> devlink::Resource {
    let max = resource.most();
    let (parent, min, granularity) = match resource {
        Resource::Memory => (None, max, PAGE),
        Resource::MapMemory => (Some(Resource::Memory as usize), 0, PAGE),
        Resource::MapEntries
        | Resource::Programs
        | Resource::Operations
        | Resource::Rules
        | Resource::RawTables
        | Resource::RawRules
        | Resource::RssContexts
        | Resource::RssEntries
        | Resource::Flows
        | Resource::GroFlows
        | Resource::ParserNodes
        | Resource::ParserEntries
        | Resource::ParserHeaders
        | Resource::ParserBytes => (None, 0, 1),
    };
    devlink::Resource {
        name: resource.c_name(),
        parent,
        min,
        max,
        granularity,
    }
}

/// No port of a card of full size is kept from what it can have.
const _: () = {
    let ports = MAX_PORTS as u64;
    assert!(MAX_RULES as u64 * ports <= Resource::Rules.most());
    assert!(MAX_RAW_TABLES as u64 * ports <= Resource::RawTables.most());
    assert!(MAX_RAW_RULES as u64 * ports <= Resource::RawRules.most());
    assert!(MAX_CONTEXTS as u64 * ports <= Resource::RssContexts.most());
    let tables = (MAX_CONTEXTS as u64 + 1) * ports;
    assert!(MAX_INDIRECTION as u64 * tables <= Resource::RssEntries.most());
    assert!(MAX_FLOWS as u64 * ports <= Resource::Flows.most());
};

/// Memory is given out by pages of this size, in bytes.
const PAGE: u64 = 4096;

impl devlink::Resources<Ports> for DeviceResources {
    const TABLE: &'static [devlink::Resource] = &TABLE;

    fn size(ports: &Ports, index: usize) -> u64 {
        let usage = ports.resources().all().nth(index);
        usage.map_or(0, |usage| usage.size)
    }

    fn occupancy(ports: &Ports, index: usize) -> u64 {
        let usage = ports.resources().all().nth(index);
        usage.map_or(0, |usage| usage.used)
    }
}

impl DeviceResources {
    /// Whether a reload may go on: it may not if a resource would get smaller than what is in use
    /// of it, though the reload takes that away as well. Who asked for the size did not have to know
    /// what is in the device, and learns it before it is gone.
    ///
    /// # Errors
    ///
    /// `EBUSY`, with the resource in `extack`.
    pub(crate) fn check(instance: &Locked<'_, Ports>, extack: &Extack<'_>) -> Result {
        // A namespace that ends sends its NICs home, and takes no for an answer.
        if !extack.has_reader() {
            return Ok(());
        }
        for (index, usage) in instance.resources().all().enumerate() {
            let size = instance.resource_size(index).unwrap_or(usage.size);
            if size < usage.size && size < usage.used {
                extack.fmt(fmt!(
                    "offload_nic: resource {}: size {size} asked for, {} in use",
                    usage.resource.name(),
                    usage.used
                ));
                return Err(EBUSY);
            }
        }
        Ok(())
    }

    /// Gives the resources the sizes that were asked for. To be called while the NIC has no ports,
    /// so that nothing comes to the device meanwhile.
    pub(crate) fn apply(instance: &Locked<'_, Ports>) {
        for (index, resource) in Resource::ALL.into_iter().enumerate() {
            if let Some(size) = instance.resource_size(index) {
                instance.resources().set_size(resource, size);
            }
        }
    }
}
