// SPDX-License-Identifier: GPL-2.0

//! The interrupts of a port's queues.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// An interrupt, as `/proc/interrupts` shows it.
#[derive(Debug)]
pub struct Interrupt {
    /// Its number.
    pub number: u32,
    /// How often each processor has handled it.
    pub counts: Vec<u64>,
    /// The name of its queue.
    pub name: String,
}

impl Interrupt {
    /// Those of the queues of `port`, in their order.
    ///
    /// # Errors
    ///
    /// Where they can't be read.
    pub fn of(port: &str) -> Result<Vec<Self>> {
        let text = fs::read_to_string("/proc/interrupts")?;
        let processors = text.lines().next().context("no first line")?;
        let processors = processors.split_whitespace().count();
        let lines = text.lines().filter_map(|line| {
            let (number, rest) = line.split_once(':')?;
            let words: Vec<_> = rest.split_whitespace().collect();
            let name = words.last()?;
            name.starts_with(&format!("{port}-")).then(|| Self {
                number: number.trim().parse().unwrap_or_default(),
                counts: words
                    .iter()
                    .take(processors)
                    .flat_map(|word| word.parse())
                    .collect(),
                name: (*name).to_owned(),
            })
        });
        Ok(lines.collect())
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new("/proc/irq")
            .join(self.number.to_string())
            .join(name)
    }

    /// Has that processor handle it.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses.
    pub fn set_affinity(&self, processor: usize) -> Result<()> {
        let file = self.file("smp_affinity_list");
        fs::write(&file, processor.to_string()).with_context(|| format!("{processor} to {file:?}"))
    }

    /// Which processors may handle it.
    ///
    /// # Errors
    ///
    /// Where it can't be read.
    pub fn affinity(&self) -> Result<String> {
        let file = self.file("smp_affinity_list");
        let text = fs::read_to_string(&file).with_context(|| format!("read {file:?}"))?;
        Ok(text.trim().to_owned())
    }

    /// How often it was handled.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}
