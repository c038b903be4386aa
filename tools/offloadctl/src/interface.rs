// SPDX-License-Identifier: GPL-2.0

//! Interfaces, as people name them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use offload_uapi::client::Client;
use offload_uapi::types::Device;

/// The interfaces whose drivers report programs.
pub(crate) struct Interfaces(Vec<Device>);

impl Interfaces {
    /// Those of now.
    pub(crate) fn of(client: &mut Client) -> Result<Self> {
        Ok(Self(client.devices()?))
    }

    /// The one that is meant by a name or an index.
    pub(crate) fn find(&self, name: &str) -> Result<&Device> {
        let by_name = self.0.iter().find(|device| device.ifname == name);
        // Interfaces can be named "7".
        let found = by_name.or_else(|| {
            let index: u32 = name.parse().ok()?;
            self.0.iter().find(|device| device.ifindex == index)
        });
        found.with_context(|| {
            format!(
                "no interface {name:?} here whose driver reports programs; `offloadctl device` \
                 lists those that there are in this network namespace"
            )
        })
    }

    /// The index of the one that is meant, if one is.
    pub(crate) fn filter(&self, name: Option<&str>) -> Result<Option<u32>> {
        name.map(|name| Ok(self.find(name)?.ifindex)).transpose()
    }

    /// The names by index.
    pub(crate) fn names(&self) -> Names {
        let all = self.0.iter();
        Names(
            all.map(|device| (device.ifindex, device.ifname.clone()))
                .collect(),
        )
    }

    /// All, or the one that is meant.
    pub(crate) fn into_list(self, name: Option<&str>) -> Result<Vec<Device>> {
        match name {
            Some(name) => Ok(vec![self.find(name)?.clone()]),
            None => Ok(self.0),
        }
    }
}

/// Names of interfaces.
#[derive(Debug, Default)]
pub(crate) struct Names(pub(crate) BTreeMap<u32, String>);

impl Names {
    /// The name of an interface, or its index if it has none any more.
    pub(crate) fn of(&self, ifindex: u32) -> String {
        let name = self.0.get(&ifindex).cloned();
        name.unwrap_or_else(|| format!("#{ifindex}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_name_comes_before_an_index() {
        let all = Interfaces(vec![samples::device(3, "onic0"), samples::device(4, "3")]);
        assert_eq!(all.find("onic0").unwrap().ifindex, 3);
        assert_eq!(all.find("3").unwrap().ifindex, 4);
        assert_eq!(all.find("4").unwrap().ifindex, 4);
        let error = all.find("eth0").unwrap_err().to_string();
        assert!(error.contains("offloadctl device"), "{error}");
        assert_eq!(all.names().of(3), "onic0");
        assert_eq!(all.names().of(9), "#9");
        assert_eq!(all.filter(None).unwrap(), None);
    }
}
