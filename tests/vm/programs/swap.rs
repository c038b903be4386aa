// SPDX-License-Identifier: GPL-2.0

//! Replacing the program of a port while frames come in: none is lost, and each meets
//! the old program or the new one, never some of both.

use anyhow::Result;
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::swap::live_swap;

#[test]
fn live_replacement_under_traffic() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let mut pins = Vec::new();
    for name in ["stamp_a", "stamp_b"] {
        let pin = format!("/sys/fs/bpf/{name}");
        cable
            .far
            .cmd("bpftool prog load")
            .arg(env::object(name)?)
            .args(format!("{pin} type xdp offload_dev {}", cable.far.name))
            .run()?;
        pins.push(pin);
    }
    let swap = |pin: &str| {
        let target = format!("dev {} xdpoffload pinned {pin}", cable.far.name);
        cable.far.cmd("ip -force link set").args(target).run()
    };

    live_swap(&cable, |number| swap(&pins[number % 2]).map(drop))?;
    for pin in pins {
        std::fs::remove_file(pin)?;
    }
    Ok(())
}
