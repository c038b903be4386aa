// SPDX-License-Identifier: GPL-2.0

//! Two ports whose programs both answer XDP_TX: frames go to and fro for ever, as they
//! would in hardware, and the machine has to stay usable.

use std::time::{Duration, Instant};

use anyhow::{ensure, Result};
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::frames::mark;
use offload_tests::link::{await_that, Link};
use offload_tests::wire::Sender;
use offload_uapi::stats;

fn bounced(link: &Link) -> Result<u64> {
    link.statistics()?.get(stats::XDP_HW_TX)
}

#[test]
fn bouncing_for_ever() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let both = [&cable.near, &cable.far];
    for end in both {
        Attached::new(end, Mode::Offload, "bounce")?;
    }
    let sender = Sender::new(&cable.near)?;
    for number in 0..64 {
        sender.send(&mark(0x88b7, number))?;
    }
    for end in both {
        end.await_that("frames that go to and fro", |end| Ok(bounced(end)? > 2_000))?;
    }

    // The machine is usable: ordinary commands end in ordinary time.
    let began = Instant::now();
    for _ in 0..5 {
        Cmd::new("ip -s link show").run()?;
        cable.near.statistics()?;
    }
    let took = began.elapsed();
    let bearable = Duration::from_secs(if env::is_slow() { 120 } else { 30 });
    ensure!(took < bearable, "ten commands took {took:?}");

    // Programs can be changed while frames bounce, and it goes on.
    cable
        .far
        .cmd("ip -force link set dev onic1 xdpoffload obj")
        .arg(env::object("bounce")?)
        .args("sec xdp")
        .run()?;
    let then = bounced(&cable.far)?;
    cable
        .far
        .await_that("more of them", |far| Ok(bounced(far)? > then))?;

    // Taking a port down ends it, and it does not begin again by itself.
    cable.far.set("down").run()?;
    cable
        .near
        .await_that("no carrier", |near| Ok(!near.has_carrier()?))?;
    // Every frame on its way back was either taken by the other end or counted as lost; what
    // waited for the end of a pause is now.
    await_that("every frame is accounted for", || {
        let (near, far) = (cable.near.statistics()?, cable.far.statistics()?);
        let sent: u64 = [&near, &far]
            .iter()
            .map(|end| {
                let lost =
                    end.sum(|name| name.starts_with(stats::XDP_HW_TX) && name.ends_with("_drops"));
                Ok(end.get(stats::XDP_HW_TX)? - lost)
            })
            .sum::<Result<u64>>()?
            + 64;
        let taken = near.get(stats::RX_DEVICE_FRAMES)?
            + far.get(stats::RX_DEVICE_FRAMES)?
            + near.get(stats::RX_DOWN_DROPS)?
            + far.get(stats::RX_DOWN_DROPS)?;
        Ok(sent == taken)
    })?;
    let after = (bounced(&cable.near)?, bounced(&cable.far)?);
    cable.far.set("up").run()?;
    cable.near.await_carrier()?;
    let again = (bounced(&cable.near)?, bounced(&cable.far)?);
    ensure!(after == again, "still bouncing: {after:?}, then {again:?}");
    for end in both {
        detach(end, Mode::Offload)?;
    }
    Ok(())
}
