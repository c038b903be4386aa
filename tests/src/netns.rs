// SPDX-License-Identifier: GPL-2.0

//! Network namespaces that go away with their owner.

use std::path::Path;

use anyhow::{Context, Result};

use crate::command::Cmd;
pub use crate::setns::enter;

/// A named network namespace with its loopback up; deleted on drop.
#[derive(Debug)]
pub struct NetNs {
    name: String,
}

impl NetNs {
    /// Makes the namespace. One left over by that name is deleted first.
    ///
    /// # Errors
    ///
    /// Where `ip netns` fails.
    pub fn new(name: &str) -> Result<Self> {
        if Path::new("/run/netns").join(name).exists() {
            Cmd::new(format!("ip netns del {name}")).run()?;
        }
        Cmd::new(format!("ip netns add {name}")).run()?;
        let ns = Self {
            name: name.to_owned(),
        };
        ns.cmd("ip link set lo up").run()?;
        Ok(ns)
    }

    /// Keeps the kernel from sending anything by itself here: no IPv6, so neither
    /// router solicitations nor duplicate address detection.
    ///
    /// # Errors
    ///
    /// Where `sysctl` is refused.
    pub fn silence(&self) -> Result<()> {
        self.enter(|| {
            for scope in ["all", "default"] {
                let path = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
                std::fs::write(&path, "1").with_context(|| format!("write 1 to {path}"))?;
            }
            Ok(())
        })
    }

    /// Its name, as `ip netns` shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs in this namespace.
    pub fn cmd(&self, line: impl AsRef<str>) -> Cmd {
        Cmd::new(line).in_netns(Some(&self.name))
    }

    /// Runs `work` on a thread of its own inside this namespace; sockets that it
    /// opens belong to the namespace for good.
    ///
    /// # Errors
    ///
    /// What `work` gives, or where the namespace is gone.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        enter(Some(&self.name), work)
    }
}

impl Drop for NetNs {
    fn drop(&mut self) {
        // A test may have deleted it; what is left over is reported by the next user.
        let _ = Cmd::new(format!("ip netns del {}", self.name)).output();
    }
}
