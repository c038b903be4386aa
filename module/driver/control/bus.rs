// SPDX-License-Identifier: GPL-2.0

//! The bus of the NICs: what users write to `/sys/bus/offload_nic/*`.
//!
//! Requests and errors are those that users of `netdevsim` know.

use super::nic::{
    Nic,
    Plan, //
};
use crate::port::{
    Port,
    NAME, //
};
use kernel::{
    debugfs::Dir,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use net::{
    bus::{
        self,
        Bus,
        File, //
    },
    netdev::{
        with_rtnl,
        Rtnl, //
    },
    netns::NetNamespace, //
};
use offload::Offload;
use offload_uapi::limits::{
    MAX_PORTS,
    MAX_QUEUES, //
};

/// The NICs on the bus.
pub(crate) struct Nics {
    /// Held for as long as a NIC is being made or taken away. Comes before the locks of devlink.
    list: Pin<KBox<Mutex<List>>>,
    debugfs: Dir,
    offload: Offload,
}

struct List {
    nics: KVec<Arc<Nic>>,
    /// Whether the bus is going away.
    is_closed: bool,
}

/// Numbers of NICs end where `netdevsim`'s do.
const MAX_ID: u32 = i32::MAX as u32;

impl Nics {
    /// None yet. Who asks `offload` will be told of their programs.
    pub(crate) fn new(offload: Offload) -> Result<Self> {
        let list = List {
            nics: KVec::new(),
            is_closed: false,
        };
        Ok(Self {
            list: KBox::pin_init(new_mutex!(list, "offload_nic_list"), GFP_KERNEL)?,
            debugfs: Dir::new(NAME),
            offload,
        })
    }

    /// Makes a NIC.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is one of that number, `EBUSY` if the bus is going away, or as [`Nic::new`].
    pub(crate) fn add(bus: &Bus<Self>, plan: &Plan) -> Result {
        let this = bus.context();
        let mut list = this.list.lock();
        if list.is_closed {
            return Err(EBUSY);
        }
        if list.nics.iter().any(|nic| nic.id == plan.id) {
            return Err(ENOSPC);
        }
        list.nics.reserve(1, GFP_KERNEL)?;
        list.nics.push(
            Nic::new(bus.devices(), plan, &this.debugfs, &this.offload)?,
            GFP_KERNEL,
        )?;
        Ok(())
    }
}

impl List {
    /// The port at `end`.
    fn port(&self, end: &End, rtnl: &Rtnl<'_>) -> Result<Arc<Port>> {
        let is_wanted = |port: &Port| {
            port.device.ifindex() == end.ifindex
                && port.device.is_registered(rtnl)
                && end.ns.contains(&port.device, rtnl)
        };
        let mut nics = self.nics.iter();
        nics.find_map(|nic| nic.find_port(is_wanted))
            .ok_or_else(|| {
                let reason = if end.ns.has_interface(end.ifindex, rtnl) {
                    "the interface of that index is not a port of an offload_nic"
                } else {
                    "there is no interface of that index"
                };
                pr_err!("{}:{}: {reason}\n", end.fd, end.ifindex);
                EINVAL
            })
    }
}

/// An end of a cable, as users name it.
struct End {
    fd: i32,
    ns: NetNamespace,
    ifindex: u32,
}

impl End {
    /// From `NETNSFD:IFINDEX`; `None` if it is written in another way.
    fn new(text: &str) -> Option<Result<Self>> {
        let (fd, ifindex) = text.split_once(':')?;
        let (fd, ifindex) = (fd.parse().ok()?, ifindex.parse().ok()?);
        let ns = NetNamespace::from_fd(fd).map_err(|_| {
            pr_err!("{fd}:{ifindex}: {fd} is not a file descriptor of a network namespace\n");
            EINVAL
        });
        Some(ns.map(|ns| Self { fd, ns, ifindex }))
    }
}

/// The `N` words of `request`, to be understood by `parse`; the log tells the `usage` if they are
/// not of that kind or number.
fn words<const N: usize, T>(
    request: &str,
    usage: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<[Option<T>; N]> {
    let mut values = [const { None }; N];
    let mut words = request.split_ascii_whitespace();
    for (value, word) in values.iter_mut().zip(words.by_ref()) {
        *value = Some(parse(word).ok_or_else(|| misused(request, usage))?);
    }
    if words.next().is_some() {
        return Err(misused(request, usage));
    }
    Ok(values)
}

fn misused(request: &str, usage: &str) -> Error {
    pr_err!("{usage}, and not \"{request}\"\n");
    EINVAL
}

/// Checks a number of a request.
fn in_range(name: &str, value: u32, min: u32, max: u32) -> Result {
    if value < min || value > max {
        pr_err!("{name} {value} is out of range: {min} to {max}\n");
        return Err(EINVAL);
    }
    Ok(())
}

const NEW_DEVICE: &str =
    "new_device takes \"ID [PORTS [QUEUES]]\", numbers, for instance \"10 2 4\"";
const DEL_DEVICE: &str = "del_device takes \"ID\", a number, for instance \"10\"";
const LINK_DEVICE: &str =
    "link_device takes \"NETNSFD:IFINDEX NETNSFD:IFINDEX\", for instance \"3:7 4:2\"";
const UNLINK_DEVICE: &str = "unlink_device takes \"NETNSFD:IFINDEX\", for instance \"3:7\"";

fn number(word: &str) -> Option<u32> {
    word.parse().ok()
}

impl Nics {
    /// `new_device` was written.
    fn new_device(bus: &Bus<Self>, request: &str) -> Result {
        let [id, ports, queues] = words(request, NEW_DEVICE, number)?;
        let id = id.ok_or_else(|| misused(request, NEW_DEVICE))?;
        let (ports, queues) = (ports.unwrap_or(1), queues.unwrap_or(1));
        in_range("ID", id, 0, MAX_ID)?;
        in_range("number of ports", ports, 0, MAX_PORTS)?;
        in_range("number of queues", queues, 1, MAX_QUEUES)?;
        let plan = Plan {
            id,
            // CAST: Checked just now; both limits are far below `u16::MAX`.
            ports: ports as u16,
            queues: queues as u16,
            is_cabled: false,
        };
        Self::add(bus, &plan)
    }

    /// `del_device` was written.
    fn del_device(bus: &Bus<Self>, request: &str) -> Result {
        let [id] = words(request, DEL_DEVICE, number)?;
        let id = id.ok_or_else(|| misused(request, DEL_DEVICE))?;
        in_range("ID", id, 0, MAX_ID)?;
        let mut list = bus.context().list.lock();
        if list.is_closed {
            return Err(EBUSY);
        }
        let position = list.nics.iter().position(|nic| nic.id == id);
        let nic = list.nics.remove(position.ok_or(ENOENT)?);
        nic.map_err(|_| ENOENT)?.remove();
        Ok(())
    }

    /// `link_device` was written.
    fn link_device(bus: &Bus<Self>, request: &str) -> Result {
        let [left, right] = words(request, LINK_DEVICE, End::new)?;
        let (Some(left), Some(right)) = (left, right) else {
            return Err(misused(request, LINK_DEVICE));
        };
        let (left, right) = (left?, right?);
        let list = bus.context().list.lock();
        with_rtnl(|rtnl| {
            let ports = [list.port(&left, rtnl)?, list.port(&right, rtnl)?];
            let [near, far] = &ports;
            if Arc::ptr_eq(near, far) {
                pr_err!("\"{request}\": a cable has two ends, and these are one port\n");
                return Err(EINVAL);
            }
            for (port, end) in ports.iter().zip([&left, &right]) {
                if port.has_cable(rtnl) {
                    pr_err!(
                        "{}:{} has a cable: write it to unlink_device first\n",
                        end.fd,
                        end.ifindex
                    );
                    return Err(EBUSY);
                }
            }
            Port::plug(near, far, rtnl);
            Ok(())
        })
    }

    /// `unlink_device` was written.
    fn unlink_device(bus: &Bus<Self>, request: &str) -> Result {
        let [end] = words(request, UNLINK_DEVICE, End::new)?;
        let end = end.ok_or_else(|| misused(request, UNLINK_DEVICE))??;
        let list = bus.context().list.lock();
        with_rtnl(|rtnl| {
            let port = list.port(&end, rtnl)?;
            if !port.has_cable(rtnl) {
                pr_err!("{}:{} has no cable\n", end.fd, end.ifindex);
                return Err(EINVAL);
            }
            port.unplug(rtnl);
            Ok(())
        })
    }
}

impl bus::Operations for Nics {
    const NAME: &'static CStr = NAME;
    const FILES: &'static [File<Bus<Self>>] = &[
        File {
            name: c"new_device",
            write: Self::new_device,
        },
        File {
            name: c"del_device",
            write: Self::del_device,
        },
        File {
            name: c"link_device",
            write: Self::link_device,
        },
        File {
            name: c"unlink_device",
            write: Self::unlink_device,
        },
    ];

    fn shut_down(&self) {
        let mut list = self.list.lock();
        list.is_closed = true;
        while let Some(nic) = list.nics.pop() {
            nic.remove();
        }
    }
}
