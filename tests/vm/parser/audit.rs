// SPDX-License-Identifier: GPL-2.0

//! The audit: frames that arrive are dissected by the kernel as well.

use std::fs;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::graphs::Graphs;
use offload_tests::link::await_that;
use offload_tests::nic::Nic;
use offload_tests::wire::Sender;
use offload_uapi::types::hex;
use serde_json::Value;

use crate::corpus::sample;
use crate::device::parser;
use crate::{env, some_frames};

const NIC: Nic = Nic { id: 0 };

/// A cable, and who sends.
struct Stand {
    cable: Cable,
    sender: Sender,
}

impl Stand {
    fn new() -> Result<Self> {
        let cable = Cable::onic(1500)?;
        let sender = Sender::new(&cable.near)?;
        Ok(Self { cable, sender })
    }

    /// What the tool says of the audit, and its exit status.
    fn audit(&self, args: &str) -> Result<(Value, i32)> {
        let audit = format!("audit {} --json {args}", self.cable.far.name);
        let output = parser(&self.cable, &audit)?.output()?;
        let said: Value =
            serde_json::from_str(&output.stdout()).with_context(|| format!("{output:?}"))?;
        Ok((said[0].clone(), output.code().context("no status")?))
    }

    /// Waits until so many frames were looked at, and gives what was told then.
    fn audited(&self, count: usize) -> Result<Value> {
        let mut last = Value::Null;
        let what = format!("{count} frames to be looked at");
        await_that(&what, || {
            last = self.audit("")?.0;
            Ok(last["audited"].as_u64() >= Some(count as u64))
        })?;
        Ok(last)
    }

    fn is_permitted(&self) -> Result<bool> {
        let show = format!("show {} --json", self.cable.far.name);
        let shown = parser(&self.cable, &show)?.json()?;
        shown[0]["permitted"].as_bool().context("no word of it")
    }
}

/// An UDP packet in a frame for all.
fn packet(version: u8) -> Result<Vec<u8>> {
    let link = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 7], [0xff; 6]);
    let ports = (1234, 53);
    let mut frame = Vec::new();
    let carried = [0; 20];
    if version == 4 {
        let udp = link
            .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .udp(ports.0, ports.1);
        udp.write(&mut frame, &carried)?;
    } else {
        let [one, two] =
            [1, 2].map(|last| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        let udp = link.ipv6(one, two, 64).udp(ports.0, ports.1);
        udp.write(&mut frame, &carried)?;
    }
    Ok(frame)
}

#[test]
fn device_and_kernel_agree_on_what_arrives() -> Result<()> {
    let stand = Stand::new()?;
    let frames = some_frames();
    let count = frames
        .len()
        .min(if env::is_checked() { 1_000 } else { 8_000 });
    let graphs = Graphs::new(NIC, &stand.cable.far)?;
    graphs.build("kernel", &sample("kernel"))?;
    let dissector = graphs.load("kernel")?;
    for by_program in [false, true] {
        if by_program {
            dissector.attach()?;
        }
        stand.audit("--one-in 1 --end")?;
        for (_, frame) in frames.iter().take(count) {
            stand.sender.send(frame)?;
        }
        let told = stand.audited(count)?;
        ensure!(told["different"] == 0, "by program: {by_program}: {told:#}");
        let left_out = told["left_out"].as_u64().context("a number")?;
        println!("by program: {by_program}: {left_out} of {count} frames left out");
        ensure!((left_out as usize) < count / 2, "{told:#}");
        ensure!(stand.is_permitted()?);
    }
    Ok(())
}

/// A graph that is wrong, of which a file says that it is what the kernel runs.
#[test]
fn a_difference_is_kept_and_may_end_the_permission() -> Result<()> {
    let stand = Stand::new()?;
    let graphs = Graphs::new(NIC, &stand.cable.far)?;
    graphs.build("kernel", &sample("kernel"))?;
    let small = fs::read_to_string(sample("small"))?;
    let right = "\"ipv4_src\", \"hdr-src-off\": 12";
    ensure!(small.contains(right), "another graph");
    let wrong = small.replace(right, "\"ipv4_src\", \"hdr-src-off\": 16");
    graphs.vouch("wrong", &wrong, "kernel")?;
    graphs.flash("wrong").run()?;
    graphs.activate()?;
    let dissector = graphs.load("kernel")?;
    dissector.attach()?;
    ensure!(stand.is_permitted()?, "a file that vouches for it");

    let [four, six] = [packet(4)?, packet(6)?];
    let send = |frame: &[u8], count: usize| -> Result<()> {
        (0..count).try_for_each(|_| stand.sender.send(frame))
    };
    // Nobody looks.
    send(&four, 3)?;
    ensure!(stand.audit("")?.0["audited"] == 0);
    let (begun, code) = stand.audit("--one-in 1")?;
    ensure!(begun["one_in"] == 1 && code == 0, "{begun:#}");
    send(&six, 20)?;
    let told = stand.audited(20)?;
    ensure!(
        told["different"] == 0 && told["first"].is_null(),
        "{told:#}"
    );
    send(&four, 2)?;
    await_that("two differences", || {
        Ok(stand.audit("")?.0["different"] == 2)
    })?;
    let (told, code) = stand.audit("")?;
    let first = &told["first"];
    ensure!(code == 3, "status {code}");
    ensure!(
        first["data"] == hex(&four) && first["different"] == serde_json::json!(["ipv4_src"]),
        "{told:#}"
    );
    ensure!(
        first["device"]["fields"]["ipv4_src"] == "c0000202"
            && first["kernel"]["fields"]["ipv4_src"] == "c0000201",
        "{told:#}"
    );
    ensure!(told["ended"] == false && stand.is_permitted()?, "{told:#}");

    let (told, code) = stand.audit("--one-in 1 --end")?;
    ensure!(
        code == 0 && told["different"] == 0 && told["first"].is_null(),
        "it does not begin anew: {told:#}"
    );
    send(&four, 1)?;
    await_that("the end of the permission", || {
        Ok(stand.audit("")?.0["ended"] == true)
    })?;
    ensure!(!stand.is_permitted()?, "it goes on");
    stand.audit("--one-in 8")?;
    ensure!(stand.is_permitted()?, "it does not come back");
    send(&six, 80)?;
    let told = stand.audited(10)?;
    ensure!(
        told["audited"].as_u64() < Some(40),
        "more than some: {told:#}"
    );
    Ok(())
}
