// SPDX-License-Identifier: GPL-2.0

//! Parse graphs that are flashed to a NIC, and the flow dissectors that the kernel runs in their place.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use graph_json::Canonical;
use parse_graph::blob;
use serde_json::Value;

use crate::command::Cmd;
use crate::link::Link;
use crate::nic::Nic;

/// Where the kernel looks for files to flash.
const FILES: &str = "/tmp/firmware";
/// Where dissectors are pinned.
const PINNED: &str = "/sys/fs/bpf/dissectors";

/// The file of the sample with a name, in the repository.
#[must_use]
pub fn sample(name: &str) -> PathBuf {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/parsers");
    Path::new(samples).join(name).with_extension("json")
}

/// Where graphs come from, and the NIC that they go to.
#[derive(Clone, Debug)]
pub struct Graphs {
    nic: Nic,
    tool: Link,
}

impl Graphs {
    /// For `nic`, of which `link` is a port.
    ///
    /// # Errors
    ///
    /// Where the kernel can't be told where its files are.
    pub fn new(nic: Nic, link: &Link) -> Result<Self> {
        fs::create_dir_all(FILES)?;
        fs::write("/sys/module/firmware_class/parameters/path", FILES)?;
        Ok(Self {
            nic,
            tool: link.clone(),
        })
    }

    /// The file that is flashed of the graph called `name`.
    #[must_use]
    pub fn file(name: &str) -> PathBuf {
        Path::new(FILES).join(name).with_extension("fw")
    }

    fn object(name: &str) -> PathBuf {
        Path::new(FILES).join(name).with_extension("o")
    }

    /// Builds what is flashed, and the dissector, of the graph in `json`; gives what the tool says.
    ///
    /// # Errors
    ///
    /// Where it is none.
    pub fn build(&self, name: &str, json: &Path) -> Result<Value> {
        let (blob, object) = (Self::file(name), Self::object(name));
        let build = self.tool.offloadctl("parser build --json")?.arg(json);
        let build = build.args("--output").arg(blob);
        build.args("--object").arg(object).json()
    }

    /// Makes what is flashed of the graph in the text `json`, and has it vouch for the dissector of another
    /// graph, which was built as `other`.
    ///
    /// # Errors
    ///
    /// Where it is no graph, or the other one was not built.
    pub fn vouch(&self, name: &str, json: &str, other: &str) -> Result<()> {
        let other = fs::read(Self::file(other))?;
        let other = blob::parse(&other, graph_json::digest)?;
        let vouched = Canonical::from_json(json)?.to_blob(other.dissector.as_ref())?;
        fs::write(Self::file(name), vouched)?;
        Ok(())
    }

    /// The command that flashes what was built.
    #[must_use]
    pub fn flash(&self, name: &str) -> Cmd {
        let device = self.nic.handle();
        Cmd::new(format!(
            "devlink dev flash {device} file {name}.fw component parser"
        ))
    }

    /// The lines of a script for `sh -e` that flash what was built, and have the device run it if it is to be
    /// `activated`. (`devlink` can't be given them at once: it forks to flash, and both read on.)
    #[must_use]
    pub fn in_script(&self, name: &str, activated: bool) -> String {
        let device = self.nic.handle();
        let mut lines = format!("devlink dev flash {device} file {name}.fw component parser\n");
        if activated {
            lines += &format!("devlink dev reload {device} action fw_activate\n");
        }
        lines
    }

    /// Has the device run what was flashed last.
    ///
    /// # Errors
    ///
    /// Where `devlink` says so.
    pub fn activate(&self) -> Result<()> {
        let device = self.nic.handle();
        Cmd::new(format!("devlink dev reload {device} action fw_activate")).run()?;
        Ok(())
    }

    /// Loads the dissector that was built.
    ///
    /// # Errors
    ///
    /// Where the kernel does not take it.
    pub fn load(&self, name: &str) -> Result<Dissector> {
        fs::create_dir_all(PINNED)?;
        let pin = Path::new(PINNED).join(name);
        if pin.exists() {
            fs::remove_file(&pin)?;
        }
        Cmd::new("bpftool prog load")
            .arg(Self::object(name))
            .arg(&pin)
            .args("type flow_dissector")
            .run()?;
        Ok(Dissector { pin })
    }
}

/// A dissector in the kernel. It is detached when this goes.
#[derive(Debug)]
pub struct Dissector {
    pin: PathBuf,
}

impl Dissector {
    /// The one that is pinned there.
    #[must_use]
    pub fn pinned(pin: PathBuf) -> Self {
        Self { pin }
    }

    /// Runs it on the frame in the file `frame`, so many `times`; what it finds, as `struct bpf_flow_keys`, and
    /// how long that takes on average.
    ///
    /// # Errors
    ///
    /// Where it does not find out that all is well with the frame.
    pub fn run(&self, frame: &str, times: u32) -> Result<(Vec<u8>, Duration)> {
        const FOUND: &str = "/tmp/flow_keys";
        let shown = Cmd::new("bpftool -j prog run pinned")
            .arg(&self.pin)
            .args(format!("data_in {frame} data_out {FOUND} repeat {times}"))
            .json()?;
        ensure!(shown["retval"] == 0, "{:?}: {shown}", self.pin);
        let each = shown["duration"].as_u64().context("no duration")?;
        Ok((fs::read(FOUND)?, Duration::from_nanos(each)))
    }

    fn ask(&self, verb: &str) -> Cmd {
        Cmd::new(format!("bpftool prog {verb} pinned"))
            .arg(&self.pin)
            .args("flow_dissector")
    }

    /// Has the kernel run it, in all namespaces, in the place of another one or of its own code.
    ///
    /// # Errors
    ///
    /// Where a namespace has one of its own.
    pub fn attach(&self) -> Result<()> {
        self.ask("attach").run()?;
        Ok(())
    }

    /// Has the kernel run its own code again.
    ///
    /// # Errors
    ///
    /// Where it does not run this one.
    pub fn detach(&self) -> Result<()> {
        self.ask("detach").run()?;
        Ok(())
    }
}

impl Drop for Dissector {
    fn drop(&mut self) {
        // Another one may be attached by now, or none.
        let _ = self.ask("detach").output();
        let _ = fs::remove_file(&self.pin);
    }
}
