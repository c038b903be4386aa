// SPDX-License-Identifier: GPL-2.0

//! What there is beside our NIC and veth: a linked netdevsim pair, and a dummy that forgets what it
//! is given.

use std::fs::{self, File};
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use offload_tests::command::Cmd;
use offload_tests::link::Link;
use offload_tests::netns::NetNs;

/// A linked pair of netdevsim devices, removed on drop.
pub(crate) struct Netdevsim {
    pub(crate) near: Link,
    pub(crate) far: Link,
    // Deleted before the devices, which come home by that.
    _namespaces: [NetNs; 2],
}

const NETDEVSIM_IDS: [u32; 2] = [771, 772];

impl Netdevsim {
    pub(crate) fn new() -> Result<Self> {
        load("netdevsim", "/sys/bus/netdevsim")?;
        let namespaces = [NetNs::new("snear")?, NetNs::new("sfar")?];
        let mut links = Vec::new();
        for (id, ns) in NETDEVSIM_IDS.iter().zip(&namespaces) {
            fs::write("/sys/bus/netdevsim/new_device", format!("{id} 1 1"))
                .context("make a netdevsim device")?;
            let directory = format!("/sys/bus/netdevsim/devices/netdevsim{id}/net");
            let entry = fs::read_dir(&directory)?.next();
            let entry = entry.with_context(|| format!("nothing in {directory}"))??;
            let mut link = Link::new(&entry.file_name().to_string_lossy());
            let name = format!("nsim{id}");
            link.set(format!("name {name}")).run()?;
            link.name = name;
            link.move_to(ns)?;
            ns.silence()?;
            link.set("up").run()?;
            links.push(link);
        }
        let mut ends = Vec::new();
        // The namespaces have to stay open until the kernel has read their numbers.
        let mut open = Vec::new();
        for (link, ns) in links.iter().zip(&namespaces) {
            let file = File::open(format!("/run/netns/{}", ns.name()))?;
            ends.push(format!("{}:{}", file.as_raw_fd(), link.index()?));
            open.push(file);
        }
        fs::write("/sys/bus/netdevsim/link_device", ends.join(" "))
            .context("link two netdevsim devices")?;
        let far = links.pop().context("no device")?;
        let near = links.pop().context("no device")?;
        near.await_carrier()?;
        Ok(Self {
            near,
            far,
            _namespaces: namespaces,
        })
    }
}

impl Drop for Netdevsim {
    fn drop(&mut self) {
        for id in NETDEVSIM_IDS {
            let _ = fs::write("/sys/bus/netdevsim/del_device", id.to_string());
        }
    }
}

/// An interface that frees what it is given.
pub(crate) struct Dummy {
    pub(crate) link: Link,
    // The interface goes with it.
    _namespace: NetNs,
}

impl Dummy {
    pub(crate) fn new() -> Result<Self> {
        let namespace = NetNs::new("dummy")?;
        namespace.silence()?;
        namespace.cmd("ip link add dummy0 type dummy").run()?;
        let link = Link::within(&namespace, "dummy0");
        link.set("arp off up").run()?;
        link.await_carrier()?;
        Ok(Self {
            link,
            _namespace: namespace,
        })
    }
}

/// Loads `module` unless `sign`, which it makes, is there: it may be built in.
fn load(module: &str, sign: &str) -> Result<()> {
    if fs::exists(sign)? {
        return Ok(());
    }
    Cmd::new(format!("modprobe {module}")).run()?;
    Ok(())
}
