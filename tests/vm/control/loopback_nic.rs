// SPDX-License-Identifier: GPL-2.0

//! The sample NIC (`samples/loopback_nic`), a driver that has nothing but what every net device needs:
//! it is loaded, carries frames, and says what it does not have.

use anyhow::{ensure, Result};
use offload_tests::bpf::{attach_command, Mode};
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::frames::{mark, mark_number, MARK_PASS};
use offload_tests::link::Link;
use offload_tests::netns::NetNs;
use offload_tests::wire::{Capture, Sender};

/// An EtherType that means nothing to anyone.
const FRAME: u16 = 0x88b8;
/// Frames that are sent.
const FRAMES: u32 = 200;

/// The module, removed on drop.
struct Sample;

impl Sample {
    fn insert() -> Result<Self> {
        Cmd::new("insmod").arg(env::sample()?).run()?;
        Ok(Self)
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        if let Err(error) = Cmd::new("rmmod loopback_nic").run() {
            eprintln!("loopback_nic could not be removed after the test: {error:#}");
        }
    }
}

#[test]
fn what_is_sent_comes_back() -> Result<()> {
    let _sample = Sample::insert()?;
    // Behind the module, so that the interface is back before that goes.
    let ns = NetNs::new("loop")?;
    ns.silence()?;
    let mut link = Link::new("loopnic0");
    link.move_to(&ns)?;
    link.set("arp off up").run()?;
    link.await_carrier()?;

    let capture = Capture::start(&link, "")?;
    let sender = Sender::new(&link)?;
    for number in 0..FRAMES {
        sender.send(&mark(FRAME, number))?;
    }
    sender.end_batch(MARK_PASS, 0)?;
    let came = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(0))?;
    capture.stop()?;
    let numbers: Vec<_> = came.iter().map(|frame| mark_number(FRAME, frame)).collect();
    ensure!(
        numbers.iter().copied().eq((0..FRAMES).map(Some)),
        "came back: {numbers:?}"
    );
    let [sent, received] = [link.stat("tx", "packets")?, link.stat("rx", "packets")?];
    ensure!(
        sent == received && sent > u64::from(FRAMES),
        "{sent} sent, {received} received"
    );
    Ok(())
}

#[test]
fn it_has_no_more_than_it_says() -> Result<()> {
    let _sample = Sample::insert()?;
    let link = Link::new("loopnic0");
    let shown = link.cmd("ethtool -i loopnic0").run()?;
    says(&shown, &["driver: loopback_nic"])?;
    for what in ["-g", "-l", "-a", "--show-fec"] {
        let said = link.cmd(format!("ethtool {what} loopnic0")).refused()?;
        says(&said, &["not supported"])?;
    }
    for mode in [Mode::Native, Mode::Offload] {
        attach_command(&link, mode, "pass")?.refused()?;
    }
    link.cmd("ethtool -K loopnic0 hw-tc-offload on").refused()?;
    Ok(())
}
