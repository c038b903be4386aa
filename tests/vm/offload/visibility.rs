// SPDX-License-Identifier: GPL-2.0

//! Who sees what, and who may change it.

use std::path::Path;

use anyhow::{bail, ensure, Result};
use nix::errno::Errno;
use offload_tests::cable::Cable;
use offload_tests::command::{Background, Cmd};
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
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
fn without_rights(link: &Link, line: &str) -> Result<Cmd> {
    let unprivileged = "setpriv --bounding-set=-net_admin --inh-caps=-net_admin";
    Ok(link.cmd(unprivileged).arg(env::offloadctl()?).args(line))
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

/// Rights count where the network namespace belongs to, not where the process does.
#[test]
fn the_owner_of_the_namespace_may_set() -> Result<()> {
    if !Path::new("/proc/self/ns/user").exists() {
        println!("skipped: the_owner_of_the_namespace_may_set: this kernel has no CONFIG_USER_NS");
        return Ok(());
    }
    let _module = Module::insert("")?;
    let (here, there) = (Link::new("onic0"), Link::new("onic1"));
    // Its own root, and owner of a network namespace.
    let owner =
        Cmd::new("unshare --user --map-root-user --net sh -c").arg("echo $$; exec sleep infinity");
    let mut owner = Background::start(&owner)?;
    let pid = owner.next_line()?;
    there.set(format!("netns {pid}")).run()?;
    let tool = env::offloadctl()?;
    let in_namespaces = |which: &str, line: &str| {
        Cmd::new(format!("nsenter --target {pid} --preserve-credentials"))
            .args(which)
            .arg(&tool)
            .args(line)
    };
    in_namespaces("--user --net", "policy set onic1 require-equal").run()?;
    let shown = in_namespaces("--net", "--json device show onic1").run()?;
    ensure!(shown.contains("require-equal"), "{shown}");

    // The same root is nobody where the namespace is not its own.
    let line = "policy set onic0 require-equal";
    let said = in_namespaces("--user", line).refused()?;
    ensure!(said.contains("Operation not permitted"), "{said}");
    let device = Client::connect()?.device(here.index()?)?;
    ensure!(device.policy == Known::Is(Policy::Report), "{device:?}");
    Ok(())
}
