// SPDX-License-Identifier: GPL-2.0

//! Who is told the hash of a frame: packet sockets, and native programs that ask the driver.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{may_ask, Attached, Map};
use offload_tests::command::Background;
use offload_tests::compiled::Compiled;
use offload_tests::env;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::hash::{input, Fields, Symmetry, BATCH, USUAL};
use crate::packet::Packet;
use crate::rss_type::{rss_type, L4};
use crate::stand::Stand;
use crate::toeplitz::toeplitz;

const QUEUES: u32 = 4;
const ENODATA: u32 = 61;

/// How many frames are sent.
const COUNT: usize = 20_000;

/// Sends `count` frames of all kinds, and shows each batch, with the hashes that they should have, to `look`.
fn each_batch(
    stand: &mut Stand,
    count: usize,
    mut look: impl FnMut(u16, &[(Packet, u32)]) -> Result<()>,
) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(env::seed()?);
    let (_, key) = stand.spread()?;
    let fields = Fields::from(USUAL);
    for _ in 0..count.div_ceil(BATCH) {
        let packets: Vec<_> = (0..BATCH).map(|_| Packet::any(&mut rng)).collect();
        stand.send(&packets)?;
        let expected: Vec<_> = packets
            .into_iter()
            .map(|packet| {
                let hash = toeplitz(&key, &input(&packet, &fields, Symmetry::None));
                (packet, hash)
            })
            .collect();
        look(stand.batch(), &expected)?;
    }
    Ok(())
}

#[test]
fn packet_sockets() -> Result<()> {
    let count = if env::is_slow() { 1000 } else { COUNT };
    let mut stand = Stand::new(QUEUES)?;
    let far = stand.cable.far.clone();
    let tool = Compiled::tool("ring", include_str!("../../steer/ring.c"))?;
    let command = far.cmd("").arg(tool.path()).arg(&far.name);
    let mut ring = Background::start(&command)?;
    ring.await_line("ready")?;
    let fields = Fields::from(USUAL);
    let mut compared = 0;
    each_batch(&mut stand, count, |batch, expected| {
        let mut told = BTreeMap::new();
        while told.len() < expected.len() {
            let line = ring.next_line()?;
            let numbers = line
                .split(' ')
                .map(str::parse)
                .collect::<Result<Vec<u32>, _>>();
            let [of, number, hash] = numbers.with_context(|| line.clone())?[..] else {
                anyhow::bail!("three numbers, not {line:?}");
            };
            ensure!(of == u32::from(batch), "a frame of batch {of} in {batch}");
            let before = told.insert(number, hash);
            ensure!(before.is_none(), "frame {number} came twice");
        }
        for (number, (packet, hash)) in (0..).zip(expected) {
            // The stack works hashes out again that are of less than a flow.
            let has_flow = rss_type(packet, &fields).is_some_and(|kind| kind & L4 != 0);
            if has_flow && *hash != 0 {
                let found = told.get(&number);
                ensure!(
                    found == Some(hash),
                    "a packet socket is told {found:?}, not {hash}: {packet:?}"
                );
                compared += 1;
            }
        }
        Ok(())
    })?;
    println!("{compared} of {} frames by their ports", count);
    ensure!(compared > count / 4, "{compared} of {}", count);
    Ok(())
}

/// What a native program was told of each frame of a batch: error, hash and type.
fn notes(told: &Map, batch: u16) -> Result<BTreeMap<u32, [u32; 3]>> {
    let word = |bytes: &[u8]| -> Result<u32> {
        Ok(u32::from_le_bytes(bytes.try_into().context("a word")?))
    };
    let mut notes = BTreeMap::new();
    for (key, value) in told.dump()? {
        let words: Vec<_> = value.chunks(4).map(word).collect::<Result<_>>()?;
        let [of, error, hash, kind] = words[..] else {
            anyhow::bail!("a note of {} words", words.len());
        };
        if of == u32::from(batch) {
            notes.insert(word(&key)?, [error, hash, kind]);
        }
    }
    Ok(notes)
}

#[test]
fn native_programs() -> Result<()> {
    if !may_ask("native_programs") {
        return Ok(());
    }
    let mut stand = Stand::new(QUEUES)?;
    let program = Compiled::bpf("told", include_str!("../../steer/told.bpf.c"))?;
    let told = Attached::asking(&stand.cable.far, &program)?.map("told")?;
    let fields = Fields::from(USUAL);
    let mut hashed = 0;
    each_batch(&mut stand, COUNT, |batch, expected| {
        let notes = notes(&told, batch)?;
        ensure!(
            notes.len() == expected.len(),
            "{} notes of {} frames",
            notes.len(),
            expected.len()
        );
        for (number, (packet, hash)) in (0..).zip(expected) {
            let right = match rss_type(packet, &fields) {
                None => [ENODATA, 0, 0],
                Some(kind) => {
                    hashed += 1;
                    [0, *hash, kind]
                }
            };
            let note = notes.get(&number);
            ensure!(note == Some(&right), "{note:?}, not {right:?}: {packet:?}");
        }
        Ok(())
    })?;
    println!("{hashed} of {} frames with a hash", COUNT);
    ensure!(hashed > COUNT / 2, "{hashed} of {}", COUNT);
    Ok(())
}
