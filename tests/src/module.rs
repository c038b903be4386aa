// SPDX-License-Identifier: GPL-2.0

//! The module, inserted for as long as its owner lives.

use anyhow::Result;

use crate::command::Cmd;
use crate::env;

/// `offload_nic.ko`, inserted; removed on drop.
#[derive(Debug)]
pub struct Module(());

impl Module {
    /// Inserts the module with `parameters` (`nics=2 queues=1`), after removing one
    /// that an earlier test left behind.
    ///
    /// # Errors
    ///
    /// Where `insmod` fails.
    pub fn insert(parameters: &str) -> Result<Self> {
        if Self::is_loaded()? {
            Self::remove()?;
        }
        Cmd::new("insmod")
            .arg(env::module()?)
            .args(parameters)
            .run()?;
        Ok(Self(()))
    }

    /// `rmmod offload_nic`.
    ///
    /// # Errors
    ///
    /// Where it is not loaded or in use.
    pub fn remove() -> Result<()> {
        Cmd::new("rmmod offload_nic").run()?;
        Ok(())
    }

    /// Whether the kernel has the module.
    ///
    /// # Errors
    ///
    /// Where /proc can't be read.
    pub fn is_loaded() -> Result<bool> {
        let modules = std::fs::read_to_string("/proc/modules")?;
        Ok(modules.lines().any(|line| line.starts_with("offload_nic ")))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if let Err(error) = Self::remove() {
            eprintln!("offload_nic could not be removed after the test: {error:#}");
        }
    }
}
