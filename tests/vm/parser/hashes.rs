// SPDX-License-Identifier: GPL-2.0

//! `rx-hash-as-stack`: the stack is told the hashes that it would make by itself.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::command::Background;
use offload_tests::compiled::Compiled;
use offload_tests::env;
use offload_tests::graphs::Graphs;
use offload_tests::nic::Nic;
use offload_tests::wire::Sender;
use offload_uapi::flags;

use crate::corpus::sample;
use crate::some_frames;

const NIC: Nic = Nic { id: 0 };

/// How many frames are on their way at once: the socket has room for them.
const BATCH: usize = 1000;
/// The number of the frame behind all others of a batch.
const LAST: u32 = 0xffff;

/// A cable, who sends, and a packet socket that says what it is told.
struct Stand {
    cable: Cable,
    sender: Sender,
    ring: Background,
    batch: u16,
}

impl Stand {
    fn new() -> Result<Self> {
        let cable = Cable::onic(1500)?;
        let far = &cable.far;
        far.set("promisc on").run()?;
        let tool = Compiled::tool("ring", include_str!("../../steer/ring.c"))?;
        let mut ring = Background::start(&far.cmd("").arg(tool.path()).arg(&far.name))?;
        ring.await_line("ready")?;
        let sender = Sender::new(&cable.near)?;
        Ok(Self {
            cable,
            sender,
            ring,
            batch: 0,
        })
    }

    /// Whether the device tells of flows, and what is the stack's own hash.
    fn tells(&self, state: &str) -> Result<()> {
        let far = &self.cable.far;
        let name = &far.name;
        far.cmd(format!("ethtool -K {name} rxhash {state}")).run()?;
        let flag = flags::RX_HASH_AS_STACK;
        far.cmd(format!("ethtool --set-priv-flags {name} {flag} {state}"))
            .run()?;
        Ok(())
    }

    /// Sends `frames`, and gives the hashes that the socket is told of those that the stack takes.
    fn hashes(&mut self, frames: &[Vec<u8>]) -> Result<BTreeMap<u32, u32>> {
        let mut all = BTreeMap::new();
        for (chunk, frames) in frames.chunks(BATCH).enumerate() {
            self.batch += 1;
            for (number, frame) in (0..).zip(frames) {
                self.sender.send(&self.numbered(frame, number)?)?;
            }
            self.sender.send(&self.numbered(&mark(), LAST)?)?;
            loop {
                let line = self.ring.next_line()?;
                let numbers: Vec<u32> = line
                    .split(' ')
                    .map(str::parse)
                    .collect::<Result<_, _>>()
                    .with_context(|| line.clone())?;
                let [batch, number, hash] = numbers[..] else {
                    anyhow::bail!("three numbers, not {line:?}");
                };
                ensure!(batch == u32::from(self.batch), "{line}: not of this batch");
                if number == LAST {
                    break;
                }
                all.insert((chunk * BATCH) as u32 + number, hash);
            }
        }
        Ok(all)
    }

    /// `frame` with its number, which is no part of what is hashed, in its source address.
    fn numbered(&self, frame: &[u8], number: u32) -> Result<Vec<u8>> {
        let mut frame = frame.to_vec();
        let source = frame.get_mut(6..12).context("no address")?;
        let [batch, number] = [self.batch, number as u16].map(u16::to_be_bytes);
        source.copy_from_slice(&[0x02, 0x53, batch[0], batch[1], number[0], number[1]]);
        Ok(frame)
    }
}

/// A frame that any stack takes.
fn mark() -> Vec<u8> {
    let mut mark = vec![0xff; 12];
    mark.extend([0x88, 0xb5]);
    mark.resize(60, 0);
    mark
}

/// Whether the stack may make a hash of `frame` that is another one each time, as it does of probes of TIPC.
fn is_tipc(frame: &[u8]) -> bool {
    let types = [12, 16, 20].map(|at| frame.get(at..at + 2));
    types.contains(&Some(&[0x88, 0xca]))
}

/// The frames that have another hash in `one` than in `other`, with both.
fn different<'a>(
    frames: &'a [Vec<u8>],
    one: &BTreeMap<u32, u32>,
    other: &BTreeMap<u32, u32>,
) -> Vec<([Option<u32>; 2], &'a [u8])> {
    let all = (0..).zip(frames);
    let both = all.map(|(number, frame)| {
        let both = [one, other].map(|hashes| hashes.get(&number).copied());
        (both, frame.as_slice())
    });
    both.filter(|([one, other], _)| one != other).collect()
}

#[test]
fn the_stack_is_told_the_hashes_that_it_would_make() -> Result<()> {
    let mut stand = Stand::new()?;
    let most = if env::is_checked() { 1_000 } else { 20_000 };
    let all = some_frames().into_iter().map(|(_, frame)| frame);
    let frames: Vec<_> = all.filter(|frame| !is_tipc(frame)).take(most).collect();
    let count = frames.len();
    let graphs = Graphs::new(NIC, &stand.cable.far)?;
    graphs.build("kernel", &sample("kernel"))?;
    let dissector = graphs.load("kernel")?;
    let strip = |state: &str| {
        let far = &stand.cable.far;
        far.cmd(format!("ethtool -K {} rx-vlan-hw-parse {state}", far.name))
            .run()
    };
    strip("off")?;
    let mut own = BTreeMap::new();
    for by_program in [false, true] {
        if by_program {
            dissector.attach()?;
        }
        stand.tells("off")?;
        own = stand.hashes(&frames)?;
        ensure!(
            own.len() > count / 2,
            "{} of {count} frames arrive",
            own.len()
        );
        for stripped in ["off", "on"] {
            let far = &stand.cable.far;
            let name = &far.name;
            far.cmd(format!("ethtool -K {name} rx-vlan-hw-parse {stripped}"))
                .run()?;
            stand.tells("on")?;
            let told = stand.hashes(&frames)?;
            let differ = different(&frames, &own, &told);
            ensure!(
                differ.is_empty(),
                "by program: {by_program}, tags beside: {stripped}: {} of {count}: {:02x?}",
                differ.len(),
                differ.first()
            );
        }
    }

    // What is told is the device's: it makes another hash of what it finds elsewhere.
    let small = fs::read_to_string(sample("small"))?;
    let right = "\"ipv4_src\", \"hdr-src-off\": 12";
    ensure!(small.contains(right), "another graph");
    let wrong = small.replace(right, "\"ipv4_src\", \"hdr-src-off\": 0");
    graphs.vouch("wrong", &wrong, "kernel")?;
    graphs.flash("wrong").run()?;
    graphs.activate()?;
    let told = stand.hashes(&frames)?;
    let number = different(&frames, &own, &told).len();
    println!("{number} of {count} frames have another hash by the wrong graph");
    ensure!(number > count / 200, "{number} of {count}");
    stand.tells("off")?;
    let again = stand.hashes(&frames)?;
    let differ = different(&frames, &own, &again);
    ensure!(
        differ.is_empty(),
        "{}: {:02x?}",
        differ.len(),
        differ.first()
    );
    Ok(())
}
