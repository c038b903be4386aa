// SPDX-License-Identifier: GPL-2.0

//! Who sees what, and who may change it.

use std::path::PathBuf;

use anyhow::{bail, ensure, Context, Result};
use nix::errno::Errno;
use offload_tests::cable::Cable;
use offload_tests::link::Link;
use offload_uapi::client::Client;
use offload_uapi::error::{Error, Refusal};
use offload_uapi::netlink::{Policy, Slot};
use offload_uapi::types::{Event, Known};

use crate::observer::Observer;

/// Which error a refusal is, and what it says.
fn refusal<T>(result: Result<T, Error>) -> Result<(Errno, String)> {
    match result {
        Err(Error::Refused(Refusal { errno, message, .. })) => {
            Ok((Errno::from_raw(errno), message.unwrap_or_default()))
        }
        Err(other) => bail!("{other}"),
        Ok(_) => bail!("there is an answer"),
    }
}

#[test]
fn a_namespace_sees_its_own_interfaces() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let mut near = Observer::new(&cable.near)?;
    let mut far = Observer::new(&cable.far)?;
    let mut outside = Client::connect()?;
    ensure!(
        outside.devices()?.is_empty()
            && outside.slots(None)?.is_empty()
            && outside.all_stats()?.is_empty(),
        "ports of other namespaces are seen"
    );
    for (observer, link) in [(&mut near, &cable.near), (&mut far, &cable.far)] {
        let devices = observer.client.devices()?;
        let [device] = devices.as_slice() else {
            bail!("{devices:?}")
        };
        ensure!(
            device.ifname == link.name && device.ifindex == observer.ifindex,
            "{device:?}"
        );
    }
    let beyond = far.ifindex + 1000;
    let (error, text) = refusal(near.client.slot(beyond, Slot::Xdp))?;
    ensure!(
        error == Errno::ENODEV && text == format!("there is no interface {beyond}"),
        "{error}: {text}"
    );
    let (error, text) = refusal(near.client.device(1))?;
    ensure!(
        error == Errno::EOPNOTSUPP && text.contains("reports no programs"),
        "{error}: {text}"
    );
    let (error, text) = refusal(near.client.program(near.ifindex, u32::MAX))?;
    ensure!(
        error == Errno::ENOENT && text.contains("is not in the device"),
        "{error}: {text}"
    );
    let (error, text) = refusal(near.client.image(near.ifindex, u32::MAX))?;
    ensure!(
        error == Errno::ENOENT && text.contains("is not in the device"),
        "{error}: {text}"
    );

    // What happens at an interface is told in its namespace. The device is one for both.
    let is_load = |event: &Event| matches!(event, Event::ProgramLoad(_));
    cable.attach("pass")?;
    far.next_event("loaded", is_load)?;
    far.next_event("activated", |event| matches!(event, Event::SlotActivate(_)))?;
    near.next_event("loaded", is_load)?;
    near.no_event()?;
    ensure!(near.client.programs(None)?.len() == 1, "not one program");
    Ok(())
}

/// The user's tool as root without `CAP_NET_ADMIN`, in the namespace of `link`.
fn without_rights(link: &Link, line: &str) -> Result<offload_tests::command::Cmd> {
    let tool = std::env::var_os("OFFLOADCTL").map(PathBuf::from);
    Ok(link
        .cmd("setpriv --bounding-set=-net_admin --inh-caps=-net_admin")
        .arg(tool.context("OFFLOADCTL is not set")?)
        .args(line))
}

#[test]
fn everyone_may_ask_and_not_everyone_may_set() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let mut observer = Observer::new(far)?;
    let name = &far.name;
    let asked = without_rights(far, "--json device")?.run()?;
    ensure!(asked.contains(name.as_str()), "{asked}");
    let said = without_rights(far, &format!("policy set {name} require-equal"))?.refused()?;
    ensure!(said.contains("Operation not permitted"), "{said}");
    let device = observer.client.device(observer.ifindex)?;
    ensure!(device.policy == Known::Is(Policy::Report), "{device:?}");
    observer.no_event()?;
    Ok(())
}
