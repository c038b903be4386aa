// SPDX-License-Identifier: GPL-2.0

//! NICs that come and go with the files of their bus.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use anyhow::{ensure, Context, Result};
use nix::errno::Errno;

use crate::link::Link;

/// Writes `text` to `file` of the bus.
///
/// # Errors
///
/// What the kernel answers.
pub fn ask_bus(file: &str, text: &str) -> io::Result<()> {
    fs::write(format!("/sys/bus/offload_nic/{file}"), text)
}

/// What a refused request was answered with.
///
/// # Errors
///
/// Where it was not refused.
pub fn errno_of(result: io::Result<()>) -> Result<Errno> {
    let error = result.err().context("should have been refused")?;
    let number = error.raw_os_error().context("no error of the kernel")?;
    Ok(Errno::from_raw(number))
}

/// A NIC, made by its bus. It goes with the module.
#[derive(Clone, Copy, Debug)]
pub struct Nic {
    /// Its number on the bus.
    pub id: u32,
}

impl Nic {
    /// Makes NIC number `id`, without cables, in the namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses it.
    pub fn new(id: u32, ports: u32, queues: u32) -> Result<Self> {
        ask_bus("new_device", &format!("{id} {ports} {queues}"))
            .with_context(|| format!("new_device: {id} {ports} {queues}"))?;
        Ok(Self { id })
    }

    /// Takes it away.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn remove(self) -> Result<()> {
        ask_bus("del_device", &self.id.to_string()).context("del_device")
    }

    /// Writes `text` to `file` of the device.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn ask(&self, file: &str, text: &str) -> io::Result<()> {
        ask_bus(&format!("devices/offload_nic{}/{file}", self.id), text)
    }

    /// How devlink calls it.
    pub fn handle(&self) -> String {
        format!("offload_nic/offload_nic{}", self.id)
    }

    /// A file of it in debugfs.
    pub fn debug_file(&self, name: &str) -> PathBuf {
        let nic = format!("/sys/kernel/debug/offload_nic/offload_nic{}", self.id);
        PathBuf::from(nic).join(name)
    }

    /// Reads a file of it in debugfs.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn read(&self, name: &str) -> Result<String> {
        let path = self.debug_file(name);
        let text = fs::read_to_string(&path).with_context(|| format!("read {path:?}"))?;
        Ok(text.trim().to_owned())
    }

    /// Throws a switch, a file of it in debugfs, and sees that it stays so.
    ///
    /// # Errors
    ///
    /// Where it does not.
    pub fn throw(&self, name: &str, value: &str) -> Result<()> {
        let path = self.debug_file(name);
        fs::write(&path, value).with_context(|| format!("write {value} to {path:?}"))?;
        ensure!(self.read(name)? == value, "{name} does not stay {value}");
        Ok(())
    }

    /// The interfaces of its ports, in the order of the ports, of those in the initial namespace.
    ///
    /// # Errors
    ///
    /// Where there is no such NIC.
    pub fn ports(&self) -> Result<Vec<Link>> {
        let dir = format!("/sys/bus/offload_nic/devices/offload_nic{}/net", self.id);
        let mut ports = Vec::new();
        // A NIC without ports has no such directory.
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry?.path();
            let number: u32 = fs::read_to_string(path.join("dev_port"))?.trim().parse()?;
            let name = path.file_name().context("no name")?;
            ports.push((number, Link::new(&name.to_string_lossy())));
        }
        ports.sort_by_key(|(number, _)| *number);
        Ok(ports.into_iter().map(|(_, link)| link).collect())
    }
}

/// An end of a cable, as the bus wants it named.
#[derive(Debug)]
pub struct End {
    ns: File,
    ifindex: u32,
}

impl End {
    /// The port `link`.
    ///
    /// # Errors
    ///
    /// Where there is no such interface or namespace.
    pub fn new(link: &Link) -> Result<Self> {
        let path = match &link.ns {
            Some(ns) => format!("/run/netns/{ns}"),
            None => "/proc/self/ns/net".to_owned(),
        };
        Ok(Self {
            ns: File::open(&path).with_context(|| format!("open {path}"))?,
            ifindex: link.index()?,
        })
    }

    /// `NETNSFD:IFINDEX`.
    pub fn text(&self) -> String {
        format!("{}:{}", self.ns.as_raw_fd(), self.ifindex)
    }
}

/// Puts a cable between two ports.
///
/// # Errors
///
/// Where the kernel refuses it.
pub fn plug(left: &Link, right: &Link) -> Result<()> {
    let (near, far) = (End::new(left)?, End::new(right)?);
    ask_bus("link_device", &format!("{} {}", near.text(), far.text()))
        .with_context(|| format!("a cable between {left} and {right}"))
}

/// Pulls the cable out of a port.
///
/// # Errors
///
/// Where the kernel refuses it.
pub fn unplug(link: &Link) -> Result<()> {
    ask_bus("unlink_device", &End::new(link)?.text()).with_context(|| format!("unplug {link}"))
}

/// The directory of debugfs with what the NIC tells of the program with number `id`, whatever NIC has
/// it.
///
/// # Errors
///
/// Where none has it.
pub fn program_files(id: u64) -> Result<PathBuf> {
    let read = |path: &std::path::Path| fs::read_to_string(path).unwrap_or_default();
    for nic in fs::read_dir("/sys/kernel/debug/offload_nic")? {
        for program in fs::read_dir(nic?.path().join("bpf_bound_progs"))? {
            let program = program?.path();
            if read(&program.join("id")).trim() == id.to_string() {
                return Ok(program);
            }
        }
    }
    anyhow::bail!("no NIC has program {id}")
}

/// What the program with number `id` has said so far in whatever NIC it is: the lines of its file
/// `runs`.
///
/// # Errors
///
/// Where no NIC has it.
pub fn runs(id: u64) -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(program_files(id)?.join("runs")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| {
        let (name, count) = line.split_once(' ')?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    Ok(lines.collect())
}
