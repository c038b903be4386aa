// SPDX-License-Identifier: GPL-2.0

//! Two queues on two processors, and one on one: what the stack of the far end takes in.

use std::net::UdpSocket;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::interrupt::Interrupt;
use offload_tests::netns;
use offload_tests::pktgen;

use crate::contest::{Contest, Entrant, Turn};
use crate::marks::Marks;

/// Frames of one source in one turn.
const FRAMES: u64 = 50_000;
const ROUNDS: usize = 21;
/// The port of the generator's datagrams.
const DISCARD: u16 = 9;
/// Where the far end is.
const FAR: &str = "10.9.0.2";

/// How many frames a second a socket is given: of a source, or of two, each on a processor of its own.
pub(crate) fn two(marks: &mut Marks) -> Result<()> {
    let processors = std::thread::available_parallelism()?.get();
    if processors < 2 {
        println!("skipped: queues: one processor");
        return Ok(());
    }
    pktgen::load()?;
    let cable = Cable::onic_with_queues(2, 1500)?;
    let (near, far) = (&cable.near, &cable.far);
    for line in [
        format!("ip address add {FAR}/24 dev {}", far.name),
        format!(
            "ethtool -N {} flow-type udp4 src-ip 10.9.0.10 action 0",
            far.name
        ),
        format!(
            "ethtool -N {} flow-type udp4 src-ip 10.9.0.11 action 1",
            far.name
        ),
    ] {
        far.cmd(line).run()?;
    }
    for (processor, interrupt) in Interrupt::of(&far.name)?.iter().enumerate() {
        interrupt.set_affinity(processor)?;
    }
    // Nobody reads: what comes in is counted, not what a process takes.
    let _socket = netns::enter(far.ns.as_deref(), || {
        UdpSocket::bind((FAR, DISCARD)).context("bind")
    })?;
    let address = far.address_text()?;
    let settings = |source: u32, queue: u32| {
        [
            format!("dst {FAR}"),
            format!("dst_mac {address}"),
            format!("src_min 10.9.0.{source}"),
            format!("src_max 10.9.0.{source}"),
            format!("queue_map_min {queue}"),
            format!("queue_map_max {queue}"),
        ]
    };
    let turn = |sources: &[(u32, u32)]| -> Result<Turn> {
        let settings: Vec<_> = sources
            .iter()
            .map(|&(source, queue)| settings(source, queue))
            .collect();
        let before = far.stat("rx", "packets")?;
        let mut turn = Turn::of(|| {
            let runs = pktgen::run_at_once(near, FRAMES, &settings)?;
            let longest = runs.iter().map(|run| run.elapsed).max();
            Ok((0.0, longest.context("nobody has sent")?))
        })?;
        let arrived = far.stat("rx", "packets")? - before;
        ensure!(
            arrived > FRAMES * sources.len() as u64 / 2,
            "only {arrived} frames came in"
        );
        turn.amount = arrived as f64;
        Ok(turn)
    };
    let entrants = vec![
        Entrant::new("two queues on two processors", || turn(&[(10, 0), (11, 1)]))
            .compared_as("the pair"),
        Entrant::new("one queue on one", || turn(&[(10, 0)])),
        Entrant::new("one queue on one, sources on both", || {
            turn(&[(10, 0), (10, 1)])
        }),
    ];
    let contest = Contest::of_frames("UDP for a socket", ROUNDS);
    contest.run(entrants, marks)
}
