// SPDX-License-Identifier: GPL-2.0

//! What sockets of AF_XDP learn of frames: a native program asks the device, writes what it says in
//! front of the frame, and gives that to the socket of its queue. Each is as whoever has set the key,
//! the table, the clock and the tags would work it out.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{may_ask, Attached};
use offload_tests::clock::{Clocks, Stamping};
use offload_tests::compiled::Compiled;
use offload_tests::env;
use offload_tests::xsk::{Arrived, Sockets};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::hash::{input, Fields, Symmetry, USUAL};
use crate::packet::Packet;
use crate::rss_type::{self as rss, rss_type};
use crate::stand::Stand;
use crate::toeplitz::toeplitz;

const QUEUES: u32 = 3;
/// Frames at once: a socket has room for 64.
const BATCH: usize = 48;
const ENODATA: u8 = 61;
const SECOND: i64 = 1_000_000_000;
/// A time in 2001, which no other clock shows.
const LONG_AGO: i64 = 1_000_000_000 * SECOND;
/// `HWTSTAMP_TX_OFF`, `HWTSTAMP_FILTER_NONE` and `_ALL`.
const OFF: u32 = 0;
const NONE: u32 = 0;
const ALL: u32 = 1;

/// Types of frames of which the SPI is hashed as well, which it is not unless the user wants that.
const WITH_SPI: [&str; 2] = ["esp4", "ah4"];

/// What is hashed here.
fn with_spi() -> Fields {
    let mut fields = Fields::from(USUAL);
    fields.extend(WITH_SPI.map(|flow| (flow, "sdfn")));
    fields
}

/// What a program has been told, `struct told` of `tests/xsk/told.bpf.c`; or the number of an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Told {
    stamp: Result<i64, u8>,
    /// The hash and its type.
    hash: Result<(u32, u32), u8>,
    /// Protocol and tag control information.
    vlan: Result<(u16, u16), u8>,
}

impl Told {
    const LEN: usize = 24;

    fn parse(bytes: &[u8]) -> Result<Self> {
        let word = |at: usize| -> Result<u32> {
            let bytes = bytes.get(at..at + 4).context("too short")?;
            Ok(u32::from_le_bytes(bytes.try_into()?))
        };
        let half = |at: usize| -> Result<u16> {
            let bytes = bytes.get(at..at + 2).context("too short")?;
            Ok(u16::from_le_bytes(bytes.try_into()?))
        };
        let stamp = i64::from(word(4)?) << 32 | i64::from(word(0)?);
        let errors = bytes.get(20..23).context("too short")?;
        let or = |error: u8| if error == 0 { Ok(()) } else { Err(error) };
        Ok(Self {
            stamp: or(errors[0]).map(|()| stamp),
            hash: or(errors[1]).and(Ok((word(8)?, word(12)?))),
            vlan: or(errors[2]).and(Ok((half(16)?, half(18)?))),
        })
    }
}

/// The frame as the socket is to have it, and its tag if that is not in it.
fn without_tag(packet: &Packet, source: [u8; 6], strips: bool) -> (Vec<u8>, Option<(u16, u16)>) {
    let mut frame = packet.bytes(source);
    let tag = packet.tags.first().copied().filter(|_| strips);
    if tag.is_some() {
        frame.drain(12..16);
    }
    (frame, tag)
}

/// What the comparison would otherwise say nothing about.
#[test]
fn every_type_of_hash_occurs() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let fields = with_spi();
    let mut found = BTreeMap::new();
    for _ in 0..2000 {
        let kind = rss_type(&Packet::any(&mut rng), &fields);
        *found.entry(kind).or_insert(0) += 1;
    }
    for ip in [rss::IPV4, rss::IPV6] {
        for layer4 in [
            0,
            rss::L4 | rss::L4_TCP,
            rss::L4 | rss::L4_UDP,
            rss::L4 | rss::L4_SCTP,
        ] {
            for extended in [0, rss::EXTENDED] {
                let all = ip | layer4 | extended;
                assert!(found.contains_key(&Some(all)), "no {all:#x} in {found:?}");
            }
        }
    }
    for other in [None, Some(rss::IPV4 | rss::L4 | rss::L4_IPSEC)] {
        assert!(found.contains_key(&other), "no {other:?} in {found:?}");
    }
}

#[test]
fn sockets_get_what_the_device_says() -> Result<()> {
    if !may_ask("sockets_get_what_the_device_says") {
        return Ok(());
    }
    let mut rng = ChaCha8Rng::seed_from_u64(env::seed()?);
    let stand = Stand::new(QUEUES)?;
    let (near, far) = (&stand.cable.near, &stand.cable.far);
    let program = Compiled::bpf("told", include_str!("../../xsk/told.bpf.c"))?;
    let map = Attached::asking(far, &program)?.map("sockets")?;
    let (sockets, clocks) = (Sockets::new()?, Clocks::new()?);
    let clock = clocks.of(far)?.context("a kernel with BTF and no clock")?;
    clock.set(LONG_AGO)?;
    let sender = offload_tests::wire::Sender::new(near)?;
    let (table, key) = stand.spread()?;
    let fields = with_spi();
    for flow in WITH_SPI {
        let change = format!("rx-flow-hash {flow} {}", fields[flow]);
        stand.ethtool("-N", &change).run()?;
    }

    let rounds = [
        (true, true, true),
        (false, true, true),
        (true, false, true),
        (true, true, false),
        (false, false, false),
    ];
    let mut per_queue = vec![0; QUEUES as usize];
    for (stamps, hashes, strips) in rounds {
        let what = format!("time stamps {stamps}, hashes {hashes}, tags {strips}");
        let received = if stamps { ALL } else { NONE };
        let stamping = Stamping {
            sent: OFF,
            received,
        };
        ensure!(clocks.stamp(far, stamping)? == Ok(stamping), "{what}");
        let word = |on: bool| if on { "on" } else { "off" };
        stand
            .ethtool(
                "-K",
                &format!(
                    "rxhash {} rx-vlan-hw-parse {1} rx-vlan-stag-hw-parse {1}",
                    word(hashes),
                    word(strips)
                ),
            )
            .run()?;
        let packets: Vec<_> = (0..BATCH).map(|_| Packet::any(&mut rng)).collect();
        let source = |number: u16| {
            let [high, low] = number.to_be_bytes();
            [0x02, 0x53, 0, 0, high, low]
        };
        let mut receivers = sockets.receive(far, &map, QUEUES, BATCH, Told::LEN)?;
        let before = clock.time()?;
        for (number, packet) in (0..).zip(&packets) {
            sender.send(&packet.bytes(source(number)))?;
        }
        let mut arrived = BTreeMap::new();
        for _ in 0..BATCH {
            let one = receivers.next_frame()?;
            // The sender's address tells which it is.
            let number = one.frame.get(10..12).context("a short frame")?;
            let number = u16::from_be_bytes([number[0], number[1]]);
            ensure!(arrived.insert(number, one).is_none(), "{number} twice");
        }
        let after = clock.time()?;

        for (number, packet) in (0..).zip(&packets) {
            let Some(Arrived {
                queue,
                metadata,
                frame,
            }) = arrived.get(&number)
            else {
                anyhow::bail!("{what}: frame {number} did not come");
            };
            let told = Told::parse(metadata)?;
            let hash = toeplitz(&key, &input(packet, &fields, Symmetry::None));
            let (bytes, tag) = without_tag(packet, source(number), strips);
            let describe = || format!("{what}: {told:?} of {packet:?}, {bytes:02x?}");
            ensure!(
                *frame == bytes,
                "{}, but the frame is {frame:02x?}",
                describe()
            );
            ensure!(told.vlan == tag.ok_or(ENODATA), "{}", describe());
            let expected = rss_type(packet, &fields)
                .filter(|_| hashes)
                .map(|kind| (hash, kind));
            ensure!(
                told.hash == expected.ok_or(ENODATA),
                "{}, and should be {expected:x?}",
                describe()
            );
            let place = table[hash as usize % table.len()];
            ensure!(
                *queue == place,
                "{}: queue {queue}, not {place}",
                describe()
            );
            per_queue[place as usize] += 1;
            match told.stamp {
                Ok(stamp) => ensure!(
                    stamps && (before..=after).contains(&stamp),
                    "{}: not from {before} to {after}",
                    describe()
                ),
                Err(error) => ensure!(!stamps && error == ENODATA, "{}", describe()),
            }
        }
    }
    println!("{} frames, by queue: {per_queue:?}", BATCH * rounds.len());
    ensure!(per_queue.iter().all(|count| *count > 0), "{per_queue:?}");
    Ok(())
}
