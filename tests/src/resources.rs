// SPDX-License-Identifier: GPL-2.0

//! What a NIC has a limited amount of, as `devlink resource` shows it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::Cmd;
use crate::nic::Nic;

/// How a resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// How much there is.
    pub size: u64,
    /// How much there is to be after the next reload, if that is something else.
    pub size_new: Option<u64>,
    /// How much is in use.
    pub used: u64,
    /// The smallest and the largest size, and what all sizes are multiples of, if there is a choice.
    pub range: Option<[u64; 3]>,
}

/// The resources of a NIC by their paths.
pub type Resources = BTreeMap<String, Resource>;

fn collect(list: &Value, parent: &str, all: &mut Resources) -> Result<()> {
    for one in list.as_array().into_iter().flatten() {
        let number = |name: &str| one[name].as_u64();
        let name = one["name"].as_str().context("a resource without a name")?;
        let path = format!("{parent}/{name}");
        let resource = Resource {
            size: number("size").with_context(|| format!("{path} has no size"))?,
            size_new: number("size_new"),
            used: number("occ").with_context(|| format!("{path} tells no use"))?,
            range: number("size_min")
                .zip(number("size_max"))
                .zip(number("size_gran"))
                .map(|((min, max), granularity)| [min, max, granularity]),
        };
        collect(&one["resources"], &path, all)?;
        all.insert(path, resource);
    }
    Ok(())
}

impl Nic {
    /// Its resources, asked for in the namespace `ns` (`None`: the initial one).
    ///
    /// # Errors
    ///
    /// Where `devlink` shows none.
    pub fn resources_in(&self, ns: Option<&str>) -> Result<Resources> {
        let show = format!("devlink -j resource show {}", self.handle());
        let json = Cmd::new(show).in_netns(ns).json()?;
        let mut all = Resources::new();
        collect(&json["resources"][self.handle()], "", &mut all)?;
        Ok(all)
    }

    /// As [`Nic::resources_in`] the initial namespace.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn resources(&self) -> Result<Resources> {
        self.resources_in(None)
    }

    /// How much of each resource is in use, by its path.
    ///
    /// # Errors
    ///
    /// As [`Nic::resources_in`].
    pub fn used(&self) -> Result<BTreeMap<String, u64>> {
        let all = self.resources()?.into_iter();
        Ok(all.map(|(path, resource)| (path, resource.used)).collect())
    }

    /// The command that asks for another size of the resource `path`.
    pub fn resize(&self, path: &str, size: u64) -> Cmd {
        Cmd::new(format!(
            "devlink resource set {} path {path} size {size}",
            self.handle()
        ))
    }

    /// The command that reloads it.
    pub fn reload(&self) -> Cmd {
        Cmd::new(format!("devlink dev reload {}", self.handle()))
    }
}
